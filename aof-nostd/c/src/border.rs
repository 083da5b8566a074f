//! C's pointers: what can be seen of a wrong one is refused here, and the rest is the caller's word.
//!
//! Every exported function hands its pointers to this module in its first line, and works with what it
//! gets back: copies of what C passed in ([`value`]), places to put a result ([`Out`]), bytes ([`bytes`],
//! [`Buffer`]), callbacks ([`Pieces`], [`Findings`]).

#![allow(unsafe_code, reason = "pointers of C")]

use crate::error::{aof_error, aof_failure};
use crate::types::{AOF_HISTORY_COUNT_MAX, aof_finding, aof_finding_fn, aof_link, aof_piece_fn};
use core::ffi::c_void;
use core::ptr::NonNull;
use core::slice;

use aof_error::{AOF_ERROR_ALIGNMENT, AOF_ERROR_MEMORY, AOF_ERROR_NULL, AOF_OK};

/// Does the work of a call and writes what became of it where the caller wants it: whatever it is.
pub(crate) fn call(
    failure: Result<Out<aof_failure>, aof_error>,
    work: impl FnOnce() -> Result<aof_error, aof_failure>,
) -> aof_error {
    let failure = match failure {
        Ok(failure) => failure,
        Err(error) => return error,
    };
    let said = work().map_or_else(|failure| failure, aof_failure::from);
    failure.set(said);
    said.error
}

/// `pointer` if it is one to a `T`: not NULL, and aligned.
fn checked<T>(pointer: *mut T) -> Result<NonNull<T>, aof_error> {
    let pointer = NonNull::new(pointer).ok_or(AOF_ERROR_NULL)?;
    if pointer.is_aligned() { Ok(pointer) } else { Err(AOF_ERROR_ALIGNMENT) }
}

/// What `pointer` points at.
///
/// # Safety
///
/// If it is neither NULL nor misaligned, a `T` that nobody writes stands there.
pub(crate) unsafe fn value<T: Copy>(pointer: *const T) -> Result<T, aof_error> {
    let pointer = checked(pointer.cast_mut())?;
    // SAFETY: aligned and not NULL; the rest is what the caller owes.
    Ok(unsafe { pointer.read() })
}

/// The same; the default in place of NULL.
///
/// # Safety
///
/// As [`value`].
pub(crate) unsafe fn value_or_default<T: Copy + Default>(pointer: *const T) -> Result<T, aof_error> {
    if pointer.is_null() {
        return Ok(T::default());
    }
    // SAFETY: as the caller owes.
    unsafe { value(pointer) }
}

/// What `pointer` points at, where it stands; `None` in place of NULL. For what is too large to be copied: a
/// tail is 192 bytes.
///
/// # Safety
///
/// If it is neither NULL nor misaligned, a `T` stands there that nobody writes during `'a`.
pub(crate) unsafe fn borrowed<'a, T>(pointer: *const T) -> Result<Option<&'a T>, aof_error> {
    if pointer.is_null() {
        return Ok(None);
    }
    let pointer = checked(pointer.cast_mut())?;
    // SAFETY: aligned and not NULL; the rest is what the caller owes.
    Ok(Some(unsafe { pointer.as_ref() }))
}

/// A place of the caller's for a result.
#[derive(Debug)]
pub(crate) struct Out<T>(Option<NonNull<T>>);

impl<T> Out<T> {
    /// The place at `pointer`.
    ///
    /// # Safety
    ///
    /// If it is neither NULL nor misaligned, there is room for a `T`, which nobody else uses while this
    /// value lives.
    pub(crate) unsafe fn required(pointer: *mut T) -> Result<Self, aof_error> {
        checked(pointer).map(|pointer| Self(Some(pointer)))
    }

    /// The same; NULL says that the result is not wanted.
    ///
    /// # Safety
    ///
    /// As [`required`](Self::required).
    pub(crate) unsafe fn optional(pointer: *mut T) -> Result<Self, aof_error> {
        if pointer.is_null() {
            return Ok(Self(None));
        }
        // SAFETY: as the caller owes.
        unsafe { Self::required(pointer) }
    }

    /// Puts the result there.
    pub(crate) fn set(&self, value: T) {
        if let Some(pointer) = self.0 {
            // SAFETY: room for a `T`, not in use, as `required` was promised; aligned, as it looked.
            unsafe { pointer.write(value) };
        }
    }
}

/// The length of `size` values of `T` from `start` on, if memory can have them there: not more than half of it,
/// and not beyond its end.
fn length<T>(start: NonNull<T>, size: usize) -> Result<usize, aof_error> {
    let bytes = size.checked_mul(size_of::<T>()).filter(|bytes| isize::try_from(*bytes).is_ok());
    let end = bytes.and_then(|bytes| start.addr().get().checked_add(bytes));
    end.map(|_| size).ok_or(AOF_ERROR_MEMORY)
}

