//! A cluster as a sink: one session for each release, pulses that are confirmed, progress that is kept.
//!
//! ```text
//! entry --> session of its release? --no--> register --> session
//!              | yes
//!              v
//!           request --> reply: the op must be the last one + 1
//!
//! pulse --> pulse(t) and noop(t + 1) --> op + 2: it was executed
//!                                        op + 1: it was lost; again with t + 2, while there is room
//! ```
//!
//! - Ops are contiguous: nobody else writes into a cluster that is being recovered. Any other op is an
//!   error, as then nothing is known about what the cluster holds.
//! - A pulse is never answered, so a `noop` behind it tells by its op whether it was executed. A replica
//!   that is killed may lose a pulse; sending the next entry before this is known would lose what the
//!   pulse is for.
//! - The progress file is written after each answer, before a pulse is sent, and before the first request of
//!   a process: from then on one may be in flight, until [`finish`](Cluster::finish) says that none is.

use super::addresses::Addresses;
use super::admission::{RELEASES_MAX, Step};
use super::client::{Client, ClientError, Config, PeerReport, Session, Submission};
use super::cluster_error::{ClusterError, Trouble};
use super::events;
use super::log::Place;
use super::network::{Network, NetworkError};
use super::sink::{Outcome, Outgoing, Sink};
use super::state::{FORMAT, SavedEntry, SavedRequest, SavedSession, State, StateFile};
use crate::fingerprint::hexadecimal;
use aof_nostd::message::Reply;
use aof_nostd::wire::{Operation, Release};
use aof_nostd::{Checksum, Profile, TigerBeetle};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// What a cluster is reached by.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Its id.
    pub cluster: u128,
    /// Its replicas.
    pub addresses: Addresses,
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// Whether pulses will be sent: then connections do not begin with a ping.
    pub pulses: bool,
    /// Its view, as far as it is known.
    pub view: u32,
    /// The cluster's last op is not known: that of the first register is taken for it.
    pub op_unknown: bool,
    /// The last op that it had before: an answer with a lower one is not the last thing that was done.
    pub op_held: u64,
    /// The largest body that will be sent, and where it stands: checked as soon as the limit is known.
    pub body_max: Option<(usize, Place)>,
}

/// What was sent and waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Nothing,
    Register,
    Request,
    /// The noop behind a pulse: how many times the pulse was sent before.
    Confirmation(u32),
}

/// A cluster that is being recovered.
#[derive(Debug)]
pub struct Cluster {
    options: ClusterOptions,
    profile: TigerBeetle,
    network: Network,
    clients: Vec<Client>,
    /// The client whose request is in flight, or was last.
    active: usize,
    doing: Doing,
    current: Option<Outgoing>,
    state: State,
    file: Option<StateFile>,
    /// A pulse may have been sent by the process before this one.
    pulse_in_doubt: bool,
    /// How the request in flight was made.
    sent: Option<SavedRequest>,
}

/// Pulses lost one after another before it is given up.
const PULSE_ATTEMPTS_MAX: u32 = 100;

impl Cluster {
    /// A cluster that holds what `state` says. Progress is kept in `file`, if there is one.
    ///
    /// # Errors
    ///
    /// [`ClusterError`]: the operating system has no poller to give, or the state was made up.
    pub fn new(options: ClusterOptions, state: State, file: Option<StateFile>) -> Result<Self, ClusterError> {
        let profile = TigerBeetle::new(aof_std::backend());
        let network = Network::new(options.addresses.as_slice(), options.cluster, profile)
            .map_err(|error| ClusterError::new(None, Trouble::Poll(error)))?;
        let mut cluster = Self {
            pulse_in_doubt: state.pulse_in_doubt.is_some(),
            options,
            profile,
            network,
            clients: Vec::new(),
            active: 0,
            doing: Doing::Nothing,
            current: None,
            state,
            file,
            sent: None,
        };
        for saved in cluster.state.sessions.clone() {
            let malformed = || ClusterError::new(None, Trouble::MalformedState);
            let (client, session) = saved.restore().ok_or_else(malformed)?;
            cluster.add_client(Release(saved.release), client, Some(session));
        }
        cluster.active = cluster.state.active;
        if !cluster.clients.is_empty() {
            cluster.check_limit()?;
        }
        Ok(cluster)
    }

    /// What was acknowledged.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Notes that nothing is in flight, where nothing is, and makes the progress file survive a power
    /// failure.
    ///
    /// # Errors
    ///
    /// [`ClusterError`].
    pub fn finish(&mut self) -> Result<(), ClusterError> {
        if self.doing == Doing::Nothing && self.state.in_flight {
            self.state.in_flight = false;
            self.save()?;
        }
        match &self.file {
            Some(file) => file.sync().map_err(|error| self.trouble(Trouble::State(error))),
            None => Ok(()),
        }
    }

