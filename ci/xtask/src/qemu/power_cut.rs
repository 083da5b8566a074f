//! Power cuts: an emulator is killed while its device appends, and what the device said was durable has to be
//! in the log.
//!
//! A program that takes part prints lines that this module reads:
//!
//! ```text
//! recovering        (if it takes cuts in its recovery) nothing is known yet
//! appending 17      the log was recovered, its last entry is op 17 (0: none); entries go to it from now on
//! checkpoint 25     everything up to op 25 is durable
//! ```
//!
//! After the cut the desktop has to find the log sound up to that op at least, one entry for each op, each the
//! parent of the next, and no damage but a cut tail behind them; what was there before the cut has to be there
//! still. The next round begins where this one ended: the device recovers.
//!
//! The kill stops the emulator between any two of its instructions and writes. What it had written to the
//! host's file stays: a disk that loses or reorders what was not synced is simulated elsewhere.

use crate::outcome::Stop;
use crate::run::Run;
use serde_json::Value;
use std::env;
use std::time::Duration;

/// What a device prints before it recovers its log.
const RECOVERING: &str = "recovering";

/// What a device prints once it appends.
const APPENDING: &str = "appending ";

/// What a device prints when a checkpoint is durable.
const CHECKPOINT: &str = "checkpoint ";

/// Longest time that a device appends before its power is cut.
const DELAY_MAX_MS: u64 = 150;

/// How long a device may take to recover its log.
const RECOVERY_MAX: Duration = Duration::from_secs(60);

/// What a log may end with: an entry that was not finished, and a device's free space.
const CUT_TAIL: [&str; 2] = ["torn-tail", "zero-tail"];

/// Rounds, each with a cut at another moment. Repeatable but for the host's own timing.
#[derive(Debug)]
pub(super) struct Rounds {
    count: u64,
    state: u64,
}

impl Rounds {
    /// As many as `AOF_CI_POWER_CUTS` says, else `count`; their moments follow from `seed`.
    pub(super) fn new(count: u64, seed: u64) -> Self {
        // What it says was looked at before anything ran.
        Self { count: wanted().ok().flatten().unwrap_or(count), state: seed }
    }
}

/// What `AOF_CI_POWER_CUTS` says.
pub(super) fn wanted() -> Result<Option<u64>, Stop> {
    match env::var("AOF_CI_POWER_CUTS") {
        Err(_) => Ok(None),
        Ok(text) => match text.parse() {
            Ok(count) if count > 0 => Ok(Some(count)),
            _ => Stop::failed(format!("AOF_CI_POWER_CUTS={text:?}: a whole number from 1 on is expected")),
        },
    }
}

impl Iterator for Rounds {
    type Item = Duration;

    /// How long the device appends in the next round.
    fn next(&mut self) -> Option<Duration> {
        self.count = self.count.checked_sub(1)?;
        // SplitMix64, Sebastiano Vigna's generator for seeds: any state is as good as another.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.state;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(Duration::from_micros((value ^ (value >> 31)) % (DELAY_MAX_MS * 1000)))
    }
}

/// What a device said in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The last op that it recovered; 0 if none.
    pub(super) recovered: u64,
    /// The last op that it said was durable.
    pub(super) durable: u64,
}

/// Runs a device until it has appended for `delay`, and cuts its power.
pub(super) fn cut(run: Run, delay: Duration) -> Result<Said, Stop> {
    said(&run.cut(APPENDING, delay, RECOVERY_MAX)?)
}

/// Runs a device, and cuts its power `delay` after it began to recover its log. `None` if that was before it
/// appended: then the log has to be as it was.
pub(super) fn cut_early(run: Run, delay: Duration) -> Result<Option<Said>, Stop> {
    let lines = run.cut(RECOVERING, delay, RECOVERY_MAX)?;
    let appends = lines.iter().any(|line| line.starts_with(APPENDING));
    appends.then(|| said(&lines)).transpose()
}

