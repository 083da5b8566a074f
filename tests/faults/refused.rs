//! What the system refuses: files and directories that are read-only, another user's, not there, not files.
//! The message says so, and nothing changes.

use crate::command::{AOF, Ran, data, files, merge, names, run};
use crate::environment::{Tmpfs, has, is_root};
use crate::log::{self, goes_on};
use crate::writer::Writer;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Somebody who may do nothing by himself: the user nobody.
const NOBODY: u32 = 65534;

/// A directory of nobody's with the programs that he runs: he need not be able to reach this repository.
struct Nobody {
    directory: tempfile::TempDir,
}

impl Nobody {
    /// `None`, and loud, where the tests are not root's.
    fn new() -> Option<Self> {
        if !is_root("to become somebody who may not do everything") || !has(&["setpriv"]) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let this = Self { directory };
        fs::set_permissions(this.directory.path(), Permissions::from_mode(0o755)).unwrap();
        fs::copy(AOF, this.program("aof")).unwrap();
        fs::copy(std::env::current_exe().unwrap(), this.program("writer")).unwrap();
        Some(this)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A directory of his with a log in it, both with these modes.
    fn log(&self, directory_mode: u32, log_mode: u32, log: &[u8]) -> PathBuf {
        let directory = self.directory.path().join("logs");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).unwrap();
        let path = directory.join("log.aof");
        if log_mode != 0o777 {
            fs::write(&path, log).unwrap();
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(log_mode)).unwrap();
        }
        chown(&directory, Some(NOBODY), Some(NOBODY)).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(directory_mode)).unwrap();
        path
    }

    /// Runs a program as him.
    fn run(&self, command: &Command) -> Ran {
        let program = Path::new(command.get_program());
        let name = if program == Path::new(AOF) { "aof" } else { "writer" };
        let nobody = NOBODY.to_string();
        let mut his = Command::new("setpriv");
        his.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]).arg(self.program(name));
        his.args(command.get_args());
        his.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        run(his.current_dir(self.directory.path()))
    }
}

/// The bytes of a log of three entries, and so many of a fourth.
fn log_of_three(torn: usize) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    assert!(Writer { up_to: 3, ..Writer::new(&path) }.run().has("closed"));
    let mut log = fs::read(path).unwrap();
    log.extend_from_within(..torn);
    log
}

/// Runs a writer that has to end before it opens the log, and leave all as it is.
#[track_caller]
fn assert_not_opened(nobody: &Nobody, path: &Path, why: &str) {
    let before = files(path.parent().unwrap());
    let ran = nobody.run(&Writer { up_to: 9, ..Writer::new(path) }.command());
    let ended = ran.stdout.lines().find(|line| line.starts_with("ended: ")).map(str::to_owned);
    assert!(ended.is_some_and(|line| line.contains(why)), "{ran}");
    assert!(!ran.stdout.contains("opened"), "{ran}");
    assert!(files(path.parent().unwrap()) == before, "{:?}", names(path.parent().unwrap()));
}

#[test]
fn log_that_may_not_be_written_is_refused_and_untouched() {
    let Some(nobody) = Nobody::new() else { return };
    let log = log_of_three(0);
    assert_not_opened(&nobody, &nobody.log(0o755, 0o444, &log), "Permission denied"); // read-only
    assert_not_opened(&nobody, &nobody.log(0o755, 0o200, &log), "Permission denied"); // not readable
    assert_not_opened(&nobody, &nobody.log(0o555, 0o777, &log), "Permission denied"); // nothing there, nor may be
    // The bytes of a torn tail could not be put beside it.
    let path = nobody.log(0o555, 0o644, &log_of_three(100));
    assert_not_opened(&nobody, &path, "Permission denied");
    // A whole log in a directory that is read-only can be written.
    let path = nobody.log(0o555, 0o644, &log);
    let ran = nobody.run(&Writer { up_to: 9, ..Writer::new(&path) }.command());
    assert!(ran.stdout.contains("\nclosed 9\n"), "{ran}");
}

