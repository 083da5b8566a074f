//! A device that logs to raw NOR flash: the lines of `docs/embedded.md`, measured as the program `both nor`.

use crate::Flash;
use crate::chip::{BUFFER_SIZE, Chip};
use crate::job::note;
use aof_nostd::storage::nor::NorRegion;
use aof_nostd::{Draft, Profile, Reader, Recovery, Writer};

/// What `both` does, over a region that was formatted long ago.
pub fn run(flash: Flash<'_>, buffer: &mut [u8], profile: impl Profile) -> Option<u32> {
    let bytes = flash.into_bytes();
    let size = u32::try_from(bytes.len()).ok()?;
    let mut region = NorRegion::<_, BUFFER_SIZE>::open(Chip(bytes), 0..size).map_err(note).ok()?;
    let tail = Recovery::new(profile).on_flash().find(&mut region, &mut *buffer).map_err(note).ok()?;
    region.cut(tail.end).map_err(note).ok()?;

    let mut writer = Writer::new(&mut region, profile);
    if let Some(last) = tail.last {
        writer = writer.continue_after(last);
    }
    let draft = Draft { timestamp_ns: 1, ..Draft::default() };
    writer.append_new(&draft, b"temperature 21").map_err(note).ok()?;
    writer.checkpoint(|| {}).map_err(note).ok()?;
    let end = tail.end.saturating_add(writer.size());

    let mut reader = Reader::new(region, buffer, profile).map_err(note).ok()?;
    reader.set_end(end);
    let mut entries = 0_u32;
    while reader.next_streamed(|_piece| {}).map_err(note).ok()?.is_some() {
        entries = entries.saturating_add(1);
    }
    Some(entries)
}
