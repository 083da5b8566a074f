//! Each message of `recover` has a row in docs/recovery.md.
//!
//! The messages are the string literals of at least four words in the code that replays. A row's first column quotes
//! parts of messages, in backticks; `...`, `N`, `M`, `X`, `REASON` and numbers stand for what varies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Words that a literal has at least to be a message: shorter ones are names and joints.
const WORDS_MIN: usize = 4;

/// Letters that a quoted part has at least: a shorter one would be found anywhere.
const QUOTE_MIN: usize = 12;

/// Files whose text is no message about trouble: reports, names, and what is for developers.
const NO_MESSAGES: [&str; 6] =
    ["report.rs", "progress.rs", "rehearse.rs", "status.rs", "decoder.rs", "tests.rs"];

/// Beginnings of literals that stand in a message whose row quotes another part of it, or that nobody is shown.
const PARTS: &[&str] = &[
    "{NOBODY}: are they running",
    "start the replicas with a server of",
    "Are these the addresses of all replicas",
    "another log, whose first entry has checksum",
    "--pulses {}: give the same",
    ". To replay what is before it: --until-op",
    ". Is it in {unit}?",
    "This counts operations, and takes for granted",
    "a port is a number from 1 to 65535",
    "an IPv6 address stands in brackets",
    "give a port, an IP address, or both",
    "the end of this log",
    "the end asked for",
    "its body of {bytes} bytes is not a list of results",
    "a result of event {index}, of {events} events",
    // The place of an entry, and what an address answered.
    "{}: byte {} (op {})",
    "replica {replica}, view {view}, release {release}",
    "connected, in view {view}, release {release}",
    "closed by the replica",
    "no answer to the attempt to connect",
    // Of an entry that cannot be read: the messages of `verify` and `merge`.
    "Is it above --message-size-max? Then raise it",
    "Everything before it was read; without --no-preflight",
    "Too many open files",
    " (raise it by ulimit -n)",
    // For developers.
    "an entry of no input",
    "one request at a time",
    "no session of a replay pushes out another",
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The code of a folder, tests left out.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if !NO_MESSAGES.contains(&path.file_name().unwrap().to_str().unwrap()) {
            found.push(path);
        }
    }
}

/// The string literals of some code, with their lines joined. Comments and unit tests are left out.
fn literals(code: &str) -> Vec<String> {
    let code = code.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    let mut rest = code.as_str();
    while let Some(start) = rest.find('"') {
        rest = &rest[start + 1..];
        let mut text = String::new();
        let mut letters = rest.char_indices();
        let mut end = rest.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => match letters.next().unwrap().1 {
                    '\n' => {
                        let from = letters.offset();
                        let blank = rest[from..].len() - rest[from..].trim_start().len();
                        for _ in 0..blank {
                            letters.next();
                        }
                    }
                    'n' => text.push(' '),
                    other => text.push(other),
                },
                letter => text.push(letter),
            }
        }
        found.push(text);
        rest = &rest[end..];
    }
    found
}

/// Words outside of braces.
fn words(literal: &str) -> usize {
    let outside = literal.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after));
    outside.collect::<String>().split_whitespace().count()
}

/// What the rows quote: for each part, what is found in this order in a message.
fn quotes(document: &str) -> Vec<Vec<String>> {
    let (_, table) = document.split_once("## What the messages mean").unwrap();
    let columns = table.lines().filter(|line| line.starts_with("| `"));
    let columns = columns.map(|line| line.split(" | ").next().unwrap());
    let quoted = columns.flat_map(|column| column.split('`').skip(1).step_by(2));
    let parts = quoted.flat_map(|quote| quote.split("...")).flat_map(|part| part.split(". "));
    parts.map(pieces).filter(|pieces| pieces.iter().map(String::len).sum::<usize>() >= QUOTE_MIN).collect()
}

/// The pieces of a quote between what varies.
fn pieces(quote: &str) -> Vec<String> {
    let varies = |word: &str| {
        let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        ["N", "M", "X", "REASON"].contains(&word) || word.parse::<u64>().is_ok()
    };
    let mut pieces = vec![String::new()];
    for word in quote.split_whitespace() {
        let last = pieces.last_mut().unwrap();
        if varies(word) {
            pieces.push(String::new());
        } else if last.is_empty() {
            last.push_str(word);
        } else {
            *last += " ";
            *last += word;
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn covers(pieces: &[String], message: &str) -> bool {
    let after = |rest: Option<usize>, piece: &String| {
        let from = rest?;
        message[from..].find(piece.as_str()).map(|at| from + at + piece.len())
    };
    pieces.iter().fold(Some(0), after).is_some()
}

#[test]
fn each_has_a_row() {
    let quotes = quotes(&std::fs::read_to_string(repository().join("docs/recovery.md")).unwrap());
    let mut files = Vec::new();
    for folder in ["cli/src/recover", "cli/src/replay"] {
        sources(&repository().join(folder), &mut files);
    }
    let mut unused: BTreeSet<_> = PARTS.iter().collect();
    let mut missing = Vec::new();
    let mut count = 0;
    for file in &files {
        let code = std::fs::read_to_string(file).unwrap();
        for literal in literals(&code).into_iter().filter(|literal| words(literal) >= WORDS_MIN) {
            count += 1;
            let part = PARTS.iter().find(|part| literal.starts_with(**part));
            unused.retain(|unused| Some(*unused) != part);
            if part.is_none() && !quotes.iter().any(|quote| covers(quote, &literal)) {
                missing.push(format!("{}: {literal}", file.display()));
            }
        }
    }
    assert!(missing.is_empty(), "without a row in docs/recovery.md:\n{}", missing.join("\n"));
    assert!(unused.is_empty(), "in no message: {unused:?}");
    // Whoever reads no code finds nothing missing.
    assert!(count > 120, "{count} messages");
}
