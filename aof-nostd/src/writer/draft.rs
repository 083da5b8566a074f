//! What a new entry says of itself, what it continues, and how its head is made of both.

use crate::check::Checker;
use crate::checksum::{Checksum, Profile};
use crate::wire::{EntryHead, Header, HeaderRule, Operation};

/// What a new entry says of itself; the rest continues the entry before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Draft {
    /// What the entry does.
    pub operation: Operation,
    /// The cluster's time, ns since 1970.
    pub timestamp_ns: u64,
    /// Who asked; 0 for the cluster itself.
    pub client: u128,
    /// The number of the client's request.
    pub request: u32,
    /// The checksum of the client's request.
    pub request_checksum: Checksum,
}

impl Default for Draft {
    /// A no-op of the cluster itself, at time 0.
    fn default() -> Self {
        Self {
            operation: Operation::NOOP,
            timestamp_ns: 0,
            client: 0,
            request: 0,
            request_checksum: Checksum::ZERO,
        }
    }
}

impl Draft {
    /// The header of the entry after `last`, not sealed: op one higher, `last` as parent and committed;
    /// cluster, view, release, replica and checkpoint as in `last`. `None` after the last op there is.
    #[must_use]
    pub fn after(&self, last: &Header) -> Option<Header> {
        let mut header = *last;
        header.follow()?;
        self.apply(&mut header);
        Some(header)
    }

    /// The header with the draft's fields.
    #[must_use]
    pub fn fill(&self, mut header: Header) -> Header {
        self.apply(&mut header);
        header
    }

    /// The same in place: a header is 256 bytes, and each copy of one is stack.
    fn apply(&self, header: &mut Header) {
        header.operation = self.operation.0;
        header.timestamp = self.timestamp_ns.into();
        header.client = self.client.into();
        header.request = self.request.into();
        header.request_checksum = self.request_checksum;
    }

    /// Makes `head` that of the entry with this body which `next` says, sealed.
    pub(crate) fn seal<P: Profile>(
        &self,
        checker: &Checker<P>,
        next: &Next,
        body: &[u8],
        head: &mut EntryHead,
    ) -> Result<(), HeaderRule> {
        head.magic = checker.profile().magic();
        head.header = next.header;
        if next.is_last {
            head.header.follow().ok_or(HeaderRule::Op)?;
        }
        self.apply(&mut head.header);
        head.header.seal(checker.profile(), body)?;
        head.header.invalid(checker.message_size_max()).map_or(Ok(()), Err)
    }
}

/// What the next entry continues: the last one, or, where there is none yet, a header like which it is to
/// be. One header and not two, since it is most of what a writer takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next {
    header: Header,
    is_last: bool,
}

impl Next {
    /// Nothing: the first entry has op 1, all else zero.
    pub(crate) fn new() -> Self {
        Self { header: Header::new(), is_last: false }
    }

    /// Gives the first entry's header, unless there is an entry to continue.
    pub(crate) fn start_with(&mut self, first: &Header) {
        if !self.is_last {
            self.header = *first;
        }
    }

    /// Continues `last`.
    pub(crate) fn continue_after(&mut self, last: &Header) {
        self.header = *last;
        self.is_last = true;
    }

    /// The last entry.
    pub(crate) const fn last(&self) -> Option<&Header> {
        if self.is_last { Some(&self.header) } else { None }
    }
}
