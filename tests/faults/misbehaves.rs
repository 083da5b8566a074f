//! Systems that are not the developer's: no threads, no modes, no links, no locks, directories that cannot be synced,
//! names as long as they may be, names that are the system's own; and what a kill leaves.

use crate::command::{AOF, Ran, aof, data, names, run};
use crate::environment::{Tmpfs, has, has_strace, is_root};
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory with a log.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.aof(&["generate", "--entries", "300", "--body", "0..512", "--output", "log.aof"]).code(0);
        place
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn aof(&self, words: &[&str]) -> Ran {
        run(Command::new(AOF).args(words).current_dir(self.0.path()))
    }

    /// The same, where system calls fail: each word is what strace injects.
    fn traced(&self, injected: &[&str], words: &[&str]) -> Ran {
        run(self.strace(injected).args(words))
    }

    fn strace(&self, injected: &[&str]) -> Command {
        let mut strace = Command::new("strace");
        strace.current_dir(self.0.path()).args(["-f", "-qq", "-o", "/dev/null"]);
        for inject in injected {
            strace.args(["-e", &format!("inject={inject}")]);
        }
        strace.arg(AOF);
        strace
    }

    /// A copy of the log whose last entry is torn.
    fn torn(&self, name: &str) {
        let log = fs::read(self.join("log.aof")).unwrap();
        fs::write(self.join(name), &log[..log.len() - 100]).unwrap();
    }

    /// The files that are in the making, or were.
    fn temporary(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect()
    }
}

/// An output that is a directory.
const INTO_DIRECTORY: [&str; 11] = [
    "export",
    "--what",
    "entries",
    "--format",
    "csv",
    "--rows-per-file",
    "99",
    "--force",
    "-o",
    "d",
    "log.aof",
];

/// What makes a file `o`, or a directory, out of `log.aof`.
const MAKING: [&[&str]; 7] = [
    &["merge", "-o", "o", "log.aof"],
    &["convert", "--profile", "crc", "-o", "o", "log.aof"],
    &["export", "--what", "entries", "--format", "csv", "-o", "o", "log.aof"],
    &["export", "--what", "entries", "--format", "parquet", "-o", "o", "log.aof"],
    &["generate", "--entries", "10", "--output", "o"],
    &["inspect", "--html", "o", "log.aof"],
    &["verify", "--range", "1/2", "--part", "o", "log.aof"],
];

#[test]
fn commands_go_on_with_the_threads_that_they_get() {
    if !has_strace() {
        return;
    }
    let place = Place::new();
    let reading: [&[&str]; 5] = [
        &["verify", "log.aof"],
        &["debug", "log.aof"],
        &["inspect", "log.aof"],
        &["show", "--op", "7", "log.aof"],
        &["repair", "--dry-run", "log.aof"],
    ];
    for words in MAKING.iter().chain(&reading) {
        let make = |from: Option<&str>| {
            let _ = fs::remove_file(place.join("o"));
            let ran = match from {
                None => place.aof(words),
                Some(from) => place.traced(&[&format!("clone3,clone:error=EAGAIN:when={from}")], words),
            };
            let ran = ran.code(0);
            assert!(!ran.stderr.contains("panicked"), "{ran}");
            assert!(place.temporary().is_empty(), "{ran}");
            // The page has the time when it was made.
            let made = fs::read(place.join("o")).unwrap_or_default();
            (if words[0] == "inspect" { Vec::new() } else { made }, ran.stdout)
        };
        let expected = make(None);
        for from in ["1+", "2+", "3+"] {
            assert!(make(Some(from)) == expected, "{words:?} without thread {from}");
        }
    }
    let words = [
        "export",
        "--what",
        "entries",
        "--format",
        "jsonl",
        "--rows-per-file",
        "50",
        "-o",
        "parts",
        "log.aof",
    ];
    place.traced(&["clone3,clone:error=EAGAIN"], &words).code(0);
    assert_eq!(fs::read_dir(place.join("parts")).unwrap().count(), 6);
}

