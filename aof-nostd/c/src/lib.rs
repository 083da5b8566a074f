//! `aof` for C firmware: a C ABI over `aof-nostd`.
//!
//! ```text
//!   C firmware                     this crate                         aof-nostd
//!   ----------                     ----------                         ---------
//!   aof_device: read, write,  -->  device.rs: embedded-io over   -->  Reader, Writer, Recovery
//!   seek, size, sync               callbacks
//!   aof_reader, aof_writer:   -->  slot.rs: what lies in the
//!   storage of the caller          caller's memory
//!   pointers                  -->  border.rs: NULL, alignment,
//!                                  lengths; the unsafe code
//! ```
//!
//! | module | what it is for |
//! |---|---|
//! | [`types`] | what C sees: structs, constants, callbacks |
//! | [`error`] | codes, their messages, and the place of a failure |
//! | [`reader`], [`verify`], [`recover`], [`writer`] | the functions |
//!
//! The header is `include/aof.h`. It is made from this code by the test `c`, which fails where the two
//! differ; what C needs to know is written here, at each item, in the words of C. How to use it from C:
//! `docs/firmware-guide.md`.
//!
//! # Unsafe
//!
//! The crate denies unsafe code but where C's pointers come in: in `border`, `slot` and `device`, and in
//! one line at the top of each function that C calls, which hands its pointers to `border`. What can be
//! seen of a wrong call is refused with a code: NULL, misaligned pointers, storage that is too short, not
//! opened or in use, lengths that no memory has, callbacks that claim more than they were asked for.
//!
//! # Panics
//!
//! None: there is nothing in it that can panic, and the step `figures` looks for the symbols of a panic in
//! linked firmware. A bare target wants a handler all the same: the feature `panic-handler`, on unless
//! switched off.

#![no_std]
#![allow(non_camel_case_types, reason = "the names that C sees")]

// Where there is an operating system, its library brings the panic handler.
#[cfg(not(target_os = "none"))]
extern crate std;

mod border;
mod device;
pub mod error;
#[cfg(all(target_os = "none", feature = "panic-handler"))]
mod panic;
mod profile;
pub mod reader;
pub mod recover;
mod slot;
pub mod types;
pub mod verify;
pub mod version;
pub mod writer;
