//! The sockets of clients: carries out what a [`Client`] wants, and brings it what comes.
//!
//! One thread, one poller. Each client has a connection of its own to each replica, since a replica knows
//! its peers by what they send. Per connection at most one message is held in memory on its way in, and
//! on its way out what the client sends while it waits for an answer; a connection that does not take it
//! is closed.

use super::client::{Action, Client, ClientError, Closed, Packet, Time};
use super::decoder::Decoder;
use aof_nostd::TigerBeetle;
use aof_nostd::message::Reply;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{SockRef, TcpKeepalive};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Why waiting for a reply ended without one.
#[derive(Debug)]
pub enum NetworkError {
    /// The client cannot go on.
    Client(ClientError),
    /// The operating system's poller failed.
    Poll(io::Error),
}

impl From<ClientError> for NetworkError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

/// The connections of some clients.
#[derive(Debug)]
pub struct Network {
    poll: Poll,
    events: Events,
    addresses: Vec<SocketAddr>,
    profile: TigerBeetle,
    cluster: u128,
    start: Instant,
    /// By client, then by replica.
    links: Vec<Option<Link>>,
}

#[derive(Debug)]
struct Link {
    stream: TcpStream,
    /// A connection is made when it can be written to.
    made: bool,
    decoder: Decoder,
    queue: VecDeque<Arc<Packet>>,
    /// Bytes of the first packet in the queue that were sent.
    sent: usize,
    /// There may be more to read, of which the poller will not tell again.
    more: bool,
}

/// Reads from one connection in a row: a peer that never stops must not keep the others from theirs, nor
/// the client from its deadline.
const READS_MAX: usize = 64;

/// Packets that wait for a connection to take them. A request is sent again a few times at most before
/// the client gives up.
const QUEUE_MAX: usize = 64;

