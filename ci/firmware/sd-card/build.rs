//! The board's memory map.

#[path = "../linker.rs"]
mod linker;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    linker::link("memory", &[("thumbv7m-none-eabi", "lm3s6965evb.x", "link.x")]).map(drop)
}
