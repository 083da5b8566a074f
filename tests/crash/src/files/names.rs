//! A directory's names, and what a power cut leaves of them: [`Directory`].

use crate::files::loss::Names;
use aof_tests::random::Random;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file, whatever it is called.
pub type Inode = usize;

type Entries = BTreeMap<PathBuf, Inode>;

/// Names that change at one moment.
type Change = Vec<(PathBuf, Option<Inode>)>;

/// A directory. Each change is kept by a power cut or lost, in any combination, until the directory is
/// synced.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    live: Entries,
    durable: Entries,
    pending: Vec<Change>,
}

impl Directory {
    /// The file of that name.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<Inode> {
        self.live.get(path).copied()
    }

    /// All names.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, Inode)> {
        self.live.iter().map(|(path, inode)| (path.as_path(), *inode))
    }

    /// Changes that are not durable.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Gives and takes names, at one moment.
    pub fn change(&mut self, change: Change) {
        apply(&change, &mut self.live);
        self.pending.push(change);
    }

    /// Makes all changes durable.
    pub fn sync(&mut self) {
        self.durable.clone_from(&self.live);
        self.pending.clear();
    }

    /// The directory after a power cut.
    #[must_use]
    pub fn cut(&self, names: Names) -> Self {
        let mut left = self.durable.clone();
        let mut random = match names {
            Names::Any(seed) => Random::new(seed),
            _ => Random::new(0),
        };
        for (index, change) in self.pending.iter().enumerate() {
            let stays = match names {
                Names::First(count) => index < count,
                Names::AllBut(lost) => index != lost,
                Names::Any(_) => random.one_in(2),
            };
            if stays {
                apply(change, &mut left);
            }
        }
        Self { durable: left.clone(), live: left, pending: Vec::new() }
    }
}

fn apply(change: &Change, entries: &mut Entries) {
    for (path, inode) in change {
        match inode {
            Some(inode) => entries.insert(path.clone(), *inode),
            None => entries.remove(path),
        };
    }
}
