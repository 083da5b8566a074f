//! `device-log ELF FRAMES`: prints what a device logged by defmt, one line a frame.
//!
//! ```text
//! FRAMES   numbers of formats, and values      device.defmt, written by the device
//! ELF      the formats' texts, by number       the program that the device ran
//! ```
//!
//! A frame that was cut off at the file's end is left out: the device's power was.

use defmt_decoder::{DecodeError, Table};
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [program, frames] = arguments.as_slice() else {
        eprintln!("device-log: call it as device-log ELF FRAMES");
        return ExitCode::from(2);
    };
    let printed = lines(program, frames).and_then(|text| Ok(io::stdout().write_all(text.as_bytes())?));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("device-log: {error}");
            ExitCode::FAILURE
        }
    }
}

fn lines(program: &str, frames: &str) -> Result<String, Box<dyn Error>> {
    let read = |path: &str| fs::read(path).map_err(|error| format!("{path}: {error}"));
    let table = Table::parse(&read(program)?).map_err(|error| format!("{program}: {error:#}"))?;
    let table =
        table.ok_or_else(|| format!("{program}: no defmt: was it built with the feature `defmt`?"))?;
    let mut decoder = table.new_stream_decoder();
    decoder.received(&read(frames)?);
    let mut text = String::new();
    loop {
        match decoder.decode() {
            Ok(frame) => {
                let level = frame.level().map_or("print", |level| level.as_str());
                writeln!(text, "{level} {}", frame.display_message())?;
            }
            Err(DecodeError::UnexpectedEof) => return Ok(text),
            Err(DecodeError::Malformed) => {
                let count = text.lines().count();
                return Err(format!("{frames}: frame {count} is malformed: is {program} what ran?").into());
            }
        }
    }
}
