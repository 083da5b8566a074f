//! What the core costs on devices, and what it must not contain.
//!
//! ```text
//! ci/firmware/figures --build--> programs --+--> size, symbols: no panic, no 64-bit division, no float
//! ci/firmware/c/figures.c ---+              |
//!                                           +--> QEMU: peak stack, instructions of a checksum
//!                                           |
//!      recorded/COMPILER.txt  <--compare----+        grown: the step fails
//!                 |
//!                 +--> tables of docs/embedded.md    others: the step fails
//! ```
//!
//! `AOF_CI_FIGURES=write cargo xtask ci figures` records what is measured, and writes the tables.
//!
//! With the same compiler a figure may grow by 2 per cent or 64 (bytes, instructions), whichever is more. A
//! compiler of which there is no record is compared with the one in the page, by 25 per cent or 512.

mod c;
mod image;
mod measure;
mod page;
mod record;

use self::measure::Programs;
use self::record::{Figures, Slack};
use crate::machine::{MICROBIT, MPS2_AN385, Machine, RISCV32_VIRT};
use crate::outcome::{Done, Stop};
use crate::run::Root;
use crate::target::Target;
use std::path::PathBuf;
use std::{env, fs};

/// A board on which the programs run.
pub(crate) struct Board {
    /// For messages.
    name: &'static str,
    /// For tables.
    cpu: &'static str,
    target: &'static str,
    machine: Machine,
    /// Whether its instructions are counted.
    counts: bool,
}

/// All boards; their memory maps are in `ci/firmware/figures/memory`.
const BOARDS: [Board; 3] = [
    Board {
        name: "Cortex-M0 (microbit)",
        cpu: "Cortex-M0",
        target: "thumbv6m-none-eabi",
        machine: MICROBIT,
        counts: false,
    },
    Board {
        name: "Cortex-M3 (mps2-an385)",
        cpu: "Cortex-M3",
        target: "thumbv7m-none-eabi",
        machine: MPS2_AN385,
        counts: true,
    },
    Board {
        name: "RISC-V (virt)",
        cpu: "RISC-V 32",
        target: "riscv32imac-unknown-none-elf",
        machine: RISCV32_VIRT,
        counts: false,
    },
];

/// What is promised with the feature `small`: job and profile, bytes of flash, bytes of RAM beside the
/// caller's buffer.
const AIMS: [(&str, u64, u64); 6] = [
    ("verify-tigerbeetle", 8 << 10, 1 << 10),
    ("verify-crc", 5 << 10, 1 << 10),
    ("append-tigerbeetle", 4 << 10, 1 << 10),
    ("append-crc", 4 << 10, 1 << 10),
    ("both-tigerbeetle", 21 << 10, 9 << 9),
    ("both-crc", 21 << 10, 9 << 9),
];

/// The compiler whose figures are in the page.
const COMPILER: &str = "1.95.0-prebuilt";

const PAGE: &str = "docs/embedded.md";
const GUIDE: &str = "docs/firmware-guide.md";
/// Where its code is compiled, and in which language.
const GUIDES: [(&str, &str); 3] = [
    ("ci/firmware/figures/src/guide.rs", "rust"),
    ("ci/firmware/embassy/src/logger.rs", "rust"),
    ("ci/firmware/c/guide.c", "c"),
];

/// Measures all programs, and compares with what is recorded.
pub(crate) fn figures(root: &Root) -> Result<Done, Stop> {
    let mut done = Done::default();
    guides(root)?;
    let mut measured = Figures::new();
    let mut compiler = String::new();
    for board in &BOARDS {
        board.machine.set_up(root)?;
        let target = Target::set_up(root, board.target)?;
        compiler = target.version(root)?;
        println!("{}: rustc {compiler}", board.name);
        if !target.has_clippy() {
            done.left_out(format!("clippy on the figures: it needs `rustup target add {}`", board.target));
        } else {
            clippy(root, &target)?;
        }
        let programs = Programs { root, board, target };
        programs.measure(&mut measured)?;
        programs.test_the_check()?;
    }
    c::measure(root, &mut measured, &mut done)?;
    // All emulators come from one source.
    let qemu = MPS2_AN385.version(root)?;
    let file = recorded(root, &compiler);
    if env::var_os("AOF_CI_FIGURES").is_some_and(|value| value == "write") {
        write(&file, &record::write(&measured))?;
        if compiler == COMPILER {
            write_page(root, &page::tables(&measured, &compiler, &qemu))?;
        }
        println!("recorded: {}", file.display());
    } else {
        compare(root, &compiler, &measured, &mut done)?;
        same_page(root)?;
    }
    aims(&measured)?;
    Ok(done)
}

