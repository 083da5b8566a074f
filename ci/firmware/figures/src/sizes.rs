//! What the values take that firmware keeps: the bounds of `docs/embedded.md`, "What needs RAM", on each of the
//! targets. A bound that no longer holds is an error of the compiler.

use aof_nostd::checksum::{Aegis128L, Crc64};
use aof_nostd::storage::Blocks;
use aof_nostd::storage::nor::NorRegion;
use aof_nostd::{Crc, LocatedHeader, MemoryLog, Reader, Resync, Writer};

const _: () = {
    assert!(size_of::<Reader<(), (), Crc>>() <= 160);
    assert!(size_of::<Writer<(), Crc>>() <= 304);
    assert!(size_of::<LocatedHeader>() == 264);
    assert!(size_of::<Aegis128L>() <= 176);
    assert!(size_of::<Crc64>() <= 8);
    assert!(size_of::<Resync<Crc>>() <= 400);
    assert!(size_of::<MemoryLog<4096, Crc>>() - 4096 <= 304);
    assert!(size_of::<NorRegion<(), 256>>() - 256 <= 88);
    assert!(size_of::<Blocks<(), 4>>() - 4 * 512 <= 4 * 12 + 32);
};