#[test]
fn file_that_may_not_be_read_or_written_is_named_and_untouched() {
    let Some(nobody) = Nobody::new() else { return };
    let log = log_of_three(0);
    let path = nobody.log(0o755, 0o200, &log);
    let verify = |path: &Path| nobody.run(Command::new(AOF).arg("verify").arg(path));
    verify(&path).code(2).says(&["cannot read", "log.aof", "ermission denied"]);
    let output = path.with_file_name("whole.aof");
    let merging = |flags: &[&str]| nobody.run(Command::new(AOF).args(merge(flags, &output, &[&path])));
    merging(&[]).code(2).says(&["cannot read", "log.aof", "ermission denied"]);
    assert_eq!(names(path.parent().unwrap()), ["log.aof"]);
    // Read, and not written: what is refused is the writing.
    let torn = nobody.log(0o755, 0o444, &log_of_three(100));
    let before = files(torn.parent().unwrap());
    let repairing = nobody.run(Command::new(AOF).arg("repair").arg(&torn));
    repairing.code(2).says(&["log.aof cannot be opened for writing", "ermission denied"]);
    assert!(files(torn.parent().unwrap()) == before);
    // The output's directory takes no new file: told before anything is read.
    let path = nobody.log(0o555, 0o444, &log);
    merging(&[]).code(1).says(&["whole.aof", "ermission denied"]);
    assert_eq!(names(path.parent().unwrap()), ["log.aof"]);
}

#[test]
fn read_only_file_system_is_read_and_not_written() {
    let Some(disk) = Tmpfs::mount(1 << 20) else { return };
    let (whole, torn) = (disk.join("whole.aof"), disk.join("torn.aof"));
    fs::write(&whole, log_of_three(0)).unwrap();
    fs::write(&torn, log_of_three(100)).unwrap();
    let remount = |how: &str| {
        let options = format!("remount,{how}");
        let mut mount = Command::new("mount");
        run(mount.args(["-t", "tmpfs", "-o", &options, "aof-faults"]).arg(disk.path())).code(0);
    };
    remount("ro");
    let before = files(disk.path());
    for path in [&whole, &torn, &disk.join("new.aof")] {
        let said = Writer { up_to: 9, ..Writer::new(path) }.run();
        let ended = said.all("ended").next().map(str::to_owned);
        assert!(ended.is_some_and(|why| why.contains("Read-only file system")), "{said:?}");
    }
    run(Command::new(AOF).arg("verify").arg(&whole)).code(0);
    run(Command::new(AOF).args(merge(&[], &disk.join("out.aof"), &[&whole])))
        .code(1)
        .says(&["out.aof", "ead-only file"]);
    assert!(files(disk.path()) == before);
    remount("rw");
    goes_on(&Writer::new(&torn), &log::read(&torn, &Writer::new(&torn).sizes), 2);
}

#[test]
fn directory_or_nothing_in_a_files_place_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    fs::create_dir(&path).unwrap();
    let said = Writer::new(&path).run();
    assert!(said.all("ended").any(|why| why.contains("Is a directory")), "{said:?}");
    let below = path.join("no-such-directory").join("log.aof");
    let said = Writer::new(&below).run();
    assert!(said.all("ended").any(|why| why.contains("No such file or directory")), "{said:?}");
    let whole = data("single/small-bodies.aof");
    run(Command::new(AOF).args(merge(&["--force"], &path, &[&whole])))
        .code(2)
        .says(&["log.aof", "is a directory"]);
    run(Command::new(AOF).args(merge(&[], &below, &[&whole]))).code(1).says(&["log.aof", "o such file"]);
    run(Command::new(AOF).arg("verify").arg(&below)).code(2).says(&["log.aof", "o such file"]);
    assert!(names_of_directories(directory.path()) == ["log.aof"] && names_of_directories(&path).is_empty());
}

/// The names of all that is in a directory, directories included.
fn names_of_directories(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
