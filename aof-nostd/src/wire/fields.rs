//! Numbers with a meaning of their own: [`Op`], [`View`], [`Release`].

use core::fmt;

/// The number of an entry in its cluster's log: 1, 2, 3 and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Op(pub u64);

impl Op {
    /// The op after this one; `None` after the last number there is.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(op) => Some(Self(op)),
            None => None,
        }
    }

    /// The op before this one; `None` before 0.
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(op) => Some(Self(op)),
            None => None,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The term of a primary: it grows each time the cluster chooses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct View(pub u32);

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The release of the software that prepared an entry: `major << 16 | minor << 8 | patch`.
///
/// ```
/// use aof_nostd::wire::Release;
/// let release = Release::new(0, 16, 21);
/// assert_eq!((release.major(), release.minor(), release.patch()), (0, 16, 21));
/// assert_eq!(release.to_string(), "0.16.21");
/// assert_eq!("0.16.21".parse(), Ok(release));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Release(pub u32);

impl Release {
    /// The release with this number.
    #[must_use]
    pub const fn new(major: u16, minor: u8, patch: u8) -> Self {
        Self((major as u32) << 16 | (minor as u32) << 8 | patch as u32)
    }

    /// First part of the number.
    #[must_use]
    pub const fn major(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Second part of the number.
    #[must_use]
    pub const fn minor(self) -> u8 {
        self.0.to_le_bytes()[1]
    }

    /// Third part of the number.
    #[must_use]
    pub const fn patch(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major(), self.minor(), self.patch())
    }
}

/// The text is not a release: three numbers with dots between, such as `0.16.21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParseReleaseError;

impl fmt::Display for ParseReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a release is MAJOR.MINOR.PATCH, at most 65535.255.255")
    }
}

impl core::error::Error for ParseReleaseError {}

impl core::str::FromStr for Release {
    type Err = ParseReleaseError;

    fn from_str(text: &str) -> Result<Self, ParseReleaseError> {
        fn part<T: core::str::FromStr>(text: Option<&str>) -> Result<T, ParseReleaseError> {
            text.and_then(|text| text.parse().ok()).ok_or(ParseReleaseError)
        }
        let mut parts = text.split('.');
        let release = Self::new(part(parts.next())?, part(parts.next())?, part(parts.next())?);
        if parts.next().is_some() { Err(ParseReleaseError) } else { Ok(release) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_of_a_development_build() {
        assert_eq!(Release::new(65535, 0, 0).0.to_le_bytes(), [0, 0, 0xff, 0xff]);
    }

    #[test]
    fn release_refuses_what_is_not_one() {
        for bad in ["", "1", "1.2", "1.2.3.4", "1.256.0", "65536.0.0", "a.b.c"] {
            assert_eq!(bad.parse::<Release>(), Err(ParseReleaseError), "{bad}");
        }
    }

    #[test]
    fn ops_end_without_overflow() {
        assert_eq!(Op(u64::MAX).next(), None);
        assert_eq!(Op(0).previous(), None);
        assert_eq!(Op(1).next().and_then(Op::previous), Some(Op(1)));
    }
}
