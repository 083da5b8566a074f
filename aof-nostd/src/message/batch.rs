//! The trailer behind the elements of a multi-batch body.
//!
//! ```text
//! elements of batch 0 | elements of batch 1 | ... | 0xFF ... | count of 1 | count of 0 | batches
//!                                                 | padding  |   u16      |   u16      |  u16
//!                                                 |<- a multiple of the element size ----------->|
//! ```
//!
//! Read from the end: the number of batches, then the number of elements of each, the first batch's
//! nearest to the end; 0xFF fills the trailer up to a multiple of the element size.

use core::fmt;

/// The batches of a body, in order.
///
/// ```
/// use aof_nostd::message::Batches;
/// // One batch of one element of 8 bytes, and a trailer of the same size.
/// let body = [7, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 1, 0];
/// let mut batches = Batches::new(&body, 8)?;
/// assert_eq!(batches.elements(), 1);
/// assert_eq!(batches.next(), Some(&body[..8]));
/// assert_eq!(batches.next(), None);
/// # Ok::<(), aof_nostd::message::BatchError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    elements: &'a [u8],
    /// The counts of the batches to come, the next one's last.
    counts: &'a [[u8; 2]],
    element_size: usize,
}

/// What is wrong with a multi-batch body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BatchError {
    /// The body is too short for its trailer, or the number of batches is not 1 to 65,534.
    Trailer,
    /// The trailer's padding is not 0xFF.
    Padding,
    /// The batches do not have as many elements as the body has room for.
    Elements,
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trailer => "a multi-batch body's trailer does not fit it",
            Self::Padding => "a multi-batch body's trailer is not padded by 0xFF",
            Self::Elements => "a multi-batch body's counts are not its number of elements",
        })
    }
}

impl core::error::Error for BatchError {}

const U16_SIZE: usize = size_of::<u16>();

impl<'a> Batches<'a> {
    /// The batches of a body whose elements have `element_size` bytes, at least 2.
    ///
    /// # Errors
    ///
    /// [`BatchError`].
    pub fn new(body: &'a [u8], element_size: usize) -> Result<Self, BatchError> {
        let (rest, count) = body.split_last_chunk::<U16_SIZE>().ok_or(BatchError::Trailer)?;
        let count = u16::from_le_bytes(*count);
        if count == 0 || count == u16::MAX || element_size < U16_SIZE {
            return Err(BatchError::Trailer);
        }
        let counts_size = usize::from(count) * U16_SIZE;
        let trailer_size = (counts_size + U16_SIZE).next_multiple_of(element_size);
        let elements_size = body.len().checked_sub(trailer_size).ok_or(BatchError::Trailer)?;
        let (padded, counts) = rest.split_at(rest.len() - counts_size);
        let (elements, padding) = padded.split_at(elements_size);
        if padding.iter().any(|&byte| byte != 0xff) {
            return Err(BatchError::Padding);
        }
        let (counts, _) = counts.as_chunks::<U16_SIZE>();
        let batches = Self { elements, counts, element_size };
        if batches.elements().checked_mul(element_size) != Some(elements.len()) {
            return Err(BatchError::Elements);
        }
        Ok(batches)
    }

    /// The number of batches to come.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether no batch is to come.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The number of elements in the batches to come.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.counts.iter().map(|&count| usize::from(u16::from_le_bytes(count))).sum()
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (count, rest) = self.counts.split_last()?;
        self.counts = rest;
        let size = usize::from(u16::from_le_bytes(*count)) * self.element_size;
        let (batch, elements) = self.elements.split_at_checked(size)?;
        self.elements = elements;
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_in_order_and_may_be_empty() {
        let mut body = [0_u8; 32];
        body[..24].copy_from_slice(&[1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]);
        body[24..].copy_from_slice(&[2, 0, 0, 0, 1, 0, 3, 0]); // counts 1, 0, 2; three batches
        let batches = Batches::new(&body, 8).unwrap();
        assert_eq!(batches.elements(), 3);
        let sizes: heapless::Vec<_, 3> = batches.map(<[u8]>::len).collect();
        assert_eq!(sizes, [8, 0, 16]);
    }

    #[test]
    fn malformed_trailers_are_named() {
        let error = |body: &[u8]| Batches::new(body, 8).unwrap_err();
        assert_eq!(error(&[]), BatchError::Trailer);
        assert_eq!(error(&[1]), BatchError::Trailer);
        assert_eq!(error(&[0, 0]), BatchError::Trailer);
        assert_eq!(error(&[0xff, 0xff]), BatchError::Trailer);
        assert_eq!(error(&[1, 0]), BatchError::Trailer);
        assert_eq!(error(&[0; 128]), BatchError::Trailer);
        assert_eq!(error(&[0, 0xff, 0xff, 0xff, 0, 0, 1, 0]), BatchError::Padding);
        assert_eq!(error(&[0xff, 0xff, 0xff, 0xff, 1, 0, 1, 0]), BatchError::Elements);
        assert_eq!(error(&[9, 0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0]), BatchError::Elements);
    }

    /// Every value of the last six bytes' counts that matter, at every length: no panic, and what is
    /// accepted covers the elements.
    #[test]
    fn any_bytes_are_accepted_whole_or_refused() {
        let mut body = [0xff_u8; 40];
        for length in 0..=40 {
            for batches in 0..5 {
                for count in 0..6 {
                    if let Some(last) = body[..length].last_chunk_mut::<6>() {
                        *last = [count, 0, count, 0, batches, 0];
                    }
                    for element_size in [0, 1, 2, 3, 8, 128] {
                        if let Ok(batches) = Batches::new(&body[..length], element_size) {
                            let elements = batches.elements();
                            assert_eq!(batches.map(<[u8]>::len).sum::<usize>(), elements * element_size);
                        }
                    }
                }
            }
        }
    }
}
