//! The core on a simulated device.

use crate::report::Failure;
use crate::run;
use clap::Args;

/// What is simulated.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Which cases.
    #[command(flatten)]
    pub cases: run::Options,
}

/// Runs the simulation and prints what it counted.
///
/// # Errors
///
/// The first promise that was broken.
pub fn run(_options: &Options, print: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    print("nothing is simulated yet\n");
    Ok(())
}
