//! One replica that plays its part of a recorded session, and takes nothing but the other part.

use super::link::{self, Link, Outgoing};
use crate::cluster::Config;
use crate::cluster::packet::{Packet, packets};
use aof_nostd::TigerBeetle;
use aof_nostd::message::{self, Command, Eviction, EvictionReason, Message, PingClient, PongClient};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A recorded session on 127.0.0.1.
///
/// Each request that comes is to be the recorded one, bit for bit, or the one before, sent again; it is
/// answered by the recorded reply. Pings are answered with a pong and are no part of the session.
#[derive(Debug)]
pub struct Player {
    shared: Arc<Shared>,
    port: u16,
}

#[derive(Debug)]
struct Shared {
    requests: Vec<Packet>,
    replies: Vec<Packet>,
    profile: TigerBeetle,
    progress: Mutex<Progress>,
    ends: AtomicBool,
}

#[derive(Debug, Default)]
struct Progress {
    /// Requests that came.
    played: usize,
    mismatch: Option<String>,
}

impl Player {
    /// Plays the two streams of a session.
    ///
    /// # Panics
    ///
    /// If the streams are not as many requests as replies, or the system has no port.
    #[must_use]
    pub fn start(requests: &[u8], replies: &[u8], profile: TigerBeetle) -> Self {
        let (requests, replies) = (packets(requests), packets(replies));
        assert_eq!(requests.len(), replies.len(), "each request has its reply");
        assert!(!requests.is_empty(), "a session has a request");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (progress, ends) = (Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared { requests, replies, profile, progress, ends });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            let goes_on = || !accepting.ends.load(Ordering::SeqCst);
            let _ = link::listen(&listener, goes_on, |stream| {
                let serving = Arc::clone(&accepting);
                thread::spawn(move || serving.serve(&stream));
            });
        });
        Self { shared, port }
    }

    /// Where it listens, as a program takes it.
    #[must_use]
    pub fn addresses(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it, and says whether the session was played to its end.
    ///
    /// # Errors
    ///
    /// What came was not what was recorded, or not all of it came.
    ///
    /// # Panics
    ///
    /// If a thread of it did.
    pub fn finish(self) -> Result<(), String> {
        let progress = self.shared.progress.lock().expect("no thread panicked");
        let all = self.shared.requests.len();
        match &progress.mismatch {
            Some(mismatch) => Err(mismatch.clone()),
            None if progress.played < all => Err(format!("{} of {all} requests came", progress.played)),
            None => Ok(()),
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) {
        let Ok(link) = Link::new(stream) else { return };
        let cluster = self.requests[0].view::<message::Request>().frame.cluster.get();
        while let Ok(packet) = link::read(stream, &self.profile, cluster) {
            let Some(answer) = self.answer(&packet) else { return };
            link.write(Outgoing {
                bytes: answer.bytes(),
                delay: Duration::ZERO,
                byte_by_byte: false,
                close: false,
            });
        }
    }

    /// The answer to a message, `None` if it is not the one that was recorded.
    fn answer(&self, packet: &Packet) -> Option<Packet> {
        if packet.command() == Command::PING_CLIENT {
            return Some(self.ping(packet.view()));
        }
        let mut progress = self.progress.lock().expect("no thread panicked");
        let next = progress.played;
        if next > 0 && *packet == self.requests[next - 1] {
            return Some(self.replies[next - 1].clone());
        }
        let expected = self.requests.get(next);
        if expected == Some(packet) {
            progress.played += 1;
            return Some(self.replies[next].clone());
        }
        progress.mismatch.get_or_insert_with(|| mismatch(next, packet, expected));
        None
    }

    /// A pong; or the refusal of a release that the replica is too new for.
    fn ping(&self, ping: &PingClient) -> Packet {
        let first = self.replies[0].view::<PongClient>().frame;
        if ping.frame.release() < Config::default().release_min {
            let mut eviction = *Eviction::view(&[0; message::HEADER_SIZE]);
            eviction.frame = first;
            eviction.frame.command = Eviction::COMMAND.0;
            eviction.client = ping.client;
            eviction.reason = EvictionReason::ClientReleaseTooLow as u8;
            return Packet::seal(eviction, &self.profile, b"");
        }
        let mut pong = PongClient::new(first.cluster.get(), first.release());
        pong.frame.view = first.view;
        pong.frame.replica = first.replica;
        pong.ping_timestamp_monotonic = ping.ping_timestamp_monotonic;
        Packet::seal(pong, &self.profile, b"")
    }
}

fn mismatch(index: usize, packet: &Packet, expected: Option<&Packet>) -> String {
    let Some(expected) = expected else { return format!("request {index} was not recorded: {packet:?}") };
    let (came, expected) = (packet.bytes(), expected.bytes());
    let offset = came.iter().zip(&expected).take_while(|(came, expected)| came == expected).count();
    let (sizes, command) = ((came.len(), expected.len()), packet.view::<PongClient>().frame().command());
    format!(
        "request {index} differs from byte {offset} on ({} bytes came, {} recorded; command {})",
        sizes.0, sizes.1, command.0
    )
}
