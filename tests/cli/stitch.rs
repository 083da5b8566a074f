//! `aof verify --range` and `aof stitch`: the verdict over the pieces is the verdict over the whole.

use crate::util::{Ran, aof, data, file, replica, survey};
use aof_nostd::AnyProfile;
use aof_tests::build::{Builder, PROFILES};
use aof_tests::damage::Harm;
use aof_tests::random::Random;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Verifies ranges of files and stitches what they gave.
struct Workers {
    directory: TempDir,
    parts: Vec<PathBuf>,
    /// Ranges that had to be read again.
    again: usize,
}

impl Workers {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), parts: Vec::new(), again: 0 }
    }

    fn verify(&mut self, flags: &[&str], path: &Path) -> Ran {
        let part = self.directory.path().join(format!("{}.part", self.parts.len()));
        let mut words = vec!["verify".as_ref(), "--part".as_ref(), part.as_os_str(), path.as_os_str()];
        words.extend(flags.iter().map(std::ffi::OsStr::new));
        let ran = aof(words);
        assert!(matches!(ran.code, Some(0 | 1)) && part.exists(), "{}", ran.stderr);
        self.parts.push(part);
        ran
    }

    fn stitch(&self, flags: &[&str]) -> Ran {
        let flags = ["stitch"].into_iter().chain(flags.iter().copied()).map(std::ffi::OsStr::new);
        aof(flags.chain(self.parts.iter().map(|part| part.as_os_str())))
    }

    /// Does what the messages say until there is a verdict.
    fn verdict(&mut self, path: &Path) -> Value {
        loop {
            let ran = self.stitch(&["--json"]);
            if ran.stderr.is_empty() {
                return ran.json().pop().unwrap();
            }
            let (_, range) = ran.stderr.split_once("aof verify --at-boundary --range ").expect(&ran.stderr);
            let range = range.split(' ').next().unwrap().to_owned();
            self.verify(&["--at-boundary", "--range", &range], path);
            self.again += 1;
            assert!(self.again < 100, "{}", ran.stderr);
        }
    }

    /// Cuts a file at these bytes, verifies and stitches, and compares. Gives how many ranges were read again.
    fn assert_same(path: &Path, cuts: &[u64]) -> usize {
        let mut workers = Self::new();
        let mut from = 0;
        for cut in cuts.iter().copied().chain([u64::MAX]) {
            let until = if cut == u64::MAX { String::new() } else { cut.to_string() };
            workers.verify(&["--range", &format!("{from}..{until}")], path);
            from = cut;
        }
        workers.parts.rotate_left(cuts.len() / 2); // in any order
        assert_eq!(workers.verdict(path), survey(path), "cut at {cuts:?}");
        workers.again
    }
}

#[test]
fn verdict_over_equal_pieces_is_that_over_the_whole() {
    let logs = [
        replica(0),
        replica(1),
        replica(2),
        data("single/small-bodies.aof"),
        data("single/large-bodies.aof"),
    ];
    for path in logs {
        for count in [1, 2, 3, 8] {
            let mut workers = Workers::new();
            for number in (1..=count).rev() {
                workers.verify(&["--range", &format!("{number}/{count}")], &path);
            }
            let ran = workers.stitch(&["--json"]).code(0);
            assert_eq!(ran.json().pop().unwrap(), survey(&path), "{count} pieces");
            let strict = if survey(&path)["findings"] == json!([]) { 0 } else { 1 };
            workers.stitch(&["--strict"]).code(strict);
        }
    }
}

#[test]
fn person_is_told_of_the_whole_what_verify_tells() {
    let path = replica(0);
    let mut workers = Workers::new();
    for number in 1..=5 {
        let ran = workers.verify(&["--range", &format!("{number}/5")], &path);
        assert!(ran.stdout.contains("range"), "{}", ran.stdout);
    }
    let whole = aof(["verify".as_ref(), path.as_os_str()]).code(0);
    assert_eq!(workers.stitch(&[]).code(0).stdout, whole.stdout);
}

#[test]
fn damage_across_a_cut_and_beginnings_in_a_body_are_read_again_where_the_message_says() {
    let directory = tempfile::tempdir().unwrap();
    for profile in PROFILES {
        // A body that looks like a log from inside.
        let inner = Builder::new(profile).chain(&[100, 100]).build();
        let log = Builder::new(profile).chain(&[10]).entry(&inner.bytes).chain(&[500; 4]).build();
        let path = file(&directory, "nested.aof", &log.bytes);
        let body = log.entries[1].offset as u64 + 272;
        assert!(Workers::assert_same(&path, &[body]) > 0, "the cut is before an entry in a body");
        let mut damaged = log.bytes.clone();
        damaged[log.entries[3].offset + 20] ^= 1;
        damaged[log.entries[4].offset + 20] ^= 1;
        let path = file(&directory, "damaged.aof", &damaged);
        for cut in log.entries[2].offset..log.entries[5].offset + 20 {
            if cut % 37 == 0 {
                Workers::assert_same(&path, &[cut as u64]);
            }
        }
        let zeros = [log.bytes.as_slice(), &[0; 4096]].concat();
        let path = file(&directory, "image.img", &zeros);
        let end = log.bytes.len() as u64;
        Workers::assert_same(&path, &[end - 100, end, end + 1000]);
    }
}

