//! `aof recover` into a real cluster: the server is TigerBeetle itself.
//!
//! It runs only where the environment says which program that is:
//!
//! | variable | what it names |
//! |---|---|
//! | `TIGERBEETLE` | the server's program; without it every test says loudly that it did not run |
//! | `AOF_REFERENCE` | TigerBeetle's own AOF tool, optional: its recovery of the same log is compared with ours |
//!
//! ```text
//! TIGERBEETLE=/path/to/tigerbeetle AOF_REFERENCE=/path/to/aof cargo test -p aof-cli --test cluster
//! ```
//!
//! A replica's data file takes 1.1 GB, its process 0.7 GB of memory; at most three are there at a time, as
//! the tests run one after another. All lies in temporary directories.
//!
//! | module | what it is |
//! |---|---|
//! | [`environment`] | what the environment names, and that one test runs at a time |
//! | [`process`] | child processes: killed when dropped, every wait bounded |
//! | [`server`] | a cluster: format, start, kill, look at |
//! | [`log`] | what is looked at in logs |
//! | [`recovery`] | a log into a fresh cluster, by our tool or by the reference |
//! | [`recording`] | the log of a cluster under load |
//! | the others | the tests |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may stop at a surprise"
)]

mod environment;
mod log;
mod process;
mod recording;
mod recovery;
mod server;

mod doubt;
mod expiry;
mod interrupted;
mod pending;
mod refused;
mod restart;
mod same;
