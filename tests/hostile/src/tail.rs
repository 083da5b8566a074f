//! Any bytes on a raw device: recovery finds the end that the oracle finds, or refuses; cleaning changes
//! nothing before the end and leaves nothing behind it; and a writer goes on there.

use crate::input::Input;
use aof_nostd::storage::Cursor;
use aof_nostd::wire::MAGIC_SIZE;
use aof_nostd::{AnyProfile, Draft, Profile, Recovery, Tail, TailError, Writer};
use aof_tests::build::PROFILES;
use aof_tests::oracle::{Oracle, Verdict};
use arbitrary::Arbitrary;

/// The magic of TigerBeetle's layout before 0.16.21.
const LEGACY: u128 = 312_960_301_372_567_410_560_647_846_651_901_451_202;

#[derive(Arbitrary, Debug)]
struct Case {
    /// Bytes of the buffer above the smallest one.
    buffer_size: u16,
    /// How far to look behind the end, or all of the device.
    search_size_max: Option<u16>,
    leftovers_max: u8,
    message_size_max: u16,
    /// Zeros behind the bytes.
    free: u16,
    input: Input,
}

/// Reads a fuzzer's bytes as a case, and checks it.
pub fn run(bytes: &[u8]) {
    crate::with_case(bytes, check);
}

fn check(case: Case) {
    let (profile, mut device) = case.input.log();
    device.resize(device.len() + usize::from(case.free), 0);
    // At least one of the default pieces fits.
    let limit = 256 + u32::from(case.message_size_max);
    let recovery = Recovery::new(profile)
        .with_message_size_max(limit)
        .with_search_size_max(case.search_size_max.map_or(u64::MAX, u64::from))
        .with_leftovers_max(case.leftovers_max.into());
    let find = |device: &[u8], buffer: usize| recovery.find(Cursor::new(device), vec![0; buffer]);
    let found = find(&device, 272);
    assert_eq!(find(&device, 272 + usize::from(case.buffer_size)), found, "whatever the buffer");
    match found {
        Ok(tail) => go_on(&recovery, &tail, &device, profile, limit),
        Err(TailError::Fork(broken)) => assert!(broken.offset <= oracle_end(&device, profile, limit).0),
        Err(TailError::Middle { damage, next, .. }) => {
            assert_eq!(damage.offset, oracle_end(&device, profile, limit).0);
            assert!(next > damage.offset && next + 272 <= device.len() as u64);
        }
        Err(TailError::Rule(damage)) => {
            assert_eq!(damage.offset, oracle_end(&device, profile, limit).0);
        }
        // Whole, and no magic of this log: torn writes do not leave that.
        Err(TailError::Foreign(damage)) => {
            assert_eq!(damage.offset, oracle_end(&device, profile, limit).0);
            let start = usize::try_from(damage.offset).unwrap();
            let magic = &device[start..start + MAGIC_SIZE];
            let known =
                PROFILES.iter().any(|other| other.magic()[..] == *magic) || magic == LEGACY.to_le_bytes();
            assert!(magic != profile.magic() && known, "{magic:x?}");
        }
        Err(TailError::NoLog { offset }) => assert_ne!(device[usize::try_from(offset).unwrap()], 0),
        Err(error) => panic!("memory does not fail: {error:?}"),
    }
}

fn go_on(recovery: &Recovery<AnyProfile>, tail: &Tail, device: &[u8], profile: AnyProfile, limit: u32) {
    let (end, entries, last) = oracle_end(device, profile, limit);
    assert_eq!((tail.end, tail.entries), (end, entries));
    assert_eq!(tail.last.map(|header| header.checksum.get()), last);
    let end = usize::try_from(end).unwrap();

    let mut cleaned = Cursor::new(device.to_vec());
    tail.clean(&mut cleaned).unwrap();
    let cleaned = cleaned.into_inner();
    assert_eq!(cleaned[..end], device[..end], "nothing before the end changes");
    if let Some(torn) = tail.torn {
        let (start, stop) = (usize::try_from(torn.start).unwrap(), usize::try_from(torn.end).unwrap());
        assert!(end <= start && device[end..start].iter().all(|byte| *byte == 0));
        assert!(cleaned[end..stop].iter().all(|byte| *byte == 0));
        assert_eq!(cleaned[stop..], device[stop..], "nothing behind the torn tail changes");
    } else {
        assert_eq!(cleaned, device);
    }

    // Found again it is clean, and a writer goes on.
    let mut cleaned = Cursor::new(cleaned);
    let again = recovery.find(&mut cleaned, [0; 272]).unwrap();
    assert_eq!(again, Tail { torn: None, ..*tail });
    again.clean(&mut cleaned).unwrap();
    let mut writer = Writer::new(cleaned, profile);
    if let Some(last) = tail.last {
        writer = writer.continue_after(last);
    }
    let Ok(link) = writer.append_new(&Draft::default(), b"one more") else { return };
    let log = writer.into_device().into_inner();
    let (_, entries, last) = oracle_end(&log, profile, limit.max(264));
    if limit >= 264 {
        assert!(entries > tail.entries);
        assert!(last == Some(link.checksum.get()) || entries > tail.entries + 1);
    }
}

/// Where the first whole entry is missing, how many there are before, and the last one's checksum.
fn oracle_end(device: &[u8], profile: AnyProfile, limit: u32) -> (u64, u64, Option<u128>) {
    let oracle = Oracle::new(profile, limit);
    let (mut end, mut entries, mut last) = (0, 0, None);
    while end < device.len() {
        let Verdict::Whole { size_disk, checksum, .. } = oracle.look(device, end) else { break };
        end += size_disk;
        entries += 1;
        last = Some(checksum);
    }
    (end as u64, entries, last)
}
