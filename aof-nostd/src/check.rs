//! The validation that every form of reading shares. It knows no I/O: bytes go in, and out comes an
//! entry, the number of bytes still needed, or the first rule that is broken.
//!
//! The order is that of the bytes: magic, header checksum, frame rules, whether the log is long enough,
//! body checksum. A `size` is used only after the header's checksum and the limit have vouched for it.

use crate::checksum::{Checksum, Hasher, Profile};
use crate::damage::{DamageKind, ForeignMagic};
use crate::wire::{
    Entry, EntryHead, HEAD_SIZE, Header, MAGIC_SIZE, MAGIC_SIZE_U32, MESSAGE_SIZE_MAX_DEFAULT, Op,
};
use zerocopy::FromBytes;

/// Validates entries of one profile, up to a size limit.
///
/// ```
/// use aof_nostd::{Checked, Checker, checksum::TigerBeetle, wire::{Entry, Header, HEAD_SIZE}};
///
/// let profile = TigerBeetle::default();
/// let mut bytes = [0; HEAD_SIZE + 4];
/// Entry::seal(&profile, Header::new(), &mut bytes)?;
///
/// let checker = Checker::new(profile);
/// let rest = bytes.len() as u64; // to the log's end
/// assert!(matches!(checker.entry(&bytes[..10], rest), Checked::Need(272)));
/// assert!(matches!(checker.entry(&bytes[..272], rest), Checked::Need(276)));
/// assert!(matches!(checker.entry(&bytes, rest), Checked::Whole(_)));
/// # Ok::<(), aof_nostd::wire::HeaderRule>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Checker<P> {
    profile: P,
    message_size_max: u32,
}

/// What a [`Checker`] says of the bytes at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked<T> {
    /// Whole and valid.
    Whole(T),
    /// Not decided: so many bytes from the offset on are needed. Never more than the log has left, and
    /// never more than 16 bytes above the size limit.
    Need(u32),
    /// Damaged.
    Fault(Fault),
    /// The log ends here.
    End,
}

/// The first rule that an entry breaks, and its op where the header can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fault {
    /// The rule.
    pub kind: DamageKind,
    /// The op, where the header's checksum matches.
    pub op: Option<Op>,
}

impl<P: Profile> Checker<P> {
    /// Entries of `profile`, of at most 1 MiB with their header: a default cluster's limit.
    pub const fn new(profile: P) -> Self {
        Self { profile, message_size_max: MESSAGE_SIZE_MAX_DEFAULT }
    }

    /// Sets the largest `size` of an entry (header and body, bytes). Nothing larger is ever read.
    #[must_use]
    pub const fn with_message_size_max(self, message_size_max: u32) -> Self {
        // 16 below the top: an entry on disk is as much longer.
        const TOP: u32 = u32::MAX - MAGIC_SIZE_U32;
        Self { message_size_max: if message_size_max < TOP { message_size_max } else { TOP }, ..self }
    }

    /// The profile.
    pub const fn profile(&self) -> &P {
        &self.profile
    }

    /// The largest `size` of an entry, header and body, in bytes.
    #[must_use]
    pub const fn message_size_max(&self) -> u32 {
        self.message_size_max
    }

    /// The largest entry on disk: magic, header and body, in bytes.
    #[must_use]
    pub const fn entry_size_max(&self) -> u32 {
        self.message_size_max + MAGIC_SIZE_U32
    }

