//! Whatever the bodies hold and wherever logs are damaged: what is true comes out, and what is not is named.
//!
//! `AOF_CASES` sets how many cases there are. A failure prints the case's number: `AOF_CASE` runs it alone and shows
//! its logs, which `AOF_DUMP` writes into a directory.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests may stop at a surprise")]

use aof_hostile::truth::run::run;
use aof_tests::truth::Case;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn merge_yields_the_truth_and_names_what_may_not_be_true() {
    let first = number("AOF_CASE");
    if let Some(first) = first.filter(|_| number("AOF_CASES").is_none()) {
        let case = Case::new(first);
        println!("{case}");
        if let Ok(directory) = std::env::var("AOF_DUMP") {
            for (number, log) in case.logs.iter().enumerate() {
                std::fs::write(format!("{directory}/r{number}.aof"), &log.bytes).unwrap();
            }
        }
    }
    let count = number("AOF_CASES").unwrap_or(if first.is_some() { 1 } else { 10_000 });
    let tally = run(first.unwrap_or(0), count, first.is_some());
    println!("{tally}");
    if count == 1 {
        assert_eq!(tally.failed, 0, "{tally}");
    }
    for (kind, (found, _)) in &tally.kinds {
        let known = KNOWN.iter().find(|(known, _)| known == kind).map_or(0, |(_, known)| *known);
        let allowed = known * count.div_ceil(10_000);
        assert!(*found <= allowed, "{kind}: {found} cases, {allowed} are known: {tally}");
    }
}

/// What is not solved, in the first 10,000 cases, and no more: in one, a torn entry is whole again, since the byte that it
/// lacked and those that were appended are zeros. No entry before it is left, so a gap is right.
const KNOWN: [(&str, u64); 2] = [("p1-refused", 1), ("p4-refused", 1)];
