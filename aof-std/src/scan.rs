//! Reading a whole file on all cores, results in order: [`Scan`].
//!
//! What stands behind an entry's boundary depends on nothing before it. So the file is cut into segments,
//! and each worker begins its segment at the first place that looks like an entry's start:
//!
//! ```text
//!    segment 0          segment 1          segment 2
//!   |e0|e1|e2|e3 ..|....|e4|e5|e6|e7 ......|....|e8|e9|
//!                  ^    ^ worker 1 begins here; the worker of segment 0 ends here: they agree
//! ```
//!
//! Where two neighbours do not meet (the place was inside a body, or damage lies across the cut), the
//! segment is read again from where the one before it ended. The results are those of reading from front
//! to back, always; in the worst case everything is read twice.
//!
//! A file can be cut into ranges in the same way, each read by a machine of its own:
//! [`run_range`](Scan::run_range) tells where the range's first event stands and where its last one ends. Where
//! the second is the next range's first, the two together are what reading both at once would have given.
//!
//! Zeros that end the file are free space, of a device or of a writer that keeps some ahead
//! ([`OpenOptions::preallocate`](crate::OpenOptions::preallocate)): they are told as such, and not searched for
//! entries.
//!
//! Memory: a buffer for one entry per worker, and the sinks of a few segments. Files are read, not
//! mapped: a file that is cut short meanwhile is an error and not a signal.

mod cut;
mod queue;

use crate::source::{self, LogReader, Source};
use crate::zeros::{self, End};
use aof_nostd::wire::{HEAD_SIZE, MAGIC_SIZE};
use aof_nostd::{AnyProfile, Backend, Damage, DamageKind, Event, ForeignMagic, Located, Profile};
use cut::Cut;
use queue::{Part, Queue, Segment, StopAtPanic};
use std::io::{self, Read as _};
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Takes what a segment of a log holds, in the order of the file.
pub trait Sink: Send {
    /// An entry, whole and valid.
    fn entry(&mut self, located: Located<'_>);

    /// Damage; the next entry starts, or the log ends, at `until`.
    fn damage(&mut self, damage: Damage, until: u64);

    /// These bytes cannot be read. They are a part of `damage`, which comes next, and whose kind is
    /// [`DamageKind::Unreadable`]; only of a source that [continues](Source::with_unreadable).
    fn unreadable(&mut self, bytes: Range<u64>, damage: Damage) {
        let _ = (bytes, damage);
    }

    /// The log is over at `from`, and the file goes on with zeros to its end: the free space of a device, or
    /// a tail that was never written. Comes last, if it comes.
    fn zeros(&mut self, from: u64) {
        let _ = from;
    }
}

/// What stops a scan, and shows how far it is. Shared with other threads.
#[derive(Debug, Default)]
pub struct Watch {
    /// Set it to stop: the scan ends with [`io::ErrorKind::Interrupted`] soon.
    pub stop: AtomicBool,
    /// Bytes read so far, over all scans that use this watch.
    pub bytes: AtomicU64,
}

impl Watch {
    /// Not stopped, nothing read.
    #[must_use]
    pub const fn new() -> Self {
        Self { stop: AtomicBool::new(false), bytes: AtomicU64::new(0) }
    }
}

/// A scan of a whole file.
///
/// ```
/// use aof_nostd::{Damage, Located};
/// use aof_std::scan::{Scan, Sink};
///
/// struct Count(u64);
/// impl Sink for Count {
///     fn entry(&mut self, _: Located<'_>) {
///         self.0 += 1;
///     }
///     fn damage(&mut self, _: Damage, _: u64) {}
/// }
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/single/small-bodies.aof");
/// let source = aof_std::Source::open(path)?;
/// let mut entries = 0;
/// Scan::detect(&source, aof_std::backend())?.run(|| Count(0), |count| entries += count.0)?;
/// assert_eq!(entries, 300);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    source: &'a Source,
    profile: Option<AnyProfile>,
    message_size_max: u32,
    threads: usize,
    /// Bytes of the largest segment, and of the smallest: those of the first one.
    segment_size: u64,
    segment_size_min: u64,
    /// How many entries a segment is to hold within these bounds.
    segment_entries: u64,
    watch: Option<&'a Watch>,
    /// Where the zeros begin that end the file, once that is known.
    zeros: Option<u64>,
}

