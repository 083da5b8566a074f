//! Repairing logs: what is cut, what is kept, and what is left alone.

use aof_nostd::checksum::{AnyProfile, Checksum, Profile};
use aof_nostd::wire::Header;
use aof_nostd::{Draft, Op};
use aof_std::repair::{Action, Reason, Repair, RepairError, Repaired, TailKind};
use aof_std::{LogFile, OpenError, OpenOptions, repair};
use aof_tests::build::{Builder, Log, PROFILES, chain, entry_bytes, reseal, set_size};
use aof_tests::random::Random;
use std::fs;
use std::path::{Path, PathBuf};

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A file `log.aof` in a directory of its own.
fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = directory();
    let path = directory.path().join("log.aof");
    fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn names(directory: &tempfile::TempDir) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(directory).unwrap().map(name).collect();
    names.sort();
    names
}

fn kept(repaired: &Repaired) -> Vec<u8> {
    match &repaired.action {
        Action::Cut { kept: Some(kept) } => fs::read(kept).unwrap(),
        Action::Cut { kept: None } => Vec::new(),
        action => panic!("not cut: {action:?}"),
    }
}

/// Expects that a writer goes on in the log at `path`, behind `entries`.
fn assert_writable(path: &Path, entries: u64) {
    let mut log = LogFile::open(path).unwrap();
    assert_eq!((log.entries_at_open(), log.torn_tail()), (entries, None));
    let op = log.last().map_or(1, |last| last.op().0 + 1);
    assert_eq!(log.write_new(&Draft::default(), b"on").unwrap().op, Op(op));
    log.close().unwrap();
}

/// Expects that the file at `path` is left as it is, and nothing beside it.
fn assert_left(directory: &tempfile::TempDir, path: &Path, bytes: &[u8]) {
    assert!(fs::read(path).unwrap() == bytes, "it was changed");
    assert_eq!(names(directory), ["log.aof"]);
}

#[test]
fn log_cut_at_any_byte_is_whole_again_and_the_cut_bytes_are_beside_it() {
    for profile in PROFILES {
        let log = chain(profile, &[3, 20]);
        for cut in 0..log.bytes.len() {
            let (directory, path) = file(&log.bytes[..cut]);
            let whole = log.entries.iter().filter(|entry| entry.end() <= cut);
            let (count, end) = (whole.clone().count(), whole.map(aof_tests::build::Placed::end).max());
            let end = end.unwrap_or(0);
            let planned = Repair::new().look(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap().len(), cut, "only looked");
            let repaired = repair(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), log.bytes[..end], "cut at {cut}");
            assert_eq!(
                (repaired.entries, repaired.end, repaired.is_whole()),
                (count as u64, end as u64, true)
            );
            if cut == end {
                assert_eq!((repaired.action, names(&directory).len()), (Action::Nothing, 1));
            } else {
                let next = &log.entries[count];
                let tail = repaired.tail.unwrap();
                let missing = if cut - end < 272 { end + 272 } else { next.end() } - cut;
                assert_eq!(tail.kind, TailKind::CutShort { missing: missing as u64 }, "cut at {cut}");
                assert_eq!(tail.op, (cut - end >= 272).then_some(next.op));
                assert_eq!(kept(&repaired), log.bytes[end..cut]);
                let expected = directory.path().join(format!("log.aof.torn-at-{end}"));
                assert_eq!(repaired.action, Action::Cut { kept: Some(expected.clone()) });
                assert_eq!(planned.action, Action::Planned { kept: Some(expected) });
            }
            assert_eq!(repair(&path).unwrap().action, Action::Nothing, "once is enough");
            assert_writable(&path, count as u64);
        }
    }
}

