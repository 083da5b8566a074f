//! A real cluster that ran once without `--aof-recovery` in the middle of a recovery: its own operation is
//! told from one of the log's, and nothing is sent behind it.

use crate::environment::Environment;
use crate::log::{Log, data, merge};
use crate::process::{Ran, wait_until};
use crate::recovery::{REPLAY_LIMIT, Tool, wait_for_size};
use crate::server::{Cluster, Mode};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The recording in the repository, merged: some seconds of replay.
fn input(cluster: &Cluster) -> PathBuf {
    let name = |index: usize| format!("source-{index}.aof");
    let logs: Vec<_> = (0..3)
        .map(|index| data(&format!("cluster/r{index}.aof")).write(cluster.directory(), &name(index)))
        .collect();
    merge(&logs, cluster.directory())
}

fn recover(cluster: &Cluster, log: &Path, more: &[&str]) -> Ran {
    cluster.run(Tool::Ours.command(cluster, log).args(more), "recover", REPLAY_LIMIT)
}

/// Stops all replicas, runs them as usual until they have written something, and starts them again with
/// the flag.
fn run_without_flag(cluster: &mut Cluster) {
    let last_op = Log::read(&cluster.aof(0)).last_op();
    cluster.start(Mode::Normal);
    let has_more = || Log::read(&cluster.aof(0)).last_op() > last_op;
    assert!(wait_until(Duration::from_secs(30), has_more), "its own operation");
    std::thread::sleep(Duration::from_secs(1));
    cluster.stop();
    cluster.start(Mode::Recovery);
    cluster.settle();
}

/// Expects that nothing more is sent, and that the cluster still starts.
fn refused(cluster: &mut Cluster, log: &Path) {
    let before = Log::read(&cluster.aof(0)).last_op();
    let ran = recover(cluster, log, &[]);
    assert_eq!(ran.status.code(), Some(1), "{ran}");
    assert!(ran.stderr.contains("which this log did not send"), "{ran}");
    assert!(ran.stderr.contains("started without --aof-recovery"), "{ran}");
    cluster.settle();
    assert_eq!(Log::read(&cluster.aof(0)).last_op(), before);
    for mode in [Mode::Recovery, Mode::Normal] {
        cluster.stop();
        cluster.start(mode);
    }
    cluster.stop();
}

#[test]
fn ran_without_the_flag_between_two_parts() {
    let Some(environment) = Environment::get() else { return };
    for count in [1, 3] {
        let mut cluster = Cluster::fresh(&environment, count, Mode::Recovery);
        let log = input(&cluster);
        let ran = recover(&cluster, &log, &["--until-op=400"]);
        assert!(ran.status.success(), "{ran}");
        cluster.stop();
        run_without_flag(&mut cluster);
        refused(&mut cluster, &log);
    }
}

#[test]
fn killed_half_way_and_run_without_the_flag() {
    let Some(environment) = Environment::get() else { return };
    let mut cluster = Cluster::fresh(&environment, 1, Mode::Recovery);
    let log = input(&cluster);
    let half = std::fs::metadata(&log).unwrap().len() / 2;
    let mut tool = Tool::Ours.start(&cluster, &log);
    wait_for_size(&cluster, &mut tool, half);
    cluster.kill(0);
    tool.kill();
    run_without_flag(&mut cluster);
    refused(&mut cluster, &log);
}

/// What was in flight when the tool was killed is told to be the log's, many times over.
#[test]
fn killed_often_it_still_goes_on() {
    let Some(environment) = Environment::get() else { return };
    let mut cluster = Cluster::fresh(&environment, 1, Mode::Recovery);
    let log = input(&cluster);
    let size = std::fs::metadata(&log).unwrap().len();
    for part in 1..=10 {
        let mut tool = Tool::Ours.start(&cluster, &log);
        wait_for_size(&cluster, &mut tool, size * part / 12);
        tool.kill();
        if part == 5 {
            cluster.stop();
            cluster.start(Mode::Recovery);
        }
    }
    Tool::Ours.recover(&cluster, &log);
    cluster.stop();
}
