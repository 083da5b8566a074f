//! What the cluster holds, and where to go on. Nothing is sent that changes anything.
//!
//! | progress file | cluster | then |
//! |---|---|---|
//! | none | empty | begin |
//! | none | not empty | refused: replayed before, or not made for a recovery; `--from-op` may go on |
//! | there | holds what it says, or one operation more | go on |
//! | there | empty, holds less, or more | refused: another cluster, or a file older than the cluster |

use super::position::{self, Position};
use super::preflight::Logs;
use crate::args::RecoverArgs;
use crate::failure::{Failure, shown};
use crate::output;
use crate::replay::addresses::Addresses;
use crate::replay::admission::{Admission, Summary};
use crate::replay::client::Closed;
use crate::replay::cluster::Cluster;
use crate::replay::probe::{Answer, Probe, RELEASE_OF_SESSIONS_IN_PINGS, unused_client};
use crate::replay::state::{State, StateFile};
use aof_nostd::message::EvictionReason;
use aof_nostd::wire::Release;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where a replay begins.
#[derive(Debug)]
pub struct Begun {
    /// What was acknowledged before.
    pub state: State,
    /// Where progress is kept.
    pub file: StateFile,
    /// The cluster's view.
    pub view: u32,
    /// The cluster's last op could not be asked for.
    pub op_unknown: bool,
}

/// How long one answer to a ping may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a cluster that was started before must say that it is empty.
const ZERO_STAYS: Duration = Duration::from_secs(2);

/// Between two rounds of questions.
const PAUSE: Duration = Duration::from_millis(200);

/// Where progress is kept unless told otherwise: beside the first log.
fn state_path(args: &RecoverArgs) -> PathBuf {
    args.state.clone().unwrap_or_else(|| {
        let mut path = args.files.first().map(|file| file.as_os_str().to_owned()).unwrap_or_default();
        path.push(".progress");
        path.into()
    })
}

/// Asks all replicas once. For `--dry-run`.
#[must_use]
pub fn survey(args: &RecoverArgs, addresses: &Addresses, summary: &Summary) -> Vec<Answer> {
    probe(args, addresses, Some(summary)).survey()
}

fn probe(args: &RecoverArgs, addresses: &Addresses, summary: Option<&Summary>) -> Probe {
    let newest = summary.and_then(|summary| summary.releases.last_key_value());
    let release = newest.map_or(RELEASE_OF_SESSIONS_IN_PINGS.0, |(release, _)| *release);
    let patience = PATIENCE.min(Duration::from_secs(args.timeout.into()));
    Probe::new(addresses, args.cluster, Release(release), patience)
}

/// Finds out where to begin, and creates the progress file.
///
/// # Errors
///
/// [`Failure`], with what to do.
pub fn begin(
    args: &RecoverArgs,
    addresses: &Addresses,
    logs: &mut Logs,
    summary: Option<&Summary>,
) -> Result<Begun, Failure> {
    let log = super::identity(args, logs)?;
    let path = state_path(args);
    let opened = StateFile::open(&path).map_err(|error| Failure::Usage(error.to_string()))?;
    if let Some((_, state)) = &opened {
        check_state(args, state, &log.to_string(), &shown(&path).to_string())?;
    }
    let until = Instant::now() + Duration::from_secs(args.timeout.into());
    let mut asker = Asker { args, addresses, summary, probe: probe(args, addresses, summary), until };
    let (view, release) = asker.find_cluster()?;
    asker.probe = asker.probe.with_release(release);
    asker.check_releases(view)?;
    let last_op = if release < RELEASE_OF_SESSIONS_IN_PINGS {
        output::note(&format!(
            "the cluster's release {release} cannot be asked what it holds (0.17.6 can): it is taken to be as it \
             should be"
        ));
        None
    } else {
        Some(asker.last_op()?)
    };
    let begun = |state, file| Begun { state, file, view, op_unknown: last_op.is_none() };
    match opened {
        Some((file, state)) => {
            if args.from_op.is_some() {
                return Err(Failure::Usage(format!(
                    "the progress file {} knows where to go on: leave out --from-op, or move the file away",
                    shown(&path)
                )));
            }
            // Of a session that nothing came of, as after a limit that was too low, nothing is lost.
            if last_op == Some(0) && state.entry.is_none() && state.resumes == 0 {
                return Ok(begun(State::new(args.cluster, log, pulses_name(args)), file));
            }
            if let Some(last_op) = last_op {
                asker.check_resume(&state, last_op, &shown(&path).to_string())?;
            }
            Ok(begun(state, file))
        }
        None => {
            let mut state = State::new(args.cluster, log, pulses_name(args));
            match (args.from_op, last_op) {
                (None, None | Some(0)) => {}
                (None, Some(last_op)) => return Err(asker.not_empty(logs, last_op)),
                (Some(from_op), last_op) => asker.resume_without_state(logs, &mut state, from_op, last_op)?,
            }
            let file = StateFile::create(&path, &state).map_err(|error| Failure::Usage(error.to_string()))?;
            Ok(begun(state, file))
        }
    }
}

