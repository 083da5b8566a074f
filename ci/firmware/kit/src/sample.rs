//! The entries that the writing programs write: the same ones everywhere, so that their logs are equal to
//! the byte.

use aof_nostd::Draft;
use aof_nostd::wire::Operation;

/// The largest body among the samples, bytes.
pub const BODY_SIZE_MAX: usize = 1000;

/// Body sizes: none, one byte, around a 16-byte and a 32-byte block, a sector less its header, and more.
const BODY_SIZES: [usize; 8] = [0, 1, 15, 16, 33, 128, 240, BODY_SIZE_MAX];

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What the entry says of itself.
    pub draft: Draft,
    body: [u8; BODY_SIZE_MAX],
    size: usize,
}

impl Sample {
    /// The entry's body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.get(..self.size).unwrap_or(&self.body)
    }
}

/// Eight entries with bodies of different sizes, each byte of a body different from the next.
pub fn samples() -> impl Iterator<Item = Sample> {
    (1..).zip(BODY_SIZES).map(|(timestamp_ns, size)| {
        let draft = Draft { operation: Operation::CREATE_TRANSFERS, timestamp_ns, ..Draft::default() };
        let mut body = [0; BODY_SIZE_MAX];
        let mut value = 0_u8;
        for byte in &mut body {
            value = value.wrapping_mul(13).wrapping_add(7);
            *byte = value;
        }
        Sample { draft, body, size }
    })
}