/// Where a range of a file begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At the first place that looks like an entry's start; at the file's first byte, if that is in the range.
    AtEntry,
    /// At its first byte: the one before it ended there.
    AtBoundary,
}

/// What of a range was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extract {
    /// Where its first event stands; `None` where no entry starts in the range.
    pub first: Option<u64>,
    /// The boundary behind its last event, in the range or behind it.
    pub next: u64,
    /// Whether there is nothing more behind `next` in the file.
    pub is_last: bool,
}

/// What of a file may hold a log.
struct Extent {
    /// The file, ending where a last entry that began before `zeros` could end.
    source: Source,
    /// Where the zeros begin that end the file.
    zeros: u64,
    /// The file's size.
    size: u64,
}

impl Extent {
    /// What it is in `source`, with entries of up to `entry_size_max` bytes.
    fn new(source: &Source, zeros: u64, entry_size_max: u64) -> Self {
        Self { source: source.cut_at(zeros.saturating_add(entry_size_max)), zeros, size: source.size() }
    }

    fn end(&self) -> u64 {
        self.source.size()
    }

    /// Whether what stands between `offset` and the zeros is how a magic begins.
    fn begins_entry(&self, offset: u64, profile: &AnyProfile) -> io::Result<bool> {
        let mut begun = Vec::new();
        let mut source = self.source.cut_at(self.zeros);
        io::Seek::seek(&mut source, io::SeekFrom::Start(offset))?;
        io::Read::take(source, MAGIC_SIZE as u64).read_to_end(&mut begun)?;
        Ok(!begun.is_empty() && profile.magic().starts_with(&begun))
    }
}

/// A segment is cut no smaller than this: a handful of default-sized entries.
const SEGMENT_SIZE_MIN: u64 = 2 << 20;
/// Nor larger than this: sinks stay small, and progress is seen.
const SEGMENT_SIZE_MAX: u64 = 32 << 20;

impl<'a> Scan<'a> {
    /// A scan of `source` in the profile that the log has, see [`Detect`](aof_nostd::Detect).
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn detect(source: &'a Source, backend: Backend) -> io::Result<Self> {
        // Nothing starts in the zeros.
        let zeros = zeros::begin(source, None)?;
        let start = source.cut_at(zeros.saturating_add(HEAD_SIZE as u64));
        let profile = source::detect(&start, backend, 0)?;
        Ok(Self { zeros: Some(zeros), profile, ..Self::new(source, profile.unwrap_or_default()) })
    }

    /// A scan of `source`, a log of `profile`, by as many threads as there are cores.
    #[must_use]
    pub fn new(source: &'a Source, profile: AnyProfile) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let segment_size = source.size() / (8 * threads as u64);
        Self {
            source,
            profile: Some(profile),
            message_size_max: aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT,
            threads,
            segment_size: segment_size.clamp(SEGMENT_SIZE_MIN, SEGMENT_SIZE_MAX),
            segment_size_min: u64::MAX,
            segment_entries: u64::MAX,
            watch: None,
            zeros: None,
        }
    }

    /// Sets the largest `size` of an entry (header and body, bytes); 1 MiB unless set.
    #[must_use]
    pub fn with_message_size_max(mut self, message_size_max: u32) -> Self {
        self.message_size_max = message_size_max;
        self
    }

    /// Sets the number of threads, and the bytes of a segment.
    #[must_use]
    pub fn with_threads(mut self, threads: usize, segment_size: u64) -> Self {
        self.threads = threads.max(1);
        self.segment_size = segment_size.max(1);
        self
    }