/// No figure has grown.
fn compare(root: &Root, compiler: &str, measured: &Figures, done: &mut Done) -> Result<(), Stop> {
    let own = recorded(root, compiler);
    let (file, slack) = if own.is_file() {
        (own, Slack::SAME)
    } else {
        done.left_out(format!(
            "the figures of rustc {compiler} are not recorded: compared with those of {COMPILER}, loosely. \
             `AOF_CI_FIGURES=write cargo xtask ci figures` records them"
        ));
        (recorded(root, COMPILER), Slack::OTHER)
    };
    let recorded = record::read(&read(&file)?)
        .map_err(|line| Stop::Failed(format!("{}: not a figure: {line}", file.display())))?;
    let differences = record::differences(&recorded, measured, slack);
    if differences.is_empty() {
        return Ok(());
    }
    Stop::failed(format!(
        "{}\nIf that is worth it: `AOF_CI_FIGURES=write cargo xtask ci figures` records it in {} and in {PAGE}",
        differences.join("\n"),
        file.display()
    ))
}

/// What is promised holds.
fn aims(measured: &Figures) -> Result<(), Stop> {
    let mut broken = Vec::new();
    for board in &BOARDS {
        for (program, flash_max, ram_max) in AIMS {
            let figure = |what: &str| measured.get(&format!("{} small {program} {what}", board.target));
            let flash = figure("flash").copied().unwrap_or(u64::MAX);
            let ram = figure("stack").zip(figure("static")).map_or(u64::MAX, |(stack, fixed)| stack + fixed);
            for (what, figure, max) in [("flash", flash, flash_max), ("RAM", ram, ram_max)] {
                if figure > max {
                    broken.push(format!(
                        "{}: {program} (small) takes {figure} bytes of {what}, and {max} are promised",
                        board.name
                    ));
                }
            }
        }
    }
    if broken.is_empty() { Ok(()) } else { Stop::failed(broken.join("\n")) }
}

/// The page has the tables of the figures that are recorded.
fn same_page(root: &Root) -> Result<(), Stop> {
    let file = recorded(root, COMPILER);
    let figures = record::read(&read(&file)?)
        .map_err(|line| Stop::Failed(format!("{}: not a figure: {line}", file.display())))?;
    let page = read(&root.path(PAGE))?;
    // Which QEMU the page names is not compared: any that counts right will do.
    let qemu = page::qemu(&page).unwrap_or_default();
    if page::with_table(&page, &page::tables(&figures, COMPILER, qemu))
        .is_some_and(|expected| expected == page)
    {
        return Ok(());
    }
    Stop::failed(format!(
        "{PAGE}: its tables are not those of {}: `AOF_CI_FIGURES=write cargo xtask ci figures` writes both",
        file.display()
    ))
}

fn write_page(root: &Root, tables: &str) -> Result<(), Stop> {
    let path = root.path(PAGE);
    match page::with_table(&read(&path)?, tables) {
        Some(page) => write(&path, &page),
        None => Stop::failed(format!(
            "{PAGE}: no place for the tables: it needs both `<!-- figures: ... -->` lines"
        )),
    }
}

/// The guides show the code that is compiled.
fn guides(root: &Root) -> Result<(), Stop> {
    let page = read(&root.path(GUIDE))?;
    for (source, language) in GUIDES {
        let code = read(&root.path(source))?;
        let Some(code) = page::guide(&code) else {
            return Stop::failed(format!("{source}: no lines `guide: begin` and `guide: end` in comments"));
        };
        if !page.contains(&format!("```{language}\n{code}```\n")) {
            return Stop::failed(format!(
                "{GUIDE}: its code is not what {source} has between its marks: copy it over"
            ));
        }
    }
    Ok(())
}

fn clippy(root: &Root, target: &Target) -> Result<(), Stop> {
    let command =
        "clippy --manifest-path ci/firmware/Cargo.toml --package aof-firmware-figures --profile size --quiet";
    for features in ["", "small,defmt", "measure"] {
        // The counting program is for one board only.
        let bins =
            if features == "measure" && target.name != "thumbv7m-none-eabi" { "--lib" } else { "--bins" };
        let run = target.cargo_linking(root, command)?.args([bins, "--features", features]);
        run.args(["--", "-D", "warnings"]).check()?;
    }
    Ok(())
}

fn recorded(root: &Root, compiler: &str) -> PathBuf {
    root.path("ci/firmware/figures/recorded").join(format!("{compiler}.txt"))
}

fn read(path: &std::path::Path) -> Result<String, Stop> {
    fs::read_to_string(path).map_err(|error| Stop::Failed(format!("{}: {error}", path.display())))
}

fn write(path: &std::path::Path, text: &str) -> Result<(), Stop> {
    fs::write(path, text).map_err(|error| Stop::Failed(format!("{}: {error}", path.display())))
}
