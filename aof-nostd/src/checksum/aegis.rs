//! AEGIS-128L as an absorber: the tag of an empty message under a zero key and a zero nonce, with the
//! input as associated data. This is the AEAD's tag, not the draft's separate MAC: those differ.
//!
//! Any number of bytes in pieces of any size; 176 bytes of state. The key and the nonce never change,
//! so the state after them is a constant and a checksum starts without the ten set-up rounds.

use super::arch::kernel::{RATE, State};
use super::arch::soft;
use super::{Backend, Checksum, Hasher};

/// The state that the zero key and the zero nonce leave. A test computes it anew.
const INITIAL: State = [
    soft::columns(0x72f2_f45d_9ec7_4202_3e84_aa66_aefd_3592),
    soft::columns(0x4207_1dcd_301a_f7cf_8a7c_6c4a_20f6_3065),
    soft::columns(0xf84e_a4a1_c6aa_99ce_a51d_8b5c_9cc3_058f),
    soft::columns(0x0fc0_5e11_17af_1075_a411_19f3_29c5_a8d2),
    soft::columns(0x5788_8c33_d316_0355_3640_35c8_f21e_7986),
    soft::columns(0x48fa_4b5d_d570_42c4_084f_e9f5_1508_b644),
    soft::columns(0x0b99_89cc_9105_0385_0305_de7e_f1a9_8bfe),
    soft::columns(0xb30e_7521_390c_cf8e_cfe9_4af6_8795_5dd7),
];

/// The tag of no bytes: what every entry without a body has for one. A test computes it anew.
const TAG_OF_NOTHING: [u8; 16] = 0x49f1_7461_8255_402d_e6e7_e3c4_0d60_cc83_u128.to_le_bytes();

/// The AEGIS-128L absorber as a [`Hasher`].
///
/// ```
/// use aof_nostd::checksum::{Aegis128L, Backend, Hasher};
/// let mut hasher = Aegis128L::new(Backend::default());
/// hasher.update(&[0; 7]);
/// hasher.update(&[0; 9]);
/// assert_eq!(hasher.finish(), Aegis128L::digest(Backend::SOFTWARE, &[0; 16]));
/// ```
#[derive(Clone, Debug)]
pub struct Aegis128L {
    state: State,
    /// The first `size % 32` bytes wait here for the rest of their piece.
    rest: [u8; RATE],
    /// Bytes taken so far.
    size: u64,
    backend: Backend,
}

impl Aegis128L {
    /// A hasher that has taken no bytes.
    #[must_use]
    pub fn new(backend: Backend) -> Self {
        Self { state: INITIAL, rest: [0; RATE], size: 0, backend }
    }

    /// The checksum of `bytes`, at once: the same as by pieces, and faster on short input.
    #[must_use]
    pub fn digest(backend: Backend, bytes: &[u8]) -> Checksum {
        // Devices, which have no AES instructions, need the flash more than the time.
        if bytes.is_empty() && backend.is_hardware() {
            return Checksum::from_bytes(TAG_OF_NOTHING);
        }
        Checksum::from_bytes(backend.digest(&INITIAL, bytes))
    }

    /// The tag of `bytes` by the state that this hasher is in, as if key and nonce had led to it. Nobody can compute it
    /// who does not know what the hasher took: 128 bytes that are secret and random determine the state.
    ///
    /// Bytes that the hasher took and that are not a whole piece of 32 bytes do not count.
    #[must_use]
    pub fn keyed_digest(&self, bytes: &[u8]) -> Checksum {
        Checksum::from_bytes(self.backend.digest(&self.state, bytes))
    }

    /// Bytes waiting in `rest`.
    #[expect(clippy::cast_possible_truncation, reason = "below 32")]
    fn rest_size(&self) -> usize {
        (self.size % RATE as u64) as usize
    }
}

