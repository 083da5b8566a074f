//! Which entries are sent, as what, and what is told of them.

use super::logs::{Did, RELEASE, START, STEP, log, usual};
use super::{assert_unharmed, assert_whole, expected, place, progress, recover, replayed};
use crate::util::{aof, data};
use aof_nostd::message::{Message, PingClient};
use aof_nostd::wire::{Operation, Release};
use aof_tests::cluster::tcp::{Arrival, Fault, Server};
use aof_tests::cluster::{Config, Mode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

#[test]
fn each_release_has_a_session_of_its_own() {
    let old = Release::new(0, 16, 21);
    let mut did = usual(2);
    for id in 0..6 {
        did.push(Did::Release(old, Box::new(Did::Transfers(vec![2000 + id]))));
        did.push(Did::Transfers(vec![3000 + id]));
    }
    let log = log(&did);
    for replica_count in [1, 3] {
        let server = Server::start(Config { replica_count, ..Config::default() }, vec![]);
        let (_directory, path) = place(&log);
        let ran = recover(&server.addresses(), &path, &[]).code(0);
        assert_whole(&server, &log);
        assert!(ran.stdout.contains("requests             15\n"), "{}", ran.stdout);
        let committed = server.log();
        let registers: Vec<_> =
            committed.iter().filter(|entry| entry.operation == Operation::REGISTER).collect();
        assert_eq!(
            registers.iter().map(|entry| entry.client).collect::<Vec<_>>(),
            [RELEASE.0.into(), old.0.into()]
        );
        // The first has timestamp 1, the second the first one that is free.
        assert_eq!(registers[0].timestamp, 1);
        assert_eq!(registers[1].timestamp, START + 5 * STEP + 1);
        for entry in &committed {
            assert_eq!(entry.client, u128::from(entry.release.0));
        }
        // A restart in normal mode checks the timestamps.
        server.restart_as(Mode::Normal);
        std::thread::sleep(Duration::from_millis(50));
        assert_unharmed(&server);
    }
}

/// A pulse is confirmed by the session that was used last, also by the next process.
#[test]
fn pulses_and_releases_survive_kills_together() {
    let old = Release::new(0, 16, 21);
    let mut did = usual(2);
    for id in 0..10 {
        did.push(Did::Release(old, Box::new(Did::Pending(2000 + id))));
        did.push(Did::Pending(3000 + id));
        did.push(Did::Release(old, Box::new(Did::Transfers(vec![4000 + id]))));
        did.push(Did::Pulse);
    }
    let log = log(&did);
    let server = Server::start(Config::default(), vec![Fault::DelayReplies(Duration::from_millis(2))]);
    let (_directory, path) = place(&log);
    for ops in [8, 9, 10, 11, 12, 13, 20, 27, 34, 41] {
        super::resume::interrupt(&server, &path, ops, "-KILL");
    }
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
    let pulses = server.log().iter().filter(|entry| entry.operation == Operation::PULSE).count();
    assert_eq!(pulses, 10);
}

#[test]
fn pulses_are_replayed_where_something_can_expire() {
    let mut did = usual(2);
    did.extend([Did::Pulse, Did::Pending(50), Did::Pulse, Did::Pulse, Did::Transfers(vec![51]), Did::Pulse]);
    let log = log(&did);
    for (pulses, expected_ops, words) in [
        ("auto", vec![8, 9, 11], "3 replayed, 2 skipped"),
        ("replay", vec![6, 8, 9, 11], "4 replayed, 1 skipped"),
        ("skip", vec![], "5 skipped, though 1 pending transfers have a time-out"),
    ] {
        let server = Server::start(Config::default(), vec![]);
        let (_directory, path) = place(&log);
        let ran = recover(&server.addresses(), &path, &["--pulses", pulses]).code(0);
        assert_whole(&server, &log);
        assert!(ran.stdout.contains(words), "{}", ran.stdout);
        let sent: Vec<_> = replayed(&server.log())
            .into_iter()
            .filter(|(operation, _)| *operation == Operation::PULSE)
            .map(|(_, timestamp)| (timestamp - START) / STEP)
            .collect();
        assert_eq!(sent, expected_ops, "{pulses}");
        let received = server.received();
        let own = |ping: &&Arrival| PingClient::view(&ping.packet.header).client.get() == RELEASE.0.into();
        let pinged = received.pings().filter(own).count() > 0;
        assert_eq!(pinged, pulses == "skip", "pulses need connections without pings");
    }
}

#[test]
fn without_pulses_every_connection_begins_with_a_ping() {
    let server = Server::start(Config { replica_count: 3, ..Config::default() }, vec![]);
    let log = log(&usual(4));
    let (_directory, path) = place(&log);
    recover(&server.addresses(), &path, &[]).code(0);
    let received = server.received();
    for connection in received.connections() {
        let first = received.0.iter().find(|arrival| arrival.connection == connection).unwrap();
        assert!(received.pings().any(|ping| ping == first));
    }
}

#[test]
fn logs_of_several_replicas_are_merged_on_the_way() {
    let server = Server::start(Config::default(), vec![]);
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<_> = ["r2", "r0", "r1"]
        .map(|name| {
            let bytes = std::fs::read(data(&format!("cluster/{name}.aof"))).unwrap();
            crate::util::file(&directory, &format!("{name}.aof"), &bytes).to_str().unwrap().to_owned()
        })
        .to_vec();
    let addresses = server.addresses();
    let mut arguments = vec!["recover", "--cluster", "0", "--addresses", &addresses];
    arguments.extend(paths.iter().map(String::as_str));
    let ran = aof(arguments).code(0);
    assert!(ran.stdout.contains("requests             3204\n"), "{}", ran.stdout);
    let data_checksum = "data checksum chain  254168008140277647743347717767394335539\n";
    assert!(ran.stdout.contains(data_checksum), "{}", ran.stdout);
    assert_eq!(replayed(&server.log()).len(), 3204);
    assert_unharmed(&server);
}

#[test]
fn rejected_events_are_counted_and_listed() {
    let failures = BTreeMap::from([(1003, 54), (1005, 46), (2, 21)]);
    let log = log(&usual(8));
    let server = Server::start(Config { failures: failures.clone(), ..Config::default() }, vec![]);
    let (_directory, path) = place(&log);
    let ran = recover(&server.addresses(), &path, &[]).code(0);
    for line in [
        "rejected events      3\n",
        "1 of create_accounts(146): exists (21)\n",
        "1 of create_transfers(147): exceeds_credits (54)\n",
        "op 3 event 1: exists (21)\n",
        "op 7 event 0: exceeds_credits (54)\n",
        "was the cluster not empty?",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    let server = Server::start(Config { failures, ..Config::default() }, vec![]);
    let (_directory, path) = place(&log);
    let events = recover(&server.addresses(), &path, &["--json"]).code(0).json();
    let rejected: Vec<_> = events.iter().filter(|event| event["event"] == "rejected").collect();
    assert_eq!(rejected.len(), 3);
    assert_eq!(
        (&rejected[1]["op"], &rejected[1]["status_name"]),
        (&Value::from(7), &Value::from("exceeds_credits"))
    );
    assert_eq!(events.first().unwrap()["event"], "started");
    let done = events.last().unwrap();
    assert_eq!(
        (&done["event"], &done["rejected"], &done["last_op"]),
        (&"done".into(), &3.into(), &11.into())
    );
}

#[test]
fn dry_run_sends_nothing_and_tells_all() {
    let server = Server::start(Config::default(), vec![]);
    let mut did = usual(8);
    did.push(Did::Lookup);
    let log = log(&did);
    let (_directory, path) = place(&log);
    let path = path.to_str().unwrap();
    let ran = aof(["recover", "--cluster", "0", "--dry-run", path]).code(0);
    for line in [
        "entries              12\n",
        "to be sent           1 create_accounts, 8 create_transfers\n",
        "not to be sent       1 register, 1 pulse, 1 lookup_accounts\n",
        "first                op 3, timestamp 1795000000003000000 (2026-11-18T",
        "last                 op 11, ",
        "expected duration",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    let addresses = server.addresses();
    let arguments = ["recover", "--cluster", "0", "--addresses", &addresses, "--dry-run", "--json", path];
    let event = aof(arguments).code(0).json().pop().unwrap();
    assert_eq!((&event["requests"], &event["events"]), (&9.into(), &10.into()));
    assert!(event["replicas"][0].as_str().unwrap().contains("release 65535.0.0"));
    assert_eq!((&event["prospect"]["first_op"], &event["refused"]), (&3.into(), &Value::Null));
    assert_eq!(server.received().requests().count(), 0);
}

/// With addresses it reports what a recovery would do, with the recovery's exit code, and changes nothing.
#[test]
fn dry_run_reports_what_the_cluster_would_take() {
    let log = log(&usual(8));
    let (_directory, path) = place(&log);
    let dry = |server: &Server, more: &[&str], code: i32| {
        let before = server.received().requests().count();
        let state = std::fs::read(progress(&path)).ok();
        let ran = recover(&server.addresses(), &path, &[&["--dry-run", "--timeout", "1"][..], more].concat());
        assert_eq!(server.received().requests().count(), before);
        assert_eq!(std::fs::read(progress(&path)).ok(), state);
        ran.code(code)
    };
    // Empty, begun, done; asked for an earlier end.
    let server = Server::start(Config::default(), vec![]);
    let ran = dry(&server, &[], 0);
    assert!(
        ran.stdout.contains("cluster              empty: the recovery would begin, with op 3\n"),
        "{}",
        ran.stdout
    );
    recover(&server.addresses(), &path, &["--until-op", "5"]).code(0);
    let ran = dry(&server, &[], 0);
    let words = "at op 4: the recovery would continue after op 5 of the log, with op 6\n";
    assert!(ran.stdout.contains(words), "{}", ran.stdout);
    let ran = dry(&server, &["--until-op", "5"], 0);
    assert!(ran.stdout.contains("and nothing is left to be sent"), "{}", ran.stdout);
    let ran = dry(&server, &["--until-op", "4"], 1);
    assert!(ran.stderr.contains("behind the end asked for"), "{}", ran.stderr);
    // Of a recovery that is not this one's: formatted again, not empty, not in recovery, not there.
    let empty = Server::start(Config::default(), vec![]);
    let ran = dry(&empty, &["--json"], 1);
    let event = ran.json().pop().unwrap();
    assert!(event["refused"].as_str().unwrap().contains("this cluster is empty"), "{event}");
    assert_eq!(event["prospect"], Value::Null);
    std::fs::remove_file(progress(&path)).unwrap();
    let ran = dry(&server, &[], 1);
    assert!(ran.stderr.contains("the cluster is not empty: it has op 4"), "{}", ran.stderr);
    assert!(ran.stdout.contains("would be refused: the reason follows"), "{}", ran.stdout);
    let normal = Server::start(Config { mode: Mode::Normal, ..Config::default() }, vec![]);
    let ran = dry(&normal, &[], 1);
    assert!(ran.stderr.contains("without --aof-recovery"), "{}", ran.stderr);
    let old = Server::start(Config { release: Release::new(0, 17, 9), ..Config::default() }, vec![]);
    let ran = dry(&old, &[], 1);
    assert!(ran.stderr.contains("newer than the cluster"), "{}", ran.stderr);
    empty.crash(0);
    let ran = dry(&empty, &[], 1);
    assert!(ran.stderr.contains("no replica can be reached"), "{}", ran.stderr);
}

#[test]
fn json_lines_are_what_would_be_sent() {
    let mut did = usual(3);
    did.extend([Did::Pending(9), Did::Pulse]);
    let log = log(&did);
    let (_directory, path) = place(&log);
    let path = path.to_str().unwrap();
    let lines = aof(["recover", "--cluster", "0", "--to", "jsonl", "--from-op", "4", path]).code(0).json();
    let ops: Vec<_> = lines.iter().map(|line| line["op"].as_u64().unwrap()).collect();
    assert_eq!(ops, [4, 5, 6, 7, 8]);
    assert_eq!(lines[4]["kind"], "pulse");
    assert_eq!(lines[0]["offset"].as_u64().unwrap(), log.entries[3].offset as u64);
    assert_eq!(lines[0]["checksum"].as_str().unwrap(), log.entries[3].checksum.to_string());
}

#[test]
fn streamed_log_is_sent_as_it_is_read() {
    let server = Server::start(Config::default(), vec![]);
    let mut did = usual(8);
    did.extend([Did::Pending(9), Did::Pulse, Did::Transfers(vec![10])]);
    let log = log(&did);
    let (directory, path) = place(&log);
    recover(&server.addresses(), &path, &["--no-preflight"]).code(0);
    assert_whole(&server, &log);
    assert_eq!(replayed(&server.log()).len(), expected(&log).len() + 1);
    // The first break ends it, and what came before is there.
    let repeated = [&log.bytes[..log.entries[9].offset], &log.bytes[log.entries[5].offset..]].concat();
    let path = crate::util::file(&directory, "repeated.aof", &repeated);
    let server = Server::start(Config::default(), vec![]);
    let ran = recover(&server.addresses(), &path, &["--no-preflight"]).code(1);
    assert!(ran.stderr.contains("without --no-preflight"), "{}", ran.stderr);
    assert_unharmed(&server);
    std::fs::remove_file(path.with_extension("aof.progress")).unwrap();
    let server = Server::start(Config::default(), vec![]);
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
}

/// The number over no entry is that of every such log, and was printed as if it said something.
#[test]
fn data_checksum_of_a_log_without_requests_is_none() {
    let server = Server::start(Config::default(), vec![]);
    let (_directory, path) = place(&log(&[Did::Pulse, Did::Register, Did::Lookup]));
    let ran = recover(&server.addresses(), &path, &["--no-preflight"]).code(0);
    let told = "data checksum chain  none: no entry that a replay sends\n";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    let (_directory, path) = place(&log(&usual(3)));
    let dry_run = ["recover", "--cluster", "0", "--dry-run", "--json", path.to_str().unwrap()];
    assert_eq!(aof(dry_run).code(0).json()[0]["replayed_entries"], 4);
    let server = Server::start(Config::default(), vec![]);
    let ran = recover(&server.addresses(), &path, &["--json"]).code(0);
    assert_eq!(ran.json().pop().unwrap()["replayed_entries"], 4);
}

/// The log's last entry is damaged, and its header tells its op: the end is known to be lost.
#[test]
fn damaged_end_is_told() {
    let server = Server::start(Config::default(), vec![]);
    let mut log = log(&usual(4));
    let last = log.bytes.len() - 1;
    log.bytes[last] ^= 1;
    let (_directory, path) = place(&log);
    let ran = recover(&server.addresses(), &path, &[]).code(0);
    assert!(ran.stderr.contains("NOTE: ") && ran.stderr.contains("op 7"), "{}", ran.stderr);
    assert_eq!(replayed(&server.log()).len(), 4);
    // Whoever stops before it is not told.
    let (_directory, path) = place(&log);
    let server = Server::start(Config::default(), vec![]);
    let ran = recover(&server.addresses(), &path, &["--until-op", "5"]).code(0);
    assert!(!ran.stderr.contains("NOTE"), "{}", ran.stderr);
}
