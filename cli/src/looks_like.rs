//! What a file is that is not a log: [`Looks`], by its first bytes, and the verdict about it, [`NotALog`].
//!
//! The one place where this is decided. A file that has bytes and in which no entry is found is **not a log**; the commands
//! report that by this name, and what the file looks like, so that whoever named it knows what to do.

use crate::failure::{Failure, shown};
use crate::output;
use crate::reading;
use aof_nostd::checksum::{Hasher as _, MAGIC_LEGACY, Profile, TigerBeetle};
use aof_nostd::wire::{
    COMMAND_PREPARE, HEAD_SIZE as ENTRY_HEAD_SIZE, HEADER_SIZE, Header, HeaderRule, MAGIC_SIZE,
};
use aof_nostd::{AnyProfile, Backend};
use aof_std::Source;
use aof_std::scan::Scan;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use zerocopy::FromBytes as _;

/// What a file that is not a log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Looks {
    /// Nothing but zeros.
    Zeros,
    /// A file of gzip.
    Gzip,
    /// A file of zstd.
    Zstd,
    /// A file of xz.
    Xz,
    /// A file of bzip2.
    Bzip2,
    /// A file of lz4.
    Lz4,
    /// A zip archive.
    Zip,
    /// An archive of 7-Zip.
    SevenZip,
    /// A tar archive.
    Tar,
    /// A replica's data file.
    DataFile,
    /// A part that `aof verify --part` wrote.
    Part,
    /// A program or a library.
    Elf,
    /// A file of Parquet.
    Parquet,
    /// JSON.
    Json,
    /// A page for a browser.
    Html,
    /// Text.
    Text,
    /// A log of `TigerBeetle` before 0.16.21.
    LegacyLog,
    /// A log whose entries have a newer layout.
    NewerLog,
    /// Nothing known.
    Unknown,
}

impl Looks {
    /// The stable name: `zeros`, `gzip`, `zstd`, `xz`, `bzip2`, `lz4`, `zip`, `seven-zip`, `tar`, `data-file`, `part`, `elf`,
    /// `parquet`, `json`, `html`, `text`, `legacy-log`, `newer-log` or `unknown`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zeros => "zeros",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
            Self::Zip => "zip",
            Self::SevenZip => "seven-zip",
            Self::Tar => "tar",
            Self::DataFile => "data-file",
            Self::Part => "part",
            Self::Elf => "elf",
            Self::Parquet => "parquet",
            Self::Json => "json",
            Self::Html => "html",
            Self::Text => "text",
            Self::LegacyLog => "legacy-log",
            Self::NewerLog => "newer-log",
            Self::Unknown => "unknown",
        }
    }

    /// What it is, and what to do.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Zeros => {
                "all zeros: in a log file, what was there is lost; on a device's image, nothing was written yet"
            }
            Self::Gzip => "gzip: unpack it first",
            Self::Zstd => "zstd: unpack it first",
            Self::Xz => "xz: unpack it first",
            Self::Bzip2 => "bzip2: unpack it first",
            Self::Lz4 => "lz4: unpack it first",
            Self::Zip => "a zip archive: unpack it first",
            Self::SevenZip => "a 7z archive: unpack it first",
            Self::Tar => "a tar archive: unpack it first",
            Self::DataFile => "this is a data file: the log is the file of --aof-file",
            Self::Part => "a part that 'aof verify --part' wrote: give it to 'aof stitch'",
            Self::Elf => "a program (ELF)",
            Self::Parquet => "a Parquet file",
            Self::Json => "JSON",
            Self::Html => "an HTML page",
            Self::Text => "text",
            Self::LegacyLog => {
                "a log of TigerBeetle before 0.16.21: this version of aof does not read its layout"
            }
            Self::NewerLog => "an entry of a newer layout, which this version does not read",
            Self::Unknown => "no entry is found in it",
        }
    }

    /// What a file with this name, in lower case, is by the name's end; `None` if that is not the name of something else than a
    /// log.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension {
            "gz" | "tgz" => Self::Gzip,
            "zst" | "zstd" => Self::Zstd,
            "xz" | "txz" => Self::Xz,
            "bz2" | "tbz2" => Self::Bzip2,
            "lz4" => Self::Lz4,
            "zip" => Self::Zip,
            "7z" => Self::SevenZip,
            "tar" => Self::Tar,
            "tigerbeetle" => Self::DataFile,
            "part" => Self::Part,
            "parquet" => Self::Parquet,
            "json" | "jsonl" | "ndjson" => Self::Json,
            "html" | "htm" => Self::Html,
            "csv" | "tsv" | "txt" | "md" | "md5" | "sha256" | "sha512" | "sig" | "asc" | "yaml" | "yml" => {
                Self::Text
            }
            "progress" | "svg" | "pdf" | "png" | "sqlite" | "db" => Self::Unknown,
            _ => return None,
        })
    }

    /// What the first bytes of a file look like; `None` if like nothing known. [`HEAD_SIZE`] bytes are enough.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        const STARTS: [(&[u8], Looks); 15] = [
            (b"\x1f\x8b", Looks::Gzip),
            (b"\x28\xb5\x2f\xfd", Looks::Zstd),
            (b"\xfd7zXZ\0", Looks::Xz),
            (b"BZh", Looks::Bzip2),
            (b"\x04\x22\x4d\x18", Looks::Lz4),
            (b"\x02\x21\x4c\x18", Looks::Lz4),
            (b"PK\x03\x04", Looks::Zip),
            (b"PK\x05\x06", Looks::Zip),
            (b"7z\xbc\xaf\x27\x1c", Looks::SevenZip),
            (b"aof range, v.", Looks::Part),
            (b"\x7fELF", Looks::Elf),
            (b"PAR1", Looks::Parquet),
            (b"\xff\xfe", Looks::Text),
            (b"\xfe\xff", Looks::Text),
            (&MAGIC_LEGACY, Looks::LegacyLog),
        ];
        let starts = STARTS.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, looks)| *looks);
        starts
            .or_else(|| (bytes.get(TAR_MAGIC_AT..)?.starts_with(b"ustar")).then_some(Self::Tar))
            .or_else(|| is_data_file(bytes).then_some(Self::DataFile))
            .or_else(|| text(bytes))
    }

    /// What the file looks like, by its first bytes; all of it is read only if it begins with zeros.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn of_source(source: &Source) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut source = source.clone();
        source.seek(SeekFrom::Start(0))?;
        source.by_ref().take(HEAD_SIZE as u64).read_to_end(&mut bytes)?;
        let is_zero = !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0);
        if is_zero && source.zeros_begin()? == 0 {
            return Ok(Self::Zeros);
        }
        Ok(Self::of(&bytes).unwrap_or(Self::Unknown))
    }
}

