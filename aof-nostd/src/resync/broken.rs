//! A damaged entry whose magic is right and whose header's checksum does not match.
//!
//! The damage may be in `size` alone. Then another `size` makes the checksum match, which proves it: a wrong one
//! passes with a probability of 2^-64 in the `crc` profile, and of 2^-128 in the other one. Two kinds are tried,
//! a bounded number of each: the stored `size` with one bit flipped, and the distance to one of the next magics
//! that a right frame follows, or to the log's end.

use crate::check::Checker;
use crate::checksum::{Checksum, Profile};
use crate::wire::{HEAD_SIZE, HEADER_SIZE_U32, Header, MAGIC_SIZE};

/// Magics that are tried as the damaged entry's end. An honest body does not hold many.
const TRIES_MAX: u8 = 16;

#[derive(Clone, Debug)]
pub(super) struct Broken {
    /// As stored, but for `size`, which is the last one that was tried.
    header: Header,
    /// The `size` that is stored.
    size: u32,
    /// Whether the frame is right with another `size`.
    frame_is_right: bool,
    tries: u8,
}

impl Broken {
    pub(super) fn new<P: Profile>(checker: &Checker<P>, stored: &Header) -> Self {
        let mut header = *stored;
        header.size = HEADER_SIZE_U32.into();
        let frame_is_right = checker.frame_is_right(&header);
        Self { header, size: stored.size.get(), frame_is_right, tries: 0 }
    }

    /// The header with the `size` that was tried last.
    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the header's checksum matches once `size` is this.
    fn has_size<P: Profile>(&mut self, checker: &Checker<P>, size: u32) -> bool {
        if !self.frame_is_right || !is_size(checker, size) {
            return false;
        }
        self.header.size = size.into();
        self.header.verify(checker.profile())
    }

    /// Whether one flipped bit of `size` is all that is wrong.
    pub(super) fn has_one_bit_flipped<P: Profile>(&mut self, checker: &Checker<P>) -> bool {
        (0..u32::BITS).any(|bit| self.has_size(checker, self.size ^ (1 << bit)))
    }

    /// Whether the header's checksum matches once `size` says that the entry has so many bytes on disk.
    pub(super) fn ends_at<P: Profile>(&mut self, checker: &Checker<P>, size_disk: u64) -> bool {
        let size = size_disk.checked_sub(MAGIC_SIZE as u64).and_then(|size| u32::try_from(size).ok());
        size.is_some_and(|size| self.has_size(checker, size))
    }

    /// Tries a magic with a right frame, at this distance, as the entry's end.
    pub(super) fn may_end_at<P: Profile>(&mut self, checker: &Checker<P>, distance: u64) -> bool {
        if distance < HEAD_SIZE as u64 || self.is_out_of_reach(checker, distance) {
            return false;
        }
        self.tries = self.tries.saturating_add(1);
        self.ends_at(checker, distance)
    }

    /// Whether no magic at this distance or farther is tried.
    pub(super) fn is_out_of_reach<P: Profile>(&self, checker: &Checker<P>, distance: u64) -> bool {
        !self.frame_is_right || self.tries >= TRIES_MAX || distance > checker.entry_size_max().into()
    }

    /// Where the entry ends by its stored `size`, which nothing vouches for.
    pub(super) fn claimed_end<P: Profile>(&self, checker: &Checker<P>, damaged: u64) -> Option<u64> {
        let size_disk = (MAGIC_SIZE as u64).saturating_add(self.size.into());
        is_size(checker, self.size).then(|| damaged.saturating_add(size_disk))
    }

    /// Whether `successor` names this entry as its parent: by the checksum that is stored, or by the one that it
    /// should have if nothing but the stored one is damaged.
    pub(super) fn is_parent_of<P: Profile>(&mut self, checker: &Checker<P>, successor: &Header) -> bool {
        let stored = self.header.checksum;
        if stored != Checksum::ZERO && successor.parent == stored {
            return true;
        }
        self.header.size = self.size.into();
        successor.parent == checker.profile().checksum(self.header.covered())
    }
}

fn is_size<P: Profile>(checker: &Checker<P>, size: u32) -> bool {
    (HEADER_SIZE_U32..=checker.message_size_max()).contains(&size)
}
