//! What a log that is being written asks of the system between its syncs: not its file's times. On Linux from 6.13 on
//! its next write would note a new one, and the sync behind that would cost the disk one request more.

use crate::environment::{has_strace, tell};
use crate::sweep::strace;
use crate::writer::Writer;

/// The system calls that tell of a file.
const CALLS: &str = "trace=fdatasync,statx,?newfstatat,?fstatat64,?fstat,?stat,?lstat";

#[test]
fn a_log_asks_for_no_times_between_its_syncs() {
    if !has_strace() {
        return;
    }
    for preallocate in [0, 100_000] {
        let directory = tempfile::tempdir().unwrap();
        let (log, trace) = (directory.path().join("log.aof"), directory.path().join("trace"));
        let writer = Writer { every: 1, up_to: 30, waits: true, preallocate, ..Writer::new(&log) };
        let said = writer.through(&strace(&[CALLS], trace.to_str().unwrap())).run();
        assert_eq!(said.acknowledged(), 30, "{said:?}");
        let trace = std::fs::read_to_string(&trace).unwrap();
        let calls: Vec<&str> = trace.lines().collect();
        let syncs: Vec<usize> = (0..calls.len())
            .filter(|at| calls[*at].contains("fdatasync(") && calls[*at].contains("= 0"))
            .collect();
        let (first, last) = (syncs[0], syncs[syncs.len() - 1]);
        let between: Vec<&str> =
            calls[first..last].iter().copied().filter(|call| call.contains("stat")).collect();
        assert!(syncs.len() >= 30 && between.len() >= 29, "it looks at its file and its path: {trace}");
        let of_times = |call: &&&str| !call.contains("STATX_TYPE|STATX_INO|STATX_SIZE,");
        assert_eq!(between.iter().find(of_times), None, "{trace}");
        tell(&format!("{} looks at the log between {} syncs", between.len(), syncs.len()));
    }
}
