//! Going on where it stopped.

use super::logs::{Did, START, STEP, log, usual};
use super::{assert_unharmed, assert_whole, expected, place, progress, recover, recovery, replayed};
use aof_nostd::Profile;
use aof_nostd::wire::Operation;
use aof_tests::build::PROFILES;
use aof_tests::cluster::tcp::{Fault, Server, Victim};
use aof_tests::cluster::{Cluster, Config, Mode};
use aof_tests::forge;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// A cluster that takes its time, so that there is some to kill a process in.
fn slow(delay: Duration) -> Server {
    Server::start(Config::default(), vec![Fault::DelayReplies(delay)])
}

/// Starts a recovery and ends it by a signal once the cluster has `ops` operations.
pub(super) fn interrupt(server: &Server, path: &Path, ops: usize, signal: &str) -> std::process::Output {
    let mut command = recovery(&server.addresses(), path);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.log().len() < ops {
        if child.try_wait().unwrap().is_some() {
            panic!("it ended before op {ops}: {:?}", child.wait_with_output().unwrap());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    child.wait_with_output().unwrap()
}

/// What was committed, as far as it does not depend on time.
fn requests(server: &Server) -> Vec<(u64, aof_nostd::Checksum)> {
    server.log().iter().map(|entry| (entry.op, entry.request_checksum)).collect()
}

#[test]
fn killed_and_started_again_it_sends_the_same_requests_once() {
    let log = log(&usual(60));
    let undisturbed = Server::start(Config::default(), vec![]);
    let (_directory, path) = place(&log);
    recover(&undisturbed.addresses(), &path, &[]).code(0);

    for delay in [1, 4] {
        let server = slow(Duration::from_millis(delay));
        let (_directory, path) = place(&log);
        for ops in [1, 2, 3, 17, 40, 41] {
            interrupt(&server, &path, ops, "-KILL");
        }
        let ran = recover(&server.addresses(), &path, &[]).code(0);
        assert!(ran.stderr.contains("going on behind op "), "{}", ran.stderr);
        assert!(ran.stdout.contains("requests             61 ("), "{}", ran.stdout);
        assert_whole(&server, &log);
        assert_eq!(requests(&server), requests(&undisturbed), "nothing tells that it was killed");
    }
}

#[test]
fn restart_of_the_cluster_in_between_changes_nothing() {
    let log = log(&usual(30));
    let server = slow(Duration::from_millis(2));
    let (_directory, path) = place(&log);
    interrupt(&server, &path, 20, "-KILL");
    server.restart_as(Mode::Recovery);
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
}

#[test]
fn signal_stops_between_two_requests_and_tells_how_to_go_on() {
    let log = log(&usual(60));
    for signal in ["-INT", "-TERM"] {
        let server = slow(Duration::from_millis(4));
        let (_directory, path) = place(&log);
        let output = interrupt(&server, &path, 10, signal);
        assert_eq!(output.status.code(), Some(130));
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.starts_with("stopped between two requests"), "{stdout}");
        assert!(stdout.contains("The same command goes on behind op "), "{stdout}");
        let count = server.log().len();
        assert!(count < 60);
        recover(&server.addresses(), &path, &[]).code(0);
        assert_whole(&server, &log);
    }
}

#[test]
fn what_is_whole_is_not_sent_again() {
    let log = log(&usual(5));
    let server = Server::start(Config::default(), vec![]);
    let (_directory, path) = place(&log);
    recover(&server.addresses(), &path, &[]).code(0);
    let ran = recover(&server.addresses(), &path, &[]).code(0);
    assert!(ran.stdout.starts_with("nothing was left to be sent"), "{}", ran.stdout);
    assert_whole(&server, &log);
    // The same end by another name.
    recover(&server.addresses(), &path, &["--until-op", "8"]).code(0);
    // A log that grew since, or a later end, is gone on with.
    let longer = super::logs::log(&usual(9));
    fs::write(&path, &longer.bytes).unwrap();
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &longer);
}

