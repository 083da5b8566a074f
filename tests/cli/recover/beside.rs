//! Which progress file is used, whatever the inputs are called.

use super::logs::{Did, RELEASE, log, usual};
use super::{assert_whole, place, progress, recover};
use crate::util::{Ran, aof, file};
use aof_nostd::wire::Release;
use aof_tests::cluster::Config;
use aof_tests::cluster::tcp::Server;
use std::fs;
use std::path::Path;

fn recover_all(server: &Server, files: &[&Path], more: &[&str]) -> Ran {
    let addresses = server.addresses();
    let mut arguments = vec!["recover", "--cluster", "0", "--timeout", "20", "--addresses", &addresses];
    arguments.extend(more);
    arguments.extend(files.iter().map(|path| path.to_str().unwrap()));
    aof(arguments)
}

/// Another order of the inputs, and the file that they merge to, go on with the same progress.
#[test]
fn inputs_in_another_order_and_their_merge_continue() {
    let log = log(&usual(10));
    let server = Server::start(Config::default(), vec![]);
    let (directory, first) = place(&log);
    let second = file(&directory, "r1.aof", &log.bytes);
    recover_all(&server, &[&first, &second], &["--until-op", "5"]).code(0);
    // A pipe with such a name is not waited for.
    let pipe = directory.path().join("pipe.progress");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());

    let ran = recover_all(&server, &[&second, &first], &["--until-op", "7"]).code(0);
    let used = format!("the progress file {} is of this log: it is used", progress(&first).display());
    assert!(ran.stderr.contains(&used), "{}", ran.stderr);
    assert!(ran.stderr.contains("going on behind op 5 of the log"), "{}", ran.stderr);
    assert!(!progress(&second).exists());

    let whole = directory.path().join("whole.aof");
    aof(["merge", "--output", whole.to_str().unwrap(), first.to_str().unwrap(), second.to_str().unwrap()])
        .code(0);
    let ran = recover_all(&server, &[&whole], &[]).code(0);
    assert!(ran.stderr.contains(&used), "{}", ran.stderr);
    assert_whole(&server, &log);

    // And from a merged log back to its inputs.
    let server = Server::start(Config::default(), vec![]);
    fs::remove_file(progress(&first)).unwrap();
    recover_all(&server, &[&whole], &["--until-op", "6"]).code(0);
    recover_all(&server, &[&first, &second], &[]).code(0);
    assert_whole(&server, &log);
}

/// An empty cluster is begun with, though the progress of another one is beside the logs.
#[test]
fn empty_cluster_is_begun_with() {
    let log = log(&usual(4));
    let (directory, first) = place(&log);
    let second = file(&directory, "r1.aof", &log.bytes);
    for path in [&first, &second] {
        let server = Server::start(Config::default(), vec![]);
        recover_all(&server, &[path], &[]).code(0);
        assert_whole(&server, &log);
    }
    // Which of the two is this cluster's is not guessed.
    let server = Server::start(Config::default(), vec![]);
    let third = file(&directory, "r2.aof", &log.bytes);
    recover_all(&server, &[&third], &["--until-op", "4"]).code(0);
    let (whole, count) = (file(&directory, "whole.aof", &log.bytes), server.log().len());
    let ran = recover_all(&server, &[&whole], &[]).code(2);
    assert!(ran.stderr.contains("several progress files are of this log"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--state") && !progress(&whole).exists(), "{}", ran.stderr);
    assert_eq!(server.log().len(), count);
}

#[test]
fn message_names_the_paths_that_were_tried() {
    let log = log(&usual(6));
    let server = Server::start(Config::default(), vec![]);
    let (directory, first) = place(&log);
    let second = file(&directory, "r1.aof", &log.bytes);
    recover_all(&server, &[&first], &["--until-op", "5"]).code(0);
    fs::rename(progress(&first), directory.path().join("elsewhere")).unwrap();
    let ran = recover_all(&server, &[&second, &first], &[]).code(1);
    let tried = format!("neither {}, {} nor", progress(&second).display(), progress(&first).display());
    for words in [tried.as_str(), "--state", "--from-op 6 goes on"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    let elsewhere = directory.path().join("elsewhere").display().to_string();
    let ran = recover_all(&server, &[&second], &["--state", &format!("{elsewhere}2")]).code(1);
    assert!(ran.stderr.contains("elsewhere2 (--state)"), "{}", ran.stderr);
    recover_all(&server, &[&second, &first], &["--state", &elsewhere]).code(0);
    assert_whole(&server, &log);
}

/// What the cluster holds is certainly another log: there is no op to go on from.
#[test]
fn another_log_gets_no_op_to_continue_from() {
    // By the progress file of the other one.
    let mut did = usual(6);
    did[0] = Did::Lookup;
    let (directory, other) = place(&log(&did));
    let path = file(&directory, "mine.aof", &log(&usual(6)).bytes);
    let server = Server::start(Config::default(), vec![]);
    recover_all(&server, &[&other], &["--until-op", "5"]).code(0);
    for more in [&[][..], &["--from-op", "6"]] {
        let ran = recover_all(&server, &[&path], more).code(1);
        assert!(ran.stderr.contains("is of another log, whose first entry"), "{}", ran.stderr);
        assert!(ran.stderr.contains(progress(&other).to_str().unwrap()), "{}", ran.stderr);
        assert!(!ran.stderr.contains("goes on"), "{}", ran.stderr);
    }
    // By the sessions that it would have begun by now, or not yet.
    let old = Release::new(0, 16, 21);
    let with_old = |at: usize| {
        let mut did = usual(8);
        did.insert(at, Did::Release(old, Box::new(Did::Transfers(vec![2000]))));
        log(&did)
    };
    for (cluster, ours, words) in
        [(4, 10, "it has a session of release 0.16.21"), (10, 4, "it has no session of release 0.16.21")]
    {
        let server = Server::start(Config::default(), vec![]);
        let (_directory, path) = place(&with_old(cluster));
        recover(&server.addresses(), &path, &["--until-op", "8"]).code(0);
        let (_directory, path) = place(&with_old(ours));
        for more in [&[][..], &["--from-op", "8"], &["--from-op", "9"]] {
            let ran = recover(&server.addresses(), &path, more).code(1);
            assert!(ran.stderr.contains(words), "{RELEASE}: {}", ran.stderr);
            assert!(!ran.stderr.contains("goes on"), "{}", ran.stderr);
        }
    }
}
