//! The page as a file: whole or not at all, bounded, and names in it are text. What it shows: `shown.rs`.

use super::{inspect, many, page};
use crate::util::{aof, command, data, file, replica};
use std::ffi::OsStr;
use std::path::Path;

fn html(files: &[&Path]) -> String {
    let directory = tempfile::tempdir().unwrap();
    std::fs::read_to_string(page(directory.path(), files)).unwrap()
}

#[test]
fn page_needs_nothing_else() {
    let html = html(&[&replica(0), &replica(1), &replica(2)]);
    for outside in
        ["http:", "https:", "src=", "url(", "@import", "<link", "style=\"", " onclick", "javascript:"]
    {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("default-src 'none'; style-src 'sha256-"));
    assert_eq!((html.matches("<script").count(), html.matches("<style").count()), (1, 1));
}

/// Holes and forks between logs were cut at a hundred each, and the page did not say so.
#[test]
fn holes_that_are_not_in_the_table_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let mut builder = aof_tests::build::Builder::new(aof_tests::build::PROFILES[0]);
    for _ in 0..300 {
        builder = builder.chain(&[0]).gap(1);
    }
    let log = builder.chain(&[0]).build();
    let [one, other] = ["one.aof", "other.aof"].map(|name| file(&directory, name, &log.bytes));
    let html = html(&[&one, &other]);
    assert!(html.contains("id=\"omitted\">200 findings are not in this table"), "{}", html.len());
}

#[test]
fn links_lead_somewhere_and_ids_are_there_once() {
    let html = html(&[&replica(0), &replica(1), &replica(2)]);
    let values = |before: &str| -> Vec<String> {
        html.split(before).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    };
    let mut ids = values(" id=\"");
    let links = values(" href=\"#");
    assert!(links.len() > 10);
    for link in links {
        assert!(ids.contains(&link), "#{link} leads nowhere");
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id is there twice");
}

#[test]
fn page_that_exists_is_replaced_only_by_force_and_a_log_never() {
    let directory = tempfile::tempdir().unwrap();
    let there = file(&directory, "report.html", b"before");
    let log = file(&directory, "log.aof", &std::fs::read(data("expiry.aof")).unwrap());
    let run = |options: &[&str], html: &Path| {
        let options = options.iter().map(OsStr::new);
        aof(["inspect", "--html"]
            .into_iter()
            .map(OsStr::new)
            .chain([html.as_os_str()])
            .chain(options)
            .chain([log.as_os_str()]))
    };
    let ran = run(&[], &there).code(2);
    assert!(
        ran.stderr.contains("report.html exists: choose another output, or replace it by --force"),
        "{}",
        ran.stderr
    );
    assert_eq!(std::fs::read(&there).unwrap(), b"before");
    assert!(run(&["--force"], &there).code(0).stdout.contains("\nwrote "));
    assert!(std::fs::read(&there).unwrap().starts_with(b"<!DOCTYPE html>"));
    let ran = run(&["--force"], &log).code(2);
    assert!(ran.stderr.contains("is the input"), "{}", ran.stderr);
    let ran = run(&[], &directory.path().join("no/report.html")).code(1);
    assert!(ran.stderr.contains("cannot write"), "{}", ran.stderr);
    let left: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// Wherever the signal comes: before the handler is there, while the log is read, or after all is done.
#[test]
fn signal_leaves_no_half_page() {
    let directory = tempfile::tempdir().unwrap();
    let large = file(&directory, "large.aof", &vec![7; 200 << 20]); // nothing but damage: that takes its time
    let page = directory.path().join("r.html");
    for milliseconds in [5, 20, 50, 100] {
        let mut child = command()
            .args(["inspect".as_ref(), large.as_os_str(), "--html".as_ref(), page.as_os_str()])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let code = child.wait().unwrap().code();
        let left = std::fs::read_dir(directory.path()).unwrap().count();
        match code {
            Some(130) | None => assert_eq!((page.exists(), left), (false, 1), "{milliseconds} ms: {code:?}"),
            code => {
                assert_eq!(code, Some(1), "there is damage");
                assert!(std::fs::read_to_string(&page).unwrap().ends_with("</html>\n"));
                std::fs::remove_file(&page).unwrap();
            }
        }
    }
}

#[test]
fn many_entries_and_findings_make_a_small_page_that_says_what_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = many(directory.path());
    let (report, code) = inspect(&[&path]);
    assert_eq!(code, 0);
    assert_eq!(report["files"][0]["entries"], 300_000);
    assert_eq!(report["files"][0]["findings"].as_array().unwrap().len(), 100_000);
    let html = std::fs::read_to_string(page(directory.path(), &[&path])).unwrap();
    assert!(html.len() < 2 << 20, "{} bytes", html.len());
    assert!(html.contains("98,000 findings are not in this table"));
    assert_eq!(html.matches("<tr id=\"f").count(), 2000);
    let text = aof(["inspect".as_ref(), path.as_os_str()]).code(0).stdout;
    assert!(text.len() < 20_000 && text.contains("and 99980 more backtracks ("), "{text}");
}

#[test]
fn faults_stand_in_the_table_however_much_harmless_comes_before_them() {
    let directory = tempfile::tempdir().unwrap();
    let log = aof_tests::build::chain(aof_tests::build::PROFILES[1], &[1; 6000]);
    let order: Vec<_> = (0..6000).flat_map(|at| [at, at]).collect();
    let mut bytes = aof_tests::damage::reorder(&log, &order);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let html = html(&[&file(&directory, "log.aof", &bytes)]);
    assert_eq!(html.matches("class=\"fault\" data-log").count(), 1);
    assert_eq!(html.matches("<tr id=\"f").count(), 2000);
}

/// The fork was neither counted nor marked, and its row's link led to the map at large.
#[test]
fn fork_between_logs_is_counted_and_marked() {
    let directory = tempfile::tempdir().unwrap();
    let both = aof_tests::build::Builder::new(aof_tests::build::PROFILES[0]);
    let both = both.chain(&[4; 10]).fork(4).chain(&[4; 5]).build();
    let entries =
        |range: std::ops::Range<usize>| aof_tests::damage::reorder(&both, &range.collect::<Vec<_>>());
    let one = file(&directory, "one.aof", &entries(0..10));
    let mut bytes = entries(0..5);
    bytes.extend(entries(10..15));
    let html = html(&[&one, &file(&directory, "other.aof", &bytes)]);
    assert!(html.contains("<dt>Findings</dt><dd>1</dd>"), "{html}");
    let mark = html.split("id=\"m2-").nth(1).expect("a mark on the bar of both");
    assert!(mark.starts_with("5\" href=\"#f0\" aria-label=\"1 finding at op 6: show the first\""), "{mark}");
    assert!(html.contains("<a href=\"#m2-5\" aria-label=\"op 6, show on the map\">6</a>"), "{html}");
}

/// Free space had the mark of a log that goes back.
#[test]
fn free_space_is_no_mark_on_the_map() {
    let directory = tempfile::tempdir().unwrap();
    let log = aof_tests::build::Builder::new(aof_tests::build::PROFILES[1]).chain(&[4; 3]).raw(&[0; 4096]);
    let html = html(&[&file(&directory, "device.img", &log.build().bytes)]);
    assert!(html.contains("data-kind=\"zero-tail\""), "it is in the table");
    assert!(!html.contains(" id=\"m0-") && !html.contains("href=\"#m0-"), "{html}");
}
