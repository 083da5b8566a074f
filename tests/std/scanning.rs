//! A scan on several threads gives what reading from front to back gives, however the file is cut.

use aof_nostd::{AnyProfile, Backend, Damage, DamageKind, Entries, Event, ForeignMagic, Located, Profile};
use aof_std::Source;
use aof_std::scan::{Scan, Sink, Watch};
use proptest::prelude::*;
use std::io::Write;
use std::sync::atomic::Ordering;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    Entry(u64, u128),
    Damage(Damage, u64),
    Zeros(u64),
}

#[derive(Default)]
pub(crate) struct Collect(pub(crate) Vec<Seen>);

impl Sink for Collect {
    fn entry(&mut self, located: Located<'_>) {
        self.0.push(Seen::Entry(located.offset, located.entry.header.checksum.get()));
    }

    fn damage(&mut self, damage: Damage, until: u64) {
        self.0.push(Seen::Damage(damage, until));
    }

    fn zeros(&mut self, from: u64) {
        self.0.push(Seen::Zeros(from));
    }
}

/// What the core's iterator gives, with its last damage told as what a scan makes of it.
fn front_to_back(bytes: &[u8]) -> Vec<Seen> {
    let mut seen = as_iterated(bytes);
    for seen in &mut seen {
        // Nothing may stand behind a tail.
        if let Seen::Damage(damage @ Damage { kind: DamageKind::TornTail { .. }, .. }, until) = seen
            && *until < bytes.len() as u64
        {
            damage.kind = DamageKind::BodyChecksum;
        }
    }
    if let Some(Seen::Damage(damage, until)) = seen.last().cloned()
        && until == bytes.len() as u64
    {
        seen.pop();
        seen.extend(end(bytes, damage));
    }
    seen
}

/// The rules of the zeros that end a file, in the order of docs/format.md.
fn end(bytes: &[u8], damage: Damage) -> Vec<Seen> {
    let zeros = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let at = usize::try_from(damage.offset).unwrap();
    if at >= zeros {
        return vec![Seen::Zeros(damage.offset)];
    }
    if bytes.len() - zeros < 512 || matches!(damage.kind, DamageKind::TornTail { .. }) {
        return vec![Seen::Damage(damage, bytes.len() as u64)];
    }
    let size = u32::from_le_bytes(bytes[at + 112..at + 116].try_into().unwrap()) as usize;
    let begun = AnyProfile::default().magic().starts_with(&bytes[at..zeros.min(at + 16)]);
    let reach = match damage.kind {
        DamageKind::BodyChecksum => at + 16 + size,
        DamageKind::HeaderChecksum => at + 272,
        DamageKind::Magic(ForeignMagic::Unknown) if begun => at + 272,
        _ => at,
    };
    let mut damage = damage;
    if reach > zeros {
        damage.kind = DamageKind::TornTail { missing: (reach - zeros) as u64 };
    }
    vec![Seen::Damage(damage, zeros as u64), Seen::Zeros(zeros as u64)]
}

fn as_iterated(bytes: &[u8]) -> Vec<Seen> {
    let mut collect = Collect::default();
    let mut entries = Entries::detect(bytes, Backend::default());
    while let Some(event) = entries.next_event() {
        match event {
            Event::Entry(located) => collect.entry(located),
            Event::Damage(damage, until) => collect.damage(damage, until),
        }
    }
    collect.0
}

fn on_threads(bytes: &[u8], threads: usize, segment_size: u64) -> Vec<Seen> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let source = Source::from_file(file).unwrap();
    let mut seen = Vec::new();
    let scan = Scan::detect(&source, aof_std::backend()).unwrap().with_threads(threads, segment_size);
    scan.run(Collect::default, |part| seen.extend(part.0)).unwrap();
    let by_entries = |entries| {
        let scan = scan.clone().with_segment_entries(segment_size / 8, entries);
        let mut seen = Vec::new();
        scan.run(Collect::default, |part| seen.extend(part.0)).unwrap();
        seen
    };
    for entries in [1, 20] {
        assert!(by_entries(entries) == seen, "segments of {entries} entries give something else");
    }
    seen
}

fn small_bodies() -> &'static [u8] {
    include_bytes!("../data/single/small-bodies.aof")
}

#[test]
fn whole_file_is_seen_in_order_whatever_the_segments() {
    let bytes = small_bodies();
    let expected = front_to_back(bytes);
    assert_eq!(expected.len(), 300);
    for segment_size in [1000, 1055, 1056, 5000, 100_000, 183_616, 1 << 20] {
        assert_eq!(on_threads(bytes, 3, segment_size), expected, "segments of {segment_size}");
    }
}

