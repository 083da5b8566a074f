//! The same by tasks of an async executor (`ci/firmware/embassy`): one appends, while another reads what is
//! durable by then and makes the report.

use super::super::boards::{BOARDS, Board};
use super::super::read;
use super::super::recorded::{SMALL, flip};
use super::cases::{Case, Source, cut_last, write};
use super::{Device, Programs, desktop};
use crate::outcome::Stop;

/// The Cortex-M3.
pub(super) const BOARD: &Board = &BOARDS[1];

/// An entry takes some ten interrupts, for each of which the emulator sleeps: it gets all of the time.
pub(super) const PROGRAMS: Programs =
    Programs { package: "aof-firmware-embassy", append: "append-async", suffix: "-embassy", haste: 1 };

/// Entries of the logs that are compared with the desktop's.
const LAST: u64 = 100;

/// All cases, in this order. Torn tails are zeroed, and what is appended covers them.
const CASES: [Case; 4] = [
    write(
        "append-async",
        "async-tigerbeetle.aof",
        Source::Desktop("tigerbeetle", 0, |_| {}),
        &["tigerbeetle", "100"],
    ),
    write("append-async", "async-crc.aof", Source::Desktop("crc", 90, cut_last), &["crc", "11"]),
    write("append-async", "async.aof", Source::Recorded(SMALL, cut_last), &["tigerbeetle", "20"]),
    Case {
        program: "append-async",
        name: "async-flipped.aof",
        source: Source::Recorded(SMALL, |log| flip(log, 100_000)),
        words: &["tigerbeetle", "1"],
        refused: true,
    },
];

/// Runs the cases. Gives what is not as the command finds it, or as the desktop writes it.
pub(super) fn differences(device: &Device<'_>) -> Result<String, Stop> {
    let mut differences = String::new();
    for case in &CASES {
        differences += &device.run_case(case)?;
    }
    for profile in ["tigerbeetle", "crc"] {
        let own = device.logs.join(format!("expected-{profile}.aof"));
        desktop::chain(&own, profile, LAST)?;
        let written = device.logs.join(format!("async-{profile}.aof"));
        if read(&own)? != read(&written)? {
            differences += &format!(
                "{}: {} and {} are not equal\n",
                device.board.name,
                own.display(),
                written.display()
            );
        }
    }
    Ok(differences)
}
