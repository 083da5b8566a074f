//! A log under Embassy's executor: what the program `append-async` is made of.
//!
//! ```text
//!   task         task                        task
//!   produce ---> log_samples ---durable---> verify
//!      samples     |  append, checkpoint      |  every entry that is durable, while others are written
//!                  v                          v
//!               WaitedFile                 WaitedFile     two handles of one file of the host
//!                  |                          |
//!               Transfer  <---SysTick--->  Transfer       each call ends with an interrupt
//! ```
//!
//! [`log_samples`] is what docs/embedded.md shows: it is generic, and knows nothing of files.

#![no_std]

mod file;
mod logger;
mod transfer;

pub use self::file::WaitedFile;
pub use self::logger::{Failure, log_samples};
pub use self::transfer::{TRANSFERS, Transfer, start_timer};
