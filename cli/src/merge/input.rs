//! One input of a merge: its file, and what was found in it beside entries.
//!
//! Hundreds of rotated pieces are more than a process may have open. The first ones are held open, as many as its
//! limit allows; the others are opened again where they are read: then it has to be the same file still, and not a
//! shorter one.

use super::read::Stretch;
use crate::failure::Failure;
use crate::looks_like::NotALog;
use crate::process;
use crate::reading;
use aof_nostd::wire::HeaderRule;
use aof_nostd::{AnyProfile, Damage, DamageKind, ForeignMagic, Op};
use aof_std::Source;
use aof_std::fs::FileId;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// So many inputs are held open at the most.
const HELD_MAX: u64 = 100;

/// So many files may be open beside them: the output, what does not fit the memory, what the process has anyway.
const BESIDE_MAX: u64 = 48;

/// How many inputs are held open, where the process may have so many files.
fn held_max(files_max: u64) -> u64 {
    files_max.saturating_sub(BESIDE_MAX).min(HELD_MAX)
}

/// An input, and what it holds.
#[derive(Debug)]
pub struct Input {
    /// Its path, as given.
    pub path: PathBuf,
    file: Held,
    /// `tigerbeetle`, `crc`, or nothing where no entry tells.
    pub profile: Option<AnyProfile>,
    /// Valid entries, repeated ones included.
    pub entries: u64,
    /// Entries that are not taken, since they lie inside the body of a damaged one.
    pub nested: u64,
    /// The byte of the first entry, and its cluster; then the first entry of another, where logs were
    /// mixed up.
    pub clusters: Vec<(u64, u128)>,
    /// The byte of an entry after damage that is left out since it is of another cluster, and that cluster.
    pub foreign: Option<(u64, u128)>,
    /// Entries after damage that are left out since they contradict the log: the first of them, and how many stretches
    /// there are beyond them.
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) left_out_omitted: u64,
    /// Its damage, by number among that of all.
    pub(crate) damage: Range<u64>,
    /// Its stretches and its damaged regions, likewise.
    pub(crate) stretches: Range<u64>,
    pub(crate) regions: Range<u64>,
    /// Where the zeros begin that end the file: a device's free space, or a tail that was never written.
    pub zeros: Option<u64>,
}

#[derive(Debug)]
enum Held {
    Open(Source),
    /// To be opened again: its size and what it was.
    Closed {
        size: u64,
        identity: FileId,
    },
}

impl Input {
    /// An input that is open already, and stays so.
    pub(crate) fn new(path: PathBuf, source: Source) -> Self {
        Self {
            path,
            file: Held::Open(source),
            profile: None,
            entries: 0,
            nested: 0,
            clusters: Vec::new(),
            foreign: None,
            left_out: Vec::new(),
            left_out_omitted: 0,
            damage: 0..0,
            stretches: 0..0,
            regions: 0..0,
            zeros: None,
        }
    }

    /// The inputs at these paths, with the lengths that they have now.
    pub(crate) fn all(paths: &[PathBuf]) -> Result<Vec<Self>, Failure> {
        let held_max = held_max(process::files_max());
        let numbered = (0..).zip(paths.iter().cloned());
        numbered.map(|(number, path)| Self::at(path, number < held_max)).collect()
    }

    fn at(path: PathBuf, is_held: bool) -> Result<Self, Failure> {
        let failed = |error| Failure::read(&path, error);
        let source = reading::open(&path).map_err(failed)?;
        if is_held {
            return Ok(Self::new(path, source));
        }
        let identity = source.handle().identity().map_err(failed)?;
        let size = source.size();
        let mut input = Self::new(path, source);
        input.file = Held::Closed { size, identity };
        Ok(input)
    }

    /// Its bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match &self.file {
            Held::Open(source) => source.size(),
            Held::Closed { size, .. } => *size,
        }
    }

    /// The file, with the length that it had at first.
    ///
    /// # Errors
    ///
    /// [`Failure::Read`]: among others where it is another file by now, or shorter.
    pub fn open(&self) -> Result<Source, Failure> {
        let (size, identity) = match &self.file {
            Held::Open(source) => return Ok(source.clone()),
            Held::Closed { size, identity } => (*size, *identity),
        };
        let failed = |error| Failure::read(&self.path, error);
        let source = reading::open(&self.path).map_err(failed)?;
        if source.handle().identity().map_err(failed)? != identity {
            return Err(failed(io::Error::other("it is another file than a moment ago: was it replaced?")));
        }
        if source.size() < size {
            return Err(failed(aof_std::source::became_shorter()));
        }
        Ok(source.cut_at(size))
    }

    /// Notes a stretch that contradicts the log's entry of the op `against`.
    pub(super) fn leave_out(&mut self, stretch: &Stretch, against: u64) {
        self.nested += stretch.count;
        if self.left_out.len() < LEFT_OUT_MAX {
            self.left_out.push(LeftOut { op: stretch.op, offset: stretch.offset, against });
        } else {
            self.left_out_omitted += 1;
        }
    }

    /// Whether it has bytes, and no entry.
    #[must_use]
    pub fn is_no_log(&self) -> bool {
        self.entries == 0 && self.size() > 0
    }

    /// What it looks like, if it has no entry and does not begin as one does.
    pub(crate) fn not_a_log(&self) -> Result<Option<NotALog>, Failure> {
        if !self.is_no_log() {
            return Ok(None);
        }
        // Its profile here may be the one that the other inputs have.
        let judged = NotALog::of_source(&self.path, &self.open()?);
        judged.map_err(|error| Failure::read(&self.path, error))
    }

    /// Whether anything in it is damaged.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        !self.damage.is_empty()
    }
}

