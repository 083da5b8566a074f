//! The tool, or replicas, are killed in the middle of a replay.

use crate::environment::Environment;
use crate::log::{Log, data_checksum, merge};
use crate::recording::recording;
use crate::recovery::{REPLAY_LIMIT, Tool, recover_with_kills, single, undisturbed, wait_for_size};
use crate::server::{Cluster, Mode};
use std::path::Path;
use std::time::Duration;

#[test]
fn killed_and_resumed_three_times() {
    let Some(environment) = Environment::get() else { return };
    let recording = recording(&environment);
    let whole = single(&environment, &recording.log);
    let size = whole.logs[0].size();
    let replay = |cluster: &Cluster, log: &Path| {
        let killed = recover_with_kills(cluster, log, (1..=3).map(|quarter| size * quarter / 4));
        assert_eq!(killed, 3, "it was killed before its end each time");
    };
    let resumed = undisturbed(&environment, 1, &recording.log, replay);
    resumed.assert_same(whole);
}

#[cfg(unix)]
#[test]
fn stopped_by_a_signal_and_resumed() {
    let Some(environment) = Environment::get() else { return };
    let recording = recording(&environment);
    let whole = single(&environment, &recording.log);
    let replay = |cluster: &Cluster, log: &Path| {
        let mut tool = Tool::Ours.start(cluster, log);
        wait_for_size(cluster, &mut tool, whole.logs[0].size() / 2);
        tool.interrupt();
        let ran = tool.finish(Duration::from_secs(10));
        assert_eq!(ran.status.code(), Some(130), "{ran}");
        Tool::Ours.recover(cluster, log);
    };
    undisturbed(&environment, 1, &recording.log, replay).assert_same(whole);
}

#[test]
fn replica_killed_and_restarted_half_way() {
    let Some(environment) = Environment::get() else { return };
    for count in [1, 3] {
        let recording = recording(&environment);
        let mut cluster = Cluster::fresh(&environment, count, Mode::Recovery);
        let log = recording.log.write(cluster.directory(), "input.aof");
        let mut tool = Tool::Ours.start(&cluster, &log);
        wait_for_size(&cluster, &mut tool, recording.log.size() / 2);
        let view = *Log::read(&cluster.aof(0)).views().last().expect("half of it is there");
        let primary = usize::try_from(view).unwrap() % count;
        cluster.kill(primary);
        assert!(tool.runs(), "the replica was to be killed before the replay's end\n{}", tool.tail());
        // Long enough for the others to elect another primary.
        std::thread::sleep(Duration::from_secs(2));
        cluster.start(Mode::Recovery);
        tool.finish(REPLAY_LIMIT).success();
        // The killed replica may follow for a minute yet. But what was acknowledged is in some replica's log.
        cluster.stop();

        let logs: Vec<_> = (0..count).map(|index| cluster.aof(index)).collect();
        let merged = merge(&logs, cluster.directory());
        assert!(Log::read(&merged).views().last() > Some(&view), "{count} replicas: the view went on");
        assert_eq!(data_checksum(&merged), recording.data_checksum, "{count} replicas");
    }
}
