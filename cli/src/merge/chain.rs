//! The chain that was chosen, as pieces of inputs: [`Chain`].
//!
//! ```text
//! ops     1 .... 804        805 .... 959       960 ....
//! pieces  | r0, byte 0 ... || r1, byte 5.. ... || r0, byte 997024 ...
//! ```
//!
//! Entries that stand behind each other in one input, and follow in the chain, are one piece of 72 bytes. What
//! each entry of it is stands in the index's rows, so that a chain can be walked entry by entry as often as
//! wanted.

use super::index::{Index, Record};
use super::plan::Ranges;
use super::read::EntryRow;
use super::spool::{Cursor, Spool};
use super::work::Work;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use aof_nostd::Checksum;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The most entries of a piece: to find one, those before it in the piece are read.
const PIECE_MAX: u64 = 1 << 16;

/// Entries behind each other in an input.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Piece {
    /// The op of the first.
    pub(crate) op: u64,
    pub(crate) count: u64,
    /// The number of the first among all rows.
    row: u64,
    /// The first byte, and how many.
    pub(crate) offset: u64,
    pub(crate) size: u64,
    /// What the first is: a piece of one entry needs no row.
    checksum: Checksum,
    fingerprint: Fingerprint,
    pub(crate) input: u32,
    padding: u32,
}

/// An entry of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its op.
    pub op: u64,
    /// Its identity.
    pub checksum: Checksum,
    /// Its bytes.
    pub fingerprint: Fingerprint,
    /// The input that it is taken from, by its number.
    pub input: u32,
    /// Its first byte there.
    pub offset: u64,
    /// Its bytes: magic, header and body.
    pub size_disk: u64,
}

/// A chain: a copy of each entry, in order.
#[derive(Debug)]
pub struct Chain {
    pieces: Spool<Piece>,
    end: End,
}

/// The end of a chain, at which it can be cut again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct End {
    /// Pieces that are over.
    pieces: u64,
    /// The piece that goes on.
    piece: Option<Piece>,
    entries: u64,
    bytes: u64,
    first: Option<Record>,
    last: Option<Record>,
}

impl Chain {
    pub(crate) fn new(work: &Work) -> Self {
        Self { pieces: Spool::new(work, 32), end: End::default() }
    }

    /// Adds an entry.
    pub(crate) fn push(&mut self, record: &Record) -> Result<(), Failure> {
        let end = &mut self.end;
        end.entries += 1;
        end.bytes += record.size_disk;
        end.first.get_or_insert(*record);
        end.last = Some(*record);
        match &mut end.piece {
            Some(piece)
                if piece.input == record.input
                    && piece.offset + piece.size == record.offset
                    && piece.row + piece.count == record.row
                    && piece.op.checked_add(piece.count) == Some(record.op)
                    && piece.count < PIECE_MAX =>
            {
                piece.count += 1;
                piece.size += record.size_disk;
                Ok(())
            }
            piece => {
                let before = piece.replace(Piece {
                    op: record.op,
                    count: 1,
                    row: record.row,
                    offset: record.offset,
                    size: record.size_disk,
                    checksum: record.checksum,
                    fingerprint: record.fingerprint,
                    input: record.input,
                    padding: 0,
                });
                end.pieces += u64::from(before.is_some());
                before.map_or(Ok(()), |before| self.pieces.push(before))
            }
        }
    }

    /// Where it ends now.
    pub(crate) fn end(&self) -> End {
        self.end
    }

    /// Cuts it where it ended once.
    pub(crate) fn cut(&mut self, end: End) {
        self.pieces.truncate(end.pieces);
        self.end = end;
    }

