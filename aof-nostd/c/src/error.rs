//! Codes, their messages, and the place of a failure.

use crate::device::DeviceError;
use crate::types::{
    AOF_FINDING_BACKTRACK, AOF_FINDING_BODY_CHECKSUM, AOF_FINDING_FORK, AOF_FINDING_GAP,
    AOF_FINDING_HEADER_CHECKSUM, AOF_FINDING_HEADER_INVALID, AOF_FINDING_MAGIC, AOF_FINDING_TORN_TAIL,
    AOF_NOWHERE, AOF_RULE_COMMAND, AOF_RULE_COMMIT, AOF_RULE_EPOCH, AOF_RULE_NEWER_LAYOUT, AOF_RULE_OP,
    AOF_RULE_PADDING, AOF_RULE_PROTOCOL, AOF_RULE_RESERVED, AOF_RULE_SIZE,
};
use aof_nostd::chain::Relation;
use aof_nostd::reader::ChainBreak;
use aof_nostd::wire::HeaderRule;
use aof_nostd::{Damage, DamageKind, ReadError, TailError, WriteError};
use core::ffi::{CStr, c_char};

/// What a function says. A code keeps its number for ever; `aof_error_message` has its words.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum aof_error {
    /// Done.
    AOF_OK = 0,
    /// No error: the log ends here.
    AOF_END = 1,

    /// The caller: a pointer that is needed is NULL, or a callback that is needed is missing.
    AOF_ERROR_NULL = 10,
    /// The caller: a pointer is not aligned for what it points at.
    AOF_ERROR_ALIGNMENT = 11,
    /// The caller: the storage is shorter than the library needs: was the program compiled with this
    /// library's header?
    AOF_ERROR_STORAGE = 12,
    /// The caller: the reader or writer is not open.
    AOF_ERROR_NOT_OPEN = 13,
    /// The caller: the reader or writer is at work: a callback called it again.
    AOF_ERROR_BUSY = 14,
    /// The caller: a length that no memory has, or buffer and storage overlap.
    AOF_ERROR_MEMORY = 15,
    /// The caller: there is no such profile in this library, or it has to be named.
    AOF_ERROR_PROFILE = 16,
    /// The caller: a callback claims more bytes than it was asked for, or did not say how many.
    AOF_ERROR_CALLBACK = 17,
    /// The caller's own callback for pieces or findings said stop: `device` is what it returned.
    AOF_ERROR_STOPPED = 18,
    /// The caller: the tail is torn: clean it (`aof_clean`), or cut the file there.
    AOF_ERROR_TORN = 19,

    /// The device failed: `device` is what the callback returned.
    AOF_ERROR_DEVICE = 30,
    /// The device is full.
    AOF_ERROR_FULL = 31,
    /// The device has fewer bytes than it said: `offset` is where they end, `needed` how many there
    /// should be.
    AOF_ERROR_SHRUNK = 32,

    /// The log is damaged at `offset`: `finding` says how. `aof_reader_skip` goes on behind it.
    AOF_ERROR_DAMAGE = 40,
    /// The entry at `offset` is whole and does not continue the one before it. `aof_reader_skip` accepts
    /// that.
    AOF_ERROR_CHAIN = 41,
    /// The buffer is too small: `needed` bytes. For one entry, `aof_reader_next_streamed` does without.
    AOF_ERROR_BUFFER = 42,

    /// Append nothing: damage in the middle, and the log goes on at `next`. Merge it with other logs of
    /// its cluster, or copy it out.
    AOF_ERROR_MIDDLE = 50,
    /// Append nothing: an entry breaks a rule, which no power cut does. Is the size limit lower than the
    /// writer's, or the log of a later version?
    AOF_ERROR_RULE = 51,
    /// Append nothing: two histories. Copy the log out, and zero the device before its next use.
    AOF_ERROR_FORK = 52,
    /// Append nothing: the device is not zero, and no log of this profile is on it. Is it the right one?
    AOF_ERROR_NO_LOG = 53,
    /// Append nothing: at `offset` an entry of the other profile begins, or one of TigerBeetle's layout before
    /// 0.16.21. Name the profile in which the log was written, or copy it out.
    AOF_ERROR_FOREIGN = 54,

    /// The device failed before: nothing is written until the log is opened anew.
    AOF_ERROR_FAILED = 60,
    /// As many entries are unsynced as may be (`needed`): make a checkpoint.
    AOF_ERROR_UNSYNCED = 61,
    /// A checkpoint is under way.
    AOF_ERROR_CHECKPOINTING = 62,
    /// No checkpoint is under way.
    AOF_ERROR_NOT_CHECKPOINTING = 63,
    /// What is to be appended is no valid entry: `finding` says why. Nothing was written.
    AOF_ERROR_INVALID = 64,
    /// The entry to be made breaks a rule of the format: `rule`. Nothing was written.
    AOF_ERROR_HEADER = 65,
}

