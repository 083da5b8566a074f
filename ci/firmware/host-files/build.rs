//! The memory maps of the boards, one row a target; the boards are those of `BOARDS` in
//! `ci/xtask/src/qemu/boards.rs`.

#[path = "../linker.rs"]
mod linker;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let targets = [
        ("thumbv6m-none-eabi", "microbit.x", "link.x"),
        ("thumbv7m-none-eabi", "mps2-an385.x", "link.x"),
        ("riscv32imac-unknown-none-elf", "virt-riscv32.x", "link.x"),
    ];
    linker::link("memory", &targets).map(drop)
}
