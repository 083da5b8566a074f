//! AEGIS-128L over any machine's AES round. Facts: draft-irtf-cfrg-aegis-aead, "AEGIS-128L".
//!
//! ```text
//! state            S0 .. S7, eight AES blocks
//! update(M0, M1)   S'i = round(Si-1, Si), with M0 added at S0 and M1 at S4 (indices modulo 8)
//! absorb           update by 32 bytes of associated data at a time, the last piece padded by zeros
//! tag              T = S2 ^ (LE64(bits of associated data) || LE64(0)); 7 x update(T, T); S0 ^ .. ^ S6
//! ```
//!
//! An update is eight independent AES rounds: the processor works on all of them at once.
//!
//! The algorithm is a macro and not a generic function, so that every function of a backend carries its
//! `target_feature`s: then the intrinsics are safe to call and can be inlined. As generic functions over
//! a trait they were neither (compilers from 1.96 on refuse to inline NEON intrinsics there).

/// The eight AES blocks of the state, as bytes.
pub(in crate::checksum) type State = [[u8; 16]; 8];

/// Bytes absorbed by one update.
pub(in crate::checksum) const RATE: usize = 32;

/// The functions `absorb`, `finish` and `digest` of a backend, over its `load`, `store`, `xor` and
/// `round`, all with the backend's attribute.
macro_rules! kernel {
    ($Block:ty $(, $attribute:meta)?) => {
        use crate::checksum::arch::kernel::{RATE, State};

        #[inline]
        $(#[$attribute])?
        fn update(s: [$Block; 8], m0: $Block, m1: $Block) -> [$Block; 8] {
            [
                round(s[7], xor(s[0], m0)),
                round(s[0], s[1]),
                round(s[1], s[2]),
                round(s[2], s[3]),
                round(s[3], xor(s[4], m1)),
                round(s[4], s[5]),
                round(s[5], s[6]),
                round(s[6], s[7]),
            ]
        }

        #[inline]
        $(#[$attribute])?
        fn absorb_blocks(mut s: [$Block; 8], pieces: &[[u8; RATE]]) -> [$Block; 8] {
            for piece in pieces {
                let ([m0, m1], _) = piece.as_chunks::<16>() else { continue };
                s = update(s, load(m0), load(m1));
            }
            s
        }

        #[inline]
        $(#[$attribute])?
        fn finish_blocks(mut s: [$Block; 8], rest: &[u8], size: u64) -> [u8; 16] {
            if !rest.is_empty() {
                let mut padded = [0; RATE];
                for (target, source) in padded.iter_mut().zip(rest) {
                    *target = *source;
                }
                s = absorb_blocks(s, &[padded]);
            }
            let t = xor(s[2], load(&u128::from(size.wrapping_mul(8)).to_le_bytes()));
            for _ in 0..7 {
                s = update(s, t, t);
            }
            store(xor(xor(xor(s[0], s[1]), xor(s[2], s[3])), xor(xor(s[4], s[5]), s[6])))
        }

        #[inline]
        $(#[$attribute])?
        fn load_state(s: &State) -> [$Block; 8] {
            [load(&s[0]), load(&s[1]), load(&s[2]), load(&s[3]), load(&s[4]), load(&s[5]), load(&s[6]), load(&s[7])]
        }

        #[inline]
        $(#[$attribute])?
        fn store_state(s: [$Block; 8]) -> State {
            [store(s[0]), store(s[1]), store(s[2]), store(s[3]), store(s[4]), store(s[5]), store(s[6]), store(s[7])]
        }

        /// The state after whole 32-byte pieces.
        $(#[$attribute])?
        pub(in crate::checksum) fn absorb(state: &State, pieces: &[[u8; RATE]]) -> State {
            store_state(absorb_blocks(load_state(state), pieces))
        }

        /// The tag after `state`, the last `rest` bytes (fewer than 32), and `size` bytes absorbed in all.
        $(#[$attribute])?
        pub(in crate::checksum) fn finish(state: &State, rest: &[u8], size: u64) -> [u8; 16] {
            finish_blocks(load_state(state), rest, size)
        }

        /// The tag of `bytes`, from the state that key and nonce leave, without leaving registers.
        $(#[$attribute])?
        pub(in crate::checksum) fn digest(state: &State, bytes: &[u8]) -> [u8; 16] {
            let (pieces, rest) = bytes.as_chunks::<RATE>();
            finish_blocks(absorb_blocks(load_state(state), pieces), rest, bytes.len() as u64)
        }
    };
}

pub(super) use kernel;