#[test]
fn tail_that_a_crash_left_as_zeros_or_noise_is_cut() {
    let log = chain(PROFILES[0], &[3, 500, 40]);
    let end = log.entries[1].end();
    for (from, kind) in [(0, "zeros"), (5, "cut-short"), (30, "cut-short"), (280, "cut-short")] {
        let mut bytes = log.bytes.clone();
        bytes[end + from..].fill(0);
        bytes.resize(bytes.len() + 1000, 0);
        bytes.resize(bytes.len() / 512 * 512 + 16, 0); // no whole sectors: no device has this size
        let (directory, path) = file(&bytes);
        let repaired = repair(&path).unwrap();
        let tail = repaired.tail.unwrap();
        assert_eq!(
            (tail.kind.name(), tail.offset, tail.size),
            (kind, end as u64, (bytes.len() - end) as u64)
        );
        let stored = kept(&repaired);
        assert_eq!(stored.len() as u64, tail.size - tail.zeros, "zeros are told and not kept");
        assert!(
            bytes[end..].starts_with(&stored) && bytes[end + stored.len()..].iter().all(|byte| *byte == 0)
        );
        assert_eq!(names(&directory).len(), if from == 0 { 1 } else { 2 });
        assert_writable(&path, 2);
    }
    let mut bytes = log.bytes[..end].to_vec();
    bytes.extend(Random::new(4).bytes(700));
    let (_directory, path) = file(&bytes);
    let repaired = repair(&path).unwrap();
    assert_eq!(repaired.tail.unwrap().kind, TailKind::Garbage);
    assert_eq!(kept(&repaired), bytes[end..]);
    assert_writable(&path, 2);
}

#[test]
fn what_may_be_the_image_of_a_device_keeps_its_zeros_until_it_is_said_to_be_none() {
    let log = chain(PROFILES[1], &[3, 0, 40]);
    for cut in [log.bytes.len(), log.bytes.len() - 20] {
        let mut bytes = log.bytes[..cut].to_vec();
        bytes.resize(8192, 0);
        let (directory, path) = file(&bytes);
        let left = repair(&path).unwrap();
        assert_eq!((left.action.clone(), left.is_whole()), (Action::Left(Reason::MaybeImage), false));
        assert_left(&directory, &path, &bytes);
        let repaired = Repair::new().cut_zeros(true).run(&path).unwrap();
        assert!(repaired.is_whole());
        assert_writable(&path, if cut == log.bytes.len() { 3 } else { 2 });
    }
}

#[test]
fn zeros_by_the_terabyte_are_neither_read_nor_kept() {
    let log = chain(PROFILES[1], &[3, 40]);
    let (directory, path) = file(&log.bytes[..log.bytes.len() - 1]);
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let repaired = Repair::new().cut_zeros(true).run(&path).unwrap();
    assert!(kept(&repaired).len() < 400 && repaired.size == 1 << 40);
    assert_eq!(fs::metadata(&path).unwrap().len(), log.entries[0].end() as u64);
    assert_eq!(names(&directory).len(), 2);
}

#[test]
fn flipped_bit_in_the_last_entry_is_kept_and_cut_and_may_be_rot() {
    let log = chain(PROFILES[0], &[3, 40]);
    let last = log.entries[1];
    for at in last.range() {
        let mut bytes = log.bytes.clone();
        bytes[at] ^= 1;
        let (_directory, path) = file(&bytes);
        let repaired = repair(&path).unwrap();
        let tail = repaired.tail.unwrap();
        let kind = match at - last.offset {
            0..16 => TailKind::Garbage,
            16..272 => TailKind::Header,
            _ => TailKind::Body,
        };
        assert_eq!((tail.kind, tail.kind.may_be_acknowledged()), (kind, true), "byte {at}");
        assert_eq!(kept(&repaired), bytes[last.range()]);
        assert_writable(&path, 1);
    }
}

#[test]
fn damage_in_the_middle_stays_to_the_byte_and_a_torn_tail_behind_it_is_cut() {
    let log = chain(PROFILES[0], &[30, 30, 30, 30, 30]);
    for damaged in 0..3 {
        for at in [3, 100, 290] {
            let mut bytes = log.bytes[..log.bytes.len() - 7].to_vec();
            bytes[log.entries[damaged].offset + at] ^= 4;
            let (_directory, path) = file(&bytes);
            let repaired = repair(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes[..log.entries[4].offset]);
            assert_eq!(kept(&repaired), bytes[log.entries[4].offset..]);
            assert_eq!((repaired.damaged_places, repaired.is_whole(), repaired.entries), (1, false, 3));
            assert_eq!(repaired.damage[0].0.offset, log.entries[damaged].offset as u64);
            let again = repair(&path).unwrap();
            assert_eq!((again.action, again.damaged_places), (Action::Nothing, 1));
        }
    }
}