/// What was acknowledged was compared by the checksum of its last entry, and another log with that one went on.
#[test]
fn log_with_a_forged_entry_among_those_sent_is_refused() {
    // Three transfers each: what a forger computes fits into the first two.
    let transfers = (0..18).map(|number| Did::Transfers([1, 2, 3].map(|id| number * 3 + id).into()));
    let did: Vec<_> = [Did::Register, Did::Accounts(vec![1, 2])].into_iter().chain(transfers).collect();
    let log = log(&did);
    let server = Server::start(Config::default(), vec![]);
    let (_directory, path) = place(&log);
    recover(&server.addresses(), &path, &["--until-op", "10"]).code(0);
    let before = server.log();
    for (index, is_refused) in [(6, true), (9, true), (14, false)] {
        let entry = log.entries[index];
        let forged = forge::log(log.profile, &log.bytes, entry.offset, entry.size_disk, 1);
        fs::write(&path, forged).unwrap();
        for preflight in [&[][..], &["--no-preflight"]] {
            let until = [&["--until-op", "10"], preflight].concat();
            let ran = recover(&server.addresses(), &path, &until);
            assert_eq!(ran.code, Some(i32::from(is_refused)), "{index}: {}", ran.stderr);
            assert_eq!(ran.stderr.contains("up to op 10"), is_refused, "{}", ran.stderr);
            assert_eq!(ran.stderr.contains("an entry was forged"), is_refused, "{}", ran.stderr);
        }
        assert_eq!(server.log(), before, "nothing is sent");
    }
    fs::write(&path, &log.bytes).unwrap();
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
}

/// Files of an earlier version have no digest of what was sent.
#[test]
fn progress_of_an_earlier_version_goes_on_and_says_what_it_cannot_compare() {
    let log = log(&usual(20));
    let server = Server::start(Config::default(), vec![]);
    let (_directory, path) = place(&log);
    recover(&server.addresses(), &path, &["--until-op", "10"]).code(0);
    let state = fs::read(progress(&path)).unwrap();
    let slots = state.chunks(state.len() / 2).map(|slot| {
        let text = std::str::from_utf8(slot).unwrap();
        let json = text.split_once('{').unwrap().1;
        let mut json: serde_json::Value = serde_json::from_str(&format!("{{{json}")).unwrap();
        json["format"] = 2.into();
        json["entry"].as_object_mut().map(|entry| entry.remove("digest"));
        let mut covered = format!("{}{json}", &text[32..54]);
        covered.push_str(&" ".repeat(slot.len() - 32 - covered.len() - 1));
        covered.push('\n');
        format!("{}{covered}", PROFILES[0].checksum(covered.as_bytes()))
    });
    fs::write(progress(&path), slots.collect::<String>()).unwrap();
    let ran = recover(&server.addresses(), &path, &["--until-op", "15"]).code(0);
    assert!(ran.stderr.contains("earlier version of aof"), "{}", ran.stderr);
    let ran = recover(&server.addresses(), &path, &[]).code(0);
    assert!(!ran.stderr.contains("earlier version of aof"), "{}", ran.stderr);
    assert_whole(&server, &log);
}

#[test]
fn end_can_be_moved_on() {
    let log = log(&usual(20));
    let server = Server::start(Config::default(), vec![]);
    let (_directory, path) = place(&log);
    recover(&server.addresses(), &path, &["--until-op", "10"]).code(0);
    assert_eq!(replayed(&server.log()), expected(&log)[..8]);
    let until = (START + 15 * STEP).to_string();
    recover(&server.addresses(), &path, &["--until", &until]).code(0);
    assert_eq!(replayed(&server.log()), expected(&log)[..13]);
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
}

