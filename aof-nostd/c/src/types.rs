//! What C sees: structs, constants and callbacks.
//!
//! Everything has a fixed layout. Enumerations are 32-bit numbers, whatever the compiler's `enum` is: on
//! bare Arm some compilers make it a byte. Checksums and 128-bit numbers are 16 bytes as the log stores
//! them, little-endian.

use core::ffi::{c_int, c_void};
use core::mem::offset_of;

/// The version of this interface. It grows by one with each change that a program compiled with an older
/// header could notice; `aof_abi_version` tells that of the library.
pub const AOF_ABI_VERSION: u32 = 1;

/// Bytes of an `aof_reader`, on every target: what 64 bits need.
pub const AOF_READER_SIZE: usize = 272;
/// Bytes of an `aof_writer`, on every target.
pub const AOF_WRITER_SIZE: usize = 400;
/// The same in words of 8 bytes.
pub const AOF_READER_WORDS: usize = 34;
/// The same in words of 8 bytes.
pub const AOF_WRITER_WORDS: usize = 50;
/// What an `aof_reader` and an `aof_writer` are aligned to, bytes.
pub const AOF_ALIGN: usize = 8;
/// The smallest buffer for reading, bytes: an entry's magic and header. 512 or 1024 make fewer calls.
pub const AOF_BUFFER_SIZE_MIN: usize = 272;
/// Bytes of magic and header: what an entry takes beside its body.
pub const AOF_HEAD_SIZE: usize = 272;

/// The most links that a verification's history has: 2^31 - 1 bytes of them. A replica goes back by 1,024 ops
/// at most.
pub const AOF_HISTORY_COUNT_MAX: u32 = 53_687_091;

/// An offset that is not known or does not apply.
pub const AOF_NOWHERE: u64 = 0xffff_ffff_ffff_ffff;

/// The profile that the log's first entry tells. For reading; a library with one profile takes that.
pub const AOF_PROFILE_ANY: i32 = 0;
/// Files of TigerBeetle's replicas: checksums are AEGIS-128L tags.
pub const AOF_PROFILE_TIGERBEETLE: i32 = 1;
/// The same layout with CRC-64/XZ, for devices without AES instructions.
pub const AOF_PROFILE_CRC: i32 = 2;

/// No entry starts where one should, or one of the other profile or of an older layout.
pub const AOF_FINDING_MAGIC: i32 = 1;
/// The header's checksum does not match: nothing in the header can be trusted.
pub const AOF_FINDING_HEADER_CHECKSUM: i32 = 2;
/// The header's checksum matches, and the header breaks a rule: see `rule`.
pub const AOF_FINDING_HEADER_INVALID: i32 = 3;
/// The header is whole, the body's checksum does not match.
pub const AOF_FINDING_BODY_CHECKSUM: i32 = 4;
/// The log ends inside an entry.
pub const AOF_FINDING_TORN_TAIL: i32 = 5;
/// No damage: the log goes back to an earlier op, or has the same entry once more. A replica's log does
/// that after a restart.
pub const AOF_FINDING_BACKTRACK: i32 = 6;
/// No damage: ops are missing before this entry. A replica's log has that after a state sync.
pub const AOF_FINDING_GAP: i32 = 7;
/// Two histories: another entry for an op, or another parent or cluster, than the log had before.
pub const AOF_FINDING_FORK: i32 = 8;

/// `size` is below 256 or above the size limit.
pub const AOF_RULE_SIZE: i32 = 1;
/// `command` is not 6.
pub const AOF_RULE_COMMAND: i32 = 2;
/// `epoch` is not 0.
pub const AOF_RULE_EPOCH: i32 = 3;
/// `protocol` is not 0.
pub const AOF_RULE_PROTOCOL: i32 = 4;
/// A checksum's padding is not 0.
pub const AOF_RULE_PADDING: i32 = 5;
/// A reserved field is not 0.
pub const AOF_RULE_RESERVED: i32 = 6;
/// `op` is 0, or there is no op after the last one.
pub const AOF_RULE_OP: i32 = 7;
/// `commit` is not below `op`.
pub const AOF_RULE_COMMIT: i32 = 8;
/// The entry has a newer layout, which this version does not read.
pub const AOF_RULE_NEWER_LAYOUT: i32 = 9;

