//! Files in the making beside their place: their names, whose they are, and what a run that was killed left of them.
//!
//! ```text
//! OUT              .OUT.aof-XXXXXX
//! a long name      .FIRST BYTES~HASH.aof-XXXXXX      never longer than a file system takes
//! ```
//!
//! Their owner holds a lock on them as long as it lives; the system releases the lock when it dies, however that is.
//! So a temporary file whose lock can be had belongs to no living process. Where the lock says nothing (a file system
//! without locks, or one that other machines write to) the file is reported and stays.

use crate::sync::directory_of;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Names up to this many bytes are a part of the temporary name as they are.
const NAME_SIZE_MAX: usize = 96;

/// Characters that make a temporary name unique.
const RANDOM_SIZE: usize = 6;

/// What the temporary names for `target` begin with.
pub(crate) fn prefix(target: &Path) -> io::Result<OsString> {
    let name = target
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let mut prefix = OsString::from(".");
    prefix.push(short(name));
    prefix.push(".aof-");
    Ok(prefix)
}

/// The name; of a long one its first characters and a digest of all of it.
pub(crate) fn short(name: &OsStr) -> OsString {
    if name.len() <= NAME_SIZE_MAX {
        return name.to_os_string();
    }
    let shown = name.to_string_lossy();
    let mut begin = OsString::new();
    for character in shown.chars() {
        if begin.len() + character.len_utf8() > NAME_SIZE_MAX / 2 {
            break;
        }
        begin.push(character.encode_utf8(&mut [0; 4]));
    }
    // FNV-1a distinguishes two names of one directory; it does not keep anybody from making equal ones.
    let digest = name.as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    begin.push(format!("~{digest:016x}"));
    begin
}

/// A temporary file or directory of a run that did not end as it should.
#[derive(Debug)]
pub struct Leftover {
    /// Where it is, or was.
    pub path: PathBuf,
    /// Its bytes; of a directory those of its files.
    pub size: u64,
    /// What became of it.
    pub state: LeftoverState,
}

