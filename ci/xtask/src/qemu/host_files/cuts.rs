//! Power cuts while a device appends to a file of the host.
//!
//! ```text
//! round     1          2          3              10         then
//! device    recover,   recover,   recover,  ...  recover,   recover, append 10, verify
//!           append ↯   append ↯   ↯              append ↯
//! desktop   verify     verify     verify         verify     is it the chain that it writes itself?
//! ```
//!
//! In every fourth round, and wherever a tail was torn, the power goes early, which may be in the recovery. A
//! log is begun anew after ten rounds, in turns of the two profiles: a log that grows for ever makes each
//! recovery longer than the last.

use super::super::power_cut::{Rounds, Said, check, cut, cut_early};
use super::super::{read, report, write};
use super::{Device, desktop};
use crate::outcome::Stop;
use std::time::Duration;

/// Rounds of each board, unless set.
const ROUNDS: u64 = 50;

/// Rounds of one log.
const ROUNDS_OF_LOG: usize = 10;

/// Entries that are appended to a log after its last round: more than may be unsynced, so that no zeros are
/// left where a device zeroed a torn tail and cannot cut it off.
const APPENDED: u64 = 10;

/// A recovery takes a few milliseconds: the power goes in one of the first.
const HASTE_EARLY: u32 = 24;

/// Cuts the power of a device many times; each is judged.
pub(super) fn run(device: &Device<'_>, seed: u64) -> Result<(), Stop> {
    let rounds: Vec<_> = Rounds::new(ROUNDS, seed).collect();
    for (rounds, profile) in rounds.chunks(ROUNDS_OF_LOG).zip(["tigerbeetle", "crc"].into_iter().cycle()) {
        let mut log = Log { device, name: format!("cut-{profile}.aof"), profile, last: 0, torn: 0, early: 0 };
        log.live(rounds).map_err(|stop| match stop {
            Stop::Failed(why) => Stop::Failed(format!(
                "{}: {}: {why}",
                device.board.name,
                device.logs.join(&log.name).display()
            )),
            stop => stop,
        })?;
        let Log { torn, early, last, .. } = log;
        let count = rounds.len();
        let result = format!(
            "{count} power cuts, {early} in the recovery, {torn} left a torn tail; {last} entries, all there"
        );
        device.desktop.table.row(device.board.name, device.programs.append, &log.name, &result);
    }
    Ok(())
}

/// A log whose writer loses its power again and again.
struct Log<'a> {
    device: &'a Device<'a>,
    name: String,
    profile: &'static str,
    /// The last op in it, which is how many entries it has.
    last: u64,
    /// Rounds that left a torn tail.
    torn: usize,
    /// Rounds that ended in the recovery.
    early: usize,
}

impl Log<'_> {
    /// Its rounds, and its end.
    fn live(&mut self, rounds: &[Duration]) -> Result<(), Stop> {
        write(&self.device.logs.join(&self.name), &[])?;
        let mut is_torn = false; // by the round before
        for (number, delay) in (1..).zip(rounds) {
            let run = self.device.command(self.device.programs.append, &[&self.name, self.profile]);
            let said = if number % 4 == 0 || is_torn {
                cut_early(run, *delay / HASTE_EARLY)?
            } else {
                Some(cut(run, *delay / self.device.programs.haste)?)
            };
            let unchanged = Said { recovered: self.last, durable: self.last };
            let json = self.device.desktop.verify(&self.device.logs, &self.name)?;
            self.last = check(&json, said.unwrap_or(unchanged), self.last)?;
            // A tail that outlived a cut in the recovery was torn before.
            is_torn = said.is_some() && report::survey(&json)?["sound"] == false;
            self.torn += usize::from(is_torn);
            self.early += usize::from(said.is_none());
        }
        self.end()
    }

    /// After the last round the device recovers once more and appends: the log has to be the one that the
    /// desktop writes.
    fn end(&mut self) -> Result<(), Stop> {
        let Self { device, name, profile, .. } = self;
        self.last += APPENDED;
        let printed = device.report(device.programs.append, &[name, profile, &APPENDED.to_string()])?;
        let expected = device.expected(&device.desktop.verify(&device.logs, name)?)?;
        let mut differences = report::differences(&expected, &printed);
        let own = device.logs.join("cut-expected.aof");
        let _ = std::fs::remove_file(&own); // it need not have been there
        desktop::chain(&own, profile, self.last)?;
        if read(&own)? != read(&device.logs.join(name))? {
            differences += &format!("  not the log of ops 1 to {}\n", self.last);
        }
        if differences.is_empty() {
            return Ok(());
        }
        Stop::failed(format!("after the power cuts, recovered and appended to:\n{differences}"))
    }
}
