//! A replica that was once started without `--aof-recovery` has written an operation of its own, with
//! today's time. Whoever takes it for the request that was in flight sends the next ones behind it, with
//! times that lie before, and no replica starts again. So it is told from that, and nothing is sent.

use super::logs::{Did, RELEASE, log, usual};
use super::{assert_unharmed, assert_whole, place, progress, recover};
use aof_nostd::wire::{Operation, Release};
use aof_tests::build::Log;
use aof_tests::cluster::tcp::{Fault, Server, Victim};
use aof_tests::cluster::{Config, Mode};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Starts all replicas without the flag, until their own operation is there, and with it again.
fn run_without_flag(server: &Server) {
    let before = server.log().len();
    server.restart_as(Mode::Normal);
    let begin = std::time::Instant::now();
    while server.log().len() == before {
        assert!(begin.elapsed() < Duration::from_secs(10), "a cluster in normal mode begins with a pulse");
        std::thread::sleep(Duration::from_millis(5));
    }
    server.restart_as(Mode::Recovery);
}

/// Expects that nothing more is sent, and that it says why.
#[track_caller]
fn refused(server: &Server, path: &Path) {
    let before = server.log();
    let state = fs::read(progress(path)).unwrap();
    for _ in 0..2 {
        let ran = recover(&server.addresses(), path, &[]).code(1);
        assert!(ran.stderr.contains("which this log did not send"), "{}", ran.stderr);
        assert!(ran.stderr.contains("started without --aof-recovery"), "{}", ran.stderr);
        assert!(ran.stderr.contains("format it anew"), "{}", ran.stderr);
    }
    assert_eq!(server.log(), before, "nothing was sent that was executed");
    assert_eq!(fs::read(progress(path)).unwrap(), state);
    assert_unharmed(server);
}

/// The replica dies when op `op` was answered, and the request behind it is never taken.
fn dies_behind(op: u64, log: &Log) -> (Server, tempfile::TempDir, std::path::PathBuf) {
    let kill = Fault::Kill { op, victim: Victim::Replica(0), answered: true, restart_after: None };
    let server = Server::start(Config::default(), vec![kill]);
    let (directory, path) = place(log);
    let ran = recover(&server.addresses(), &path, &["--timeout", "1"]).code(1);
    assert!(ran.stderr.contains("No replica can be reached"), "{}", ran.stderr);
    assert_eq!(server.log().len() as u64, op);
    (server, directory, path)
}

#[test]
fn after_an_end_in_order() {
    let log = log(&usual(20));
    for replica_count in [1, 3] {
        let server = Server::start(Config { replica_count, ..Config::default() }, vec![]);
        let (_directory, path) = place(&log);
        recover(&server.addresses(), &path, &["--until-op", "10"]).code(0);
        run_without_flag(&server);
        refused(&server, &path);
    }
}

#[test]
fn after_a_request_that_was_never_taken() {
    let log = log(&usual(20));
    for op in [2, 6, 21] {
        let (server, _directory, path) = dies_behind(op, &log);
        run_without_flag(&server);
        refused(&server, &path);
        // And without that, it goes on.
        let (server, _directory, path) = dies_behind(op, &log);
        server.restart(0);
        recover(&server.addresses(), &path, &[]).code(0);
        assert_whole(&server, &log);
    }
}

/// Request k + 1 was executed, and not answered: it is ours, and request k is not answered any more.
#[test]
fn request_that_was_taken_and_not_answered_is_ours() {
    let log = log(&usual(20));
    for op in [1, 2, 3, 9] {
        let kill = Fault::Kill { op, victim: Victim::Replica(0), answered: false, restart_after: None };
        let server = Server::start(Config::default(), vec![kill.clone()]);
        let (_directory, path) = place(&log);
        recover(&server.addresses(), &path, &["--timeout", "1"]).code(1);
        assert_eq!(server.log().len() as u64, op);
        server.restart(0);
        recover(&server.addresses(), &path, &[]).code(0);
        assert_whole(&server, &log);

        // But with one of the cluster's own behind it, nothing is sent.
        let server = Server::start(Config::default(), vec![kill]);
        let (_directory, path) = place(&log);
        recover(&server.addresses(), &path, &["--timeout", "1"]).code(1);
        run_without_flag(&server);
        refused(&server, &path);
    }
}

#[test]
fn register_of_another_release() {
    let old = Release::new(65534, 0, 0);
    let mut did = usual(3);
    did.extend((0..4).map(|id| Did::Release(old, Box::new(Did::Transfers(vec![100 + id])))));
    did.push(Did::Release(RELEASE, Box::new(Did::Transfers(vec![200]))));
    let log = log(&did);
    // Op 5 is the last of the first release; then the register; op 10 the last of the other; then back.
    for op in [5, 6, 7, 10] {
        let (server, _directory, path) = dies_behind(op, &log);
        run_without_flag(&server);
        refused(&server, &path);
        for answered in [true, false] {
            let kill = Fault::Kill { op, victim: Victim::Replica(0), answered, restart_after: None };
            let server = Server::start(Config::default(), vec![kill]);
            let (_directory, path) = place(&log);
            recover(&server.addresses(), &path, &["--timeout", "1"]).code(1);
            server.restart(0);
            recover(&server.addresses(), &path, &[]).code(0);
            assert_whole(&server, &log);
        }
    }
}

#[test]
fn pulse_of_the_log_is_told_from_one_of_the_cluster() {
    let mut did = usual(2);
    for id in 0..3 {
        did.extend([Did::Pending(2000 + id), Did::Pulse, Did::Transfers(vec![3000 + id])]);
    }
    let log = log(&did);
    // The register, three requests, the pending one; then a pulse and what confirms it.
    for op in [5, 7, 8, 9] {
        let (server, _directory, path) = dies_behind(op, &log);
        run_without_flag(&server);
        refused(&server, &path);
        let (server, _directory, path) = dies_behind(op, &log);
        server.restart(0);
        recover(&server.addresses(), &path, &[]).code(0);
        assert_whole(&server, &log);
        let pulses = server.log().iter().filter(|entry| entry.operation == Operation::PULSE).count();
        assert_eq!(pulses, 3);
    }
}
