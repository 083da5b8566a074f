//! What a person at a terminal sees.

use crate::util::{aof, command, replica};
use std::process::Output;

/// The report on the recorded cluster, under these variables.
fn shown(variables: &[(&str, &str)], options: &[&str]) -> String {
    let Output { stdout, status, stderr } = {
        let mut command = command();
        for name in ["LC_ALL", "LC_CTYPE", "LANG", "COLUMNS", "NO_COLOR", "TERM"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied()).arg("inspect").args(options);
        command.args([replica(0), replica(1), replica(2)]).output().unwrap()
    };
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

const UTF8: (&str, &str) = ("LC_ALL", "C.UTF-8");

#[test]
fn verdict_comes_first_then_what_to_do() {
    let text = shown(&[UTF8], &[]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "WHOLE: together the 3 logs hold every op from 1 to 3221");
    assert!(
        lines[1..5].iter().any(|line| line.trim_start().starts_with("aof merge --output whole.aof ")),
        "{text}"
    );
    for fact in [
        " lacks 823-959: in",
        " lacks 1112-2879: in",
        "2.11 MiB (2215296 bytes)",
        "3,888, 804 of them repeated",
        "2026-11-21T05:02:26.779730429Z",
        "ops 307 to 1111, by replica 2",
        "byte 997024 (op 960): gap: ops 823 to 959 are missing before it",
    ] {
        assert!(text.contains(fact), "{fact} in {text}");
    }
}

#[test]
fn blocks_where_the_locale_has_them_and_ascii_elsewhere() {
    for (variables, is_ascii) in [
        (&[UTF8][..], false),
        (&[("LANG", "de_DE.utf8")], false),
        (&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")], true),
        (&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "")], false),
        (&[], true),
    ] {
        let text = shown(variables, &[]);
        // Names are paths of the machine, and could be anything.
        let bars = text.lines().filter(|line| line.starts_with("  together") || line.contains("  rate "));
        let bars: Vec<_> = bars.collect();
        assert_eq!(bars.len(), 4, "{text}");
        assert!(bars.iter().all(|bar| bar.is_ascii() == is_ascii), "{variables:?}: {bars:?}");
    }
}

#[test]
fn map_takes_the_width_there_is() {
    for width in [40, 60, 80, 132] {
        let text = shown(&[UTF8, ("COLUMNS", &width.to_string())], &[]);
        let bar = text.lines().find(|line| line.starts_with("  together")).unwrap();
        assert_eq!(bar.chars().count(), width, "{bar}");
    }
    let text = shown(&[UTF8], &[]);
    let bar = text.lines().find(|line| line.starts_with("  together")).unwrap();
    assert_eq!(bar.chars().count(), 80, "where there is no terminal");
}

/// A name of characters that take two columns moved its bar.
#[test]
fn bars_are_below_each_other_whatever_the_names_are() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["日本語のログ.aof", "r1.aof", "とても長い名前のログファイルです.aof"];
    for (number, name) in (0..).zip(names) {
        std::fs::copy(replica(number), directory.path().join(name)).unwrap();
    }
    for width in ["40", "80"] {
        let mut inspect = command();
        inspect.arg("inspect").args(names).current_dir(directory.path());
        let output = inspect.env("LC_ALL", "C.UTF-8").env("COLUMNS", width).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let bars: Vec<_> = text.lines().filter(|line| line.contains("███")).take(4).collect();
        for bar in &bars {
            let columns = bar.chars().map(|at| if ('\u{3000}'..'\u{a000}').contains(&at) { 2 } else { 1 });
            assert_eq!(columns.sum::<usize>().to_string(), width, "{bars:#?}");
        }
        assert!(bars.len() == 4 && bars[0].contains("語のログ"), "{text}");
    }
}

#[test]
fn gap_is_seen_on_the_map_where_it_is() {
    let text = shown(&[("LC_ALL", "C"), ("COLUMNS", "80")], &[]);
    let row = |number: usize| {
        let rows = text.lines().skip_while(|line| !line.contains("a column is"));
        let bars: Vec<_> = rows.filter(|line| line.contains("##")).take(4).collect();
        bars[number].split_whitespace().last().unwrap().to_owned()
    };
    let (r0, r1, r2, all) = (row(0), row(1), row(2), row(3));
    assert!(all.bytes().chain(r1.bytes()).all(|column| column == b'#'), "{text}");
    // Ops 823-959 of 3221, and 1112-2879.
    let column = |op: usize| (op - 1) * all.len() / 3221;
    assert_eq!(r0.as_bytes()[column(890)], b'.', "{r0}");
    assert_eq!(r0.as_bytes()[column(1200)], b'#', "{r0}");
    assert_eq!(r2.as_bytes()[column(2000)], b'.', "{r2}");
    assert!(r2.as_bytes()[column(2879)] == b'+' && r2.ends_with('#'), "{r2}");
}