/// It used to say that nothing was left to be sent, with the shorter range's figures.
#[test]
fn end_before_what_the_cluster_has_is_refused() {
    let log = log(&usual(20));
    let server = Server::start(Config::default(), vec![]);
    let (directory, path) = place(&log);
    recover(&server.addresses(), &path, &["--until-op", "15"]).code(0);
    let before = server.log();
    let until = (START + 9 * STEP).to_string();
    for (more, end) in [(["--until-op", "14"], 14), (["--until-op", "3"], 3), (["--until", &until], 9)] {
        for preflight in [&[][..], &["--no-preflight"]] {
            let ran = recover(&server.addresses(), &path, &[&more[..], preflight].concat()).code(1);
            let words = format!("already at op 15 of the log, behind the end asked for (op {end})");
            assert!(ran.stderr.contains(&words), "{}", ran.stderr);
            assert!(ran.stdout.is_empty() || ran.stdout.contains("failed"), "{}", ran.stdout);
        }
    }
    // A log that ends before is another end.
    let shorter = crate::util::file(&directory, "shorter.aof", &super::logs::log(&usual(10)).bytes);
    let state = progress(&path);
    let ran = recover(&server.addresses(), &shorter, &["--state", state.to_str().unwrap()]).code(1);
    assert!(ran.stderr.contains("behind the end of this log (op 13)"), "{}", ran.stderr);
    assert_eq!(server.log(), before);
    recover(&server.addresses(), &path, &["--until-op", "15"]).code(0);
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
}