/// Records of a fixed size with a restart, and one bit of a header: the damaged one alone is not found, by any number of
/// workers. And an entry of the other profile in a body does not change the profile.
#[test]
fn one_bit_of_a_header_hides_no_other_entry_from_any_worker() {
    for profile in aof_tests::build::PROFILES {
        let other =
            aof_tests::build::PROFILES.into_iter().find(|other| other.name() != profile.name()).unwrap();
        let planted = aof_tests::build::chain(other, &[7]).bytes;
        let builder =
            aof_tests::build::Builder::new(profile).chain(&[240; 40]).repeat(25..40).chain(&[240; 3]);
        let log = builder.entry(&planted).chain(&[240; 20]).build();
        for (index, bit) in
            [(0, 3), (5, 905), (20, 906), (30, 908), (39, 910), (39, 40), (50, 909), (60, 1800)]
        {
            let mut bytes = log.bytes.clone();
            let at = log.entries[index].offset * 8 + bit;
            bytes[at / 8] ^= 1 << (at % 8);
            let seen = on_threads(&bytes, 3, 700);
            assert_eq!(seen, as_iterated(&bytes), "entry {index}, bit {bit}");
            let entries = seen.iter().filter(|seen| matches!(seen, Seen::Entry(..))).count();
            assert_eq!(entries, log.entries.len() - 1, "entry {index}, bit {bit}");
        }
    }
}

#[test]
fn entries_larger_than_a_segment_are_read_once() {
    let bytes = include_bytes!("../data/single/large-bodies.aof");
    assert_eq!(on_threads(bytes, 4, 100_000), front_to_back(bytes));
}

/// What a sink holds is bounded by the segment on a machine with one core too.
#[test]
fn one_thread_fills_a_sink_a_segment() {
    let bytes = small_bodies();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let source = Source::from_file(file).unwrap();
    let scan = Scan::detect(&source, aof_std::backend()).unwrap().with_threads(1, 10_000);
    let (mut sinks, mut seen) = (0, Vec::new());
    scan.run(Collect::default, |mut part| {
        sinks += 1;
        seen.append(&mut part.0);
    })
    .unwrap();
    // An entry that is larger than a segment takes several.
    assert!((5..=bytes.len().div_ceil(10_000)).contains(&sinks), "{sinks}");
    assert!(seen == front_to_back(bytes));
}

/// Segments grow with the entries that were read, and fewer of them are cut.
#[test]
fn segments_hold_about_as_many_entries_as_was_asked_for() {
    let bytes = small_bodies();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let source = Source::from_file(file).unwrap();
    let sinks = |entries| {
        let scan = Scan::detect(&source, aof_std::backend()).unwrap().with_threads(2, 60_000);
        let mut sizes = Vec::new();
        let scan = scan.with_segment_entries(2000, entries);
        scan.run(Collect::default, |part| sizes.push(part.0.len())).unwrap();
        assert_eq!(sizes.iter().sum::<usize>(), 300);
        sizes
    };
    let (few, many) = (sinks(3), sinks(100));
    // What is cut before much is known of the entries, two segments a worker, is by chance.
    let large = |sizes: &[usize]| sizes.iter().filter(|size| **size > 6).count();
    assert!(few.len() > 50 && large(&few) <= 4 && large(&few[8..]) == 0, "{few:?}");
    assert!(many.len() < 40 && many.iter().any(|size| *size > 20), "{many:?}");
}

#[test]
fn log_inside_a_body_is_not_taken_where_a_segment_begins_in_it() {
    // A body of 120,000 bytes that is itself a log; segments begin in the middle of it.
    let mut buffer = vec![0; aof_nostd::wire::HEAD_SIZE];
    buffer.extend_from_slice(&small_bodies()[..120_384]);
    let profile = AnyProfile::default();
    aof_nostd::Entry::seal(&profile, aof_nostd::Header::new(), &mut buffer).unwrap();
    buffer.extend_from_slice(small_bodies());
    let expected = front_to_back(&buffer);
    assert_eq!(expected.len(), 301);
    for segment_size in [5_000, 50_000, 120_000] {
        assert_eq!(on_threads(&buffer, 2, segment_size), expected, "segments of {segment_size}");
    }
}

