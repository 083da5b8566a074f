//! Whether a cluster is the one that a progress file is about, and whose its last operation is.
//!
//! A process that is killed leaves one request in flight, perhaps. Then the cluster may have one operation
//! more than was acknowledged. But a replica that was started without `--aof-recovery` writes one operation
//! of its own, too, with today's time, and what is sent behind that makes replicas unable to start. So it
//! has to be known whose the operation is, before anything new is sent:
//!
//! ```text
//! in flight was      the cluster's table of clients                           asked by
//! request k + 1      has k + 1 as our last: request k, sent again, is dropped    silence
//!                    has k as our last: request k is answered once more          an answer: not ours
//! a register         knows the session                                        a ping
//! nothing                                                                     not ours
//! ```
//!
//! Sending request `k` again, the same bytes, changes nothing: it was executed.

use super::ask::{Asker, PAUSE};
use super::preflight::Logs;
use crate::failure::Failure;
use crate::output;
use crate::replay::admission::{Admission, Step};
use crate::replay::client::{Client, ClientError, Config, ReplyField, Session, Submission};
use crate::replay::cluster::Cluster;
use crate::replay::cluster_error::FOREIGN;
use crate::replay::log::LogEntry;
use crate::replay::network::{Network, NetworkError, reason};
use crate::replay::state::{SavedSession, State};
use aof_nostd::wire::{Operation, Release};
use aof_nostd::{Profile, TigerBeetle};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a request that was answered may take to be answered again.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What a request that was answered, sent again, tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeated {
    /// It was answered: nothing of the session came after it.
    IsLast,
    /// It was not: something did.
    IsNotLast,
    /// The primary was not there.
    Unknown,
}