#[test]
fn follower_without_threads_looks_from_time_to_time_and_ends_at_a_signal() {
    if !has_strace() || !has(&["kill", "pgrep"]) {
        return;
    }
    for from in ["1+", "2+", "3+"] {
        let place = Place::new();
        let log = fs::read(place.join("log.aof")).unwrap();
        fs::write(place.join("grows.aof"), &log[..100_000 / 2]).unwrap();
        let whole = place.aof(&["debug", "log.aof"]).code(0).stdout;
        let mut strace = place.strace(&[&format!("clone3,clone:error=EAGAIN:when={from}")]);
        let mut follow = strace.args(["follow", "--from-start", "grows.aof"]);
        follow = follow.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut follow = follow.spawn().unwrap();
        let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().contains("op=1 "), "thread {from}");
        let mut grows = fs::File::options().append(true).open(place.join("grows.aof")).unwrap();
        grows.write_all(&log[100_000 / 2..]).unwrap();
        let is_last = |line: &str| line.contains("op=300 ");
        assert!(whole.lines().any(is_last));
        assert!(lines.any(|line| is_last(&line.unwrap())), "thread {from}: what was appended is shown");
        let found = run(Command::new("pgrep").args(["-P", &follow.id().to_string()])).code(0);
        run(Command::new("kill").args(["-TERM", found.stdout.trim()])).code(0);
        follow.wait().unwrap();
    }
}

#[test]
fn mount_without_modes_takes_outputs_and_repairs() {
    if !has_strace() {
        return;
    }
    let place = Place::new();
    fs::set_permissions(place.join("log.aof"), Permissions::from_mode(0o600)).unwrap();
    for error in ["EOPNOTSUPP", "EPERM", "EINVAL"] {
        let injected = [&*format!("fchmod,chmod,fchmodat,fchown,chown,fchownat,lchown:error={error}")];
        for words in MAKING {
            for force in [false, true] {
                let mut words = words.to_vec();
                match force {
                    true => words.insert(1, "--force"),
                    false => drop(fs::remove_file(place.join("o"))),
                }
                let ran = place.traced(&injected, &words).code(0);
                if ["merge", "convert", "export"].contains(&words[0]) && !force {
                    ran.says(&["does not take the inputs' permissions"]);
                }
                assert!(place.join("o").metadata().unwrap().len() > 0);
                assert!(place.temporary().is_empty());
            }
        }
        place.traced(&injected, &INTO_DIRECTORY).code(0);
        place.torn("torn.aof");
        fs::set_permissions(place.join("torn.aof"), Permissions::from_mode(0o640)).unwrap();
        let ran = place.traced(&injected, &["repair", "torn.aof"]).code(0);
        assert!(ran.stdout.contains("the tail was cut"), "{ran}");
    }
}

#[test]
fn outputs_carry_no_special_bits_and_are_nobody_else_s() {
    let place = Place::new();
    let force = |name: &str| place.aof(&["merge", "--force", "-o", name, "log.aof"]).code(0);
    fs::write(place.join("special"), "old").unwrap();
    fs::set_permissions(place.join("special"), Permissions::from_mode(0o6755)).unwrap();
    force("special");
    assert_eq!(place.join("special").metadata().unwrap().mode() & 0o7777, 0o755);
    if !is_root("to have another user's file") {
        return;
    }
    for mode in [0o666, 0o4777] {
        fs::write(place.join("his"), "old").unwrap();
        std::os::unix::fs::chown(place.join("his"), Some(65_534), Some(65_534)).unwrap();
        fs::set_permissions(place.join("his"), Permissions::from_mode(mode)).unwrap();
        force("his");
        let there = place.join("his").metadata().unwrap();
        assert_eq!((there.uid(), there.gid(), there.mode() & 0o7022), (0, 0, 0), "{mode:o}");
        fs::create_dir(place.join("d")).unwrap();
        std::os::unix::fs::chown(place.join("d"), Some(65_534), Some(65_534)).unwrap();
        place.aof(&INTO_DIRECTORY).code(0);
        assert_eq!(place.join("d").metadata().unwrap().uid(), 0);
        fs::remove_dir_all(place.join("d")).unwrap();
    }
}

#[test]
fn names_may_be_as_long_as_the_system_takes() {
    let place = Place::new();
    for name in ["o".repeat(255), "o".repeat(244), "\u{e9}".repeat(127)] {
        for words in MAKING {
            let words: Vec<_> = words.iter().map(|word| if *word == "o" { &*name } else { word }).collect();
            place.aof(&words).code(0);
            fs::remove_file(place.join(&name)).unwrap();
        }
        let words = [
            "export",
            "--what",
            "entries",
            "--format",
            "csv",
            "--rows-per-file",
            "99",
            "-o",
            &name,
            "log.aof",
        ];
        place.aof(&words).code(0);
        fs::remove_dir_all(place.join(&name)).unwrap();

        place.torn(&name);
        let torn = fs::read(place.join(&name)).unwrap();
        place.aof(&["repair", &name]).code(0);
        let mut log = fs::read(place.join(&name)).unwrap();
        let kept = names(place.0.path()).into_iter().find(|name| name.contains(".torn-at-")).unwrap();
        log.extend(fs::read(place.join(&kept)).unwrap());
        assert!(log == torn, "what was cut is kept in {kept}");
        fs::remove_file(place.join(&kept)).unwrap();
        fs::remove_file(place.join(&name)).unwrap();
        assert!(place.temporary().is_empty());
    }
}

