//! [`Entry`]: magic, header and body, viewed in place.

use super::{HEADER_SIZE, Header, HeaderRule};
use crate::checksum::{Magic, Profile};
use core::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of the magic.
pub const MAGIC_SIZE: usize = size_of::<Magic>();

/// Bytes of magic and header: the smallest entry.
pub const HEAD_SIZE: usize = MAGIC_SIZE + HEADER_SIZE;

/// Magic and header: the part of an entry whose size is known before reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EntryHead {
    /// The profile's magic.
    pub magic: Magic,
    /// The prepare header.
    pub header: Header,
}

/// A whole entry in place: [`EntryHead`] and the body behind it.
///
/// A reference to it is a view of somebody's bytes. The readers hand out entries whose checksums they
/// verified; [`Entry::from_prefix`] looks at the layout only.
#[derive(PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Entry {
    /// The profile's magic.
    pub magic: Magic,
    /// The prepare header.
    pub header: Header,
    /// The body: `header.size - 256` bytes.
    pub body: [u8],
}

/// The sizes as the 32-bit numbers that `size` is.
pub(crate) const MAGIC_SIZE_U32: u32 = 16;
pub(crate) const HEAD_SIZE_U32: u32 = 272;
pub(crate) const HEADER_SIZE_U32: u32 = 256;

const _: () = {
    assert!(MAGIC_SIZE_U32 as usize == MAGIC_SIZE);
    assert!(HEAD_SIZE_U32 as usize == HEAD_SIZE);
    assert!(HEADER_SIZE_U32 as usize == HEADER_SIZE);
    assert!(size_of::<EntryHead>() == HEAD_SIZE);
    assert!(align_of::<EntryHead>() == 1);
    assert!(HEAD_SIZE == 272);
};

impl Entry {
    /// The entry at the start of `bytes`, of the size that its header tells; `None` if `bytes` end
    /// before it does, or if `size` is below 256. Magic and checksums are not looked at.
    #[must_use]
    pub fn from_prefix(bytes: &[u8]) -> Option<&Self> {
        let (head, rest) = EntryHead::ref_from_prefix(bytes).ok()?;
        let body_size = usize::try_from(head.header.size.get()).ok()?.checked_sub(HEADER_SIZE)?;
        if rest.len() < body_size {
            return None;
        }
        Self::ref_from_prefix_with_elems(bytes, body_size).ok().map(|(entry, _)| entry)
    }

    /// The prepare: header and body, as the cluster's protocol sends it; without the magic.
    #[must_use]
    pub fn prepare(&self) -> &[u8] {
        self.as_bytes().get(MAGIC_SIZE..).unwrap_or_default()
    }

    /// Seals an entry in place: `buffer` holds the body from byte 272 on, and magic and header are put
    /// before it. The header's `size` and checksums are computed; all its other fields are `header`'s.
    ///
    /// ```
    /// use aof_nostd::{checksum::TigerBeetle, wire::{Entry, Header, HEAD_SIZE}};
    /// let mut buffer = [0; HEAD_SIZE + 5];
    /// buffer[HEAD_SIZE..].copy_from_slice(b"hello");
    /// let entry = Entry::seal(&TigerBeetle::default(), Header::new(), &mut buffer)?;
    /// assert_eq!(&entry.body, b"hello");
    /// # Ok::<(), aof_nostd::wire::HeaderRule>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`HeaderRule::Size`] if `buffer` is shorter than 272 bytes or longer than a `size` can tell; any
    /// other rule of the frame that `header` breaks. Nothing is written then.
    pub fn seal<'a, P: Profile>(
        profile: &P,
        mut header: Header,
        buffer: &'a mut [u8],
    ) -> Result<&'a Self, HeaderRule> {
        let (head, body) = buffer.split_at_mut_checked(HEAD_SIZE).ok_or(HeaderRule::Size)?;
        header.seal(profile, body)?;
        if let Some(rule) = header.invalid(u32::MAX) {
            return Err(rule);
        }
        head.copy_from_slice(EntryHead { magic: profile.magic(), header }.as_bytes());
        Self::from_prefix(buffer).ok_or(HeaderRule::Size)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("header", &self.header).field("body_size", &self.body.len()).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for EntryHead {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.header.format(f);
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Entry {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.header.format(f);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Crc;

    #[test]
    fn entry_is_viewed_at_any_offset_without_a_copy() {
        let mut sealed = [0; HEAD_SIZE + 3];
        sealed[HEAD_SIZE..].copy_from_slice(b"abc");
        Entry::seal(&Crc, Header::new(), &mut sealed).unwrap();
        for offset in 0..16 {
            let mut bytes = [0xaa; 16 + HEAD_SIZE + 3 + 5];
            bytes[offset..offset + sealed.len()].copy_from_slice(&sealed);
            let entry = Entry::from_prefix(&bytes[offset..]).unwrap();
            assert_eq!(entry.as_bytes(), sealed);
            assert_eq!(entry.as_bytes().as_ptr(), bytes[offset..].as_ptr());
            assert_eq!(entry.prepare().len(), 259);
        }
    }

    #[test]
    fn entry_that_does_not_fit_its_bytes_is_none() {
        let mut bytes = [0; HEAD_SIZE];
        assert!(Entry::from_prefix(&bytes).is_none(), "size 0");
        for (size, fits) in [(255, false), (256, true), (257, false), (u32::MAX, false)] {
            bytes[MAGIC_SIZE + 96..MAGIC_SIZE + 100].copy_from_slice(&u32::to_le_bytes(size));
            assert_eq!(Entry::from_prefix(&bytes).is_some(), fits, "{size}");
        }
        assert!(Entry::from_prefix(&bytes[..HEAD_SIZE - 1]).is_none());
    }

    #[test]
    fn seal_refuses_a_buffer_without_room_for_the_head() {
        assert_eq!(Entry::seal(&Crc, Header::new(), &mut [0; HEAD_SIZE - 1]), Err(HeaderRule::Size));
    }
}
