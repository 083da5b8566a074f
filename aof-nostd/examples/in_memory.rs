//! A log in RAM: written, checked, damaged, read on behind the damage. `cargo run --example in_memory`
#![allow(clippy::print_stdout, reason = "an example")]

use aof_nostd::storage::Cursor;
use aof_nostd::{Backend, Crc, Draft, ReadError, Reader, Writer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut writer = Writer::new(Cursor::new([0; 4096]), Crc);
    for reading in [b"21.5", b"21.7", b"35.0"] {
        writer.append_new(&Draft { timestamp_ns: 1, ..Draft::default() }, reading)?;
    }
    writer.checkpoint(|| println!("three entries are durable, as far as RAM is"))?;
    let size = usize::try_from(writer.size())?;
    let mut log = writer.into_device().into_inner();
    log[300] ^= 1; // in the second entry

    let mut reader =
        Reader::open(Cursor::new(&log[..size]), [0; 512], Backend::default())?.with_chain_check(true);
    loop {
        match reader.next() {
            Ok(Some(found)) => println!("byte {}: op {}", found.offset, found.entry.header.op()),
            Ok(None) => return Ok(()),
            Err(ReadError::Damage(damage)) => {
                println!("{damage}");
                reader.skip()?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
