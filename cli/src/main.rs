//! The command `aof`. See the library [`aof_cli`] for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    aof_cli::run()
}
