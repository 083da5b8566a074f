//! See [`aof_hostile::merge`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aof_hostile::merge::run(bytes));
