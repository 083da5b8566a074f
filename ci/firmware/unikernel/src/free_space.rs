//! The zeroes that end a device: free space, which is no damage. The same rule as the desktop's.
//!
//! ```text
//!   | entry | entry | torn entry |000000000000000000|
//!                   P            Z                  the device's end
//! ```
//!
//! Z is where the zeroes begin that end the device. They count if there are 512 of them or more, or if they
//! begin where an entry ends.
//!
//! | damage | is |
//! |---|---|
//! | at P >= Z | free space |
//! | of the head, with P + 272 > Z | a torn tail |
//! | of the body, with the entry's end > Z | a torn tail |
//! | any other | what it is |

use aof_nostd::wire::HEAD_SIZE;
use aof_nostd::{Damage, DamageKind};
use embedded_io::{Read, Seek, SeekFrom};

/// Fewer zeroes at a device's end may be an entry's own.
const ZEROES_MIN: u64 = 512;

/// The zeroes that end a device.
#[derive(Clone, Copy, Debug)]
pub struct FreeSpace {
    start: u64,
    end: u64,
}

impl FreeSpace {
    /// Reads all of `device` to see where its last zeroes begin.
    ///
    /// # Errors
    ///
    /// The device failed.
    pub fn find<D: Read + Seek>(device: &mut D) -> Result<Self, D::Error> {
        let (mut start, mut end) = (0, 0);
        let mut buffer = [0; 4096];
        device.seek(SeekFrom::Start(0))?;
        loop {
            let size = device.read(&mut buffer)?;
            if size == 0 {
                return Ok(Self { start, end });
            }
            let read = buffer.get(..size).unwrap_or(&buffer);
            if let Some(last) = read.iter().rposition(|byte| *byte != 0) {
                start = end + last as u64 + 1;
            }
            end += size as u64;
        }
    }

    /// `damage` as it is on a device with this free space; `None` where there is no damage. `entry_end` is
    /// where the damaged entry ends, if its header is whole.
    #[must_use]
    pub fn judge(&self, damage: Damage, entry_end: Option<u64>) -> Option<Damage> {
        if damage.offset >= self.start {
            return None; // what was read before ends here
        }
        let needed = match damage.kind {
            DamageKind::BodyChecksum => entry_end.unwrap_or(damage.offset),
            _ => damage.offset.saturating_add(HEAD_SIZE as u64),
        };
        if self.end.saturating_sub(self.start) < ZEROES_MIN || needed <= self.start {
            return Some(damage);
        }
        Some(Damage { kind: DamageKind::TornTail { missing: needed - self.start }, ..damage })
    }
}