/// A range of no bytes, and one inside a body, were `sound (empty)`.
#[test]
fn range_in_which_no_entry_starts_is_not_called_sound() {
    let directory = tempfile::tempdir().unwrap();
    let log = Builder::new(PROFILES[0]).chain(&[8, 100_000]).build();
    let path = file(&directory, "large.aof", &log.bytes);
    let (size, body) = (log.bytes.len(), log.entries[1].offset + 1000);
    let inside = body + 1000;
    for (from, until) in [(size, size), (body, inside)] {
        let range = if from == size { format!("{size}..") } else { format!("{body}..{inside}") };
        let ran = aof(["verify".as_ref(), "--range".as_ref(), range.as_ref(), path.as_os_str()]).code(0);
        let verdict = format!("large.aof: nothing was checked: no entry starts in bytes {from} to {until}\n");
        assert!(ran.stdout.contains(&verdict) && !ran.stdout.contains("sound"), "{}", ran.stdout);
    }
    // Zeros are read, and are what is reported.
    let path = file(&directory, "zeros.aof", &[&log.bytes[..], &[0; 4096]].concat());
    let range = format!("{}..", size + 512);
    let ran = aof(["verify".as_ref(), "--range".as_ref(), range.as_ref(), path.as_os_str()]);
    assert!(!ran.stdout.contains("sound"), "{}", ran.stdout);
}

/// Workers saw one file under two names: a range was told as missing, and not that it was there.
#[test]
fn parts_of_one_file_under_two_names_are_told_as_that() {
    let mut workers = Workers::new();
    let path = workers.directory.path().join("r0.aof");
    fs::copy(replica(0), &path).unwrap();
    let other = workers
        .directory
        .path()
        .join("../")
        .join(workers.directory.path().file_name().unwrap())
        .join("r0.aof");
    workers.verify(&["--range", "1/2"], &path);
    workers.verify(&["--range", "2/2"], &other);
    let ran = workers.stitch(&[]).code(1);
    assert!(ran.stderr.contains(&format!("Is {} the same file?", other.display())), "{}", ran.stderr);
    assert!(ran.stderr.contains("1.part covers these"), "{}", ran.stderr);
    // A range that nobody read is just missing; so is one of another file.
    workers.verify(&["--range", "2/2"], &replica(1));
    workers.parts.remove(1);
    let ran = workers.stitch(&[]).code(1);
    assert!(ran.stderr.contains("no part covers bytes"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("the same file"), "{}", ran.stderr);
}

#[test]
fn rotated_pieces_of_a_log_are_stitched_into_one_verdict() {
    let directory = tempfile::tempdir().unwrap();
    let whole = fs::read(replica(1)).unwrap();
    let facts = survey(&replica(1));
    // Entries' starts: an entry behind the backtrack, and one before it.
    let ran = aof(["debug".as_ref(), "--all".as_ref(), "--json".as_ref(), replica(1).as_os_str()]).code(0);
    let offsets: Vec<usize> = ran
        .json()
        .iter()
        .filter_map(|line| line["offset"].as_u64())
        .map(|at| usize::try_from(at).unwrap())
        .collect();
    let (one, two) = (offsets[100], offsets[2000]);
    let mut workers = Workers::new();
    let pieces = [&whole[..one], &whole[one..two], &whole[two..]];
    for (number, bytes) in pieces.into_iter().enumerate() {
        let path = file(&directory, &format!("{number}.aof"), bytes);
        workers.verify(&["--range", "1/2"], &path);
        workers.verify(&["--range", "2/2"], &path);
    }
    let verdict = workers.stitch(&["--json"]).code(0).json().pop().unwrap();
    for fact in ["entries", "bytes", "distinct_ops", "first_checksum", "last_checksum", "data_checksum_chain"]
    {
        assert_eq!(verdict[fact], facts[fact], "{fact}");
    }
    let (found, expected) = (&verdict["findings"][0], &facts["findings"][0]);
    assert_eq!((&found["kind"], &found["op"]), (&expected["kind"], &expected["op"]));
    let place = expected["offset"].as_u64().unwrap() - one as u64;
    assert_eq!(found["offset"].as_u64(), Some(place), "in its file");
    assert!(found["detail"].as_str().unwrap().ends_with("1.aof"), "{found}");
    // In another order the first piece goes back.
    workers.parts.rotate_left(2);
    let verdict = workers.stitch(&["--json"]).code(0).json().pop().unwrap();
    assert_eq!(verdict["findings"].as_array().unwrap().len(), 2, "{verdict}");
}

#[test]
fn what_is_missing_or_does_not_belong_together_is_told() {
    let path = replica(1);
    let mut workers = Workers::new();
    workers.verify(&["--range", "..500KiB"], &path);
    workers.verify(&["--range", "700KiB.."], &path);
    let ran = workers.stitch(&[]).code(1);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("no part covers bytes 512"), "{}", ran.stderr);
    assert_eq!(workers.verdict(&path), survey(&path));
    // Of other limits, and no parts at all.
    let mut workers = Workers::new();
    workers.verify(&["--range", "..500KiB"], &path);
    workers.verify(&["--range", "500KiB..", "--message-size-max", "2MiB"], &path);
    assert!(workers.stitch(&[]).code(2).stderr.contains("read all with the same"));
    let log = aof(["stitch".as_ref(), path.as_os_str()]).code(2);
    assert!(log.stderr.contains("not what aof verify --part writes"), "{}", log.stderr);
    for flags in
        [&["--part", "x"][..], &["--at-boundary"], &["--range", "1/2", "again.aof"], &["--range", "9GiB.."]]
    {
        let words = ["verify"].into_iter().chain(flags.iter().copied()).map(std::ffi::OsStr::new);
        aof(words.chain([path.as_os_str()])).code(2);
    }
    // An existing part is not replaced unasked.
    let part = workers.parts[0].clone();
    let words =
        ["verify".as_ref(), "--range=1/1".as_ref(), "--part".as_ref(), part.as_os_str(), path.as_os_str()];
    assert!(aof(words).code(2).stderr.contains("exists"));
}