    /// Sets the largest segment, in bytes: less to hold where sinks are as large as what they read.
    #[must_use]
    pub fn with_segment_size_max(mut self, segment_size_max: u64) -> Self {
        self.segment_size = self.segment_size.min(segment_size_max.max(1));
        self
    }

    /// Lets a segment be smaller, down to `size_min` bytes, if by what was read before it would have more than
    /// about so many entries. For sinks that keep something of each entry: they stay small where entries are,
    /// and large entries are not searched for more often than they have to be.
    #[must_use]
    pub fn with_segment_entries(mut self, size_min: u64, entries: u64) -> Self {
        (self.segment_size_min, self.segment_entries) = (size_min.max(1), entries);
        self
    }

    /// Shows progress in `watch`, and stops when it says so.
    #[must_use]
    pub fn with_watch(mut self, watch: &'a Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    /// The profile; `None` where the file holds no entry of either.
    #[must_use]
    pub fn profile(&self) -> Option<AnyProfile> {
        self.profile
    }

    /// Reads the file. Each segment's entries and damage go into a sink of its own, made by `new`; the
    /// sinks come to `take` in the order of the file.
    ///
    /// # Errors
    ///
    /// The operating system's; [`io::ErrorKind::Interrupted`] where the [`Watch`] said stop;
    /// [`io::ErrorKind::UnexpectedEof`] where the file became shorter meanwhile.
    pub fn run<S: Sink>(&self, new: impl Fn() -> S + Sync, take: impl FnMut(S)) -> io::Result<()> {
        self.run_range(0..u64::MAX, Begin::AtBoundary, new, take).map(drop)
    }

    /// Reads all that starts in a range of the file, in the same way. The last of it may end behind the range.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_range<S: Sink>(
        &self,
        range: Range<u64>,
        begin: Begin,
        new: impl Fn() -> S + Sync,
        mut take: impl FnMut(S),
    ) -> io::Result<Extract> {
        let entry_size_max = MAGIC_SIZE as u64 + u64::from(self.message_size_max);
        let zeros = match self.zeros {
            Some(zeros) => zeros,
            None => zeros::begin(self.source, self.watch)?,
        };
        let extent = &Extent::new(self.source, zeros, entry_size_max);
        let until = range.end.min(extent.end());
        let first = match begin {
            Begin::AtEntry if range.start > 0 && range.start < until => {
                self.reader(extent)?.search(range.start, until).map_err(source::into_io)?
            }
            Begin::AtEntry if range.start > 0 => None,
            _ => Some(range.start),
        };
        let next = match first {
            Some(first) if first < until => self.run_from(extent, first..until, &new, &mut take)?,
            Some(first) => first,
            None => until,
        };
        Ok(Extract { first, next, is_last: next >= extent.end() })
    }

    /// Reads from the boundary that the range begins with. Gives the boundary behind it.
    fn run_from<S: Sink>(
        &self,
        extent: &Extent,
        range: Range<u64>,
        new: &(impl Fn() -> S + Sync),
        take: &mut impl FnMut(S),
    ) -> io::Result<u64> {
        let size = range.end.saturating_sub(range.start);
        let segments = size.div_ceil(self.size_min());
        let workers = usize::try_from(segments).unwrap_or(usize::MAX).min(self.threads);
        if workers <= 1 {
            return self.run_alone(extent, range, new, take);
        }
        let cut = Cut {
            size_min: self.size_min(),
            size_max: self.segment_size,
            entries: self.segment_entries,
            workers: workers as u64,
            entry_size: 0,
        };
        let queue = Queue::new(&range, cut, workers as u64 * 2);
        let next = std::thread::scope(|scope| {
            let spawn = || {
                let work = || self.work(extent, range.start, &queue, new);
                std::thread::Builder::new().spawn_scoped(scope, work)
            };
            // A system that has no more threads to give may have given some.
            if (0..workers).map_while(|_| spawn().ok()).count() == 0 {
                return Ok(None);
            }
            let _stop = StopAtPanic(&queue);
            let result = self.stitch(extent, range.start, &queue, new, take);
            queue.stop();
            result.map(Some)
        })?;
        match next {
            Some(next) => Ok(next),
            None => self.run_alone(extent, range, new, take),
        }
    }