use aof_error::*;

/// What went wrong, and where. Every function writes it where it gets room for it (NULL: no room),
/// whatever it returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct aof_failure {
    /// Byte of the log; `AOF_NOWHERE` where it is about no place.
    pub offset: u64,
    /// The entry's op; 0 where it is not known.
    pub op: u64,
    /// Bytes that a buffer needs, or that a torn entry lacks; a limit; else 0.
    pub needed: u64,
    /// `AOF_ERROR_MIDDLE`: the byte where the log goes on. Else `AOF_NOWHERE`.
    pub next: u64,
    /// What the function returned.
    pub error: aof_error,
    /// What the caller's callback returned, if it failed; else 0.
    pub device: i32,
    /// `AOF_FINDING_...`; 0 where it is about no entry.
    pub finding: i32,
    /// `AOF_RULE_...`; 0 where no rule is broken.
    pub rule: i32,
}

const _: () = assert!(size_of::<aof_failure>() == 48);

impl From<aof_error> for aof_failure {
    fn from(error: aof_error) -> Self {
        Self {
            offset: AOF_NOWHERE,
            op: 0,
            needed: 0,
            next: AOF_NOWHERE,
            error,
            device: 0,
            finding: 0,
            rule: 0,
        }
    }
}

impl From<DeviceError> for aof_failure {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Code(device) => Self { device, ..AOF_ERROR_DEVICE.into() },
            DeviceError::Missing => AOF_ERROR_NULL.into(),
            DeviceError::Count => AOF_ERROR_CALLBACK.into(),
        }
    }
}

impl aof_failure {
    /// The caller's callback for pieces or findings returned `code`.
    pub(crate) fn stopped(code: i32) -> Self {
        Self { device: code, ..AOF_ERROR_STOPPED.into() }
    }

    /// With what is wrong with an entry.
    fn with(mut self, kind: DamageKind) -> Self {
        self.finding = finding(kind);
        self.rule = rule_of(kind);
        if let DamageKind::TornTail { missing } = kind {
            self.needed = missing;
        }
        self
    }

    fn at(error: aof_error, damage: &Damage) -> Self {
        let op = damage.op.map_or(0, |op| op.0);
        Self { offset: damage.offset, op, ..error.into() }.with(damage.kind)
    }

    fn broken(error: aof_error, broken: &ChainBreak) -> Self {
        let finding = relation(broken.relation);
        Self { offset: broken.offset, op: broken.op.0, finding, ..error.into() }
    }
}

impl From<ReadError<DeviceError>> for aof_failure {
    fn from(error: ReadError<DeviceError>) -> Self {
        match error {
            ReadError::Device(error) => error.into(),
            ReadError::Count => AOF_ERROR_CALLBACK.into(),
            ReadError::Shrunk { offset, end } => Self { offset, needed: end, ..AOF_ERROR_SHRUNK.into() },
            ReadError::Damage(damage) => Self::at(AOF_ERROR_DAMAGE, &damage),
            ReadError::Chain(broken) => Self::broken(AOF_ERROR_CHAIN, &broken),
            ReadError::Buffer { offset, needed } => {
                Self { offset, needed: needed.into(), ..AOF_ERROR_BUFFER.into() }
            }
            _ => AOF_ERROR_DEVICE.into(), // none in this version of the core
        }
    }
}

impl From<TailError<DeviceError>> for aof_failure {
    fn from(error: TailError<DeviceError>) -> Self {
        match error {
            TailError::Device(error) => error.into(),
            TailError::Count => AOF_ERROR_CALLBACK.into(),
            TailError::Buffer { needed } => Self { needed: needed.into(), ..AOF_ERROR_BUFFER.into() },
            TailError::Middle { damage, next, .. } => Self { next, ..Self::at(AOF_ERROR_MIDDLE, &damage) },
            TailError::Rule(damage) => Self::at(AOF_ERROR_RULE, &damage),
            TailError::Foreign(damage) => Self::at(AOF_ERROR_FOREIGN, &damage),
            TailError::Shrunk { offset, end } => Self { offset, needed: end, ..AOF_ERROR_SHRUNK.into() },
            TailError::Fork(broken) => Self::broken(AOF_ERROR_FORK, &broken),
            TailError::NoLog { offset } => Self { offset, ..AOF_ERROR_NO_LOG.into() },
            _ => AOF_ERROR_DEVICE.into(), // none in this version of the core
        }
    }
}

