//! Profiles: a magic number together with the checksum function that goes with it.

use super::{Aegis128L, Backend, Checksum, Crc64, Hasher};
use core::fmt;

/// The 16 bytes that start every entry.
pub type Magic = [u8; 16];

/// Magic of the TigerBeetle profile, as on disk.
const MAGIC_TIGERBEETLE: Magic = 0x00bc_d8d3_fee4_0611_9ed1_92c4_f4c4_fc82_u128.to_le_bytes();
/// Magic of the CRC profile, as on disk.
const MAGIC_CRC: Magic = 0x008e_bc7b_1c91_bd3b_41aa_de69_9591_e87e_u128.to_le_bytes();
/// Magic of the layout before TigerBeetle 0.16.21, recognised to say so and not read.
pub const MAGIC_LEGACY: Magic = 312_960_301_372_567_410_560_647_846_651_901_451_202_u128.to_le_bytes();

mod sealed {
    pub trait Sealed {}
}

/// What distinguishes the two kinds of log: magic and checksum function.
///
/// Sealed: a third profile would be a third file format. Take [`TigerBeetle`] or [`Crc`] where the
/// kind is known, so that firmware links only one of them; [`AnyProfile`] where the file decides.
pub trait Profile: Copy + fmt::Debug + sealed::Sealed {
    /// The checksum function.
    type Hasher: Hasher + fmt::Debug;

    /// The 16 bytes that start every entry of such a log.
    fn magic(&self) -> Magic;

    /// A hasher that has taken no bytes.
    fn hasher(&self) -> Self::Hasher;

    /// `"tigerbeetle"` or `"crc"`.
    fn name(&self) -> &'static str;

    /// The checksum of `bytes`, at once.
    fn checksum(&self, bytes: &[u8]) -> Checksum {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// The files of TigerBeetle's replicas: checksums are AEGIS-128L tags.
///
/// ```
/// use aof_nostd::checksum::{Profile, TigerBeetle};
/// let profile = TigerBeetle::default();
/// assert_eq!(profile.checksum(b"").get(), 0x49f1_7461_8255_402d_e6e7_e3c4_0d60_cc83);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TigerBeetle {
    /// How the AES rounds are computed; the checksum does not depend on it.
    pub backend: Backend,
}

impl TigerBeetle {
    /// The profile, computed by `backend`.
    #[must_use]
    pub const fn new(backend: Backend) -> Self {
        Self { backend }
    }
}

impl sealed::Sealed for TigerBeetle {}

impl Profile for TigerBeetle {
    type Hasher = Aegis128L;

    fn magic(&self) -> Magic {
        MAGIC_TIGERBEETLE
    }

    fn hasher(&self) -> Aegis128L {
        Aegis128L::new(self.backend)
    }

    fn name(&self) -> &'static str {
        "tigerbeetle"
    }

    fn checksum(&self, bytes: &[u8]) -> Checksum {
        Aegis128L::digest(self.backend, bytes)
    }
}

/// The CRC profile: the same layout with CRC-64/XZ, for devices without AES instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Crc;

impl sealed::Sealed for Crc {}

impl Profile for Crc {
    type Hasher = Crc64;

    fn magic(&self) -> Magic {
        MAGIC_CRC
    }

    fn hasher(&self) -> Crc64 {
        Crc64::new()
    }

    fn name(&self) -> &'static str {
        "crc"
    }
}

/// Either profile, decided at run time by the first entry's magic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AnyProfile {
    /// See [`TigerBeetle`].
    TigerBeetle(TigerBeetle),
    /// See [`Crc`].
    Crc(Crc),
}

impl AnyProfile {
    /// Both profiles, the TigerBeetle one computed by `backend`.
    #[must_use]
    pub const fn all(backend: Backend) -> [Self; 2] {
        [Self::TigerBeetle(TigerBeetle::new(backend)), Self::Crc(Crc)]
    }

    /// The profile whose entries start with `magic`, if it is one's.
    #[must_use]
    pub fn from_magic(magic: &[u8], backend: Backend) -> Option<Self> {
        Self::all(backend).into_iter().find(|profile| profile.magic() == magic)
    }
}

impl Default for AnyProfile {
    /// The TigerBeetle profile.
    fn default() -> Self {
        Self::TigerBeetle(TigerBeetle::default())
    }
}

