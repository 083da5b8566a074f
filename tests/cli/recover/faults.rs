//! Whatever happens to connections and replicas, everything arrives, once and in order; or it says why not.

use super::logs::{log, usual};
use super::{assert_unharmed, assert_whole, place, progress, recover, recovery};
use aof_nostd::message::EvictionReason;
use aof_tests::cluster::{Config, Spread};

use aof_tests::cluster::tcp::{Fault, Server, Victim};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Replays a usual log into a cluster in which these things go wrong.
#[track_caller]
fn survives(replicas: u8, faults: &[Fault]) {
    let config = Config {
        replica_count: replicas,
        detection_time: Spread::ms(50, 100),
        view_change_time: Spread::ms(1, 50),
        ..Config::default()
    };
    let server = Server::start(config, faults.to_vec());
    let log = log(&usual(12));
    let (_directory, path) = place(&log);
    let ran = recover(&server.addresses(), &path, &[]).code(0);
    assert!(ran.stdout.contains("requests             13\n"), "{faults:?}: {}", ran.stdout);
    assert_whole(&server, &log);
}

#[test]
fn cut_connections_are_made_again() {
    for size in [0, 1, 255, 256, 257, 287] {
        survives(1, &[Fault::CutReply { reply: 3, size }, Fault::CutReply { reply: 5, size }]);
    }
}

#[test]
fn flipped_bits_are_noticed() {
    for bit in [0, 97 * 8, 160 * 8, 260 * 8] {
        survives(1, &[Fault::FlipReply { reply: 2, bit }]);
    }
}

#[test]
fn older_and_repeated_replies_are_ignored() {
    survives(1, &[Fault::OlderFirst { reply: 4 }, Fault::Twice { reply: 6 }, Fault::ByteByByte]);
}

#[test]
fn lost_messages_are_sent_again_the_same() {
    let server = Server::start(
        Config::default(),
        vec![
            Fault::SwallowRequest { request: 0 },
            Fault::SwallowRequest { request: 4 },
            Fault::SwallowReply { reply: 5 },
        ],
    );
    let log = log(&usual(12));
    let (_directory, path) = place(&log);
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
    // Each repeat is the same to the bit: with them taken out, what came is what was committed.
    let received = server.received();
    let mut requests: Vec<_> = received.requests().map(|arrival| arrival.packet.header).collect();
    let count = requests.len();
    requests.dedup();
    assert_eq!((count, requests.len()), (17, 14));
}

#[test]
fn connections_that_are_closed_at_once_are_tried_again() {
    // The questions before are asked again three times only: the id might be wrong.
    survives(1, &[Fault::CloseAtOnce { connections: 2 }]);
}

#[test]
fn replica_that_dies_and_comes_back_is_waited_for() {
    for answered in [true, false] {
        let restart_after = Some(Duration::from_millis(300));
        survives(1, &[Fault::Kill { op: 5, victim: Victim::Replica(0), answered, restart_after }]);
    }
}

#[test]
fn primary_that_dies_is_followed_by_the_next() {
    for answered in [true, false] {
        survives(3, &[Fault::Kill { op: 5, victim: Victim::Primary, answered, restart_after: None }]);
    }
}

#[test]
fn five_and_six_replicas_lose_two() {
    for replicas in [5, 6] {
        let kill = |op| Fault::Kill { op, victim: Victim::Primary, answered: true, restart_after: None };
        survives(replicas, &[kill(3), kill(8)]);
    }
}

#[test]
fn clock_that_is_not_ready_is_waited_for() {
    let config = Config {
        replica_count: 3,
        clock_time: Spread::ms(900, 900),
        start_time: Spread::ms(300, 300),
        ..Config::default()
    };
    let server = Server::start(config, vec![]);
    let log = log(&usual(3));
    let (_directory, path) = place(&log);
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
}

/// A replica that was started a moment ago is no reason for an alarm. One that stays away is.
#[test]
fn normal_start_is_no_alarm() {
    let log = log(&usual(3));
    let (_directory, path) = place(&log);
    for (seconds, is_told) in [(1.0, false), (4.5, true)] {
        let server = Server::start(Config::default(), vec![]);
        server.crash(0);
        std::thread::sleep(Duration::from_millis(100));
        let mut command = recovery(&server.addresses(), &path);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs_f64(seconds));
        server.restart(0);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        assert_eq!(stderr.contains("waiting for the cluster, 20 s at most"), is_told, "{stderr}");
        std::fs::remove_file(progress(&path)).unwrap();
    }
}

#[test]
fn refusals_name_entry_reason_and_remedy() {
    use EvictionReason as Reason;
    let remedies = [
        (Reason::NoSession, "formatted anew"),
        (Reason::ClientReleaseTooLow, "older release"),
        (Reason::ClientReleaseTooHigh, "newer"),
        (Reason::InvalidRequestOperation, "newer server"),
        (Reason::InvalidRequestBody, "release"),
        (Reason::InvalidRequestBodySize, "--limit-request"),
        (Reason::SessionTooLow, "another recovery"),
        (Reason::SessionReleaseMismatch, "empty cluster"),
    ];
    for (reason, remedy) in remedies {
        let server = Server::start(Config::default(), vec![Fault::Evict { request: 3, reason }]);
        let log = log(&usual(12));
        let (_directory, path) = place(&log);
        let ran = recover(&server.addresses(), &path, &[]).code(1);
        // Request 0 is the register, 1 op 3, so 3 is op 5.
        let place = format!("log.aof: byte {} (op 5): create_transfers(147): ", log.entries[4].offset);
        assert!(ran.stderr.contains(&place), "{}", ran.stderr);
        assert!(ran.stderr.contains(reason.name()) && ran.stderr.contains(remedy), "{}", ran.stderr);
        assert!(ran.stderr.contains("acknowledged up to op 4 of the log"), "{}", ran.stderr);
        assert_unharmed(&server);
    }
}