    /// Whether a request waits for its answer.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.doing != Doing::Nothing
    }

    /// Whether the progress file, if there is one, is where it was.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.file.as_ref().is_none_or(StateFile::is_there)
    }

    /// The id of a session's client: the release, as the reference has it, and above it how many times a
    /// replay began anew.
    #[must_use]
    pub fn client_id(release: Release, resumes: u32) -> u128 {
        u128::from(release.0) | u128::from(resumes) << 64
    }

    fn add_client(&mut self, release: Release, client: u128, session: Option<Session>) {
        let config = Config {
            cluster: self.options.cluster,
            client,
            release,
            replica_count: self.options.addresses.count(),
            pings: !self.options.pulses,
            timeout: self.options.timeout,
            profile: self.profile,
            seed: RandomState::new().hash_one(client),
        };
        self.clients.push(Client::new(config, session, self.options.view, self.network.now()));
    }

    fn trouble(&self, trouble: Trouble) -> ClusterError {
        let entry =
            self.current.as_ref().map(|outgoing| (outgoing.entry.place.clone(), outgoing.entry.header));
        ClusterError::new(entry, trouble)
    }

    fn save(&mut self) -> Result<(), ClusterError> {
        let saved = match &mut self.file {
            Some(file) => file.save(&self.state),
            None => Ok(()),
        };
        saved.map_err(|error| self.trouble(Trouble::State(error)))
    }

    /// Sends what is next for the current entry.
    fn proceed(&mut self) -> Result<(), ClusterError> {
        let Some(outgoing) = self.current.clone() else { return Ok(()) };
        if !self.state.in_flight {
            self.state.in_flight = true;
            self.save()?;
        }
        let header = &outgoing.entry.header;
        let now = self.network.now();
        let release = match outgoing.step {
            Step::Pulse => {
                self.clients.get(self.active).map_or(header.release(), |client| client.config().release)
            }
            _ => header.release(),
        };
        match self.clients.iter().position(|client| client.config().release == release) {
            None => self.register(release, &outgoing)?,
            Some(index) => {
                self.active = index;
                let submission = self.submission(&outgoing)?;
                let op = (outgoing.step != Step::Pulse).then(|| header.op.get());
                self.sent = self.made(submission.timestamp, op);
                let submitted =
                    self.clients.get_mut(index).map_or(Ok(()), |client| client.submit(submission, now));
                submitted.map_err(|error| self.trouble(Trouble::Client(error)))?;
            }
        }
        self.network.flush(&mut self.clients);
        Ok(())
    }

    /// What the next request of the active session is made from.
    fn made(&self, timestamp: u64, op: Option<u64>) -> Option<SavedRequest> {
        let session = self.clients.get(self.active).and_then(Client::session);
        let parent = session.map_or(Checksum::ZERO, |session| session.context).to_string();
        Some(SavedRequest { parent, view: session.map_or(0, |session| session.view), timestamp, op })
    }

    /// Begins the session of a release that comes for the first time.
    fn register(&mut self, release: Release, outgoing: &Outgoing) -> Result<(), ClusterError> {
        // The first operation of an empty cluster has timestamp 1, as the reference gives it. Later ones
        // take the first that is free.
        let timestamp = self.state.timestamp.saturating_add(1);
        if timestamp >= outgoing.step.first_timestamp(outgoing.entry.header.timestamp.get()) {
            return Err(self.trouble(Trouble::NoTime));
        }
        self.add_client(release, Self::client_id(release, self.state.resumes), None);
        self.active = self.clients.len() - 1;
        self.doing = Doing::Register;
        self.sent = self.made(timestamp, None);
        let now = self.network.now();
        let registered = self.clients.last_mut().map_or(Ok(()), |client| client.register(timestamp, now));
        registered.map_err(|error| self.trouble(Trouble::Client(error)))
    }

    fn submission(&mut self, outgoing: &Outgoing) -> Result<Submission, ClusterError> {
        let header = &outgoing.entry.header;
        let timestamp = header.timestamp.get();
        if outgoing.step != Step::Pulse {
            self.doing = Doing::Request;
            return Ok(Submission {
                operation: header.operation(),
                timestamp,
                body: Arc::clone(&outgoing.entry.body),
                checksum_body: header.checksum_body,
                pulse: None,
            });
        }
        let attempt = self.state.pulse_in_doubt.unwrap_or(0);
        let pulse = timestamp.saturating_add(u64::from(attempt) * 2);
        // The first attempt has the room that was found for it; others leave some to a register.
        let end = if attempt == 0 { pulse + 1 } else { pulse + 2 };
        if end >= outgoing.before || attempt >= PULSE_ATTEMPTS_MAX {
            return Err(self.trouble(Trouble::PulseLost { attempts: attempt }));
        }
        // What another process may have sent is not sent again: the confirmation tells.
        let sent_before = std::mem::take(&mut self.pulse_in_doubt);
        self.state.pulse_in_doubt = Some(attempt);
        self.save()?;
        self.doing = Doing::Confirmation(attempt);
        Ok(Submission {
            operation: Operation::NOOP,
            timestamp: pulse + 1,
            body: Arc::default(),
            checksum_body: self.profile.checksum(b""),
            pulse: Some(pulse).filter(|_| !sent_before),
        })
    }

    /// A reply came. Gives the outcome if it was the last that the current entry needs.
    fn answered(&mut self, reply: &Reply, body: &[u8]) -> Result<Option<Outcome>, ClusterError> {
        let op = reply.op.get();
        let expected = self.state.op.saturating_add(1);
        let pulse_executed = matches!(self.doing, Doing::Confirmation(_)) && op == expected.saturating_add(1);
        let is_first =
            self.doing == Doing::Register && self.options.op_unknown && self.state.sessions.is_empty();
        if op < self.options.op_held {
            return Err(self.trouble(Trouble::Others { op, held: self.options.op_held }));
        }
        if op != expected && !pulse_executed && !is_first {
            return Err(self.trouble(Trouble::Op { expected, found: op }));
        }
        self.state.op = op;
        self.state.timestamp = reply.timestamp.get();
        self.save_session();
        let doing = std::mem::replace(&mut self.doing, Doing::Nothing);
        let Some(outgoing) = self.current.take() else { return Ok(None) };
        let mut outcome = Outcome { op: Some(op), rejected: Vec::new() };
        let mut results = Ok(());
        match doing {
            Doing::Register => {
                self.current = Some(outgoing);
                self.save()?;
                self.check_limit()?;
                self.proceed()?;
                return Ok(None);
            }
            Doing::Confirmation(attempt) if !pulse_executed => {
                self.current = Some(outgoing);
                self.state.pulse_in_doubt = Some(attempt + 1);
                self.save()?;
                self.proceed()?;
                return Ok(None);
            }
            Doing::Confirmation(_) => {
                self.state.pulse_in_doubt = None;
                self.state.pulses_executed += 1;
            }
            Doing::Request | Doing::Nothing => {
                match events::rejected(reply.operation(), &outgoing.entry.body, body) {
                    Ok(rejected) => outcome.rejected = rejected,
                    Err(error) => results = Err(error),
                }
                self.state.rejected += outcome.rejected.len() as u64;
                self.state.requests += 1;
            }
        }
        let header = &outgoing.entry.header;
        self.state.format = FORMAT;
        self.state.entry = Some(SavedEntry {
            op: header.op.get(),
            checksum: header.checksum.to_string(),
            digest: Some(hexadecimal(&outgoing.digest)),
        });
        self.save()?;
        // It was executed, whatever the results are: it is saved first, and not sent again.
        if let Err(error) = results {
            self.current = Some(outgoing);
            return Err(self.trouble(Trouble::Results(error)));
        }
        Ok(Some(outcome))
    }

    /// Notes the active client's session in the state.
    fn save_session(&mut self) {
        let Some(client) = self.clients.get(self.active) else { return };
        let Some(session) = client.session() else { return };
        let config = client.config();
        let saved = SavedSession::new(config.release.0, config.client, session, self.sent.take());
        self.state.active = self.active;
        match self.state.sessions.get_mut(self.active) {
            Some(place) => *place = saved,
            None => self.state.sessions.push(saved),
        }
    }

    /// Whether the cluster takes the largest body that will come.
    fn check_limit(&self) -> Result<(), ClusterError> {
        let session = self.clients.get(self.active).and_then(Client::session);
        if let (Some(session), Some((size, place))) = (session, &self.options.body_max)
            && *size > session.batch_size_limit as usize
        {
            let limit = session.batch_size_limit;
            return Err(self.trouble(Trouble::Limit { limit, size: *size, place: place.clone() }));
        }
        Ok(())
    }
}