/// The primary follows from the number of replicas, and of a list that is too short another one does. That
/// is a backup, which answers as if nothing were there.
#[test]
fn backup_is_not_taken_for_an_empty_cluster() {
    let log = log(&usual(20));
    let server = Server::start(Config { replica_count: 3, ..Config::default() }, vec![]);
    let (_directory, path) = place(&log);
    recover(&server.addresses(), &path, &["--until-op", "10"]).code(0);
    let state = fs::read(progress(&path)).unwrap();
    let first = server.addresses().split(',').next().unwrap().to_owned();
    let ran = recover(&first, &path, &["--timeout", "2"]).code(1);
    assert!(ran.stderr.contains("Are these the addresses of all replicas"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("empty") && !ran.stderr.contains("formatted anew"), "{}", ran.stderr);
    assert_eq!(fs::read(progress(&path)).unwrap(), state);
    fs::remove_file(progress(&path)).unwrap();
    let ran = recover(&first, &path, &["--timeout", "2"]).code(1);
    assert!(ran.stderr.contains("Are these the addresses of all replicas"), "{}", ran.stderr);
    assert!(!progress(&path).exists());
}

/// A replica that proves to be none, as one under SIGSTOP: the first recovery asks, and the second is told
/// at once that there is a first.
#[test]
fn second_recovery_is_refused_while_the_first_still_asks() {
    let log = log(&usual(5));
    let server = Server::start(Config::default(), vec![Fault::Silent]);
    let (_directory, path) = place(&log);
    let mut first =
        recovery(&server.addresses(), &path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !progress(&path).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let begin = std::time::Instant::now();
    let ran = recover(&server.addresses(), &path, &[]).code(2);
    assert!(ran.stderr.contains("in use by another recovery"), "{}", ran.stderr);
    assert!(begin.elapsed() < Duration::from_secs(10), "the first waits for 20 s");
    first.kill().unwrap();
    first.wait().unwrap();
    // What it left is no progress.
    let server = Server::start(Config::default(), vec![]);
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
}

/// Two of one log, each with a progress file of its own.
#[test]
fn two_at_once_with_two_progress_files_end_with_a_reason() {
    let log = log(&usual(300));
    let server = slow(Duration::from_millis(2));
    let (directory, path) = place(&log);
    let other = directory.path().join("other.progress");
    let mut first = recovery(&server.addresses(), &path);
    let mut second = recovery(&server.addresses(), &path);
    second.arg("--state").arg(&other);
    let spawn = |command: &mut std::process::Command| {
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (first, second) = (spawn(&mut first), spawn(&mut second));
    let told = [first, second].map(|child| child.wait_with_output().unwrap());
    for output in told.iter().filter(|output| !output.status.success()) {
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            ["another recovery", "no other recovery", "no answer"].iter().any(|words| told.contains(words)),
            "{told}"
        );
    }
    assert_unharmed(&server);
}

#[test]
fn progress_of_another_recovery_is_refused() {
    let log = log(&usual(5));
    let server = Server::start(Config::default(), vec![]);
    let (directory, path) = place(&log);
    recover(&server.addresses(), &path, &[]).code(0);
    let count = server.received().requests().count();

    // Another log.
    let mut did = usual(5);
    did[0] = Did::Lookup;
    let other = crate::util::file(&directory, "other.aof", &super::logs::log(&did).bytes);
    let state = progress(&path);
    let ran = recover(&server.addresses(), &other, &["--state", state.to_str().unwrap()]).code(2);
    assert!(ran.stderr.contains("another log"), "{}", ran.stderr);
    // Another way with pulses.
    let ran = recover(&server.addresses(), &path, &["--pulses", "skip"]).code(2);
    assert!(ran.stderr.contains("--pulses auto"), "{}", ran.stderr);
    // Damage.
    let damaged = crate::util::file(&directory, "damaged", b"progress");
    let ran = recover(&server.addresses(), &path, &["--state", damaged.to_str().unwrap()]).code(2);
    assert!(ran.stderr.contains("is no progress file"), "{}", ran.stderr);
    // A cluster that was formatted anew.
    let empty = Server::start(Config::default(), vec![]);
    let ran = recover(&empty.addresses(), &path, &[]).code(1);
    assert!(ran.stderr.contains("this cluster is empty"), "{}", ran.stderr);
    // The progress file that was taken along from before: older than the cluster.
    let later = Server::start(Config::default(), vec![]);
    let (_directory, copy) = place(&log);
    recover(&later.addresses(), &copy, &["--until-op", "4"]).code(0);
    let early = fs::read(progress(&copy)).unwrap();
    recover(&later.addresses(), &copy, &[]).code(0);
    fs::write(progress(&copy), early).unwrap();
    let ran = recover(&later.addresses(), &copy, &[]).code(1);
    assert!(ran.stderr.contains("older than the cluster"), "{}", ran.stderr);

    assert_eq!(server.received().requests().count(), count);
    assert_eq!(empty.received().requests().count(), 0);
}

#[test]
fn two_at_once_are_kept_apart_by_the_progress_file() {
    let log = log(&usual(60));
    let server = slow(Duration::from_millis(4));
    let (_directory, path) = place(&log);
    let mut first = recovery(&server.addresses(), &path).stdout(Stdio::null()).spawn().unwrap();
    while server.log().len() < 5 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let ran = recover(&server.addresses(), &path, &[]).code(2);
    assert!(ran.stderr.contains("in use by another recovery"), "{}", ran.stderr);
    assert!(first.wait().unwrap().success());
    assert_whole(&server, &log);
}

/// Without a progress file the cluster itself tells where to go on, and only there it goes on.
#[test]
fn cluster_tells_where_to_go_on() {
    let mut did = usual(10);
    did.insert(6, Did::Lookup);
    did.insert(7, Did::Pulse);
    let log = log(&did);
    let server = Server::start(Config::default(), vec![]);
    let (_directory, path) = place(&log);
    let lose_progress = || fs::remove_file(progress(&path)).unwrap();
    recover(&server.addresses(), &path, &["--until-op", "6"]).code(0);
    lose_progress();
    let ran = recover(&server.addresses(), &path, &[]).code(1);
    assert!(ran.stderr.contains("--from-op 9 goes on"), "{}", ran.stderr);
    assert!(ran.stderr.contains("no replica ever ran without --aof-recovery since"), "{}", ran.stderr);
    for wrong in ["2", "6", "10"] {
        let ran = recover(&server.addresses(), &path, &["--from-op", wrong]).code(1);
        assert!(ran.stderr.contains("--from-op 9 goes on"), "{}", ran.stderr);
        assert!(!progress(&path).exists());
    }
    // Twice over, and once only as far as the register.
    recover(&server.addresses(), &path, &["--from-op", "9", "--until-op", "10"]).code(0);
    lose_progress();
    server.add(Fault::Kill {
        op: server.log().len() as u64 + 1,
        victim: Victim::Replica(0),
        answered: false,
        restart_after: Some(Duration::from_millis(1500)),
    });
    recover(&server.addresses(), &path, &["--from-op", "11", "--timeout", "1"]).code(1);
    lose_progress();
    recover(&server.addresses(), &path, &["--from-op", "11"]).code(0);
    assert_whole(&server, &log);
    let registers = server.log().iter().filter(|entry| entry.operation == Operation::REGISTER).count();
    assert_eq!(registers, 4);
    // Its own progress file goes on as any other, and does not forget what was taken for granted.
    let ran = recover(&server.addresses(), &path, &[]).code(0);
    assert!(ran.stdout.starts_with("nothing was left"), "{}", ran.stdout);
    assert!(ran.stdout.contains("taken for granted    ops up to 10 (6 requests)"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("sent in all"), "{}", ran.stdout);
    assert!(ran.stdout.contains(" of the log, if what is taken for granted is so"), "{}", ran.stdout);
    let ran = recover(&server.addresses(), &path, &["--json"]).code(0);
    let done: serde_json::Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(done["data_checksum_chain"], serde_json::Value::Null);
    assert_eq!(done["taken_for_granted"]["op"], 10);
    lose_progress();
    let ran = recover(&server.addresses(), &path, &["--from-op", "11"]).code(1);
    assert!(ran.stderr.contains("holds the whole log"), "{}", ran.stderr);
}

/// Replays a log with pulses, killed again and again. Nothing where it was killed behind a pulse that nothing
/// confirmed: going on is refused then.
fn killed_around_pulses(log: &aof_tests::build::Log) -> Option<Server> {
    let server = slow(Duration::from_millis(3));
    let (_directory, path) = place(log);
    for ops in [5, 6, 7, 8, 9, 10, 11, 12, 25, 26, 27] {
        interrupt(&server, &path, ops, "-KILL");
        std::thread::sleep(Duration::from_millis(30));
        if server.log().last().is_some_and(|last| last.operation == Operation::PULSE) {
            let ran = recover(&server.addresses(), &path, &[]).code(1);
            assert!(ran.stderr.contains("which this log did not send"), "{}", ran.stderr);
            return None;
        }
    }
    recover(&server.addresses(), &path, &[]).code(0);
    Some(server)
}

#[test]
fn pulses_survive_kills() {
    let mut did = usual(2);
    for id in 0..12 {
        did.extend([Did::Pending(2000 + id), Did::Pulse, Did::Transfers(vec![3000 + id])]);
    }
    let log = log(&did);
    // Killed between a pulse and what confirms it, it leaves an operation that might be anybody's.
    let server = (0..20).find_map(|_| killed_around_pulses(&log)).expect("not always there");
    assert_whole(&server, &log);
    // Each pulse once, between the pending transfer and the transfer behind it.
    let order: Vec<_> = replayed(&server.log()).iter().skip(3).map(|(operation, _)| *operation).collect();
    let cycle = [Operation::CREATE_TRANSFERS, Operation::PULSE, Operation::CREATE_TRANSFERS];
    assert_eq!(order, cycle.repeat(12));
}

#[test]
fn lost_pulse_is_sent_again_before_anything_else() {
    let mut did = usual(2);
    did.extend([Did::Pending(2000), Did::Pulse, Did::Transfers(vec![3000])]);
    let log = log(&did);
    // The requests: register, three, the pending one, the pulse.
    let server = Server::start(Config::default(), vec![Fault::SwallowRequest { request: 5 }]);
    let (_directory, path) = place(&log);
    recover(&server.addresses(), &path, &[]).code(0);
    assert_whole(&server, &log);
    let pulses: Vec<_> =
        server.log().iter().filter(|entry| entry.operation == Operation::PULSE).cloned().collect();
    let at = log.entry(6).header.timestamp.get();
    assert_eq!(pulses.iter().map(|pulse| pulse.timestamp).collect::<Vec<_>>(), [at + 2]);
}

#[test]
fn normal_mode_is_told_from_recovery() {
    let log = log(&usual(5));
    let server = Server::start(Config { mode: Mode::Normal, ..Config::default() }, vec![]);
    let (_directory, path) = place(&log);
    let ran = recover(&server.addresses(), &path, &[]).code(1);
    assert!(ran.stderr.contains("without --aof-recovery"), "{}", ran.stderr);
    // Restarted wrongly half-way.
    let server = Server::serve(Cluster::new(Config::default()), vec![]);
    recover(&server.addresses(), &path, &["--until-op", "5"]).code(0);
    server.restart_as(Mode::Normal);
    let ran = recover(&server.addresses(), &path, &["--timeout", "2"]).code(1);
    assert!(ran.stderr.contains("--aof-recovery"), "{}", ran.stderr);
    assert_unharmed(&server);
}
