//! The corpus once more, by an ordinary test: what the fuzzer found worth keeping, and every input that ever
//! was a finding.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may stop at a surprise")]

use aof_hostile::{TARGETS, pack};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A command's stop is its process's: one target at a time.
static ONE: Mutex<()> = Mutex::new(());

fn replay(name: &str) {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, run) = TARGETS.into_iter().find(|target| target.0 == name).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let inputs = pack::unpack(&bytes).unwrap_or_else(|at| panic!("{}: cut at byte {at}", path.display()));
    assert!(inputs.len() >= 10, "{}: only {} inputs", path.display(), inputs.len());
    for (number, input) in inputs.into_iter().enumerate() {
        if std::panic::catch_unwind(|| run(input)).is_err() {
            panic!("{}: input {number}, {} bytes: see above", path.display(), input.len());
        }
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($name)),*];
            assert_eq!(replayed, TARGETS.map(|target| target.0));
        }
    };
}

targets! { slice reader writer verify merge tail convert client }
