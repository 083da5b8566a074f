//! Ranges of a file, as people write them: [`FileRange`].

use crate::size;
use std::ops::Range;
use std::str::FromStr;

/// A range of a file's bytes, or one of equal pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRange {
    /// From one byte up to another; `None` is the file's beginning, and its end.
    Bytes(Option<u64>, Option<u64>),
    /// The piece with this number, from 1 on, of so many.
    Piece(u64, u64),
}

/// Pieces that a file is cut into, at most.
const PIECES_MAX: u64 = 1 << 20;

impl FileRange {
    /// The bytes in a file of so many.
    #[must_use]
    pub fn bytes(self, file_size: u64) -> Range<u64> {
        let at = |number: u64, of: u64| {
            let at = u128::from(file_size) * u128::from(number) / u128::from(of.max(1));
            u64::try_from(at).unwrap_or(u64::MAX)
        };
        match self {
            Self::Bytes(from, until) => from.unwrap_or(0)..until.unwrap_or(file_size).min(file_size),
            Self::Piece(number, of) => at(number.saturating_sub(1), of)..at(number, of),
        }
    }
}

impl FromStr for FileRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((number, of)) = text.split_once('/') {
            return match (number.trim().parse(), of.trim().parse()) {
                (Ok(number), Ok(of @ 1..=PIECES_MAX)) if (1..=of).contains(&number) => {
                    Ok(Self::Piece(number, of))
                }
                _ => Err(format!("a piece is K/N, the Kth of N, 1/N to N/N, and N at most {PIECES_MAX}")),
            };
        }
        let (from, until) = text.split_once("..").ok_or(
            "a range is FROM..UNTIL in bytes, or with KiB, MiB, GiB, either of which may be left out; or K/N, \
             the Kth of N equal pieces",
        )?;
        let end = |text: &str| match text.trim() {
            "" => Ok(None),
            text => size::parse(text).map(Some),
        };
        match (end(from)?, end(until)?) {
            (Some(from), Some(until)) if from >= until => Err("a range ends behind its beginning".into()),
            (from, until) => Ok(Self::Bytes(from, until)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_bytes_or_pieces() {
        for (text, bytes) in [
            ("0..1000", 0..1000),
            ("1KiB..", 1024..5000),
            ("..2 KiB", 0..2048),
            ("..", 0..5000),
            ("4000..1GiB", 4000..5000),
            ("1/1", 0..5000),
            ("1/3", 0..1666),
            ("3/3", 3333..5000),
        ] {
            assert_eq!(text.parse::<FileRange>().map(|range| range.bytes(5000)), Ok(bytes), "{text}");
        }
        for text in
            ["", "5", "0/3", "4/3", "1/0", "1/9999999", "5..5", "6..5", "a..", "..-1", "1/2/3", "1.5..2"]
        {
            assert!(text.parse::<FileRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn pieces_cover_a_file_without_overlap() {
        for size in [0, 1, 7, 1000, u64::MAX] {
            for of in [1, 2, 7, 1000] {
                let mut at = 0;
                for number in 1..=of {
                    let bytes = FileRange::Piece(number, of).bytes(size);
                    assert_eq!(bytes.start, at);
                    at = bytes.end;
                }
                assert_eq!(at, size);
            }
        }
    }
}
