//! Which library is linked.

use crate::types::AOF_ABI_VERSION;
use core::ffi::c_char;

/// The version of the interface that the library has: to be compared with `AOF_ABI_VERSION`, the header's.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "a name without mangling: no other symbol has it")]
pub extern "C" fn aof_abi_version() -> u32 {
    AOF_ABI_VERSION
}

/// The library's version, such as "0.1.0".
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "a name without mangling: no other symbol has it")]
pub extern "C" fn aof_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