impl Network {
    /// No connections yet.
    ///
    /// # Errors
    ///
    /// The operating system has no poller to give.
    pub fn new(addresses: &[SocketAddr], cluster: u128, profile: TigerBeetle) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(64),
            addresses: addresses.to_vec(),
            profile,
            cluster,
            start: Instant::now(),
            links: Vec::new(),
        })
    }

    /// The time for clients.
    #[must_use]
    pub fn now(&self) -> Time {
        self.start.elapsed()
    }

    /// Sends what the clients want sent, as far as connections take it at once.
    pub fn flush(&mut self, clients: &mut [Client]) {
        let now = self.now();
        for (index, client) in clients.iter_mut().enumerate() {
            // A connection that fails is closed, which may make the client want something else.
            while let Some(action) = client.next_action() {
                self.act(index, client, action, now);
                while let Some(action) = client.next_action() {
                    self.act(index, client, action, now);
                }
                self.write(index, client, now);
            }
        }
    }

    /// Writes what waits for a client's connections, as far as they take it.
    fn write(&mut self, index: usize, client: &mut Client, now: Time) {
        for replica in 0..client.config().replica_count {
            let slot = self.slot(index, replica);
            if let Some(Err(why)) = self.link(slot).map(Link::write) {
                self.close(slot);
                client.closed(replica, why, now);
            }
        }
    }

    fn act(&mut self, index: usize, client: &mut Client, action: Action, now: Time) {
        match action {
            Action::Connect(replica) => {
                if let Err(error) = self.connect(index, replica) {
                    client.closed(replica, closed(&error), now);
                }
            }
            Action::Close(replica) => {
                let slot = self.slot(index, replica);
                // What was to be sent before that: whether it still gets through does not matter any more.
                let _ = self.link(slot).map(Link::write);
                self.close(slot);
            }
            Action::Send(replica, packet) => {
                let slot = self.slot(index, replica);
                let Some(link) = self.link(slot) else { return };
                link.queue.push_back(packet);
                if link.queue.len() > QUEUE_MAX {
                    self.close(slot);
                    client.closed(replica, Closed::Failed("it takes nothing".into()), now);
                }
            }
        }
    }

    fn slot(&self, client: usize, replica: u8) -> usize {
        client * self.addresses.len() + usize::from(replica)
    }

    fn link(&mut self, slot: usize) -> Option<&mut Link> {
        self.links.get_mut(slot)?.as_mut()
    }

    fn connect(&mut self, client: usize, replica: u8) -> io::Result<()> {
        let slot = self.slot(client, replica);
        self.close(slot);
        let address = self.addresses.get(usize::from(replica)).ok_or(io::ErrorKind::NotFound)?;
        let mut stream = TcpStream::connect(*address)?;
        configure(&stream);
        self.poll.registry().register(&mut stream, Token(slot), Interest::READABLE | Interest::WRITABLE)?;
        if self.links.len() <= slot {
            self.links.resize_with(slot + 1, || None);
        }
        let decoder = Decoder::new(self.profile, self.cluster);
        let link = Link { stream, made: false, decoder, queue: VecDeque::new(), sent: 0, more: false };
        if let Some(place) = self.links.get_mut(slot) {
            *place = Some(link);
        }
        Ok(())
    }

    fn close(&mut self, slot: usize) {
        if let Some(mut link) = self.links.get_mut(slot).and_then(Option::take) {
            // Closing the socket deregisters it anyway.
            let _ = self.poll.registry().deregister(&mut link.stream);
        }
    }

    /// Waits until client `index` has its reply, at most until `until`; all clients are kept connected
    /// meanwhile. `take` gets the reply and its body.
    ///
    /// # Errors
    ///
    /// [`NetworkError`].
    pub fn wait<T>(
        &mut self,
        clients: &mut [Client],
        until: Time,
        mut take: impl FnMut(usize, Reply, &[u8]) -> T,
    ) -> Result<Option<T>, NetworkError> {
        loop {
            let now = self.now();
            for client in &mut *clients {
                client.elapsed(now)?;
            }
            self.flush(clients);
            if now >= until {
                return Ok(None);
            }
            let deadline = clients.iter().map(Client::deadline).min().unwrap_or(Time::MAX).min(until);
            let unread = self.links.iter().flatten().any(|link| link.more);
            self.poll_for(if unread { Duration::ZERO } else { deadline.saturating_sub(now) })?;
            let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
            let unread = self.links.iter().enumerate();
            let unread = unread.filter(|(_, link)| link.as_ref().is_some_and(|link| link.more));
            let mut slots: Vec<usize> = unread.map(|(slot, _)| slot).collect();
            slots.extend(events.iter().map(|event| event.token().0));
            let mut taken = Ok(None);
            for slot in slots {
                let (index, replica) = (slot / self.addresses.len(), slot % self.addresses.len());
                let Some(client) = clients.get_mut(index) else { continue };
                let replica = u8::try_from(replica).unwrap_or(0); // of at most 6
                let result = self.ready(slot, client, replica, |reply, body| take(index, reply, body));
                // Events are told once: the others must be looked at too.
                if matches!(taken, Ok(None)) {
                    taken = result;
                }
            }
            events.clear();
            self.events = events;
            self.flush(clients);
            if let Some(taken) = taken? {
                return Ok(Some(taken));
            }
        }
    }

    fn poll_for(&mut self, wait: Duration) -> Result<(), NetworkError> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(NetworkError::Poll(error)),
            _ => Ok(()),
        }
    }

    /// A connection can be read from or written to, or ended.
    fn ready<T>(
        &mut self,
        slot: usize,
        client: &mut Client,
        replica: u8,
        mut take: impl FnMut(Reply, &[u8]) -> T,
    ) -> Result<Option<T>, ClientError> {
        let now = self.start.elapsed();
        let Some(link) = self.link(slot) else { return Ok(None) };
        match link.is_made() {
            Ok(false) => return Ok(None),
            Ok(true) if !link.made => {
                link.made = true;
                client.connected(replica, now);
            }
            Ok(true) => {}
            Err(error) => {
                self.close(slot);
                client.closed(replica, closed(&error), now);
                return Ok(None);
            }
        }
        let mut taken = None;
        let result = link.write().and_then(|()| {
            link.read(&mut |link| {
                while let Some((header, body)) = link.next().map_err(Closed::Unbelievable)? {
                    match client.message(replica, header, body, now) {
                        Ok(None) => {}
                        Ok(Some(reply)) => taken = Some(Ok(take(reply, body))),
                        Err(error) => taken = Some(Err(error)),
                    }
                }
                Ok(())
            })
        });
        if let Err(why) = result {
            self.close(slot);
            client.closed(replica, why, now);
        }
        taken.transpose()
    }
}

/// As the reference's: no delay, and a peer that is gone is noticed within 17 s.
fn configure(stream: &TcpStream) {
    // What the system does not know how to do is done without: it costs time, not correctness.
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(5)).with_interval(Duration::from_secs(4));
    #[cfg(unix)]
    let keepalive = keepalive.with_retries(3);
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(Duration::from_secs(17)));
}

