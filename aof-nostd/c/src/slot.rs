//! A reader or a writer in the caller's memory.
//!
//! ```text
//!  0      4                  8
//! | tag  | padding | value: Reader or Writer ......................... |
//!
//!            open                 a call begins
//!   closed --------> open (TAG) ----------------> busy (BUSY)
//!     ^                |  ^                           |
//!     +---- close -----+  +------- it ends -----------+
//! ```
//!
//! The tag is what makes the rest safe to touch: a value is there only under its `TAG`, and while a call is
//! at work no other one gets at it. So a callback that calls the reader that called it is refused. Between
//! threads, or from an interrupt that comes in the middle of a call, the tag is looked at in the same way;
//! two calls that begin at the same moment are not kept apart, since the smallest CPUs have no instruction
//! for that.

#![allow(unsafe_code, reason = "a value in memory of C")]

use crate::error::aof_error;
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

use aof_error::{AOF_ERROR_ALIGNMENT, AOF_ERROR_BUSY, AOF_ERROR_NOT_OPEN, AOF_ERROR_NULL, AOF_ERROR_STORAGE};

/// Tag of a slot whose value is in use.
const BUSY: u32 = 0x79_73_75_62;
/// Tag of a slot without a value.
const CLOSED: u32 = 0;

/// What a slot may hold.
pub(crate) trait Kept {
    /// The tag of a slot that holds it, not in use. Unlike what memory happens to hold.
    const TAG: u32;
}

/// See the [module](self).
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Slot<T> {
    tag: AtomicU32,
    value: UnsafeCell<MaybeUninit<T>>,
}

impl<T: Kept> Slot<T> {
    /// The slot at `storage`.
    ///
    /// # Safety
    ///
    /// If it is neither NULL nor misaligned, there are as many bytes as a slot has, which during `'a`
    /// nobody touches but through slots at that place. They were zero before the first slot was there.
    pub(crate) unsafe fn at<'a>(storage: *mut c_void) -> Result<&'a Self, aof_error> {
        let slot = storage.cast::<Self>();
        if slot.is_null() {
            return Err(AOF_ERROR_NULL);
        }
        if !slot.is_aligned() {
            return Err(AOF_ERROR_ALIGNMENT);
        }
        // SAFETY: aligned and not NULL. A tag is a number, of any bytes, and the value may be anything.
        // Shared: all that is in it is changed through cells.
        Ok(unsafe { &*slot })
    }

    /// The same where the caller tells how many bytes there are.
    ///
    /// # Safety
    ///
    /// As [`at`](Self::at), for `size` bytes.
    pub(crate) unsafe fn within<'a>(storage: *mut c_void, size: usize) -> Result<&'a Self, aof_error> {
        if storage.is_null() {
            return Err(AOF_ERROR_NULL);
        }
        if size < size_of::<Self>() {
            return Err(AOF_ERROR_STORAGE);
        }
        // SAFETY: as the caller owes; there are enough bytes.
        unsafe { Self::at(storage) }
    }

    /// Puts the value there that `make` gives; one that was there is dropped as if it had never been.
    pub(crate) fn fill<E: From<aof_error>>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<(), E> {
        if self.tag.load(Ordering::Acquire) == BUSY {
            return Err(AOF_ERROR_BUSY.into());
        }
        self.tag.store(BUSY, Ordering::Release);
        let made = make();
        let (tag, result) = match made {
            Ok(value) => {
                // SAFETY: the tag says busy: nobody else has a reference to the value.
                unsafe { (*self.value.get()).write(value) };
                (T::TAG, Ok(()))
            }
            Err(error) => (CLOSED, Err(error)),
        };
        self.tag.store(tag, Ordering::Release);
        result
    }

    /// Works with the value.
    pub(crate) fn with<R, E: From<aof_error>>(
        &self,
        work: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        match self.tag.load(Ordering::Acquire) {
            tag if tag == T::TAG => {}
            BUSY => return Err(AOF_ERROR_BUSY.into()),
            _ => return Err(AOF_ERROR_NOT_OPEN.into()),
        }
        self.tag.store(BUSY, Ordering::Release);
        // SAFETY: the tag was the value's: it was put there. It is busy now: nobody else gets a reference
        // to it. Callbacks do not unwind: they are C's.
        let result = work(unsafe { (*self.value.get()).assume_init_mut() });
        self.tag.store(T::TAG, Ordering::Release);
        result
    }

    /// Takes the value away.
    pub(crate) fn close(&self) -> Result<(), aof_error> {
        self.with(|_| Ok::<_, aof_error>(()))?;
        self.tag.store(CLOSED, Ordering::Release);
        Ok(())
    }
}
