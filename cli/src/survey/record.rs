//! What a range of a log gave, in a file that can be sent to where the ranges are put together.
//!
//! ```text
//! magic 16 | frame | frame | ... | digest 32     BLAKE3 of all before it
//!
//! frame      size u32 | tag u8 | size bytes
//!   H        JSON: which range of which file; the first frame
//!   E        events, in the order of the file
//!   D        bytes for the data checksum: 25 for each entry that a replay sends
//!   Z        JSON: where the range's first event stands, and where its last one ends; the last frame
//!
//! event      1 | bytes from the last one u32 | checksum 16 | digest 32 | time u64      an entry that continues the last
//!            2 | offset u64 | op u64 | checksum 16 | parent 16 | digest 32 | time u64   any other entry
//!            3 | cluster u128                                                of the entries from here on
//!            4 | size u32 | JSON                                             a finding
//!            5 | offset u64                                                  zeros from here to the end
//! ```
//!
//! All numbers are little-endian. A digest is BLAKE3 over an entry's bytes: by it entries of different parts are
//! recognised as the same one, which their checksums would not prove. An entry takes 61 bytes, and 25 more if a replay
//! sends it. Each frame of events can be read without those before it.

use super::finding::UNREADABLE;
use super::part::{Part, Seen};
use super::{Finding, Kind};
use crate::data_checksum::DataBytes;
use crate::fingerprint::{Digest, Fingerprint};
use crate::looks_like::NotALog;
use aof_nostd::chain::ChainLink;
use aof_nostd::{Checksum, Op};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

const MAGIC: [u8; 16] = *b"aof range, v.2\r\n";

/// What the magics of all versions begin with. Those before this one have no digests of entries, or no times.
const MAGIC_OF_ALL: &[u8] = b"aof range, v.";

/// A frame of events is ended above this.
const FRAME_SIZE: usize = 1 << 20;

/// No frame is larger.
const FRAME_SIZE_MAX: usize = 64 << 20;

const DIGEST_SIZE: usize = 32;

/// Which range of which file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The file, as it was called.
    pub file: String,
    /// Its bytes.
    pub file_size: u64,
    /// The range's first byte.
    pub from: u64,
    /// The first byte behind the range.
    pub until: u64,
    /// The file's profile.
    pub profile: Option<String>,
    /// The limit it was read with.
    pub message_size_max: u32,
    /// Whether the file is a device.
    #[serde(default)]
    pub is_device: bool,
    /// Of the range that the file begins with: the verdict about the file, if no entry is found in any range.
    #[serde(default)]
    pub not_a_log: Option<NotALog>,
}

/// What of the range was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Where its first event stands; `None` where no entry starts in the range.
    pub first: Option<u64>,
    /// The boundary behind its last event.
    pub next: u64,
    /// Whether nothing of the file is behind that.
    pub is_last: bool,
}

/// Writes a record. Without an [`end`](Self::end) it is none.
#[derive(Debug)]
pub struct Recorder<W> {
    inner: W,
    digest: blake3::Hasher,
    events: Vec<u8>,
}

impl<W: Write> Recorder<W> {
    /// Begins with which range it is.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn new(inner: W, head: &Head) -> io::Result<Self> {
        let mut recorder = Self { inner, digest: blake3::Hasher::new(), events: Vec::new() };
        recorder.put(&MAGIC)?;
        recorder.frame(b'H', &serde_json::to_vec(head)?)?;
        Ok(recorder)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.inner.write_all(bytes)
    }

    fn frame(&mut self, tag: u8, bytes: &[u8]) -> io::Result<()> {
        let size = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.put(&size.to_le_bytes())?;
        self.put(&[tag])?;
        self.put(bytes)
    }

    /// Adds what a segment holds.
    pub(super) fn part(&mut self, part: &Part<()>) -> io::Result<()> {
        let mut encoder = Encoder::default();
        for seen in part.seen() {
            match seen {
                Seen::Run(run) => {
                    for ((offset, link, time), digest) in run.entries().zip(run.digests) {
                        encoder.entry(offset, link, digest, time, &mut self.events);
                        self.limit_frame(&mut encoder)?;
                    }
                }
                Seen::Cluster(cluster) => encoder.cluster(cluster, &mut self.events),
                Seen::Damage(damage, until) => {
                    Encoder::finding(&Finding::damage(damage, until), &mut self.events)?;
                }
                Seen::Found(finding) => Encoder::finding(finding, &mut self.events)?,
                Seen::Zeros(from) => Encoder::zeros(from, &mut self.events),
            }
            self.limit_frame(&mut encoder)?;
        }
        self.end_frame()?;
        if !part.data.as_bytes().is_empty() {
            self.frame(b'D', part.data.as_bytes())?;
        }
        Ok(())
    }

    /// Ends a frame that is large enough.
    fn limit_frame(&mut self, encoder: &mut Encoder) -> io::Result<()> {
        if self.events.len() > FRAME_SIZE {
            self.end_frame()?;
            encoder.begin_frame(&mut self.events);
        }
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        if self.events.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(&mut self.events);
        self.frame(b'E', &events)?;
        self.events = events;
        self.events.clear();
        Ok(())
    }

    /// Ends the record, and gives the writer back.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn end(mut self, end: &End) -> io::Result<W> {
        self.frame(b'Z', &serde_json::to_vec(end)?)?;
        let digest = self.digest.finalize();
        self.inner.write_all(digest.as_bytes())?;
        self.inner.flush()?;
        Ok(self.inner)
    }
}

