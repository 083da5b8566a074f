//! A message on its way out.

use aof_nostd::message::HEADER_SIZE;
use std::fmt;
use std::sync::Arc;

/// A sealed message: a header, and a body that others may share.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    /// The header's bytes.
    pub header: [u8; HEADER_SIZE],
    /// The body's bytes.
    pub body: Arc<Vec<u8>>,
}

impl Packet {
    /// Bytes of header and body.
    #[must_use]
    pub fn size(&self) -> usize {
        HEADER_SIZE + self.body.len()
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({} bytes)", self.size())
    }
}
