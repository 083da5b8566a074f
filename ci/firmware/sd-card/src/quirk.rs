//! Two places where `embedded-sdmmc` and a card do not meet: [`IdleBit`], [`is_data_token`].
//!
//! # The answer to CMD58
//!
//! ```text
//!   host    ACMD41 (are you ready?)       CMD58 (what are you?)
//!   card    0x00: ready                   0x00: ready, and four bytes
//!   QEMU    0x00: ready                   0x01: still idle, and four bytes
//! ```
//!
//! QEMU's adapter from SPI to a card (`ssi-sd`, seen in 7.2) answers CMD58 with the idle bit set whatever the
//! card says, and `embedded-sdmmc` takes that for a failure. The card has been asked right before whether it is
//! ready, so dropping the bit tells nothing that is not known: on a real card there is nothing to drop.
//!
//! # The gap before data
//!
//! ```text
//!   host    CMD24 ..             0xff  0xfe, 512 bytes, CRC ..
//!   card              0x00: ready      0x05: taken, busy ..
//! ```
//!
//! Between its answer to a write command and the data a card is owed a byte of nothing at least (N_WR of the
//! SD specification). `embedded-sdmmc` 0.10 leaves it out for a single block. QEMU's card then takes the
//! data for commands; a real one may.

/// CMD58 (READ_OCR) as the first byte of a command.
const READ_OCR: u8 = 0x40 | 58;

/// An answer's first byte, if nothing but the idle bit is set.
const IDLE: u8 = 0x01;

/// What goes over the bus while there is nothing to say.
pub(crate) const NOTHING: u8 = 0xff;

/// What the data of a single block begin with.
const DATA_TOKEN: u8 = 0xfe;

/// Whether the data of a single block begin with these bytes: the token is sent by itself.
pub(crate) fn is_data_token(words: &[u8]) -> bool {
    words == [DATA_TOKEN]
}

/// Watches the bytes of the bus for the answer to CMD58, and clears its idle bit.
#[derive(Debug, Default)]
pub(crate) struct IdleBit {
    awaits: bool,
}

impl IdleBit {
    /// Bytes that went to the card.
    pub(crate) fn sent(&mut self, words: &[u8]) {
        self.awaits |= words.first() == Some(&READ_OCR);
    }

    /// Bytes that came back; an answer is asked for byte by byte.
    pub(crate) fn received(&mut self, words: &mut [u8]) {
        if let (true, [word]) = (self.awaits, words) {
            self.awaits = *word == NOTHING;
            if *word == IDLE {
                *word = 0;
            }
        }
    }
}
