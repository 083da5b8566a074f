//! The manual, the completions and colour: what the shell and the terminal get.
//!
//! The pages are looked at by the programs that print them, the completions are asked for in the shells
//! themselves. A program that is missing is said; `AOF_CI_STRICT=1` makes that a failure.

use crate::util::{aof, command};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Whether a program can be started; loud if not.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    if !there {
        eprintln!("NOT RUN: {program} is missing: on Debian run `sudo ci/setup groff mandoc zsh fish`");
        assert!(
            std::env::var_os("AOF_CI_STRICT").is_none_or(|strict| strict != "1"),
            "AOF_CI_STRICT forbids that"
        );
    }
    there
}

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = aof(["--help"]).code(0).stdout;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let names: Vec<_> = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(name)
        .collect();
    assert!(names.len() > 7, "{names:?}");
    names
}

/// All pages, in a directory.
fn pages() -> TempDir {
    let directory = TempDir::new().unwrap();
    aof(["man".as_ref(), "--output".as_ref(), directory.path().as_os_str()]).code(0);
    directory
}

#[test]
fn directory_for_the_pages_is_created_as_generate_does() {
    let directory = TempDir::new().unwrap();
    let man = |to: &Path| aof(["man".as_ref(), "--output".as_ref(), to.as_os_str()]);
    let new = directory.path().join("man1");
    man(&new).code(0);
    let count = |directory: &Path| fs::read_dir(directory).unwrap().count();
    assert_eq!(count(&new), count(pages().path()));
    // One that is there is used, with what is in it; its parent is not made.
    fs::write(new.join("other.1"), "mine").unwrap();
    man(&new).code(0);
    assert_eq!(count(&new), count(pages().path()) + 1);
    let stderr = man(&directory.path().join("no/man1")).code(1).stderr;
    assert!(stderr.contains("no/man1: No such file or directory"), "{stderr}");
    let stderr = man(&new.join("other.1")).code(1).stderr;
    assert!(stderr.to_lowercase().contains("not a directory"), "{stderr}");
}

/// Pages were written into the files that were there, and through links.
#[cfg(unix)]
#[test]
fn pages_replace_what_is_there_and_follow_no_link() {
    let directory = pages();
    let path = directory.path().join("aof.1");
    let (page, elsewhere) = (fs::read(&path).unwrap(), directory.path().join("elsewhere"));
    fs::write(&elsewhere, "mine").unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    aof(["man".as_ref(), "--output".as_ref(), directory.path().as_os_str()]).code(0);
    assert_eq!(fs::read(&elsewhere).unwrap(), b"mine");
    assert!(path.symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(&path).unwrap(), page);
}

#[test]
fn every_command_has_a_page_with_all_sections() {
    let directory = pages();
    let mut expected: Vec<_> =
        commands().iter().filter(|name| *name != "help").map(|name| format!("aof-{name}.1")).collect();
    expected.push("aof.1".into());
    expected.sort();
    let mut there: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    assert_eq!(there, expected);
    for name in &there {
        let page = fs::read_to_string(directory.path().join(name)).unwrap();
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"] {
            let titled =
                page.contains(&format!(".SH {section}\n")) || page.contains(&format!(".SH \"{section}\"\n"));
            assert!(titled, "{name} has no {section}:\n{page}");
        }
        assert!(name == "aof.1" || page.contains(".SH EXAMPLES\n"), "{name} has no EXAMPLES:\n{page}");
        assert!(!page.contains(".SH EXTRA"), "{name}");
    }
    let one = aof(["man", "follow"]).code(0).stdout;
    assert_eq!(one, fs::read_to_string(directory.path().join("aof-follow.1")).unwrap());
    let ran = aof(["man", "frobnicate"]).code(2);
    assert!(
        ran.stderr.contains("there is no page of that command; there are: aof, verify"),
        "{}",
        ran.stderr
    );
}

/// A page as plain text: without its markup, in one line.
fn plain(page: &str) -> String {
    let text = page.replace("\\fB", "").replace("\\fI", "").replace("\\fR", "").replace("\\-", "-");
    text.replace("\\&", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn synopsis_is_the_usage_of_the_help_and_every_option_has_a_description() {
    for name in commands().iter().filter(|name| *name != "help") {
        let page = aof(["man", name]).code(0).stdout;
        let help = aof([name, "--help"]).code(0).stdout;
        let usage = help.split("Usage: ").nth(1).unwrap().lines().next().unwrap();
        let synopsis = page.split(".SH SYNOPSIS\n").nth(1).unwrap().lines().next().unwrap();
        assert_eq!(plain(synopsis), usage, "{name}");
        // An option's title is the line after `.TP`; its description begins on the next one.
        let options = page.split(".SH OPTIONS\n").nth(1).unwrap().split("\n.SH").next().unwrap();
        for option in options.split(".TP\n").filter(|option| !option.is_empty()) {
            let (title, description) = option.split_once('\n').unwrap_or((option, ""));
            assert!(!plain(description).is_empty(), "{name}: {title}");
        }
    }
    let page = plain(&aof(["man", "merge"]).code(0).stdout);
    assert!(page.contains("aof merge [OPTIONS] --output <OUT> <FILE>... "), "{page}");
}

#[test]
fn pages_are_read_without_a_warning() {
    let directory = pages();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if has("mandoc") {
            let linted =
                Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(&path).output().unwrap();
            assert!(linted.status.success(), "{}", String::from_utf8_lossy(&linted.stdout));
        }
        if has("groff") {
            let set =
                Command::new("groff").args(["-man", "-ww", "-z", "-Tutf8"]).arg(&path).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&set.stderr), "", "{}", path.display());
        }
    }
}