#[test]
fn whole_entry_behind_damage_is_never_cut_even_if_a_crash_may_have_left_it() {
    // Unsynced writes can land in any order: op 3 is there, op 2 is not.
    let log = chain(PROFILES[0], &[30, 30, 30]);
    let mut bytes = log.bytes.clone();
    bytes[log.entries[1].range()].fill(0);
    let (directory, path) = file(&bytes);
    let repaired = repair(&path).unwrap();
    assert_eq!((repaired.action, repaired.damaged_places), (Action::Nothing, 1));
    assert_left(&directory, &path, &bytes);
}

#[test]
fn second_repair_after_one_that_kept_and_could_not_cut_succeeds_with_the_same_file() {
    let log = chain(PROFILES[0], &[3, 40]);
    let end = log.entries[0].end();
    let bytes = &log.bytes[..log.bytes.len() - 1];
    let (directory, path) = file(bytes);
    fs::write(directory.path().join(format!("log.aof.torn-at-{end}")), &bytes[end..]).unwrap();
    let repaired = repair(&path).unwrap();
    assert_eq!(kept(&repaired), bytes[end..]);
    assert_eq!(names(&directory), ["log.aof".to_owned(), format!("log.aof.torn-at-{end}")]);
}

#[test]
fn what_was_kept_before_is_not_replaced_by_other_bytes() {
    let log = chain(PROFILES[0], &[3, 40]);
    let end = log.entries[0].end();
    let (directory, path) = file(&log.bytes);
    let name = |more: &str| directory.path().join(format!("log.aof.torn-at-{end}{more}"));
    fs::write(name(""), vec![7; 30]).unwrap(); // another crash at the same place, of the same size
    fs::create_dir(name(".2")).unwrap();
    for (number, more) in [(3, ".3"), (4, ".4")] {
        let mut bytes = log.bytes[..end + 30].to_vec();
        bytes[end + 20] = number;
        fs::write(&path, &bytes).unwrap();
        let repaired = repair(&path).unwrap();
        assert_eq!(repaired.action, Action::Cut { kept: Some(name(more)) });
        assert_eq!(kept(&repaired), bytes[end..]);
    }
    assert_eq!(fs::read(name("")).unwrap(), vec![7; 30]);
}

#[test]
fn what_no_crash_writes_is_left() {
    let log = chain(PROFILES[0], &[3, 400]);
    // An entry above the size limit: the limit may be wrong.
    let (directory, path) = file(&log.bytes);
    let left = Repair::new().message_size_max(600).run(&path).unwrap();
    assert_eq!(left.action, Action::Left(Reason::Strange(left_damage(&left))));
    assert_left(&directory, &path, &log.bytes);
    // A header that a later version may have written.
    let mut bytes = log.bytes.clone();
    bytes[log.entries[1].offset + 16 + 112] = 9; // protocol
    reseal(&mut bytes, log.entries[1].offset, PROFILES[0]);
    let (directory, path) = file(&bytes);
    assert!(matches!(repair(&path).unwrap().action, Action::Left(Reason::Strange(_))));
    assert_left(&directory, &path, &bytes);
    // Another log, at once and behind some noise.
    for noise in [0, 33] {
        let mut bytes = log.bytes.clone();
        bytes.extend(vec![1; noise]);
        bytes.extend(chain(PROFILES[1], &[1, 2]).bytes);
        let (directory, path) = file(&bytes);
        let action = repair(&path).unwrap().action;
        let offset = (log.bytes.len() + noise) as u64;
        match noise {
            0 => assert!(matches!(action, Action::Left(Reason::Strange(damage)) if damage.offset == offset)),
            _ => assert_eq!(action, Action::Left(Reason::OtherProfile { offset })),
        }
        assert_left(&directory, &path, &bytes);
    }
    // More than 1,024 entries of the largest size.
    let mut bytes = chain(PROFILES[0], &[3]).bytes;
    bytes.extend(Random::new(1).bytes(1024 * (300 + 16) + 1));
    let (directory, path) = file(&bytes);
    let left = Repair::new().message_size_max(300).run(&path).unwrap();
    assert_eq!(left.action, Action::Left(Reason::TooLong));
    assert_left(&directory, &path, &bytes);
    bytes.pop();
    fs::write(&path, &bytes).unwrap();
    assert!(Repair::new().message_size_max(300).run(&path).unwrap().is_whole());
}