impl From<WriteError<DeviceError>> for aof_failure {
    fn from(error: WriteError<DeviceError>) -> Self {
        match error {
            WriteError::Device(error) => error.into(),
            WriteError::Full => AOF_ERROR_FULL.into(),
            WriteError::Count => AOF_ERROR_CALLBACK.into(),
            WriteError::Failed => AOF_ERROR_FAILED.into(),
            WriteError::Unsynced { max } => Self { needed: max.into(), ..AOF_ERROR_UNSYNCED.into() },
            WriteError::Checkpointing => AOF_ERROR_CHECKPOINTING.into(),
            WriteError::NotCheckpointing => AOF_ERROR_NOT_CHECKPOINTING.into(),
            WriteError::Invalid(fault) => {
                let op = fault.op.map_or(0, |op| op.0);
                Self { op, ..AOF_ERROR_INVALID.into() }.with(fault.kind)
            }
            WriteError::Header(broken) => Self { rule: rule(broken), ..AOF_ERROR_HEADER.into() },
            _ => AOF_ERROR_DEVICE.into(), // none in this version of the core
        }
    }
}

/// The number of a kind of damage.
pub(crate) fn finding(kind: DamageKind) -> i32 {
    match kind {
        DamageKind::HeaderChecksum => AOF_FINDING_HEADER_CHECKSUM,
        DamageKind::HeaderInvalid(_) => AOF_FINDING_HEADER_INVALID,
        DamageKind::BodyChecksum => AOF_FINDING_BODY_CHECKSUM,
        DamageKind::TornTail { .. } => AOF_FINDING_TORN_TAIL,
        _ => AOF_FINDING_MAGIC, // `Magic`, the only other one
    }
}

/// The number of the rule that a damaged header breaks; 0 if it is not about one.
pub(crate) fn rule_of(kind: DamageKind) -> i32 {
    if let DamageKind::HeaderInvalid(broken) = kind { rule(broken) } else { 0 }
}

/// The number of a break of the chain; 0 where an entry continues the one before it.
pub(crate) fn relation(relation: Relation) -> i32 {
    match relation {
        Relation::First | Relation::Linked => 0,
        Relation::Repeated | Relation::Backtrack { .. } => AOF_FINDING_BACKTRACK, // a repeat is the shortest way back
        Relation::Gap { .. } => AOF_FINDING_GAP,
        Relation::Fork { .. } => AOF_FINDING_FORK,
    }
}

fn rule(rule: HeaderRule) -> i32 {
    match rule {
        HeaderRule::Size => AOF_RULE_SIZE,
        HeaderRule::Command => AOF_RULE_COMMAND,
        HeaderRule::Epoch => AOF_RULE_EPOCH,
        HeaderRule::Protocol => AOF_RULE_PROTOCOL,
        HeaderRule::Padding => AOF_RULE_PADDING,
        HeaderRule::Reserved => AOF_RULE_RESERVED,
        HeaderRule::Op => AOF_RULE_OP,
        HeaderRule::Commit => AOF_RULE_COMMIT,
        HeaderRule::NewerLayout => AOF_RULE_NEWER_LAYOUT,
        _ => 0, // none in this version of the core
    }
}

/// What the code `error` means and what to do, in words; never NULL. The place is in `aof_failure`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "a name without mangling: no other symbol has it")]
pub extern "C" fn aof_error_message(error: i32) -> *const c_char {
    message(error).as_ptr()
}

/// The name of a finding, as `aof verify` has it: "magic", "header-checksum", "header-invalid",
/// "body-checksum", "torn-tail", "backtrack", "gap" or "fork"; "?" for another number.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "a name without mangling: no other symbol has it")]
pub extern "C" fn aof_finding_name(finding: i32) -> *const c_char {
    let name = match finding {
        AOF_FINDING_MAGIC => c"magic",
        AOF_FINDING_HEADER_CHECKSUM => c"header-checksum",
        AOF_FINDING_HEADER_INVALID => c"header-invalid",
        AOF_FINDING_BODY_CHECKSUM => c"body-checksum",
        AOF_FINDING_TORN_TAIL => c"torn-tail",
        AOF_FINDING_BACKTRACK => c"backtrack",
        AOF_FINDING_GAP => c"gap",
        AOF_FINDING_FORK => c"fork",
        _ => c"?",
    };
    name.as_ptr()
}

