//! Reading a log entry by entry.

use crate::border::{Buffer, Out, Pieces, borrowed, call, ok, value, value_or_default};
use crate::device::Device;
use crate::error::{aof_error, aof_failure};
use crate::profile::{self, Profile};
use crate::slot::{Kept, Slot};
use crate::types::{
    AOF_ALIGN, AOF_READER_SIZE, aof_device, aof_entry, aof_header, aof_options, aof_piece_fn, aof_reader,
};
use aof_nostd::wire::MESSAGE_SIZE_MAX_DEFAULT;
use aof_nostd::{Checksum, Header, LocatedHeader, Reader};
use core::ffi::c_void;
use core::ptr;

pub(crate) type LogReader = Reader<Device, Buffer, Profile>;
type ReaderSlot = Slot<LogReader>;

impl Kept for LogReader {
    const TAG: u32 = 0xa0f0_0001;
}

const _: () = {
    assert!(size_of::<ReaderSlot>() <= AOF_READER_SIZE);
    assert!(align_of::<ReaderSlot>() <= AOF_ALIGN && align_of::<ReaderSlot>() <= align_of::<aof_reader>());
};

/// Opens a log for reading, from its first byte on, in a buffer of `AOF_BUFFER_SIZE_MIN` bytes or more.
/// `reader_size` is `sizeof(aof_reader)`. The buffer stays the reader's until it is closed; entries larger
/// than it can be read in pieces, or their headers only.
///
/// A reader that is open already is closed by this, also where the log cannot be opened. A wrong call (NULL,
/// say) leaves it as it is.
///
/// Errors: `AOF_ERROR_DEVICE`, `AOF_ERROR_BUFFER`, `AOF_ERROR_PROFILE`, and those of a wrong call.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say; `buffer` has `buffer_size` bytes; the callbacks may
/// be called with their context until the reader is closed.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_reader_open(
    reader: *mut aof_reader,
    reader_size: usize,
    device: *const aof_device,
    buffer: *mut c_void,
    buffer_size: usize,
    options: *const aof_options,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, device, buffer, options, failure) = unsafe {
        (
            ReaderSlot::within(reader.cast(), reader_size),
            value(device).and_then(|device| Device::reading(device)),
            Buffer::new(buffer, buffer_size),
            value_or_default(options),
            Out::optional(failure),
        )
    };
    call(failure, || {
        let (slot, device, buffer, options) = (slot?, device?, buffer?, options?);
        if buffer.overlaps(reader.cast(), reader_size) {
            return Err(aof_error::AOF_ERROR_MEMORY.into());
        }
        slot.fill(|| open(device, buffer, &options)).map(ok)
    })
}

/// A reader of the caller's log.
pub(crate) fn open(device: Device, buffer: Buffer, options: &aof_options) -> Result<LogReader, aof_failure> {
    let reader = match profile::profile(options.profile)? {
        Some(profile) => Reader::new(device, buffer, profile)?,
        #[cfg(all(feature = "tigerbeetle", feature = "crc"))]
        None => Reader::open(device, buffer, aof_nostd::Backend::default())?,
        #[cfg(not(all(feature = "tigerbeetle", feature = "crc")))]
        None => return Err(aof_error::AOF_ERROR_PROFILE.into()),
    };
    let size_max = match options.message_size_max {
        0 => MESSAGE_SIZE_MAX_DEFAULT,
        size => size,
    };
    Ok(reader.with_message_size_max(size_max).with_chain_check(options.chain_check != 0))
}

/// Reads the next entry whole and verifies it. `AOF_END` at the log's end, again and again.
///
/// Errors: `AOF_ERROR_DAMAGE`, `AOF_ERROR_CHAIN` (only if asked for), `AOF_ERROR_BUFFER` (the entry is
/// larger than the buffer), `AOF_ERROR_DEVICE`, `AOF_ERROR_SHRUNK`. The position stays at the entry that could not be given:
/// skip it, read it in another way, or try again.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_reader_next(
    reader: *mut aof_reader,
    entry: *mut aof_entry,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    unsafe {
        step(reader, entry, failure, |reader, entry| {
            let Some(located) = reader.next()? else { return Ok(aof_error::AOF_END) };
            let header = &located.entry.header;
            entry.set(given(located.offset, header, located.entry.body.as_ptr()));
            Ok(aof_error::AOF_OK)
        })
    }
}

/// Reads the next entry and verifies it; its body goes to `piece` (which may be NULL) as it passes by, in
/// pieces of at most the buffer's size. What `piece` gets is **not yet verified**: only `AOF_OK` says that
/// it was right. `AOF_END` at the log's end.
///
/// Errors: as `aof_reader_next`, without `AOF_ERROR_BUFFER`. `AOF_ERROR_STOPPED` if `piece` returned
/// another value than 0: the entry is whole and was passed all the same.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say; `piece` may be called with `context`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_reader_next_streamed(
    reader: *mut aof_reader,
    entry: *mut aof_entry,
    piece: aof_piece_fn,
    context: *mut c_void,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    unsafe {
        let mut pieces = Pieces::new(piece, context);
        step(reader, entry, failure, |reader, entry| {
            let located = reader.next_streamed(|piece| pieces.give(piece))?;
            let said = passed(located, entry);
            pieces.end()?;
            Ok(said)
        })
    }
}

/// Reads the next entry's header and verifies that; its body is neither read nor verified. `AOF_END` at
/// the log's end.
///
/// Errors: as `aof_reader_next`, without `AOF_ERROR_BUFFER`.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_reader_next_header(
    reader: *mut aof_reader,
    entry: *mut aof_entry,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    unsafe { step(reader, entry, failure, |reader, entry| Ok(passed(reader.next_header()?, entry))) }
}