fn left_damage(repaired: &Repaired) -> aof_nostd::Damage {
    match repaired.action {
        Action::Left(Reason::Strange(damage)) => damage,
        ref action => panic!("{action:?}"),
    }
}

/// A log of cluster 7, whose last entry has `inner` as its body and lacks its last byte.
fn torn_around(inner: &[u8]) -> (Log, Vec<u8>) {
    let mut first = Header::new();
    first.cluster = 7.into();
    let log = Builder::new(PROFILES[0]).start_with(first).chain(&[3, 5, 8]);
    let whole = log.clone().entry(inner).build();
    (log.build(), whole.bytes[..whole.bytes.len() - 1].to_vec())
}

/// The header of the torn entry is sealed, and says what the body holds: content, cut with it.
#[test]
fn content_of_a_torn_entry_with_a_sealed_header_is_cut_with_it() {
    let (log, _) = torn_around(&[]);
    let last = log.entry(2).header;
    let chain_of =
        |first: Header| Builder::new(PROFILES[0]).start_with(first).chain(&[9, 9, 9]).build().bytes;
    // A foreign log, and a planted chain with the torn entry's own op and parent.
    for first in
        [Header::new(), Header { op: 4.into(), parent: last.checksum, cluster: 7.into(), ..Header::new() }]
    {
        let inner = chain_of(first);
        let (log, bytes) = torn_around(&[inner.as_slice(), &[1; 50]].concat());
        let end = log.bytes.len();
        for zeros in [0, 1033] {
            let mut bytes = bytes.clone();
            bytes.resize(bytes.len() + zeros, 0);
            let (_directory, path) = file(&bytes);
            // A writer continues after the log's own last entry.
            let mut open = LogFile::open(&path).unwrap();
            assert_eq!((open.entries_at_open(), open.torn_tail().unwrap().offset), (3, end as u64));
            open.cut_torn_tail().unwrap();
            assert_eq!(open.write_new(&Draft::default(), b"next").unwrap().op, Op(4));
            open.close().unwrap();

            let (_directory, path) = file(&bytes);
            let repaired = repair(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), log.bytes);
            let tail = repaired.tail.unwrap();
            assert!(matches!(tail.kind, TailKind::CutShort { .. }) && tail.op == Some(Op(4)), "{tail:?}");
            assert_eq!((tail.offset, repaired.entries, repaired.damaged_places), (end as u64, 3, 0));
            assert!(bytes[end..].starts_with(&kept(&repaired)) && kept(&repaired).len() > inner.len());
            assert_writable(&path, 3);
        }
    }
}

/// The same, but some may be the log's own.
#[test]
fn entries_in_a_torn_body_that_may_be_the_logs_own_are_cut_only_where_the_caller_says_that_they_are_content()
{
    let mut first = Header::new();
    first.cluster = 7.into();
    let start = || Builder::new(PROFILES[0]).start_with(first).chain(&[3, 5, 8]);
    let end = start().build().bytes.len();
    let cases = [
        ("a journal replayed", start().torn(&[4; 3000], 300).repeat(1..3), 2),
        ("a state sync", start().torn(&[4; 3000], 300).gap(5).chain(&[2]), 1),
        ("the chain goes on elsewhere", start().torn(&[4; 3000], 300).fork(1).chain(&[2]), 1),
    ];
    for (what, builder, count) in cases {
        let log = builder.build();
        let (directory, path) = file(&log.bytes);
        let refused = LogFile::open(&path).unwrap_err();
        assert!(matches!(refused, OpenError::NotTorn { offset, .. } if offset == end as u64), "{refused}");
        let repaired = repair(&path).unwrap();
        let reason = Reason::Entries { offset: end as u64 + 300, count };
        assert_eq!((repaired.action, repaired.entries), (Action::Left(reason), 3), "{what}");
        assert_left(&directory, &path, &log.bytes);
        let repaired = Repair::new().cut_entries(true).run(&path).unwrap();
        assert_eq!((repaired.end, kept(&repaired)), (end as u64, log.bytes[end..].to_vec()), "{what}");
        assert_writable(&path, 3);
    }
}