    /// Bytes of the smallest segment.
    fn size_min(&self) -> u64 {
        self.segment_size_min.min(self.segment_size)
    }

    /// Segment by segment: sinks are no larger where there is but one core.
    fn run_alone<S: Sink>(
        &self,
        extent: &Extent,
        range: Range<u64>,
        new: &impl Fn() -> S,
        take: &mut impl FnMut(S),
    ) -> io::Result<u64> {
        let mut reader = self.reader(extent)?;
        let mut at = range.start;
        let size = self.size_min();
        loop {
            let whole = at.saturating_sub(range.start) / size;
            let until = range.start.saturating_add((whole + 1).saturating_mul(size)).min(range.end);
            let mut sink = new();
            let (next, _) = self.read(extent, &mut reader, at, until, &mut sink)?;
            take(sink);
            if next <= at || next >= range.end {
                return Ok(next);
            }
            at = next;
        }
    }

    /// Takes the segments in order; reads again those whose worker did not begin where the one before
    /// ended.
    fn stitch<S: Sink>(
        &self,
        extent: &Extent,
        start: u64,
        queue: &Queue<S>,
        new: &(impl Fn() -> S + Sync),
        take: &mut impl FnMut(S),
    ) -> io::Result<u64> {
        let mut expected = start;
        let mut own: Option<LogReader> = None;
        while let Some(part) = queue.take()? {
            if expected >= part.until {
                continue; // an entry, or damage, reaches over the whole segment
            }
            if part.first == Some(expected) {
                expected = part.next;
                take(part.sink);
                continue;
            }
            let reader = match &mut own {
                Some(reader) => reader,
                None => own.insert(self.reader(extent)?),
            };
            let mut sink = new();
            (expected, _) = self.read(extent, reader, expected, part.until, &mut sink)?;
            take(sink);
        }
        Ok(expected)
    }

