//! The licences of what is linked into the program: their full texts, as the licences ask.

use super::stage::MUSL_LICENCE;
use super::{TARGET, read};
use crate::outcome::Stop;
use crate::run::Root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How deep below a package's directory licence files are: C sources that a crate brings have their own.
const DEPTH: usize = 2;

/// The notices of all crates in the program, of Rust's library and of musl.
pub(super) fn of(root: &Root) -> Result<String, Stop> {
    let metadata = root.cargo("metadata --format-version 1 --locked --filter-platform").arg(TARGET).text()?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| Stop::Failed(error.to_string()))?;
    let mut text = String::from(
        "What is linked into the program aof, and under which licences. Texts that are the same are given once,\n\
         after the first package that has them.\n",
    );
    let mut texts = BTreeMap::new();
    let mut missing = Vec::new();
    for package in linked(root, &metadata)? {
        let files = licence_files(&package.directory, DEPTH);
        if files.is_empty() {
            missing.push(package.name.clone());
        }
        let _ = write!(text, "\n==== {}: {}\n", package.name, package.licence);
        for file in files {
            let name = file.strip_prefix(&package.directory).unwrap_or(&file).display().to_string();
            let content = read(&file)?;
            match texts.get(content.trim()) {
                Some(first) => {
                    let _ = writeln!(text, "{name}: the same as {first}");
                }
                None => {
                    texts.insert(content.trim().to_owned(), format!("{name} of {}", package.name));
                    let _ = write!(text, "---- {name}\n{}\n", content.trim_end());
                }
            }
        }
    }
    if !missing.is_empty() {
        let _ = write!(text, "\nWithout a licence file of their own: {}.\n", missing.join(", "));
    }
    let sysroot = root.run("rustc").args(["--print", "sysroot"]).text()?;
    let rust = Path::new(sysroot.trim()).join("share/doc/rust/COPYRIGHT-library.html");
    let _ = write!(text, "\n==== Rust's standard library\n{}\n", plain(&read(&rust)?));
    let _ = write!(text, "\n==== musl\n{}", read(Path::new(MUSL_LICENCE))?);
    Ok(text)
}

/// A package that is linked into the program.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    /// With its version.
    name: String,
    licence: String,
    directory: PathBuf,
}

/// The packages of others that the program is made of.
fn linked(root: &Root, metadata: &Value) -> Result<BTreeSet<Package>, Stop> {
    let tree =
        root.cargo("tree --locked --package aof-cli --edges normal --prefix none --target").arg(TARGET);
    let tree = tree.args(["--format", "{p}"]).text()?;
    let names: BTreeSet<_> = tree.lines().filter_map(name_and_version).collect();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = packages.filter(|package| !package["source"].is_null()).map(|package| Package {
        name: format!("{} {}", string(&package["name"]), string(&package["version"])),
        licence: string(&package["license"]),
        directory: Path::new(&string(&package["manifest_path"])).parent().unwrap_or(Path::new("")).to_owned(),
    });
    let found: BTreeSet<_> = found.filter(|package| names.contains(&package.name)).collect();
    if found.is_empty() {
        return Stop::failed("cargo tree: no package is linked into aof");
    }
    Ok(found)
}

/// `name 1.2.3` of a line `name v1.2.3 (...)`.
fn name_and_version(line: &str) -> Option<String> {
    let mut words = line.split(' ');
    let name = words.next().filter(|name| !name.is_empty())?;
    Some(format!("{name} {}", words.next()?.strip_prefix('v')?))
}

/// The files that state a licence, in the order of their paths.
fn licence_files(directory: &Path, depth: usize) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in directory.read_dir().into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name().to_string_lossy().to_uppercase(), entry.path());
        if path.is_dir() {
            if depth > 1 {
                files.extend(licence_files(&path, depth - 1));
            }
        } else if ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"]
            .iter()
            .any(|word| name.starts_with(word))
        {
            files.insert(path);
        }
    }
    files
}

/// The text of a page without its markup.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text += before;
        rest = after.split_once('>').map_or("", |(_, after)| after);
    }
    text += rest;
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut kept: Vec<&str> = Vec::new();
    for line in lines {
        // Markup leaves many empty lines.
        if !(line.trim().is_empty() && kept.last().is_none_or(|last| last.trim().is_empty())) {
            kept.push(line);
        }
    }
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_read_from_cargo_tree() {
        assert_eq!(
            name_and_version("zstd-sys v2.1.2+zstd.1.5.7").as_deref(),
            Some("zstd-sys 2.1.2+zstd.1.5.7")
        );
        assert_eq!(name_and_version("aof-cli v0.1.0 (/somewhere)").as_deref(), Some("aof-cli 0.1.0"));
        assert_eq!(name_and_version(""), None);
    }

    #[test]
    fn markup_is_taken_away() {
        let html = "<h1>A &amp; B</h1>\n\n\n<p>text &lt;a@b&gt;</p>\n";
        assert_eq!(plain(html), "A & B\n\ntext <a@b>");
    }

    #[test]
    fn licence_files_are_found_in_a_package_and_in_what_it_brings() {
        let directory = std::env::temp_dir().join(format!("aof-licences-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("zstd/lib")).unwrap();
        for name in ["LICENSE-MIT", "zstd/COPYING", "zstd/lib/LICENSE", "readme"] {
            std::fs::write(directory.join(name), "text").unwrap();
        }
        let found = licence_files(&directory, DEPTH);
        std::fs::remove_dir_all(&directory).unwrap();
        let expected = [directory.join("LICENSE-MIT"), directory.join("zstd/COPYING")];
        assert_eq!(found, BTreeSet::from(expected));
    }
}
