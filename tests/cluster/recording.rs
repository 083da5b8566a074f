//! The log of a cluster under load: three replicas, of which one is killed and comes back.

use crate::environment::Environment;
use crate::log::{Log, data_checksum, merge};
use crate::process::Process;
use crate::server::{Cluster, Mode};
use std::sync::OnceLock;
use std::time::Duration;

/// Requests of the load. A checkpoint is written when op 991 commits, and the recovered state can be
/// compared by it only then. The reference takes 10 ms for each.
const REQUESTS: u32 = 1500;

/// The load takes at least `REQUESTS` times its delay of 6 ms.
const LOAD_LIMIT: Duration = Duration::from_secs(120);

/// What was recorded.
pub(crate) struct Recording {
    /// Each replica's log.
    pub(crate) replicas: Vec<Log>,
    /// All of them, merged.
    pub(crate) log: Log,
    /// Its data checksum.
    pub(crate) data_checksum: String,
}

/// Records once for all tests.
pub(crate) fn recording(environment: &Environment) -> &'static Recording {
    static RECORDING: OnceLock<Recording> = OnceLock::new();
    RECORDING.get_or_init(|| record(environment))
}

fn record(environment: &Environment) -> Recording {
    let mut cluster = Cluster::fresh(environment, 3, Mode::Normal);
    let mut load = cluster.command("benchmark");
    load.arg(format!("--addresses={}", cluster.addresses())).arg("--clients=2");
    load.arg("--account-count=100").arg("--account-batch-count=10");
    load.arg(format!("--transfer-count={}", 2 * REQUESTS)).arg("--transfer-batch-count=2");
    load.arg("--transfer-batch-delay=6ms").arg("--query-count=5");
    let load = Process::start(&mut load, cluster.directory(), "benchmark");
    // A fresh cluster of three has replica 1 as primary: so there is a change of views in the log.
    std::thread::sleep(Duration::from_secs(2));
    cluster.kill(1);
    std::thread::sleep(Duration::from_secs(1));
    cluster.start(Mode::Normal);
    load.finish(LOAD_LIMIT).success();
    // The killed replica may still be following; the others' logs have all that was acknowledged.
    cluster.stop();

    let paths: Vec<_> = (0..cluster.count()).map(|index| cluster.aof(index)).collect();
    let replicas: Vec<_> = paths.iter().map(|path| Log::read(path)).collect();
    let merged = merge(&paths, cluster.directory());
    let log = Log::read(&merged);
    assert!(replicas[1] != log, "the replica that was killed repeats what it had written");
    assert!(log.views().len() > 1, "the primary was killed, and its view went on");
    assert!(log.replayable() > 1000, "a recovered cluster reaches its first checkpoint");
    Recording { replicas, data_checksum: data_checksum(&merged), log }
}
