//! Following a log: what is told when, without waiting. Time is a number here.

use aof_nostd::checksum::AnyProfile;
use aof_std::LogFile;
use aof_std::follow::{Follower, News, Start, Wait};
use aof_tests::build::{Builder, Log, PROFILES, body, chain};
use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A follower, and all that it told, as words.
struct Following {
    _directory: tempfile::TempDir,
    path: PathBuf,
    follower: Follower,
    now: Instant,
    told: Vec<String>,
    wait: Option<Wait>,
}

impl Following {
    fn new(start: Start) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let follower = Follower::new(&path).start(start);
        Self { _directory: directory, path, follower, now: Instant::now(), told: Vec::new(), wait: None }
    }

    /// All that is new.
    #[track_caller]
    fn poll(&mut self) -> Vec<String> {
        let told = &mut self.told;
        let wait = self.follower.poll(self.now, |news| {
            told.push(match news {
                News::Entry(located, relation) => {
                    let relation = if relation.is_linked() { "" } else { relation.name() };
                    format!("{relation}{}", located.entry.header.op())
                }
                News::Damage(damage, until) => format!("{} {}-{until}", damage.kind.name(), damage.offset),
                News::Zeros(from, until) => format!("zeros {from}-{until}"),
                News::Opened => "opened".into(),
                News::Moved => "moved".into(),
                News::Rotated => "rotated".into(),
                News::Shortened { from, to } => format!("shortened {from}-{to}"),
                other => format!("{other:?}"),
            });
            ControlFlow::Continue(())
        });
        self.wait = Some(wait.unwrap());
        std::mem::take(&mut self.told)
    }

    fn later(&mut self) {
        self.now += Duration::from_secs(2);
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(&self.path, bytes).unwrap();
    }

    fn append(&self, bytes: &[u8]) {
        append(&self.path, bytes);
    }

    fn unfinished(&self) -> Option<u64> {
        match self.wait {
            Some(Wait::More { unfinished, .. }) => unfinished.map(|damage| damage.offset),
            _ => None,
        }
    }
}