/// Nothing failed, entries may be appended.
pub const AOF_STATE_WRITING: u32 = 0;
/// A checkpoint is under way. Entries may be appended, which it does not cover.
pub const AOF_STATE_CHECKPOINTING: u32 = 1;
/// The device failed: nothing more is written. Open the log anew.
pub const AOF_STATE_FAILED: u32 = 2;

/// Reads up to `size` bytes (at least 1) from the position on into `buffer`, moves the position behind
/// them and sets `*count` to how many they were: 0 only where the log ends. Returns 0, or a code of the
/// caller's own, which comes back in `aof_failure`; then nothing is known of the position.
pub type aof_read_fn = Option<
    unsafe extern "C" fn(context: *mut c_void, buffer: *mut c_void, size: usize, count: *mut usize) -> c_int,
>;

/// Writes up to `size` bytes (at least 1) at the position, moves the position behind them and sets
/// `*count` to how many they were: 0 only where the device is full. Returns 0, or a code of the caller's
/// own. Written bytes need not be durable before `sync`.
pub type aof_write_fn = Option<
    unsafe extern "C" fn(context: *mut c_void, bytes: *const c_void, size: usize, count: *mut usize) -> c_int,
>;

/// Moves the position to `offset`, bytes from the log's beginning. Returns 0, or a code of the caller's
/// own.
pub type aof_seek_fn = Option<unsafe extern "C" fn(context: *mut c_void, offset: u64) -> c_int>;

/// Sets `*size` to where the log ends, bytes: a file's length. Of a raw device, to `aof_recover` its size,
/// and to `aof_verify` where the log on it ends, as far as that is known (a reader can be told by
/// `aof_reader_set_end`). Returns 0, or a code of the caller's own.
pub type aof_size_fn = Option<unsafe extern "C" fn(context: *mut c_void, size: *mut u64) -> c_int>;

/// Makes everything written so far durable, by what the medium really has: a card's or a disk's flush, a
/// file's sync. Returns 0 only if that is so; a medium that has nothing like it returns a code. After an
/// error a later 0 proves nothing: the log has to be opened anew, after a restart.
pub type aof_sync_fn = Option<unsafe extern "C" fn(context: *mut c_void) -> c_int>;

/// Gets the next piece of a body, `size` bytes. **Not yet verified**: only `AOF_OK` of the call says that
/// the body was right. Another value than 0 ends the giving of pieces, not the verification.
pub type aof_piece_fn =
    Option<unsafe extern "C" fn(context: *mut c_void, piece: *const u8, size: usize) -> c_int>;

/// Gets a finding of `aof_verify`. Another value than 0 ends the verification with `AOF_ERROR_STOPPED`.
pub type aof_finding_fn =
    Option<unsafe extern "C" fn(context: *mut c_void, finding: *const aof_finding) -> c_int>;

/// The caller's device: a file, a card, a flash region. It is copied where it is given; what `context`
/// points at has to stay. A callback must not jump out of itself (`longjmp`), and a call to this library
/// from within one is refused where it is for the reader or writer that is at work (`AOF_ERROR_BUSY`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct aof_device {
    /// Handed to each callback.
    pub context: *mut c_void,
    /// For reading and recovery.
    pub read: aof_read_fn,
    /// For writing and cleaning.
    pub write: aof_write_fn,
    /// For everything.
    pub seek: aof_seek_fn,
    /// For reading and recovery.
    pub size: aof_size_fn,
    /// For writing and cleaning.
    pub sync: aof_sync_fn,
}

