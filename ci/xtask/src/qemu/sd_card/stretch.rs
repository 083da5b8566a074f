//! A file that is almost as large as FAT allows, on a sparse image: its clusters are taken, and none is
//! written.
//!
//! `mcopy` would write 4 GiB of zeros; two tables of 512 KiB and a directory entry are all that it takes.

use super::image::{BLOCK, Image};
use crate::outcome::Stop;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// The file's first cluster: the others follow.
const FIRST: u32 = 16;

/// The end of a chain of clusters.
const CHAIN_END: u32 = 0x0fff_ffff;

/// Bytes of a directory entry.
const ENTRY: u64 = 32;

/// A file whose clusters follow each other.
#[derive(Debug)]
pub(super) struct Stretched<'a> {
    image: &'a Image<'a>,
    /// Where its directory entry is in the image.
    entry: u64,
    /// Where its bytes are in the image.
    bytes: u64,
}

impl<'a> Stretched<'a> {
    /// Makes the empty file that is alone on the FAT32 of `image` `size` bytes long, with room for all that
    /// FAT allows.
    pub(super) fn make(image: &'a Image<'a>, size: u32) -> Result<Self, Stop> {
        let (mut file, partition) = image.open()?;
        let places = stretch(&mut file, partition, size).map_err(|error| image.failed(&error))?;
        Ok(Self { image, entry: places.0, bytes: places.1 })
    }

    /// The file's size by its directory entry, and its last `count` bytes.
    pub(super) fn tail(&self, count: u32) -> Result<(u32, Vec<u8>), Stop> {
        let (mut file, _) = self.image.open()?;
        let mut read = || {
            let size = u32::from_le_bytes(bytes_at(&mut file, self.entry + 28)?);
            let mut tail = vec![0; count as usize];
            file.seek(SeekFrom::Start(self.bytes + u64::from(size.saturating_sub(count))))?;
            file.read_exact(&mut tail)?;
            Ok((size, tail))
        };
        read().map_err(|error| self.image.failed(&error))
    }
}

/// Gives where the directory entry and the file's bytes are.
fn stretch(file: &mut File, partition: u64, size: u32) -> io::Result<(u64, u64)> {
    // The boot sector: blocks in a cluster, blocks before the tables, tables, blocks of a table.
    let [per_cluster] = bytes_at(file, partition + 13)?;
    let reserved = u64::from(u16::from_le_bytes(bytes_at(file, partition + 14)?));
    let [tables] = bytes_at(file, partition + 16)?;
    let table_size = u64::from(u32::from_le_bytes(bytes_at(file, partition + 36)?)) * BLOCK;
    let cluster = u64::from(per_cluster) * BLOCK;
    let table = partition + reserved * BLOCK;
    let clusters = table + u64::from(tables) * table_size; // cluster 2, the root directory

    let count = u32::try_from(u64::from(u32::MAX).div_ceil(cluster)).unwrap_or(u32::MAX);
    let last = FIRST + count - 1;
    let next = |number| if number == last { CHAIN_END } else { number + 1 };
    let chain: Vec<u8> = (FIRST..=last).flat_map(|number| next(number).to_le_bytes()).collect();
    for index in 0..u64::from(tables) {
        file.seek(SeekFrom::Start(table + index * table_size + u64::from(FIRST) * 4))?;
        file.write_all(&chain)?;
    }
    let [low, high] = [FIRST & 0xffff, FIRST >> 16].map(u32::to_le_bytes);
    let entry = (0..cluster / ENTRY).map(|index| clusters + index * ENTRY);
    // The card is fresh: the first entry that is neither a label nor free is the file's.
    for entry in entry {
        let [name] = bytes_at(file, entry)?;
        let [attributes] = bytes_at(file, entry + 11)?;
        if name == 0 {
            break;
        }
        if attributes & 0x08 == 0 {
            for (offset, bytes) in [(20, &high[..2]), (26, &low[..2]), (28, &size.to_le_bytes()[..])] {
                file.seek(SeekFrom::Start(entry + offset))?;
                file.write_all(bytes)?;
            }
            return Ok((entry, clusters + u64::from(FIRST - 2) * cluster));
        }
    }
    Err(io::Error::other("no file in the root directory"))
}

fn bytes_at<const N: usize>(file: &mut File, offset: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
