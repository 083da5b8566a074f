//! The data checksum chain: a number that is the same for logs that hold the same data, on a device and on
//! the desktop.
//!
//! BLAKE3 over, for each entry that a replay sends and in the order of the log, `checksum_body` (16 bytes),
//! `timestamp` (8), `operation` (1); of the digest, the first 16 bytes as a little-endian number. The set of
//! entries is `Operation::is_replayable`, as for `aof verify`; see `docs/format.md`.
//!
//! The state is 1.9 KiB of RAM, most of it for logs of petabytes. A device that has no room for it leaves
//! this module out and lets the desktop compute the number.

use aof_nostd::{Header, Operation};
use core::fmt;

/// The digest in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct DataChecksum(blake3::Hasher);

impl DataChecksum {
    /// Takes the next entry, if a replay sends it.
    pub(crate) fn entry(&mut self, header: &Header) {
        if Operation(header.operation).is_replayable() {
            self.0.update(&header.checksum_body.to_bytes());
            self.0.update(&header.timestamp.to_bytes());
            self.0.update(&[header.operation]);
        }
    }
}

impl fmt::Display for DataChecksum {
    /// The number, in decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.0.finalize();
        let number = digest.as_bytes().first_chunk().copied().map(u128::from_le_bytes);
        fmt::Display::fmt(&number.unwrap_or_default(), f) // a digest has 32 bytes
    }
}
