//! Programs over a log on an SD card.
//!
//! ```text
//! recorded log --mcopy--> card image --+--> firmware, QEMU ------> report --+
//!                              |   ^   |                                     +--> equal?
//!                              |   +---+                                     |
//!                              +--mcopy--> aof verify --json ----> report ---+
//! ```
//!
//! | check | what |
//! |---|---|
//! | read | logs of replicas, whole and damaged, read on the device |
//! | append | logs of the device, and logs of replicas that it goes on with: read by verify, debug, merge |
//! | recover | torn tails are kept and cut; what is no torn tail is refused, and not touched |
//! | full | a card that is full, a file that is as large as FAT allows |
//! | cost | blocks read and written for each append |
//! | power cuts | [`cuts`] |

mod cases;
mod cuts;
mod device;
mod image;
mod stretch;

use self::cases::{COSTS, Cost, READINGS, REFUSALS};
use self::device::Device;
use self::image::{FAT16, FAT32, Format, Image, SDHC, TINY};
use self::stretch::Stretched;
use super::power_cut::{self, Said};
use super::recorded::{SMALL, ends};
use super::{Desktop, boards::CARD_BOARD, fresh_directory, read, report, write};
use crate::outcome::{Done, Stop};
use crate::setup::{self, Need};
use std::path::Path;

const PROFILES: [&str; 2] = ["tigerbeetle", "crc"];

