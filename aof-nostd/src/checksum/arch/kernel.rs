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

/// The eight AES blocks of the state, each as its four columns: little-endian words.
pub(in crate::checksum) type State = [[u32; 4]; 8];

/// Bytes absorbed by one update.
pub(in crate::checksum) const RATE: usize = 32;

/// The functions `absorb_blocks` and `finish_blocks` of a backend, over its `load`, `store`, `add` (XOR) and
/// `round`, all with the backend's attribute.
macro_rules! kernel {
    ($Block:ty $(, $attribute:meta)?) => {
        use crate::checksum::arch::kernel::RATE;

        /// In place, from the last block to the first: each needs the one before it as it was.
        #[inline]
        $(#[$attribute])?
        fn update([s0, s1, s2, s3, s4, s5, s6, s7]: &mut [$Block; 8], m0: &$Block, m1: &$Block) {
            let last = *s7;
            round(s6, s7);
            round(s5, s6);
            round(s4, s5);
            add(s4, m1);
            round(s3, s4);
            round(s2, s3);
            round(s1, s2);
            round(s0, s1);
            add(s0, m0);
            round(&last, s0);
        }

        /// A block that begins with at most 16 bytes, zeros behind them.
        #[inline]
        $(#[$attribute])?
        fn load_padded(bytes: &[u8]) -> $Block {
            let mut padded = [0; 16];
            for (target, source) in padded.iter_mut().zip(bytes) {
                *target = *source;
            }
            load(&padded)
        }

        #[inline]
        $(#[$attribute])?
        fn absorb_blocks(s: &mut [$Block; 8], pieces: &[[u8; RATE]]) {
            for piece in pieces {
                let ([m0, m1], _) = piece.as_chunks::<16>() else { continue };
                update(s, &load(m0), &load(m1));
            }
        }

        #[inline]
        $(#[$attribute])?
        fn finish_blocks(s: &mut [$Block; 8], rest: &[u8], size: u64) -> [u8; 16] {
            if !rest.is_empty() {
                let (m0, m1) = rest.split_at_checked(16).unwrap_or((rest, &[]));
                update(s, &load_padded(m0), &load_padded(m1));
            }
            let mut t = load(&u128::from(size.wrapping_mul(8)).to_le_bytes());
            add(&mut t, &s[2]);
            for _ in 0..7 {
                update(s, &t, &t);
            }
            let [tag, others @ .., _] = s;
            for other in others {
                add(tag, other);
            }
            store(*tag)
        }
    };
}

/// The functions `absorb`, `finish` and `digest` of a backend whose blocks are registers: the state goes
/// there and back.
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
macro_rules! in_registers {
    ($Block:ty, $attribute:meta) => {
        use crate::checksum::arch::kernel::State;

        #[inline]
        #[$attribute]
        fn load_state(s: &State) -> [$Block; 8] {
            zerocopy::transmute!(*s)
        }

        /// Takes whole 32-byte pieces into the state.
        #[$attribute]
        pub(in crate::checksum) fn absorb(state: &mut State, pieces: &[[u8; RATE]]) {
            let mut s = load_state(state);
            absorb_blocks(&mut s, pieces);
            *state = zerocopy::transmute!(s);
        }

        /// The tag after `state`, the last `rest` bytes (fewer than 32), and `size` bytes absorbed in all.
        #[$attribute]
        pub(in crate::checksum) fn finish(state: &mut State, rest: &[u8], size: u64) -> [u8; 16] {
            finish_blocks(&mut load_state(state), rest, size)
        }

        /// The tag of `bytes`, from the state that key and nonce leave, without leaving registers.
        #[$attribute]
        pub(in crate::checksum) fn digest(state: &State, bytes: &[u8]) -> [u8; 16] {
            let (pieces, rest) = bytes.as_chunks::<RATE>();
            let mut s = load_state(state);
            absorb_blocks(&mut s, pieces);
            // A header ends with half a piece, which needs no padding byte by byte.
            let rest = match <&[u8; 16]>::try_from(rest) {
                Ok(half) => {
                    update(&mut s, &load(half), &load(&[0; 16]));
                    &[]
                }
                Err(_) => rest,
            };
            finish_blocks(&mut s, rest, bytes.len() as u64)
        }
    };
}

#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
pub(super) use in_registers;
pub(super) use kernel;
