//! Signals end a recovery: the first after the request in flight, the second at once, and always by 130.

use super::logs::{log, usual};
use super::{assert_whole, place, recover, recovery};
use aof_tests::cluster::Config;
use aof_tests::cluster::tcp::{Fault, Server, Victim};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// A cluster whose only replica is gone behind op 6, and a recovery that waits for it.
fn stalled(path: &Path) -> (Server, Child) {
    let kill = Fault::Kill { op: 6, victim: Victim::Replica(0), answered: true, restart_after: None };
    let server = Server::start(Config::default(), vec![kill]);
    let mut command = recovery(&server.addresses(), path);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.log().len() < 6 {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(300));
    (server, child)
}

/// A server that is frozen kept the recovery until `--timeout`, and it ended by 1.
#[test]
fn one_signal_ends_a_stall_within_seconds() {
    let log = log(&usual(12));
    let (_directory, path) = place(&log);
    let (server, mut child) = stalled(&path);
    signal(&child, "-INT");
    let begin = Instant::now();
    let mut told = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut told).unwrap();
    assert!(told.contains("the answer to the request in flight is waited for, 5 s at most"), "{told}");
    assert!(begin.elapsed() < Duration::from_secs(3), "at once");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(begin.elapsed() < Duration::from_secs(15), "before the 20 s of --timeout");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("stopped while a request was in flight"), "{stdout}");
    server.restart(0);
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
}

#[test]
fn second_signal_ends_it_at_once() {
    let log = log(&usual(12));
    for pause in [250, 1000] {
        let (_directory, path) = place(&log);
        let (server, child) = stalled(&path);
        signal(&child, "-INT");
        std::thread::sleep(Duration::from_millis(pause));
        signal(&child, "-INT");
        let begin = Instant::now();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        assert!(begin.elapsed() < Duration::from_secs(3));
        server.restart(0);
        recover(&server.addresses(), &path, &[]).code(0);
        assert_whole(&server, &log);
    }
}

/// A terminal and `timeout` send one signal twice within a moment.
#[test]
fn one_signal_that_comes_twice_is_one() {
    let log = log(&usual(200));
    let server = Server::start(Config::default(), vec![Fault::DelayReplies(Duration::from_millis(20))]);
    let (_directory, path) = place(&log);
    let mut command = recovery(&server.addresses(), &path);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.log().len() < 6 {
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "-INT");
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("stopped between two requests"), "{stdout}");
}

#[test]
fn signal_while_the_cluster_is_asked_ends_it() {
    let (_directory, path) = place(&log(&usual(12)));
    let server = Server::start(Config::default(), vec![Fault::Silent]);
    let mut command = recovery(&server.addresses(), &path);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.received().0.is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "-TERM");
    let begin = Instant::now();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(!super::progress(&path).exists(), "nothing came of it");
}
