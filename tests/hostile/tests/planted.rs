//! Entries planted in bodies, one small log at a time: what the merge has to make of each.
//!
//! ```text
//! op 1, 2, ...   true entries        7'   planted, with op 7      ~~~  lost        ...|  the file ends
//! ```
//!
//! The kinds are those of attacks that worked, and of cases of the test `truth` that failed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may stop at a surprise")]

use aof_hostile::truth::outcome::{Input, OF_ENDS, Outcome, merge};
use aof_nostd::checksum::{AnyProfile, Checksum};
use aof_nostd::wire::{HEAD_SIZE, Header};
use aof_tests::build::{PROFILES, entry_bytes};

/// A cluster's true log, in the making.
#[derive(Clone)]
struct Truth {
    profile: AnyProfile,
    headers: Vec<Header>,
    entries: Vec<Vec<u8>>,
}

impl Truth {
    /// Ops 1 to `count`, with bodies of 100 bytes.
    fn new(profile: AnyProfile, count: usize) -> Self {
        Self { profile, headers: Vec::new(), entries: Vec::new() }.plain(count)
    }

    fn plain(self, count: usize) -> Self {
        (0..count).fold(self, |truth, number| truth.entry(&[u8::try_from(number).unwrap(); 100]))
    }

    /// The next entry.
    fn entry(mut self, body: &[u8]) -> Self {
        let header = match self.headers.last() {
            Some(_) => self.child_of(self.headers.len() as u64),
            None => Header { operation: 146, ..Header::new() },
        };
        let (header, bytes) = sealed(self.profile, header, body);
        self.headers.push(header);
        self.entries.push(bytes);
        self
    }

    /// An unsealed header of an entry behind a true one.
    fn child_of(&self, op: u64) -> Header {
        after(&self.headers[usize::try_from(op).unwrap() - 1])
    }

    /// Planted: `count` entries in a row, the first a child of the true entry with this op.
    fn forged(&self, parent: u64, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut header = self.child_of(parent);
        for _ in 0..count {
            header.request = 666.into();
            let (last, entry) = sealed(self.profile, header, b"forged");
            bytes.extend(entry);
            header = after(&last);
        }
        bytes
    }

    /// The first byte of the entry with this op.
    fn at(&self, op: usize) -> usize {
        self.entries[..op - 1].iter().map(Vec::len).sum()
    }

    fn bytes(&self) -> Vec<u8> {
        self.entries.concat()
    }

    /// The ops from the first to the last.
    fn ops(&self, first: usize, last: usize) -> Vec<u8> {
        self.entries[first - 1..last].concat()
    }
}

fn after(last: &Header) -> Header {
    let mut header = *last;
    header.commit = last.op;
    header.op = (last.op.get() + 1).into();
    header.parent = last.checksum;
    header
}

fn sealed(profile: AnyProfile, mut header: Header, body: &[u8]) -> (Header, Vec<u8>) {
    header.seal(&profile, body).unwrap();
    (header, entry_bytes(profile, &header, body))
}

/// A header whose body never follows: it claims `size` bytes behind the magic.
fn head(profile: AnyProfile, header: Header, size: usize) -> Vec<u8> {
    let (mut header, _) = sealed(profile, header, b"of another body");
    header.size = u32::try_from(size).unwrap().into();
    header.checksum = aof_nostd::checksum::Profile::checksum(&profile, header.covered());
    entry_bytes(profile, &header, b"")
}

/// A sector that reads as zeros.
fn lost(mut bytes: Vec<u8>, from: usize, to: usize) -> Vec<u8> {
    bytes[from..to].fill(0);
    bytes
}

fn flipped(mut bytes: Vec<u8>, at: usize, bit: u8) -> Vec<u8> {
    bytes[at] ^= 1 << bit;
    bytes
}

fn merged(logs: &[&[u8]]) -> (Outcome, Vec<u8>) {
    let names: Vec<String> = (0..logs.len()).map(|number| format!("r{number}")).collect();
    let inputs: Vec<_> = names.iter().zip(logs).map(|(name, bytes)| Input { name, bytes }).collect();
    let outcome = merge(&inputs);
    let output = outcome.output(&inputs);
    (outcome, output)
}

