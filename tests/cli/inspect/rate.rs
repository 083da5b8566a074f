//! Charts over time show what was written, and no bursts of their own.

use super::page;
use crate::util::{aof, command};

/// One entry each millisecond, exactly.
#[test]
fn constant_rate_is_flat_and_told_by_the_second() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("even.aof");
    let words = ["generate", "--entries", "20000", "--body", "0", "--rate", "1000", "--output"];
    aof(words.iter().map(AsRef::as_ref).chain([path.as_os_str()])).code(0);
    for width in ["40", "60", "80", "132"] {
        let mut inspect = command();
        inspect.args(["inspect".as_ref(), path.as_os_str()]);
        inspect.env("LC_ALL", "C.UTF-8").env("COLUMNS", width);
        let text = String::from_utf8(inspect.output().unwrap().stdout).unwrap();
        let (rate, after) = text.split_once("\n  rate ").unwrap().1.split_once('\n').unwrap();
        let chart: Vec<_> = rate.trim().chars().collect();
        // The first and the last column reach beyond the log.
        assert!(chart.len() > 10 && chart[1..chart.len() - 1].iter().all(|column| *column == '█'), "{rate}");
        let peak = after.lines().next().unwrap().trim();
        let peak = peak.strip_prefix("peak ").and_then(|peak| peak.strip_suffix(" entries/s")).unwrap();
        let peak: u64 = peak.replace(',', "").parse().unwrap();
        assert!((990..=1010).contains(&peak), "{peak}");
    }
    let html = std::fs::read_to_string(page(directory.path(), &[&path])).unwrap();
    let plot = html.split("Entries over time <span class=\"count\">peak ").nth(1).unwrap();
    let heights: Vec<_> = plot
        .split("</svg>")
        .next()
        .unwrap()
        .split(" height=\"")
        .skip(1)
        .filter_map(|at| at.split('"').next())
        .collect();
    assert!(
        heights.len() > 40 && heights[1..heights.len() - 1].iter().all(|height| *height == "100"),
        "{heights:?}"
    );
}
