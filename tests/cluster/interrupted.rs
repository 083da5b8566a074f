//! The tool, or replicas, are killed in the middle of a replay.

use crate::environment::Environment;
use crate::log::{Log, data_checksum, merge};
use crate::process::{Process, wait_until};
use crate::recording::recording;
use crate::recovery::{REPLAY_LIMIT, Tool, single, undisturbed};
use crate::server::{Cluster, Mode};
use std::time::Duration;

#[test]
fn killed_and_resumed_three_times() {
    let Some(environment) = Environment::get() else { return };
    let recording = recording(&environment);
    let whole = single(&environment, &recording.log);
    let size = whole.logs[0].size();
    let replay = |cluster: &Cluster, log: &std::path::Path| {
        for quarter in 1..=3 {
            let mut tool = Tool::Ours.start(cluster, log);
            wait_for_size(cluster, &mut tool, 0, size * quarter / 4);
            assert!(tool.runs(), "it was to be killed before its end\n{}", tool.tail());
            tool.kill();
        }
        Tool::Ours.recover(cluster, log);
    };
    let resumed = undisturbed(&environment, 1, &recording.log, replay);
    resumed.assert_same(whole);
}

#[test]
fn replica_killed_and_restarted_half_way() {
    let Some(environment) = Environment::get() else { return };
    for count in [1, 3] {
        let recording = recording(&environment);
        let mut cluster = Cluster::fresh(&environment, count, Mode::Recovery);
        let log = recording.log.write(cluster.directory(), "input.aof");
        let mut tool = Tool::Ours.start(&cluster, &log);
        wait_for_size(&cluster, &mut tool, 0, recording.log.size() / 2);
        let view = *Log::read(&cluster.aof(0)).views().last().expect("half of it is there");
        let primary = usize::try_from(view).unwrap() % count;
        cluster.kill(primary);
        assert!(tool.runs(), "the replica was to be killed before the replay's end\n{}", tool.tail());
        // Long enough for the others to elect another primary.
        std::thread::sleep(Duration::from_secs(2));
        cluster.start(Mode::Recovery);
        tool.finish(REPLAY_LIMIT).success();
        cluster.settle();
        cluster.stop();

        let logs: Vec<_> = (0..count).map(|index| cluster.aof(index)).collect();
        let merged = merge(&logs, cluster.directory());
        assert!(Log::read(&merged).views().last() > Some(&view), "{count} replicas: the view went on");
        assert_eq!(data_checksum(&merged), recording.data_checksum, "{count} replicas");
    }
}

/// Waits until a replica's log has a size: so far has the replay come.
fn wait_for_size(cluster: &Cluster, tool: &mut Process, replica: usize, size: u64) {
    let reached = wait_until(REPLAY_LIMIT, || cluster.aof_size(replica) >= size || !tool.runs());
    assert!(reached, "{} of {size} bytes\n{}", cluster.aof_size(replica), tool.tail());
}
