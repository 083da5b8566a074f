//! What the cluster holds, and where to go on. Nothing is sent that changes anything.
//!
//! | progress file | cluster | then |
//! |---|---|---|
//! | none | empty | begin |
//! | of this log, beside another input or a merged log | not empty | as below, with that file |
//! | none | not empty | refused: replayed before, or not made for a recovery; `--from-op` may go on |
//! | there | holds what it says, or one operation more that proves to be this log's | go on |
//! | there | empty, holds less, or more | refused: another cluster, a file older than the cluster, or a replica ran without `--aof-recovery` |
//!
//! The progress file is there, and locked, before the cluster is asked, so that a second recovery is
//! refused at once. Where nothing came of it, it is removed again.

use super::ask::{Asker, Found, NOBODY, probe};
use super::beside::{Search, usual_path};
use super::preflight::Logs;
use crate::args::RecoverArgs;
use crate::failure::{Failure, shown};
use crate::output;
use crate::replay::addresses::Addresses;
use crate::replay::admission::{Pulses, Summary};
use crate::replay::cluster_error::Remedy;
use crate::replay::probe::{Answer, RELEASE_OF_SESSIONS_IN_PINGS};
use crate::replay::state::{State, StateError, StateFile};
use std::path::PathBuf;
use std::time::Instant;

/// Where a replay begins.
#[derive(Debug)]
pub struct Begun {
    /// What was acknowledged before.
    pub state: State,
    /// Where progress is kept; with `--dry-run` only if it was there before.
    pub file: Option<StateFile>,
    /// Its path.
    pub path: PathBuf,
    /// The cluster's view.
    pub view: u32,
    /// The cluster's last op, unless it cannot be asked for.
    pub last_op: Option<u64>,
}

/// Asks all replicas once. For `--dry-run`.
#[must_use]
pub fn survey(args: &RecoverArgs, addresses: &Addresses, summary: &Summary) -> Vec<Answer> {
    probe(args, addresses, Some(summary)).survey()
}

/// Finds out where to begin.
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
    let path = usual_path(args);
    let new_state = State::new(args.cluster, log, pulses_name(args));
    let until = Instant::now() + args.timeout();
    let asker = || Asker { args, addresses, summary, probe: probe(args, addresses, summary), until };
    let opened = StateFile::open(&path).map_err(|error| usage(&error))?;
    let file = match opened {
        Some((file, state)) if !state.is_unused() => return go_on(asker(), logs, file, state, new_state),
        Some((file, _)) => Some(file),
        None if args.dry_run => None,
        None => Some(StateFile::create(&path, &new_state).map_err(|error| usage(&error))?),
    };
    let remove = |file: Option<StateFile>| match file.filter(|_| !args.dry_run) {
        Some(file) => file.remove().map_err(|error| usage(&error)),
        None => Ok(()),
    };
    let elsewhere = match begin_anew(asker(), logs, new_state.clone()) {
        Ok(Anew::Begins(state, view, last_op)) => {
            return Ok(Begun { state: *state, file, path, view, last_op });
        }
        Ok(Anew::GoesOn(elsewhere)) => elsewhere,
        Err(failure) => {
            remove(file)?;
            return Err(failure);
        }
    };
    remove(file)?;
    match StateFile::open(&elsewhere).map_err(|error| usage(&error))? {
        Some((file, state)) => {
            output::note(&format!("the progress file {} is of this log: it is used", shown(&elsewhere)));
            go_on(asker(), logs, file, state, new_state)
        }
        None => Err(usage(&StateError::Damaged(elsewhere))), // somebody has just moved it away
    }
}

fn usage(error: &StateError) -> Failure {
    Failure::Usage(error.to_string())
}

/// With progress of before.
fn go_on(
    asker: Asker<'_>,
    logs: &mut Logs,
    file: StateFile,
    state: State,
    new_state: State,
) -> Result<Begun, Failure> {
    let path = file.path().to_path_buf();
    let name = shown(&path).to_string();
    check_state(asker.args, &state, &new_state.log, &name)?;
    if asker.args.from_op.is_some() {
        return Err(Failure::Usage(format!(
            "the progress file {name} knows where to go on: leave out --from-op, or move the file away"
        )));
    }
    let (asker, view, last_op) = asker.look().map_err(|failure| after_a_death(failure, &state))?;
    // Of a session that nothing came of, as after a limit that was too low, nothing is lost.
    if last_op == Some(0) && state.entry.is_none() && state.resumes == 0 {
        return Ok(Begun { state: new_state, file: Some(file), path, view, last_op });
    }
    let last_op = match last_op {
        Some(last_op) => Some(asker.check_resume(logs, &state, last_op, &name)?),
        None => None,
    };
    Ok(Begun { state, file: Some(file), path, view, last_op })
}

/// Adds what may have ended the replicas: the request that an earlier run waited for.
fn after_a_death(failure: Failure, state: &State) -> Failure {
    match (failure, &state.entry) {
        (Failure::Cluster(text), Some(entry)) if state.in_flight && text.starts_with(NOBODY) => {
            let remedy = Remedy { last_op: entry.op };
            Failure::Cluster(format!(
                "{text}\nThe request after op {} of the log was sent before, and not answered. {remedy}",
                entry.op
            ))
        }
        (failure, _) => failure,
    }
}

/// What a recovery without a progress file at the usual place does.
enum Anew {
    /// It begins, or goes on by `--from-op`, with this state, in this view, after this op.
    Begins(Box<State>, u32, Option<u64>),
    /// It goes on with the progress file that is elsewhere.
    GoesOn(PathBuf),
}

/// Without progress of before at the usual place. An empty cluster is begun with, whatever is beside the logs: those
/// files are of other clusters.
fn begin_anew(asker: Asker<'_>, logs: &mut Logs, mut state: State) -> Result<Anew, Failure> {
    let (asker, view, last_op) = asker.look()?;
    let search = Search::new(asker.args);
    if last_op != Some(0)
        && let Some(elsewhere) = search.of_log(&state.cluster, &state.log)?
    {
        return Ok(Anew::GoesOn(elsewhere.to_path_buf()));
    }
    if let Some(last_op) = last_op.filter(|&last_op| last_op > 0) {
        asker.check_other_logs(&search, &state, last_op)?;
    }
    match (asker.args.from_op, last_op) {
        (None, None | Some(0)) => {}
        (None, Some(last_op)) => return Err(asker.not_empty(logs, &search, last_op)),
        (Some(from_op), last_op) => asker.resume_without_state(logs, &mut state, from_op, last_op)?,
    }
    Ok(Anew::Begins(Box::new(state), view, last_op))
}

impl Asker<'_> {
    /// The cluster's view, and its last op if it can be asked for that.
    fn look(mut self) -> Result<(Self, u32, Option<u64>), Failure> {
        let Found { view, release, primary } = self.find_cluster()?;
        self.probe = self.probe.with_release(release);
        self.check_releases(primary)?;
        if release >= RELEASE_OF_SESSIONS_IN_PINGS {
            let last_op = self.last_op()?;
            return Ok((self, view, Some(last_op)));
        }
        output::note(&format!(
            "the cluster's release {release} cannot be asked what it holds (0.17.6 can): it is taken to be as it \
             should be"
        ));
        Ok((self, view, None))
    }
}

fn pulses_name(args: &RecoverArgs) -> &'static str {
    match args.pulses {
        Pulses::Auto => "auto",
        Pulses::Replay => "replay",
        Pulses::Skip => "skip",
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
