//! Power cuts while the device appends to a card.
//!
//! Each card goes through a dozen rounds with one log; then comes another card, of the other format or with
//! the other profile. In QEMU the blocks that were written before the cut are there and in order, so the log
//! ends at a checkpoint. That a card need not keep the order is played by the host: before every third round
//! it puts a torn tail behind the log, which the device has to keep and to cut.
//!
//! In every fourth round the power goes while the device begins, which may be in the recovery.
//!
//! After each cut the host's tools have to read the FAT, and a file beside the log has to be as it was.

use super::super::power_cut::{self, Rounds, Said};
use super::cases::TAILS;
use super::device::Device;
use super::image::{FAT16, FAT32, Format, Image};
use crate::outcome::Stop;
use std::time::Duration;

/// Rounds in CI.
const ROUNDS: u64 = 52;

/// Where the moments of the cuts follow from.
const SEED: u64 = 0x5d;

/// Rounds with one card.
const ROUNDS_PER_CARD: usize = 13;

/// Cards in turn.
const CARDS: [(&Format, &str); 4] =
    [(&FAT16, "tigerbeetle"), (&FAT32, "crc"), (&FAT32, "tigerbeetle"), (&FAT16, "crc")];

/// The log, and a file beside it.
const LOG: &str = "CUT.AOF";
const WITNESS: &str = "WITNESS.BIN";

/// Cuts the power again and again. Gives a line for people.
pub(super) fn run(device: &Device<'_>) -> Result<String, Stop> {
    let rounds: Vec<_> = Rounds::new(ROUNDS, SEED).collect();
    let (mut ops, mut tails) = (0, 0);
    for (number, delays) in rounds.chunks(ROUNDS_PER_CARD).enumerate() {
        let (format, profile) = CARDS[number % CARDS.len()];
        let image = Image::make(device.root(), device.directory, format)?;
        image.put(WITNESS, &witness())?;
        let mut card = Cut { device, image, profile, last: 0, log: Vec::new(), tails: 0 };
        for (round, delay) in delays.iter().enumerate() {
            if round % 3 == 2 {
                card.tear(round / 3)?;
            }
            let early = round % 4 == 3 && card.last > 0; // before its first sync there may be no log
            card.cut(*delay, early)?;
        }
        ops += card.last;
        tails += card.tails;
    }
    Ok(format!("{} power cuts, {tails} torn tails, {ops} ops survived", rounds.len()))
}

fn witness() -> Vec<u8> {
    (0..20_000_u32).flat_map(|value| value.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect()
}

/// A card between two cuts.
struct Cut<'a> {
    device: &'a Device<'a>,
    image: Image<'a>,
    profile: &'static str,
    /// The last op in the log, and the log.
    last: u64,
    log: Vec<u8>,
    /// Torn tails that were put behind it.
    tails: usize,
}

impl Cut<'_> {
    /// Lets the device append for a while, or (`early`) begin, cuts its power, and looks.
    fn cut(&mut self, delay: Duration, early: bool) -> Result<(), Stop> {
        let run = self.device.command(&self.image, &["card-endless", LOG, self.profile]);
        let unchanged = Said { recovered: self.last, durable: self.last };
        let said = if early {
            power_cut::cut_early(run, delay)?.unwrap_or(unchanged)
        } else {
            power_cut::cut(run, delay)?
        };
        let log = self.image.get(LOG)?;
        let json = self.device.desktop.verify(self.device.directory, LOG)?;
        self.last = power_cut::check(&json, said, self.last)?;
        if !log.starts_with(&self.log) {
            return Stop::failed(format!(
                "{LOG}: after a power cut its first {} bytes changed",
                self.log.len()
            ));
        }
        if self.image.get(WITNESS)? != witness() {
            return Stop::failed(format!("{WITNESS}: changed in a power cut, and nobody wrote to it"));
        }
        self.log = log;
        Ok(())
    }

    /// Puts a torn tail behind the log and has the device recover it: the tail has to be in a file of its
    /// own, to the byte, and the log as it was.
    fn tear(&mut self, which: usize) -> Result<(), Stop> {
        if self.log.is_empty() {
            return Ok(()); // nothing yet that a tail could be behind
        }
        let tail = TAILS[which % TAILS.len()](&self.log);
        let mut torn = self.log.clone();
        torn.extend(&tail);
        self.image.put(LOG, &torn)?;
        self.cut(Duration::ZERO, false)?;
        let kept = format!("TORN{:03}.BIN", self.tails);
        if self.image.get(&kept)? != tail {
            return Stop::failed(format!(
                "{kept}: not the {} bytes of the torn tail that was cut",
                tail.len()
            ));
        }
        self.tails += 1;
        Ok(())
    }
}
