//! Entries that were forged: other bytes under the same checksums.
//!
//! Both checksums find accidents and no intent, since their keys are public. A CRC is linear, so 8 chosen bytes
//! correct any change. AEGIS-128L absorbs 32 bytes a step, of which the first 16 enter block 0 of the state and
//! the others block 4; each other block is the AES round of its neighbour, XOR itself, and a round can be
//! inverted. So four steps, 128 chosen bytes, lead from any state to any other:
//!
//! ```text
//! step      0       1       2       3       4
//! block 0   known   free    free    free    target       free: what the message puts there
//! block 1   known   known   wanted  wanted  target       wanted: what the block behind it needs to become
//! block 2   known   known   known   wanted  target       the target one step later
//! block 3   known   known   known   known   target
//! ```
//!
//! The AES round here is slow and obvious, and shares nothing with the library's.

use aof_nostd::checksum::{AnyProfile, Profile};
use aof_nostd::wire::HEAD_SIZE;
use std::array::from_fn;

/// Bytes of a body that [`entry`] needs.
pub const BODY_SIZE_MIN: usize = 160;

/// Where the bytes begin that correct what was changed before them.
const CORRECTION: usize = 32;

/// An entry with the header and the checksums of `entry`, and another body: its first byte is changed by
/// `change`, and some of those from byte 32 on are computed. Another `change`, another body.
#[must_use]
pub fn entry(profile: AnyProfile, entry: &[u8], change: u8) -> Vec<u8> {
    let mut forged = entry.to_vec();
    let (_, body) = forged.split_at_mut(HEAD_SIZE);
    assert!(change != 0 && body.len() >= BODY_SIZE_MIN, "nothing to forge");
    let true_body = body.to_vec();
    body[0] ^= change;
    match profile {
        AnyProfile::TigerBeetle(_) => correct_aegis(&true_body, body),
        AnyProfile::Crc(_) => correct_crc(profile, &true_body, body),
    }
    assert_eq!(profile.checksum(body), profile.checksum(&true_body), "it is not forged well");
    forged
}

/// A log in which the entry that is stored at `offset` is forged.
#[must_use]
pub fn log(profile: AnyProfile, bytes: &[u8], offset: usize, size_disk: usize, change: u8) -> Vec<u8> {
    let mut forged = bytes.to_vec();
    let range = offset..offset + size_disk;
    forged[range.clone()].copy_from_slice(&entry(profile, &bytes[range], change));
    forged
}

/// Solves 64 equations for 64 bits: the CRC of a sum is the sum of the CRCs, but for that of zero.
fn correct_crc(profile: AnyProfile, true_body: &[u8], body: &mut [u8]) {
    let mut crc = |word: u64| {
        body[CORRECTION..CORRECTION + 8].copy_from_slice(&word.to_le_bytes());
        u64::try_from(profile.checksum(body).get()).expect("a CRC has 64 bits")
    };
    let zero = crc(0);
    let mut rows: Vec<(u64, u64)> = (0..64).map(|bit| (1 << bit, crc(1 << bit) ^ zero)).collect();
    let mut left = u64::try_from(profile.checksum(true_body).get()).expect("a CRC has 64 bits") ^ zero;
    let mut word = 0;
    for bit in 0..64 {
        let pivot = rows.iter().position(|row| row.1 >> bit & 1 == 1).expect("no two words have one CRC");
        let (set, change) = rows.swap_remove(pivot);
        for row in rows.iter_mut().filter(|row| row.1 >> bit & 1 == 1) {
            *row = (row.0 ^ set, row.1 ^ change);
        }
        if left >> bit & 1 == 1 {
            (word, left) = (word ^ set, left ^ change);
        }
    }
    crc(word);
}

type Block = [u8; 16];
type State = [Block; 8];

/// Chooses 128 bytes of `body` so that the state behind them is that of `true_body`.
fn correct_aegis(true_body: &[u8], body: &mut [u8]) {
    let end = CORRECTION + 128;
    let target = absorb(initial(), &true_body[..end]);
    let mut state = absorb(initial(), &body[..CORRECTION]);
    // What is to be put into blocks 0 and 4 by each step.
    let halves = [0, 4].map(|half| path(&from_fn(|at| state[half + at]), &from_fn(|at| target[half + at])));
    for step in 0..4 {
        let next = update(state, [0; 16], [0; 16]);
        let [first, second] = [0, 1].map(|half| xor(next[half * 4], halves[half][step]));
        body[CORRECTION + step * 32..][..16].copy_from_slice(&first);
        body[CORRECTION + step * 32 + 16..][..16].copy_from_slice(&second);
        state = update(state, first, second);
    }
    assert_eq!(state, target);
}