/// The operating system's reason without Rust's "(os error N)", and what helps where that is known.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let hint = if text.starts_with("Too many open files") { " (raise it by ulimit -n)" } else { "" };
    format!("{text}{hint}")
}

impl Link {
    /// Whether the connection was made, or why it cannot be.
    fn is_made(&self) -> io::Result<bool> {
        if self.made {
            return Ok(true);
        }
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes what is in the queue, as far as it goes. All of it by one call: a process that is killed leaves a
    /// pulse and what confirms it, or neither.
    fn write(&mut self) -> Result<(), Closed> {
        while self.made && !self.queue.is_empty() {
            let waiting = waiting(&self.queue, self.sent);
            match self.stream.write_vectored(&waiting) {
                Ok(0) => return Err(Closed::ByReplica),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(closed(&error)),
            }
            while let Some(packet) = self.queue.front().filter(|packet| self.sent >= packet.size()) {
                self.sent -= packet.size();
                self.queue.pop_front();
            }
        }
        Ok(())
    }

    /// Reads until there is nothing more: the poller tells only of what comes then.
    fn read(&mut self, messages: &mut impl FnMut(&mut Decoder) -> Result<(), Closed>) -> Result<(), Closed> {
        self.more = false;
        for _ in 0..READS_MAX {
            match self.stream.read(self.decoder.space()) {
                Ok(0) => return Err(Closed::ByReplica),
                Ok(count) => {
                    self.decoder.filled(count);
                    messages(&mut self.decoder)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(closed(&error)),
            }
        }
        self.more = true;
        Ok(())
    }
}

/// What is left of the packets in a queue, of which so many bytes were sent.
fn waiting(queue: &VecDeque<Arc<Packet>>, mut sent: usize) -> Vec<IoSlice<'_>> {
    let parts = queue.iter().flat_map(|packet| [&packet.header[..], &packet.body[..]]);
    let rest = parts.map(|part| {
        let rest = part.get(sent..).unwrap_or(&[]);
        sent = sent.saturating_sub(part.len());
        IoSlice::new(rest)
    });
    rest.collect()
}

fn closed(error: &io::Error) -> Closed {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            Closed::ByReplica
        }
        io::ErrorKind::ConnectionRefused => Closed::Refused,
        _ => Closed::Failed(reason(error)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at a surprise")]
mod tests {
    use super::*;
    use aof_nostd::message::HEADER_SIZE;
    use std::net::TcpListener;

    fn link(stream: std::net::TcpStream) -> Link {
        configure(&TcpStream::from_std(stream.try_clone().unwrap()));
        stream.set_nonblocking(true).unwrap();
        let decoder = Decoder::new(TigerBeetle::new(aof_std::backend()), 0);
        let stream = TcpStream::from_std(stream);
        Link { stream, made: true, decoder, queue: VecDeque::new(), sent: 0, more: false }
    }

    fn packet(byte: u8, body: usize) -> Arc<Packet> {
        Arc::new(Packet { header: [byte; HEADER_SIZE], body: Arc::new(vec![byte; body]) })
    }

    /// A process that is killed between two calls would leave a pulse without what confirms it: nobody could tell
    /// whose it is.
    #[test]
    fn packets_that_wait_together_are_sent_by_one_call() {
        let queue = VecDeque::from([packet(1, 0), packet(2, 700), packet(3, 0)]);
        let all: Vec<u8> =
            [1; HEADER_SIZE].into_iter().chain([2; HEADER_SIZE + 700]).chain([3; HEADER_SIZE]).collect();
        for sent in 0..HEADER_SIZE {
            assert_eq!(
                waiting(&queue, sent).iter().flat_map(|part| part.iter()).copied().collect::<Vec<u8>>(),
                all[sent..]
            );
        }
    }

    #[test]
    fn packets_get_through_whole_and_in_order_however_little_a_connection_takes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut link = link(std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let (mut peer, _) = listener.accept().unwrap();
        let packets: Vec<_> = (0..40).map(|byte| packet(byte, usize::from(byte) * 30_011)).collect();
        let expected: Vec<u8> =
            packets.iter().flat_map(|packet| [&packet.header[..], &packet.body]).flatten().copied().collect();
        let size = expected.len();
        let reader = std::thread::spawn(move || {
            let mut bytes = vec![0; size];
            peer.read_exact(&mut bytes).unwrap();
            bytes
        });
        link.queue.extend(packets);
        while !link.queue.is_empty() {
            link.write().unwrap();
            std::thread::yield_now();
        }
        assert!(reader.join().unwrap() == expected);
    }
}