#[test]
fn silence_ends_within_the_time_given() {
    let log = log(&usual(12));
    let begin = Instant::now();
    let server = Server::start(Config::default(), vec![Fault::Silent]);
    let (_directory, path) = place(&log);
    let ran = recover(&server.addresses(), &path, &["--timeout", "1"]).code(1);
    assert!(ran.stderr.contains("accepts connections and is silent"), "{}", ran.stderr);

    let kill = Fault::Kill { op: 6, victim: Victim::Replica(0), answered: true, restart_after: None };
    let server = Server::start(Config::default(), vec![kill]);
    let (_directory, path) = place(&log);
    let ran = recover(&server.addresses(), &path, &["--timeout", "1"]).code(1);
    assert!(ran.stderr.contains("No replica can be reached"), "{}", ran.stderr);
    assert!(ran.stderr.contains("(op 8)"), "{}", ran.stderr);

    // Pings are answered, and the very first request never is: as in normal mode before its first pulse.
    let swallow = (0..20).map(|request| Fault::SwallowRequest { request }).collect();
    let server = Server::start(Config::default(), swallow);
    let (_directory, path) = place(&log);
    let ran = recover(&server.addresses(), &path, &["--timeout", "1"]).code(1);
    assert!(ran.stderr.contains("do not take the first request"), "{}", ran.stderr);
    assert!(ran.stderr.contains("format all anew"), "{}", ran.stderr);

    let kill = |op, replica| Fault::Kill {
        op,
        victim: Victim::Replica(replica),
        answered: true,
        restart_after: None,
    };
    let config = Config { replica_count: 3, ..Config::default() };
    let server = Server::start(config, vec![kill(4, 0), kill(6, 2)]);
    let (_directory, path) = place(&log);
    let ran = recover(&server.addresses(), &path, &["--timeout", "2"]).code(1);
    assert!(ran.stderr.contains("Most replicas are not there"), "{}", ran.stderr);
    assert!(begin.elapsed() < Duration::from_secs(20));
}

/// A reply with a correct checksum, whose results are not those of the events: nothing is taken for "rejected 0".
#[test]
fn results_that_are_not_those_of_the_events_are_an_error() {
    let log = log(&usual(6));
    let created = |count: usize| [&7_u64.to_le_bytes()[..], &[0xff; 4], &[0; 4]].concat().repeat(count);
    let batched = |count: u16| {
        let trailer = [&[0xff; 12][..], &count.to_le_bytes(), &1_u16.to_le_bytes()].concat();
        [created(count.into()), trailer].concat()
    };
    for (body, words) in [
        (b"nonsense".to_vec(), "its body of 8 bytes is not a list of results"),
        (Vec::new(), "its body of 0 bytes is not a list of results"),
        (batched(0), "0 results for 1 events"),
        (batched(2), "2 results for 1 events"),
    ] {
        // Reply 0 is the register's, 1 op 3's, so 3 is op 5's.
        let server = Server::start(Config::default(), vec![Fault::Results { reply: 3, body }]);
        let (_directory, path) = place(&log);
        let ran = recover(&server.addresses(), &path, &[]).code(1);
        for words in [words, "(op 5): create_transfers(147)", "acknowledged up to op 5 of the log"] {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        }
        // It was executed: it is not sent again.
        recover(&server.addresses(), &path, &[]).code(0);
        assert_whole(&server, &log);
    }
}

/// A request that ends every replica that executes it: the advice is what works, and not the same command again.
#[test]
fn request_that_ends_the_replicas_is_named_with_what_works() {
    let log = log(&usual(6));
    for replica_count in [1, 3] {
        // Op 4 of the cluster is op 5 of the log: the register and ops 3, 4 come before it.
        let kill = |replica| Fault::Kill {
            op: 4,
            victim: Victim::Replica(replica),
            answered: false,
            restart_after: None,
        };
        let config = || Config { replica_count, ..Config::default() };
        let server = Server::start(config(), (0..replica_count).map(kill).collect());
        let (_directory, path) = place(&log);
        let ran = recover(&server.addresses(), &path, &["--timeout", "1"]).code(1);
        let advice = [
            "Look at the replicas' own output",
            "a newer server",
            "move the progress file away",
            "--until-op 4,",
        ];
        for words in
            ["(op 5): create_transfers(147)", "went away after this request was sent"].iter().chain(&advice)
        {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        }
        // So does the same command, which finds nobody.
        let ran = recover(&server.addresses(), &path, &["--timeout", "1"]).code(1);
        for words in ["The request after op 4 of the log was sent before"].iter().chain(&advice) {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        }
        // What is advised works.
        let server = Server::start(config(), vec![]);
        std::fs::remove_file(progress(&path)).unwrap();
        recover(&server.addresses(), &path, &["--until-op", "4"]).code(0);
        assert_unharmed(&server);
        assert_eq!(server.log().len(), 3);
    }
}