/// Reports each file that is an archive which holds a log, not compressed: the log's entries are found in it, so it is not
/// "not a log", and what is around them is damage. Of such a file the first bytes alone are read.
pub fn tell_archives<'a>(paths: impl IntoIterator<Item = &'a Path>) {
    for path in paths.into_iter().filter(|path| path.is_file()) {
        // What cannot be read is reported by whoever reads all of it; and so is a file without an entry.
        let is_archive = || {
            let mut head = Vec::new();
            Source::open(path)?.take(TAR_HEADER_SIZE as u64).read_to_end(&mut head)?;
            Ok::<_, io::Error>(is_tar_header(&head) && NotALog::of(path)?.is_none())
        };
        if is_archive().unwrap_or(false) {
            output::note(&format!(
                "{}: {}. What is found in it is read as one damaged log",
                shown(path),
                Looks::Tar.advice()
            ));
        }
    }
}

/// Whether it is the header of a tar archive, by its sum too: in a log these bytes may be anything.
fn is_tar_header(bytes: &[u8]) -> bool {
    let (Some(header), Some(sum)) = (bytes.get(..TAR_HEADER_SIZE), bytes.get(TAR_SUM)) else { return false };
    let is_named = header.first().is_some_and(|byte| *byte != 0);
    if !is_named || !header.get(TAR_MAGIC_AT..).is_some_and(|magic| magic.starts_with(b"ustar")) {
        return false;
    }
    let stored = std::str::from_utf8(sum).unwrap_or_default().trim_matches([' ', '\0']);
    let sum = header.iter().enumerate().map(|(at, byte)| {
        // The sum counts itself as spaces.
        u32::from(if TAR_SUM.contains(&at) { b' ' } else { *byte })
    });
    u32::from_str_radix(stored, 8) == Ok(sum.sum())
}

/// The bytes of a file that [`Looks::of`] needs: the copies of a data file's superblock, and the headers after them.
pub const HEAD_SIZE: usize = WAL_HEADERS_AT + 4096;

const TAR_MAGIC_AT: usize = 257;
const TAR_HEADER_SIZE: usize = 512;
const TAR_SUM: std::ops::Range<usize> = 148..156;

/// A data file begins with four copies of its superblock, and the headers of its write-ahead log come next.
const SUPERBLOCK_COPIES: usize = 4;
const SUPERBLOCK_STEP: usize = 24_576;
const SUPERBLOCK_SIZE: usize = 8192;
/// The superblock's checksum covers what comes after its padding and the number of the copy.
const SUPERBLOCK_COVERED_FROM: usize = 34;
const WAL_HEADERS_AT: usize = SUPERBLOCK_COPIES * SUPERBLOCK_STEP;