    /// How many entries it has.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.end.entries
    }

    /// Their bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.end.bytes
    }

    /// The first entry.
    #[must_use]
    pub fn first(&self) -> Option<&Record> {
        self.end.first.as_ref()
    }

    /// The last entry.
    #[must_use]
    pub fn last(&self) -> Option<&Record> {
        self.end.last.as_ref()
    }

    /// The ops between the first and the last that are not there.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`].
    pub(crate) fn missing(&self) -> Result<Ranges, Failure> {
        let mut missing = Ranges::default();
        let mut walk = Walk::new(self);
        let mut last: Option<u64> = None;
        while let Some(piece) = walk.next_piece(self)? {
            if let Some(last) = last {
                missing.push_between(last, piece.op);
            }
            last = Some(piece.op + (piece.count - 1));
            walk.skip_piece();
        }
        Ok(missing)
    }

    /// The piece of this number.
    pub(crate) fn piece(&self, number: u64) -> Result<Option<Piece>, Failure> {
        if number < self.end.pieces { self.pieces.get(number) } else { Ok(self.last_piece(number)) }
    }

    fn last_piece(&self, number: u64) -> Option<Piece> {
        self.end.piece.filter(|_| number == self.end.pieces)
    }
}

/// A place in a chain.
#[derive(Debug)]
pub struct Walk {
    /// The pieces that come.
    pieces: Cursor<Piece>,
    number: u64,
    /// What is left of the present piece.
    piece: Option<Piece>,
    /// Whether it was one entry from the beginning.
    is_alone: bool,
    rows: Cursor<EntryRow>,
}

impl Walk {
    /// At the beginning of `chain`.
    #[must_use]
    pub fn new(chain: &Chain) -> Self {
        Self {
            pieces: Cursor::new(0..chain.end.pieces, 1 << 10),
            number: 0,
            piece: None,
            is_alone: false,
            rows: Cursor::new(0..0, 3000),
        }
    }

    /// At the first entry of `chain` whose op is `op` or above: ops grow.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`].
    pub fn from(index: &Index, chain: &Chain, op: u64) -> Result<Self, Failure> {
        let mut walk = Self::new(chain);
        // The last piece that begins at the op or before it.
        let (mut low, mut high) = (0, chain.end.pieces + u64::from(chain.end.piece.is_some()));
        while low < high {
            let middle = low.midpoint(high);
            match chain.piece(middle)? {
                Some(piece) if piece.op <= op => low = middle + 1,
                _ => high = middle,
            }
        }
        walk.number = low.saturating_sub(1);
        walk.pieces = Cursor::new(walk.number..chain.end.pieces, 1 << 10);
        while walk.next_piece(chain)?.is_some_and(|piece| piece.op < op) {
            walk.next(index, chain)?;
        }
        Ok(walk)
    }

    /// The piece that the next entry is in: its rest.
    pub(crate) fn next_piece(&mut self, chain: &Chain) -> Result<Option<Piece>, Failure> {
        if self.piece.is_none_or(|piece| piece.count == 0) {
            let next = self.pieces.next(&chain.pieces)?;
            self.piece = next.or_else(|| chain.last_piece(self.number));
            self.number += 1;
            self.is_alone = self.piece.is_some_and(|piece| piece.count == 1);
            if let Some(piece) = self.piece.filter(|_| !self.is_alone) {
                self.rows.reset(piece.row..piece.row + piece.count);
            }
        }
        Ok(self.piece)
    }

    /// Passes over the rest of the present piece.
    pub(crate) fn skip_piece(&mut self) {
        self.piece = None;
    }

    /// The next entry.
    ///
    /// # Errors
    ///
    /// [`Failure::Work`].
    pub fn next(&mut self, index: &Index, chain: &Chain) -> Result<Option<Link>, Failure> {
        let Some(mut piece) = self.next_piece(chain)? else { return Ok(None) };
        let (checksum, fingerprint, size_disk) = if self.is_alone {
            (piece.checksum, piece.fingerprint, piece.size)
        } else {
            let Some(row) = self.rows.next(&index.rows)? else { return Ok(None) };
            (row.checksum, row.fingerprint, row.size_disk())
        };
        let (op, input, offset) = (piece.op, piece.input, piece.offset);
        let link = Link { op, checksum, fingerprint, input, offset, size_disk };
        piece.op = piece.op.saturating_add(1);
        piece.count -= 1;
        piece.offset += size_disk;
        piece.size = piece.size.saturating_sub(size_disk);
        self.piece = Some(piece);
        Ok(Some(link))
    }
}