/// Entries that contradict the log, and follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeftOut {
    /// The op of the first, and its first byte.
    pub(crate) op: u64,
    pub(crate) offset: u64,
    /// The op of which the log has another entry.
    pub(crate) against: u64,
}

/// Stretches that are kept of an input: a hostile one may have millions.
const LEFT_OUT_MAX: usize = 1000;

/// Damage and where it ends, as a row.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct DamageRow {
    pub(crate) offset: u64,
    pub(crate) until: u64,
    op: u64,
    detail: u64,
    kind: u32,
    has_op: u32,
}

/// The rules of a header, by number.
const RULES: [HeaderRule; 9] = [
    HeaderRule::Size,
    HeaderRule::Command,
    HeaderRule::Epoch,
    HeaderRule::Protocol,
    HeaderRule::Padding,
    HeaderRule::Reserved,
    HeaderRule::Op,
    HeaderRule::Commit,
    HeaderRule::NewerLayout,
];

impl DamageRow {
    pub(crate) fn new(damage: Damage, until: u64) -> Self {
        let (kind, detail) = match damage.kind {
            DamageKind::Magic(ForeignMagic::OtherProfile) => (1, 0),
            DamageKind::Magic(ForeignMagic::Legacy) => (2, 0),
            DamageKind::HeaderChecksum => (3, 0),
            DamageKind::HeaderInvalid(rule) => {
                (4, RULES.iter().position(|known| *known == rule).unwrap_or(0))
            }
            DamageKind::BodyChecksum => (5, 0),
            DamageKind::TornTail { missing } => {
                return Self {
                    kind: 6,
                    detail: missing,
                    ..Self::new(Damage { kind: UNKNOWN, ..damage }, until)
                };
            }
            DamageKind::Unreadable { size } => {
                return Self {
                    kind: 7,
                    detail: size,
                    ..Self::new(Damage { kind: UNKNOWN, ..damage }, until)
                };
            }
            _ => (0, 0),
        };
        Self {
            offset: damage.offset,
            until,
            op: damage.op.map_or(0, |op| op.0),
            detail: detail as u64,
            kind,
            has_op: u32::from(damage.op.is_some()),
        }
    }

    pub(crate) fn op(&self) -> Option<u64> {
        (self.has_op == 1).then_some(self.op)
    }

    pub(crate) fn damage(&self) -> Damage {
        let rule = usize::try_from(self.detail).ok().and_then(|number| RULES.get(number));
        let kind = match self.kind {
            1 => DamageKind::Magic(ForeignMagic::OtherProfile),
            2 => DamageKind::Magic(ForeignMagic::Legacy),
            3 => DamageKind::HeaderChecksum,
            4 => DamageKind::HeaderInvalid(rule.copied().unwrap_or(HeaderRule::Size)),
            5 => DamageKind::BodyChecksum,
            6 => DamageKind::TornTail { missing: self.detail },
            7 => DamageKind::Unreadable { size: self.detail },
            _ => UNKNOWN,
        };
        Damage { offset: self.offset, op: self.op().map(Op), kind }
    }
}

const UNKNOWN: DamageKind = DamageKind::Magic(ForeignMagic::Unknown);

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn input_that_is_not_held_open_is_the_same_file_when_it_is_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r0.aof.7");
        fs::write(&path, [1; 100]).unwrap();
        let input = Input::at(path.clone(), false).unwrap();
        assert!(matches!(input.file, Held::Closed { .. }));
        assert_eq!(input.open().unwrap().size(), 100);

        fs::write(&path, [1; 150]).unwrap();
        assert_eq!(input.open().unwrap().size(), 100, "what was written behind it is not looked at");
        fs::write(&path, [1; 99]).unwrap();
        assert!(input.open().unwrap_err().to_string().contains("became shorter"));
        fs::write(directory.path().join("other"), [1; 100]).unwrap();
        fs::rename(directory.path().join("other"), &path).unwrap();
        let told = input.open().unwrap_err().to_string();
        assert!(told.contains("r0.aof.7") && told.contains("was it replaced?"), "{told}");
    }

    #[test]
    fn fewer_inputs_are_held_open_where_a_process_may_have_few_files() {
        assert_eq!([20, 48, 64, 128, 1024, u64::MAX].map(held_max), [0, 0, 16, 80, 100, 100]);
    }

    #[test]
    fn damage_comes_out_of_its_row_as_it_was() {
        let magics = [ForeignMagic::Unknown, ForeignMagic::OtherProfile, ForeignMagic::Legacy];
        let mut kinds: Vec<_> = magics.map(DamageKind::Magic).into();
        kinds.extend(RULES.map(DamageKind::HeaderInvalid));
        kinds.extend([DamageKind::HeaderChecksum, DamageKind::BodyChecksum]);
        kinds.push(DamageKind::TornTail { missing: 7 });
        kinds.push(DamageKind::Unreadable { size: 512 });
        for kind in kinds {
            for op in [None, Some(Op(0)), Some(Op(u64::MAX))] {
                let damage = Damage { offset: 5, op, kind };
                let row = DamageRow::new(damage, 9);
                assert_eq!((row.damage(), row.until), (damage, 9));
            }
        }
    }
}