#[test]
fn damaged_parts_give_no_verdict() {
    let mut workers = Workers::new();
    let path = data("single/small-bodies.aof");
    workers.verify(&["--range", "1/1"], &path);
    let sound = fs::read(&workers.parts[0]).unwrap();
    let mut random = Random::new(7);
    for round in 0..120 {
        let mut bytes = sound.clone();
        let harm = match round % 3 {
            0 => Harm::Flip { bit: random.below(sound.len() * 8) },
            1 => Harm::Cut { size: random.below(sound.len()) },
            _ => Harm::Insert { at: random.below(sound.len() + 1), bytes: vec![7; 3] },
        };
        harm.apply(&mut bytes);
        fs::write(&workers.parts[0], bytes).unwrap();
        let ran = workers.stitch(&[]).code(2);
        assert!(ran.stdout.is_empty(), "round {round}: {}", ran.stdout);
        let told = format!("aof: {} is not an intact part (", workers.parts[0].display());
        assert!(ran.stderr.starts_with(&told), "round {round}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("verify that range again, by 'aof verify --range RANGE --part OUT FILE'")
        );
        // No words of a parser.
        for word in [" line ", "column", "expected", "EOF", "fill whole buffer"] {
            assert!(!ran.stderr.contains(word), "round {round}: {}", ran.stderr);
        }
    }
}

fn any_log() -> impl Strategy<Value = (Vec<u8>, Vec<u64>)> {
    let sizes = prop::collection::vec(0_usize..400, 1..40);
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..6);
    (sizes, cuts, any::<u64>(), 0_usize..3, any::<bool>()).prop_map(|(sizes, cuts, seed, damages, crc)| {
        let profile: AnyProfile = PROFILES[usize::from(crc)];
        let mut random = Random::new(seed);
        let half = sizes.len() / 2;
        let mut log = Builder::new(profile).chain(&sizes[..half]);
        if random.one_in(2) && half > 2 {
            log = log.repeat(random.below(half - 1)..half);
        }
        if random.one_in(3) {
            log = log.gap(5);
        }
        let mut bytes = log.chain(&sizes[half..]).build().bytes;
        for _ in 0..damages {
            Harm::random(&mut random, bytes.len().max(1)).apply(&mut bytes);
        }
        let mut cuts: Vec<u64> = cuts.iter().map(|cut| cut.index(bytes.len() + 1) as u64).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts.retain(|cut| (1..bytes.len() as u64).contains(cut));
        (bytes, cuts)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_log_cut_anywhere_has_one_verdict((bytes, cuts) in any_log()) {
        let directory = tempfile::tempdir().unwrap();
        let path = file(&directory, "log.aof", &bytes);
        Workers::assert_same(&path, &cuts);
    }
}
