//! The core of `aof`: append-only logs that a replica can trust, without `std` and without an
//! allocator.
//!
//! A log is a file (or a flash region, a block device, a slice) of *entries*, each a magic number and a
//! *prepare*: a header of 256 bytes and a body. Header and body have checksums, and each header names
//! the checksum of the prepare before it, its *parent*: a hash chain. The files are those that
//! TigerBeetle's replicas write.
//!
//! # A minute's tour
//!
//! ```
//! use aof_nostd::{Draft, MemoryLog, TigerBeetle, wire::{Op, Operation}};
//!
//! // A log in 4 KiB of RAM.
//! let mut log = MemoryLog::<4096, _>::init(TigerBeetle::default());
//! log.write_new(&Draft { operation: Operation::CREATE_TRANSFERS, timestamp_ns: 1, ..Draft::default() }, b"one")?;
//! let last = log.write_new(&Draft { timestamp_ns: 2, ..Draft::default() }, b"two")?;
//! log.checkpoint(|| { /* durable: go on */ });
//!
//! for entry in log.iterator() {
//!     let located = entry.expect("nothing damaged it");
//!     assert!(located.entry.header.op() <= Op(2));
//! }
//! assert_eq!(log.validate(Some(last.checksum)).unwrap().entries, 2);
//! # Ok::<(), aof_nostd::MemoryError>(())
//! ```
//!
//! # Layers
//!
//! Each uses only those above it; a device may take any of them alone.
//!
//! | module | what it is | I/O |
//! |---|---|---|
//! | [`checksum`] | AEGIS-128L and CRC-64, streaming; [`Profile`]s | none |
//! | [`wire`] | layout of entry and header, viewed in place | none |
//! | [`message`] | what goes between a client and a replica, viewed in place | none |
//! | [`Checker`], [`Resync`], [`Detect`] | validation, the search after damage, the profile: bytes in, what is needed next out | none |
//! | [`chain`] | how an entry stands to those before it | none |
//! | [`Entries`] | iterator over a slice | none |
//! | [`Reader`] | iterator over `Read + Seek` in a caller's buffer | [`embedded_io`] |
//! | [`Writer`] | append, checkpoint, the bound of unsynced entries | [`embedded_io`], [`storage::Sync`] |
//! | [`Recovery`] | where a log ends and a writer may go on, in a file or raw on a device | [`embedded_io`], [`storage::Sync`] |
//! | [`Blocks`](storage::Blocks) | bytes over the blocks of a disk or a card | [`storage::BlockDevice`] |
//! | `storage::nor` | bytes over the erase blocks of a NOR flash | `embedded_storage::nor_flash::NorFlash` |
//! | [`MemoryLog`] | a log in RAM | none |
//!
//! # Memory
//!
//! Nothing allocates, and nothing panics. A [`Reader`] is its buffer (272 bytes or more) and about 150
//! bytes; on a microcontroller the whole of verifying entries of any size takes less than 1 KiB of RAM beside
//! the buffer, its stack included, and so does appending. Figures per CPU, made by a script: `docs/embedded.md`.
//!
//! # Features
//!
//! Additive; none changes a result.
//!
//! | feature | what it does | costs |
//! |---|---|---|
//! | `async` | [`Reader`], [`Writer`], [`Recovery`] and [`Tail`] also over [`embedded_io_async`](https://docs.rs/embedded-io-async), by functions with `_async` behind their names; `storage::AsyncSync` | nothing unless called |
//! | `defmt` | `defmt::Format` for every public type | what is logged, in flash |
//! | `nor-flash` | `storage::nor`: a log raw on NOR flash | nothing where it is not used; the crate `embedded-storage` |
//! | `small` | smaller tables: AES by one of 256 bytes and not 1 KiB, CRC-64 by none and not 2 KiB (32 KiB where pointers have 64 bits) | time: AEGIS takes about twice as many instructions a byte, CRC-64 eight times as many |
//!
//! # What the checksums do not promise
//!
//! They find accidents. Their key is public: whoever can write the log can also write one that
//! verifies.

#![no_std]
#![deny(unsafe_code)] // but for calls of code with AES instructions, in checksum/backend.rs
#![cfg_attr(
    not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))),
    forbid(unsafe_code)
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod chain;
mod check;
pub mod checksum;
mod damage;
mod detect;
mod finder;
mod memory;
pub mod message;
pub mod reader;
mod resync;
mod slice;
pub mod storage;
pub mod tail;
pub mod wire;
pub mod writer;

#[doc(inline)]
pub use crate::{
    chain::Chain,
    check::{BodyCheck, Checked, Checker, Fault},
    checksum::{AnyProfile, Backend, Checksum, Crc, Profile, TigerBeetle},
    damage::{Damage, DamageKind, ForeignMagic},
    detect::Detect,
    memory::{MemoryError, MemoryLog, ValidateError, Validation},
    reader::{ChainBreak, LocatedHeader, ReadError, Reader},
    resync::{Resync, Want},
    slice::{Entries, Event, Located},
    tail::{Recovery, Tail, TailError},
    wire::{Entry, Header, Op, Operation},
    writer::{Draft, WriteError, Writer},
};
