//! After a recovery replicas start as usual, have the data, and take more.

use crate::environment::Environment;
use crate::log::Log;
use crate::recording::recording;
use crate::recovery::Tool;
use crate::server::{Cluster, Mode};
use aof_nostd::wire::Operation;

#[test]
fn restart_without_recovery_mode_works() {
    let Some(environment) = Environment::get() else { return };
    let recording = recording(&environment);
    for count in [1, 3] {
        let mut cluster = Cluster::fresh(&environment, count, Mode::Recovery);
        let log = recording.log.write(cluster.directory(), "input.aof");
        Tool::Ours.recover(&cluster, &log);
        cluster.settle();
        cluster.stop();
        cluster.start(Mode::Normal);
        check(&cluster, &recording.log);
        // And again: what it wrote since is as good.
        cluster.stop();
        cluster.start(Mode::Normal);
        assert!(cluster.holds("accounts", NEW), "{count} replicas");
    }
}

/// An account that no log has.
const NEW: u128 = 7_000_000_001;

fn check(cluster: &Cluster, log: &Log) {
    for (objects, operation) in
        [("accounts", Operation::CREATE_ACCOUNTS), ("transfers", Operation::CREATE_TRANSFERS)]
    {
        let ids = log.ids(operation);
        assert!(cluster.holds(objects, ids[0]) && cluster.holds(objects, ids[ids.len() - 1]), "{objects}");
    }
    assert!(!cluster.holds("accounts", NEW));
    cluster.query(&format!("create_accounts id={NEW} ledger=1 code=1;")).success();
    assert!(cluster.holds("accounts", NEW));
}
