//! Going on without a progress file: by the number of the cluster's ops, and the operator's word.
//!
//! A cluster tells how many operations it has, and no more than that. Which they are is taken for granted.

use super::ask::Asker;
use super::beside::Search;
use super::position::{self, Position};
use super::preflight::Logs;
use crate::failure::{Failure, shown};
use crate::replay::admission::{Admission, Summary};
use crate::replay::cluster::Cluster;
use crate::replay::state::{Granted, State};
use aof_nostd::wire::Release;

/// What a number of ops cannot tell.
const GRANTED: &str = "This counts operations, and takes for granted what they are: it is right only if they are this \
                       whole log from its beginning, no replica ever ran without --aof-recovery since, and no other \
                       recovery runs. If you are not certain, format the cluster anew";

impl Asker<'_> {
    /// Refuses a cluster that another log was replayed into, by the progress file of that replay.
    pub(super) fn check_other_logs(
        &self,
        search: &Search,
        state: &State,
        last_op: u64,
    ) -> Result<(), Failure> {
        for (path, other) in search.of_other_logs(&state.cluster, &state.log, last_op) {
            let client = other.sessions.last().and_then(|saved| saved.restore());
            if let Some((client, _)) = client
                && self.has_session(client)?
            {
                return Err(Failure::Cluster(format!(
                    "the cluster is not empty: it has op {last_op}, and the progress file {} says so too: it is of \
                     another log, whose first entry has checksum {}. To continue with that log, give it. To replay \
                     this one, format the cluster again. If the file is of another cluster, move it away",
                    shown(path),
                    other.log
                )));
            }
        }
        Ok(())
    }

    /// Why a cluster that holds something is not replayed into.
    pub(super) fn not_empty(&self, logs: &mut Logs, search: &Search, last_op: u64) -> Failure {
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
                Ok(None) => refused(format!(
                    "A log of the same release was replayed into it, and {search}. How far cannot be told by its ops: \
                     format it anew"
                )),
                Ok(Some((Position { next_op: Some(op), .. }, _))) => refused(format!(
                    "A log of the same release was replayed into it, and {search}. By the number of ops, --from-op \
                     {op} goes on. {GRANTED}"
                )),
                Ok(Some((Position { next_op: None, .. }, _))) => refused(format!(
                    "A log of the same release was replayed into it, and {search}. By the number of ops, it is \
                     whole. {GRANTED}"
                )),
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
        if let Some(position) = position.as_ref().filter(|_| resumes == 0) {
            self.check_sessions(summary, position, last_op)?;
        }
        Ok(position.map(|position| {
            let timestamp = position.timestamp.saturating_add(registers);
            (Position { timestamp, ..position }, resumes)
        }))
    }

    /// Refuses a cluster whose sessions are not those that this log makes up to a position.
    fn check_sessions(&self, summary: &Summary, position: &Position, last_op: u64) -> Result<(), Failure> {
        for &release in summary.releases.keys() {
            let is_there = self.has_session(Cluster::client_id(Release(release), 0))?;
            if is_there != position.releases.contains(&release) {
                let (found, wanted) = if is_there { ("a", "not yet") } else { ("no", "already") };
                return Err(Failure::Cluster(format!(
                    "the cluster is not empty: it has op {last_op}, and what was replayed into it is another log: it \
                     has {found} session of release {}, and with as many ops this log has {wanted} begun one. Give the \
                     log that the recovery began with, or format the cluster again to replay this one",
                    Release(release)
                )));
            }
        }
        Ok(())
    }

    /// Goes on with another client where the operator says, if the cluster agrees.
    pub(super) fn resume_without_state(
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
        state.granted = Some(Granted { op: last_held, requests: position.requests });
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