/// What the first of four blocks has to be after each of four steps, so that all four become `target`.
fn path(now: &[Block; 4], target: &[Block; 4]) -> [Block; 4] {
    // [step][block]
    let one: [Block; 4] = from_fn(|at| if at == 0 { [0; 16] } else { xor(round(now[at - 1]), now[at]) });
    let two_2 = xor(round(one[1]), one[2]);
    let two_3 = xor(round(one[2]), one[3]);
    let three_3 = xor(round(two_2), two_3);
    let three_2 = invert(xor(target[3], three_3));
    let three_1 = invert(xor(target[2], three_2));
    let two_1 = invert(xor(three_2, two_2));
    let first = invert(xor(two_1, one[1]));
    let second = invert(xor(three_1, two_1));
    let third = invert(xor(target[1], three_1));
    [first, second, third, target[0]]
}

fn initial() -> State {
    let c0 = [0x00, 0x01, 0x01, 0x02, 0x03, 0x05, 0x08, 0x0d, 0x15, 0x22, 0x37, 0x59, 0x90, 0xe9, 0x79, 0x62];
    let c1 = [0xdb, 0x3d, 0x18, 0x55, 0x6d, 0xc2, 0x2f, 0xf1, 0x20, 0x11, 0x31, 0x42, 0x73, 0xb5, 0x28, 0xdd];
    let zero = [0; 16];
    let mut state = [zero, c1, c0, c1, zero, c0, c1, c0];
    for _ in 0..10 {
        state = update(state, zero, zero);
    }
    state
}

fn absorb(mut state: State, bytes: &[u8]) -> State {
    for piece in bytes.chunks(32) {
        state = update(state, from_fn(|at| piece[at]), from_fn(|at| piece[16 + at]));
    }
    state
}

fn update(state: State, first: Block, second: Block) -> State {
    let mut next: State = from_fn(|at| xor(round(state[(at + 7) % 8]), state[at]));
    next[0] = xor(next[0], first);
    next[4] = xor(next[4], second);
    next
}

fn xor(one: Block, other: Block) -> Block {
    from_fn(|at| one[at] ^ other[at])
}

/// The AES round without a key.
fn round(block: Block) -> Block {
    let shifted: Block = from_fn(|at| sbox(block[(at + 4 * (at % 4)) % 16]));
    mix(shifted, [2, 3, 1, 1])
}

/// The block whose round is this one.
fn invert(block: Block) -> Block {
    let mixed = mix(block, [14, 11, 13, 9]);
    let mut inverse = [0; 256];
    for byte in 0..=255_u8 {
        inverse[usize::from(sbox(byte))] = byte;
    }
    let mut before = [0; 16];
    for (at, byte) in mixed.into_iter().enumerate() {
        before[(at + 4 * (at % 4)) % 16] = inverse[usize::from(byte)];
    }
    before
}

/// Multiplies each column with the matrix whose first row this is.
fn mix(block: Block, row: [u8; 4]) -> Block {
    from_fn(|at| {
        let (column, line) = (at / 4 * 4, at % 4);
        (0..4).fold(0, |sum, other| sum ^ times(row[(other + 4 - line) % 4], block[column + other]))
    })
}

/// The product in the field of AES.
fn times(mut one: u8, mut other: u8) -> u8 {
    let mut product = 0;
    while one != 0 {
        product ^= other * (one & 1);
        other = (other << 1) ^ (0x1b * (other >> 7));
        one >>= 1;
    }
    product
}

fn sbox(byte: u8) -> u8 {
    // The inverse is the 254th power.
    let mut inverse = 1;
    for _ in 0..254 {
        inverse = times(inverse, byte);
    }
    let turned = |by| inverse.rotate_left(by);
    inverse ^ turned(1) ^ turned(2) ^ turned(3) ^ turned(4) ^ 0x63
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{PROFILES, chain};

    #[test]
    fn round_is_that_of_aes_and_is_inverted() {
        assert_eq!([0x00, 0x01, 0x53, 0xff].map(sbox), [0x63, 0x7c, 0xed, 0x16]);
        let block: Block = from_fn(|at| u8::try_from(at * 17).unwrap());
        assert_eq!(invert(round(block)), block);
    }

    #[test]
    fn forged_entries_differ_and_keep_their_checksums() {
        for profile in PROFILES {
            for size in [BODY_SIZE_MIN, BODY_SIZE_MIN + 1, 400] {
                let log = chain(profile, &[size]);
                let forged: Vec<_> = [1, 2].map(|change| entry(profile, &log.bytes, change)).into();
                assert_ne!(forged[0], log.bytes);
                assert_ne!(forged[0], forged[1]);
                let checker = aof_nostd::Checker::new(profile);
                for bytes in &forged {
                    let rest = bytes.len() as u64;
                    assert!(matches!(checker.entry(bytes, rest), aof_nostd::Checked::Whole(_)));
                }
            }
        }
    }
}