impl Hasher for Aegis128L {
    fn update(&mut self, bytes: &[u8]) {
        let waiting = self.rest_size();
        self.size = self.size.wrapping_add(bytes.len() as u64);
        let mut bytes = bytes;
        if waiting > 0 {
            let room = self.rest.get_mut(waiting..).unwrap_or_default();
            let (first, others) = bytes.split_at_checked(room.len()).unwrap_or((bytes, &[]));
            copy(room, first);
            if first.len() < room.len() {
                return;
            }
            self.backend.absorb(&mut self.state, &[self.rest]);
            bytes = others;
        }
        let (pieces, rest) = bytes.as_chunks::<RATE>();
        self.backend.absorb(&mut self.state, pieces);
        copy(&mut self.rest, rest);
    }

    fn finish_in_place(&mut self) -> Checksum {
        let rest = self.rest.get(..self.rest_size()).unwrap_or_default();
        Checksum::from_bytes(self.backend.finish(&mut self.state, rest, self.size))
    }
}

/// Copies as much as there is room for: `copy_from_slice` would panic where sizes differ, and the compiler
/// cannot always see that they do not.
fn copy(room: &mut [u8], bytes: &[u8]) {
    for (target, source) in room.iter_mut().zip(bytes) {
        *target = *source;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_state_is_what_zero_key_and_nonce_leave() {
        assert_eq!(INITIAL, soft::initial());
    }

    #[test]
    fn vectors_of_the_format_page() {
        let empty =
            [0x83, 0xcc, 0x60, 0x0d, 0xc4, 0xe3, 0xe7, 0xe6, 0x2d, 0x40, 0x55, 0x82, 0x61, 0x74, 0xf1, 0x49];
        let zeros =
            [0xf7, 0x2a, 0xd4, 0x8d, 0xd0, 0x5d, 0xd1, 0x65, 0x61, 0x33, 0x10, 0x1c, 0xd4, 0xbe, 0x3a, 0x26];
        assert_eq!(Aegis128L::digest(Backend::SOFTWARE, b"").to_bytes(), empty);
        assert_eq!(TAG_OF_NOTHING, empty);
        assert_eq!(Aegis128L::digest(Backend::SOFTWARE, &[0; 16]).to_bytes(), zeros);
    }

    #[test]
    fn backend_that_the_compiler_was_told_of_gives_the_same_tags() {
        // The hardware one under `-C target-feature=+aes`; else the software one, twice.
        let bytes: [u8; 300] = core::array::from_fn(|i| u8::try_from(i * 31 % 251).unwrap());
        for end in 0..=bytes.len() {
            let software = Aegis128L::digest(Backend::SOFTWARE, &bytes[..end]);
            assert_eq!(Aegis128L::digest(Backend::compiled(), &bytes[..end]), software, "{end} bytes");
            let mut hasher = Aegis128L::new(Backend::compiled());
            bytes[..end].chunks(33).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), software, "{end} bytes in pieces");
        }
    }

    #[test]
    fn keyed_digest_is_the_tag_by_the_state_that_the_hasher_is_in() {
        let bytes: [u8; 300] = core::array::from_fn(|i| u8::try_from(i * 31 % 251).unwrap());
        for backend in [Backend::SOFTWARE, Backend::compiled()] {
            let empty = Aegis128L::new(backend);
            let (mut keyed, mut software) = (empty.clone(), Aegis128L::new(Backend::SOFTWARE));
            keyed.update(&[7; 128]);
            software.update(&[7; 128]);
            for end in 0..=bytes.len() {
                let bytes = &bytes[..end];
                assert_eq!(empty.keyed_digest(bytes), Aegis128L::digest(backend, bytes), "no key");
                assert_eq!(keyed.keyed_digest(bytes), software.keyed_digest(bytes));
                assert_ne!(keyed.keyed_digest(bytes), empty.keyed_digest(bytes));
            }
        }
    }

    #[test]
    fn every_cut_into_two_pieces_gives_the_same_tag() {
        let bytes: [u8; 130] = core::array::from_fn(|i| u8::try_from(i * 31 % 251).unwrap());
        for end in 0..=bytes.len() {
            let whole = Aegis128L::digest(Backend::SOFTWARE, &bytes[..end]);
            for cut in 0..=end {
                let mut hasher = Aegis128L::new(Backend::SOFTWARE);
                hasher.update(&bytes[..cut]);
                hasher.update(&bytes[cut..end]);
                assert_eq!(hasher.finish(), whole, "{end} bytes cut at {cut}");
            }
        }
    }
}
