//! Reading a log file by position: [`Source`], and [`open`] for an iterator on a path.

use crate::fs::{FileHandle, FileSystem, Os};
use crate::unreadable::{ReadFailed, Unreadable};
use aof_nostd::{AnyProfile, Backend, Checker, Detect, ReadError, Reader, Resync};
use embedded_io_adapters::std::FromStd;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A file opened for reading. Clones share the file and have positions of their own, so several threads
/// can read it at once.
///
/// Its length is the one that it had when it was opened: a log that grows meanwhile is read up to there,
/// and a reader never takes an entry that is being written for damage in the middle. One that becomes
/// shorter is an error ([`became_shorter`]): cut at an entry's boundary, it would look whole.
#[derive(Clone, Debug)]
pub struct Source {
    file: Arc<dyn FileHandle>,
    position: u64,
    size: u64,
    /// What cannot be read, if reading continues past it.
    unreadable: Option<Arc<Unreadable>>,
}

impl Source {
    /// Opens `path`, with the length that it has now.
    ///
    /// # Errors
    ///
    /// The operating system's; [`io::ErrorKind::IsADirectory`] for a directory,
    /// [`io::ErrorKind::NotSeekable`] for a pipe or a terminal, which cannot be read by position, and
    /// [`io::ErrorKind::Unsupported`] for a file that has bytes and whose size is reported as 0 (as in `/proc`).
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let source = Self::new(Os.open(path)?)?;
        if source.size == 0 && source.file.read_at(&mut [0], 0)? > 0 && source.file.size()? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "its size is not reported by the file system, though it has bytes: copy it to an ordinary file first",
            ));
        }
        Ok(source)
    }

    /// Reads `file`, with the length that it has now.
    ///
    /// # Errors
    ///
    /// The operating system's, for the length.
    pub fn from_file(file: File) -> io::Result<Self> {
        Self::new(Arc::new(file))
    }

    /// Reads a file of any [file system](crate::fs), with the length that it has now.
    ///
    /// # Errors
    ///
    /// The file system's, for the length.
    pub fn new(file: Arc<dyn FileHandle>) -> io::Result<Self> {
        Ok(Self { size: file.size()?, file, position: 0, unreadable: None })
    }

    /// The same, and bytes that the system cannot read are damage instead of an error: they are narrowed down to
    /// sectors, [noted](Self::unreadable), and read as [`FILL`](crate::unreadable::FILL).
    ///
    /// For those who only read. Whoever changes a log has to stop at the error: what is there is not known.
    #[must_use]
    pub fn with_unreadable(self) -> Self {
        self.noting(Arc::default())
    }

    /// The same; what cannot be read is noted in `unreadable`, and what is noted there is not tried again.
    #[must_use]
    pub fn noting(self, unreadable: Arc<Unreadable>) -> Self {
        Self { unreadable: Some(unreadable), ..self }
    }

    /// The ranges that could not be read so far. None where the first of them is an error.
    #[must_use]
    pub fn unreadable(&self) -> Vec<Range<u64>> {
        self.unreadable.as_ref().map(|unreadable| unreadable.ranges()).unwrap_or_default()
    }

    /// Those within these bytes.
    #[must_use]
    pub fn unreadable_within(&self, bytes: Range<u64>) -> Vec<Range<u64>> {
        self.unreadable.as_ref().map(|unreadable| unreadable.within(bytes)).unwrap_or_default()
    }

    /// Bytes in the file when it was opened.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where the zeros begin that end the file: the file's size, if it ends with another byte. Where an entry
    /// is looked for from there on, the log is over and a device's free space begins.
    ///
    /// Reads the zeros, once.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn zeros_begin(&self) -> io::Result<u64> {
        crate::zeros::begin(self, None)
    }

    /// The same, ending at `end` if not before.
    #[must_use]
    pub fn cut_at(&self, end: u64) -> Self {
        Self { size: self.size.min(end), ..self.clone() }
    }

    /// The file.
    #[must_use]
    pub fn handle(&self) -> &Arc<dyn FileHandle> {
        &self.file
    }
}