/// Expects this output, of the logs in this order and in the other.
#[track_caller]
fn yields(expected: &[u8], logs: &[&[u8]], what: &str) {
    let mut reversed = logs.to_vec();
    reversed.reverse();
    for logs in [logs, &reversed] {
        let (outcome, output) = merged(logs);
        let ops: Vec<u64> = outcome.chain.iter().map(|taken| taken.op).collect();
        assert_eq!(outcome.stop, None, "{what}: refused behind ops {ops:?}, notes {:?}", outcome.notes);
        assert!(output == expected, "{what}: ops {ops:?}, notes {:?}", outcome.notes);
    }
}

/// What somebody plants at the end of the body of op 7: five kinds, each told as another contradiction.
fn plants_of_op_7(truth: &Truth) -> Vec<(&'static str, Vec<u8>)> {
    let profile = truth.profile;
    let next = truth.child_of(6);
    let with = |change: fn(&mut Header)| {
        let mut header = next;
        change(&mut header);
        sealed(profile, header, b"planted").1
    };
    vec![
        ("the op and the parent of its host", with(|_| {})),
        ("a chain of three", truth.forged(6, 3)),
        ("another cluster", with(|header| header.cluster = 9.into())),
        ("op 1000", with(|header| (header.op, header.parent) = (1000.into(), Checksum::new(5)))),
        ("op 3", with(|header| (header.op, header.commit) = (3.into(), 0.into()))),
        ("op 3 as a child of op 2", truth.forged(2, 1)),
        ("copies of ops 4 to 6 and their child", [truth.ops(4, 6), truth.forged(6, 1)].concat()),
    ]
}

/// One sector of zeros in one of three logs, at the head of an entry whose body ends with a planted entry: the
/// true entry behind it follows without damage. The three logs were refused, though two of them are sound.
#[test]
fn lost_head_before_a_planted_entry_at_the_bodys_end() {
    for profile in PROFILES {
        let six = Truth::new(profile, 6);
        for (what, plant) in plants_of_op_7(&six) {
            let truth = six.clone().entry(&[&[1; 240][..], &plant].concat()).plain(5);
            let sound = truth.bytes();
            for size in [HEAD_SIZE, 64, 400] {
                let hurt = lost(sound.clone(), truth.at(7), truth.at(7) + size);
                yields(&sound, &[&hurt, &sound, &sound], what);
                yields(&sound, &[&hurt, &sound], what);
                // Nobody has the whole of it: each log has lost something else.
                let other = lost(sound.clone(), truth.at(2), truth.at(2) + 300);
                yields(&sound, &[&hurt, &other], what);
            }
        }
    }
}

/// The same where the log ends with the planted entry: what is behind it is the file's end, and no entry.
#[test]
fn lost_head_before_a_planted_entry_at_the_files_end() {
    for profile in PROFILES {
        let six = Truth::new(profile, 6);
        for (what, plant) in plants_of_op_7(&six) {
            let truth = six.clone().entry(&[&[1; 240][..], &plant].concat());
            let sound = truth.bytes();
            let hurt = lost(sound.clone(), truth.at(7), truth.at(7) + HEAD_SIZE);
            yields(&sound, &[&hurt, &sound], what);
            // The sound copy ends with a piece of the next entry, and begins with a rotten one.
            let more = truth.clone().plain(2);
            let torn = more.bytes()[..more.at(8) + 200].to_vec();
            let rotten = flipped(torn.clone(), 20, 3);
            yields(&sound, &[&hurt, &rotten, &torn[..truth.at(3)]], what);
        }
    }
}

/// A log with a rotten entry and a torn tail has nothing but islands. A planted entry at the end of another log
/// won against the true one that two logs hold.
#[test]
fn true_entries_between_damage_win_against_planted_ones_at_a_files_end() {
    for profile in PROFILES {
        for planted in 1..=3 {
            let eleven = Truth::new(profile, 11);
            let plant = eleven.forged(12 - planted, 1 + usize::try_from(planted).unwrap() - 1);
            let body = [&[1; 640][..], &plant].concat();
            let truth = eleven.entry(&body);
            let all = truth.clone().plain(1);
            let torn = &all.bytes()[..all.bytes().len() - 60];
            let (r0, r2) = (flipped(torn.to_vec(), 16 + 3, 1), flipped(torn.to_vec(), 16 + 9, 1));
            let r1 = lost(truth.bytes(), truth.at(11) + 100, truth.at(12) + 400);
            let first = truth.ops(1, 1);
            yields(&truth.bytes(), &[&r0, &r1, &r2, &first], "all ops intact");
            // Op 1 is intact nowhere: then r1 has it.
            yields(&truth.bytes(), &[&r0, &r1], "two logs");
        }
    }
}

