//! See [`aof_hostile::slice`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aof_hostile::slice::run(bytes));