impl From<TigerBeetle> for AnyProfile {
    fn from(profile: TigerBeetle) -> Self {
        Self::TigerBeetle(profile)
    }
}

impl From<Crc> for AnyProfile {
    fn from(profile: Crc) -> Self {
        Self::Crc(profile)
    }
}

impl sealed::Sealed for AnyProfile {}

impl Profile for AnyProfile {
    type Hasher = AnyHasher;

    fn magic(&self) -> Magic {
        match self {
            Self::TigerBeetle(profile) => profile.magic(),
            Self::Crc(profile) => profile.magic(),
        }
    }

    fn hasher(&self) -> AnyHasher {
        match self {
            Self::TigerBeetle(profile) => AnyHasher::TigerBeetle(profile.hasher()),
            Self::Crc(profile) => AnyHasher::Crc(profile.hasher()),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::TigerBeetle(profile) => profile.name(),
            Self::Crc(profile) => profile.name(),
        }
    }

    fn checksum(&self, bytes: &[u8]) -> Checksum {
        match self {
            Self::TigerBeetle(profile) => profile.checksum(bytes),
            Self::Crc(profile) => profile.checksum(bytes),
        }
    }
}

/// The hasher of [`AnyProfile`].
#[derive(Clone, Debug)]
pub enum AnyHasher {
    /// See [`Aegis128L`].
    TigerBeetle(Aegis128L),
    /// See [`Crc64`].
    Crc(Crc64),
}

impl Hasher for AnyHasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::TigerBeetle(hasher) => hasher.update(bytes),
            Self::Crc(hasher) => hasher.update(bytes),
        }
    }

    fn finish_in_place(&mut self) -> Checksum {
        match self {
            Self::TigerBeetle(hasher) => hasher.finish_in_place(),
            Self::Crc(hasher) => hasher.finish_in_place(),
        }
    }
}

/// A profile that counts what is hashed, for tests of what reading costs.
#[cfg(test)]
pub(crate) mod counting {
    extern crate std;

    use super::{Magic, Profile, sealed};
    use crate::checksum::{Checksum, Hasher};
    use core::cell::Cell;

    std::thread_local! {
        static COUNTS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    }

    /// Checksums begun by this thread since the last call, and bytes taken.
    pub(crate) fn take_counts() -> (u64, u64) {
        COUNTS.take()
    }

    fn count(checksums: u64, bytes: usize) {
        COUNTS.set((COUNTS.get().0 + checksums, COUNTS.get().1 + bytes as u64));
    }

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Counting<P>(pub(crate) P);

    #[derive(Clone, Debug)]
    pub(crate) struct CountingHasher<H>(H);

    impl<P> sealed::Sealed for Counting<P> {}

    impl<P: Profile> Profile for Counting<P> {
        type Hasher = CountingHasher<P::Hasher>;

        fn magic(&self) -> Magic {
            self.0.magic()
        }

        fn hasher(&self) -> Self::Hasher {
            count(1, 0);
            CountingHasher(self.0.hasher())
        }

        fn name(&self) -> &'static str {
            self.0.name()
        }
    }

    impl<H: Hasher> Hasher for CountingHasher<H> {
        fn update(&mut self, bytes: &[u8]) {
            count(0, bytes.len());
            self.0.update(bytes);
        }

        fn finish_in_place(&mut self) -> Checksum {
            self.0.finish_in_place()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magics_are_the_bytes_on_disk() {
        assert_eq!(
            TigerBeetle::default().magic(),
            [0x82, 0xfc, 0xc4, 0xf4, 0xc4, 0x92, 0xd1, 0x9e, 0x11, 0x06, 0xe4, 0xfe, 0xd3, 0xd8, 0xbc, 0x00]
        );
        assert_eq!(
            Crc.magic(),
            [0x7e, 0xe8, 0x91, 0x95, 0x69, 0xde, 0xaa, 0x41, 0x3b, 0xbd, 0x91, 0x1c, 0x7b, 0xbc, 0x8e, 0x00]
        );
    }

    #[test]
    fn profile_is_found_from_the_magic() {
        for profile in AnyProfile::all(Backend::SOFTWARE) {
            assert_eq!(AnyProfile::from_magic(&profile.magic(), Backend::SOFTWARE), Some(profile));
        }
        assert_eq!(AnyProfile::from_magic(&MAGIC_LEGACY, Backend::SOFTWARE), None);
    }
}
