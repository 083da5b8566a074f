//! What goes wrong ends soon, fails, and is told: each in words of its own.

use crate::environment::Environment;
use crate::expiry::input;
use crate::log::{Log, aof, data};
use crate::process::run;
use crate::recovery::Tool;
use crate::server::{Cluster, Mode, free_addresses};
use std::time::Duration;

/// What `--timeout 5` may take in all.
const LIMIT: Duration = Duration::from_secs(30);

/// Recovers a log, and gives what was told on standard error; it must fail.
#[track_caller]
fn refused(log: &Log, cluster_id: u128, addresses: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut command = aof();
    command.arg("recover").arg(format!("--cluster={cluster_id}")).arg(format!("--addresses={addresses}"));
    command.arg("--timeout=5").arg(log.write(directory.path(), "input.aof"));
    let ran = run(&mut command, directory.path(), "recover", LIMIT);
    assert!(ran.status.code().is_some_and(|code| code != 0), "{ran}");
    assert!(!ran.stderr.is_empty(), "{ran}");
    ran.stderr
}

#[test]
fn each_refusal_has_its_own_words() {
    let Some(environment) = Environment::get() else { return };
    let told = [
        ("in normal mode", normal_mode(&environment)),
        ("not empty", not_empty(&environment)),
        ("of another cluster", other_cluster(&environment)),
        ("body above the limit", large_bodies(&environment)),
        ("log of another cluster", other_log()),
        ("nobody there", nobody()),
    ];
    for (index, (case, text)) in told.iter().enumerate() {
        println!("{case}:\n{text}");
        for (other, other_text) in &told[..index] {
            let addresses_aside = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
            assert_ne!(addresses_aside(text), addresses_aside(other_text), "{case} and {other}");
        }
    }
}

fn normal_mode(environment: &Environment) -> String {
    let mut cluster = Cluster::fresh(environment, 1, Mode::Normal);
    let told = refused(&input(), 0, &cluster.addresses());
    cluster.stop(); // it still runs
    told
}

fn not_empty(environment: &Environment) -> String {
    let mut cluster = Cluster::fresh(environment, 1, Mode::Recovery);
    // Its progress file is elsewhere.
    Tool::Ours.recover(&cluster, &input().write(cluster.directory(), "input.aof"));
    let told = refused(&input(), 0, &cluster.addresses());
    cluster.stop();
    told
}

/// A server that was not released takes cluster 0 only, so it is the log that is of another.
fn other_cluster(environment: &Environment) -> String {
    let mut cluster = Cluster::fresh(environment, 1, Mode::Recovery);
    let told = refused(&input().of_cluster(7), 7, &cluster.addresses());
    cluster.stop();
    told
}

/// Bodies of nearly 1 MiB; these replicas take 32 KiB.
fn large_bodies(environment: &Environment) -> String {
    let mut cluster = Cluster::fresh(environment, 1, Mode::Recovery);
    let told = refused(&data("single/large-bodies.aof"), 0, &cluster.addresses());
    cluster.stop();
    told
}

fn other_log() -> String {
    refused(&input(), 7, &free_addresses(1)[0].to_string())
}

fn nobody() -> String {
    refused(&input(), 0, &free_addresses(1)[0].to_string())
}