#[test]
fn colour_is_for_terminals_unless_told() {
    let colored = |text: &str| text.contains("\u{1b}[");
    assert!(!colored(&shown(&[UTF8], &[])), "a pipe is no terminal");
    assert!(colored(&shown(&[UTF8], &["--color", "always"])));
    assert!(colored(&shown(&[UTF8, ("NO_COLOR", "1")], &["--color", "always"])), "who asks gets it");
}

/// `script` gives the command a terminal of its own.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_there_is_colour_and_its_width() {
    let on_terminal = |prepare: &str| {
        let line = format!("{prepare} '{}' inspect '{}'", env!("CARGO_BIN_EXE_aof"), replica(2).display());
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env_remove("NO_COLOR").env_remove("COLUMNS");
        script.env("TERM", "xterm").env("LC_ALL", "C").stdin(std::process::Stdio::null());
        script.output().ok().map(|output| String::from_utf8_lossy(&output.stdout).replace('\r', ""))
    };
    let Some(text) = on_terminal("stty cols 70 rows 30;") else {
        return super::browser::not_run("script is missing: on Debian run `sudo ci/setup bsdutils`");
    };
    assert!(text.contains("\u{1b}[1;33mINCOMPLETE\u{1b}[0m"), "{text}");
    let plain = on_terminal("stty cols 70 rows 30; NO_COLOR=1").unwrap();
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let bar = plain.lines().find(|line| line.contains("##")).unwrap();
    assert_eq!(bar.chars().count(), 70, "{plain}");
}

#[test]
fn hostile_name_cannot_forge_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("r0.aof: sound\u{1b}[2J\n\u{202e}x.aof");
    std::fs::copy(replica(1), &path).unwrap();
    let ran = aof([std::ffi::OsStr::new("inspect"), path.as_os_str(), replica(0).as_os_str()]).code(0);
    assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{}", ran.stdout);
    assert!(ran.stdout.contains(r"\u{1b}[2J\n\u{202e}x.aof"), "{}", ran.stdout);
    assert!(ran.stdout.contains(r": sound\033[2J\012\342\200\256x.aof' "), "{}", ran.stdout);
}

/// At 40 columns 16 lines were longer.
#[test]
fn no_line_is_longer_than_the_screen_but_for_names_and_commands() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..3 {
        std::fs::copy(replica(number), directory.path().join(format!("r{number}.aof"))).unwrap();
    }
    let mut bytes = std::fs::read(replica(1)).unwrap();
    bytes[1_000_000] ^= 1;
    std::fs::write(directory.path().join("bad.aof"), &bytes[..bytes.len() - 5]).unwrap();
    for (width, color) in [(40, "never"), (52, "never"), (80, "never"), (40, "always")] {
        for files in [&["r0.aof"][..], &["bad.aof"], &["r0.aof", "bad.aof", "r2.aof"]] {
            let mut command = command();
            command.env("LC_ALL", "C.UTF-8").env("COLUMNS", width.to_string()).current_dir(directory.path());
            command.args(["inspect", "--color", color]).args(files);
            let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
            let mut plain = text;
            for code in ["0", "1", "2", "31", "32", "33", "36", "1;31", "1;32", "1;33"] {
                plain = plain.replace(&format!("\u{1b}[{code}m"), "");
            }
            for line in plain.lines().filter(|line| !line.starts_with("    aof ")) {
                let words = line.split_whitespace().count();
                assert!(line.chars().count() <= width || words == 1, "{width}: {line:?}\n{plain}");
                assert!(line.trim_end() == line, "{line:?}");
            }
            assert!(!plain.lines().any(|line| line.trim_start().starts_with("s)")), "no unit alone: {plain}");
            // What a line goes on with stands farther to the right than what begins one.
            let legend = plain.lines().position(|line| line.contains("a column is")).unwrap();
            assert!(plain.lines().nth(legend + 1).unwrap().starts_with("  "), "{plain}");
            assert!(
                files.len() > 1 || width < 80 || plain.contains("(op 960): gap: ") == (files[0] == "r0.aof")
            );
        }
    }
    let help = aof(["inspect", "--help"]).code(0).stdout;
    assert!(help.contains("COLUMNS   how wide the report is, from 40 to 160 characters"), "{help}");
}
