//! The reference tool's digest of what a replay sends: by it, two logs hold the same data.
//!
//! BLAKE3 over, for each entry that a replay sends and in the order of the file, `checksum_body` (16
//! bytes), `timestamp` (8), `operation` (1); of the digest, the first 16 bytes as a little-endian number.

use aof_nostd::Header;
use aof_nostd::wire::Operation;

/// The bytes that entries give to the digest. Made in parallel, digested in order.
#[derive(Clone, Debug, Default)]
pub struct DataBytes(Vec<u8>);

/// Bytes that an entry gives.
const ENTRY_SIZE: usize = 25;

impl DataBytes {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Entries that gave them: those that a replay sends.
    #[must_use]
    pub fn entries(&self) -> u64 {
        (self.0.len() / ENTRY_SIZE) as u64
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The bytes of whole entries, as [`as_bytes`](Self::as_bytes) gave them.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        bytes.len().is_multiple_of(ENTRY_SIZE).then_some(Self(bytes))
    }

    /// Takes an entry, if a replay sends it. Says whether it does.
    pub fn push(&mut self, header: &Header) -> bool {
        let replayable = Operation(header.operation).is_replayable();
        if replayable {
            let mut bytes = [0; ENTRY_SIZE];
            let (checksum_body, rest) = bytes.split_at_mut(16);
            let (timestamp, operation) = rest.split_at_mut(8);
            checksum_body.copy_from_slice(&header.checksum_body.to_bytes());
            timestamp.copy_from_slice(&header.timestamp.to_bytes());
            operation.copy_from_slice(&[header.operation]);
            self.0.extend_from_slice(&bytes);
        }
        replayable
    }
}

/// The digest in the making.
#[derive(Clone, Debug, Default)]
pub struct DataChecksum {
    digest: blake3::Hasher,
    entries: u64,
}

impl DataChecksum {
    /// Takes the next bytes.
    pub fn update(&mut self, data: &DataBytes) {
        self.digest.update(&data.0);
        self.entries += data.entries();
    }

    /// Entries that it is over.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The number for people, see [`shown`].
    #[must_use]
    pub fn shown(&self) -> String {
        shown(&self.finish().to_string(), self.entries).into()
    }

    /// The number, as the reference prints it.
    #[must_use]
    pub fn finish(&self) -> u128 {
        let digest = self.digest.finalize();
        let mut bytes = [0; 16];
        for (target, source) in bytes.iter_mut().zip(digest.as_bytes()) {
            *target = *source;
        }
        u128::from_le_bytes(bytes)
    }
}

/// The data checksum over so many entries, for people: over none it is the same number for every log, and says nothing.
///
/// ```
/// use aof_cli::data_checksum::shown;
/// assert_eq!(shown("123", 5), "123");
/// assert_eq!(shown("123", 0), "none: no entry that a replay sends");
/// ```
#[must_use]
pub fn shown(chain: &str, entries: u64) -> &str {
    if entries == 0 { "none: no entry that a replay sends" } else { chain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulses_and_registers_do_not_count() {
        let mut data = DataBytes::default();
        let mut header = Header::new();
        for operation in [Operation::PULSE, Operation::REGISTER, Operation::LOOKUP_ACCOUNTS] {
            header.operation = operation.0;
            assert!(!data.push(&header));
        }
        header.operation = Operation::CREATE_TRANSFERS.0;
        assert!(data.push(&header));
        assert_eq!(data.0.len(), ENTRY_SIZE);
    }
}