#[test]
fn signal_in_the_middle_of_a_copy_is_no_end() {
    if !has_strace() {
        return;
    }
    let place = Place::new();
    for when in ["1", "1..3", "2"] {
        let inject = format!("copy_file_range:error=EINTR:when={when}");
        place.traced(&[&inject], &["merge", "--force", "-o", "o", "log.aof"]).code(0);
        assert!(fs::read(place.join("o")).unwrap() == fs::read(place.join("log.aof")).unwrap());
    }
}

#[test]
fn file_system_without_links_names_force() {
    if !has_strace() {
        return;
    }
    let place = Place::new();
    for (rename, link) in [("EINVAL", "EPERM"), ("ENOSYS", "EOPNOTSUPP"), ("EINVAL", "ENOSYS")] {
        let injected = [&*format!("renameat2:error={rename}"), &*format!("link,linkat:error={link}")];
        let ran = place.traced(&injected, &["merge", "-o", "o", "log.aof"]).code(1);
        ran.says(&["cannot write o", "without replacing", "--force", "nothing was left there"]);
        assert!(!place.join("o").exists() && place.temporary().is_empty());
    }
}

#[test]
fn directory_that_cannot_be_synced_is_said_and_no_obstacle() {
    if !has_strace() {
        return;
    }
    for error in ["EINVAL", "EOPNOTSUPP"] {
        let place = Place::new();
        place.torn("torn.aof");
        // The kept file is synced first, then its directory.
        let ran = place.traced(&[&format!("fsync:error={error}:when=2")], &["repair", "torn.aof"]).code(0);
        assert!(ran.stdout.contains("the tail was cut"), "{ran}");
        ran.says(&["cannot sync the directory"]);
        let ran =
            place.traced(&[&format!("fsync:error={error}:when=2")], &["merge", "-o", "o", "log.aof"]).code(0);
        ran.says(&["cannot sync the directory"]);
        // A file that cannot be synced, or a directory for another reason, is a failure as before.
        place.traced(&[&format!("fsync:error={error}:when=1")], &["merge", "-o", "p", "log.aof"]).code(1);
        let ran = place.traced(&["fsync:error=EIO:when=2"], &["merge", "-o", "q", "log.aof"]).code(1);
        ran.says(&["a power cut may still take it"]);
    }
}

#[test]
fn lock_that_the_file_system_refuses_is_said() {
    if !has_strace() {
        return;
    }
    let place = Place::new();
    for error in ["ENOLCK", "ENOSYS", "EOPNOTSUPP"] {
        place.torn("torn.aof");
        let before = fs::read(place.join("torn.aof")).unwrap();
        let ran = place.traced(&[&format!("flock:error={error}")], &["repair", "torn.aof"]).code(2);
        ran.says(&["torn.aof cannot be locked", "refuses to lock it"]);
        assert!(fs::read(place.join("torn.aof")).unwrap() == before);
        // What needs no lock goes on.
        place.traced(&[&format!("flock:error={error}")], &["merge", "--force", "-o", "o", "log.aof"]).code(0);
    }
}

#[test]
fn names_of_the_system_are_never_replaced() {
    let place = Place::new();
    std::os::unix::fs::symlink("/proc/self/fd/1", place.join("link")).unwrap();
    std::os::unix::fs::symlink("link", place.join("link-to-link")).unwrap();
    std::os::unix::fs::symlink("/proc/self/comm", place.join("comm")).unwrap();
    let stdout = Path::new("/dev/stdout").read_link().unwrap();
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link", "link-to-link", "comm", "/dev/null"] {
        for words in MAKING {
            let mut words: Vec<_> = words.iter().map(|word| if *word == "o" { name } else { word }).collect();
            words.insert(1, "--force");
            // An ordinary file, as it is where standard output is redirected.
            let redirected = fs::File::create(place.join("redirected")).unwrap();
            let mut command = Command::new(AOF);
            command.args(&words).current_dir(place.0.path()).stdout(redirected).stderr(Stdio::piped());
            let output = command.spawn().unwrap().wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
            assert!(stderr.contains(name), "{words:?}: {stderr}");
        }
    }
    assert_eq!(Path::new("/dev/stdout").read_link().unwrap(), stdout);
    assert!(place.join("link").is_symlink() && place.join("comm").is_symlink());
}

