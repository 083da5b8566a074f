//! What the zeros are that end a file: [`ZerosAre`].

use serde::Serialize;

/// What the zeros are that end a file. Ordered by how much they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZerosAre {
    /// The free space of a device.
    Device,
    /// Zeros that a writer keeps ahead of the log's end.
    Ahead,
    /// In a log file, a tail that was lost; on the image of a device, free space.
    Unknown,
}

impl ZerosAre {
    /// What they are in a file of so many bytes.
    ///
    /// A writer that keeps zeros ahead (`OpenOptions::preallocate`) gives the file a size that is one byte short of whole
    /// sectors, as no device and no image of one has it. Nothing else distinguishes the zeros.
    #[must_use]
    pub const fn of(bytes: u64, is_device: bool) -> Self {
        const SECTOR: u64 = 512;
        if is_device {
            Self::Device
        } else if bytes % SECTOR == SECTOR - 1 {
            Self::Ahead
        } else {
            Self::Unknown
        }
    }

    /// In words, as the end of a sentence about the zeros.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Device => "a device's free space",
            Self::Ahead => "free space that a writer keeps ahead of its log (preallocation)",
            Self::Unknown => "in a log file, what was there is lost; on a device's image it is free space",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_keeps_zeros_ahead_shows_in_the_size() {
        assert_eq!(ZerosAre::of(1_048_575, false), ZerosAre::Ahead);
        assert_eq!(ZerosAre::of(1_048_576, false), ZerosAre::Unknown);
        assert_eq!(ZerosAre::of(1_048_000, false), ZerosAre::Unknown);
        assert_eq!(ZerosAre::of(1_048_575, true), ZerosAre::Device);
        assert!(ZerosAre::Device < ZerosAre::Ahead && ZerosAre::Ahead < ZerosAre::Unknown);
    }
}
