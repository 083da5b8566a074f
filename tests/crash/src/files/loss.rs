//! What a power cut takes: [`Loss`], and all of them for a state of a disk.

/// What a power cut takes of what is not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of it.
    Everything,
    /// Nothing.
    Nothing,
    /// All changes of a file behind the first so many.
    Behind {
        /// How many stay.
        kept: usize,
    },
    /// One change of each file; zeros stand in its place.
    One {
        /// Which.
        lost: usize,
    },
    /// The bytes; the lengths stay, and zeros stand there.
    Zeros,
    /// The bytes; the lengths stay, and garbage stands there.
    Garbage,
    /// The last write of each file but for its first bytes.
    Torn {
        /// How many of them stay.
        size: usize,
    },
    /// What the seed says, of every kind.
    Any {
        /// It.
        seed: u64,
    },
}

/// What of the directory's changes stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// The first so many.
    First(usize),
    /// All but one.
    AllBut(usize),
    /// Each or not, as the seed says.
    Any(u64),
}

/// A power cut: what it takes of files, and what it leaves of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Of files.
    pub loss: Loss,
    /// Of names.
    pub names: Names,
}

/// Every power cut that is told apart, for a disk with so many pending changes in a file at most, in its
/// directory, and bytes in a last write.
#[must_use]
pub fn all(changes: usize, names: usize, last_size: usize) -> Vec<Cut> {
    let mut losses = vec![Loss::Everything, Loss::Nothing];
    if changes > 0 {
        losses.extend([Loss::Zeros, Loss::Garbage]);
        losses.extend((1..changes).map(|kept| Loss::Behind { kept }));
        losses.extend((0..changes - 1).map(|lost| Loss::One { lost }));
        // Around what is told apart in an entry, and each sector.
        let sizes = [1, 15, 16, 17, 271, 272, 273].into_iter().chain((512..last_size).step_by(512));
        losses.extend(sizes.filter(|size| *size < last_size).map(|size| Loss::Torn { size }));
        losses.extend((0..2).map(|seed| Loss::Any { seed }));
    }
    let mut left: Vec<Names> = (0..=names).map(Names::First).collect();
    if names > 1 {
        left.extend((0..names - 1).map(Names::AllBut));
    }
    losses.iter().flat_map(|loss| left.iter().map(|names| Cut { loss: *loss, names: *names })).collect()
}