/// Runs a shell's script in a directory with a file `small.aof`, with the command in its path.
fn shell(program: &str, arguments: &[&str], script: &str) -> String {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("small.aof"), b"").unwrap();
    let aof = Path::new(env!("CARGO_BIN_EXE_aof"));
    let mut path = vec![aof.parent().unwrap().to_path_buf()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let output = Command::new(program)
        .args(arguments)
        .args(["-c", script])
        .current_dir(directory.path())
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("HOME", directory.path())
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What stands in a shell's line after `words` and a tab. Lines are edited on a terminal only, which zsh can make
/// for any program. `setup` binds a key, ^X^X, that prints the line.
fn line_after_tab(start: &str, setup: &str, words: &str) -> String {
    let setup = setup.replace('\'', r"'\''");
    let script = format!(
        "zmodload zsh/zpty; zpty z {start}; zpty -w z '{setup}'; zpty -w z 'echo re\"\"ady'; \
         zpty -r -m z all '*ready*'; zpty -n -w z $'{words}\\t\\x18\\x18'; \
         zpty -r -m z line '*<*>*'; print -r -- $line"
    );
    shell("timeout", &["60", "zsh", "-f"], &script)
}

/// Words, and the line that they become.
const LINES: [(&str, &str); 4] = [
    ("aof fol", "aof follow "),
    ("aof follow --from-s", "aof follow --from-start "),
    ("aof verify sm", "aof verify small.aof"),
    ("aof convert --profile c", "aof convert --profile crc"),
];

#[test]
fn bash_completes_commands_options_and_files() {
    if !has("zsh") || !has("bash") {
        return;
    }
    let setup =
        r#"source <(aof completions bash); show() { echo "<$READLINE_LINE>"; }; bind -x '"\C-x\C-x": show'"#;
    for (words, expected) in LINES {
        let said = line_after_tab("bash --norc --noprofile -i", setup, words);
        assert!(said.contains(&format!("<{expected}")), "{words}: {said}");
    }
}

#[test]
fn fish_completes_commands_options_and_files() {
    if !has("fish") {
        return;
    }
    for (words, expected) in [
        ("aof fol", "follow"),
        ("aof follow --from-s", "--from-start"),
        ("aof verify sm", "small.aof"),
        ("aof convert --profile c", "crc"),
    ] {
        let script = format!("aof completions fish | source; complete -C '{words}'");
        let said = shell("fish", &["--no-config"], &script);
        assert!(said.lines().any(|line| line.split('\t').next() == Some(expected)), "{words}: {said}");
    }
}

#[test]
fn zsh_completes_commands_options_and_files() {
    if !has("zsh") {
        return;
    }
    let setup = r#"autoload -Uz compinit; compinit -D -u; eval "$(aof completions zsh)";
        show() { print "<$BUFFER>" }; zle -N show; bindkey "^X^X" show"#;
    for (words, expected) in LINES {
        let said = line_after_tab("zsh -f -i", setup, words);
        assert!(said.contains(&format!("<{expected}")), "{words}: {said}");
    }
}

#[test]
fn nothing_is_coloured_where_no_color_is_set() {
    let run = |no_color: Option<&str>, arguments: &[&str]| {
        let mut command = command();
        command.args(arguments).env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
        if let Some(no_color) = no_color {
            command.env("NO_COLOR", no_color);
        }
        let output = command.output().unwrap();
        [output.stdout, output.stderr].concat()
    };
    let is_coloured = |bytes: Vec<u8>| bytes.contains(&0x1b);
    for arguments in [&["--help"][..], &["follow", "--help"], &["verify", "--frobnicate"]] {
        assert!(is_coloured(run(None, arguments)), "{arguments:?}: asked for, so that this test can fail");
        assert!(!is_coloured(run(Some("1"), arguments)), "{arguments:?}");
    }
    for arguments in [&["verify", "nothing"][..], &["man"]] {
        assert!(!is_coloured(run(Some("1"), arguments)), "{arguments:?}");
    }
}

#[test]
fn sizes_are_typed_with_their_units() {
    let small = crate::util::data("single/small-bodies.aof");
    let small = small.to_str().unwrap();
    for size in ["1MiB", "4 MiB", "1048576", "512kib"] {
        aof(["verify", "--message-size-max", size, small]).code(0);
    }
    // Bodies are damage above the limit.
    aof(["verify", "--message-size-max", "0.5KiB", small]).code(2);
    for (size, told) in [("4M", "may be of 1000 or of 1024"), ("2GiB", "is not in 256..=1073741824")] {
        let ran = aof(["verify", "--message-size-max", size, small]).code(2);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
    let help = aof(["verify", "--help"]).code(0).stdout;
    assert!(help.contains("[default: 1MiB]"), "{help}");
}

#[test]
fn times_are_typed_in_the_usual_forms() {
    let log = crate::util::replica(1);
    let log = log.to_str().unwrap();
    let dry = |until: &str| aof(["recover", "--cluster", "0", "--dry-run", "--until", until, log]);
    let same = [
        "2026-11-21T05:02:50Z",
        "2026-11-21 05:02:50",
        "2026-11-21T06:02:50+01:00",
        "@1795237370",
        "1795237370s",
    ];
    let first = dry(same[0]).code(0).stdout;
    for until in same {
        assert_eq!(dry(until).code(0).stdout, first, "{until}");
    }
    assert!(dry("1795237370").code(2).stderr.contains("Write @1795237370 for seconds"));
    assert!(dry("tomorrow").code(2).stderr.contains("such as 2026-11-21"));
}