/// A log on a raw device, its power cut at every byte of two entries.
#[test]
fn zeros_that_end_a_device_are_free_space_and_an_entry_cut_by_them_is_a_torn_tail() {
    let log = small_bodies();
    let Some(Seen::Entry(begin, _)) = as_iterated(log).get(40).cloned() else { panic!("there are 300") };
    let Some(Seen::Entry(end, _)) = as_iterated(log).get(42).cloned() else { panic!("there are 300") };
    let (mut torn, mut free) = (0, 0);
    for cut in begin..=end {
        let mut device = vec![0; 64 << 10];
        let size = usize::try_from(cut).unwrap();
        device[..size].copy_from_slice(&log[..size]);
        let seen = on_threads(&device, 1, 1 << 20);
        assert_eq!(seen, front_to_back(&device), "cut at {cut}");
        assert_eq!(seen, on_threads(&device, 2, 5000), "cut at {cut}, by segments");
        match &seen[40..] {
            [Seen::Zeros(at)] => free += u32::from(*at == begin),
            [Seen::Entry(..), Seen::Zeros(at)] => free += u32::from(*at > begin && *at <= cut + 16),
            [Seen::Entry(..), Seen::Entry(..), Seen::Zeros(at)] => free += u32::from(*at == end),
            [.., Seen::Damage(damage, until), Seen::Zeros(at)] => {
                assert!(matches!(damage.kind, DamageKind::TornTail { .. }), "cut at {cut}: {damage:?}");
                assert!(until == at && *at <= cut, "cut at {cut}: {seen:?}");
                torn += 1;
            }
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
    assert!(torn > 600 && free >= 3, "{torn} torn, {free} with free space alone");
}

#[test]
fn garbage_before_the_zeros_is_damage_and_a_few_zeros_are_part_of_it() {
    let log = &small_bodies()[..50_000];
    let whole = as_iterated(log).len() - 1;
    let mut device = log.to_vec();
    let Some(Seen::Damage(tail, _)) = as_iterated(log).pop() else { panic!("the log is cut") };
    device.truncate(usize::try_from(tail.offset).unwrap());
    device.extend([0xff; 700]);
    for (zeros, free) in [(0, false), (511, false), (512, true), (3 << 20, true)] {
        device.resize(usize::try_from(tail.offset).unwrap() + 700 + zeros, 0);
        let seen = on_threads(&device, 2, 5000);
        assert_eq!(seen, front_to_back(&device), "{zeros} zeros");
        let Seen::Damage(damage, until) = &seen[whole] else { panic!("{seen:?}") };
        assert_eq!((damage.offset, damage.kind.name()), (tail.offset, "magic"));
        let end = if free { tail.offset + 700 } else { device.len() as u64 };
        assert_eq!(*until, end, "{zeros} zeros");
        assert_eq!(seen.get(whole + 1), free.then_some(&Seen::Zeros(end)), "{zeros} zeros");
    }
}

#[test]
fn stopped_scan_is_an_interruption() {
    let bytes = include_bytes!("../data/single/large-bodies.aof");
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let source = Source::from_file(file).unwrap();
    let watch = Watch::default();
    watch.stop.store(true, Ordering::Relaxed);
    let scan = Scan::detect(&source, aof_std::backend()).unwrap().with_watch(&watch);
    let error = scan.run(Collect::default, |_| {}).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
}

#[test]
fn file_that_becomes_shorter_while_it_is_read_is_an_error() {
    let bytes = small_bodies();
    // At an entry's boundary the rest looks like a whole log; the others look like a torn tail, or like nothing.
    for (rest, threads) in
        [(bytes.len() - 528, 1), (bytes.len() - 528, 3), (bytes.len() - 1, 1), (8, 1), (0, 2)]
    {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let source = Source::from_file(file.try_clone().unwrap()).unwrap();
        let scan = Scan::detect(&source, aof_std::backend()).unwrap().with_threads(threads, 10_000);
        file.set_len(rest as u64).unwrap();
        let failures = [
            scan.run(Collect::default, |_| {}).unwrap_err(),
            std::io::copy(&mut source.clone(), &mut std::io::sink()).unwrap_err(),
        ];
        for error in failures {
            assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{rest} on {threads}");
            assert_eq!(error.to_string(), "became shorter while it was being read");
        }
        if rest == 0 {
            assert!(Scan::detect(&source, aof_std::backend()).is_err());
        }
    }
}

#[test]
fn file_without_any_entry_has_no_profile() {
    for bytes in [&b""[..], b"x", &[0; 5000], b"not a log at all, but longer than a magic"] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let source = Source::from_file(file).unwrap();
        assert_eq!(Scan::detect(&source, aof_std::backend()).unwrap().profile(), None);
    }
}

/// The others used to wait for the segment of the one that panicked, for ever.
#[test]
fn panic_in_a_sink_ends_the_scan() {
    struct Panics;
    impl Sink for Panics {
        fn entry(&mut self, _: Located<'_>) {
            panic!("on purpose");
        }
        fn damage(&mut self, _: Damage, _: u64) {}
    }
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(small_bodies()).unwrap();
    let source = Source::from_file(file).unwrap();
    let scan = Scan::detect(&source, aof_std::backend()).unwrap().with_threads(2, 10_000);
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| scan.run(|| Panics, |_| {})));
    assert!(run.is_err());
    let take = std::panic::AssertUnwindSafe(|| scan.run(Collect::default, |_| panic!("on purpose")));
    assert!(std::panic::catch_unwind(take).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_file_is_seen_alike(
        damages in prop::collection::vec((0_usize..183_616, 1_usize..3000, any::<u8>()), 0..8),
        threads in 2_usize..4,
        segment_size in 600_u64..60_000,
        free in prop_oneof![Just(0_usize), 1_usize..2000, Just(2_000_000)],
    ) {
        let mut bytes = small_bodies().to_vec();
        for (start, size, value) in damages {
            let end = (start + size).min(bytes.len());
            bytes[start..end].fill(value);
        }
        bytes.resize(bytes.len() + free, 0);
        prop_assert_eq!(on_threads(&bytes, threads, segment_size), front_to_back(&bytes));
    }
}
