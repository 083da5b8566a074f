//! Durability: what `embedded_io::Write::flush` does not promise.

use embedded_io::ErrorType;

/// A device whose writes can be made durable.
///
/// `embedded_io::Write::flush` does not promise that: on most files it does nothing. What power loss
/// may do at each call:
///
/// - between a `write` and the next successful `sync`: each byte written may be there or not, in any
///   order, and the last sector may hold anything;
/// - after `sync` returned `Ok`: everything written before the call is there, bit for bit;
/// - after `sync` returned an error: as without it, **for good**. A later `Ok` proves nothing about what
///   the failed call should have covered, since the operating system may have dropped the pages.
///
/// An implementation that cannot keep the second point must return an error instead.
pub trait Sync: ErrorType {
    /// Makes everything written so far durable.
    ///
    /// # Errors
    ///
    /// The device failed, or cannot promise durability.
    fn sync(&mut self) -> Result<(), Self::Error>;
}

impl<T: Sync + ?Sized> Sync for &mut T {
    fn sync(&mut self) -> Result<(), Self::Error> {
        T::sync(self)
    }
}