/// The rule of the format with the number `rule` (`AOF_RULE_...`) as it is broken, in words; "?" for
/// another number.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "a name without mangling: no other symbol has it")]
pub extern "C" fn aof_rule_message(rule: i32) -> *const c_char {
    let text = match rule {
        AOF_RULE_SIZE => c"size is below 256 or above the size limit",
        AOF_RULE_COMMAND => c"command is not prepare (6)",
        AOF_RULE_EPOCH => c"epoch is not 0",
        AOF_RULE_PROTOCOL => c"protocol is not 0",
        AOF_RULE_PADDING => c"a checksum's padding is not 0",
        AOF_RULE_RESERVED => c"a reserved field is not 0",
        AOF_RULE_OP => c"op is 0",
        AOF_RULE_COMMIT => c"commit is not below op",
        AOF_RULE_NEWER_LAYOUT => c"the layout is a newer one",
        _ => c"?",
    };
    text.as_ptr()
}

/// All codes with their messages, in the order of their numbers.
const MESSAGES: [(aof_error, &CStr); 29] = [
    (AOF_OK, c"done"),
    (AOF_END, c"the log ends here"),
    (AOF_ERROR_NULL, c"a pointer or a callback that is needed is NULL"),
    (AOF_ERROR_ALIGNMENT, c"a pointer is not aligned for what it points at"),
    (AOF_ERROR_STORAGE, c"the storage is too short: compile with the header of this library"),
    (AOF_ERROR_NOT_OPEN, c"not open: open it first"),
    (AOF_ERROR_BUSY, c"at work: a callback must not call the reader or writer that called it"),
    (AOF_ERROR_MEMORY, c"a length that no memory has, or buffer and storage overlap"),
    (AOF_ERROR_PROFILE, c"no such profile in this library, or it has to be named: see aof_options"),
    (AOF_ERROR_CALLBACK, c"a callback claims more bytes than it was asked for, or did not say how many"),
    (AOF_ERROR_STOPPED, c"the caller's callback said stop"),
    (AOF_ERROR_TORN, c"the tail is torn: clean it with aof_clean, or cut the file at its end"),
    (AOF_ERROR_DEVICE, c"the device failed"),
    (AOF_ERROR_FULL, c"the device is full"),
    (AOF_ERROR_SHRUNK, c"the device has fewer bytes than it said: append nothing; look at the device"),
    (AOF_ERROR_DAMAGE, c"the log is damaged here"),
    (AOF_ERROR_CHAIN, c"the chain breaks: the entry does not continue the one before it"),
    (AOF_ERROR_BUFFER, c"the buffer is too small"),
    (
        AOF_ERROR_MIDDLE,
        c"damage, and the log goes on behind it: append nothing; merge this log with those of other replicas, or copy it out",
    ),
    (
        AOF_ERROR_RULE,
        c"an entry breaks a rule, and no power cut does that: append nothing; is the size limit lower than the writer's, or the log of a later version?",
    ),
    (
        AOF_ERROR_FORK,
        c"two histories: append nothing; copy the log out, and zero the device before its next use",
    ),
    (
        AOF_ERROR_NO_LOG,
        c"no log of this profile, and not zero: is it the right device? If nothing on it is needed, zero it",
    ),
    (
        AOF_ERROR_FOREIGN,
        c"a log of the other profile or of an older layout: append nothing; name the profile in which it was written, or copy it out",
    ),
    (AOF_ERROR_FAILED, c"the device failed before: open the log anew"),
    (AOF_ERROR_UNSYNCED, c"as many entries are unsynced as may be: make a checkpoint first"),
    (AOF_ERROR_CHECKPOINTING, c"a checkpoint is under way"),
    (AOF_ERROR_NOT_CHECKPOINTING, c"no checkpoint is under way"),
    (AOF_ERROR_INVALID, c"not a valid entry: nothing was written"),
    (AOF_ERROR_HEADER, c"the entry would break a rule of the format: nothing was written"),
];

fn message(error: i32) -> &'static CStr {
    let found = MESSAGES.iter().find(|(code, _)| *code as i32 == error);
    found.map_or(c"no code of this library", |(_, message)| message)
}
