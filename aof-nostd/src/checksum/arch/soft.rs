//! AES rounds by table look-ups: runs everywhere. The tables are those of the `softaes` crate.

use super::kernel::Block;
use softaes::unprotected::{Block as SoftBlock, SoftAes};

#[derive(Clone, Copy)]
pub(in crate::checksum) struct Soft(SoftBlock);

impl Block for Soft {
    fn load(bytes: &[u8; 16]) -> Self {
        Self(SoftBlock::from_bytes(bytes))
    }

    fn store(self) -> [u8; 16] {
        self.0.to_bytes()
    }

    fn xor(self, other: Self) -> Self {
        Self(self.0.xor(&other.0))
    }

    fn round(self, key: Self) -> Self {
        Self(SoftAes::block_encrypt(&self.0, &key.0))
    }
}
