//! The zeros that end a device: free space, which is no damage.
//!
//! The rules are those of `aof verify`, written a second time: the cross-check compares both. With Z the place
//! where the zeros begin that end the device, and P the place of damage behind which nothing follows:
//!
//! ```text
//!   | entry | entry | torn entry |000000000000000000|
//!                   P            Z                  the device's end
//! ```
//!
//! | damage | is |
//! |---|---|
//! | at P >= Z | free space |
//! | with fewer than 512 zeros behind it | what it is |
//! | of the body, and the entry ends behind Z | a torn tail |
//! | of the header's checksum, and the head ends behind Z | a torn tail |
//! | of the magic, and P to Z is how the magic begins | a torn tail |
//! | any other | what it is |

use aof_nostd::wire::{HEAD_SIZE, MAGIC_SIZE};
use aof_nostd::{Damage, DamageKind, Profile};
use embedded_io::{Read, Seek, SeekFrom};

/// Fewer zeros at a device's end may be an entry's own.
const ZEROS_MIN: u64 = 512;

/// The zeros that end a device.
#[derive(Clone, Copy, Debug)]
pub struct FreeSpace {
    start: u64,
    end: u64,
}

impl FreeSpace {
    /// Reads all of `device` to see where its last zeros begin.
    ///
    /// # Errors
    ///
    /// The device failed.
    pub fn find<D: Read + Seek>(device: &mut D) -> Result<Self, D::Error> {
        let (mut start, mut end) = (0_u64, 0_u64);
        let mut buffer = [0; 4096];
        device.seek(SeekFrom::Start(0))?;
        loop {
            let size = device.read(&mut buffer)?;
            if size == 0 {
                return Ok(Self { start, end });
            }
            let read = buffer.get(..size).unwrap_or(&buffer);
            if let Some(last) = read.iter().rposition(|byte| *byte != 0) {
                start = end.saturating_add(last as u64).saturating_add(1);
            }
            end = end.saturating_add(size as u64);
        }
    }

    /// What `damage`, behind which nothing follows, is on a device with this free space; `None` if nothing but
    /// that. `entry_end` is where the damaged entry ends, if its header is whole.
    ///
    /// # Errors
    ///
    /// The device failed.
    pub fn judge<D: Read + Seek>(
        &self,
        device: &mut D,
        profile: &impl Profile,
        damage: Damage,
        entry_end: Option<u64>,
    ) -> Result<Option<Damage>, D::Error> {
        if damage.offset >= self.start {
            return Ok(None);
        }
        if self.end.saturating_sub(self.start) < ZEROS_MIN {
            return Ok(Some(damage));
        }
        let head_end = damage.offset.saturating_add(HEAD_SIZE as u64);
        let reach = match damage.kind {
            DamageKind::BodyChecksum => entry_end.unwrap_or(damage.offset),
            DamageKind::HeaderChecksum => head_end,
            DamageKind::Magic(_) if self.magic_is_cut(device, profile, damage.offset)? => head_end,
            _ => damage.offset,
        };
        if reach <= self.start {
            return Ok(Some(damage));
        }
        Ok(Some(Damage { kind: DamageKind::TornTail { missing: reach - self.start }, ..damage }))
    }

    /// Whether what stands between `offset` and the zeros is how the magic begins.
    fn magic_is_cut<D: Read + Seek>(
        &self,
        device: &mut D,
        profile: &impl Profile,
        offset: u64,
    ) -> Result<bool, D::Error> {
        let mut begun = [0; MAGIC_SIZE];
        let size = usize::try_from(self.start.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some(begun) = begun.get_mut(..size) else { return Ok(false) };
        device.seek(SeekFrom::Start(offset))?;
        let size = device.read(begun)?;
        Ok(size == begun.len() && profile.magic().starts_with(begun))
    }
}
