//! The boards that firmware runs on, and one run on one of them.

use crate::machine::{AARCH64_VIRT, LM3S6965EVB, MICROBIT, MPS2_AN385, Machine, RISCV32_VIRT};
use crate::outcome::Stop;
use crate::run::{Root, Run};
use crate::target::Target;
use std::path::Path;
use std::time::Duration;

/// A board that QEMU emulates. A new one also needs its memory map in its program's `build.rs`.
#[derive(Debug)]
pub(crate) struct Board {
    /// For messages.
    pub(crate) name: &'static str,
    /// What firmware is compiled for.
    pub(crate) target: &'static str,
    machine: Machine,
}

/// The boards of the programs over files of the host: small and smallest Arm, and another architecture.
pub(crate) const BOARDS: [Board; 3] = [
    Board { name: "Cortex-M0 (microbit)", target: "thumbv6m-none-eabi", machine: MICROBIT },
    Board { name: "Cortex-M3 (mps2-an385)", target: "thumbv7m-none-eabi", machine: MPS2_AN385 },
    Board { name: "RISC-V 32 (virt)", target: "riscv32imac-unknown-none-elf", machine: RISCV32_VIRT },
];

/// The board of the program in C; its memory map and startup are in `ci/firmware/c`.
pub(crate) const C_BOARD: Board =
    Board { name: "Cortex-M3 (mps2-an385), in C", target: crate::c::TARGET, machine: MPS2_AN385 };

/// The board with a card's socket on its SPI bus; its memory map is in `ci/firmware/sd-card`.
pub(crate) const CARD_BOARD: Board =
    Board { name: "Cortex-M3 (lm3s6965evb)", target: "thumbv7m-none-eabi", machine: LM3S6965EVB };

/// A board with a virtio disk, and a CPU with AES instructions; its memory map is in `ci/firmware/unikernel`.
pub(crate) const DISK_BOARD: Board =
    Board { name: "Cortex-A72 (virt)", target: "aarch64-unknown-none", machine: AARCH64_VIRT };

/// How long a program may run; most take less than a second.
pub(crate) const RUN_MAX: Duration = Duration::from_secs(120);

impl Board {
    /// Makes sure that the emulator is there, and builds the programs of `package`.
    pub(crate) fn set_up(&self, root: &Root, package: &str) -> Result<Target, Stop> {
        self.set_up_emulator(root)?;
        let target = Target::set_up(root, self.target)?;
        println!("{}: {}", self.name, target.compiler());
        let manifest = format!("--manifest-path ci/firmware/Cargo.toml --package {package} --release --bins");
        target.cargo_linking(root, &format!("build {manifest}"))?.check()?;
        if target.has_clippy() {
            let run = target.cargo_linking(root, &format!("clippy {manifest}"))?;
            run.args(["--", "-D", "warnings"]).check()?;
        }
        Ok(target)
    }

    /// Makes sure that the emulator is there.
    pub(crate) fn set_up_emulator(&self, root: &Root) -> Result<(), Stop> {
        self.machine.set_up(root)
    }

    /// The emulator, about to run the program `image` with the `words` of its command line; files are those
    /// of `directory`.
    pub(crate) fn command(&self, root: &Root, image: &Path, words: &[&str], directory: &Path) -> Run {
        self.machine.command(root, image, words).directory(directory)
    }

    /// Runs it to its end, and gives what it printed. Anything but exit code 0 is a failure.
    pub(crate) fn run(
        &self,
        root: &Root,
        image: &Path,
        words: &[&str],
        directory: &Path,
    ) -> Result<String, Stop> {
        self.command(root, image, words, directory).text_within(RUN_MAX)
    }
}
