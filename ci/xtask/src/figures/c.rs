//! The same from C: `ci/firmware/c/figures.c`, linked with the library for C, on the Cortex-M3.
//!
//! The library is built with the profile that a program names, and no other, as somebody's firmware would have
//! it.

use super::measure::UNWANTED;
use super::{Figures, image};
use crate::c::{TARGET, Toolchain};
use crate::machine::MPS2_AN385;
use crate::outcome::{Done, Stop};
use crate::run::Root;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Jobs by their number in `figures.c`, and how many entries each counts in its log.
pub(crate) const JOBS: [(&str, u32, u64); 3] = [("verify", 1, 1), ("append", 2, 3), ("recover", 3, 2)];

/// Profiles, as the library's features and its header call them.
pub(crate) const PROFILES: [(&str, &str); 2] =
    [("tigerbeetle", "AOF_PROFILE_TIGERBEETLE"), ("crc", "AOF_PROFILE_CRC")];

/// Features beside the profile: the name of a row, and cargo's.
pub(crate) const VARIANTS: [(&str, &str); 2] = [("default", ""), ("small", ",small")];

/// How long a program may run; all take less than a second.
const RUN_MAX: Duration = Duration::from_secs(60);

/// The name of a figure.
pub(crate) fn name(variant: &str, job: &str, profile: &str, what: &str) -> String {
    format!("{TARGET} {variant} c-{job}-{profile} {what}")
}

/// Flash and RAM of each job, profile and variant, and what none of them may contain.
pub(crate) fn measure(root: &Root, figures: &mut Figures, done: &mut Done) -> Result<(), Stop> {
    MPS2_AN385.set_up(root)?;
    let toolchain = Toolchain::set_up(root, done)?;
    println!("Cortex-M3 (mps2-an385), in C: rustc {}", toolchain.version()?);
    let directory = root.target().join("bare/c-figures");
    fs::create_dir_all(&directory)
        .map_err(|error| Stop::Failed(format!("{}: {error}", directory.display())))?;
    for (profile, constant) in PROFILES {
        for (variant, feature) in VARIANTS {
            let library = toolchain.library(&format!("{profile}{feature}"))?;
            let program = |job: u32, measure: &[&str]| -> Result<PathBuf, Stop> {
                let program = directory.join(format!("{variant}-{profile}-{job}{}", measure.concat()));
                let (job, profile) = (format!("JOB={job}"), format!("PROFILE={constant}"));
                let definitions: Vec<&str> =
                    [&*job, &*profile].into_iter().chain(measure.iter().copied()).collect();
                toolchain.program(&["start.c", "figures.c"], &definitions, &library, &program)?;
                Ok(program)
            };
            let baseline = image::size(&program(0, &[])?)?;
            for (job, number, entries) in JOBS {
                let image = program(number, &[])?;
                check(&image, job)?;
                let size = image::size(&image)?;
                let mut note = |what: &str, figure| figures.insert(name(variant, job, profile, what), figure);
                note("flash", size.flash.saturating_sub(baseline.flash));
                note("static", size.ram.saturating_sub(baseline.ram));
                note("stack", stack(root, &program(number, &["MEASURE"])?, entries)?);
            }
        }
    }
    Ok(())
}

/// No panic, no slow arithmetic; and the symbols by which that is seen are there.
fn check(image: &Path, job: &str) -> Result<(), Stop> {
    for (what, is_unwanted) in UNWANTED {
        if let Some(function) = image::unwanted(image, is_unwanted)?.first() {
            return Stop::failed(format!("{}: in C, {job} {what}: {function:?}", image.display()));
        }
    }
    if image::unwanted(image, |name| name.starts_with("aof_"))?.is_empty() {
        return Stop::failed(format!("{}: no function of the library is to be seen", image.display()));
    }
    Ok(())
}

/// The peak of a program's stack, which it prints.
fn stack(root: &Root, image: &Path, entries: u64) -> Result<u64, Stop> {
    let printed = MPS2_AN385.command(root, image, &[]).text_within(RUN_MAX)?;
    let value = |name: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<u64>().ok())
    };
    match (value("entries"), value("stack")) {
        (Some(found), Some(stack)) if found == entries && stack < PAINTED => Ok(stack),
        _ => Stop::failed(format!(
            "{}: {entries} entries are in its log, less than {PAINTED} bytes of stack are to be taken, and it \
             printed\n{printed}",
            image.display()
        )),
    }
}

/// Bytes of stack that `figures.c` paints.
const PAINTED: u64 = 8192;
