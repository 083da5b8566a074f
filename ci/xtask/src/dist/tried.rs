//! Whether what was made works where nothing else is.

use super::{copy, empty, make, write};
use crate::outcome::{Done, Stop};
use crate::run::Root;
use std::path::Path;

/// The program verifies a log in a root directory that holds nothing but the two.
pub(super) fn alone(root: &Root, program: &Path, scratch: &Path, done: &mut Done) -> Result<(), Stop> {
    let directory = scratch.join("alone");
    empty(&directory)?;
    copy(program, &directory.join("aof"))?;
    copy(&root.path("tests/data/cluster/r0.aof"), &directory.join("r0.aof"))?;
    // As an ordinary user too, where the system gives out user namespaces.
    let unshare = || root.run("unshare").args(["--user", "--map-root-user", "--root"]).arg(&directory);
    if unshare().args(["/aof", "--version"]).text_any()?.is_empty() {
        done.left_out("the program in an empty root directory: this system refuses user namespaces");
        return Ok(());
    }
    let report = unshare().args(["/aof", "verify", "/r0.aof"]).text()?;
    if !report.contains("sound") {
        return Stop::failed(format!("aof verify in an empty root directory: no verdict:\n{report}"));
    }
    println!("in a root directory with nothing else:\n{report}");
    Ok(())
}

/// dpkg installs the package into an empty root directory, and takes it away again.
pub(super) fn installed(root: &Root, package: &Path, scratch: &Path) -> Result<(), Stop> {
    let directory = scratch.join("installed");
    empty(&directory)?;
    for path in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log"] {
        make(&directory.join(path))?;
    }
    write(&directory.join("var/lib/dpkg/status"), "")?;
    let dpkg = || root.run("dpkg").arg("--root").arg(&directory).arg("--force-not-root,script-chrootless");
    dpkg().arg("--install").arg(package).check()?;
    for path in [
        "usr/bin/aof",
        "usr/share/man/man1/aof.1.gz",
        "usr/share/bash-completion/completions/aof",
        "usr/share/doc/aof/THIRD-PARTY.txt",
    ] {
        if !directory.join(path).is_file() {
            return Stop::failed(format!("{}: it does not install {path}", package.display()));
        }
    }
    root.run(directory.join("usr/bin/aof")).arg("--version").check()?;
    dpkg().args(["--remove", "aof"]).check()?;
    if directory.join("usr/bin/aof").exists() {
        return Stop::failed(format!("{}: dpkg --remove leaves the program", package.display()));
    }
    Ok(())
}
