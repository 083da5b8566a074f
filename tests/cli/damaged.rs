//! `aof verify` on damaged copies of a real log: what is whole is counted, what is not is told.

use crate::util::{aof, data, file, findings, survey};
use proptest::prelude::*;
use serde_json::json;

fn small() -> Vec<u8> {
    std::fs::read(data("single/small-bodies.aof")).unwrap()
}

#[test]
fn each_kind_of_damage_has_its_name_and_offset() {
    let whole = small();
    let last = whole.len() - 528;
    let damage = |at: usize, value: &[u8]| {
        let mut bytes = whole.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    let cases: [(&str, Vec<u8>); 6] = [
        ("magic", damage(last, &[0])),
        ("header-checksum", damage(last + 16, &[0, 0])),
        ("header-checksum", damage(last + 16 + 96, &u32::MAX.to_le_bytes())),
        ("body-checksum", damage(last + 300, &[0xff; 9])),
        ("torn-tail", whole[..whole.len() - 1].to_vec()),
        ("torn-tail", whole[..last + 5].to_vec()),
    ];
    for (kind, bytes) in cases {
        let directory = tempfile::tempdir().unwrap();
        let survey = survey(&file(&directory, "damaged.aof", &bytes));
        assert_eq!(findings(&survey), [(kind.to_owned(), last as u64)]);
        assert_eq!((&survey["entries"], &survey["sound"]), (&json!(299), &json!(false)));
    }
}

#[test]
fn header_that_breaks_a_rule_is_invalid_though_its_checksum_is_right() {
    use aof_nostd::{Checksum, Profile, TigerBeetle, wire::Header};
    use zerocopy::FromBytes;
    for size in [0_u32, 255, u32::MAX] {
        let mut bytes = small();
        let at = bytes.len() - 528 + 16;
        let (header, _) = Header::mut_from_prefix(&mut bytes[at..]).unwrap();
        header.size = size.into();
        header.checksum = Checksum::ZERO;
        header.checksum = TigerBeetle::default().checksum(header.covered());
        let directory = tempfile::tempdir().unwrap();
        let survey = survey(&file(&directory, "damaged.aof", &bytes));
        assert_eq!(findings(&survey), [("header-invalid".to_owned(), (at - 16) as u64)]);
        assert_eq!(survey["findings"][0]["op"], 300);
    }
}

#[test]
fn files_that_are_no_logs_are_told_apart_from_empty_ones() {
    let directory = tempfile::tempdir().unwrap();
    let magic = &small()[..16];
    let empty = file(&directory, "empty.aof", b"");
    let ran = aof(["verify".as_ref(), "--json".as_ref(), empty.as_os_str()]).code(0);
    assert_eq!(ran.json()[0]["profile"], json!(null));
    for (name, bytes) in [
        ("one", b"x".to_vec()),
        ("magics", magic.repeat(10_000)),
        ("text", b"not a log at all\n".repeat(1000)),
    ] {
        let path = file(&directory, name, &bytes);
        let ran = aof(["verify".as_ref(), "--json".as_ref(), path.as_os_str()]).code(1);
        assert_eq!(ran.json()[0]["entries"], 0, "{name}");
        assert_eq!(ran.json()[0]["sound"], false, "{name}");
        aof(["debug".as_ref(), path.as_os_str()]).code(1);
    }
}

#[test]
fn older_layout_is_recognised_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = 312_960_301_372_567_410_560_647_846_651_901_451_202_u128.to_le_bytes().to_vec();
    bytes.resize(8192, 0);
    let ran = aof(["verify".as_ref(), file(&directory, "old.aof", &bytes).as_os_str()]).code(1);
    assert!(ran.stdout.contains("before TigerBeetle 0.16.21"), "{}", ran.stdout);
}

#[test]
fn swapped_and_repeated_entries_are_whole_and_out_of_order() {
    let whole = small();
    let at = |entry: usize| whole.len() - 528 * (300 - entry + 1); // the last entries have one size
    let mut swapped = whole[..at(298)].to_vec();
    for entry in [299, 298, 300] {
        swapped.extend_from_slice(&whole[at(entry)..at(entry) + 528]);
    }
    let directory = tempfile::tempdir().unwrap();
    let found = survey(&file(&directory, "swapped.aof", &swapped));
    assert_eq!((&found["entries"], &found["missing_ops"]), (&json!(300), &json!([])));
    assert_eq!(found["sound"], true);
    assert_eq!(findings(&found)[0].0, "gap");
    assert_eq!(findings(&found)[1].0, "backtrack");

    let mut repeated = whole.clone();
    repeated.extend_from_slice(&whole[at(300)..]);
    let found = survey(&file(&directory, "repeated.aof", &repeated));
    assert_eq!((&found["entries"], &found["distinct_ops"]), (&json!(301), &json!(300)));
    assert_eq!(findings(&found), [("backtrack".to_owned(), whole.len() as u64)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Overwritten ranges: every entry outside is counted, every entry inside is in some finding.
    #[test]
    fn what_is_outside_the_damage_is_found(
        ranges in prop::collection::vec((0_usize..183_000, 1_usize..2000, any::<u8>()), 1..5),
    ) {
        let whole = small();
        let mut bytes = whole.clone();
        for &(start, size, value) in &ranges {
            let end = (start + size).min(bytes.len());
            bytes[start..end].fill(value);
        }
        let mut intact = 0;
        let mut damaged = Vec::new();
        for located in aof_nostd::Entries::new(&whole, aof_nostd::TigerBeetle::default()) {
            let located = located.unwrap();
            let start = usize::try_from(located.offset).unwrap();
            let end = start + 272 + located.entry.body.len();
            if whole[start..end] == bytes[start..end] {
                intact += 1;
            } else {
                damaged.push(located.offset);
            }
        }
        let directory = tempfile::tempdir().unwrap();
        let survey = survey(&file(&directory, "damaged.aof", &bytes));
        prop_assert_eq!(&survey["entries"], &json!(intact));
        let findings = survey["findings"].as_array().unwrap();
        let covered = |offset: u64| findings.iter().any(|finding| {
            let start = finding["offset"].as_u64().unwrap();
            finding["size"].as_u64().is_some_and(|size| (start..start + size).contains(&offset))
        });
        for offset in damaged {
            prop_assert!(covered(offset), "{} in {:?}", offset, findings);
        }
    }
}
