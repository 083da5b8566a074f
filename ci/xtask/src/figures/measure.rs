//! Building the programs, and measuring them.

use super::{Board, Figures, image};
use crate::outcome::Stop;
use crate::run::Root;
use crate::target::Target;
use std::path::PathBuf;
use std::time::Duration;

/// Programs of `ci/firmware/figures`, and how many entries each counts in its log.
pub(crate) const PROGRAMS: [(&str, u64); 16] = [
    ("verify-tigerbeetle", 2),
    ("verify-crc", 2),
    ("salvage-tigerbeetle", 3),
    ("salvage-crc", 3),
    ("recover-tigerbeetle", 4),
    ("recover-crc", 4),
    ("append-tigerbeetle", 3),
    ("append-crc", 3),
    ("verify_async-tigerbeetle", 2),
    ("verify_async-crc", 2),
    ("append_async-tigerbeetle", 3),
    ("append_async-crc", 3),
    ("both-tigerbeetle", 5),
    ("both-crc", 5),
    ("both_nor-tigerbeetle", 5),
    ("both_nor-crc", 5),
];

/// What every firmware has: it is taken off.
const BASELINE: &str = "baseline";

/// Features that the programs are built with: the name of a row, and cargo's argument.
pub(crate) const VARIANTS: [(&str, &str); 3] =
    [("default", ""), ("small", "small"), ("small+defmt", "small,defmt")];

/// What no program may do, and the functions by which that is seen. (In those with futures one panic is
/// excused: [`image::without_resumed`].)
pub(crate) const UNWANTED: [(&str, IsUnwanted); 2] = [
    ("can panic", image::is_panic),
    ("divides 64-bit numbers or computes floats", image::is_slow_arithmetic),
];

pub(crate) type IsUnwanted = fn(&str) -> bool;

/// How long a program may run; all take less than a second.
const RUN_MAX: Duration = Duration::from_secs(60);

/// Turns asked of the known loop, two instructions each.
const KNOWN: u64 = 1_000_000;

/// The programs of one board.
pub(crate) struct Programs<'a> {
    pub(crate) root: &'a Root,
    pub(crate) board: &'a Board,
    pub(crate) target: Target,
}

impl Programs<'_> {
    /// Flash and RAM of each variant, and what none of them may contain.
    pub(crate) fn measure(&self, figures: &mut Figures) -> Result<(), Stop> {
        for (variant, features) in VARIANTS {
            self.build(features, &[])?;
            let baseline = image::size(&self.image(BASELINE))?;
            for (program, _) in PROGRAMS {
                self.check(variant, program)?;
                let size = image::size(&self.image(program))?;
                let mut note =
                    |what: &str, figure: u64| figures.insert(self.name(variant, program, what), figure);
                note("flash", size.flash.saturating_sub(baseline.flash));
                note("static", size.ram.saturating_sub(baseline.ram));
            }
        }
        for (variant, features) in VARIANTS.into_iter().filter(|(_, features)| !features.contains("defmt")) {
            self.build(&format!("{features},measure"), &[])?;
            for (program, entries) in PROGRAMS {
                figures.insert(self.name(variant, program, "stack"), self.stack(program, entries)?);
            }
            if self.board.counts {
                self.count(variant, figures)?;
            }
        }
        Ok(())
    }

    /// Builds the programs with one index that can panic, and sees that the check finds it.
    pub(crate) fn test_the_check(&self) -> Result<(), Stop> {
        const PROGRAM: &str = "verify-crc";
        self.build("panicking", &["--bin", PROGRAM])?;
        match self.check("panicking", PROGRAM) {
            Err(Stop::Failed(message)) if message.contains("panic_bounds_check") => Ok(()),
            _ => Stop::failed(format!(
                "{}: {PROGRAM} was built with an index that can panic, and the check did not find it: look at \
                 `is_panic` in ci/xtask/src/figures/image.rs",
                self.board.name
            )),
        }
    }

    /// No panic, no slow arithmetic.
    fn check(&self, variant: &str, program: &str) -> Result<(), Stop> {
        let path = self.image(program);
        for (what, is_unwanted) in UNWANTED {
            let mut found = image::unwanted(&path, is_unwanted)?;
            if program.contains("_async-") {
                found = image::without_resumed(found);
                if variant.contains("defmt") && what == UNWANTED[0].0 {
                    // There the compiler inlines it, and what called it looks like any panic. The same code
                    // is looked at in the variants without defmt.
                    found.clear();
                }
            }
            if found.is_empty() {
                continue;
            }
            let mut message = format!("{}: {program} ({variant}) {what}. It contains:", self.board.name);
            for function in found {
                message += &format!("\n  {}", function.name);
                if !function.callers.is_empty() {
                    message += &format!(", called by {}", function.callers.join(", "));
                }
            }
            return Stop::failed(message);
        }
        Ok(())
    }

    /// The peak of a program's stack, which it prints.
    fn stack(&self, program: &str, entries: u64) -> Result<u64, Stop> {
        let printed = self.run(program, &[])?;
        let value = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse::<u64>().ok())
        };
        match (value("entries"), value("stack")) {
            (Some(found), Some(stack)) if found == entries => Ok(stack),
            _ => Stop::failed(format!(
                "{}: {program}: {entries} entries are in its log, and it printed\n{printed}",
                self.board.name
            )),
        }
    }

    /// The instructions of each checksum, for the tables of this variant.
    fn count(&self, variant: &str, figures: &mut Figures) -> Result<(), Stop> {
        let printed = self.run("checksums", &["-icount", "shift=0"])?;
        for line in printed.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [name, size, count] = words[..] else { continue };
            let count: u64 = count.parse().unwrap_or(0);
            if name != "known" {
                figures.insert(self.name(variant, &format!("{name}-{size}"), "instructions"), count);
            } else if count.abs_diff(2 * KNOWN) > 100 {
                return Stop::failed(format!(
                    "{}: a loop of {} instructions was counted as {count}: the timer of this QEMU runs otherwise, \
                     see INSTRUCTIONS_PER_TICK in ci/firmware/figures/src/bin/checksums.rs",
                    self.board.name,
                    2 * KNOWN
                ));
            }
        }
        if printed.contains("known ") {
            Ok(())
        } else {
            Stop::failed(format!("checksums printed\n{printed}"))
        }
    }

    fn name(&self, variant: &str, program: &str, what: &str) -> String {
        format!("{} {variant} {program} {what}", self.board.target)
    }

    fn build(&self, features: &str, more: &[&str]) -> Result<(), Stop> {
        let build =
            "build --manifest-path ci/firmware/Cargo.toml --package aof-firmware-figures --profile size";
        let run = self.target.cargo_linking(self.root, build)?;
        let run = if more.is_empty() { run.args(self.bins(features)) } else { run.args(more) };
        run.args(["--quiet", "--features", features]).check()
    }

    /// The counting program is one for a board whose instructions are counted.
    fn bins(&self, features: &str) -> Vec<&'static str> {
        let mut names = vec![BASELINE];
        names.extend(PROGRAMS.map(|(program, _)| program));
        if self.board.counts && features.contains("measure") {
            names.push("checksums");
        }
        names.into_iter().flat_map(|name| ["--bin", name]).collect()
    }

    fn image(&self, program: &str) -> PathBuf {
        self.target.profile_directory(self.root, "size").join(program)
    }

    fn run(&self, program: &str, more: &[&str]) -> Result<String, Stop> {
        let run = self.board.machine.command(self.root, &self.image(program), &[]);
        run.args(more).text_within(RUN_MAX)
    }
}
