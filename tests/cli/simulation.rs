//! The replay client against the model of a cluster, in simulated time: what a network and a cluster may
//! do, ten thousand times over.
//!
//! ```text
//! plan --> Client --> wires: late, lost, twice, torn, flipped, cut --> Cluster
//!   ^                                                                     |
//!   |                 crashes, view changes, isolation, other processes   |
//!   +--------------------------- what was committed <---------------------+
//! ```
//!
//! A seed chooses everything. For each the client must either have every request acknowledged, once, in
//! order and under the op that the cluster gave it; or end in an error for which the seed gave cause.
//! The cluster must hold what was to be sent and nothing else, and must not have come to harm.
//!
//! A failure names its seed. `SEED=n cargo test -p aof-cli --test cli simulation` runs one, and tells what
//! happens.

mod check;
mod plan;
mod run;
mod trouble;
mod wires;

use self::plan::{Fate, Plan};
use self::run::{End, Run};
use aof_cli::replay::client::ClientError;
use aof_nostd::message::EvictionReason;
use std::time::Duration;

/// Seeds of a full run.
const SEEDS: u64 = 10_000;

/// Names the seed of a failure.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the simulation failed: SEED={}", self.0);
        }
    }
}

#[test]
fn every_request_is_acknowledged_once_in_order_whatever_happens() {
    let one = std::env::var("SEED").ok().map(|seed| seed.parse().expect("SEED is a number"));
    let mut census = Census::default();
    for seed in one.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let named = Named(seed);
        let plan = Plan::new(seed);
        let fate = plan.fate;
        let mut run = Run::new(plan, one.is_some());
        let end = run.run();
        judge(fate, run.fated, &end);
        run.check(&end);
        census.count(&run, &end);
        std::mem::forget(named);
    }
    if one.is_none() {
        eprintln!("{census:?}");
        census.check();
    }
}

/// Whether a run may end like this.
fn judge(fate: Fate, fated: bool, end: &End) {
    let justified = match (fate, end) {
        // Who is done before it comes is lucky, or has nothing more to send than what is answered already.
        (Fate::Success | Fate::SessionLost | Fate::Outage, End::Done) => true,
        (Fate::Outage, End::Failed(ClientError::Timeout { .. })) => fated,
        (Fate::NotInRecovery | Fate::OtherCluster, End::Failed(ClientError::Timeout { .. })) => true,
        (Fate::BodyTooLarge, End::Failed(ClientError::BodyTooLarge { .. })) => true,
        (fate, End::Failed(ClientError::Evicted { reason, .. })) => match fate {
            Fate::SessionLost => fated && *reason == EvictionReason::NoSession,
            Fate::ReleaseTooHigh => *reason == EvictionReason::ClientReleaseTooHigh,
            Fate::ReleaseTooLow => *reason == EvictionReason::ClientReleaseTooLow,
            _ => false,
        },
        _ => false,
    };
    assert!(justified, "{fate:?} does not justify {end:?}");
}

/// What came up in all seeds: a simulation in which nothing happens proves nothing.
#[derive(Debug, Default)]
struct Census {
    done: usize,
    timeouts: usize,
    evictions: usize,
    acknowledged: usize,
    resent: usize,
    later_views: usize,
    crashes: usize,
    unbelievable: usize,
    processes: usize,
    pulses: usize,
    pulses_lost: usize,
    slowest: Duration,
    steps: usize,
}

impl Census {
    fn count(&mut self, run: &Run, end: &End) {
        match end {
            End::Done => self.done += 1,
            End::Failed(ClientError::Timeout { .. }) => self.timeouts += 1,
            End::Failed(ClientError::Evicted { .. }) => self.evictions += 1,
            End::Failed(_) => {}
        }
        self.acknowledged += run.tally.acknowledged;
        self.resent += run.tally.requests - run.tally.acknowledged.min(run.tally.requests);
        self.later_views += usize::from(run.cluster.view() > 1);
        self.crashes += run.tally.crashes;
        self.unbelievable += run.tally.unbelievable;
        self.processes += run.tally.processes;
        self.pulses += run.tally.pulses;
        self.pulses_lost += run.tally.pulses_lost;
        self.slowest = self.slowest.max(run.tally.slowest);
        self.steps += run.tally.steps;
    }

    fn check(&self) {
        assert!(self.steps < 10_000_000, "{self:?}");
        assert!(self.done > 8_000 && self.timeouts > 100 && self.evictions > 100, "{self:?}");
        assert!(self.resent > 10_000 && self.later_views > 3_000 && self.crashes > 3_000, "{self:?}");
        assert!(self.unbelievable > 1_000 && self.processes > 500, "{self:?}");
        assert!(self.pulses > 1_000 && self.pulses_lost > 50, "{self:?}");
    }
}
