//! What the documents show: each console block is run, and what it prints is what they say.
//!
//! A document's commands run one after another in bash, in a directory with `tests/data`, and the recorded cluster's
//! logs as `r0.aof` to `r2.aof`, each with a fault. A line `...` stands for any lines; where nothing is shown, anything
//! may be printed. Left out are commands that are not `aof`'s, and those that need a cluster.

use std::path::Path;
use std::process::Command;

/// A command, and what the document says that it prints.
struct Shown {
    command: String,
    printed: Vec<String>,
}

/// The commands in the console blocks of a document.
fn commands(document: &str) -> Vec<Shown> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = std::fs::read_to_string(path).unwrap();
    let mut commands: Vec<Shown> = Vec::new();
    for block in text.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => {
                    let command = command.replace("cargo run --release --bin aof --", "aof");
                    commands.push(Shown { command, printed: Vec::new() });
                }
                (None, Some(shown)) => shown.printed.push(line.to_owned()),
                (None, None) => panic!("{document}: {line}"),
            }
        }
    }
    commands
}

/// Whether a command can be run here.
fn is_run(command: &str) -> bool {
    let is_known = ["aof ", "head ", "echo "].iter().any(|start| command.starts_with(start));
    is_known && !command.contains("--addresses") && !command.contains("new")
}

/// Whether lines are as shown.
fn agrees(printed: &[&str], shown: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "..." => {
            (0..=printed.len()).any(|from| agrees(&printed[from..], rest))
        }
        Some((first, rest)) => {
            printed.split_first().is_some_and(|(line, more)| line == first && agrees(more, rest))
        }
    }
}

/// The recorded logs with a torn tail, a flipped bit in a body and one in a header; and all of `tests/data`.
fn lay_out(directory: &Path) {
    std::fs::create_dir_all(directory.join("tests")).unwrap();
    std::fs::create_dir(directory.join("target")).unwrap();
    std::os::unix::fs::symlink(crate::util::data(""), directory.join("tests/data")).unwrap();
    for number in 0..3 {
        let mut bytes = std::fs::read(crate::util::replica(number)).unwrap();
        match number {
            0 => bytes.truncate(2_215_000),
            1 => bytes[699_648 + 300] ^= 1,
            _ => bytes[499_824 + 100] ^= 1,
        }
        std::fs::write(directory.join(format!("r{number}.aof")), bytes).unwrap();
    }
}

/// Stands between what two commands print.
const BETWEEN: &str = "--- the next command";

/// Runs all that can be run of a document, and compares; gives how many commands that were.
fn run(document: &str) -> usize {
    let directory = tempfile::tempdir().unwrap();
    lay_out(directory.path());
    let commands: Vec<_> = commands(document).into_iter().filter(|shown| is_run(&shown.command)).collect();
    // One shell for all of them, for `$?`.
    let mut script = String::from(
        "exec 2>&1\naof() { \"$AOF\" \"$@\"; }\nnext() { code=$?; echo \"$BETWEEN\"; return $code; }\n",
    );
    for shown in &commands {
        script.push_str(&format!("{}\nnext\n", shown.command));
    }
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).current_dir(directory.path());
    bash.env("AOF", env!("CARGO_BIN_EXE_aof")).env("BETWEEN", BETWEEN);
    let output = String::from_utf8(bash.output().unwrap().stdout).unwrap();
    let printed: Vec<_> = output.split_terminator(&format!("{BETWEEN}\n")).collect();
    assert_eq!(printed.len(), commands.len(), "{output}");
    for (shown, printed) in commands.iter().zip(printed) {
        let lines: Vec<_> = printed.lines().collect();
        assert!(
            shown.printed.is_empty() || agrees(&lines, &shown.printed),
            "{document}: $ {}\n--- shown\n{}\n--- printed\n{printed}",
            shown.command,
            shown.printed.join("\n")
        );
    }
    commands.len()
}

#[test]
fn console_of_the_readme_is_what_is_printed() {
    assert!(run("README.md") >= 10);
}

#[test]
fn console_of_the_guides_is_what_is_printed() {
    assert!(run("docs/export.md") + run("docs/recovery.md") >= 3);
}
