//! See [`aof_hostile::writer`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aof_hostile::writer::run(bytes));
