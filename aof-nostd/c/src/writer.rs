//! Appending to a log.

use crate::border::{Out, borrowed, bytes, call, ok, value, value_or_default};
use crate::device::Device;
use crate::error::{aof_error, aof_failure};
use crate::profile::{self, Profile};
use crate::slot::{Kept, Slot};
use crate::types::{
    AOF_ALIGN, AOF_STATE_CHECKPOINTING, AOF_STATE_FAILED, AOF_STATE_WRITING, AOF_WRITER_SIZE, aof_device,
    aof_header, aof_link, aof_options, aof_request, aof_status, aof_tail, aof_writer,
};
use aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT;
use aof_nostd::writer::{State, UNSYNCED_MAX_DEFAULT};
use aof_nostd::{Checksum, Draft, Entry, Operation, Writer};
use core::ffi::c_void;
use embedded_io::{Seek, SeekFrom};

type LogWriter = Writer<Device, Profile>;
type WriterSlot = Slot<LogWriter>;

impl Kept for LogWriter {
    const TAG: u32 = 0xa0f0_0002;
}

const _: () = {
    assert!(size_of::<WriterSlot>() <= AOF_WRITER_SIZE);
    assert!(align_of::<WriterSlot>() <= AOF_ALIGN && align_of::<WriterSlot>() <= align_of::<aof_writer>());
};

/// Opens a log for appending at `tail`, which `aof_recover` gave: the next entry continues its last one.
/// `tail` NULL: a new log, at the device's first byte. `writer_size` is `sizeof(aof_writer)`.
///
/// A writer that is open already is closed by this, also where the log cannot be opened: as by
/// `aof_writer_close`, without a checkpoint. A wrong call (NULL, say) leaves it as it is.
///
/// Errors: `AOF_ERROR_TORN`, `AOF_ERROR_PROFILE` (it has to be named), `AOF_ERROR_DEVICE`, and those of a
/// wrong call.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say; the callbacks may be called with their context until
/// the writer is closed.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_writer_open(
    writer: *mut aof_writer,
    writer_size: usize,
    device: *const aof_device,
    tail: *const aof_tail,
    options: *const aof_options,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, device, tail, options, failure) = unsafe {
        (
            WriterSlot::within(writer.cast(), writer_size),
            value(device).and_then(|device| Device::writing(device)),
            borrowed(tail),
            value_or_default(options),
            Out::optional(failure),
        )
    };
    call(failure, || {
        let (slot, device, tail, options) = (slot?, device?, tail?, options?);
        // SAFETY: as the caller owes.
        #[allow(unsafe_code, reason = "memory of C")]
        let first = unsafe { borrowed(options.first)? };
        slot.fill(|| open(device, tail, first, &options)).map(ok)
    })
}

/// A writer at the end of a log. In one go, and not step by step: each step would be a copy of it on the stack.
fn open(
    mut device: Device,
    tail: Option<&aof_tail>,
    first: Option<&aof_header>,
    options: &aof_options,
) -> Result<LogWriter, aof_failure> {
    let profile = profile::known(options.profile)?;
    let end = tail.map_or(0, |tail| tail.end);
    if tail.is_some_and(|tail| tail.torn_start < tail.torn_end) {
        return Err(aof_failure { offset: end, ..aof_error::AOF_ERROR_TORN.into() });
    }
    device.seek(SeekFrom::Start(end))?;
    let or = |value: u32, default| if value == 0 { default } else { value };
    let writer = Writer::new(device, profile)
        .with_message_size_max(or(options.message_size_max, MESSAGE_SIZE_MAX_DEFAULT))
        .with_unsynced_max(or(options.unsynced_max, UNSYNCED_MAX_DEFAULT));
    let last = tail.map(|tail| &tail.last).filter(|last| last.op > 0);
    Ok(match (last, first) {
        (Some(last), _) => writer.continue_after(last.into()),
        (None, Some(first)) => writer.start_with(first.into()),
        (None, None) => writer,
    })
}

/// Makes an entry of a request and a body (`body_size` bytes; NULL if 0) that continues the last entry,
/// and appends it. `*link` is set to its place in the chain (NULL: not wanted). It is durable after the
/// next checkpoint.
///
/// Errors: `AOF_ERROR_UNSYNCED`, `AOF_ERROR_HEADER` (the body is too large, or there is no op left):
/// nothing was written. `AOF_ERROR_DEVICE`, `AOF_ERROR_FULL`: a part of the entry may be on the device, and
/// every call after this one gives `AOF_ERROR_FAILED`.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say; `body` has `body_size` bytes.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_writer_append(
    writer: *mut aof_writer,
    request: *const aof_request,
    body: *const c_void,
    body_size: usize,
    link: *mut aof_link,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, request, body, link, failure) = unsafe {
        (
            WriterSlot::at(writer.cast()),
            value(request),
            bytes(body, body_size),
            Out::optional(link),
            Out::optional(failure),
        )
    };
    call(failure, || {
        let (slot, request, body, link) = (slot?, request?, body?, link?);
        let draft = Draft {
            operation: Operation(request.operation),
            timestamp_ns: request.timestamp_ns,
            client: u128::from_le_bytes(request.client),
            request: request.request,
            request_checksum: Checksum::from_bytes(request.request_checksum),
        };
        slot.with(|writer| {
            Ok(writer.append_new(&draft, body).map(|place| link.set((&place).into())).map(ok)?)
        })
    })
}

