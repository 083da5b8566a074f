//! See [`aof_hostile::client`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aof_hostile::client::run(bytes));
