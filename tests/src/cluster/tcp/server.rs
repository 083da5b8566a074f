//! A cluster on 127.0.0.1.

use super::fault::{Fault, Faults, RequestFate, Victim};
use super::link::{self, Link};
use super::received::{Arrival, Received};
use crate::cluster::packet::Packet;
use crate::cluster::{Cluster, Committed, Config, Connection, Mode, Output};
use aof_nostd::message::{Command, Eviction, EvictionReason, Message, Request};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A cluster that programs can connect to. It ends when this is dropped.
///
/// ```
/// use aof_tests::cluster::Config;
/// use aof_tests::cluster::tcp::Server;
/// let server = Server::start(Config::default(), Vec::new());
/// assert!(server.addresses().starts_with("127.0.0.1:"));
/// assert_eq!(server.log(), []);
/// ```
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    ports: Vec<u16>,
    clock: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something happened: the clock may have to wake earlier.
    happened: Condvar,
    begin: Instant,
    ends: AtomicBool,
}

#[derive(Debug)]
struct State {
    cluster: Cluster,
    links: BTreeMap<Connection, (u8, Link)>,
    connections: u64,
    faults: Faults,
    received: Received,
    /// Replicas that start again, and when.
    restarts: Vec<(Duration, u8)>,
    /// Counts the starts of each replica: its listener ends with the start that it belongs to.
    starts: Vec<u32>,
    ports: Vec<u16>,
}

impl Server {
    /// Starts a cluster that is as `config` says, and in which these things go wrong.
    ///
    /// # Panics
    ///
    /// If the system has no ports.
    #[must_use]
    pub fn start(config: Config, faults: Vec<Fault>) -> Self {
        Self::serve(Cluster::new(config), faults)
    }

    /// Puts a cluster behind sockets that has done something before.
    ///
    /// # Panics
    ///
    /// If the system has no ports.
    #[must_use]
    pub fn serve(cluster: Cluster, faults: Vec<Fault>) -> Self {
        let count = cluster.config().replica_count;
        let listener = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let listeners: Vec<_> = (0..count).map(|_| listener()).collect();
        let port = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
        let ports: Vec<_> = listeners.iter().map(port).collect();
        let state = State {
            cluster,
            links: BTreeMap::new(),
            connections: 0,
            faults: Faults::new(faults),
            received: Received::default(),
            restarts: Vec::new(),
            starts: vec![0; usize::from(count)],
            ports: ports.clone(),
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            happened: Condvar::new(),
            begin: Instant::now(),
            ends: AtomicBool::new(false),
        });
        for (replica, listener) in (0..).zip(listeners) {
            shared.listen(replica, 0, listener);
        }
        let clock = Arc::clone(&shared);
        Self { shared, ports, clock: Some(thread::spawn(move || clock.run())) }
    }

    /// The address of each replica, as a program takes them.
    #[must_use]
    pub fn addresses(&self) -> String {
        let addresses: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        addresses.join(",")
    }

    /// The port of a replica.
    ///
    /// # Panics
    ///
    /// If the cluster has not so many.
    #[must_use]
    pub fn port(&self, replica: u8) -> u16 {
        self.ports[usize::from(replica)]
    }

    /// What came so far.
    #[must_use]
    pub fn received(&self) -> Received {
        self.shared.lock().received.clone()
    }

    /// What was committed so far.
    #[must_use]
    pub fn log(&self) -> Vec<Committed> {
        self.shared.lock().cluster.log().to_vec()
    }

    /// Looks at the model. Nothing comes and goes meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(&Cluster) -> T) -> T {
        look(&self.shared.lock().cluster)
    }

    /// Adds something that is to go wrong. Counts are those since the start.
    pub fn add(&self, fault: Fault) {
        self.shared.lock().faults.add(fault);
    }

    /// Kills a replica that is up.
    pub fn crash(&self, replica: u8) {
        let now = self.shared.begin.elapsed();
        let mut state = self.shared.lock();
        state.crash(replica, now);
        self.shared.pump(&mut state);
    }

    /// Starts a replica that is down.
    pub fn restart(&self, replica: u8) {
        let now = self.shared.begin.elapsed();
        let mut state = self.shared.lock();
        self.shared.restart(&mut state, replica, now);
        self.shared.pump(&mut state);
    }

    /// Stops all replicas that are up and starts the cluster in a mode.
    pub fn restart_as(&self, mode: Mode) {
        let now = self.shared.begin.elapsed();
        let mut state = self.shared.lock();
        let replicas = 0..state.cluster.config().replica_count;
        for replica in replicas.clone() {
            state.crash(replica, now);
        }
        state.cluster.set_mode(mode);
        for replica in replicas {
            self.shared.restart(&mut state, replica, now);
        }
        self.shared.pump(&mut state);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        self.shared.happened.notify_all();
        for (_, link) in self.shared.lock().links.values() {
            link.cut();
        }
        if let Some(clock) = self.clock.take() {
            let _ = clock.join();
        }
    }
}

impl State {
    fn crash(&mut self, replica: u8, now: Duration) {
        self.cluster.crash(replica, now);
        self.links.retain(|_, (of, _)| *of != replica);
    }

    fn send(&mut self, connection: Connection, packet: &Packet, now: Duration) {
        let writes = if packet.command() == Command::REPLY {
            self.faults.reply(packet)
        } else {
            vec![self.faults.message(packet)]
        };
        let Some((_, link)) = self.links.get(&connection) else { return };
        let closes = writes.iter().any(|write| write.close);
        for write in writes {
            link.write(write);
        }
        if closes {
            // The model must know before the client does: a client that connects again at once would
            // otherwise be a second connection, which gets no replies.
            self.links.remove(&connection);
            self.cluster.closed(connection, now);
        }
    }

