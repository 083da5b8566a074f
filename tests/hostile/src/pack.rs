//! Many small inputs in one file: each with its size before it, four bytes, little-endian.
//!
//! A corpus is hundreds of inputs of some dozen bytes; as files they would take a block each.
//! `cargo run -p aof-hostile --example corpus` makes a pack of a fuzzer's directory and back.

/// The inputs of a pack.
///
/// # Errors
///
/// The offset at which the pack ends inside an input.
pub fn unpack(mut bytes: &[u8]) -> Result<Vec<&[u8]>, usize> {
    let size = bytes.len();
    let mut inputs = Vec::new();
    while !bytes.is_empty() {
        let split = bytes.split_first_chunk::<4>();
        let input = split
            .and_then(|(head, rest)| rest.split_at_checked(usize::try_from(u32::from_le_bytes(*head)).ok()?));
        let Some((input, rest)) = input else { return Err(size - bytes.len()) };
        inputs.push(input);
        bytes = rest;
    }
    Ok(inputs)
}

/// The pack of these inputs, up to about `size_max` bytes: all that fit, else so many of each size that small
/// and large ones have the same share. Gives how many are in it.
#[must_use]
pub fn pack(mut inputs: Vec<Vec<u8>>, size_max: usize) -> (Vec<u8>, usize) {
    inputs.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    let total: usize = inputs.iter().map(|input| 4 + input.len()).sum();
    let mut bytes = Vec::new();
    let mut count = 0;
    let mut seen = 0;
    for input in inputs {
        let Ok(size) = u32::try_from(input.len()) else { break };
        seen += 4 + input.len();
        // As much as its share of what was seen so far.
        if (bytes.len() + 4 + input.len()).saturating_mul(total) <= size_max.saturating_mul(seen).max(total) {
            bytes.extend(size.to_le_bytes());
            bytes.extend(input);
            count += 1;
        }
    }
    (bytes, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pack_gives_back_its_inputs_and_tells_where_it_is_cut() {
        let (bytes, count) = pack(vec![vec![1, 2, 3], vec![]], 20);
        assert_eq!((count, unpack(&bytes).unwrap()), (2, vec![&[][..], &[1, 2, 3]]));
        assert_eq!(unpack(&bytes[..9]), Err(4));
        assert_eq!(unpack(&bytes[..6]), Err(4));
    }

    #[test]
    fn pack_that_is_too_small_has_inputs_of_every_size() {
        let inputs = [10, 100, 1_000].into_iter().flat_map(|size| vec![vec![7; size]; 100]).collect();
        let (bytes, count) = pack(inputs, 30_000);
        let inputs = unpack(&bytes).unwrap();
        assert!(bytes.len() <= 30_000 && count == inputs.len());
        for size in [10, 100, 1_000] {
            let share = inputs.iter().filter(|input| input.len() == size).count();
            assert!((20..=30).contains(&share), "{share} of {size} bytes");
        }
    }
}
