//! Recorded, merged, recovered: it is the same data, and the reference's recovery to the bit.

use crate::environment::Environment;
use crate::log::data_checksum;
use crate::recording::{Recording, recording};
use crate::recovery::{Recovered, Tool, single, undisturbed};

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