    fn refuse(&mut self, connection: Connection, packet: &Packet, reason: EvictionReason, now: Duration) {
        let config = self.cluster.config();
        let mut eviction = *Eviction::view(&[0; aof_nostd::message::HEADER_SIZE]);
        eviction.frame.command = Eviction::COMMAND.0;
        eviction.frame.cluster = config.cluster.into();
        eviction.frame.release = config.release.0.into();
        eviction.frame.view = self.cluster.view().into();
        eviction.frame.replica = self.cluster.primary();
        eviction.client = packet.view::<Request>().client;
        eviction.reason = reason as u8;
        let eviction = Packet::seal(eviction, &config.profile, b"");
        self.send(connection, &eviction, now);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panicked")
    }

    fn ends(&self) -> bool {
        self.ends.load(Ordering::SeqCst)
    }

    /// Accepts connections to a replica in a thread of its own, until it dies.
    fn listen(self: &Arc<Self>, replica: u8, start: u32, listener: TcpListener) {
        let shared = Arc::clone(self);
        thread::spawn(move || {
            let goes_on = || {
                let state = shared.lock();
                let current = state.starts[usize::from(replica)] == start;
                !shared.ends() && current && state.cluster.is_up(replica)
            };
            let _ = link::listen(&listener, goes_on, |stream| shared.accept(replica, &stream));
        });
    }

    fn accept(self: &Arc<Self>, replica: u8, stream: &TcpStream) {
        let mut state = self.lock();
        if state.faults.closes_connection() {
            return;
        }
        state.connections += 1;
        let connection = Connection(state.connections);
        let Ok(link) = Link::new(stream) else { return };
        if state.cluster.opened(replica, connection, self.begin.elapsed()) {
            state.links.insert(connection, (replica, link));
            let shared = Arc::clone(self);
            if let Ok(stream) = stream.try_clone() {
                thread::spawn(move || shared.read(replica, connection, &stream));
            }
        }
        self.pump(&mut state);
    }

    /// Reads a connection to its end.
    fn read(self: &Arc<Self>, replica: u8, connection: Connection, stream: &TcpStream) {
        let (profile, cluster) = {
            let state = self.lock();
            (state.cluster.config().profile, state.cluster.config().cluster)
        };
        while let Ok(packet) = link::read(stream, &profile, cluster) {
            self.message(replica, connection, &packet);
        }
        let mut state = self.lock();
        state.links.remove(&connection);
        state.cluster.closed(connection, self.begin.elapsed());
        self.pump(&mut state);
    }

    fn message(self: &Arc<Self>, replica: u8, connection: Connection, packet: &Packet) {
        let mut state = self.lock();
        let time = self.begin.elapsed();
        state.received.0.push(Arrival { replica, connection, time, packet: packet.clone() });
        if state.faults.is_silent() {
            return;
        }
        let is_request = packet.command() == Command::REQUEST;
        match if is_request { state.faults.request() } else { RequestFate::Arrives } {
            RequestFate::Arrives => state.cluster.message(connection, &packet.header, &packet.body, time),
            RequestFate::Lost => {}
            RequestFate::Refused(reason) => state.refuse(connection, packet, reason, time),
        }
        self.pump(&mut state);
    }

    /// Does what the model wants done.
    fn pump(&self, state: &mut State) {
        let mut deaths = Vec::new();
        while let Some(output) = state.cluster.next_output() {
            match output {
                Output::Send { connection, packet } => state.send(connection, &packet, self.begin.elapsed()),
                Output::Close { connection, .. } => {
                    state.links.remove(&connection);
                }
                Output::Committed { op } => {
                    for kill in state.faults.kills(op) {
                        match kill {
                            Fault::Kill { answered: false, .. } => self.kill(state, &kill),
                            kill => deaths.push(kill),
                        }
                    }
                }
                Output::Silent { .. } => {}
            }
        }
        for kill in &deaths {
            self.kill(state, kill);
        }
        if !deaths.is_empty() {
            self.pump(state);
        }
        self.happened.notify_all();
    }

    fn kill(&self, state: &mut State, kill: &Fault) {
        let Fault::Kill { victim, restart_after, .. } = *kill else { return };
        let now = self.begin.elapsed();
        let replica = match victim {
            Victim::Replica(replica) => replica,
            Victim::Primary => state.cluster.primary(),
        };
        state.crash(replica, now);
        state.restarts.extend(restart_after.map(|after| (now + after, replica)));
    }

    fn restart(self: &Arc<Self>, state: &mut State, replica: u8, now: Duration) {
        if state.cluster.is_up(replica) {
            return;
        }
        let index = usize::from(replica);
        state.starts[index] += 1;
        let (start, port) = (state.starts[index], state.ports[index]);
        state.cluster.restart(replica, now);
        let shared = Arc::clone(self);
        // The listener of the time before may hold the port still.
        thread::spawn(move || {
            while !shared.ends() {
                if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                    return shared.listen(replica, start, listener);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
    }

    /// Lets the model's time pass.
    fn run(self: &Arc<Self>) {
        const LONGEST: Duration = Duration::from_millis(100);
        let mut state = self.lock();
        while !self.ends() {
            let now = self.begin.elapsed();
            state.cluster.advance(now);
            for (_, replica) in state.restarts.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>() {
                self.restart(&mut state, replica, now);
            }
            self.pump(&mut state);
            let restarts = state.restarts.iter().map(|&(at, _)| at);
            let next = state.cluster.deadline().into_iter().chain(restarts).min();
            let wait = next.map_or(LONGEST, |next| next.saturating_sub(now).min(LONGEST));
            if wait.is_zero() {
                continue;
            }
            let waited = self.happened.wait_timeout(state, wait);
            state = waited.expect("no thread panicked").0;
        }
    }
}
