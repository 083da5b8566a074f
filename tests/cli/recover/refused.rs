//! What may not be sent is found before anything is.

use super::logs::{Did, START, STEP, batch, log, usual};
use super::{place, recover};
use crate::util::{aof, data, file};
use aof_nostd::wire::{Header, Operation, Release};
use aof_tests::build::{Builder, Log};
use aof_tests::cluster::Config;
use aof_tests::cluster::tcp::Server;

/// Expects that a log is refused with these words, and that the cluster is as it was.
#[track_caller]
fn refused(log: &Log, more: &[&str], words: &[&str]) {
    let server = Server::start(Config::default(), vec![]);
    let (_directory, path) = place(log);
    let ran = recover(&server.addresses(), &path, more).code(1);
    for word in words {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    assert_eq!(server.received().requests().count(), 0);
    assert_eq!(server.log(), []);
}

#[test]
fn operations_that_end_a_server_or_are_unknown() {
    let mut did = usual(5);
    did.push(Did::Other(Operation::PULSE_STATE_MACHINE, Vec::new()));
    let bad = log(&did);
    let place = format!("log.aof: byte {} (op 9): ", bad.entries[8].offset);
    refused(&bad, &[], &[&place, "operation 128", "--until-op 8"]);
    did[8] = Did::Other(Operation(150), Vec::new());
    refused(&log(&did), &[], &["(op 9)", "operation 150 is not known", "--until-op 8"]);
    // The advice helps.
    let server = Server::start(Config::default(), vec![]);
    let (_directory, path) = super::place(&bad);
    recover(&server.addresses(), &path, &["--until-op", "8"]).code(0);
}

#[test]
fn timestamps_that_do_not_grow() {
    let words = ["(op 6)", "timestamp", "would not start again"];
    let at = |timestamp: u64, ids: &[u128]| {
        let mut did = usual(5);
        did[5] = Did::At(timestamp, Box::new(Did::Transfers(ids.to_vec())));
        log(&did)
    };
    let before = START + 5 * STEP;
    refused(&at(before, &[1]), &[], &words);
    refused(&at(before - 1, &[1]), &[], &words);
    refused(&at(before + 2, &[1, 2, 3]), &[], &words);
    refused(&at(0, &[1]), &[], &["(op 6)", "timestamp 0 is not in 1 to"]);
    refused(&at(1 << 63, &[1]), &[], &["(op 6)", "timestamp 9223372036854775808 is not in"]);
    // Just enough room is enough.
    let server = Server::start(Config::default(), vec![]);
    let (_directory, path) = place(&at(before + 3, &[1, 2, 3]));
    recover(&server.addresses(), &path, &[]).code(0);
    super::assert_unharmed(&server);
}

#[test]
fn bodies_that_a_cluster_would_refuse() {
    let mut did = usual(2);
    did.push(Did::Other(Operation::CREATE_TRANSFERS, vec![0; 128]));
    refused(&log(&did), &[], &["(op 6)", "trailer"]);
    did[5] = Did::Other(Operation::CREATE_TRANSFERS_UNBATCHED, vec![0; 100]);
    refused(&log(&did), &[], &["(op 6)", "no sequence of events"]);
    did[5] = Did::Other(Operation::CREATE_TRANSFERS_UNBATCHED, vec![0; (1 << 20) - 128]);
    refused(
        &log(&did),
        &["--message-size-max", "2097152"],
        &["(op 6)", "no cluster takes more than 1048320"],
    );
}

#[test]
fn other_clusters_and_newer_releases() {
    let mut header = Header::new();
    header.cluster = 5.into();
    let other =
        Builder::new(aof_nostd::AnyProfile::default()).start_with(header).chain(&[]).entry(b"").build();
    refused(&other, &[], &["of cluster 5, not 0", "--cluster 5"]);
    // The log is of the cluster asked for, and the replicas are not.
    let server = Server::start(Config { cluster: 9, ..Config::default() }, vec![]);
    let (_directory, path) = place(&log(&usual(5)));
    let ran = recover(&server.addresses(), &path, &["--timeout", "5"]).code(1);
    assert!(ran.stderr.contains("is the cluster's id 0?"), "{}", ran.stderr);

    let mut did = usual(2);
    did.push(Did::Release(Release::new(65535, 0, 1), Box::new(Did::Transfers(vec![1]))));
    refused(
        &log(&did),
        &[],
        &["(op 6)", "release 65535.0.1", "newer than the cluster", "whose release is 65535.0.0"],
    );
}

#[test]
fn releases_that_are_too_old() {
    let mut did = usual(2);
    did.push(Did::Release(Release::new(0, 15, 3), Box::new(Did::Transfers(vec![1]))));
    refused(&log(&did), &[], &["(op 6)", "release 0.15.3", "too old for the cluster", "older release"]);
    let did: Vec<_> =
        did.into_iter().map(|did| Did::Release(Release::new(0, 15, 3), Box::new(did))).collect();
    refused(&log(&did), &[], &["(op 3)", "release 0.15.3", "too old for the cluster"]);
}

#[test]
fn chains_without_beginning_or_middle() {
    let directory = tempfile::tempdir().unwrap();
    let r2 = file(&directory, "r2.aof", &std::fs::read(data("cluster/r2.aof")).unwrap());
    let server = Server::start(Config::default(), vec![]);
    let ran = recover(&server.addresses(), &r2, &[]).code(1);
    assert!(ran.stderr.contains("ops 1112-2879 are missing"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--until-op 1111"), "{}", ran.stderr);
    assert_eq!(server.received().requests().count(), 0);

    let whole = log(&usual(5));
    let tail = file(&directory, "tail.aof", &whole.bytes[whole.entries[3].offset..]);
    for more in [&[][..], &["--no-preflight"]] {
        let ran = recover(&server.addresses(), &tail, more).code(1);
        assert!(ran.stderr.contains("ops 1 to 3"), "{}", ran.stderr);
    }
    assert_eq!(server.received().requests().count(), 0);
    recover(&server.addresses(), &tail, &["--partial"]).code(0);
}

#[test]
fn limit_below_a_body_is_told_before_the_first_entry() {
    let server = Server::start(Config { request_size_max: 4096, ..Config::default() }, vec![]);
    let mut did = usual(5);
    did.push(Did::Transfers((0..40).collect()));
    let log = log(&did);
    let (_directory, path) = place(&log);
    let ran = recover(&server.addresses(), &path, &[]).code(1);
    assert!(
        ran.stderr.contains("at most 3840 bytes") && ran.stderr.contains("(op 9) has one of"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("--limit-request"), "{}", ran.stderr);
    assert_eq!(server.log().len(), 1); // the register, whose answer tells the limit
    // The same again, and with a cluster that was formatted anew as it says.
    let ran = recover(&server.addresses(), &path, &[]).code(1);
    assert!(ran.stderr.contains("--limit-request"), "{}", ran.stderr);
    let server = Server::start(Config::default(), vec![]);
    recover(&server.addresses(), &path, &[]).code(0);
    super::assert_whole(&server, &log);
    assert_eq!(batch(&[0; 40], 0, 0).len(), 41 * 128);
}

#[test]
fn addresses_in_another_order() {
    let server = Server::start(Config { replica_count: 3, ..Config::default() }, vec![]);
    let (_directory, path) = place(&log(&usual(5)));
    let addresses = server.addresses();
    let swapped: Vec<_> = addresses.split(',').rev().collect();
    let ran = recover(&swapped.join(","), &path, &[]).code(2);
    assert!(ran.stderr.contains("is replica 2, and at place 0"), "{}", ran.stderr);
    assert_eq!(server.received().requests().count(), 0);
}

#[test]
fn replayed_by_another_program() {
    let server = Server::start(Config::default(), vec![]);
    let log = log(&usual(5));
    let (_directory, path) = place(&log);
    recover(&server.addresses(), &path, &[]).code(0);
    let (_directory, path) = place(&log);
    let ran = recover(&server.addresses(), &path, &[]).code(1);
    assert!(ran.stderr.contains("the cluster is not empty: it has op 7"), "{}", ran.stderr);
    assert!(ran.stderr.contains("it is whole"), "{}", ran.stderr);
}

#[test]
fn nobody_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let (_directory, path) = place(&log(&usual(5)));
    let ran = recover(&port, &path, &["--timeout", "1"]).code(1);
    assert!(ran.stderr.contains("no replica can be reached"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Connection refused"), "{}", ran.stderr);
}

#[test]
fn wrong_usage_is_2() {
    let (_directory, path) = place(&log(&usual(5)));
    let path = path.to_str().unwrap();
    for arguments in [
        &["recover", path][..],
        &["recover", "--cluster", "0", path],
        &["recover", "--cluster", "x", "--addresses", "1", path],
        &["recover", "--cluster", "0", "--addresses", "localhost", path],
        &["recover", "--cluster", "0", "--addresses", "1,2,3,4,5,6,7", path],
        &["recover", "--cluster", "0", "--addresses", "1", "--until", "14:03", path],
        &["recover", "--cluster", "0", "--addresses", "1", "--timeout", "0", path],
        &["recover", "--cluster", "0", "--addresses", "1", "--no-preflight", path, path],
        &["recover", "--cluster", "0", "--addresses", "1", "--from-op", "9", "--until-op", "8", path],
        &["recover", "--cluster", "0", "--to", "jsonl", "--json", path],
        &["recover", "--cluster", "0", "--to", "jsonl", "--state", "x", path],
        &["recover", "--cluster", "0", "--to", "jsonl", "--timeout", "3", path],
        &["recover", "--cluster", "0", "--dry-run", "--addresses", "garbage", path],
        &["recover", "--cluster", "0", "--addresses", "::1", path],
        &["recover", "--cluster", "0", "--addresses", "1", "--until", "2026-11-21T05:02:60Z", path],
        &["recover", "--cluster", "0", "--addresses", "1", "missing.aof"],
    ] {
        let ran = aof(arguments).code(2);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{arguments:?}");
    }
}