fn append(path: &Path, bytes: &[u8]) {
    fs::File::options().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn small(profile: AnyProfile) -> Log {
    chain(profile, &[0, 5, 300, 1, 40])
}

fn end(log: &Log, index: usize) -> usize {
    log.entries[index].end()
}

#[test]
fn entries_are_told_once_and_whole_wherever_the_writing_pauses() {
    for profile in PROFILES {
        let log = small(profile);
        for pause in 0..log.bytes.len() {
            let mut following = Following::new(Start::Beginning);
            following.write(&log.bytes[..pause]);
            let mut told = following.poll();
            // However long the pause.
            following.later();
            told.extend(following.poll());
            let whole = log.entries.iter().filter(|entry| entry.end() <= pause).count();
            let mut expected = vec!["opened".to_owned()];
            expected.extend((1..=whole).map(|op| op.to_string()));
            assert_eq!(told, expected, "pause at {pause}");
            let boundary = log.entries.iter().any(|entry| entry.offset == pause) || pause == 0;
            assert_eq!(following.unfinished().is_some(), !boundary, "pause at {pause}");
            following.append(&log.bytes[pause..]);
            let rest: Vec<_> = (whole + 1..=5).map(|op| op.to_string()).collect();
            assert_eq!(following.poll(), rest, "pause at {pause}");
            assert_eq!(following.poll(), [""; 0]);
        }
    }
}

#[test]
fn torn_tail_that_is_cut_and_written_anew_is_no_damage() {
    let log = small(PROFILES[0]);
    let (third, end) = (log.entries[2].offset, log.entries[2].end());
    for kept in third + 1..end {
        let mut following = Following::new(Start::Beginning);
        following.write(&log.bytes[..kept]);
        assert_eq!(following.poll(), ["opened", "1", "2"]);
        fs::File::options().write(true).open(&following.path).unwrap().set_len(third as u64).unwrap();
        // Seen between, or not.
        if kept % 2 == 0 {
            assert_eq!(following.poll(), [""; 0]);
        }
        // Another entry 3 than the one that was torn.
        let other = Builder::new(PROFILES[0]).chain(&[0, 5]).entry(b"other").build();
        following.append(&other.bytes[third..]);
        assert_eq!(following.poll(), ["3"], "kept {kept}");
    }
}

#[test]
fn torn_tail_that_an_entry_follows_is_damage() {
    let log = small(PROFILES[0]);
    let third = log.entries[2].offset;
    for size in [1, 20, 100, 200, 272, 400, 571] {
        let mut following = Following::new(Start::Beginning);
        let piece = &log.bytes[third..third + size];
        following.write(&log.bytes[..third]);
        following.append(piece);
        assert_eq!(following.poll(), ["opened", "1", "2"]);
        assert_eq!(following.unfinished(), Some(third as u64));
        // The writer goes on behind the piece. While its entry is not whole, nothing is decided.
        following.append(&log.bytes[third..third + 271]);
        assert_eq!(following.poll(), [""; 0], "{size}");
        following.append(&log.bytes[third + 271..]);
        let until = third + size;
        let kind = if size < 272 { "header-checksum" } else { "body-checksum" };
        let kind = if size < 16 { "magic" } else { kind };
        let expected = [format!("{kind} {third}-{until}"), "3".into(), "4".into(), "5".into()];
        assert_eq!(following.poll(), expected, "{size}");
    }
}

#[test]
fn torn_tail_that_the_log_goes_back_behind_is_damage_after_a_while() {
    let log = small(PROFILES[1]);
    let torn = end(&log, 4);
    let mut following = Following::new(Start::Beginning);
    following.write(&log.bytes);
    following.append(&log.bytes[..100]);
    following.append(&log.bytes[log.entries[1].offset..]);
    assert_eq!(following.poll(), ["opened", "1", "2", "3", "4", "5"]);
    let Some(Wait::More { until: Some(until), .. }) = following.wait else { panic!("{:?}", following.wait) };
    following.now = until;
    let damage = format!("header-checksum {torn}-{}", torn + 100);
    assert_eq!(following.poll(), [&damage, "backtrack2", "3", "4", "5"]);
}

#[test]
fn log_in_a_body_that_is_being_written_is_not_the_log() {
    let inner = chain(PROFILES[0], &[7, 7, 7]);
    let outer = Builder::new(PROFILES[0]).chain(&[3]).entry(&inner.bytes).chain(&[9]).build();
    let second = &outer.entries[1];
    for kept in (second.offset + 272..second.end()).step_by(7) {
        let mut following = Following::new(Start::Beginning);
        following.write(&outer.bytes[..kept]);
        assert_eq!(following.poll(), ["opened", "1"]);
        following.later();
        assert_eq!(following.poll(), [""; 0], "kept {kept}");
        following.append(&outer.bytes[kept..]);
        assert_eq!(following.poll(), ["2", "3"], "kept {kept}");
    }
}

#[test]
fn damage_in_the_middle_is_told_in_its_place() {
    for flip in [3, 100, 271, 300] {
        let mut log = small(PROFILES[0]);
        let third = log.entries[2].range();
        log.bytes[third.start + flip] ^= 1;
        let mut following = Following::new(Start::Beginning);
        following.write(&log.bytes);
        let mut told = following.poll();
        following.later();
        told.extend(following.poll());
        let kind = match flip {
            3 => "magic",
            300 => "body-checksum",
            _ => "header-checksum",
        };
        let damage = format!("{kind} {}-{}", third.start, third.end);
        assert_eq!(told, ["opened", "1", "2", &damage, "gap4", "5"], "{flip}");
    }
}

#[test]
fn rotation_is_followed_when_the_new_file_is_written() {
    let mut following = Following::new(Start::Beginning);
    let log = small(PROFILES[0]);
    let moved = following.path.with_extension("1");
    following.write(&log.bytes[..end(&log, 1)]);
    assert_eq!(following.poll(), ["opened", "1", "2"]);
    fs::rename(&following.path, &moved).unwrap();
    assert_eq!(following.poll(), ["moved"]);
    // The writer begins the new file, and still writes to the old one.
    following.write(b"");
    append(&moved, &log.bytes[end(&log, 1)..end(&log, 2)]);
    assert_eq!(following.poll(), ["3"]);
    append(&moved, &log.bytes[end(&log, 2)..end(&log, 3)]);
    following.write(&log.bytes[end(&log, 3)..]);
    assert_eq!(following.poll(), ["4", "rotated", "5"]);
    assert_eq!(following.follower.position(), (log.bytes.len() - end(&log, 3)) as u64);
}

#[test]
fn what_is_not_whole_at_a_rotation_is_told_and_the_chain_is_checked_across() {
    let mut following = Following::new(Start::Beginning);
    let log = small(PROFILES[0]);
    let torn = end(&log, 1);
    following.write(&log.bytes[..torn + 280]);
    assert_eq!(following.poll(), ["opened", "1", "2"]);
    fs::rename(&following.path, following.path.with_extension("1")).unwrap();
    following.write(&log.bytes[end(&log, 2)..]);
    let damage = format!("torn-tail {torn}-{}", torn + 280);
    assert_eq!(following.poll(), [&damage, "rotated", "gap4", "5"]);
    // Zeros are a device's free space, in a file too.
    let size = following.path.metadata().unwrap().len();
    following.append(&[0; 2000]);
    assert_eq!(following.poll(), [""; 0]);
    fs::remove_file(&following.path).unwrap();
    following.write(&small(PROFILES[1]).bytes);
    assert_eq!(
        following.poll(),
        [&format!("zeros {size}-{}", size + 2000), "rotated", "backtrack1", "2", "3", "4", "5"]
    );
}

/// What a scan tells of the end of a file is what a follower tells when the file is given up: a torn entry with
/// zeros behind it was one damage to the file's end here, and a torn tail and free space there.
#[test]
fn the_end_of_a_file_that_is_given_up_is_told_as_a_scan_tells_it() {
    #[derive(Default)]
    struct Ends(Vec<String>);
    impl aof_std::scan::Sink for Ends {
        fn entry(&mut self, _: aof_nostd::Located<'_>) {}
        fn damage(&mut self, damage: aof_nostd::Damage, until: u64) {
            self.0.push(format!("{} {}-{until}", damage.kind.name(), damage.offset));
        }
        fn zeros(&mut self, from: u64) {
            self.0.push(format!("zeros {from}-"));
        }
    }
    let log = small(PROFILES[0]);
    let third = log.entries[2].range();
    let mut kinds = std::collections::BTreeSet::new();
    for kept in [0, 3, 16, 20, 100, 271, 272, 300, 571] {
        for zeros in [0, 100, 511, 512, 4096] {
            let mut bytes = log.bytes[..third.start + kept].to_vec();
            bytes.resize(bytes.len() + zeros, 0);
            let mut following = Following::new(Start::Beginning);
            following.write(&bytes);
            assert_eq!(following.poll(), ["opened", "1", "2"], "{kept} and {zeros} zeros");
            let source = aof_std::Source::open(&following.path).unwrap();
            let scan = aof_std::scan::Scan::detect(&source, aof_std::backend()).unwrap();
            let mut ends = Ends::default();
            scan.run(Ends::default, |part: Ends| ends.0.extend(part.0)).unwrap();
            let size = bytes.len();
            let expected = ends.0.iter().map(|end| match end.strip_suffix('-') {
                Some(zeros) => format!("{zeros}-{size}"),
                None => end.clone(),
            });
            let mut expected: Vec<String> = expected.collect();
            kinds.extend(expected.iter().map(|end| end.split(' ').next().unwrap().to_owned()));
            expected.extend(["rotated".to_owned(), "backtrack1".to_owned()]);
            fs::rename(&following.path, following.path.with_extension("1")).unwrap();
            following.write(&log.bytes[..end(&log, 0)]);
            assert_eq!(following.poll(), expected, "{kept} and {zeros} zeros");
        }
    }
    assert!(kinds.contains("torn-tail") && kinds.contains("zeros"), "{kinds:?}");
}

#[test]
fn log_file_that_rotates_is_followed_without_a_gap() {
    let mut following = Following::new(Start::Beginning);
    let mut log = LogFile::open(&following.path).unwrap();
    let mut ops = Vec::new();
    for round in 0..60_u64 {
        log.write_new(&aof_nostd::Draft::default(), &body(round, 100)).unwrap();
        // More seldom than it rotates would leave out a file, as it does everywhere: the entry may be the new file's
        // first one.
        ops.extend(following.poll());
        if round % 7 == 3 {
            fs::rename(&following.path, following.path.with_extension(round.to_string())).unwrap();
        }
        if round % 5 == 0 {
            log.checkpoint(|result| assert!(result.is_ok())).unwrap();
        }
        if round % 5 == 2 {
            log.wait().unwrap();
        }
        ops.extend(following.poll());
    }
    log.close().unwrap();
    ops.extend(following.poll());
    ops.retain(|told| told.parse::<u64>().is_ok() || told.starts_with("gap") || told.contains('-'));
    assert_eq!(ops, (1..=60).map(|op| op.to_string()).collect::<Vec<_>>());
}

#[test]
fn file_that_becomes_shorter_is_read_on_behind_what_still_stands() {
    let log = small(PROFILES[0]);
    let mut following = Following::new(Start::Beginning);
    following.write(&log.bytes);
    following.poll();
    let size = log.bytes.len();
    let file = fs::File::options().write(true).open(&following.path).unwrap();
    file.set_len(end(&log, 2) as u64 + 5).unwrap();
    assert_eq!(following.poll(), [format!("shortened {size}-{}", end(&log, 2))]);
    file.set_len(end(&log, 2) as u64).unwrap();
    following.append(&log.bytes[end(&log, 2)..]);
    assert_eq!(following.poll(), ["4", "5"]);
}

/// With the last ten entries told, a cut of twenty leaves none of them: the whole file was told again.
#[test]
fn file_that_is_cut_before_all_that_is_remembered_is_not_told_again() {
    let log = chain(PROFILES[0], &[7; 60]);
    for (start, torn) in [(Start::Last(10), 0), (Start::Last(0), 0), (Start::Last(10), 100)] {
        let mut following = Following::new(start);
        following.write(&log.bytes);
        following.poll();
        let (size, cut) = (log.bytes.len(), end(&log, 39));
        let file = fs::File::options().write(true).open(&following.path).unwrap();
        file.set_len((cut + torn) as u64).unwrap();
        assert_eq!(following.poll(), [format!("shortened {size}-{cut}")]);
        assert_eq!(following.poll(), [""; 0]);
        file.set_len(cut as u64).unwrap();
        following.append(&log.bytes[cut..end(&log, 41)]);
        assert_eq!(following.poll(), ["41", "42"], "and linked to what was there");
        // Emptied all the same, and filled by others.
        let other = Builder::new(PROFILES[0]).chain(&[9; 50]).build();
        following.write(&other.bytes[other.entries[45].offset..]);
        let told = following.poll();
        assert!(told[0].ends_with("-0") && told.len() == 6, "{told:?}");
    }
}

#[test]
fn file_that_is_emptied_and_filled_again_is_read_anew_even_if_it_is_longer() {
    let log = small(PROFILES[0]);
    let mut following = Following::new(Start::Beginning);
    following.write(&log.bytes[..end(&log, 2)]);
    assert_eq!(following.poll(), ["opened", "1", "2", "3"]);
    // Copied and emptied, as some rotate; then more is written than there was before.
    following.write(b"");
    let more = Builder::new(PROFILES[0]).chain(&[0, 5, 300]).chain(&[800, 900, 1000]).build();
    following.append(&more.bytes[end(&more, 2)..]);
    assert_eq!(following.poll(), [&format!("shortened {}-0", end(&log, 2)), "4", "5", "6"]);
}

#[test]
fn last_entries_are_found_from_the_end() {
    // A body of many entries of another log, as large as a body can be, in front of each of the last entries.
    let inner = chain(PROFILES[0], &[9; 4000]);
    let inner = &inner.bytes[..(1 << 20) - 256];
    let mut builder = Builder::new(PROFILES[0]).chain(&[10; 50]);
    for _ in 0..3 {
        builder = builder.entry(inner).chain(&[20; 4]);
    }
    let log = builder.build();
    let ops = log.entries.len() as u64;
    for count in [0, 1, 3, 4, 5, 9, 10, 12, 30, ops - 1, ops, ops + 1, 1_000_000] {
        let mut following = Following::new(Start::Last(count));
        following.write(&log.bytes);
        let expected: Vec<_> = (ops.saturating_sub(count) + 1..=ops).map(|op| op.to_string()).collect();
        assert_eq!(following.poll()[1..], expected, "{count}");
        let next = Builder::new(PROFILES[0]).chain(&[1]).build();
        following.append(&next.bytes);
        assert_eq!(following.poll(), ["backtrack1"], "the chain is known even if nothing of it was told");
    }
}

#[test]
fn first_entry_can_be_one_that_is_not_there_yet() {
    let log = small(PROFILES[0]);
    let mut following = Following::new(Start::Op(4));
    following.write(&log.bytes[..end(&log, 1)]);
    assert_eq!(following.poll(), ["opened"]);
    following.append(&log.bytes[end(&log, 1)..]);
    assert_eq!(following.poll(), ["4", "5"]);
    following.append(&log.bytes[..end(&log, 1)]);
    assert_eq!(following.poll(), ["backtrack1", "2"], "from there on all is told");
}

#[test]
fn file_that_comes_later_is_read_from_its_beginning_in_its_own_profile() {
    let mut following = Following::new(Start::Last(1));
    assert_eq!(following.poll(), [""; 0]);
    assert_eq!(following.wait, Some(Wait::Missing));
    following.write(&small(PROFILES[1]).bytes);
    assert_eq!(following.poll(), ["opened", "1", "2", "3", "4", "5"]);
    // A damaged beginning does not hide the profile.
    let mut following = Following::new(Start::Beginning);
    let mut bytes = small(PROFILES[1]).bytes;
    bytes[0] ^= 1;
    following.write(&bytes);
    following.poll();
    following.later();
    assert_eq!(following.poll(), ["magic 0-272", "2", "3", "4", "5"]);
}

#[test]
fn what_is_written_to_the_old_file_while_it_is_read_to_its_end_is_not_left_out() {
    let mut following = Following::new(Start::Beginning);
    let log = small(PROFILES[0]);
    following.write(&log.bytes[..end(&log, 1)]);
    let (path, now) = (following.path.clone(), following.now);
    let mut ops = Vec::new();
    let wait = following.follower.poll(now, |news| {
        let News::Entry(located, _) = news else { return ControlFlow::Continue(()) };
        ops.push(located.entry.header.op().0);
        if ops == [1, 2] {
            // One more entry, then the log is rotated, and the new one written.
            append(&path, &log.bytes[end(&log, 1)..end(&log, 2)]);
            fs::rename(&path, path.with_extension("1")).unwrap();
            append(&path, &log.bytes[end(&log, 2)..]);
        }
        ControlFlow::Continue(())
    });
    assert!(wait.is_ok());
    assert_eq!(ops, [1, 2, 3, 4, 5]);
}
