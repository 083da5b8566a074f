//! `aof recover`, as a process, against the kit's cluster behind sockets.
//!
//! | module | question |
//! |---|---|
//! | [`recorded`] | does a real replica get what the reference sends? |
//! | [`faults`] | is all there, once and in order, whatever happens to connections and replicas? |
//! | [`resume`] | does it go on exactly, after a kill, a stop, and without a progress file? |
//! | [`beside`] | is the progress file found, whatever the inputs are called? |
//! | [`doubt`] | is an operation of the cluster's own told from one of the log's? |
//! | [`signals`] | does it end when it is told to? |
//! | [`refused`] | is nothing sent that does harm, and does every refusal say what to do? |
//! | [`inputs`] | what does it say of damaged inputs, and of ends that are not in the log? |
//! | [`messages`] | does docs/recovery.md have a row for each message? |
//! | [`entries`] | which entries are sent: releases, pulses, ranges, other sinks? |

mod beside;
mod doubt;
mod entries;
mod faults;
mod inputs;
mod logs;
mod messages;
mod recorded;
mod refused;
mod resume;
mod signals;

use crate::util::{Ran, aof, command, file};
use aof_nostd::wire::Operation;
use aof_tests::build::Log;
use aof_tests::cluster::Committed;
use aof_tests::cluster::tcp::Server;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A log in a directory of its own, and the file's path.
fn place(log: &Log) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "log.aof", &log.bytes);
    (directory, path)
}

/// `aof recover` of a log into a cluster.
fn recover(addresses: &str, path: &Path, more: &[&str]) -> Ran {
    let path = path.to_str().unwrap();
    let mut arguments = vec!["recover", "--cluster", "0", "--addresses", addresses];
    if !more.contains(&"--timeout") {
        arguments.extend(["--timeout", "20"]);
    }
    aof(arguments.iter().chain(more).chain(&[path]))
}

/// The same, to be run otherwise.
fn recovery(addresses: &str, path: &Path) -> Command {
    let mut command = command();
    command.args(["recover", "--cluster", "0", "--timeout", "20", "--addresses", addresses]).arg(path);
    command
}

/// Where progress is kept.
fn progress(path: &Path) -> PathBuf {
    path.with_extension("aof.progress")
}

/// The operations that the cluster's log has, without registers and noops.
fn replayed(log: &[Committed]) -> Vec<(Operation, u64)> {
    let made_up = [Operation::REGISTER, Operation::NOOP];
    let entries = log.iter().filter(|entry| !made_up.contains(&entry.operation));
    entries.map(|entry| (entry.operation, entry.timestamp)).collect()
}

/// What a log's entries that are replayed are in the cluster, pulses apart.
fn expected(log: &Log) -> Vec<(Operation, u64)> {
    let headers = (0..log.entries.len()).map(|index| log.entry(index).header);
    let requests = headers.filter(|header| header.operation().is_replayable());
    requests.map(|header| (header.operation(), header.timestamp.get())).collect()
}

/// Expects that the cluster holds the log, and that nothing harmed it.
#[track_caller]
fn assert_whole(server: &Server, log: &Log) {
    assert_unharmed(server);
    let committed = server.log();
    let requests: Vec<_> =
        replayed(&committed).into_iter().filter(|(operation, _)| *operation != Operation::PULSE).collect();
    assert_eq!(requests, expected(log));
}

/// Expects that no timestamp went back, nothing was done twice, and no replica aborted.
#[track_caller]
fn assert_unharmed(server: &Server) {
    server.look(|cluster| {
        assert_eq!(cluster.harms(), []);
        assert_eq!(cluster.aborts(), []);
    });
}
