//! A program that keeps a log: `cargo run --example log_file -- FILE TEXT...` appends an entry for each text, after
//! whatever the last run and its crash have left, and prints the log.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example")]

use aof_nostd::Draft;
use aof_std::{LogFile, Rotation};
use std::error::Error;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args_os().skip(1);
    let Some(path) = words.next().map(PathBuf::from) else {
        return Err("usage: log_file FILE TEXT...".into());
    };
    let mut log = LogFile::open(&path)?;
    if let Some(torn) = log.torn_tail() {
        let kept = log.cut_torn_tail()?;
        eprintln!("a crash tore the tail at byte {}: {} bytes, kept in {kept:?}", torn.offset, torn.size);
    }
    for text in words {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let draft = Draft { timestamp_ns: u64::try_from(now)?, ..Draft::default() };
        log.write_new(&draft, text.to_string_lossy().as_bytes())?;
    }
    if log.sync()?.rotation == Rotation::Replaced {
        eprintln!("{}: somebody put another file in the log's place", path.display());
    }
    log.close()?;

    let mut reader = aof_std::open(&path, aof_std::backend())?;
    while let Some(found) = reader.next()? {
        let text = String::from_utf8_lossy(&found.entry.body);
        println!("op {} at {} ns: {text}", found.entry.header.op(), found.entry.header.timestamp.get());
    }
    Ok(())
}