/// What became of a [`Leftover`].
#[derive(Debug)]
#[non_exhaustive]
pub enum LeftoverState {
    /// No living process has it: it was removed.
    Removed,
    /// A living process writes it.
    InUse,
    /// It stays: it may be another machine's, or it holds what was moved aside.
    Left(&'static str),
    /// No living process has it, and it cannot be removed.
    Stuck(io::Error),
}

/// Looks for the temporary files and directories of earlier runs to `target`, and removes those that provably belong
/// to no living process.
#[must_use]
pub fn clean(target: &Path) -> Vec<Leftover> {
    let Ok(prefix) = prefix(target) else { return Vec::new() };
    let is_ours = |name: &OsString| {
        let rest = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        rest.is_some_and(|rest| rest.len() == RANDOM_SIZE && rest.iter().all(u8::is_ascii_alphanumeric))
    };
    let names = names_in(directory_of(target)).unwrap_or_default();
    let paths = names.into_iter().filter(is_ours).map(|name| target.with_file_name(name));
    let mut paths: Vec<_> = paths.collect();
    paths.sort();
    paths.into_iter().filter_map(|path| judge(&path)).collect()
}

/// The names in a directory.
#[cfg(target_os = "linux")]
fn names_in(directory: &Path) -> io::Result<Vec<OsString>> {
    use rustix::fs::{Dir, Mode, OFlags};
    use std::os::unix::ffi::OsStringExt;
    // Not std's: that one panics where the directory cannot be closed.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let entries = Dir::new(rustix::fs::open(directory, flags, Mode::empty())?)?;
    let name = |entry: rustix::io::Result<rustix::fs::DirEntry>| {
        Ok(OsString::from_vec(entry?.file_name().to_bytes().to_vec()))
    };
    entries.map(name).collect()
}

/// The names in a directory.
#[cfg(not(target_os = "linux"))]
fn names_in(directory: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}

/// What a name leads to that temporary files have; `None` where that is no file of ours, or gone by now.
fn judge(path: &Path) -> Option<Leftover> {
    // Asked before opening: opening a pipe would wait.
    let metadata = path.symlink_metadata().ok().filter(|metadata| metadata.is_file() || metadata.is_dir())?;
    let file = File::open(path).ok()?;
    if !is_same(&file.metadata().ok()?, &metadata) {
        return None;
    }
    let size = if metadata.is_dir() { size_of(path) } else { metadata.len() };
    let state = match file.try_lock() {
        Err(TryLockError::WouldBlock) => LeftoverState::InUse,
        Err(TryLockError::Error(_)) => {
            LeftoverState::Left("its file system has no locks, which would say whose it is")
        }
        Ok(()) if crate::fs::is_shared(&file) => {
            LeftoverState::Left("a process of another machine may be writing it")
        }
        Ok(()) if metadata.is_dir() && path.join(MOVED_ASIDE).exists() => {
            LeftoverState::Left("it holds what was moved aside to be replaced: move it back if it is missing")
        }
        // Whoever has created it this moment, and not locked it yet, finds it removed and creates another one.
        Ok(()) => {
            let removed = if metadata.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            removed.map_or_else(LeftoverState::Stuck, |()| LeftoverState::Removed)
        }
    };
    Some(Leftover { path: path.to_path_buf(), size, state })
}

/// The name of what was moved aside, in a temporary directory of its own.
pub(crate) const MOVED_ASIDE: &str = "replaced";

/// Bytes of the files in a directory.
fn size_of(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Locks a temporary file that was just created at `path`. False where it was removed before that: somebody took it
/// for a leftover.
pub(crate) fn own(file: &File, path: &Path) -> bool {
    // On Windows a lock keeps the owner's own other handles out.
    if cfg!(windows) {
        return true;
    }
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => false,
        // Without locks nobody removes it either.
        Err(TryLockError::Error(_)) => true,
        // A system that does not say is asked again before the file gets its name.
        Ok(()) => is_at(file, path).unwrap_or(true),
    }
}

/// Whether `path` is this very file, and no link to it.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match path.symlink_metadata() {
        Ok(there) => Ok(is_same(&open, &there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// A file that is open cannot be renamed or removed there.
#[cfg(not(unix))]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    one.file_type() == other.file_type()
}

/// The error of a temporary file that is not any more what was written.
pub(crate) fn taken_away() -> io::Error {
    io::Error::other(
        "somebody else replaced or removed the temporary file while it was being written: is its directory writable \
         for others?",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewDirectory, NewFile};
    use std::io::Write as _;

    #[test]
    fn temporary_names_are_never_longer_than_names_may_be() {
        let names = ["a", &"b".repeat(96), &"c".repeat(97), &"d".repeat(255), &"\u{e9}".repeat(127)];
        for name in names {
            let prefix = prefix(Path::new(name)).unwrap();
            assert!(prefix.len() + RANDOM_SIZE <= 110, "{prefix:?}");
            assert!(prefix.to_str().is_some(), "cut at a character");
        }
        assert_ne!(short("d".repeat(254).as_ref()), short("d".repeat(255).as_ref()));
    }

    #[test]
    fn what_a_dead_process_left_is_removed_and_what_a_living_one_has_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        fs::write(directory.path().join(".out.aof-Dead01"), [7; 1000]).unwrap();
        fs::create_dir(directory.path().join(".out.aof-Dead02")).unwrap();
        fs::write(directory.path().join(".out.aof-Dead02").join("unnamed"), [7; 300]).unwrap();
        fs::create_dir_all(directory.path().join(".out.aof-Aside1").join(MOVED_ASIDE)).unwrap();
        for other in [".out.aof-short", ".out.aof-tooLong", ".other.aof-Dead01", ".out.aof-a.b.c1"] {
            fs::write(directory.path().join(other), "").unwrap();
        }
        let mut living = NewFile::create(&target).unwrap();
        living.write_all(b"1234").unwrap();
        let living_directory = NewDirectory::create(&target).unwrap();
        let found = clean(&target);
        let state = |name: &str| {
            let found = found.iter().find(|found| found.path.ends_with(name)).unwrap();
            (format!("{:?}", found.state), found.size)
        };
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(state(".out.aof-Dead01"), ("Removed".into(), 1000));
        assert_eq!(state(".out.aof-Dead02"), ("Removed".into(), 300));
        assert!(state(".out.aof-Aside1").0.contains("moved aside"));
        assert_eq!(found.iter().filter(|it| matches!(it.state, LeftoverState::InUse)).count(), 2);
        assert!(!directory.path().join(".out.aof-Dead01").exists());
        assert!(living_directory.path().exists());
        living.commit(false).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"1234");
    }

    #[cfg(unix)]
    #[test]
    fn what_somebody_else_put_in_the_temporary_file_s_place_does_not_appear() {
        for replace in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let target = directory.path().join("out");
            if replace {
                fs::write(&target, "old").unwrap();
            }
            let mut new = NewFile::create(&target).unwrap();
            new.write_all(b"verified").unwrap();
            let is_temporary = |path: &PathBuf| path.file_name().is_some_and(|name| name != "out");
            let paths = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
            let temporary = paths.into_iter().find(is_temporary).unwrap();
            fs::write(directory.path().join("his"), "his").unwrap();
            fs::rename(directory.path().join("his"), &temporary).unwrap();
            let error = new.commit(replace).unwrap_err().to_string();
            assert!(error.contains("somebody else"), "{error}");
            let expected = replace.then(|| b"old".to_vec());
            assert_eq!(fs::read(&target).ok(), expected, "the output is as it was");
            assert_eq!(fs::read(&temporary).unwrap(), b"his", "what is somebody else's is not removed");
        }
    }
}
