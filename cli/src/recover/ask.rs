//! Who is there, and what the cluster holds: questions until there is an answer, or no time left.
//!
//! Only the primary can tell what the cluster holds, and a backup answers the same ping as if nothing were
//! there. Which replica is the primary follows from the view and the number of replicas, which nobody
//! tells: a list of addresses may be incomplete. So the one that should be the primary has to prove it: it
//! refuses a ping whose release no cluster takes, and a backup says nothing to that.

use crate::args::RecoverArgs;
use crate::failure::Failure;
use crate::output;
use crate::replay::addresses::Addresses;
use crate::replay::admission::Summary;
use crate::replay::client::Closed;
use crate::replay::probe::{Answer, Probe, RELEASE_OF_SESSIONS_IN_PINGS, unused_client};
use aof_nostd::message::EvictionReason;
use aof_nostd::wire::Release;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How long one answer to a ping may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a primary may take to prove that it is one. A backup never does.
const PROOF_PATIENCE: Duration = Duration::from_millis(500);

/// A release that every cluster is too new for.
const RELEASE_OF_NOBODY: Release = Release::new(0, 0, 1);

/// How long a cluster that was started before must say that it is empty.
const ZERO_STAYS: Duration = Duration::from_secs(2);

/// How long a cluster that is just starting may say nothing, or not yet which replica is the primary, without an
/// alarm.
const QUIET: Duration = Duration::from_secs(3);

/// Between two rounds of questions.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// Asks until a time.
pub(super) struct Asker<'a> {
    pub(super) args: &'a RecoverArgs,
    pub(super) addresses: &'a Addresses,
    pub(super) summary: Option<&'a Summary>,
    pub(super) probe: Probe,
    pub(super) until: Instant,
}

/// A cluster that answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Its view.
    pub(super) view: u32,
    /// Its release.
    pub(super) release: Release,
    /// The replica that proved to be its primary. (Those before 0.17.6 are believed.)
    pub(super) primary: u8,
}

/// A probe for a log, by the newest of its releases.
pub(super) fn probe(args: &RecoverArgs, addresses: &Addresses, summary: Option<&Summary>) -> Probe {
    let newest = summary.and_then(|summary| summary.releases.last_key_value());
    let release = newest.map_or(RELEASE_OF_SESSIONS_IN_PINGS.0, |(release, _)| *release);
    let patience = PATIENCE.min(args.timeout());
    Probe::new(addresses, args.cluster, Release(release), patience)
}

