//! A card as a file: an image with a partition table and a FAT, made and looked into with mtools.
//!
//! ```text
//!   byte 0      partition table: one partition, FAT16 or FAT32
//!   1 MiB       the partition, to the end of the image
//! ```
//!
//! The image's size is a power of two: QEMU's card takes no other.

use super::super::{read, write};
use crate::outcome::Stop;
use crate::run::{Root, Run};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a block.
pub(super) const BLOCK: u64 = 512;

/// Where the partition begins, blocks.
const PARTITION: u32 = 2048;

/// How a card is formatted.
#[derive(Debug)]
pub(super) struct Format {
    /// For messages and names of files.
    pub(super) name: &'static str,
    /// The card's size.
    blocks: u32,
    /// Blocks in a cluster.
    cluster: u32,
    fat32: bool,
}

/// A small card with small clusters.
pub(super) const FAT16: Format = Format { name: "fat16", blocks: 16 << 11, cluster: 4, fat32: false };

/// As small as FAT32 can be: a cluster is a block.
pub(super) const FAT32: Format = Format { name: "fat32", blocks: 64 << 11, cluster: 1, fat32: true };

/// A card as they are sold (SDHC, addressed by blocks, clusters of 32 KiB). The file is sparse.
pub(super) const SDHC: Format = Format { name: "sdhc", blocks: 8 << 21, cluster: 64, fat32: true };

/// As small as FAT16 can be, to be filled.
pub(super) const TINY: Format = Format { name: "tiny", blocks: 4 << 11, cluster: 1, fat32: false };

/// A card.
#[derive(Debug)]
pub(super) struct Image<'a> {
    root: &'a Root,
    directory: &'a Path,
    path: PathBuf,
}

impl<'a> Image<'a> {
    /// Makes an empty card in `directory`.
    pub(super) fn make(root: &'a Root, directory: &'a Path, format: &Format) -> Result<Self, Stop> {
        let image = Self { root, directory, path: directory.join(format!("{}.img", format.name)) };
        let blocks = format.blocks - PARTITION;
        image.partition(format, blocks).map_err(|error| image.failed(&error))?;
        let mut run = image.tool("mformat").args(["-T", &blocks.to_string(), "-H", &PARTITION.to_string()]);
        run = run.args(["-h", "255", "-s", "63", "-c", &format.cluster.to_string()]);
        if format.fat32 {
            run = run.arg("-F");
        }
        run.arg("::").text()?;
        Ok(image)
    }

    fn partition(&self, format: &Format, blocks: u32) -> std::io::Result<()> {
        let mut file = File::create(&self.path)?;
        file.set_len(u64::from(format.blocks) * BLOCK)?;
        let kind = if format.fat32 { 0x0c } else { 0x0e };
        // Not bootable; cylinders, heads and sectors say "see below": the first block and how many there are.
        let mut entry = vec![0, 0xfe, 0xff, 0xff, kind, 0xfe, 0xff, 0xff];
        entry.extend(PARTITION.to_le_bytes());
        entry.extend(blocks.to_le_bytes());
        file.seek(SeekFrom::Start(446))?;
        file.write_all(&entry)?;
        file.seek(SeekFrom::Start(510))?;
        file.write_all(&[0x55, 0xaa])
    }

    /// The image's file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The image's file, opened to look at its bytes; and where the partition is.
    pub(super) fn open(&self) -> Result<(File, u64), Stop> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path);
        Ok((file.map_err(|error| self.failed(&error))?, u64::from(PARTITION) * BLOCK))
    }

    /// Puts a file with these bytes on the card.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Stop> {
        write(&self.directory.join(name), bytes)?;
        self.tool("mcopy").args(["-o", name, &format!("::{name}")]).text().map(|_| ())
    }

    /// Copies a file off the card, into the directory.
    pub(super) fn get(&self, name: &str) -> Result<Vec<u8>, Stop> {
        self.tool("mcopy").args(["-n", "-o", &format!("::{name}"), name]).text()?;
        read(&self.directory.join(name))
    }

    fn tool(&self, name: &str) -> Run {
        let image = format!("{}@@1M", self.path.display());
        self.root.run(name).directory(self.directory).args(["-i", &image])
    }

    pub(super) fn failed(&self, error: &std::io::Error) -> Stop {
        Stop::Failed(format!("{}: {error}", self.path.display()))
    }
}
