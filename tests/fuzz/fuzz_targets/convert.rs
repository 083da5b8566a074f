//! See [`aof_hostile::convert`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aof_hostile::convert::run(bytes));