impl Asker<'_> {
    /// Waits until the primary answers, and proves to be it.
    pub(super) fn find_cluster(&self) -> Result<Found, Failure> {
        let mut probe = self.probe.clone();
        let begin = Instant::now();
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
            let mut unproved = None;
            if let Some((view, release)) = pongs.max_by_key(|(view, _)| *view)
                && let Some(primary) = self.primary(view)
                && matches!(answers.get(usize::from(primary)), Some(Answer::Pong { .. }))
            {
                if release < RELEASE_OF_SESSIONS_IN_PINGS || self.is_primary(primary) {
                    return Ok(Found { view, release, primary });
                }
                unproved = Some(format!(
                    "replica {primary}, which would be the primary of view {view} if these were all, is not. \
                     {ALL_ADDRESSES}"
                ));
            }
            let all_close =
                answers.iter().all(|answer| !matches!(answer, Answer::Pong { .. } | Answer::Silent))
                    && answers.iter().any(|answer| matches!(answer, Answer::Closed(Closed::ByReplica)));
            closed = if all_close { closed + 1 } else { 0 };
            if output::stopped() {
                return Err(Failure::Interrupted);
            }
            if closed >= 3 || Instant::now() >= self.until {
                return Err(Failure::Cluster(self.nobody(&answers, unproved)));
            }
            if !told && begin.elapsed() >= QUIET {
                told = true;
                let list = self.list(&answers);
                let why = unproved.map(|why| format!(": {why}")).unwrap_or_default();
                output::note(&format!(
                    "waiting for the cluster, {} s at most{why}{list}",
                    self.args.timeout().as_secs()
                ));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The primary of a view, if the list of addresses is whole.
    fn primary(&self, view: u32) -> Option<u8> {
        u8::try_from(view % u32::from(self.addresses.count().max(1))).ok()
    }

    /// Whether a replica proves to be the primary, and to be at work.
    fn is_primary(&self, replica: u8) -> bool {
        let probe = self.probe.with_release(RELEASE_OF_NOBODY).with_patience(PROOF_PATIENCE);
        matches!(probe.ask(replica, unused_client(), 0), Answer::Evicted { .. })
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
    fn nobody(&self, answers: &[Answer], unproved: Option<String>) -> String {
        let any = |wanted: fn(&Answer) -> bool| answers.iter().any(wanted);
        let what = if let Some(unproved) = unproved {
            unproved
        } else if any(|answer| matches!(answer, Answer::Pong { .. })) {
            format!("the primary does not answer, and no other replica has taken its place. {ALL_ADDRESSES}")
        } else if any(|answer| matches!(answer, Answer::Closed(Closed::ByReplica))) {
            format!(
                "what listens there closes the connection: is the cluster's id {}? A replica closes connections of \
                 another cluster, and other programs those of a replay",
                self.args.cluster
            )
        } else if any(|answer| matches!(answer, Answer::Closed(_) | Answer::Foreign)) {
            "what listens there does not speak the protocol of replicas: are the addresses right?".to_owned()
        } else if any(|answer| *answer == Answer::Silent) {
            "what listens there accepts connections and is silent: is it a replica, has it finished starting, and \
             is it not frozen?"
                .to_owned()
        } else {
            format!("{NOBODY}: are they running, and are the addresses right?")
        };
        format!("{what}{}", self.list(answers))
    }

    /// Whether the cluster takes all releases of the log. A release is asked about by a ping that has it.
    pub(super) fn check_releases(&self, primary: u8) -> Result<(), Failure> {
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
    pub(super) fn last_op(&self) -> Result<u64, Failure> {
        let begin = Instant::now();
        loop {
            let Found { view, primary, .. } = self.find_cluster()?;
            match self.probe.last_op(primary) {
                Ok(0) if view > 1 && begin.elapsed() < ZERO_STAYS => {}
                // What it has, it has; but it must not have become a backup when it said that there is no more.
                Ok(op) if self.is_primary(primary) => return Ok(op),
                Ok(_) if Instant::now() < self.until => {}
                Ok(_) => return Err(Failure::Cluster(CHANGES.into())),
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
    pub(super) fn has_session(&self, client: u128) -> Result<bool, Failure> {
        loop {
            let primary = self.find_cluster()?.primary;
            match self.probe.ask(primary, client, 1) {
                Answer::Evicted { reason: EvictionReason::NoSession, .. } => return Ok(false),
                Answer::Pong { .. } if self.is_primary(primary) => return Ok(true),
                Answer::Pong { .. } if Instant::now() >= self.until => {
                    return Err(Failure::Cluster(CHANGES.into()));
                }
                _ if output::stopped() => return Err(Failure::Interrupted),
                answer if Instant::now() >= self.until => {
                    return Err(Failure::Cluster(format!(
                        "the primary, replica {primary}, does not tell whether client {client} has a session: {answer}"
                    )));
                }
                _ => std::thread::sleep(PAUSE),
            }
        }
    }
}

const ALL_ADDRESSES: &str =
    "Are these the addresses of all replicas, in the cluster's order, and do most replicas run?";

/// What a failure to find a cluster begins with where nothing listens.
pub(super) const NOBODY: &str = "no replica can be reached";

const CHANGES: &str =
    "the primary changes all the time: look after the replicas, then give the same command again";
