//! See [`aof_hostile::reader`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aof_hostile::reader::run(bytes));