/// Whether they are the first bytes of a data file: of its superblock one copy is enough, or of its headers one.
fn is_data_file(bytes: &[u8]) -> bool {
    let profile = TigerBeetle::new(aof_std::backend());
    let is_superblock = |copy: usize| {
        let copy = bytes.get(copy * SUPERBLOCK_STEP..)?.get(..SUPERBLOCK_SIZE)?;
        let checksum = profile.checksum(copy.get(SUPERBLOCK_COVERED_FROM..)?);
        Some(copy.starts_with(&checksum.to_bytes()))
    };
    let headers = bytes.get(WAL_HEADERS_AT..).unwrap_or_default().chunks_exact(HEADER_SIZE);
    let is_header = |bytes: &[u8]| {
        let header = Header::ref_from_bytes(bytes).ok();
        header.is_some_and(|header| header.command == COMMAND_PREPARE && header.verify(&profile))
    };
    (0..SUPERBLOCK_COPIES).any(|copy| is_superblock(copy) == Some(true)) || headers.into_iter().any(is_header)
}

/// What kind of text it is, if it is text.
fn text(bytes: &[u8]) -> Option<Looks> {
    const SAMPLE_SIZE: usize = 4096;
    let sample = bytes.get(..SAMPLE_SIZE).unwrap_or(bytes);
    let text = match std::str::from_utf8(sample) {
        Ok(text) => text,
        // A character may be cut by the sample's end.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(sample.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_text = |character: char| !character.is_control() || "\t\n\r\x0c\x1b".contains(character);
    if text.is_empty() || !text.chars().all(is_text) {
        return None;
    }
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let begins = |start: &str| text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start));
    Some(if text.starts_with(['{', '[']) {
        Looks::Json
    } else if begins("<!doctype html") || begins("<html") {
        Looks::Html
    } else {
        Looks::Text
    })
}

/// The verdict about a file that has bytes, and in which no entry is found. In JSON the name of what it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotALog {
    /// What it looks like.
    pub looks: Looks,
}

impl NotALog {
    /// The verdict about the file at `path`, in which no entry was found. `profile` is the one of a scan. `None` where it is a
    /// log all the same: it is empty, or begins as an entry does; or it is a device that was not written yet.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn judge(path: &Path, source: &Source, profile: Option<AnyProfile>) -> io::Result<Option<Self>> {
        if let Some(profile) = profile {
            let looks = Looks::NewerLog;
            return Ok(is_newer_entry(source, &profile)?.then_some(Self { looks }));
        }
        if source.size() == 0 || is_begun(source)? {
            return Ok(None);
        }
        // Nobody knows what is where no entry could be read.
        if !source.unreadable().is_empty() {
            return Ok(None);
        }
        let looks = Looks::of_source(source)?;
        let is_fresh_device = looks == Looks::Zeros && is_device(path);
        Ok((!is_fresh_device).then_some(Self { looks }))
    }
}

impl NotALog {
    /// The verdict about the file at `path`; `None` if something in it begins as an entry does, and for an empty file. Of a log
    /// its beginning is read.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        Self::of_source(path, &reading::open(path)?)
    }

    /// The same of a file that is open, and is called `path`.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn of_source(path: &Path, source: &Source) -> io::Result<Option<Self>> {
        let profile = Scan::detect(source, aof_std::backend())?.profile();
        Self::judge(path, source, profile)
    }

    /// Says on standard error that the file at `path` is not a log, if it is not one.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`].
    pub fn tell(path: &Path) -> Result<(), Failure> {
        if let Some(not_a_log) = Self::of(path).map_err(|error| Failure::read(path, error))? {
            output::note(&format!("{}: {not_a_log}", shown(path)));
        }
        Ok(())
    }

    /// Refuses the file at `path`, the only input, if it is not a log.
    ///
    /// # Errors
    ///
    /// [`Failure::Log`], [`Failure::Read`].
    pub fn refuse(path: &Path) -> Result<(), Failure> {
        match Self::of(path).map_err(|error| Failure::read(path, error))? {
            Some(not_a_log) => Err(Failure::Log(format!("{}: {not_a_log}", shown(path)))),
            None => Ok(()),
        }
    }
}

impl fmt::Display for NotALog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NOT A LOG: {}", self.looks.advice())
    }
}

