//! What the programs in `src/bin` share: files of the host, the report, and how a program starts and ends.
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
//! damage body-checksum 4096
//! ```
//!
//! Nothing here allocates, and no allocator is linked: should the core or one of its dependencies begin
//! to, these programs no longer link.

#![no_std]

mod failure;
mod host;
mod report;
mod sample;

pub use self::failure::Failure;
pub use self::host::{HostError, HostFile};
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
    match Arguments::read().map_err(E::from).and_then(|arguments| run(&arguments)) {
        Ok(report) => {
            semihosting::print!("{report}");
            semihosting::process::exit(0)
        }
        Err(failure) => {
            semihosting::eprintln!("{failure}");
            semihosting::process::exit(1)
        }
    }
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
    };
}
