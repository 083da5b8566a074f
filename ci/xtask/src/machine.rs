//! The machines that QEMU emulates, and the one command line that starts them.
//!
//! A machine has the devices of its board, and those that a check adds. Without `-nodefaults` QEMU adds others,
//! among them a network card that needs a ROM from a package that Debian only recommends.

use crate::outcome::Stop;
use crate::run::{Root, Run};
use crate::setup::{self, Need};
use std::path::Path;

/// An emulated machine.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The emulator.
    program: &'static str,
    /// The Debian package of the emulator.
    package: &'static str,
    /// The emulator's arguments that choose the machine.
    arguments: &'static [&'static str],
}

/// A Cortex-M0 with 16 KiB of RAM.
pub(crate) const MICROBIT: Machine = arm(&["-machine", "microbit"]);

// The next two boards have a network card of their own, without a ROM. QEMU warns in each run if it has no peer.

/// A Cortex-M3.
pub(crate) const MPS2_AN385: Machine = arm(&["-machine", "mps2-an385", "-nic", "user"]);

/// A Cortex-M3 with a card's socket on its SPI bus.
pub(crate) const LM3S6965EVB: Machine = arm(&["-machine", "lm3s6965evb", "-nic", "user"]);

/// A 32-bit RISC-V CPU.
pub(crate) const RISCV32_VIRT: Machine = Machine {
    program: "qemu-system-riscv32",
    package: "qemu-system-misc",
    arguments: &["-machine", "virt", "-bios", "none"],
};

/// A 64-bit Arm CPU that has AES instructions, and a place for a virtio disk.
pub(crate) const AARCH64_VIRT: Machine = Machine {
    program: "qemu-system-aarch64",
    package: "qemu-system-arm",
    // The modern layout of virtio's registers: QEMU's default is the one before version 1.
    arguments: &[
        "-machine",
        "virt",
        "-cpu",
        "cortex-a72",
        "-m",
        "16M",
        "-global",
        "virtio-mmio.force-legacy=off",
    ],
};

/// No device that the board does not have, and no console: what firmware prints comes through semihosting.
const BARE: [&str; 9] =
    ["-nodefaults", "-display", "none", "-monitor", "none", "-serial", "none", "-parallel", "none"];

const fn arm(arguments: &'static [&'static str]) -> Machine {
    Machine { program: "qemu-system-arm", package: "qemu-system-arm", arguments }
}

impl Machine {
    /// Installs the emulator if it is missing.
    pub(crate) fn set_up(&self, root: &Root) -> Result<(), Stop> {
        setup::need(root, &[Need::Program { name: self.program, package: self.package }])
    }

    /// The emulator's version.
    pub(crate) fn version(&self, root: &Root) -> Result<String, Stop> {
        let text = root.run(self.program).arg("--version").text()?;
        let version = text.split(' ').nth(3).unwrap_or("unknown");
        Ok(version.lines().next().unwrap_or(version).to_owned())
    }

    /// The emulator, about to run the program `image` with the `words` of its command line.
    pub(crate) fn command(&self, root: &Root, image: &Path, words: &[&str]) -> Run {
        root.run(self.program).args(self.words(words)).arg("-kernel").arg(image)
    }

    /// The emulator's arguments, but for the program that it runs.
    fn words(&self, words: &[&str]) -> Vec<String> {
        let mut semihosting = "enable=on,target=native".to_owned();
        for word in words {
            semihosting += &format!(",arg={word}");
        }
        let options = self.arguments.iter().chain(&BARE).map(|word| (*word).to_owned());
        options.chain(["-semihosting-config".to_owned(), semihosting]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Machine; 5] = [MICROBIT, MPS2_AN385, LM3S6965EVB, RISCV32_VIRT, AARCH64_VIRT];

    #[test]
    fn no_machine_has_devices_that_were_not_asked_for() {
        for machine in &ALL {
            let words = machine.words(&["read", "a.aof"]);
            assert!(words.iter().any(|word| word == "-nodefaults"), "{machine:?}");
            // A board with a PCI bus has no network card of its own: what `-nic` adds there needs a ROM.
            let has_bus = words.iter().any(|word| word == "virt");
            assert!(!has_bus || words.iter().all(|word| word != "-nic"), "{machine:?}");
            let firmware = words.iter().position(|word| word == "-bios").map(|at| words[at + 1].as_str());
            assert!(matches!(firmware, None | Some("none")), "{machine:?}: {firmware:?}");
            assert_eq!(words.last().unwrap(), "enable=on,target=native,arg=read,arg=a.aof");
        }
    }
}