impl Asker<'_> {
    /// Whether the cluster is the one that a progress file is about, and whether all that it has is this
    /// log's. Gives its last op.
    pub(super) fn check_resume(
        &self,
        logs: &mut Logs,
        state: &State,
        last_op: u64,
        path: &str,
    ) -> Result<u64, Failure> {
        let unfit = |problem: String| {
            Err(Failure::Cluster(format!("the progress file {path} does not fit the cluster: {problem}")))
        };
        let last_op = self.settled_op(state, last_op)?;
        let acknowledged = state.op;
        if last_op == 0 && acknowledged == 0 {
            return Ok(last_op);
        }
        if last_op == 0 {
            return unfit(format!(
                "op {acknowledged} was acknowledged, and this cluster is empty: it was formatted anew, or is another \
                 one. To begin anew with it, move the progress file away"
            ));
        }
        if last_op < acknowledged {
            return unfit(format!(
                "op {acknowledged} was acknowledged, and the cluster has {last_op}: it lost operations, or is another \
                 one. To begin anew, format it anew and move the progress file away"
            ));
        }
        if let Some(client) = state.sessions.last().and_then(|saved| saved.restore())
            && !self.has_session(client.0)?
        {
            return unfit(
                "the cluster does not know the session of that recovery: it is another cluster, or something else \
                 wrote there. To begin anew, format it anew and move the progress file away"
                    .into(),
            );
        }
        let in_flight = match (state.in_flight, state.pulse_in_doubt) {
            (false, _) => 0,
            (true, None) => 1,
            (true, Some(_)) => 2,
        };
        if last_op > acknowledged + in_flight {
            return unfit(format!(
                "op {acknowledged} was the last that was acknowledged, and the cluster has op {last_op}, which this \
                 log did not send, unless the file is older than the cluster (a copy, or after a power failure here). \
                 {FOREIGN}. If it is the file that is older, and no replica ever ran without the flag, move the file \
                 away; then the command tells where to go on"
            ));
        }
        if last_op > acknowledged && !self.is_ours(logs, state)? {
            return unfit(format!(
                "op {acknowledged} was the last that was acknowledged, and the cluster has op {last_op}, which this \
                 log did not send. {FOREIGN}"
            ));
        }
        Ok(last_op)
    }

    /// The last op, once it does not grow any more: a replica that was just restarted commits again what it
    /// has.
    fn settled_op(&self, state: &State, last_op: u64) -> Result<u64, Failure> {
        let mut last_op = last_op;
        loop {
            std::thread::sleep(PAUSE);
            let before = std::mem::replace(&mut last_op, self.last_op()?);
            let waits = before != last_op || (last_op < state.op && last_op > 0);
            if !waits || Instant::now() >= self.until {
                return Ok(last_op);
            }
        }
    }

    /// Whether what the cluster has beyond the last answer is the request that was in flight then.
    fn is_ours(&self, logs: &mut Logs, state: &State) -> Result<bool, Failure> {
        let Some((next, step)) = self.next(logs, state)? else { return Ok(false) };
        let release = next.header.release();
        let session = match step {
            Step::Pulse => state.sessions.get(state.active),
            _ => state.sessions.iter().find(|saved| saved.release == release.0),
        };
        // A pulse is sent only after that was written down.
        if step == Step::Pulse && state.pulse_in_doubt.is_none() {
            return Ok(false);
        }
        let Some(session) = session else {
            return self.has_session(Cluster::client_id(release, state.resumes));
        };
        loop {
            match self.repeat(logs, session)? {
                None => {
                    output::note(
                        "the progress file is of an older version of this program: whether the cluster's last \
                         operation is this log's cannot be told, and is taken for granted",
                    );
                    return Ok(true);
                }
                // A pulse without what confirms it cannot be told from one of the cluster's own.
                Some(Repeated::IsLast) => return Ok(false),
                Some(Repeated::IsNotLast) => return Ok(true),
                Some(Repeated::Unknown) if output::stopped() => return Err(Failure::Interrupted),
                Some(Repeated::Unknown) if Instant::now() >= self.until => {
                    return Err(Failure::Cluster(
                        "the primary does not tell what it has: look after the replicas, then give the same command \
                         again"
                            .into(),
                    ));
                }
                Some(Repeated::Unknown) => {}
            }
        }
    }

    /// The first entry behind the last answer that is sent.
    fn next(&self, logs: &mut Logs, state: &State) -> Result<Option<(LogEntry, Step)>, Failure> {
        let after = state.entry.as_ref().map_or(0, |entry| entry.op);
        let mut admission = Admission::new(self.args.cluster, self.args.pulses);
        let log = logs.log();
        log.rewind();
        let mut found = None;
        while let Some(entry) = log.next_entry()? {
            if output::stopped() {
                return Err(Failure::Interrupted);
            }
            let step = admission.admit(&entry).map_err(|refusal| Failure::Log(refusal.to_string()))?;
            if entry.header.op.get() > after && step != Step::Skip {
                found = Some((entry, step));
                break;
            }
        }
        log.rewind();
        Ok(found)
    }

    /// Sends a session's last request that was answered once more. Nothing if it is not known.
    fn repeat(&self, logs: &mut Logs, saved: &SavedSession) -> Result<Option<Repeated>, Failure> {
        let (Some((client, session)), Some(last)) = (saved.restore(), &saved.last) else { return Ok(None) };
        let Ok(parent) = last.parent.parse() else { return Ok(None) };
        let profile = TigerBeetle::new(aof_std::backend());
        let config = Config {
            cluster: self.args.cluster,
            client,
            release: Release(saved.release),
            replica_count: self.addresses.count(),
            pings: true,
            timeout: PATIENCE,
            profile,
            seed: RandomState::new().hash_one(client),
        };
        let poll = |error: std::io::Error| {
            Failure::Cluster(format!("the sockets cannot be waited for: {}", reason(&error)))
        };
        let mut network =
            Network::new(self.addresses.as_slice(), self.args.cluster, profile).map_err(poll)?;
        let now = network.now();
        let mut clients = if session.request == 0 {
            let mut client = Client::new(config, None, session.view, now);
            client.register(last.timestamp, now).map_err(|error| Failure::Cluster(error.to_string()))?;
            [client]
        } else {
            let before =
                Session { request: session.request - 1, context: parent, view: last.view, ..session };
            let Some(submission) = submission(logs, last.op, last.timestamp, profile)? else {
                return Ok(None);
            };
            let mut client = Client::new(config, Some(before), session.view, now);
            client.submit(submission, now).map_err(|error| Failure::Cluster(error.to_string()))?;
            [client]
        };
        let until = network.now() + PATIENCE * 2;
        match network.wait(&mut clients, until, |_, _, _| ()) {
            Ok(Some(())) => Ok(Some(Repeated::IsLast)),
            // The answer to the one behind it.
            Err(NetworkError::Client(ClientError::Reply { field: ReplyField::Request, .. })) => {
                Ok(Some(Repeated::IsNotLast))
            }
            Ok(None) => Ok(Some(Repeated::Unknown)),
            Err(NetworkError::Client(ClientError::Timeout { peers, .. })) => {
                // The primary was there all the time, or its silence means nothing.
                let primary = usize::from(self.find_cluster()?.primary);
                let there = peers.get(primary).is_some_and(|peer| peer.connected && peer.pong.is_some());
                Ok(Some(if there { Repeated::IsNotLast } else { Repeated::Unknown }))
            }
            Err(NetworkError::Client(error)) => Err(Failure::Cluster(format!(
                "asked whether the last operation is this log's: {error}. Is another recovery running?"
            ))),
            Err(NetworkError::Poll(error)) => Err(poll(error)),
        }
    }
}

/// A request as it was made: of an entry of the log, or a noop.
fn submission(
    logs: &mut Logs,
    op: Option<u64>,
    timestamp: u64,
    profile: TigerBeetle,
) -> Result<Option<Submission>, Failure> {
    let Some(op) = op else {
        let checksum_body = profile.checksum(b"");
        let (operation, body) = (Operation::NOOP, Arc::default());
        return Ok(Some(Submission { operation, timestamp, body, checksum_body, pulse: None }));
    };
    let log = logs.log();
    let found = log.find(op)?;
    log.rewind();
    Ok(found.map(|entry| Submission {
        operation: entry.header.operation(),
        timestamp,
        body: entry.body,
        checksum_body: entry.header.checksum_body,
        pulse: None,
    }))
}