/// What the lines that a device printed say.
pub(super) fn said(lines: &[String]) -> Result<Said, Stop> {
    let ops = |word: &str| -> Result<Option<u64>, Stop> {
        let last = lines.iter().rev().find_map(|line| line.strip_prefix(word));
        let op = last.map(|text| text.trim().parse().map_err(|error| (text, error))).transpose();
        op.map_err(|(text, error)| Stop::Failed(format!("the device printed \"{word}{text}\": {error}")))
    };
    let recovered = ops(APPENDING)?.unwrap_or(0);
    Ok(Said { recovered, durable: ops(CHECKPOINT)?.unwrap_or(0).max(recovered) })
}

/// Looks at what `aof verify --json` says after a cut. `before` is the last op that the round before left.
/// Gives the last op that is in the log now.
pub(super) fn check(json: &str, said: Said, before: u64) -> Result<u64, Stop> {
    let survey: Value = serde_json::from_str(json)
        .map_err(|error| Stop::Failed(format!("aof verify --json: not JSON: {error}: {json}")))?;
    let number = |name: &str| survey[name].as_u64().unwrap_or(0);
    let (entries, last) = (number("entries"), number("last_op"));
    let findings = survey["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let kinds: Vec<_> = findings.iter().map(|finding| finding["kind"].as_str().unwrap_or("?")).collect();
    let fault = if said.recovered != before {
        format!("the device recovered op {}, the desktop saw op {before} before", said.recovered)
    } else if last < said.durable {
        format!("op {} was durable, the log ends with op {last}", said.durable)
    } else if entries != last || (entries > 0 && number("first_op") != 1) {
        format!("{entries} entries, ops {} to {last}: not one for each", number("first_op"))
    } else if kinds.iter().any(|kind| !CUT_TAIL.contains(kind)) {
        format!("damage other than a cut tail: {kinds:?}")
    } else {
        return Ok(last);
    };
    Stop::failed(format!("after a power cut: {fault}: {json}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"{"entries":5,"first_op":1,"last_op":5,"findings":[]}"#;
    const TORN: &str = r#"{"entries":5,"first_op":1,"last_op":5,"findings":[{"kind":"torn-tail"}]}"#;
    const DEVICE: &str = r#"{"entries":5,"first_op":1,"last_op":5,
        "findings":[{"kind":"torn-tail"},{"kind":"zero-tail"}]}"#;
    const FLIPPED: &str = r#"{"entries":5,"first_op":1,"last_op":5,"findings":[{"kind":"body-checksum"}]}"#;
    const LOST: &str = r#"{"entries":4,"first_op":1,"last_op":5,"findings":[]}"#;

    #[test]
    fn durable_entries_have_to_be_there_and_nothing_else_may_be_damaged() {
        let said = Said { recovered: 2, durable: 4 };
        assert!(matches!(check(SOUND, said, 2), Ok(5)));
        assert!(matches!(check(TORN, said, 2), Ok(5)));
        assert!(matches!(check(DEVICE, said, 2), Ok(5)));
        assert!(check(FLIPPED, said, 2).is_err());
        assert!(check(LOST, said, 2).is_err());
        assert!(check(SOUND, Said { durable: 6, ..said }, 2).is_err(), "op 6 is lost");
        assert!(check(SOUND, said, 3).is_err(), "op 3 was there and was not recovered");
    }

    #[test]
    fn the_last_line_of_each_kind_counts() {
        let lines = ["appending 3", "checkpoint 7", "checkpoint 11"].map(str::to_owned);
        assert!(matches!(said(&lines), Ok(Said { recovered: 3, durable: 11 })));
        assert!(matches!(said(&lines[..1]), Ok(Said { recovered: 3, durable: 3 })));
        assert!(said(&["checkpoint x".to_owned()]).is_err());
    }

    #[test]
    fn moments_differ_and_can_be_repeated() {
        let moments: Vec<_> = Rounds { count: 50, state: 1 }.collect();
        assert_eq!(moments, Rounds { count: 50, state: 1 }.collect::<Vec<_>>());
        assert!(moments.iter().all(|moment| *moment < Duration::from_millis(DELAY_MAX_MS)));
        let (least, most) = (moments.iter().min().unwrap(), moments.iter().max().unwrap());
        assert!(most.as_millis() - least.as_millis() > 100, "{least:?} to {most:?}");
    }
}
