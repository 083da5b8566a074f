//! The entries that the writing programs write: op for op the same ones everywhere, so that the logs of
//! several devices, and the desktop's, are equal to the byte. (`cargo xtask` compiles this file too.)

use aof_nostd::{Draft, Operation};

/// The largest body among the samples, bytes.
pub const BODY_SIZE_MAX: usize = 1000;

/// Body sizes: none, one byte, around a 16-byte and a 32-byte block, a sector less its header, and more.
const BODY_SIZES: [usize; 8] = [0, 1, 15, 16, 33, 128, 240, BODY_SIZE_MAX];

/// What bodies begin with: each byte different from the next.
static BYTES: [u8; BODY_SIZE_MAX] = bytes();

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What the entry says of itself.
    pub draft: Draft,
    body: &'static [u8],
}

impl Sample {
    /// The entry with this op: it depends on nothing else.
    #[must_use]
    pub fn of(op: u64) -> Self {
        let turn = usize::try_from(op.wrapping_sub(1) % BODY_SIZES.len() as u64).unwrap_or(0);
        let size = BODY_SIZES.get(turn).copied().unwrap_or(0);
        let draft = Draft { operation: Operation::CREATE_TRANSFERS, timestamp_ns: op, ..Draft::default() };
        Self { draft, body: BYTES.get(..size).unwrap_or(&BYTES) }
    }

    /// The entry's body.
    #[must_use]
    pub const fn body(&self) -> &'static [u8] {
        self.body
    }
}

#[expect(clippy::indexing_slicing, reason = "computed by the compiler")]
const fn bytes() -> [u8; BODY_SIZE_MAX] {
    let mut bytes = [0; BODY_SIZE_MAX];
    let (mut index, mut value) = (0, 0_u8);
    while index < bytes.len() {
        value = value.wrapping_mul(13).wrapping_add(7);
        bytes[index] = value;
        index += 1;
    }
    bytes
}

/// The first eight, with bodies of different sizes.
pub fn samples() -> impl Iterator<Item = Sample> {
    (1..=BODY_SIZES.len() as u64).map(Sample::of)
}
