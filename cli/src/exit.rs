//! Exit codes, the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: sound, or done.
    Sound,
    /// 1: it ran, and found damage or could not do all that was asked.
    Damage,
    /// 2: wrong usage, or an input cannot be read at all.
    Usage,
    /// 130: stopped by a signal. Nothing half-done is left.
    Interrupted,
}

impl Exit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Sound, Self::Damage, Self::Usage, Self::Interrupted];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Sound => 0,
            Self::Damage => 1,
            Self::Usage => 2,
            Self::Interrupted => 130,
        }
    }

    /// In words, for the manual.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Sound => "Sound, or done. Also where whoever reads standard output has closed it early.",
            Self::Damage => "It ran, and found damage or could not do all that was asked.",
            Self::Usage => "Wrong usage, or an input cannot be read.",
            Self::Interrupted => "Stopped by a signal. Nothing half-done is left.",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
