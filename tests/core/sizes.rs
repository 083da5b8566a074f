//! A hostile `size`, and files that are no log.

use crate::read;
use aof_nostd::wire::{HEAD_SIZE, Header, HeaderRule};
use aof_nostd::{AnyProfile, Checker, DamageKind, Entries, ForeignMagic, Profile};
use aof_tests::build::{Builder, PROFILES, entry_bytes, reseal, set_size};
use aof_tests::events::{by_detect, by_entries, damages, entry_offsets};

const SIZES: [u32; 10] =
    [0, 1, 255, 257, 272, (1 << 20) + 1, 1 << 30, i32::MAX as u32, u32::MAX - 15, u32::MAX];

#[test]
fn size_written_over_is_a_header_checksum_and_hides_nothing() {
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[8, 30, 8, 8]).build();
        for size in SIZES {
            let mut bytes = log.bytes.clone();
            let hit = log.entries[1];
            set_size(&mut bytes, hit.offset, size);
            let seen = read(&bytes, profile, &size);
            assert_eq!(damages(&seen), [(hit.offset as u64, "header-checksum")], "size {size}");
            let others: Vec<_> = [0, 2, 3].map(|index| log.entries[index].offset).into();
            assert_eq!(entry_offsets(&seen), others, "size {size}");
        }
    }
}

#[test]
fn size_out_of_range_under_a_right_checksum_is_an_invalid_header() {
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[8, 30, 8, 8]).build();
        for size in SIZES.into_iter().filter(|size| !(256..=1 << 20).contains(size)) {
            let mut bytes = log.bytes.clone();
            let hit = log.entries[1];
            set_size(&mut bytes, hit.offset, size);
            reseal(&mut bytes, hit.offset, profile);
            let seen = read(&bytes, profile, &size);
            assert_eq!(damages(&seen), [(hit.offset as u64, "header-invalid")], "size {size}");
            // The checksum vouches for the size: all that follows is inside this entry.
            let count = if size < 256 { 3 } else { 1 };
            assert_eq!(entry_offsets(&seen).len(), count, "size {size}");
            let damage = Entries::new(&bytes, profile).nth(1).unwrap().unwrap_err();
            assert_eq!(damage.kind, DamageKind::HeaderInvalid(HeaderRule::Size));
            assert_eq!(damage.op, Some(hit.op), "the header is whole, so its op is known");
        }
    }
}

#[test]
fn entry_above_the_limit_hides_what_is_in_it_and_nothing_else() {
    for profile in PROFILES {
        let inner = Builder::new(profile).chain(&[3, 4]).build().bytes;
        let log =
            Builder::new(profile).chain(&[8]).entry(&[&inner[..], b"rest"].concat()).chain(&[8, 9]).build();
        let checker = Checker::new(profile).with_message_size_max(300);
        let seen = by_entries(&log.bytes, checker);
        assert_eq!(seen, aof_tests::oracle::Oracle::new(profile, 300).read(&log.bytes));
        assert_eq!(damages(&seen), [(log.entries[1].offset as u64, "header-invalid")]);
        assert_eq!(entry_offsets(&seen), [0, 2, 3].map(|index| log.entries[index].offset));
    }
}

/// Nobody but a forger makes such a header: its checksum vouches for a size that is not the entry's.
#[test]
fn size_in_range_under_a_right_checksum_takes_no_entry_along_that_reaches_out_of_it() {
    for profile in PROFILES {
        let log = Builder::new(profile).chain(&[8, 30, 8, 8]).build();
        let hit = log.entries[1];
        for size in 256..1_400 {
            let mut bytes = log.bytes.clone();
            set_size(&mut bytes, hit.offset, size);
            reseal(&mut bytes, hit.offset, profile);
            let found = entry_offsets(&read(&bytes, profile, &size));
            if size == 286 {
                assert_eq!(found.len(), 4);
                continue;
            }
            let end = hit.offset + 16 + size as usize;
            if end < log.bytes.len() {
                assert_eq!(found[..2], [0, log.entries[2].offset], "size {size}");
            } else {
                assert_eq!(found, [0], "size {size}: the log ends inside");
            }
        }
    }
}

#[test]
fn every_rule_of_the_frame_is_checked_under_a_right_checksum() {
    use HeaderRule::{Command, Commit, Epoch, Op, Padding, Protocol, Reserved, Size};
    let rules = [
        (16..32, Padding),
        (48..64, Padding),
        (64..80, Reserved),
        (99..100, Size), // 2^24 and more
        (100..104, Epoch),
        (112..114, Protocol),
        (114..115, Command),
        (116..128, Reserved),
        (144..160, Padding),
        (176..192, Padding),
        (224..225, Op), // 1 becomes 0
        (232..240, Commit),
        (253..256, Reserved),
    ];
    for profile in PROFILES {
        let mut header = Header::new();
        header.seal(&profile, b"body").unwrap();
        let sealed = entry_bytes(profile, &header, b"body");
        for at in 16..256 {
            let mut bytes = sealed.clone();
            bytes[16 + at] ^= 1;
            reseal(&mut bytes, 0, profile);
            let first = Entries::new(&bytes, profile).next().unwrap();
            let rule = rules.iter().find(|(range, _)| range.contains(&at)).map(|(_, rule)| *rule);
            match rule {
                Some(rule) => {
                    assert_eq!(first.unwrap_err().kind, DamageKind::HeaderInvalid(rule), "byte {at}");
                }
                // The size and the body's checksum no longer fit the body; all else is anyone's to choose.
                None if (32..48).contains(&at) || (96..99).contains(&at) => assert!(first.is_err()),
                None => assert!(first.is_ok(), "byte {at}"),
            }
            read(&bytes, profile, &at);
        }
    }
}

#[test]
fn empty_log_holds_nothing() {
    assert_eq!(by_detect(&[]), []);
    for profile in PROFILES {
        assert_eq!(by_entries(&[], Checker::new(profile)), []);
        assert_eq!(Entries::new(&[], profile).skip_damage(), 0);
    }
}

#[test]
fn bytes_that_are_no_log_are_one_damage() {
    let legacy = 312_960_301_372_567_410_560_647_846_651_901_451_202_u128.to_le_bytes();
    for size in [1, 2, 15, 16, 17, 271, 272, 273, 1_000] {
        for profile in PROFILES {
            for byte in [0, 1, 0xff] {
                let seen = read(&vec![byte; size], profile, &(byte, size));
                assert_eq!(damages(&seen), [(0, "magic")], "{size} bytes {byte:#x}");
            }
            let first = [profile.magic()[0]];
            assert_eq!(damages(&read(&first, profile, &"a magic's first byte")), [(0, "torn-tail")]);
        }
        let old: Vec<u8> = legacy.into_iter().cycle().take(size.max(16)).collect();
        let damage = Entries::new(&old, AnyProfile::default()).next().unwrap().unwrap_err();
        assert_eq!(damage.kind, DamageKind::Magic(ForeignMagic::Legacy));
    }
}

#[test]
fn magic_after_magic_is_one_damage() {
    for profile in PROFILES {
        for size in [16, 100, 272, 300, 4_000] {
            let bytes: Vec<u8> = profile.magic().into_iter().cycle().take(size).collect();
            let seen = read(&bytes, profile, &size);
            assert_eq!(seen.len(), 1);
            let kind = if size < HEAD_SIZE { "torn-tail" } else { "header-checksum" };
            assert_eq!(damages(&seen), [(0, kind)], "{size} bytes");
        }
    }
}
