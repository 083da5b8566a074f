//! A log that means something else without its pulses: an account's money is pending, the pending transfer
//! expires by a pulse, and only then the next transfer has enough.

use crate::environment::Environment;
use crate::log::Log;
use crate::process::wait_until;
use crate::recovery::{REPLAY_LIMIT, Tool};
use crate::server::{Cluster, Mode};
use std::path::Path;

/// The transfer that depends on the pulse.
const TRANSFER: u128 = 12;

/// The log: ten entries, and a pulse that matters.
pub(crate) fn input() -> Log {
    Log::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/expiry.aof"))
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
        command.arg("--pulses=skip");
        cluster.run(&mut command, "recover", REPLAY_LIMIT);
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
        let mut killed = 0;
        for &end in &ends {
            let mut tool = Tool::Ours.start(cluster, log);
            assert!(wait_until(REPLAY_LIMIT, || cluster.aof_size(0) >= end || !tool.runs()));
            killed += u32::from(tool.runs());
            tool.kill();
        }
        assert!(killed > 1, "it was killed before its end more than once");
        Tool::Ours.recover(cluster, log);
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
