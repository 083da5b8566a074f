//! The C interface: its header, and C programs that use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at a surprise")]

mod header;
mod messages;
mod programs;