/// Appends a sealed entry as it is (magic, header and body: `size` bytes), after verifying it. Its place in
/// the chain is not looked at: a replica may go back.
///
/// Errors: `AOF_ERROR_INVALID`, `AOF_ERROR_HEADER` (`size` is not the entry's), `AOF_ERROR_UNSYNCED`: nothing
/// was written. `AOF_ERROR_DEVICE`, `AOF_ERROR_FULL`: as for `aof_writer_append`.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say; `entry` has `size` bytes.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_writer_append_sealed(
    writer: *mut aof_writer,
    entry: *const c_void,
    size: usize,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, stored, failure) =
        unsafe { (WriterSlot::at(writer.cast()), bytes(entry, size), Out::optional(failure)) };
    call(failure, || {
        let (slot, stored) = (slot?, stored?);
        let entry = Entry::from_prefix(stored).filter(|entry| {
            // All of it and nothing else.
            entry.body.len().checked_add(aof_nostd::wire::HEAD_SIZE) == Some(stored.len())
        });
        let entry = entry
            .ok_or(aof_failure { rule: crate::types::AOF_RULE_SIZE, ..aof_error::AOF_ERROR_HEADER.into() })?;
        slot.with(|writer| Ok(writer.append(entry).map(ok)?))
    })
}

/// Makes everything appended durable: syncs the device. Only `AOF_OK` says that it is.
///
/// Errors: `AOF_ERROR_DEVICE`: nothing is known of what was not durable before, and every call after this
/// one gives `AOF_ERROR_FAILED`; open the log anew, after a restart. `AOF_ERROR_CHECKPOINTING`,
/// `AOF_ERROR_FAILED`.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_writer_checkpoint(
    writer: *mut aof_writer,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, failure) = unsafe { (WriterSlot::at(writer.cast()), Out::optional(failure)) };
    call(failure, || slot?.with(|writer| Ok(writer.checkpoint(|| {}).map(ok)?)))
}

/// Begins a checkpoint whose sync the caller makes itself, in an interrupt or another task, without the
/// writer. Entries may be appended meanwhile; the checkpoint does not cover them.
///
/// Errors: `AOF_ERROR_CHECKPOINTING`, `AOF_ERROR_FAILED`.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_writer_begin_checkpoint(
    writer: *mut aof_writer,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, failure) = unsafe { (WriterSlot::at(writer.cast()), Out::optional(failure)) };
    call(failure, || slot?.with(|writer| Ok(writer.begin_checkpoint().map(ok)?)))
}

/// Ends it. `synced` 1: the device synced after the checkpoint began, and what was appended before is
/// durable. 0: the sync failed, and the writer has failed with it.
///
/// Errors: `AOF_ERROR_NOT_CHECKPOINTING`, `AOF_ERROR_FAILED`.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_writer_end_checkpoint(
    writer: *mut aof_writer,
    synced: u32,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, failure) = unsafe { (WriterSlot::at(writer.cast()), Out::optional(failure)) };
    call(failure, || slot?.with(|writer| Ok(writer.end_checkpoint(synced != 0).map(ok)?)))
}

/// Says what a writer is doing.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_writer_status(writer: *mut aof_writer, status: *mut aof_status) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, status) = unsafe { (WriterSlot::at(writer.cast()), Out::required(status)) };
    let said = || {
        let (slot, status) = (slot?, status?);
        slot.with(|writer| {
            let state = match writer.state() {
                State::Writing => AOF_STATE_WRITING,
                State::Checkpointing { .. } => AOF_STATE_CHECKPOINTING,
                State::Failed => AOF_STATE_FAILED,
            };
            let last_op = writer.last().map_or(0, |header| header.op().0);
            status.set(aof_status { size: writer.size(), last_op, unsynced: writer.unsynced(), state });
            Ok(aof_error::AOF_OK)
        })
    };
    said().unwrap_or_else(|error: aof_error| error)
}

/// Closes a writer: storage and device are the caller's again. What was not synced is not durable.
///
/// # Safety
///
/// The pointer is NULL or points at a writer.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_writer_close(writer: *mut aof_writer) -> aof_error {
    // SAFETY: as the caller owes.
    let slot = unsafe { WriterSlot::at(writer.cast()) };
    slot.and_then(Slot::close).map_or_else(|error| error, ok)
}