    /// Checks magic and header of the entry that `bytes` start with. `rest` is the number of bytes from
    /// there to the log's end, whether they are in `bytes` or not.
    pub fn head<'a>(&self, bytes: &'a [u8], rest: u64) -> Checked<&'a EntryHead> {
        if rest == 0 {
            return Checked::End;
        }
        let available = usize::try_from(rest).unwrap_or(usize::MAX).min(HEAD_SIZE);
        let Some(bytes) = bytes.get(..available) else {
            #[expect(clippy::cast_possible_truncation, reason = "at most 272")]
            return Checked::Need(available as u32);
        };
        let Ok(head) = EntryHead::ref_from_bytes(bytes) else {
            return Checked::Fault(self.too_short(bytes));
        };
        match self.head_fault(head, rest) {
            Some(fault) => Checked::Fault(fault),
            None => Checked::Whole(head),
        }
    }

    /// What ends before an entry's head does.
    fn too_short(&self, bytes: &[u8]) -> Fault {
        let magic = self.profile.magic();
        let kind = if bytes.iter().zip(&magic).all(|(byte, expected)| byte == expected) {
            DamageKind::TornTail { missing: HEAD_SIZE.saturating_sub(bytes.len()) as u64 }
        } else {
            DamageKind::Magic(ForeignMagic::of(bytes.get(..MAGIC_SIZE).unwrap_or(&[])))
        };
        Fault { kind, op: None }
    }

    /// The first rule that a head breaks, given the number of bytes from its start to the log's end.
    #[cfg_attr(target_pointer_width = "64", inline)]
    fn head_fault(&self, head: &EntryHead, rest: u64) -> Option<Fault> {
        let header = &head.header;
        let magic_matches = head.magic == self.profile.magic();
        let verified = header.verify(&self.profile);
        let op = verified.then(|| header.op());
        let kind = if !magic_matches {
            DamageKind::Magic(ForeignMagic::of(&head.magic))
        } else if !verified {
            DamageKind::HeaderChecksum
        } else if let Some(rule) = header.invalid(self.message_size_max) {
            DamageKind::HeaderInvalid(rule)
        } else if header.size_disk() > rest {
            DamageKind::TornTail { missing: header.size_disk() - rest }
        } else {
            return None;
        };
        Some(Fault { kind, op })
    }

    /// Checks the whole entry that `bytes` start with, see [`head`](Self::head).
    pub fn entry<'a>(&self, bytes: &'a [u8], rest: u64) -> Checked<&'a Entry> {
        let head = match self.head(bytes, rest) {
            Checked::Whole(head) => head,
            Checked::Need(size) => return Checked::Need(size),
            Checked::Fault(fault) => return Checked::Fault(fault),
            Checked::End => return Checked::End,
        };
        let Some(entry) = Entry::from_prefix(bytes) else {
            return Checked::Need(head.header.size.get().saturating_add(MAGIC_SIZE_U32));
        };
        if self.profile.checksum(&entry.body) == entry.header.checksum_body {
            Checked::Whole(entry)
        } else {
            Checked::Fault(Fault { kind: DamageKind::BodyChecksum, op: Some(entry.header.op()) })
        }
    }

    /// Checks a body piece by piece, for a header that [`head`](Self::head) found whole.
    pub fn body(&self, header: &Header) -> BodyCheck<P> {
        BodyCheck {
            hasher: self.profile.hasher(),
            remaining: header.body_size(),
            expected: header.checksum_body,
            op: header.op(),
        }
    }

    /// Whether a header keeps the rules of its frame; its checksum is not looked at.
    pub(crate) fn frame_is_right(&self, header: &Header) -> bool {
        header.invalid(self.message_size_max).is_none()
    }
}

/// A body's checksum in the making, from pieces of any size.
#[derive(Clone, Debug)]
pub struct BodyCheck<P: Profile> {
    hasher: P::Hasher,
    remaining: u32,
    expected: Checksum,
    op: Op,
}

impl<P: Profile> BodyCheck<P> {
    /// Bytes of the body not seen yet.
    pub const fn remaining(&self) -> u32 {
        self.remaining
    }

    /// Takes the next piece; what goes beyond the body is left alone. Gives the part taken.
    pub fn absorb<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let size = piece.len().min(usize::try_from(self.remaining).unwrap_or(usize::MAX));
        let taken = piece.get(..size).unwrap_or(piece);
        self.hasher.update(taken);
        #[expect(clippy::cast_possible_truncation, reason = "at most `remaining`, a u32")]
        {
            self.remaining -= taken.len() as u32;
        }
        taken
    }

    /// Ends the check.
    ///
    /// # Errors
    ///
    /// [`DamageKind::TornTail`] where bytes are still missing, [`DamageKind::BodyChecksum`] where the
    /// body is not the one that was sealed.
    pub fn finish(mut self) -> Result<(), Fault> {
        self.finish_in_place()
    }

    /// The same without moving the hasher.
    pub(crate) fn finish_in_place(&mut self) -> Result<(), Fault> {
        let kind = if self.remaining > 0 {
            DamageKind::TornTail { missing: self.remaining.into() }
        } else if self.hasher.finish_in_place() != self.expected {
            DamageKind::BodyChecksum
        } else {
            return Ok(());
        };
        Err(Fault { kind, op: Some(self.op) })
    }
}
