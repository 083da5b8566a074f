//! Code that is broken on purpose: the simulation has to find each of them.

use clap::ValueEnum;

/// What is broken. A call that the disk ignores stands for code that does not make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mutant {
    /// A checkpoint does not sync the file
    SyncSkipped,
    /// A new file is renamed into its place without having been synced
    NewFileNotSynced,
    /// The directory is not synced after a file was created or renamed
    DirectoryNotSynced,
    /// A sync that failed is tried again, and the second answer believed
    FailedSyncRetried,
    /// What an earlier writer's failed sync left in memory is taken as durable
    NotSettled,
    /// A write's error is ignored
    WriteErrorIgnored,
    /// The writer goes on at the file's end without having looked at it
    TailNotChecked,
    /// A torn tail is cut off and not kept
    CutNotKept,
    /// A checkpoint is acknowledged when it begins
    AcknowledgedAtOnce,
    /// A checkpoint acknowledges what was written while it ran
    AcknowledgedTooMuch,
    /// The zeros ahead of a log stay where it was moved away
    ZerosNotCut,
    /// An entry is written behind the zeros and not over them, as by a handle that only appends
    WrittenBehindZeros,
    /// Zeros are written from where the log ended at the last sync, over what was written since
    ZerosOverEntries,
    /// Two writers have the lock
    LockIgnored,
}