/// A replica that did not cut its torn tail and replayed its journal from an earlier op on, and died again.
#[test]
fn journal_replayed_behind_a_torn_entry_in_a_log_that_begins_late_is_not_cut() {
    let log = chain(PROFILES[0], &[30, 4, 4000]);
    let bytes = [log.entry_bytes(1), &log.entry_bytes(2)[..1000], log.entry_bytes(0)].concat();
    let (directory, path) = file(&bytes);
    let repaired = repair(&path).unwrap();
    assert!(matches!(repaired.action, Action::Left(Reason::Entries { count: 1, .. })), "{repaired:?}");
    assert_left(&directory, &path, &bytes);
}

#[test]
fn other_profiles_log_behind_a_torn_body_is_found() {
    let (log, other) = (chain(PROFILES[0], &[30, 400]), chain(PROFILES[1], &[3, 7]));
    // More than is missing of the torn entry: the other log reaches behind it.
    let bytes = [&log.bytes[..log.bytes.len() - 10], &other.bytes].concat();
    let (directory, path) = file(&bytes);
    let repaired = repair(&path).unwrap();
    assert!(matches!(repaired.action, Action::Left(Reason::OtherProfile { .. })), "{repaired:?}");
    assert_left(&directory, &path, &bytes);
}

#[cfg(unix)]
#[test]
fn tail_of_a_log_that_is_named_by_a_link_is_kept_beside_the_log() {
    let log = chain(PROFILES[0], &[30, 4]);
    let torn = &log.bytes[..log.bytes.len() - 1];
    for by_repair in [true, false] {
        let (directory, path) = file(torn);
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        if by_repair {
            repair(&link).unwrap();
        } else {
            LogFile::open(&link).unwrap().cut_torn_tail().unwrap();
        }
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "the link");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "the log and its tail");
    }
}

/// A replica that replays its journal writes the torn entry again: that proves the crash, and all is the log's own.
#[test]
fn entries_after_a_torn_one_that_was_written_again_are_never_cut() {
    let sound = chain(PROFILES[0], &[3, 5, 3000, 8]);
    let torn = sound.entries[2];
    for from in 0..3 {
        let again = &sound.bytes[sound.entries[from].offset..torn.end()];
        let bytes = [&sound.bytes[..torn.offset + 300], again].concat();
        let (directory, path) = file(&bytes);
        let repaired = repair(&path).unwrap();
        assert_eq!((repaired.action, repaired.damaged_places), (Action::Nothing, 1), "from {from}");
        assert_eq!(repaired.entries, 5 - from as u64);
        assert_left(&directory, &path, &bytes);
    }
}

#[test]
fn torn_entry_with_a_log_in_its_body_is_found_behind_another_torn_one() {
    let inner = chain(PROFILES[0], &[9, 9]).bytes;
    let sound = chain(PROFILES[0], &[3, 9000]);
    let start = Builder::new(PROFILES[0]).chain(&[3]).raw(&sound.entry_bytes(1)[..300]).chain(&[9000]);
    let end = start.clone().build().bytes.len();
    let mut bytes = start.entry(&[inner.as_slice(), &[1; 50]].concat()).build().bytes;
    bytes.pop();
    let (_directory, path) = file(&bytes);
    let repaired = repair(&path).unwrap();
    assert_eq!((repaired.end, repaired.damaged_places, repaired.entries), (end as u64, 1, 2));
    assert_eq!(fs::read(&path).unwrap(), bytes[..end]);
}

