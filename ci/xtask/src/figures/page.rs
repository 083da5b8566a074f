//! `docs/embedded.md` and `docs/firmware-guide.md`: the table that is made here, and the code that is compiled.

use super::measure::{PROGRAMS, VARIANTS};
use super::{BOARDS, Figures, c};
use std::fmt::Write as _;

/// Lines of a page between which the script writes.
const BEGIN: &str = "<!-- figures: begin -->\n";
const END: &str = "<!-- figures: end -->\n";

/// The page with this table in its place; `None` if it has no place for one.
pub(crate) fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

/// The version of QEMU that the page's table names.
pub(crate) fn qemu(page: &str) -> Option<&str> {
    let (_, table) = page.split_once(BEGIN)?;
    let (_, rest) = table.lines().next()?.split_once(" QEMU ")?;
    rest.strip_suffix('.')
}

/// The code that a source marks as the guide's.
pub(crate) fn guide(source: &str) -> Option<&str> {
    let between = |begin, end| source.split_once(begin)?.1.split_once(end).map(|(code, _)| code);
    between("// guide: begin\n", "// guide: end")
        .or_else(|| between("/* guide: begin */\n", "/* guide: end */"))
}

/// The tables of all figures, as Markdown.
pub(crate) fn tables(figures: &Figures, compiler: &str, qemu: &str) -> String {
    let mut text = format!("Compiler: rustc {compiler}. QEMU {qemu}.\n\n");
    sizes(&mut text, figures);
    text.push('\n');
    sizes_in_c(&mut text, figures);
    text.push('\n');
    instructions(&mut text, figures);
    text
}

fn sizes_in_c(text: &mut String, figures: &Figures) {
    let _ = writeln!(text, "| in C, Cortex-M3 | profile | features | flash | RAM |\n|---|---|---|---|---|");
    for (job, ..) in c::JOBS {
        for (profile, _) in c::PROFILES {
            for (variant, _) in c::VARIANTS {
                let figure = |what: &str| figures.get(&c::name(variant, job, profile, what));
                let flash = figure("flash").map_or("?".into(), ToString::to_string);
                let ram = figure("stack").zip(figure("static"));
                let ram = ram.map_or("?".into(), |(stack, fixed)| (stack + fixed).to_string());
                let _ = writeln!(text, "| {job} | {profile} | {variant} | {flash} | {ram} |");
            }
        }
    }
}

fn sizes(text: &mut String, figures: &Figures) {
    let _ = write!(text, "| program | profile | features |");
    for board in &BOARDS {
        let _ = write!(text, " {}: flash | RAM |", board.cpu);
    }
    let _ = writeln!(text, "\n|---|---|---|{}", "---|---|".repeat(BOARDS.len()));
    for (program, _) in PROGRAMS {
        let (job, profile) = program.split_once('-').unwrap_or((program, ""));
        let job = job.replace('_', " ");
        for (variant, _) in VARIANTS {
            let _ = write!(text, "| {job} | {profile} | {variant} |");
            for board in &BOARDS {
                let figure =
                    |what: &str| figures.get(&format!("{} {variant} {program} {what}", board.target));
                let flash = figure("flash").map_or("?".into(), ToString::to_string);
                // With defmt the stack is the logger's affair: not measured.
                let ram =
                    figure("stack").zip(figure("static")).map_or("".into(), |(a, b)| (a + b).to_string());
                let _ = write!(text, " {flash} | {ram} |");
            }
            text.push('\n');
        }
    }
}

fn instructions(text: &mut String, figures: &Figures) {
    let Some(board) = BOARDS.iter().find(|board| board.counts) else { return };
    let _ = writeln!(text, "| {}, checksum of | features | instructions | per byte |", board.cpu);
    let _ = writeln!(text, "|---|---|---|---|");
    for profile in ["tigerbeetle", "crc"] {
        for size in [240, 4096] {
            for (variant, _) in VARIANTS {
                let name = format!("{} {variant} {profile}-{size} instructions", board.target);
                let Some(count) = figures.get(&name) else { continue };
                let tenths = (count * 10 + size / 2) / size;
                let (whole, tenth) = (tenths / 10, tenths % 10);
                let _ = writeln!(text, "| {size} bytes, {profile} | {variant} | {count} | {whole}.{tenth} |");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_goes_between_the_marks() {
        let page = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(with_table(&page, "new\n").as_deref(), Some(&*format!("a\n{BEGIN}new\n{END}b\n")));
        assert_eq!(with_table("no marks", "new\n"), None);
    }

    #[test]
    fn qemu_of_the_tables_is_found_again() {
        let page = format!("in QEMU x.\n{BEGIN}{}{END}", tables(&Figures::new(), "1.95.0", "7.2.22"));
        assert_eq!(qemu(&page), Some("7.2.22"));
    }

    #[test]
    fn guide_is_what_stands_between_its_marks() {
        assert_eq!(guide("x\n// guide: begin\ncode\n// guide: end\ny"), Some("code\n"));
        assert_eq!(guide("x\n/* guide: begin */\ncode\n/* guide: end */\ny"), Some("code\n"));
        assert_eq!(guide("x"), None);
    }
}
