//! See [`aof_hostile::tail`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aof_hostile::tail::run(bytes));
