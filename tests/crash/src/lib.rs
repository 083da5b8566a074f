//! Crash simulation: what is acknowledged is on the medium after every power cut, and nothing else is.
//!
//! | module | what it is |
//! |---|---|
//! | [`device`] | the core on a simulated device: `Recovery`, `Writer`, `Reader` over blocks or bytes |
//! | [`files`] | `LogFile`, `NewFile` and `merge` on a simulated file system |
//! | [`options`] | what is asked for |
//! | [`run`] | cases over threads: the result depends on the cases alone |
//! | [`report`] | what was counted, and a failure with all that repeats it |
//!
//! A *case* is a number, and everything in it follows from that number: the medium, the workload, the
//! faults, where the power is cut and what is left. A *crash* is one state of a medium that a power cut
//! left and that was recovered from and checked.
//!
//! The program `crash` runs any number of them: `cargo run --profile simulation -p aof-crash -- files --crashes 1000000`.

pub mod device;
pub mod files;
pub mod options;
pub mod report;
pub mod run;
