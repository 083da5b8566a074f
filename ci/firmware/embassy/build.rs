//! The board's memory map, which is that of the programs over files of the host.

#[path = "../linker.rs"]
mod linker;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    linker::link("../host-files/memory", &[("thumbv7m-none-eabi", "mps2-an385.x", "link.x")]).map(drop)
}