#[test]
fn files_that_hold_no_entry_are_touched_only_where_they_begin_as_a_log_does() {
    let (directory, path) = file(b"");
    assert_eq!(repair(&path).unwrap().action, Action::Nothing);
    assert_left(&directory, &path, b"");
    for bytes in [b"precious".to_vec(), Random::new(3).bytes(700)] {
        let (directory, path) = file(&bytes);
        let error = Repair::new().cut_zeros(true).run(&path).unwrap_err();
        assert!(matches!(error, RepairError::NotALog), "{error}");
        assert_left(&directory, &path, &bytes);
    }
    let mut legacy = 312_960_301_372_567_410_560_647_846_651_901_451_202_u128.to_le_bytes().to_vec();
    legacy.resize(8192, 1);
    let (directory, path) = file(&legacy);
    assert!(matches!(repair(&path).unwrap().action, Action::Left(Reason::Strange(_))));
    assert_left(&directory, &path, &legacy);
}

#[test]
fn log_whose_first_entry_a_crash_left_in_any_state_is_begun_anew() {
    let whole = chain(PROFILES[0], &[40]).bytes;
    let mut wrong = whole.clone();
    wrong[300] ^= 1;
    let zeros = [&whole[..280], &[0; 33]].concat();
    for bytes in [wrong, zeros, vec![0; 300], vec![0; 512]] {
        let (_directory, path) = file(&bytes);
        if bytes.len() == 512 {
            assert_eq!(repair(&path).unwrap().action, Action::Left(Reason::MaybeImage), "a blank device");
        }
        let repaired = Repair::new().cut_zeros(true).run(&path).unwrap();
        assert_eq!((repaired.end, repaired.entries, repaired.is_whole()), (0, 0, true));
        assert!(bytes.starts_with(&kept(&repaired)));
        assert_writable(&path, 0);
    }
}

#[test]
fn log_that_is_not_there_is_not_created_and_one_that_is_written_not_repaired() {
    let directory = directory();
    let path = directory.path().join("log.aof");
    let error = repair(&path).unwrap_err();
    assert!(matches!(error, RepairError::Io(error) if error.kind() == std::io::ErrorKind::NotFound));
    assert_eq!(names(&directory).len(), 0);
    let mut log = OpenOptions::new().open(&path).unwrap();
    log.write_new(&Draft::default(), b"on its way").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(270).unwrap();
    for result in [repair(&path), Repair::new().look(&path)] {
        assert!(matches!(result.unwrap_err(), RepairError::Locked));
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), 270);
    drop(log);
    assert!(repair(&path).unwrap().is_whole());
}

#[test]
fn look_changes_nothing_and_keeps_no_writer_out() {
    let log = chain(PROFILES[0], &[3, 40]);
    let (directory, path) = file(&log.bytes[..log.bytes.len() - 1]);
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let planned = Repair::new().look(&path).unwrap();
    assert!(matches!(planned.action, Action::Planned { kept: Some(_) }));
    assert_left(&directory, &path, &log.bytes[..log.bytes.len() - 1]);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    LogFile::open(&path).unwrap();

    // A repair with nothing to do changes nothing either.
    fs::write(&path, &log.bytes).unwrap();
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(repair(&path).unwrap().action, Action::Nothing);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
}