/// An entry's header, in the byte order of the CPU but for what is 16 bytes. Fields that are 0 in every
/// valid header are left out.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct aof_header {
    /// The header's checksum: the entry's identity.
    pub checksum: [u8; 16],
    /// The body's checksum.
    pub checksum_body: [u8; 16],
    /// The checksum of the entry before it: the hash chain.
    pub parent: [u8; 16],
    /// The checksum of the client's request.
    pub request_checksum: [u8; 16],
    /// The checkpoint on which the entry builds.
    pub checkpoint_id: [u8; 16],
    /// The cluster.
    pub cluster: [u8; 16],
    /// The client that asked; 0 for the cluster itself.
    pub client: [u8; 16],
    /// The entry's number in its log, from 1.
    pub op: u64,
    /// The highest op known to be committed: below `op`.
    pub commit: u64,
    /// Nanoseconds since 1970.
    pub timestamp_ns: u64,
    /// Header (256) and body, bytes. In the log an entry takes 16 more.
    pub size: u32,
    /// The view in which the entry was prepared.
    pub view: u32,
    /// The release that prepared it: `major << 16 | minor << 8 | patch`.
    pub release: u32,
    /// The number of the client's request.
    pub request: u32,
    /// What the entry does.
    pub operation: u8,
    /// The replica that prepared it.
    pub replica: u8,
    /// 0.
    pub reserved: [u8; 6],
}

/// An entry that a reader gives.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct aof_entry {
    /// Its first byte, from the log's beginning.
    pub offset: u64,
    /// Its header, verified.
    pub header: aof_header,
    /// Its body, verified, in the reader's buffer, until the next call with that reader. NULL where the
    /// body was given in pieces or not read.
    pub body: *const u8,
    /// Bytes of the body.
    pub body_size: u32,
    /// 0.
    pub reserved: u32,
}

/// An entry's place in the chain.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct aof_link {
    /// Its number; 0: no entry.
    pub op: u64,
    /// Its identity.
    pub checksum: [u8; 16],
    /// The identity of the entry before it.
    pub parent: [u8; 16],
}

/// What a new entry says of itself; the rest continues the entry before it. All zero but `operation` is a
/// record of the device itself.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct aof_request {
    /// Nanoseconds since 1970.
    pub timestamp_ns: u64,
    /// Who asked; 0 for the cluster itself.
    pub client: [u8; 16],
    /// The checksum of the client's request.
    pub request_checksum: [u8; 16],
    /// The number of the client's request.
    pub request: u32,
    /// What the entry does: 6 is "nothing", 128 and up are the state machine's own.
    pub operation: u8,
    /// 0.
    pub reserved: [u8; 3],
}

/// How a log is read or written. All zero is the default of each; NULL in place of the options, too.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct aof_options {
    /// `AOF_PROFILE_...`; recovery and writing need to know it.
    pub profile: i32,
    /// The largest `size` of an entry, bytes: header and body, 256 or more. 0: 1 MiB. A larger one is
    /// damage.
    pub message_size_max: u32,
    /// Reader: 1 makes an entry whose parent is not the entry before it `AOF_ERROR_CHAIN`.
    pub chain_check: u32,
    /// Writer: how many entries may be unsynced. 0: 1024.
    pub unsynced_max: u32,
    /// Recovery: how many ops behind the last whole entry may be given up. 0: none.
    pub leftovers_max: u32,
    /// Verification: how many links `history` has room for, at most `AOF_HISTORY_COUNT_MAX`.
    pub history_count: u32,
    /// Recovery: how many bytes behind the last whole entry are looked at. 0: all.
    pub search_size_max: u64,
    /// Verification: room for the last ops seen, by which a fork behind a backtrack is found. What is in
    /// it does not matter. NULL: forks are seen between neighbours only.
    pub history: *mut aof_link,
    /// Writer: what the first entry of an empty log is like (its op, parent, cluster, view, release,
    /// replica, checkpoint). NULL: op 1, all else 0.
    pub first: *const aof_header,
}

impl Default for aof_options {
    fn default() -> Self {
        Self {
            profile: AOF_PROFILE_ANY,
            message_size_max: 0,
            chain_check: 0,
            unsynced_max: 0,
            leftovers_max: 0,
            history_count: 0,
            search_size_max: 0,
            history: core::ptr::null_mut(),
            first: core::ptr::null(),
        }
    }
}

/// A place where a log is not one unbroken chain of whole entries.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct aof_finding {
    /// Byte of the log: of the damage, or of the entry.
    pub offset: u64,
    /// The entry's op; 0 where it is not known.
    pub op: u64,
    /// Damage: bytes from `offset` to where reading goes on. Else 0.
    pub size: u64,
    /// Gap: the first op that is missing. Else 0.
    pub missing_first: u64,
    /// Gap: the last op that is missing. Else 0.
    pub missing_last: u64,
    /// `AOF_FINDING_...`; `aof_finding_name` has its name.
    pub kind: i32,
    /// With `AOF_FINDING_HEADER_INVALID`: `AOF_RULE_...`. Else 0.
    pub rule: i32,
}