#[test]
fn pipes_and_sockets_are_refused_at_once() {
    if !has(&["mkfifo", "timeout"]) {
        return;
    }
    let place = Place::new();
    run(Command::new("mkfifo").arg(place.join("pipe"))).code(0);
    let _socket = std::os::unix::net::UnixListener::bind(place.join("socket")).unwrap();
    for name in ["pipe", "socket"] {
        fs::copy(data("cluster/r1.aof"), place.join("cluster.aof")).unwrap();
        let addresses = ["--addresses", "1"];
        let recover =
            ["recover", "--cluster", "0", addresses[0], addresses[1], "--state", name, "cluster.aof"];
        for words in [
            &["stitch", name][..],
            &["stitch", name, "log.aof"],
            &recover,
            &["verify", name],
            &["repair", name],
        ] {
            let mut command = Command::new("timeout");
            command.args(["20", AOF]).args(words).current_dir(place.0.path());
            let ran = run(&mut command);
            assert!(matches!(ran.status.code(), Some(1 | 2)), "{ran}");
            assert!(ran.stderr.contains(name), "{ran}");
        }
    }
}

#[test]
fn what_a_kill_left_is_reported_with_its_size_and_removed_by_the_next_run() {
    if !has_strace() {
        return;
    }
    let place = Place::new();
    let size = place.join("log.aof").metadata().unwrap().len();
    for (count, words) in MAKING.iter().enumerate() {
        // At the moment when it would appear.
        let killed = ["rename,renameat,renameat2,link,linkat:signal=KILL:when=1"];
        let ran = place.traced(&killed, words);
        assert!(ran.status.code().is_none_or(|code| code > 100), "{ran}");
        let left = place.temporary();
        assert_eq!(left.len(), 1, "{ran}");
        let bytes = place.join(&left[0]).metadata().unwrap().len();
        assert!(count > 0 || bytes == size);
        // Not those of another output.
        place.aof(&["generate", "--entries", "1", "--force", "--output", "other"]).code(0);
        assert_eq!(place.temporary(), left);
        let ran = place.aof(words).code(0).says(&["removed", &left[0], "killed"]);
        assert!(place.temporary().is_empty(), "{ran}");
        fs::remove_file(place.join("o")).unwrap();
    }
    let words =
        ["export", "--what", "entries", "--format", "csv", "--rows-per-file", "99", "-o", "d", "log.aof"];
    place.traced(&["rename,renameat,renameat2:signal=KILL:when=2"], &words);
    assert_eq!(place.temporary().len(), 1);
    place.aof(&words).code(0).says(&["removed", "killed"]);
    assert!(place.temporary().is_empty());
}

#[test]
fn full_disk_says_how_much_is_needed_and_lost_report_that_the_output_is_complete() {
    let place = Place::new();
    let size = place.join("log.aof").metadata().unwrap().len();
    for words in MAKING.iter().take(6) {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(AOF);
        let output = command.args(*words).current_dir(place.0.path()).stdout(full).stderr(Stdio::piped());
        let output = output.spawn().unwrap().wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {stderr}");
        assert!(stderr.contains("o is complete") && stderr.contains("No space left"), "{words:?}: {stderr}");
        fs::remove_file(place.join("o")).unwrap();
    }
    let Some(disk) = Tmpfs::mount(64 << 10) else { return };
    let output = disk.join("o");
    let log = place.join("log.aof");
    let words = |command: &str| -> Vec<PathBuf> {
        command.split(' ').map(PathBuf::from).chain([output.clone(), log.clone()]).collect()
    };
    for (command, needed) in [
        ("merge -o", format!("({size} bytes)")),
        ("convert --profile crc -o", format!("({size} bytes)")),
        ("export --what entries --format csv -o", "more than".into()),
    ] {
        aof(words(command)).code(1).says(&["No space left", "the output takes", &needed, "make room"]);
    }
    assert!(names(disk.path()).is_empty());
}