/// A check; gives a line for people.
type Check = fn(&Device<'_>) -> Result<String, Stop>;

/// Runs everything.
pub(super) fn run(desktop: &Desktop<'_>, done: &mut Done) -> Result<(), Stop> {
    setup::need(desktop.root, &[Need::Program { name: "mformat", package: "mtools" }])?;
    let (target, images) = device::set_up(desktop.root)?;
    if !target.has_clippy() {
        done.left_out(format!("clippy on the firmware: it needs `rustup target add {}`", CARD_BOARD.target));
    }
    let directory = fresh_directory(&desktop.root.target().join("qemu/sd-card"))?;
    let device = Device { desktop, images: &images, directory: &directory };
    let checks: [(&str, Check); 6] = [
        ("read", reads),
        ("append", appends),
        ("recover", recovers),
        ("full", fills),
        ("cost", costs),
        ("power", cuts::run),
    ];
    for (name, check) in checks {
        desktop.table.row(CARD_BOARD.name, name, "on a card", &check(&device)?);
    }
    Ok(())
}

/// Logs of replicas, read on both formats.
fn reads(device: &Device<'_>) -> Result<String, Stop> {
    for format in [&FAT16, &FAT32] {
        let card = Image::make(device.root(), device.directory, format)?;
        for reading in &READINGS {
            let mut log = read(&device.root().path(reading.recorded))?;
            (reading.change)(&mut log);
            card.put(reading.name, &log)?;
            let printed = device.run(&card, &["card-read", reading.name])?;
            agree(device, format, reading.name, &printed)?;
        }
    }
    Ok(format!("{} logs on two cards agree", READINGS.len()))
}

/// Logs that the device writes, and one of a replica that it goes on with.
fn appends(device: &Device<'_>) -> Result<String, Stop> {
    for format in [&FAT16, &FAT32] {
        for profile in PROFILES {
            let card = Image::make(device.root(), device.directory, format)?;
            // Begun, gone on with, gone on with: one chain.
            for _ in 0..3 {
                append(device, &card, format, "NEW.AOF", profile)?;
            }
            let log = card.get("NEW.AOF")?;
            let count = ends(&log).len();
            if count != 24 {
                return Stop::failed(format!("{}: three times 8 entries are {count}", format.name));
            }
            merges(device, &log, &[(0..log.len(), "WHOLE.AOF")])?;
        }
    }
    let small = read(&device.root().path(SMALL))?;
    let card = Image::make(device.root(), device.directory, &FAT16)?;
    card.put("REPLICA.AOF", &small)?;
    append(device, &card, &FAT16, "REPLICA.AOF", "tigerbeetle")?;
    let log = card.get("REPLICA.AOF")?;
    if !log.starts_with(&small) {
        return Stop::failed("REPLICA.AOF: the device changed what the replica had written");
    }
    // What the replica has, and what the device kept of it: together all of it.
    let from = ends(&log)[199];
    merges(device, &log, &[(0..small.len(), "REPLICA1.AOF"), (from..log.len(), "DEVICE.AOF")])?;
    Ok("new logs and a replica's, read by verify, debug and merge".to_owned())
}

fn append(
    device: &Device<'_>,
    card: &Image<'_>,
    format: &Format,
    name: &str,
    profile: &str,
) -> Result<(), Stop> {
    let printed = device.run(card, &["card-append", name, profile])?;
    card.get(name)?;
    agree(device, format, name, &printed)
}

/// The command has to merge these parts of a log into the log, and to read it.
fn merges(device: &Device<'_>, log: &[u8], parts: &[(std::ops::Range<usize>, &str)]) -> Result<(), Stop> {
    for (range, name) in parts {
        write(&device.directory.join(name), log.get(range.clone()).unwrap_or_default())?;
    }
    let names = parts.iter().map(|(_, name)| *name);
    let command = || device.desktop.aof(device.directory);
    command().args(["merge", "--force", "--output", "MERGED.AOF"]).args(names).text()?;
    command().args(["debug", "--all", "MERGED.AOF"]).text()?;
    if read(&device.directory.join("MERGED.AOF"))? == log {
        return Ok(());
    }
    Stop::failed(format!("MERGED.AOF in {}: not the device's log", device.directory.display()))
}

/// A torn tail is kept and cut; what is no torn tail is refused.
fn recovers(device: &Device<'_>) -> Result<String, Stop> {
    let small = read(&device.root().path(SMALL))?;
    let card = Image::make(device.root(), device.directory, &FAT32)?;
    let end = ends(&small)[298];
    let torn = &small[..small.len() - 100];
    card.put("TORN.AOF", torn)?;
    append(device, &card, &FAT32, "TORN.AOF", "tigerbeetle")?;
    let log = card.get("TORN.AOF")?;
    if log.get(..end) != small.get(..end) || ends(&log).len() != 299 + 8 {
        return Stop::failed("TORN.AOF: not the 299 whole entries and 8 of the device");
    }
    if card.get("TORN000.BIN")? != torn[end..] {
        return Stop::failed("TORN000.BIN: not the torn tail that was cut");
    }
    for refusal in &REFUSALS {
        let mut bytes = small.clone();
        (refusal.change)(&mut bytes);
        card.put(refusal.name, &bytes)?;
        let printed = device.fails(&card, &["card-append", refusal.name, refusal.profile])?;
        if !printed.contains(refusal.message) {
            return Stop::failed(format!("{}: no {:?} in: {printed}", refusal.name, refusal.message));
        }
        if card.get(refusal.name)? != bytes {
            return Stop::failed(format!("{}: refused, and changed all the same", refusal.name));
        }
    }
    Ok(format!("a torn tail cut and kept, {} files refused and not touched", REFUSALS.len()))
}

/// A card without room, and a file without room.
fn fills(device: &Device<'_>) -> Result<String, Stop> {
    let card = Image::make(device.root(), device.directory, &TINY)?;
    card.put("FILLER.BIN", &vec![0; 2_700_000])?;
    let printed = device.fails(&card, &["card-endless", "FULL.AOF", "crc"])?;
    if !printed.contains("disk full") {
        return Stop::failed(format!(
            "FULL.AOF: the card ran full, and the device does not say so: {printed}"
        ));
    }
    let lines: Vec<_> = printed.lines().map(str::to_owned).collect();
    let Said { durable, .. } = power_cut::said(&lines)?;
    card.get("FULL.AOF")?;
    let json = device.desktop.verify(device.directory, "FULL.AOF")?;
    power_cut::check(&json, Said { recovered: 0, durable }, 0)?;

    // 5,000 bytes before the last one that FAT can say: three of the device's entries, and no fourth.
    const ROOM: u32 = 5000;
    let card = Image::make(device.root(), device.directory, &SDHC)?;
    card.put("LIMIT.AOF", &[])?;
    let file = Stretched::make(&card, u32::MAX - ROOM)?;
    device.run(&card, &["card-limit", "LIMIT.AOF", "crc"])?;
    let (size, tail) = file.tail(ROOM)?;
    write(&device.directory.join("LIMIT.AOF"), &tail)?;
    let printed = report::expected_with_chain(&device.desktop.verify(device.directory, "LIMIT.AOF")?)?;
    if size != u32::MAX || !printed.contains("\nentries 3\n") {
        return Stop::failed(format!(
            "LIMIT.AOF: {size} bytes, not {}, or not 3 entries: {printed}",
            u32::MAX
        ));
    }
    Ok(format!("a full card after op {durable}, a full file after {size} bytes"))
}

/// What appending makes a card do.
fn costs(device: &Device<'_>) -> Result<String, Stop> {
    let mut differences = String::new();
    for Cost { body, lines } in &COSTS {
        let card = Image::make(device.root(), device.directory, &SDHC)?;
        let printed = device.run(&card, &["card-cost", "COST.AOF", "tigerbeetle", body])?;
        for (expected, printed) in lines.iter().zip(printed.lines()) {
            if *expected != printed {
                differences += &format!("  bodies of {body} bytes: {printed}, expected: {expected}\n");
            }
        }
    }
    if differences.is_empty() {
        return Ok(format!("as stated for {} sizes of body", COSTS.len()));
    }
    Stop::failed(format!(
        "what appending makes a card do has changed; if it is meant, change COSTS in cases.rs:\n{differences}"
    ))
}

/// The device's report and the command's about the file of this name in the directory.
fn agree(device: &Device<'_>, format: &Format, name: &str, printed: &str) -> Result<(), Stop> {
    let expected = report::expected_with_chain(&device.desktop.verify(device.directory, name)?)?;
    let differences = report::differences(&expected, printed);
    if differences.is_empty() {
        return Ok(());
    }
    let path: &Path = &device.directory.join(name);
    Stop::failed(format!("{} ({}): {}:\n{differences}", CARD_BOARD.name, format.name, path.display()))
}