/// Makes bytes of events. An entry that continues the one before in its frame needs less.
#[derive(Default)]
struct Encoder {
    cluster: Option<u128>,
    last: Option<(u64, ChainLink)>,
}

impl Encoder {
    fn entry(&mut self, offset: u64, link: ChainLink, digest: &Digest, time: u64, bytes: &mut Vec<u8>) {
        let distance = self.last.and_then(|(last_offset, last)| {
            let continues = last.op.0.checked_add(1) == Some(link.op.0) && last.checksum == link.parent;
            let distance = offset.checked_sub(last_offset).filter(|_| continues)?;
            u32::try_from(distance).ok()
        });
        match distance {
            Some(distance) => {
                bytes.push(1);
                bytes.extend_from_slice(&distance.to_le_bytes());
                bytes.extend_from_slice(&link.checksum.to_bytes());
            }
            None => {
                bytes.push(2);
                bytes.extend_from_slice(&offset.to_le_bytes());
                bytes.extend_from_slice(&link.op.0.to_le_bytes());
                bytes.extend_from_slice(&link.checksum.to_bytes());
                bytes.extend_from_slice(&link.parent.to_bytes());
            }
        }
        bytes.extend_from_slice(digest);
        bytes.extend_from_slice(&time.to_le_bytes());
        self.last = Some((offset, link));
    }

    fn cluster(&mut self, cluster: u128, bytes: &mut Vec<u8>) {
        self.cluster = Some(cluster);
        bytes.push(3);
        bytes.extend_from_slice(&cluster.to_le_bytes());
    }

    fn zeros(from: u64, bytes: &mut Vec<u8>) {
        bytes.push(5);
        bytes.extend_from_slice(&from.to_le_bytes());
    }

    fn finding(finding: &Finding, bytes: &mut Vec<u8>) -> io::Result<()> {
        let json = serde_json::to_vec(finding)?;
        bytes.push(4);
        bytes.extend_from_slice(&u32::try_from(json.len()).map_err(io::Error::other)?.to_le_bytes());
        bytes.extend_from_slice(&json);
        Ok(())
    }

    /// What a frame has to know of those before it.
    fn begin_frame(&mut self, bytes: &mut Vec<u8>) {
        self.last = None;
        if let Some(cluster) = self.cluster {
            self.cluster(cluster, bytes);
        }
    }
}

/// Reads a record, frame by frame. Until `take` has given `None` without an error nothing of it
/// counts: only then its digest was compared.
#[derive(Debug)]
pub struct Playback<R> {
    inner: R,
    digest: blake3::Hasher,
    head: Head,
    end: Option<End>,
}

impl<R: Read> Playback<R> {
    /// Reads which range it is.
    ///
    /// # Errors
    ///
    /// The reader's; [`io::ErrorKind::InvalidData`]: no record, or damaged.
    pub fn new(inner: R) -> io::Result<Self> {
        let mut playback = Self { inner, digest: blake3::Hasher::new(), head: Head::default(), end: None };
        let mut magic = [0; MAGIC.len()];
        playback.get(&mut magic).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => wrong("too short for what aof verify --part writes"),
            _ => error,
        })?;
        if magic != MAGIC && magic.starts_with(MAGIC_OF_ALL) {
            return Err(wrong(
                "written by another version of aof: a part of an earlier one has no times of entries, and nothing that \
                 proves that two entries with one checksum are the same",
            ));
        }
        if magic != MAGIC {
            return Err(wrong("not what aof verify --part writes"));
        }
        match playback.frame().map_err(cut_short)? {
            (b'H', bytes) => playback.head = json(&bytes)?,
            _ => return Err(wrong("damaged: it does not begin with its range")),
        }
        Ok(playback)
    }

    /// Which range it is.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What of it was read; known at the end.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    fn get(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(bytes)?;
        self.digest.update(bytes);
        Ok(())
    }

    fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let (mut size, mut tag) = ([0; 4], [0; 1]);
        self.get(&mut size)?;
        self.get(&mut tag)?;
        let size = u32::from_le_bytes(size) as usize;
        if size > FRAME_SIZE_MAX {
            return Err(wrong("damaged: a frame is too large"));
        }
        let mut bytes = vec![0; size];
        self.get(&mut bytes)?;
        Ok((u8::from_le_bytes(tag), bytes))
    }

    /// The next events; `None` at the end, which was checked.
    pub(crate) fn take(&mut self) -> io::Result<Option<Part<()>>> {
        match self.frame().map_err(cut_short)? {
            (b'E', bytes) => events(&bytes).map(Some),
            (b'D', bytes) => {
                let mut part = Part::default();
                part.data = DataBytes::from_bytes(bytes).ok_or_else(|| wrong("damaged: bytes left over"))?;
                Ok(Some(part))
            }
            (b'Z', bytes) => {
                self.end = Some(json(&bytes)?);
                let mut digest = [0; DIGEST_SIZE];
                self.inner.read_exact(&mut digest).map_err(cut_short)?;
                if self.inner.read(&mut [0])? != 0 {
                    return Err(wrong("damaged: something stands behind its end"));
                }
                if self.digest.finalize().as_bytes() != &digest {
                    return Err(wrong("damaged: its digest does not match"));
                }
                Ok(None)
            }
            _ => Err(wrong("damaged, or of a later version")),
        }
    }
}

