//! `card-cost LOG PROFILE BODY_SIZE`: what appending, checkpoints and verifying make a card do.
//!
//! ```text
//! append ENTRIES READS WRITES        blocks of 512 bytes
//! checkpoint COUNT READS WRITES
//! verify BYTES READS WRITES
//! bus WORDS                          bytes over SPI in all this
//! ```

#![no_std]
#![no_main]

use aof_firmware_kit::{Arguments, Failure, Report};
use aof_firmware_sd_card::{CardFailure, Counts, mount, recover, survey};
use aof_nostd::{Draft, Writer};

aof_firmware_kit::program!(cost);

/// Checkpoints, and entries before each.
const CHECKPOINTS: u32 = 16;
const ENTRIES: u32 = 16;

/// Bytes of the largest body.
const BODY_SIZE_MAX: usize = 4096;

fn cost(arguments: &Arguments) -> Result<Report, CardFailure> {
    const SIZE: &str = "BODY_SIZE of at most 4096";
    let name = arguments.next("LOG")?;
    let profile = arguments.profile()?;
    let body = [0x5a; BODY_SIZE_MAX];
    let size = arguments.next(SIZE)?.parse().ok();
    let body = size.and_then(|size: usize| body.get(..size)).ok_or(Failure::Usage(SIZE))?;

    let card = mount()?;
    let recovered = recover(&card, name, &profile)?;
    let mut writer = Writer::new(recovered.file, profile);
    let (mut appends, mut checkpoints) = (Counts::default(), Counts::default());
    for _ in 0..CHECKPOINTS {
        let start = card.counts();
        for _ in 0..ENTRIES {
            writer.append_new(&Draft::default(), body)?;
        }
        let middle = card.counts();
        writer.checkpoint(|| {})?;
        appends += middle - start;
        checkpoints += card.counts() - middle;
    }
    let bytes = writer.size();
    drop(writer);
    let start = card.counts();
    let report = survey(card.open(name)?)?;
    let verify = card.counts() - start;
    let line = |name: &str, count: u64, Counts { reads, writes }: Counts| {
        semihosting::println!("{name} {count} {reads} {writes}");
    };
    line("append", (CHECKPOINTS * ENTRIES).into(), appends);
    line("checkpoint", CHECKPOINTS.into(), checkpoints);
    line("verify", bytes, verify);
    semihosting::println!("bus {}", card.device(|card| card.spi(|socket| socket.clocked())));
    Ok(report)
}
