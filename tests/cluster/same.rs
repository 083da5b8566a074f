//! Recorded, merged, recovered: it is the same data, and the reference's recovery to the bit.

use crate::environment::Environment;
use crate::log::data_checksum;
use crate::recording::{Recording, recording};
use crate::recovery::{REPLAY_LIMIT, Recovered, Tool, single, undisturbed};
use crate::server::Cluster;
use std::path::Path;

#[test]
fn record_merge_recover() {
    let Some(environment) = Environment::get() else { return };
    let recording = recording(&environment);
    let one = single(&environment, &recording.log);
    check(recording, one);
    let two = recover(&environment, recording, 2, Tool::Ours);
    check(recording, &two);
    assert_ne!(
        one.superblocks[0], two.superblocks[0],
        "a superblock knows of the replicas, or nothing is compared"
    );

    let Some(reference) = environment.reference() else { return };
    for ours in [one, &two] {
        let theirs = recover(&environment, recording, ours.logs.len(), Tool::Reference(reference));
        ours.assert_same(&theirs);
    }
}

/// Without a merge before: as an operator in a hurry does it.
#[test]
fn recover_from_the_logs_of_all_replicas() {
    let Some(environment) = Environment::get() else { return };
    let recording = recording(&environment);
    let merged = single(&environment, &recording.log);
    let replay = |cluster: &Cluster, _: &Path| {
        let directory = cluster.directory();
        let name = |index| format!("source-{index}.aof");
        let mut logs =
            recording.replicas.iter().enumerate().map(|(index, log)| log.write(directory, &name(index)));
        let mut command = Tool::Ours.command(cluster, &logs.next_back().expect("there are three"));
        cluster.run(command.args(logs), "recover", REPLAY_LIMIT).success();
    };
    undisturbed(&environment, 1, &recording.log, replay).assert_same(merged);
}

fn recover(environment: &Environment, recording: &Recording, count: usize, tool: Tool) -> Recovered {
    undisturbed(environment, count, &recording.log, |cluster, log| tool.recover(cluster, log))
}

/// All replicas' logs are the same, and hold the source's data.
fn check(recording: &Recording, recovered: &Recovered) {
    let directory = tempfile::tempdir().unwrap();
    let log = recovered.logs[0].write(directory.path(), "recovered.aof");
    assert_eq!(data_checksum(&log), recording.data_checksum);
    assert!(recovered.logs.iter().all(|log| *log == recovered.logs[0]), "the replicas' logs differ");
}