fn cut_short(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => wrong("cut short"),
        _ => error,
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    serde_json::from_slice(bytes).map_err(|_| wrong("damaged: a record in it cannot be read"))
}

/// Bytes of a frame, taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn slice(&mut self, size: usize) -> io::Result<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(size).ok_or_else(|| wrong("damaged: an event is cut"))?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = self.slice(N)?;
        bytes.try_into().map_err(|_| wrong("damaged: an event is cut"))
    }

    fn u32(&mut self) -> io::Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> io::Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn u128(&mut self) -> io::Result<u128> {
        self.array().map(u128::from_le_bytes)
    }

    fn checksum(&mut self) -> io::Result<Checksum> {
        self.u128().map(Checksum::new)
    }

    /// An entry's digest and its time.
    fn identity(&mut self) -> io::Result<(Fingerprint, u64)> {
        Ok((Fingerprint::of_digest(&self.array()?), self.u64()?))
    }
}

fn events(bytes: &[u8]) -> io::Result<Part<()>> {
    let mut bytes = Bytes(bytes);
    let mut part = Part::default();
    let mut last: Option<(u64, ChainLink)> = None;
    while !bytes.0.is_empty() {
        let [tag] = bytes.array()?;
        match tag {
            1 => {
                let (last_offset, before) =
                    last.ok_or_else(|| wrong("damaged: an entry continues nothing"))?;
                let offset = last_offset.saturating_add(bytes.u32()?.into());
                let op = Op(before.op.0.saturating_add(1));
                let link = ChainLink { op, checksum: bytes.checksum()?, parent: before.checksum };
                last = Some((offset, link));
                let (fingerprint, time) = bytes.identity()?;
                part.push_entry(offset, link, fingerprint, time);
            }
            2 => {
                let (offset, op) = (bytes.u64()?, Op(bytes.u64()?));
                let link = ChainLink { op, checksum: bytes.checksum()?, parent: bytes.checksum()? };
                last = Some((offset, link));
                let (fingerprint, time) = bytes.identity()?;
                part.push_entry(offset, link, fingerprint, time);
            }
            3 => part.push_cluster(bytes.u128()?),
            4 => {
                let size = bytes.u32()? as usize;
                part.push_found(finding(bytes.slice(size)?)?);
            }
            5 => part.push_zeros(bytes.u64()?),
            _ => return Err(wrong("damaged: an event of no kind")),
        }
    }
    Ok(part)
}

/// The kinds of findings that stand in a record: what is found between entries. How entries stand to each other
/// is seen when the ranges are put together. A size out of bounds is read back by its name alone, as any header that is
/// invalid: nobody asks parts which limit was wrong.
const DAMAGE: [Kind; 7] = [
    Kind::Damage("magic"),
    Kind::Damage("header-checksum"),
    Kind::Damage("header-invalid"),
    Kind::Damage("newer-layout"),
    Kind::Damage("body-checksum"),
    Kind::TornTail,
    UNREADABLE,
];

fn finding(bytes: &[u8]) -> io::Result<Finding> {
    #[derive(Deserialize)]
    struct Told {
        kind: String,
        offset: u64,
        op: Option<u64>,
        size: Option<u64>,
        missing: Option<(u64, u64)>,
        detail: String,
    }
    let Told { kind, offset, op, size, missing, detail } = json(bytes)?;
    let known = DAMAGE.iter().find(|known| known.name() == kind);
    let kind = known.copied().ok_or_else(|| wrong("a finding of a later version"))?;
    Ok(Finding { kind, offset, op, size, missing, forged: None, detail, near: op })
}