/// The last entry is torn in all logs, its head is intact, and its body holds a planted sibling: the header
/// says whose bytes these are.
#[test]
fn planted_entry_in_a_torn_entry_with_an_intact_head_is_content() {
    for profile in PROFILES {
        let eleven = Truth::new(profile, 11);
        for (what, plant) in [("a sibling", eleven.forged(11, 1)), ("a chain", eleven.forged(11, 3))] {
            let body = [&[1; 64][..], &plant, &[2; 600]].concat();
            let truth = eleven.clone().entry(&body);
            let logs: Vec<_> =
                [100, 150, 200, 600].map(|cut| truth.bytes()[..truth.bytes().len() - cut].to_vec()).into();
            let expected = truth.ops(1, 11);
            yields(&expected, &[&logs[0]], what);
            yields(&expected, &[&logs[0], &logs[1], &logs[2], &logs[3]], what);
            // One bit of the body instead.
            let rotten = flipped(truth.bytes(), truth.at(12) + HEAD_SIZE + 10, 0);
            yields(&expected, &[&rotten], what);
            let (outcome, _) = merged(&[&rotten]);
            assert!(outcome.notes.iter().any(|note| note.ops == [(12, 12)]), "{:?}", outcome.notes);
            // One head is lost, and another log shows that entry's extent.
            let headless = lost(logs[0].clone(), truth.at(12), truth.at(12) + HEAD_SIZE);
            yields(&expected, &[&headless, &rotten], what);
            // Of this log alone nobody can tell: the planted entry may come out, but not in silence.
            let (outcome, output) = merged(&[&headless]);
            let is_named = outcome.notes.iter().any(|note| {
                !OF_ENDS.contains(&note.kind) && note.ops.iter().any(|ops| (ops.0..=ops.1).contains(&12))
            });
            assert!(is_named || expected.starts_with(&output), "{what}: {:?}", outcome.notes);
        }
    }
}

/// The beginning of a file is gone, up to the middle of a body that holds entries.
#[test]
fn planted_entry_at_the_beginning_of_a_file_whose_head_is_gone() {
    for profile in PROFILES {
        let six = Truth::new(profile, 6);
        for (what, plant) in plants_of_op_7(&six) {
            for behind in [0, 50] {
                let truth = six.clone().entry(&[&[1; 240][..], &plant, &vec![2; behind]].concat()).plain(3);
                let sound = truth.bytes();
                // Not at the planted entry's first byte: a file's first byte is taken for a boundary.
                for cut in [HEAD_SIZE + 100, HEAD_SIZE + 239] {
                    let headless = &sound[truth.at(7) + cut..];
                    yields(&sound, &[headless, &sound], what);
                    // Nothing true is left of it but what is behind.
                    yields(&sound, &[headless, &truth.ops(1, 8)], what);
                }
            }
        }
    }
}

/// A planted head claims to reach exactly to a later entry's beginning, and covers true entries.
#[test]
fn planted_head_hides_no_true_entries() {
    for profile in PROFILES {
        let six = Truth::new(profile, 6);
        let size = six.entries[1].len();
        for covered in [1, 3] {
            for (what, before) in [("alone", Vec::new()), ("behind a sibling", six.forged(6, 1))] {
                let planted = head(profile, six.child_of(6), HEAD_SIZE - 16 + covered * size);
                let truth = six.clone().entry(&[&[1; 240][..], &before, &planted].concat()).plain(5);
                let sound = truth.bytes();
                let hurt = lost(sound.clone(), truth.at(7), truth.at(7) + HEAD_SIZE);
                // The entries that it covers are in no other log.
                let other = lost(sound.clone(), truth.at(8), truth.at(8 + covered));
                yields(&sound, &[&hurt, &other], what);
            }
        }
    }
}