/// What a log holds: the figures that `aof verify` gives for it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct aof_report {
    /// The log's size, bytes.
    pub bytes: u64,
    /// Whole entries, repeated ones too.
    pub entries: u64,
    /// The lowest op, wherever it stands; 0 without an entry.
    pub first_op: u64,
    /// The highest op, wherever it stands; 0 without an entry.
    pub last_op: u64,
    /// Places that are damaged.
    pub damages: u64,
    /// Bytes that belong to no whole entry.
    pub damaged_bytes: u64,
    /// Places where the log goes back.
    pub backtracks: u64,
    /// Places where ops are missing.
    pub gaps: u64,
    /// Places where there are two histories.
    pub forks: u64,
    /// The checksum of the first entry, in the order of the log; 0 without an entry.
    pub first_checksum: [u8; 16],
    /// The checksum of the last entry.
    pub last_checksum: [u8; 16],
    /// The cluster of the first entry.
    pub cluster: [u8; 16],
    /// `AOF_PROFILE_...` that was read.
    pub profile: i32,
    /// 1 if every byte belongs to a whole entry and there is no fork. Backtracks and gaps do not count.
    pub sound: u32,
}

/// Where a log ends, for a writer that goes on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct aof_tail {
    /// The first byte behind the last whole entry.
    pub end: u64,
    /// How many entries there are.
    pub entries: u64,
    /// What a power cut left behind the end: the first byte that is not zero ...
    pub torn_start: u64,
    /// ... and the first behind the last one that is not zero. The same as `torn_start`: nothing.
    pub torn_end: u64,
    /// The last entry's header, which the next entry continues; its op is 0 if there is no entry.
    pub last: aof_header,
}

/// What a writer is doing.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct aof_status {
    /// Bytes appended by this writer, whole entries only.
    pub size: u64,
    /// The last entry's op; 0 if there is none.
    pub last_op: u64,
    /// Entries appended since the last checkpoint.
    pub unsynced: u32,
    /// `AOF_STATE_...`.
    pub state: u32,
}

/// A reader: opaque, in the caller's memory. Zero before it is first opened (`= {0}`, or static). It must
/// not be copied or moved while it is open.
#[repr(C)]
#[derive(Debug)]
pub struct aof_reader {
    /// The library's.
    pub opaque: [u64; AOF_READER_WORDS],
}

/// A writer: opaque, in the caller's memory. As `aof_reader`.
#[repr(C)]
#[derive(Debug)]
pub struct aof_writer {
    /// The library's.
    pub opaque: [u64; AOF_WRITER_WORDS],
}

// The layouts that the header promises, on every target: no padding, 8-byte fields at multiples of 8.
const _: () = {
    assert!(size_of::<aof_reader>() == AOF_READER_SIZE);
    assert!(size_of::<aof_writer>() == AOF_WRITER_SIZE);
    assert!(align_of::<aof_reader>() <= AOF_ALIGN && align_of::<aof_writer>() <= AOF_ALIGN);
    assert!(size_of::<aof_header>() == 160);
    assert!(offset_of!(aof_header, op) == 112);
    assert!(offset_of!(aof_header, operation) == 152);
    assert!(offset_of!(aof_entry, body) == 168);
    assert!(size_of::<aof_link>() == 40);
    assert!(size_of::<aof_request>() == 48);
    assert!(offset_of!(aof_options, history) == 32);
    assert!(size_of::<aof_finding>() == 48);
    assert!(size_of::<aof_report>() == 128);
    assert!(size_of::<aof_tail>() == 192);
    assert!(size_of::<aof_status>() == 24);
    assert!(AOF_BUFFER_SIZE_MIN == aof_nostd::wire::HEAD_SIZE);
    assert!(AOF_HEAD_SIZE == aof_nostd::wire::HEAD_SIZE);
    assert!(AOF_HISTORY_COUNT_MAX as usize == i32::MAX as usize / size_of::<aof_link>());
};
