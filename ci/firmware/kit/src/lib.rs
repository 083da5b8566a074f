//! What the programs share: files of the host, the report, the log, and how a program starts and ends.
//!
//! A program is called as `NAME FILE [PROFILE]`, through the command line that semihosting hands over. It
//! prints a [report](Report) that `cargo xtask ci qemu` compares, line by line, with what `aof verify
//! --json FILE` says on the host:
//!
//! ```text
//! profile tigerbeetle
//! bytes 183616
//! entries 300
//! first_checksum 0123456789abcdef0123456789abcdef
//! last_checksum 0123456789abcdef0123456789abcdef
//! data_checksum_chain 297885640538300671883383348009515472968
//! damage body-checksum 4096
//! chain gap 5120
//! ```
//!
//! and it [logs](log) what it reads and writes, by defmt.
//!
//! Nothing here allocates, and no allocator is linked: should the core or one of its dependencies begin
//! to, these programs no longer link.

#![no_std]

mod data_checksum;
mod failure;
mod host;
pub mod log;
mod report;
mod sample;

pub use self::failure::Failure;
pub use self::host::{HostError, HostFile, cut};
pub use self::report::Report;
pub use self::sample::{BODY_SIZE_MAX, Sample, samples};

use aof_nostd::{AnyProfile, Crc, TigerBeetle};
use core::fmt::Display;
use semihosting::experimental::env::{Args, args};

/// Bytes that a command line may have.
const COMMAND_LINE_MAX: usize = 512;

/// The command line after the program's name.
#[derive(Debug)]
pub struct Arguments(Args<COMMAND_LINE_MAX>);

impl Arguments {
    /// The command line, the program's name taken off.
    fn read() -> Result<Self, Failure> {
        let arguments = Self(args().map_err(|_| Failure::Usage("a command line"))?);
        (&arguments.0).next(); // the program's name
        Ok(arguments)
    }

    /// The next argument, called `what` in the message if there is none.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`].
    pub fn next(&self, what: &'static str) -> Result<&str, Failure> {
        (&self.0).next().and_then(Result::ok).ok_or(Failure::Usage(what))
    }

    /// The next argument, if there is one.
    pub fn optional(&self) -> Option<&str> {
        (&self.0).next().and_then(Result::ok)
    }

    /// The next argument as a number; `default` if there is none.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`].
    pub fn number_or(&self, what: &'static str, default: u64) -> Result<u64, Failure> {
        self.optional().map_or(Ok(default), |text| text.parse().map_err(|_| Failure::Usage(what)))
    }

    /// The next argument as a profile's name.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`].
    pub fn profile(&self) -> Result<AnyProfile, Failure> {
        const WHAT: &str = "PROFILE (tigerbeetle or crc)";
        match self.next(WHAT)? {
            "tigerbeetle" => Ok(TigerBeetle::default().into()),
            "crc" => Ok(Crc.into()),
            _ => Err(Failure::Usage(WHAT)),
        }
    }
}

/// Runs a program and ends it: with its report and exit code 0, or with a message and exit code 1.
pub fn start<E: Display + From<Failure>>(run: fn(&Arguments) -> Result<Report, E>) -> ! {
    log::open();
    let ended = Arguments::read().map(|arguments| print_report(run, &arguments));
    semihosting::process::exit(match ended.unwrap_or_else(|failure| print_failure(&failure)) {
        Ended::Well => 0,
        Ended::Badly => 1,
    })
}

/// How a program ended.
enum Ended {
    Well,
    Badly,
}

/// Runs a program and prints what it reports. A report is most of what a small board has on its stack: it
/// is not moved.
#[inline(never)]
fn print_report<E: Display>(run: fn(&Arguments) -> Result<Report, E>, arguments: &Arguments) -> Ended {
    match &run(arguments) {
        Ok(report) => {
            semihosting::print!("{report}");
            Ended::Well
        }
        Err(failure) => print_failure(failure),
    }
}

fn print_failure(failure: &impl Display) -> Ended {
    semihosting::eprintln!("{failure}");
    Ended::Badly
}

/// Makes `$run` what the board starts. Another architecture needs one more branch here.
#[macro_export]
macro_rules! program {
    ($run:path) => {
        #[cfg(target_arch = "arm")]
        #[cortex_m_rt::entry]
        fn main() -> ! {
            $crate::start($run)
        }

        #[cfg(target_arch = "riscv32")]
        #[riscv_rt::entry]
        fn main() -> ! {
            $crate::start($run)
        }
    };
}
