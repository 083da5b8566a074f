//! A log that means something else without its pulses: an account's money is pending, the pending transfer
//! expires by a pulse, and only then the next transfer has enough.

use crate::environment::Environment;
use crate::log::{Log, data};
use crate::recovery::{REPLAY_LIMIT, Tool, recover_with_kills};
use crate::server::{Cluster, Mode};
use std::path::Path;

/// The transfer that depends on the pulse.
const TRANSFER: u128 = 12;

/// The log: ten entries, and a pulse that matters.
pub(crate) fn input() -> Log {
    data("expiry.aof")
}

#[test]
fn expired_transfer_is_recovered() {
    let Some(environment) = Environment::get() else { return };
    for count in [1, 3] {
        assert!(
            transfer_is_there(&environment, count, |cluster, log| Tool::Ours.recover(cluster, log)),
            "{count}"
        );
    }
}

/// That the transfer is missing where pulses are left out: so the test above tests something.
#[test]
fn without_pulses_it_is_lost() {
    let Some(environment) = Environment::get() else { return };
    let skip = |cluster: &Cluster, log: &Path| {
        let mut command = Tool::Ours.command(cluster, log);
        cluster.run(command.arg("--pulses=skip"), "recover", REPLAY_LIMIT).success();
    };
    assert!(!transfer_is_there(&environment, 1, skip));
    let Some(reference) = environment.reference() else { return };
    let reference = |cluster: &Cluster, log: &Path| Tool::Reference(reference).recover(cluster, log);
    assert!(!transfer_is_there(&environment, 1, reference));
}

/// The tool is killed as soon as an entry is in the replica's log, for each entry.
#[test]
fn expired_transfer_is_recovered_though_killed_at_each_entry() {
    let Some(environment) = Environment::get() else { return };
    let ends = {
        let mut cluster = Cluster::fresh(&environment, 1, Mode::Recovery);
        Tool::Ours.recover(&cluster, &input().write(cluster.directory(), "input.aof"));
        cluster.stop();
        Log::read(&cluster.aof(0)).ends()
    };
    let replay = |cluster: &Cluster, log: &Path| {
        let killed = recover_with_kills(cluster, log, ends.iter().copied());
        assert!(killed > 1, "it was killed before its end more than once");
    };
    assert!(transfer_is_there(&environment, 1, replay));
}

/// Recovers into a fresh cluster, starts that as usual, and asks it.
fn transfer_is_there(environment: &Environment, count: usize, replay: impl Fn(&Cluster, &Path)) -> bool {
    let mut cluster = Cluster::fresh(environment, count, Mode::Recovery);
    replay(&cluster, &input().write(cluster.directory(), "input.aof"));
    cluster.settle();
    cluster.stop();
    cluster.start(Mode::Normal);
    assert!(cluster.holds("transfers", TRANSFER - 1), "the transfer that expired is there in any case");
    cluster.holds("transfers", TRANSFER)
}
