//! Where a log ends and a writer may go on; what a power cut left is made clean.

use crate::border::{Buffer, Out, call, value, value_or_default};
use crate::device::Device;
use crate::error::{aof_error, aof_failure};
use crate::profile;
use crate::types::{aof_device, aof_header, aof_options, aof_tail};
use aof_nostd::tail::Torn;
use aof_nostd::{Recovery, Tail};
use core::ffi::c_void;

/// Reads a log whole and finds its end. Writes nothing. For a file, and for a device that was zeroed
/// before its first use. A log without an entry is one, too.
///
/// Errors: `AOF_ERROR_MIDDLE`, `AOF_ERROR_RULE`, `AOF_ERROR_FORK`, `AOF_ERROR_NO_LOG`,
/// `AOF_ERROR_FOREIGN`: append nothing.
/// `AOF_ERROR_SHRUNK`, `AOF_ERROR_DEVICE`, `AOF_ERROR_BUFFER`, `AOF_ERROR_PROFILE` (it has to be named), and
/// those of a wrong call.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say; `buffer` has `buffer_size` bytes; the callbacks may
/// be called with their context.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_recover(
    device: *const aof_device,
    buffer: *mut c_void,
    buffer_size: usize,
    options: *const aof_options,
    tail: *mut aof_tail,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (device, buffer, options, tail, failure) = unsafe {
        (
            value(device).and_then(|device| Device::reading(device)),
            Buffer::new(buffer, buffer_size),
            value_or_default(options),
            Out::required(tail),
            Out::optional(failure),
        )
    };
    call(failure, || {
        let (device, buffer, options, tail) = (device?, buffer?, options?, tail?);
        let mut recovery = Recovery::new(profile::known(options.profile)?);
        if options.message_size_max > 0 {
            recovery = recovery.with_message_size_max(options.message_size_max);
        }
        if options.search_size_max > 0 {
            recovery = recovery.with_search_size_max(options.search_size_max);
        }
        let found = recovery.with_leftovers_max(options.leftovers_max).find(device, buffer)?;
        let torn = found.torn.unwrap_or(Torn { start: found.end, end: found.end });
        tail.set(aof_tail {
            end: found.end,
            entries: found.entries,
            torn_start: torn.start,
            torn_end: torn.end,
            last: found.last.as_ref().map_or_else(aof_header::default, aof_header::from),
        });
        Ok(aof_error::AOF_OK)
    })
}

/// Zeroes what a power cut left behind the log's end, and makes that and every entry found durable. Then
/// `*tail` says that nothing is torn. A power cut meanwhile leaves a torn tail again. For raw devices, and
/// files that cannot be made shorter; one that can is cut at `end`, and `torn_end` set to `torn_start`.
///
/// Errors: `AOF_ERROR_DEVICE`, `AOF_ERROR_FULL` (the device has become smaller), and those of a wrong call.
/// Recover anew; where a sync failed, only after a restart.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say; the callbacks may be called with their context.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_clean(
    device: *const aof_device,
    tail: *mut aof_tail,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (device, found, tail, failure) = unsafe {
        (
            value(device).and_then(|device| Device::writing(device)),
            value(tail.cast_const()),
            Out::required(tail),
            Out::optional(failure),
        )
    };
    call(failure, || {
        let (device, mut found, tail) = (device?, found?, tail?);
        let (start, end) = (found.torn_start, found.torn_end);
        let torn = (start < end).then_some(Torn { start, end });
        Tail { end: found.end, torn, ..Tail::default() }.clean(device)?;
        found.torn_end = found.torn_start;
        tail.set(found);
        Ok(aof_error::AOF_OK)
    })
}