/// Whether no replica is there any more, and one of them had the request.
fn went_away(peers: &[PeerReport]) -> bool {
    peers.iter().all(|peer| !peer.connected) && peers.iter().any(|peer| peer.left)
}

const _: () = assert!(RELEASES_MAX < 64, "no session of a replay pushes out another");

impl Sink for Cluster {
    type Error = ClusterError;

    fn send(&mut self, outgoing: Outgoing) -> Result<(), ClusterError> {
        self.current = Some(outgoing);
        self.proceed()
    }

    fn wait(&mut self, patience: Duration) -> Result<Option<Outcome>, ClusterError> {
        let until = self.network.now() + patience;
        // A body of results is small beside the request's.
        let taken = self.network.wait(&mut self.clients, until, |_, reply, body| (reply, body.to_vec()));
        match taken {
            Ok(None) => Ok(None),
            Ok(Some((reply, body))) => self.answered(&reply, &body),
            Err(NetworkError::Client(ClientError::Timeout { waited, peers })) if self.state.op == 0 => {
                Err(self.trouble(Trouble::NeverTaken { waited, peers }))
            }
            Err(NetworkError::Client(ClientError::Timeout { waited, peers }))
                if self.doing == Doing::Request && went_away(&peers) =>
            {
                Err(self.trouble(Trouble::WentAway { waited, peers }))
            }
            Err(NetworkError::Client(error)) => Err(self.trouble(Trouble::Client(error))),
            Err(NetworkError::Poll(error)) => Err(self.trouble(Trouble::Poll(error))),
        }
    }
}
