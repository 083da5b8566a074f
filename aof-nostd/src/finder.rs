//! The search for a magic in bytes.
//!
//! On 64-bit machines `memchr` does it, many bytes at a time. Elsewhere there are no such instructions: then
//! a plain loop is small, cannot panic, and is still faster than the checksum of what it finds.

use crate::checksum::Magic;

#[cfg(target_pointer_width = "64")]
pub(crate) use self::wide::Finder;

#[cfg(not(target_pointer_width = "64"))]
pub(crate) use self::plain::Finder;

#[cfg(target_pointer_width = "64")]
mod wide {
    use super::Magic;
    use memchr::memmem;

    /// Finds one magic.
    #[derive(Debug)]
    pub(crate) struct Finder<'a> {
        magic: &'a Magic,
        finder: memmem::Finder<'a>,
    }

    impl<'a> Finder<'a> {
        pub(crate) fn new(magic: &'a Magic) -> Self {
            Self { magic, finder: memmem::Finder::new(magic) }
        }

        /// Where the first magic in `bytes` begins.
        pub(crate) fn find(&self, bytes: &[u8]) -> Option<usize> {
            // A hostile log has one magic behind the other. A look at the next bytes is ten times faster than
            // a search that ends there.
            if bytes.first_chunk() == Some(self.magic) {
                return Some(0);
            }
            self.finder.find(bytes)
        }
    }
}

#[cfg(any(test, not(target_pointer_width = "64")))]
mod plain {
    use super::Magic;

    /// Finds one magic.
    #[derive(Debug)]
    pub(crate) struct Finder<'a>(&'a Magic);

    impl<'a> Finder<'a> {
        pub(crate) fn new(magic: &'a Magic) -> Self {
            Self(magic)
        }

        /// Where the first magic in `bytes` begins.
        pub(crate) fn find(&self, bytes: &[u8]) -> Option<usize> {
            bytes.windows(self.0.len()).position(|window| window == self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn first_magic_is_found_wherever_it_begins() {
        let magic = crate::checksum::Profile::magic(&crate::checksum::Crc);
        let finder = super::plain::Finder::new(&magic);
        for at in 0..=64 - magic.len() {
            let mut bytes = [magic[0]; 64];
            bytes[at..at + magic.len()].copy_from_slice(&magic);
            assert_eq!(finder.find(&bytes), Some(at));
            assert_eq!(finder.find(&bytes[..at + magic.len() - 1]), None);
            #[cfg(target_pointer_width = "64")]
            assert_eq!(super::Finder::new(&magic).find(&bytes), Some(at));
        }
    }
}