/// A crash in the middle of an entry, whose first bytes hold planted entries; the writer went on by writing the
/// last entries once more.
#[test]
fn planted_entry_in_a_torn_piece_in_the_middle_of_a_log() {
    for profile in PROFILES {
        let six = Truth::new(profile, 6);
        for (what, plant) in plants_of_op_7(&six) {
            let truth = six.clone().entry(&[&[1; 240][..], &plant, &[2; 700]].concat()).plain(2);
            let sound = truth.bytes();
            for kept in [HEAD_SIZE + 240 + plant.len(), HEAD_SIZE + 240 + plant.len() + 100] {
                let piece = &sound[truth.at(7)..truth.at(7) + kept];
                let log = [&truth.ops(1, 6), piece, &truth.ops(5, 9)].concat();
                yields(&sound, &[&log], what);
                // Without the head, this log alone may be told in two ways. It must not be the planted one.
                let headless = lost(log.clone(), truth.at(7), truth.at(7) + HEAD_SIZE);
                let (outcome, output) = merged(&[&headless]);
                assert!(output == sound || outcome.stop.is_some() && sound.starts_with(&output), "{what}");
                yields(&sound, &[&headless, &sound], what);
            }
        }
    }
}

/// The first magic is rotten, and a body holds an entry of the other profile.
#[test]
fn entry_of_the_other_profile_in_a_body_is_content() {
    for (profile, other) in [(PROFILES[0], PROFILES[1]), (PROFILES[1], PROFILES[0])] {
        let plant = Truth::new(other, 2).bytes();
        for host in [1, 2, 4] {
            let before = Truth { profile, headers: Vec::new(), entries: Vec::new() }.plain(host - 1);
            let truth = before.entry(&plant).plain(6);
            let sound = truth.bytes();
            let rotten = flipped(sound.clone(), 3, 0);
            yields(&sound, &[&rotten, &sound], &format!("in op {host}"));
            yields(&sound, &[&rotten, &truth.ops(1, 1)], &format!("in op {host}"));
        }
    }
}

/// Damage that was larger than what the chain has in its place is named.
#[test]
fn damage_that_held_lost_ops_is_named() {
    for profile in PROFILES {
        let truth = Truth::new(profile, 4);
        let rotten =
            |first: usize| (first..=4).fold(truth.bytes(), |bytes, op| flipped(bytes, truth.at(op) + 21, 2));
        for first in 1..=4 {
            for known in [2, first - 1] {
                let sound = truth.ops(1, known.max(1));
                for logs in [[&rotten(first), &sound], [&sound, &rotten(first)]] {
                    let (outcome, output) = merged(&logs.map(|log| &log[..]));
                    let chain = known.max(1).max(first - 1);
                    assert!(output == truth.ops(1, chain), "from op {first}, beside {known}");
                    let notes = &outcome.notes;
                    assert!(outcome.stop.is_none() && !notes.is_empty(), "from op {first}, beside {known}");
                }
            }
        }
    }
}

/// Who wrote a body could not know the checksum of the entry that it is in: what holds that entry, or one above, was
/// written again after a crash.
#[test]
fn entries_written_again_after_a_torn_piece_are_the_logs_own() {
    for profile in PROFILES {
        let seven = Truth::new(profile, 6).entry(&[1; 900]);
        let eight = seven.clone().entry(&[&[1; 240][..], &seven.forged(7, 1)].concat());
        let sound = eight.bytes();
        let headless = lost(sound.clone(), eight.at(8), eight.at(8) + HEAD_SIZE);
        for kept in [300, 1000] {
            let mut piece = eight.ops(7, 7)[..kept].to_vec();
            piece[..HEAD_SIZE].fill(0);
            // Nobody else has op 8.
            let log = [&eight.ops(1, 6), &piece[..], &eight.ops(5, 8)].concat();
            yields(&sound, &[&log, &headless], "headless and torn");
        }
    }
}

/// An entry that is torn and one that has lost its head behind it are one damaged place.
#[test]
fn planted_entry_in_a_damaged_entry_behind_a_torn_one_is_content() {
    for profile in PROFILES {
        let two = Truth::new(profile, 2);
        for (what, plant) in [("a sibling", two.forged(2, 1)), ("op 1", two.forged(1, 1))] {
            let truth = two.clone().entry(&[&[1; 40][..], &plant].concat()).plain(3).entry(&[1; 900]);
            let sound = truth.bytes();
            let damaged = lost(truth.ops(3, 7), 0, HEAD_SIZE);
            for kept in [HEAD_SIZE + 10, HEAD_SIZE + 500] {
                let torn = &truth.ops(7, 7)[..kept];
                let log = [&truth.ops(1, 6), torn, &damaged].concat();
                yields(&sound, &[&log, &sound], what);
                yields(&sound, &[&log], what);
            }
        }
    }
}

