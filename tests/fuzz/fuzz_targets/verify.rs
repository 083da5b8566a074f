//! See [`aof_hostile::verify`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aof_hostile::verify::run(bytes));
