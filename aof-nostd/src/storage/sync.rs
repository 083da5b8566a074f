//! Durability: what `embedded_io::Write::flush` does not promise.

use embedded_io::ErrorType;

/// A device whose writes can be made durable.
///
/// `embedded_io::Write::flush` does not promise that: on most files it does nothing. What power loss
/// may do at each call:
///
/// - between a `write` and the next successful `sync`: each byte written may be there or not, in any
///   order, or hold anything; a byte that was not written since the last `sync` is as it was;
/// - after `sync` returned `Ok`: everything written before the call is there, bit for bit;
/// - after `sync` returned an error: as without it, **for good**. A later `Ok` proves nothing about what
///   the failed call should have covered, since the operating system may have dropped the pages. Nor does
///   a read: until the next restart a cache may go on to give what is lost.
///
/// An implementation that cannot keep the second point must return an error instead. `Interrupted` is an
/// error like any other here, and no caller tries again: how much was done is not known. An implementation
/// that knows that an interrupted call lost nothing makes it again itself, as `std`'s files do.
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