#[cfg(unix)]
#[test]
fn tail_of_a_secret_log_is_as_secret() {
    use std::os::unix::fs::PermissionsExt;
    let log = chain(PROFILES[0], &[3, 40]);
    let (_directory, path) = file(&log.bytes[..log.bytes.len() - 1]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let Action::Cut { kept: Some(kept) } = repair(&path).unwrap().action else { panic!("not cut") };
    assert_eq!(fs::metadata(kept).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn headers_that_lie_about_their_size_cost_nothing_and_cut_nothing_of_the_log() {
    // Whole headers that reach over the end, one every 272 bytes, with wrong bodies; a true entry last.
    let profile: AnyProfile = PROFILES[1];
    let mut bytes = chain(profile, &[3]).bytes;
    for op in 2..400_u64 {
        let mut header = Header::new();
        header.op = op.into();
        header.checksum_body = Checksum::new(1);
        let offset = bytes.len();
        bytes.extend(entry_bytes(profile, &header, b""));
        set_size(&mut bytes, offset, 1 << 20);
        reseal(&mut bytes, offset, profile);
    }
    let last = {
        let mut header = Header::new();
        header.op = 400.into();
        header.seal(&profile, b"true").unwrap();
        entry_bytes(profile, &header, b"true")
    };
    bytes.extend(&last);
    let (directory, path) = file(&bytes);
    // The first of them covers all that follows, but the last is complete, and ahead of it.
    let repaired = repair(&path).unwrap();
    let left = matches!(repaired.action, Action::Left(Reason::Entries { .. }));
    assert!(left && repaired.entries == 1 && profile.name() == "crc", "{repaired:?}");
    assert_left(&directory, &path, &bytes);
}

/// Logs of a replica, damaged at random: no intact entry is ever cut, nor would a writer overwrite one. By hand with
/// `AOF_REPAIR_LOGS=100000`.
#[test]
fn no_intact_entry_is_cut_from_any_damaged_log() {
    let count = std::env::var("AOF_REPAIR_LOGS").map_or(1_500, |count| count.parse().unwrap());
    let (directory, path) = file(b"");
    let mut cuts = 0;
    for seed in 0..count {
        let mut random = Random::new(seed);
        let profile = PROFILES[random.below(2)];
        // Records of one size, a power of two, as often as of all sizes.
        let fixed = [240, 752, 1_008][random.below(3)];
        let is_fixed = random.below(2) == 0;
        let size = |random: &mut Random| if is_fixed { fixed } else { random.below(900) };
        let mut builder = Builder::new(profile);
        for _ in 0..1 + random.below(4) {
            let sizes: Vec<usize> = (0..1 + random.below(12)).map(|_| size(&mut random)).collect();
            builder = builder.chain(&sizes);
            let entries = builder.clone().build().entries.len();
            let back = random.below(entries.min(9) + 1);
            builder = builder.repeat(entries - back..entries);
        }
        let log = builder.build();
        let mut bytes = log.bytes.clone();
        let mut hit = Vec::new();
        for _ in 0..random.below(3) {
            let entry = log.entries[random.below(log.entries.len())];
            match random.below(4) {
                // A bit of the size, of the header, of the entry; a sector.
                0 => bytes[entry.offset + 16 + 96 + random.below(3)] ^= 1 << random.below(8),
                1 => bytes[entry.offset + random.below(272)] ^= 1 << random.below(8),
                2 => bytes[entry.offset + random.below(entry.size_disk)] ^= 1 << random.below(8),
                _ => {
                    let start = entry.offset / 512 * 512;
                    let end = (start + 512).min(bytes.len());
                    bytes[start..end].fill(0);
                }
            }
        }
        bytes.truncate(bytes.len() - random.below(400).min(bytes.len()));
        for entry in &log.entries {
            if bytes.get(entry.range()) != Some(&log.bytes[entry.range()]) {
                hit.push(entry.offset);
            }
        }
        let intact_end =
            log.entries.iter().filter(|entry| !hit.contains(&entry.offset)).map(|entry| entry.end()).max();
        fs::write(&path, &bytes).unwrap();
        match Repair::new().cut_zeros(true).cut_entries(true).look(&path) {
            Ok(looked) => {
                if matches!(looked.action, Action::Planned { .. }) {
                    cuts += 1;
                    let cut = looked.tail.unwrap().offset;
                    assert!(
                        cut >= intact_end.unwrap_or(0) as u64,
                        "seed {seed}: cut at {cut}, intact to {intact_end:?}"
                    );
                }
            }
            Err(RepairError::NotALog) => assert_eq!(intact_end, None, "seed {seed}"),
            Err(error) => panic!("seed {seed}: {error}"),
        }
        // Opening syncs, which takes its time.
        if seed % 8 == 0
            && let Ok(open) = LogFile::open(&path)
        {
            let end = open.torn_tail().map_or(bytes.len() as u64, |tail| tail.offset);
            assert!(end >= intact_end.unwrap_or(0) as u64, "seed {seed}: a writer would go on at {end}");
        }
    }
    drop(directory);
    assert!(cuts > count / 10, "{cuts} of {count} logs have a tail that is cut");
}