fn pulses_name(args: &RecoverArgs) -> &'static str {
    match args.pulses {
        crate::replay::admission::Pulses::Auto => "auto",
        crate::replay::admission::Pulses::Replay => "replay",
        crate::replay::admission::Pulses::Skip => "skip",
    }
}

fn check_state(args: &RecoverArgs, state: &State, log: &str, path: &str) -> Result<(), Failure> {
    let what = if state.cluster != args.cluster.to_string() {
        format!("cluster {}", state.cluster)
    } else if state.log != log {
        format!("another log, whose first entry has checksum {}", state.log)
    } else if state.pulses != pulses_name(args) {
        format!("--pulses {}: give the same", state.pulses)
    } else {
        return Ok(());
    };
    Err(Failure::Usage(format!(
        "the progress file {path} is of a recovery with {what}. Move it away to begin anew with an empty cluster, or \
         keep progress elsewhere by --state"
    )))
}

/// Asks until a time.
struct Asker<'a> {
    args: &'a RecoverArgs,
    addresses: &'a Addresses,
    summary: Option<&'a Summary>,
    probe: Probe,
    until: Instant,
}

impl Asker<'_> {
    /// Waits until the primary answers; gives its view and release.
    fn find_cluster(&self) -> Result<(u32, Release), Failure> {
        let mut probe = self.probe.clone();
        let mut told = false;
        let mut closed = 0;
        loop {
            let answers = probe.survey();
            self.check_order(&answers)?;
            let release_of = |answer: &Answer| match answer {
                Answer::Evicted { release, .. } => Some(*release),
                _ => None,
            };
            if let Some(release) = answers.iter().find_map(release_of)
                && release != probe.release()
                && Instant::now() < self.until
            {
                probe = probe.with_release(release); // it does not take the log's
                continue;
            }
            let pongs = answers.iter().filter_map(|answer| match answer {
                Answer::Pong { view, release, .. } => Some((*view, *release)),
                _ => None,
            });
            if let Some((view, release)) = pongs.max_by_key(|(view, _)| *view)
                && matches!(answers.get(self.primary(view)), Some(Answer::Pong { .. }))
            {
                return Ok((view, release));
            }
            let all_close =
                answers.iter().all(|answer| !matches!(answer, Answer::Pong { .. } | Answer::Silent))
                    && answers.iter().any(|answer| matches!(answer, Answer::Closed(Closed::ByReplica)));
            closed = if all_close { closed + 1 } else { 0 };
            if closed >= 3 || Instant::now() >= self.until {
                return Err(Failure::Cluster(self.nobody(&answers)));
            }
            if output::stopped() {
                return Err(Failure::Interrupted);
            }
            if !told {
                told = true;
                let list = self.list(&answers);
                output::note(&format!("waiting for the cluster, {} s at most{list}", self.args.timeout));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn primary(&self, view: u32) -> usize {
        (view % u32::from(self.addresses.count().max(1))) as usize
    }

    fn list(&self, answers: &[Answer]) -> String {
        let mut text = String::new();
        for (address, answer) in self.addresses.as_slice().iter().zip(answers) {
            let _ = write!(text, "\n  {address}: {answer}");
        }
        text
    }

    /// Whether the replicas are where the list says.
    fn check_order(&self, answers: &[Answer]) -> Result<(), Failure> {
        for (place, (address, answer)) in (0_u8..).zip(self.addresses.as_slice().iter().zip(answers)) {
            if let Answer::Pong { replica, .. } = answer
                && *replica != place
            {
                return Err(Failure::Usage(format!(
                    "{address} is replica {replica}, and at place {place} of --addresses (counted from 0): list all \
                     replicas, in the cluster's order"
                )));
            }
        }
        Ok(())
    }

    /// Why there is no cluster to talk to.
    fn nobody(&self, answers: &[Answer]) -> String {
        let any = |wanted: fn(&Answer) -> bool| answers.iter().any(wanted);
        let what = if any(|answer| matches!(answer, Answer::Pong { .. })) {
            "the primary does not answer, and no other replica has taken its place: are most replicas running?"
                .to_owned()
        } else if any(|answer| matches!(answer, Answer::Closed(Closed::ByReplica))) {
            format!(
                "what listens there closes the connection: is the cluster's id {}? A replica closes connections of \
                 another cluster, and other programs those of a replay",
                self.args.cluster
            )
        } else if any(|answer| matches!(answer, Answer::Closed(_))) {
            "what listens there does not speak the protocol of replicas: are the addresses right?".to_owned()
        } else if any(|answer| *answer == Answer::Silent) {
            "what listens there accepts connections and is silent: is it a replica, and has it finished starting?"
                .to_owned()
        } else {
            "no replica can be reached: are they running, and are the addresses right?".to_owned()
        };
        format!("{what}{}", self.list(answers))
    }

    /// Whether the cluster takes all releases of the log. A release is asked about by a ping that has it.
    fn check_releases(&self, view: u32) -> Result<(), Failure> {
        let primary = u8::try_from(self.primary(view)).unwrap_or(0);
        for (&release, (_, place)) in self.summary.iter().flat_map(|summary| &summary.releases) {
            let release = Release(release);
            let answer = self.probe.with_release(release).ask(primary, unused_client(), 0);
            let (what, remedy) = match answer {
                Answer::Evicted { reason: EvictionReason::ClientReleaseTooHigh, .. } => {
                    ("newer than", "start the replicas with a server of that release or a newer one")
                }
                Answer::Evicted { reason: EvictionReason::ClientReleaseTooLow, .. } => (
                    "too old for",
                    "start the replicas with a server of an older release, and upgrade it after the recovery",
                ),
                _ => continue,
            };
            return Err(Failure::Cluster(format!(
                "{place}: the entry is of release {release}, which is {what} the cluster, whose release is {}: {remedy}",
                self.probe.release()
            )));
        }
        Ok(())
    }

    /// The last op that the primary has committed. A replica that starts again answers as if it were empty
    /// until it has read its log. The first start is view 1 at most; after any other the answer must stay.
    fn last_op(&self) -> Result<u64, Failure> {
        let begin = Instant::now();
        loop {
            let (view, _) = self.find_cluster()?;
            let primary = u8::try_from(self.primary(view)).unwrap_or(0);
            match self.probe.last_op(primary) {
                Ok(0) if view > 1 && begin.elapsed() < ZERO_STAYS => {}
                Ok(op) => return Ok(op),
                Err(answer) if Instant::now() >= self.until => {
                    return Err(Failure::Cluster(format!(
                        "the primary, replica {primary}, does not tell what it holds: {answer}"
                    )));
                }
                Err(_) => {}
            }
            if output::stopped() {
                return Err(Failure::Interrupted);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether a client has a session.
    fn has_session(&self, client: u128) -> Result<bool, Failure> {
        loop {
            let (view, _) = self.find_cluster()?;
            let primary = u8::try_from(self.primary(view)).unwrap_or(0);
            match self.probe.ask(primary, client, 1) {
                Answer::Pong { .. } => return Ok(true),
                Answer::Evicted { reason: EvictionReason::NoSession, .. } => return Ok(false),
                answer if Instant::now() >= self.until => {
                    return Err(Failure::Cluster(format!(
                        "the primary, replica {primary}, does not tell whether client {client} has a session: {answer}"
                    )));
                }
                _ => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Whether the cluster is the one that a progress file is about.
    fn check_resume(&self, state: &State, last_op: u64, path: &str) -> Result<(), Failure> {
        let mut last_op = last_op;
        // A replica that was just restarted commits again what it has.
        while last_op < state.op && last_op > 0 && Instant::now() < self.until {
            std::thread::sleep(PAUSE);
            last_op = self.last_op()?;
        }
        let in_flight = 1 + u64::from(state.pulse_in_doubt.is_some());
        let problem = if last_op == 0 && state.op == 0 {
            return Ok(());
        } else if last_op == 0 {
            format!(
                "op {} was acknowledged, and this cluster is empty: it was formatted anew, or is another one. To begin \
                 anew with it, move the progress file away",
                state.op
            )
        } else if last_op < state.op {
            format!(
                "op {} was acknowledged, and the cluster has {last_op}: it lost operations, or is another one. To begin \
                 anew, format it anew and move the progress file away",
                state.op
            )
        } else if last_op > state.op + in_flight {
            format!(
                "the cluster has op {last_op}, and op {} was the last that was acknowledged: the file is older than \
                 the cluster, as after a power failure here, or something else writes there. Move it away; then the \
                 command tells where to go on",
                state.op
            )
        } else {
            let sessions = state.sessions.last().and_then(|saved| saved.restore());
            let client = match sessions {
                Some((client, _)) => client,
                // The register was perhaps sent, and not answered.
                None if last_op == state.op => return Ok(()),
                None => return self.check_register(state, last_op, path),
            };
            if self.has_session(client)? {
                return Ok(());
            }
            "the cluster does not know the session of that recovery: it is another cluster, or something else wrote \
             there. To begin anew, format it anew and move the progress file away"
                .to_owned()
        };
        Err(Failure::Cluster(format!("the progress file {path} does not fit the cluster: {problem}")))
    }

    /// The only operation of the cluster must be our register, as it was sent and not answered.
    fn check_register(&self, state: &State, last_op: u64, path: &str) -> Result<(), Failure> {
        let Some(summary) = self.summary else { return Ok(()) };
        for &release in summary.releases.keys() {
            if self.has_session(Cluster::client_id(Release(release), state.resumes))? {
                return Ok(());
            }
        }
        Err(Failure::Cluster(format!(
            "the progress file {path} does not fit the cluster: nothing was acknowledged, and the cluster has op \
             {last_op}. {NORMAL_MODE}"
        )))
    }

    /// Why a cluster that holds something is not replayed into.
    fn not_empty(&self, logs: &mut Logs, last_op: u64) -> Failure {
        let refused =
            |text: String| Failure::Cluster(format!("the cluster is not empty: it has op {last_op}. {text}"));
        let Some(summary) = self.summary else {
            return refused(
                "Without a preflight it is not known whether it holds the beginning of this log: leave out \
                 --no-preflight"
                    .into(),
            );
        };
        let replayed = summary.releases.keys().try_fold(false, |found, &release| {
            Ok(found || self.has_session(Cluster::client_id(Release(release), 0))?)
        });
        match replayed {
            Err(failure) => failure,
            Ok(false) => refused(NORMAL_MODE.into()),
            Ok(true) => match self.position(logs, summary, last_op) {
                Err(failure) => failure,
                Ok(None) => refused(
                    "A log of the same release was replayed into it, and how far cannot be told by its ops: format it \
                     anew"
                        .into(),
                ),
                Ok(Some((Position { next_op: Some(op), .. }, _))) => refused(format!(
                    "A log of the same release was replayed into it, and the progress file is not there. If it was \
                     this log, --from-op {op} goes on; otherwise format the cluster anew"
                )),
                Ok(Some((Position { next_op: None, .. }, _))) => refused(
                    "A log of the same release was replayed into it; if it was this log, it is whole. Otherwise \
                     format the cluster anew"
                        .into(),
                ),
            },
        }
    }

    /// Where the cluster stands in the log, and how many times it was gone on with by `--from-op`.
    fn position(
        &self,
        logs: &mut Logs,
        summary: &Summary,
        last_op: u64,
    ) -> Result<Option<(Position, u32)>, Failure> {
        // Each time began with a register of its own for each release that it came to.
        let mut resumes = 0;
        let mut registers = 0;
        loop {
            let mut found = 0;
            for &release in summary.releases.keys() {
                found += u64::from(self.has_session(Cluster::client_id(Release(release), resumes + 1))?);
            }
            if found == 0 {
                break;
            }
            registers += found;
            resumes += 1;
        }
        let admission = Admission::new(self.args.cluster, self.args.pulses);
        let position = position::of(logs.log(), admission, last_op.saturating_sub(registers))?;
        Ok(position.map(|position| {
            let timestamp = position.timestamp.saturating_add(registers);
            (Position { timestamp, ..position }, resumes)
        }))
    }

    /// Goes on with another client where the operator says, if the cluster agrees.
    fn resume_without_state(
        &self,
        logs: &mut Logs,
        state: &mut State,
        from_op: u64,
        last_op: Option<u64>,
    ) -> Result<(), Failure> {
        let Some(last_op) = last_op else {
            return Err(Failure::Cluster(
                "--from-op needs a cluster that can be asked what it holds: release 0.17.6 or newer".into(),
            ));
        };
        if last_op == 0 {
            return Err(Failure::Cluster(
                "the cluster is empty: leave out --from-op, and all is replayed from the beginning".into(),
            ));
        }
        let Some(summary) = self.summary else {
            return Err(Failure::Usage("--from-op needs the preflight: leave out --no-preflight".into()));
        };
        let Some((position, resumes)) = self.position(logs, summary, last_op)? else {
            return Err(Failure::Cluster(format!(
                "the cluster has op {last_op}, and that does not tell where in this log it stands: pulses were \
                 replayed, or it holds something else. Format it anew and replay from the beginning"
            )));
        };
        let last_held = position.last.as_ref().map_or(0, |last| last.op);
        let Some(next_op) = position.next_op else {
            return Err(Failure::Cluster(
                "the cluster holds the whole log: there is nothing to go on with".into(),
            ));
        };
        if from_op > next_op || from_op <= last_held {
            return Err(Failure::Cluster(format!(
                "the cluster has op {last_op}, which is op {last_held} of this log: --from-op {next_op} goes on, and \
                 {from_op} would leave operations out or send some again"
            )));
        }
        state.resumes = resumes + 1;
        state.op = last_op;
        state.entry = position.last;
        state.requests = position.requests;
        state.timestamp = position.timestamp;
        Ok(())
    }
}

const NORMAL_MODE: &str = "No replay of this log has a session there: it was used otherwise, or was once started \
                           without --aof-recovery, which leaves an operation behind. Format it anew and start all \
                           replicas with --experimental --aof-recovery";