/// Takes a step to the next entry, in one of the ways to read it.
///
/// # Safety
///
/// As [`aof_reader_next`].
#[allow(unsafe_code, reason = "pointers of C")]
unsafe fn step(
    reader: *mut aof_reader,
    entry: *mut aof_entry,
    failure: *mut aof_failure,
    next: impl FnOnce(&mut LogReader, &Out<aof_entry>) -> Result<aof_error, aof_failure>,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, entry, failure) =
        unsafe { (ReaderSlot::at(reader.cast()), Out::required(entry), Out::optional(failure)) };
    call(failure, || {
        let (slot, entry) = (slot?, entry?);
        slot.with(|reader| next(reader, &entry))
    })
}

/// Goes on at the next place behind the position where an entry starts, else at the log's end, and sets
/// `*offset` to it (NULL: not wanted). After `AOF_ERROR_CHAIN` that is the position itself: the entry is
/// whole and will be given.
///
/// Errors: `AOF_ERROR_DEVICE`, `AOF_ERROR_SHRUNK`; the position is as before.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_reader_skip(
    reader: *mut aof_reader,
    offset: *mut u64,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, offset, failure) =
        unsafe { (ReaderSlot::at(reader.cast()), Out::optional(offset), Out::optional(failure)) };
    call(failure, || {
        let (slot, offset) = (slot?, offset?);
        slot.with(|reader| Ok(reader.skip().map(|place| offset.set(place)).map(ok)?))
    })
}

/// Goes on at byte `offset` of the log, where an entry starts: to resume where an earlier reading was.
/// `last_checksum` are the 16 bytes of the checksum of the entry before it, which `chain_check` compares the
/// next entry's parent with; NULL: any entry is taken. Nothing is read yet.
///
/// Errors: those of a wrong call.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say; `last_checksum` has 16 bytes.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_reader_set_position(
    reader: *mut aof_reader,
    offset: u64,
    last_checksum: *const u8,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, last, failure) = unsafe {
        (ReaderSlot::at(reader.cast()), borrowed::<[u8; 16]>(last_checksum.cast()), Out::optional(failure))
    };
    call(failure, || {
        let (slot, last) = (slot?, last?);
        slot.with(|reader| {
            reader.set_position(offset);
            reader.set_last_checksum(last.copied().map(Checksum::from_bytes));
            Ok(aof_error::AOF_OK)
        })
    })
}

/// Says where the log ends, bytes from its beginning: a file that grew, or a log on a device that is larger
/// than the log, of which `aof_recover` said `end`. Until then it ends where the device said when the reader
/// was opened.
///
/// Errors: those of a wrong call. A device that has fewer bytes reads as a log that was cut.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_reader_set_end(
    reader: *mut aof_reader,
    end: u64,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (slot, failure) = unsafe { (ReaderSlot::at(reader.cast()), Out::optional(failure)) };
    call(failure, || {
        slot?.with(|reader| {
            reader.set_end(end);
            Ok(aof_error::AOF_OK)
        })
    })
}

/// Closes a reader: storage, buffer and device are the caller's again.
///
/// # Safety
///
/// The pointer is NULL or points at a reader.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_reader_close(reader: *mut aof_reader) -> aof_error {
    // SAFETY: as the caller owes.
    let slot = unsafe { ReaderSlot::at(reader.cast()) };
    slot.and_then(Slot::close).map_or_else(|error| error, ok)
}

/// Gives an entry that was passed without its body.
fn passed(located: Option<LocatedHeader>, entry: &Out<aof_entry>) -> aof_error {
    let Some(located) = located else { return aof_error::AOF_END };
    entry.set(given(located.offset, &located.header, ptr::null()));
    aof_error::AOF_OK
}

/// The entry as C sees it.
fn given(offset: u64, header: &Header, body: *const u8) -> aof_entry {
    aof_entry { offset, header: header.into(), body, body_size: header.body_size(), reserved: 0 }
}

impl From<&Header> for aof_header {
    fn from(header: &Header) -> Self {
        Self {
            checksum: header.checksum.to_bytes(),
            checksum_body: header.checksum_body.to_bytes(),
            parent: header.parent.to_bytes(),
            request_checksum: header.request_checksum.to_bytes(),
            checkpoint_id: header.checkpoint_id.to_bytes(),
            cluster: header.cluster.to_bytes(),
            client: header.client.to_bytes(),
            op: header.op.get(),
            commit: header.commit.get(),
            timestamp_ns: header.timestamp.get(),
            size: header.size.get(),
            view: header.view.get(),
            release: header.release.get(),
            request: header.request.get(),
            operation: header.operation,
            replica: header.replica,
            reserved: [0; 6],
        }
    }
}

impl From<&aof_header> for Header {
    fn from(header: &aof_header) -> Self {
        let mut stored = Self::new();
        stored.checksum = Checksum::from_bytes(header.checksum);
        stored.checksum_body = Checksum::from_bytes(header.checksum_body);
        stored.parent = Checksum::from_bytes(header.parent);
        stored.request_checksum = Checksum::from_bytes(header.request_checksum);
        stored.checkpoint_id = Checksum::from_bytes(header.checkpoint_id);
        stored.cluster = u128::from_le_bytes(header.cluster).into();
        stored.client = u128::from_le_bytes(header.client).into();
        stored.op = header.op.into();
        stored.commit = header.commit.into();
        stored.timestamp = header.timestamp_ns.into();
        stored.size = header.size.into();
        stored.view = header.view.into();
        stored.release = header.release.into();
        stored.request = header.request.into();
        stored.operation = header.operation;
        stored.replica = header.replica;
        stored
    }
}
