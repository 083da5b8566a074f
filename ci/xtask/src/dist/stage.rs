//! The tree that is packed, laid out as in a system's root directory.

use super::{copy, empty, joined, make, notices, write};
use crate::outcome::Stop;
use crate::run::Root;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What Debian's package says of musl, which is linked into the program.
pub(super) const MUSL_LICENCE: &str = "/usr/share/doc/musl/copyright";

/// A staged tree.
#[derive(Debug)]
pub(super) struct Stage {
    tree: PathBuf,
    scratch: PathBuf,
    version: String,
    /// Seconds since 1970: when the last commit was made.
    time: String,
}

impl Stage {
    /// Stages `program` and what comes with it, in `scratch`.
    pub(super) fn new(root: &Root, program: &Path, scratch: &Path) -> Result<Self, Stop> {
        let version = version(root)?;
        let time = root.run("git").args(["log", "-1", "--format=%ct"]).text()?.trim().to_owned();
        let tree = scratch.join("tree");
        let stage = Self { tree, scratch: scratch.to_owned(), version, time };
        let (man, doc) = (stage.directory("usr/share/man/man1")?, stage.directory("usr/share/doc/aof")?);
        copy(program, &stage.directory("usr/bin")?.join("aof"))?;
        root.run(program).args(["man", "--output"]).arg(&man).check()?;
        for (shell, path, name) in [
            ("bash", "usr/share/bash-completion/completions", "aof"),
            ("zsh", "usr/share/zsh/vendor-completions", "_aof"),
            ("fish", "usr/share/fish/vendor_completions.d", "aof.fish"),
        ] {
            let script = root.run(program).args(["completions", shell]).text()?;
            write(&stage.directory(path)?.join(name), &script)?;
        }
        for name in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            copy(&root.path(name), &doc.join(name))?;
        }
        write(&doc.join("THIRD-PARTY.txt"), &notices::of(root)?)?;
        write(&doc.join("copyright"), COPYRIGHT)?;
        Ok(stage)
    }

    fn directory(&self, path: &str) -> Result<PathBuf, Stop> {
        let path = self.tree.join(path);
        make(&path)?;
        Ok(path)
    }

    /// Makes the archive for any Linux.
    pub(super) fn archive(&self, root: &Root, directory: &Path) -> Result<PathBuf, Stop> {
        let name = format!("aof-{}-x86_64-linux", self.version);
        let path = joined(directory, &format!("{name}.tar.gz"));
        // bin/ and share/, as below /usr/local.
        let tar =
            root.run("tar").args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
        tar.arg(format!("--mtime=@{}", self.time))
            .arg(format!("--transform=s,^usr,{name},"))
            .args(["--use-compress-program", "gzip -9 --no-name", "--file"])
            .arg(&path)
            .args(["usr"])
            .directory(&self.tree)
            .check()?;
        Ok(path)
    }

    /// Makes the Debian package.
    pub(super) fn package(&self, root: &Root, directory: &Path) -> Result<PathBuf, Stop> {
        let path = joined(directory, &format!("aof_{}_amd64.deb", self.version));
        let tree = self.scratch.join("deb");
        empty(&tree)?;
        root.run("cp").args(["--recursive", "--no-target-directory"]).arg(&self.tree).arg(&tree).check()?;
        // Debian's policy: man pages are compressed.
        let pages = root.run("find").arg(tree.join("usr/share/man")).args(["-name", "*.1"]);
        pages.args(["-exec", "gzip", "-9", "--no-name", "{}", "+"]).check()?;
        let kilobytes = root.run("du").args(["--summarize", "--apparent-size", "--block-size=1024"]);
        let kilobytes = kilobytes.arg(&tree).text()?;
        let kilobytes = kilobytes.split_whitespace().next().unwrap_or("0").to_owned();
        make(&tree.join("DEBIAN"))?;
        write(&tree.join("DEBIAN/control"), &control(&self.version, &kilobytes))?;
        root.run("dpkg-deb")
            .args(["--build", "--root-owner-group", "-Zxz"])
            .args([&tree, &path])
            .env("SOURCE_DATE_EPOCH", &self.time)
            .check()?;
        Ok(path)
    }
}

/// The command's version.
fn version(root: &Root) -> Result<String, Stop> {
    let text = root.cargo("metadata --format-version 1 --no-deps --locked").text()?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| Stop::Failed(error.to_string()))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let version = packages
        .filter(|package| package["name"] == "aof-cli")
        .find_map(|package| package["version"].as_str());
    version
        .map_or_else(|| Stop::failed("cargo metadata: no package aof-cli"), |version| Ok(version.to_owned()))
}

fn control(version: &str, kilobytes: &str) -> String {
    format!(
        "Package: aof\n\
         Version: {version}\n\
         Architecture: amd64\n\
         Maintainer: the authors of aof\n\
         Installed-Size: {kilobytes}\n\
         Section: database\n\
         Priority: optional\n\
         Description: verify, merge, recover and export append-only logs\n \
          Reads the append-only files (AOF) that TigerBeetle's replicas and devices\n \
          write: verifies checksums and the chain, merges damaged logs of a cluster\n \
          into one, replays it into a new cluster, exports events.\n"
    )
}

const COPYRIGHT: &str = "\
aof is licensed under the MIT licence or the Apache licence, version 2.0, at your option: see LICENSE-MIT and
LICENSE-APACHE in this directory. What is linked into the program, and under which licences: THIRD-PARTY.txt.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_file_has_the_fields_that_dpkg_needs_and_ends_with_a_line() {
        let control = control("1.2.3", "99");
        for field in ["Package: aof\n", "Version: 1.2.3\n", "Architecture: amd64\n", "Installed-Size: 99\n"] {
            assert!(control.contains(field), "{control}");
        }
        let (_, description) = control.split_once("Description: ").unwrap();
        assert!(description.lines().skip(1).all(|line| line.starts_with(' ')), "{control}");
        assert!(control.ends_with(".\n"));
    }
}
