//! What is measured by itself: a log verified, entries appended.
//!
//! A job gives the number of entries, or nothing where it failed: what an error's message costs is the
//! caller's affair, and is measured with the feature `defmt`.

use crate::Flash;
use aof_nostd::{Draft, Profile, ReadError, Reader, Recovery, Writer};
use core::hint::black_box;

/// Nothing: what is left of a program without the core.
pub fn nothing(_: Flash<'_>, _: &mut [u8], _: ()) -> Option<u32> {
    Some(0)
}

/// Verifies a log up to its end or the first damage.
pub fn verify(flash: Flash<'_>, buffer: &mut [u8], profile: impl Profile) -> Option<u32> {
    let mut reader = Reader::new(flash, buffer, profile).map_err(note).ok()?;
    let mut entries = 0_u32;
    loop {
        match reader.next_streamed(|piece| _ = black_box(piece)) {
            Ok(Some(_)) => entries = entries.wrapping_add(1),
            Ok(None) => return Some(entries),
            Err(error) => {
                note(error);
                return Some(entries);
            }
        }
    }
}

/// Verifies a log and goes on behind damage.
pub fn salvage(flash: Flash<'_>, buffer: &mut [u8], profile: impl Profile) -> Option<u32> {
    let mut reader = Reader::new(flash, buffer, profile).map_err(note).ok()?;
    let mut entries = 0_u32;
    loop {
        match reader.next_streamed(|piece| _ = black_box(piece)) {
            Ok(Some(_)) => entries = entries.wrapping_add(1),
            Ok(None) => return Some(entries),
            Err(error @ ReadError::Damage(_)) => {
                note(error);
                reader.skip().map_err(note).ok()?;
            }
            Err(error) => {
                note(error);
                return None;
            }
        }
    }
}

/// Appends three entries to an empty log, with a checkpoint behind them.
pub fn append(flash: Flash<'_>, body: &mut [u8], profile: impl Profile) -> Option<u32> {
    let mut writer = Writer::new(flash, profile);
    let mut entries = 0_u32;
    for timestamp_ns in 1..=3 {
        let draft = Draft { timestamp_ns: black_box(timestamp_ns), ..Draft::default() };
        writer.append_new(&draft, body).map_err(note).ok()?;
        entries = entries.wrapping_add(1);
    }
    writer.checkpoint(|| black_box(())).map_err(note).ok()?;
    Some(entries)
}

/// Finds a log's end, and makes what stands behind it zero.
pub fn recover(mut flash: Flash<'_>, buffer: &mut [u8], profile: impl Profile) -> Option<u32> {
    let tail = Recovery::new(profile).find(&mut flash, buffer).map_err(note).ok()?;
    tail.clean(flash).map_err(note).ok()?;
    u32::try_from(tail.entries).ok()
}

/// What a logger can be told.
#[cfg(feature = "defmt")]
pub(crate) use defmt::Format as Told;

/// Anything: there is no logger.
#[cfg(not(feature = "defmt"))]
pub(crate) trait Told {}

#[cfg(not(feature = "defmt"))]
impl<T> Told for T {}

/// Tells an error, where there is a logger.
pub(crate) fn note(error: impl Told) {
    #[cfg(feature = "defmt")]
    defmt::error!("{}", error);
    _ = error;
}