/// An entry of unknown size is followed by one whose header is sealed: its parent tells where it is.
#[test]
fn planted_entry_in_a_torn_entry_behind_a_lost_head_is_content() {
    for profile in PROFILES {
        let six = Truth::new(profile, 6);
        for (what, plant) in plants_of_op_7(&six) {
            let truth = six.clone().entry(&[&[1; 40][..], &plant, &[2; 400]].concat());
            let known = truth.ops(1, 6);
            let torn = &truth.bytes()[..truth.bytes().len() - 100];
            let log = lost(torn.to_vec(), truth.at(6), truth.at(6) + HEAD_SIZE);
            yields(&known, &[&log, &known], what);
            // A planted head in the lost one claims to reach over all that follows.
            let five = Truth::new(profile, 5);
            let huge = head(profile, five.child_of(5), 1 << 20);
            let truth = five.entry(&huge).entry(&[&[1; 40][..], &plant, &[2; 400]].concat());
            let known = truth.ops(1, 6);
            let torn = &truth.bytes()[..truth.bytes().len() - 100];
            let log = lost(torn.to_vec(), truth.at(6), truth.at(6) + HEAD_SIZE);
            yields(&known, &[&log, &known], what);
        }
    }
}

/// A file's first head is lost: what follows is the child of an entry that other logs have.
#[test]
fn entries_behind_the_lost_head_of_a_file_win_against_planted_ones() {
    for profile in PROFILES {
        let one = Truth::new(profile, 1);
        let truth = one.clone().entry(&[&[1; 240][..], &one.forged(1, 3)].concat()).plain(1);
        let headless = lost(truth.bytes(), 0, HEAD_SIZE);
        let other = lost(truth.bytes(), truth.at(2), truth.at(2) + HEAD_SIZE);
        let other = &other[..truth.at(3) + 100];
        yields(&truth.bytes(), &[&headless, other], "op 2");
    }
}

/// What names an entry as its parent that is not before the damaged one cannot be content of it.
#[test]
fn child_of_a_later_entry_is_not_dropped_in_silence() {
    for profile in PROFILES {
        let truth = Truth::new(profile, 5).entry(&[1; 4000]).plain(4);
        // It was far behind, and went on with op 10.
        let jumped = [truth.ops(1, 5), lost(truth.ops(10, 10), 0, HEAD_SIZE), truth.ops(9, 10)].concat();
        yields(&truth.bytes(), &[&jumped, &truth.ops(1, 8)], "9 and 10");
    }
}

/// The damage of a sealed header reaches over the end of its entry, where the next one is lost.
#[test]
fn lost_entry_behind_a_rotten_one_is_named() {
    for profile in PROFILES {
        let three = Truth::new(profile, 3);
        // What a planted head says of its op is not what is lost.
        for body in [vec![1; 300], head(profile, three.child_of(2), 1 << 20)] {
            let truth = three.clone().entry(&body);
            let again = flipped(truth.ops(3, 3), HEAD_SIZE + 5, 1);
            let log = [truth.ops(1, 3), again, lost(truth.ops(4, 4), 0, HEAD_SIZE)].concat();
            let (outcome, output) = merged(&[&log]);
            assert!(output == truth.ops(1, 3) && outcome.stop.is_none());
            assert!(outcome.notes.iter().any(|note| note.kind == "unknown-end"), "{:?}", outcome.notes);
        }
    }
}

/// All first heads are lost, and entries of both profiles are behind them: nothing tells which are content.
#[test]
fn entries_of_both_profiles_behind_lost_heads_are_not_chosen_from() {
    for (profile, other) in [(PROFILES[0], PROFILES[1]), (PROFILES[1], PROFILES[0])] {
        let truth = Truth { profile, headers: Vec::new(), entries: Vec::new() };
        let truth = truth.entry(&Truth::new(other, 2).bytes()).plain(3);
        let headless = lost(truth.bytes(), 0, HEAD_SIZE);
        for logs in [&[&headless[..]][..], &[&headless, &headless]] {
            let (outcome, output) = merged(logs);
            assert!(output.is_empty() && outcome.stop.is_some_and(|stop| stop.kind == "conflict"));
        }
        // More than a body can hold.
        let long = (0..3).fold(truth, |truth, _| truth.entry(&vec![1; 400_000]));
        let headless = lost(long.bytes(), 0, HEAD_SIZE);
        yields(&long.ops(2, long.entries.len()), &[&headless], "a long log");
    }
}