/// Whether the file begins with an entry of the newer layout. Its body is compared too, if it has the size of one.
fn is_newer_entry(source: &Source, profile: &AnyProfile) -> io::Result<bool> {
    let mut source = source.clone();
    let mut head = [0; ENTRY_HEAD_SIZE];
    if source.size() < head.len() as u64 {
        return Ok(false);
    }
    source.seek(SeekFrom::Start(0))?;
    source.read_exact(&mut head)?;
    let Ok((_, header)) = Header::ref_from_suffix(&head) else { return Ok(false) };
    let is_newer = header.verify(profile) && header.invalid(u32::MAX) == Some(HeaderRule::NewerLayout);
    if !is_newer {
        return Ok(false);
    }
    let (mut body, mut hasher) = (source.take(header.body_size().into()), profile.hasher());
    let mut piece = vec![0; 64 << 10]; // a hostile header may name any size
    loop {
        match body.read(&mut piece)? {
            0 => return Ok(hasher.finish() == header.newer_checksum_body()),
            size => hasher.update(piece.get(..size).unwrap_or_default()),
        }
    }
}

/// Whether the file is shorter than a magic, and begins as one does.
fn is_begun(source: &Source) -> io::Result<bool> {
    let mut bytes = Vec::new();
    if source.size() < MAGIC_SIZE as u64 {
        source.clone().read_to_end(&mut bytes)?;
    }
    let magics = AnyProfile::all(Backend::SOFTWARE).map(|profile| profile.magic());
    Ok(!bytes.is_empty() && magics.iter().any(|magic| magic.starts_with(&bytes)))
}

/// Whether the file at `path` is a block device.
#[must_use]
pub fn is_device(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        path.metadata().is_ok_and(|metadata| metadata.file_type().is_block_device())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a data file: one copy of the superblock, and zeros elsewhere.
    fn data_file(copy: usize) -> Vec<u8> {
        let mut bytes = vec![0; HEAD_SIZE];
        let block = &mut bytes[copy * SUPERBLOCK_STEP..][..SUPERBLOCK_SIZE];
        block[32] = u8::try_from(copy).unwrap();
        block[34] = 2;
        let checksum = TigerBeetle::default().checksum(&block[SUPERBLOCK_COVERED_FROM..]);
        block[..16].copy_from_slice(&checksum.to_bytes());
        bytes
    }

    #[test]
    fn what_a_file_is_shows_in_its_first_bytes() {
        let tar = [&[b'n'; 257][..], b"ustar\0", &[0; 249]].concat();
        for (bytes, looks) in [
            (&b"\x1f\x8b\x08\0\0\0\0\0"[..], Some(Looks::Gzip)),
            (b"\x28\xb5\x2f\xfd\x24\x0c\x61", Some(Looks::Zstd)),
            (b"\xfd7zXZ\0\0\x04", Some(Looks::Xz)),
            (b"BZh91AY&SY", Some(Looks::Bzip2)),
            (b"\x04\x22\x4d\x18\x64", Some(Looks::Lz4)),
            (b"PK\x03\x04\x14\0", Some(Looks::Zip)),
            (&tar, Some(Looks::Tar)),
            (b"\x7fELF\x02\x01\x01\0", Some(Looks::Elf)),
            (b"PAR1\x15\x04", Some(Looks::Parquet)),
            (b" {\"op\": 1}\n", Some(Looks::Json)),
            (b"[1, 2]", Some(Looks::Json)),
            (b"<!DOCTYPE html><title>", Some(Looks::Html)),
            (b"op,time\r\n1,2\r\n", Some(Looks::Text)),
            ("naïve \u{e9}".as_bytes(), Some(Looks::Text)),
            (&"é".as_bytes()[..1], None),
            (b"\x01\x02\x03", None),
            (b"", None),
        ] {
            assert_eq!(Looks::of(bytes), looks, "{bytes:?}");
        }
    }

    #[test]
    fn one_copy_of_the_superblock_or_one_header_shows_a_data_file() {
        for copy in 0..SUPERBLOCK_COPIES {
            assert_eq!(Looks::of(&data_file(copy)), Some(Looks::DataFile), "copy {copy}");
        }
        let mut rotten = data_file(0);
        rotten[100] ^= 1;
        assert_eq!(Looks::of(&rotten), None);
        let mut header = Header::new();
        header.seal(&TigerBeetle::default(), b"").unwrap();
        rotten[WAL_HEADERS_AT + 256..][..256].copy_from_slice(zerocopy::IntoBytes::as_bytes(&header));
        assert_eq!(Looks::of(&rotten), Some(Looks::DataFile));
    }

    #[test]
    fn names_in_json_are_those_that_serde_reads_back() {
        for looks in [Looks::Zeros, Looks::DataFile, Looks::SevenZip, Looks::LegacyLog, Looks::Part] {
            assert_eq!(serde_json::to_value(looks).unwrap(), looks.name());
        }
    }
}