/// The error of a read that finds the file's end before the length that the file had when it was opened:
/// [`io::ErrorKind::UnexpectedEof`].
#[must_use]
pub fn became_shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "became shorter while it was being read")
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.size.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(rest);
        let read = match &self.unreadable {
            Some(unreadable) => unreadable.read(&*self.file, &mut buffer[..wanted], self.position),
            None => self.file.read_at(&mut buffer[..wanted], self.position),
        };
        let read = read.map_err(|error| ReadFailed::at(self.position, error))?;
        if read == 0 && wanted > 0 {
            return Err(became_shorter());
        }
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Source {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// An iterator over a log file.
pub type LogReader<P = AnyProfile> = Reader<FromStd<Source>, Box<[u8]>, P>;

/// Bytes read at a time: fits a core's second-level cache beside the rest.
pub(crate) const READ_AHEAD: usize = 256 << 10;

/// An iterator over the log at `path`, in the profile that it has, with a buffer for any entry of a
/// default cluster.
///
/// ```no_run
/// let mut log = aof_std::open("replica.aof", aof_std::backend())?;
/// while let Some(located) = log.next()? {
///     println!("{} {}", located.offset, located.entry.header.op());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The operating system's.
pub fn open(path: impl AsRef<Path>, backend: Backend) -> io::Result<LogReader> {
    let path = path.as_ref();
    let source = Source::open(path)?;
    let buffer = buffer(aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT);
    let reader = Reader::open(FromStd::new(source), buffer, backend).map_err(into_io)?;
    Ok(reader.with_read_ahead(READ_AHEAD))
}

/// A reader of `source` in a known profile, for entries of at most `message_size_max` bytes.
///
/// # Errors
///
/// The operating system's.
pub fn reader<P: aof_nostd::Profile>(
    source: Source,
    profile: P,
    message_size_max: u32,
) -> io::Result<LogReader<P>> {
    let reader = Reader::new(FromStd::new(source), buffer(message_size_max), profile).map_err(into_io)?;
    Ok(reader.with_message_size_max(message_size_max).with_read_ahead(READ_AHEAD))
}

/// A buffer for any entry of at most `message_size_max` bytes.
pub(crate) fn buffer(message_size_max: u32) -> Box<[u8]> {
    let entry_size_max = (message_size_max as usize).saturating_add(aof_nostd::wire::MAGIC_SIZE);
    vec![0; entry_size_max.max(READ_AHEAD)].into_boxed_slice()
}

/// The profile of the log that `source` holds, of which no start is before `from`; `None` where it holds no entry.
pub(crate) fn detect(source: &Source, backend: Backend, from: u64) -> io::Result<Option<AnyProfile>> {
    let mut detect = Detect::new(backend, source.size()).with_no_start_before(from);
    let mut bytes = Vec::new();
    while let Some(want) = detect.want() {
        // One head at first, which nearly always decides.
        let size = if bytes.is_empty() { want.size_min as usize } else { READ_AHEAD };
        read_at(source, want.offset, size, &mut bytes)?;
        detect.give(&bytes);
    }
    Ok(detect.profile())
}

/// Where the entry that is damaged at `damaged` ends, if a checksum vouches for that.
pub(crate) fn covered_until(
    source: &Source,
    checker: Checker<AnyProfile>,
    damaged: u64,
) -> io::Result<Option<u64>> {
    let mut search = Resync::new(checker, damaged, source.size());
    let mut bytes = Vec::new();
    // The head decides, or the bytes up to one size limit after it.
    let reach = damaged.saturating_add(checker.entry_size_max().into());
    while let Some(want) = search.want()
        && search.covered_until().is_none()
        && want.offset <= reach
    {
        let size = if bytes.is_empty() { want.size_min as usize } else { READ_AHEAD };
        read_at(source, want.offset, size, &mut bytes)?;
        search.give(&bytes);
    }
    Ok(search.covered_until())
}

/// Reads up to `size` bytes from `offset` on.
fn read_at(source: &Source, offset: u64, size: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut source = source.clone();
    source.seek(SeekFrom::Start(offset))?;
    bytes.clear();
    source.take(size as u64).read_to_end(bytes).map(drop)
}

/// The error of a step that only the device can make fail.
pub(crate) fn into_io(error: ReadError<io::Error>) -> io::Error {
    match error {
        ReadError::Device(error) => error,
        other => io::Error::other(other),
    }
}
