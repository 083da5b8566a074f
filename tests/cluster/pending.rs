//! A log full of pending transfers that expire meanwhile: every balance on the way is the source's.
//!
//! What a pulse does is not in the log, and the data checksum does not cover it. But an account with the
//! flag `history` keeps its balances as each transfer left them, and pending amounts are among them: one
//! pulse too early, too late, lost or repeated, and some of them differ.

use crate::environment::Environment;
use crate::log::{Log, data_checksum, merge};
use crate::process::run;
use crate::recovery::{REPLAY_LIMIT, Tool, recover_with_kills};
use crate::server::{Cluster, Mode};
use aof_nostd::wire::Operation;
use std::path::Path;
use std::time::Duration;

#[test]
fn balances_are_the_sources_though_killed_among_pulses() {
    let Some(environment) = Environment::get() else { return };
    let (log, histories) = record(&environment);
    let recovered = recover(&environment, &log, |cluster, path| {
        let killed = recover_with_kills(cluster, path, (1..=8).map(|ninth| log.size() * ninth / 9));
        assert!(killed > 4, "it was killed before its end more than half the times");
    });
    assert!(recovered == histories, "balances differ");

    let without_pulses = recover(&environment, &log, |cluster, path| {
        let mut command = Tool::Ours.command(cluster, path);
        cluster.run(command.arg("--pulses=skip"), "recover", REPLAY_LIMIT).success();
    });
    assert!(without_pulses != histories, "nothing expired on the way, and nothing was tested");
}

/// What a load leaves behind, half of whose transfers are pending for some seconds.
fn record(environment: &Environment) -> (Log, Vec<String>) {
    let mut cluster = Cluster::fresh(environment, 1, Mode::Normal);
    let mut load = cluster.command("benchmark");
    load.arg(format!("--addresses={}", cluster.addresses())).arg("--clients=1").arg("--query-count=1");
    load.arg("--account-count=10").arg("--account-batch-count=1");
    load.arg("--transfer-count=1000").arg("--transfer-batch-count=5").arg("--transfer-pending");
    load.arg("--transfer-batch-delay=40ms");
    run(&mut load, cluster.directory(), "benchmark", Duration::from_secs(120)).success();
    let histories = histories(&cluster, &Log::read(&cluster.aof(0)));
    cluster.stop(); // in the middle of a pulse, perhaps: others still expire
    let log = Log::read(&merge(&[cluster.aof(0)], cluster.directory()));
    assert!(log.count(Operation::PULSE) > 20, "{} pulses", log.count(Operation::PULSE));
    (log, histories)
}

/// Recovers into a fresh replica, starts it as usual, and asks for the balances.
fn recover(environment: &Environment, log: &Log, replay: impl Fn(&Cluster, &Path)) -> Vec<String> {
    let mut cluster = Cluster::fresh(environment, 1, Mode::Recovery);
    let path = log.write(cluster.directory(), "input.aof");
    replay(&cluster, &path);
    cluster.stop();
    assert_eq!(data_checksum(&cluster.aof(0)), data_checksum(&path));
    cluster.start(Mode::Normal);
    histories(&cluster, log)
}

/// The balances of all accounts, after each transfer.
fn histories(cluster: &Cluster, log: &Log) -> Vec<String> {
    let accounts = log.ids(Operation::CREATE_ACCOUNTS);
    let history = |id| cluster.balances(id);
    accounts.into_iter().map(history).collect()
}