/// The `size` bytes at `pointer`, which may be NULL if there are none.
///
/// # Safety
///
/// If it is not NULL, there are so many bytes, which nobody writes during `'a`.
pub(crate) unsafe fn bytes<'a>(pointer: *const c_void, size: usize) -> Result<&'a [u8], aof_error> {
    if size == 0 {
        return Ok(&[]);
    }
    let pointer = checked(pointer.cast_mut().cast::<u8>())?;
    let size = length(pointer, size)?;
    // SAFETY: bytes have no alignment, the length is one that memory can have; the rest is what the caller
    // owes.
    Ok(unsafe { slice::from_raw_parts(pointer.as_ptr(), size) })
}

/// The `count` links at `pointer`, which may be NULL: then there are none.
///
/// # Safety
///
/// If it is neither NULL nor misaligned, so many links have room there, which nobody else uses during `'a`.
pub(crate) unsafe fn links<'a>(pointer: *mut aof_link, count: u32) -> Result<&'a mut [aof_link], aof_error> {
    if pointer.is_null() || count == 0 {
        return Ok(&mut []);
    }
    let pointer = checked(pointer)?;
    // The same on every CPU: on one with 64 bits no count of 32 bits is one that memory cannot have, and what
    // C left in an options struct by mistake would be written to.
    if count > AOF_HISTORY_COUNT_MAX {
        return Err(AOF_ERROR_MEMORY);
    }
    let count = length(pointer, usize::try_from(count).map_err(|_| AOF_ERROR_MEMORY)?)?;
    // SAFETY: aligned, and the length is one that memory can have; the rest is what the caller owes. Any
    // bytes are a link: it consists of numbers.
    Ok(unsafe { slice::from_raw_parts_mut(pointer.as_ptr(), count) })
}

/// The caller's buffer. Not a slice, since it lies in the caller's hands between two calls: the caller
/// looks at an entry's body there.
#[derive(Debug)]
pub(crate) struct Buffer {
    start: NonNull<u8>,
    size: usize,
}

impl Buffer {
    /// The buffer of `size` bytes at `pointer`.
    ///
    /// # Safety
    ///
    /// If it is not NULL, there are so many bytes; as long as this value lives they stay, and nobody
    /// writes them but through it.
    pub(crate) unsafe fn new(pointer: *mut c_void, size: usize) -> Result<Self, aof_error> {
        let start = checked(pointer.cast())?;
        Ok(Self { start, size: length(start, size)? })
    }

    /// Whether a part of it lies in the `size` bytes at `storage`.
    pub(crate) fn overlaps(&self, storage: *const c_void, size: usize) -> bool {
        let (own, other) = (self.start.as_ptr().addr(), storage.addr());
        own < other.saturating_add(size) && other < own.saturating_add(self.size)
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        // SAFETY: not NULL, a length that memory can have, bytes that stay and that only this value writes,
        // as `new` looked and was promised. Lent from this value, so not twice.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.size) }
    }
}

/// Where pieces of a body go.
#[derive(Debug)]
pub(crate) struct Pieces {
    callback: aof_piece_fn,
    context: *mut c_void,
    /// What the callback returned when it wanted no more.
    stopped: i32,
}

impl Pieces {
    /// To `callback`; nowhere if there is none.
    ///
    /// # Safety
    ///
    /// The callback is a function of its type, which may be called with `context`.
    pub(crate) unsafe fn new(callback: aof_piece_fn, context: *mut c_void) -> Self {
        Self { callback, context, stopped: 0 }
    }

    /// Gives a piece, unless no more are wanted.
    pub(crate) fn give(&mut self, piece: &[u8]) {
        if let (Some(callback), 0) = (self.callback, self.stopped) {
            // SAFETY: as `new` was promised; the piece is one.
            self.stopped = unsafe { callback(self.context, piece.as_ptr(), piece.len()) };
        }
    }

    /// Whether all pieces were taken.
    pub(crate) fn end(&self) -> Result<(), aof_failure> {
        if self.stopped == 0 { Ok(()) } else { Err(aof_failure::stopped(self.stopped)) }
    }
}

/// Where findings go.
#[derive(Debug)]
pub(crate) struct Findings {
    callback: aof_finding_fn,
    context: *mut c_void,
}

impl Findings {
    /// To `callback`; nowhere if there is none.
    ///
    /// # Safety
    ///
    /// As [`Pieces::new`].
    pub(crate) unsafe fn new(callback: aof_finding_fn, context: *mut c_void) -> Self {
        Self { callback, context }
    }

    /// Gives a finding.
    pub(crate) fn give(&self, finding: &aof_finding) -> Result<(), aof_failure> {
        let Some(callback) = self.callback else { return Ok(()) };
        // SAFETY: as `new` was promised; the finding is one.
        match unsafe { callback(self.context, finding) } {
            0 => Ok(()),
            code => Err(aof_failure::stopped(code)),
        }
    }
}

/// `AOF_OK`, for calls that have nothing else to say.
pub(crate) fn ok<T>(_: T) -> aof_error {
    AOF_OK
}
