//! Which profile logs have of which none begins with an intact head: [`doubt`].
//!
//! What is found first behind a lost head may be content of its body, and somebody may have stored entries of the other
//! profile there. All that is true is garbage then. Where entries of both profiles are found, those of one are content
//! of the other's. A body is bounded: linked entries that take more than one can hold are of the log.

use super::input::Input;
use super::read::{self, Found, Stretch};
use super::spool::Cursor;
use super::work::Work;
use crate::failure::Failure;
use crate::output::Progress;
use aof_nostd::wire::MAGIC_SIZE;
use aof_nostd::{AnyProfile, Profile};
use std::ops::Range;

/// What is to be done about logs that have been read without knowing their profile.
#[derive(Debug)]
pub(super) enum Doubt {
    /// Nothing.
    None,
    /// To read them in this profile.
    Other(AnyProfile),
    /// This input holds entries of both profiles, and nothing shows which of them are content.
    Unknown(u32),
}

/// Looks for entries of the profiles in which `inputs` were not read.
pub(super) fn doubt(
    inputs: &[Input],
    found: &Found,
    message_size_max: u32,
    work: &Work,
) -> Result<Doubt, Failure> {
    let body_max = u64::from(message_size_max) + MAGIC_SIZE as u64;
    let mut mixed = None;
    let mut sure: Vec<AnyProfile> = Vec::new();
    for (number, input) in (0..).zip(inputs) {
        for profile in AnyProfile::all(aof_std::backend()) {
            let is_own = input.profile.is_some_and(|own| own.name() == profile.name());
            let row = if is_own {
                longest_row(found, input.stretches.clone())?
            } else {
                let mut other = Found::new(work);
                let mut again = Input::new(input.path.clone(), input.open()?);
                let progress = Progress::new("read", input.size());
                read::read(&mut again, 0, Some(profile), message_size_max, work, &mut other, &progress)?;
                let row = longest_row(&other, again.stretches)?;
                if row > 0 && input.entries > 0 {
                    mixed = mixed.or(Some(number));
                }
                row
            };
            if row > body_max && !sure.iter().any(|known| known.name() == profile.name()) {
                sure.push(profile);
            }
        }
    }
    Ok(match (mixed, sure.as_slice()) {
        (None, _) => Doubt::None,
        (Some(_), [profile]) => Doubt::Other(*profile),
        (Some(number), _) => Doubt::Unknown(number),
    })
}

/// The bytes of the longest row of entries that follow each other, in the chain and in the file.
fn longest_row(found: &Found, stretches: Range<u64>) -> Result<u64, Failure> {
    let (mut longest, mut begin) = (0, 0);
    let mut last: Option<Stretch> = None;
    let mut cursor = Cursor::new(stretches, 256);
    while let Some(stretch) = cursor.next(&found.stretches)? {
        if !last.is_some_and(|last| last.is_continued_by(&stretch)) {
            begin = stretch.offset;
        }
        longest = stretch.end.saturating_sub(begin).max(longest);
        last = Some(stretch);
    }
    Ok(longest)
}
