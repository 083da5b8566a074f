//! Opening a log to go on with it: [`recover`].
//!
//! ```text
//!   | entry | entry | entry |                 whole: goes on behind the last one
//!   | entry | entry | ent                     torn tail: kept in TORNnnn.BIN, cut, goes on
//!   | entry | ~~~~~ | entry |                 damage in the middle: refused, nothing is written
//!   | ~~~~~ ~~~~~ ~~~~~ ~~~ |                 not a log: refused, nothing is written
//! ```
//!
//! The whole log is read and verified. The last entry decides where the chain goes on, and what stands behind
//! damage decides whether it is a torn tail: nothing that a reader would find is ever cut.

use crate::card::Card;
use crate::error::CardError;
use crate::file::CardFile;
use aof_nostd::storage::Sync;
use aof_nostd::{
    AnyProfile, Backend, Damage, DamageKind, ForeignMagic, Header, LocatedHeader, Profile, ReadError, Reader,
};
use core::error::Error;
use core::{fmt, str};
use embedded_io::{Read, Seek, SeekFrom, Write};
use embedded_sdmmc::BlockDevice;

/// Bytes that the log is read by; two blocks, since entries begin anywhere.
pub const READ_SIZE: usize = 1024;

/// A log, ready to go on.
pub struct Recovered<'a, D: BlockDevice> {
    /// The log's file, at its end.
    pub file: CardFile<'a, D>,
    /// The last entry's header; `None` where there is no entry yet.
    pub last: Option<Header>,
    /// The torn tail that was cut.
    pub torn: Option<TornTail>,
}

/// A torn tail that was cut, and kept.
#[derive(Clone, Copy, Debug)]
pub struct TornTail {
    /// What was found, and where it began.
    pub damage: Damage,
    /// Its bytes.
    pub size: u32,
    /// The file that has it now.
    pub kept: KeptName,
}

impl fmt::Display for TornTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: a torn tail of {} bytes, cut and kept in {}", self.damage, self.size, self.kept)
    }
}

/// Why a log cannot be gone on with. Nothing was written to it.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecoverError<E: Error> {
    /// The card failed, or has no room for the torn tail to be kept.
    Card(CardError<E>),
    /// The card failed while the log was read.
    Read(ReadError<CardError<E>>),
    /// Damage with entries behind it, which going on would put at risk.
    Middle {
        /// The damage.
        damage: Damage,
        /// Where the next entry stands.
        next: u64,
    },
    /// The file begins like no log.
    NoLog(Damage),
    /// The log is of the other profile.
    Profile {
        /// The one it is of.
        found: &'static str,
    },
    /// All names for torn tails are taken.
    TornNames,
}

impl<E: Error> fmt::Display for RecoverError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(error) => write!(f, "recover: {error}"),
            Self::Read(error) => write!(f, "recover: {error}"),
            Self::Middle { damage, next } => write!(
                f,
                "recover: {damage}; entries follow from byte {next}: this is no torn tail: copy the log away \
                 and begin a new one"
            ),
            Self::NoLog(damage) => {
                write!(f, "recover: {damage}: the file has no entry: is it a log? Give another name")
            }
            Self::Profile { found } => {
                write!(f, "recover: the log has the profile {found}: call it with that")
            }
            Self::TornNames => {
                f.write_str("recover: TORN000.BIN to TORN999.BIN are taken: copy them away and remove them")
            }
        }
    }
}

impl<E: Error + 'static> Error for RecoverError<E> {}

impl<E: Error> From<CardError<E>> for RecoverError<E> {
    fn from(error: CardError<E>) -> Self {
        Self::Card(error)
    }
}

impl<E: Error> From<ReadError<CardError<E>>> for RecoverError<E> {
    fn from(error: ReadError<CardError<E>>) -> Self {
        Self::Read(error)
    }
}

/// Opens the log `name` of `profile`, or begins it, so that it can be gone on with.
///
/// # Errors
///
/// See [`RecoverError`].
pub fn recover<'a, D: BlockDevice>(
    card: &'a Card<D>,
    name: &str,
    profile: &AnyProfile,
) -> Result<Recovered<'a, D>, RecoverError<D::Error>> {
    let file = card.open_to_append(name)?;
    let mut reader = Reader::open(file, [0; READ_SIZE], Backend::default())?;
    let mut last = None;
    let damage = loop {
        match reader.next_streamed(|_piece| {}) {
            Ok(Some(LocatedHeader { header, .. })) => last = Some(header),
            Ok(None) => break None,
            Err(ReadError::Damage(damage)) => {
                let next = reader.skip()?;
                if next < reader.end() {
                    return Err(RecoverError::Middle { damage, next });
                }
                break Some(damage);
            }
            Err(error) => return Err(error.into()),
        }
    };
    let (found, is_empty) = (reader.profile().name(), reader.end() == 0);
    let mut file = reader.into_device();
    let is_torn_start = |damage: &Damage| matches!(damage.kind, DamageKind::TornTail { .. });
    match &damage {
        // Without an entry only the beginning of one may be cut: it might be any file.
        Some(damage) if last.is_none() && !is_torn_start(damage) => return Err(RecoverError::NoLog(*damage)),
        // An entry of the other profile is no log's tail, whatever stands behind it.
        Some(damage @ Damage { kind: DamageKind::Magic(magic), .. }) if *magic != ForeignMagic::Unknown => {
            return Err(RecoverError::Middle { damage: *damage, next: damage.offset });
        }
        _ if !is_empty && found != profile.name() => return Err(RecoverError::Profile { found }),
        _ => {}
    }
    let torn = damage.map(|damage| cut(card, &mut file, damage)).transpose()?;
    file.seek(SeekFrom::End(0))?;
    Ok(Recovered { file, last, torn })
}

/// Keeps the bytes from the damage on in a file of their own, durably, then cuts them off.
fn cut<D: BlockDevice>(
    card: &Card<D>,
    file: &mut CardFile<'_, D>,
    damage: Damage,
) -> Result<TornTail, RecoverError<D::Error>> {
    let size = file.size()?;
    // A size of FAT has 32 bits, and the damage is within it.
    let offset = u32::try_from(damage.offset).unwrap_or(size);
    let (kept, mut copy) = kept_file(card)?;
    file.seek(SeekFrom::Start(damage.offset))?;
    let mut buffer = [0; 512];
    loop {
        let read = file.read(&mut buffer)?;
        let mut rest = buffer.get(..read).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        while !rest.is_empty() {
            let written = copy.write(rest)?;
            rest = rest.get(written..).unwrap_or_default();
        }
    }
    copy.sync()?;
    file.cut(offset)?;
    Ok(TornTail { damage, size: size.saturating_sub(offset), kept })
}

/// A new file for a torn tail.
fn kept_file<D: BlockDevice>(card: &Card<D>) -> Result<(KeptName, CardFile<'_, D>), RecoverError<D::Error>> {
    for number in 0..=999 {
        let name = KeptName::new(number);
        if let Some(file) = card.create(name.as_str())? {
            return Ok((name, file));
        }
    }
    Err(RecoverError::TornNames)
}

/// The name of a file that has a torn tail: `TORN000.BIN` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptName([u8; 11]);

impl KeptName {
    fn new(number: u16) -> Self {
        let digit = |value: u16| {
            let [low, _] = (value % 10).to_le_bytes();
            b'0' + low
        };
        let [hundreds, tens, ones] = [digit(number / 100), digit(number / 10), digit(number)];
        Self([b'T', b'O', b'R', b'N', hundreds, tens, ones, b'.', b'B', b'I', b'N'])
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for KeptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