    /// What each worker does.
    fn work<S: Sink>(&self, extent: &Extent, start: u64, queue: &Queue<S>, new: &(impl Fn() -> S + Sync)) {
        let _stop = StopAtPanic(queue);
        let mut reader = match self.reader(extent) {
            Ok(reader) => reader,
            Err(error) => return queue.fail(error),
        };
        while let Some(Segment { index, range }) = queue.next() {
            let until = range.end;
            // The first one begins at a boundary.
            let first = match index {
                0 => Ok(Some(start)),
                // No farther than the segment: the next one has a worker of its own.
                _ => reader.search(range.start, until).map_err(source::into_io),
            };
            let part = first.and_then(|first| {
                let mut sink = new();
                let (next, events) = match first {
                    Some(first) => self.read(extent, &mut reader, first, until, &mut sink)?,
                    None => (until, 0),
                };
                Ok(Part { until, first, next, events, sink })
            });
            match part {
                Ok(part) => queue.put(index, part),
                // Whether that is an error depends on where the log ends, which the one knows who takes it.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    queue.put(index, Part { until, first: None, next: until, events: 0, sink: new() });
                }
                Err(error) => return queue.fail(error),
            }
        }
    }

    /// Reads from the boundary `from` on all that starts before `until`. Gives the boundary behind it, and how many
    /// events there were.
    fn read(
        &self,
        extent: &Extent,
        reader: &mut LogReader,
        from: u64,
        until: u64,
        sink: &mut impl Sink,
    ) -> io::Result<(u64, u64)> {
        reader.set_position(from);
        reader.set_last_checksum(None);
        let (mut shown, mut events) = (from, 0);
        while reader.position() < until {
            reader.for_each_held(until, |located| {
                events += 1;
                sink.entry(located);
            });
            if reader.position() >= until {
                break;
            }
            events += 1;
            match reader.next_event() {
                Ok(Some(Event::Entry(located))) => sink.entry(located),
                // Where all was zero when the scan began, a writer may have come to meanwhile, and what is found
                // depends on when it is read: the log ended there.
                Ok(Some(Event::Damage(damage, next)))
                    if next < extent.end() && damage.offset < extent.zeros =>
                {
                    self.damage(in_the_middle(damage), next, sink);
                }
                Ok(Some(Event::Damage(damage, _))) => {
                    self.end(extent, reader, damage, sink)?;
                    reader.set_position(extent.end());
                    break;
                }
                Ok(None) => break,
                // The buffer holds any entry and damage is an event, so only the device is left.
                Err(error) => {
                    let error = source::into_io(error);
                    let at = reader.position();
                    if at < extent.zeros || error.kind() != io::ErrorKind::UnexpectedEof {
                        return Err(error);
                    }
                    // A writer cut the zeros off that it kept ahead: nothing is lost.
                    sink.zeros(at);
                    reader.set_position(extent.end());
                    break;
                }
            }
            if let Some(watch) = self.watch
                && reader.position() - shown >= SHOWN_EVERY
            {
                watch.bytes.fetch_add(reader.position() - shown, Ordering::Relaxed);
                shown = reader.position();
                if watch.stop.load(Ordering::Relaxed) {
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
        }
        if let Some(watch) = self.watch {
            watch.bytes.fetch_add(reader.position() - shown, Ordering::Relaxed);
        }
        Ok((reader.position(), events))
    }

    /// Reports damage up to `until`, and what of it cannot be read: then nothing is known of the bytes there.
    fn damage(&self, damage: Damage, until: u64, sink: &mut impl Sink) {
        let unreadable = self.source.unreadable_within(damage.offset..until);
        let size = unreadable.iter().map(|range| range.end.saturating_sub(range.start)).sum();
        let kind = if unreadable.is_empty() { damage.kind } else { DamageKind::Unreadable { size } };
        let damage = Damage { kind, ..damage };
        for range in unreadable {
            sink.unreadable(range, damage);
        }
        sink.damage(damage, until);
    }

    /// Tells of the damage behind which nothing follows.
    fn end(
        &self,
        extent: &Extent,
        reader: &mut LogReader,
        damage: Damage,
        sink: &mut impl Sink,
    ) -> io::Result<()> {
        let head_end = Some(damage.offset.saturating_add(HEAD_SIZE as u64));
        let reach = match damage.kind {
            // Only after this the header can be trusted.
            DamageKind::BodyChecksum => {
                reader.set_position(damage.offset);
                let head = reader.next_header().map_err(source::into_io)?;
                head.map(|head| head.offset.saturating_add(head.header.size_disk()))
            }
            DamageKind::HeaderChecksum => head_end,
            DamageKind::Magic(ForeignMagic::Unknown)
                if extent.begins_entry(damage.offset, reader.profile())? =>
            {
                head_end
            }
            _ => None,
        };
        let end = End::of(damage, reach, extent.zeros, extent.size);
        if let Some((damage, until)) = end.damage {
            self.damage(damage, until, sink);
        }
        if let Some(from) = end.zeros {
            sink.zeros(from);
        }
        Ok(())
    }

    fn reader(&self, extent: &Extent) -> io::Result<LogReader> {
        let profile = self.profile.unwrap_or_default();
        source::reader(extent.source.clone(), profile, self.message_size_max)
    }
}

/// Damage with an entry behind it: a tail has nothing behind it, so one that its header tells to end behind
/// the file has another body than it should have.
pub(crate) fn in_the_middle(damage: Damage) -> Damage {
    match damage.kind {
        DamageKind::TornTail { .. } => Damage { kind: DamageKind::BodyChecksum, ..damage },
        _ => damage,
    }
}

/// Bytes between two looks at the watch.
const SHOWN_EVERY: u64 = 1 << 20;
