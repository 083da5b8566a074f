//! The oldest Rust that each published crate promises to build with.

use crate::host;
use crate::outcome::{Done, Stop};
use crate::run::Root;
use crate::setup;
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Crates whose stated Rust version is a promise to others.
pub(crate) const PUBLISHED: [&str; 4] = ["aof-nostd", "aof-c", "aof-std", "aof-cli"];

/// How long a download of a toolchain may take.
const DOWNLOAD_MAX: Duration = Duration::from_secs(300);

/// No dependency asks for a newer Rust than the crate that uses it states; and each library builds with the
/// Rust that it states, where that one is there or can be installed. (Beside that, clippy's
/// `incompatible_msrv` finds uses of what the standard library did not have then; of the command that has to do:
/// all that it depends on would be compiled once more.)
pub(crate) fn msrv(root: &Root) -> Result<Done, Stop> {
    let mut done = Done::default();
    let text = root.cargo("metadata --format-version 1 --all-features").text()?;
    let metadata = serde_json::from_str(&text)
        .map_err(|error| Stop::Failed(format!("cargo metadata: not understood: {error}")))?;
    let graph = Graph::new(&metadata);
    for name in PUBLISHED {
        let stated = graph.check(name)?;
        if name == host::COMMAND {
            continue;
        }
        let version = stated.to_string();
        if toolchain(root, &version) {
            let run = root.run("rustup").args(["run", &version, "cargo", "check", "--all-features"]);
            let directory = root.target().join("msrv");
            run.args(["--package", name]).env("CARGO_TARGET_DIR", directory).check()?;
        } else {
            done.left_out(format!(
                "{name} was not built with Rust {version}: `rustup toolchain install {version}` failed here"
            ));
        }
    }
    Ok(done)
}

/// Whether rustup has the toolchain, or gets it.
fn toolchain(root: &Root, version: &str) -> bool {
    if setup::program("rustup").is_none() {
        return false;
    }
    let there = || root.run("rustup").args(["run", version, "rustc", "--version"]).succeeds(DOWNLOAD_MAX);
    if there() {
        return true;
    }
    println!("$ rustup toolchain install {version}");
    let install = ["toolchain", "install", version, "--profile", "minimal", "--no-self-update"];
    root.run("rustup").args(install).succeeds(DOWNLOAD_MAX) && there()
}

/// A Rust version, `1.88` or `1.88.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        let major = numbers.next()??;
        let minor = numbers.next().unwrap_or(Some(0))?;
        let patch = numbers.next().unwrap_or(Some(0))?;
        Some(Self { major, minor, patch })
    }
}

impl std::fmt::Display for Version {
    /// As a toolchain's name: without a patch the newest one of that release.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 { write!(f, ".{}", self.patch) } else { Ok(()) }
    }
}

/// Packages, and what each is built from.
struct Graph<'a> {
    packages: BTreeMap<&'a str, &'a Value>,
    /// Dependencies that are needed to build a package: normal ones and those of build scripts.
    dependencies: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Value) -> Self {
        let packages = list(&metadata["packages"]).map(|package| (text(&package["id"]), package)).collect();
        let nodes = list(&metadata["resolve"]["nodes"]);
        let dependencies = nodes.map(|node| (text(&node["id"]), Self::build_dependencies(node))).collect();
        Self { packages, dependencies }
    }

    fn build_dependencies(node: &'a Value) -> Vec<&'a str> {
        let builds = |dependency: &&Value| list(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev");
        list(&node["deps"]).filter(builds).map(|dependency| text(&dependency["pkg"])).collect()
    }

    /// Gives the Rust version that the package `name` states; all that it is built from must not ask for a
    /// newer one.
    fn check(&self, name: &str) -> Result<Version, Stop> {
        let found = self.packages.iter().find(|(_, package)| {
            package["name"] == name && package["source"].is_null() // in this workspace
        });
        let Some((id, package)) = found else {
            return Stop::failed(format!(
                "{name}: no such package: correct PUBLISHED in ci/xtask/src/msrv.rs"
            ));
        };
        let Some(stated) = rust_version(package) else {
            return Stop::failed(format!("{name}: its Cargo.toml states no rust-version: state one"));
        };
        let needed = self.built_from(id);
        let mut newer: Vec<_> = needed
            .iter()
            .filter_map(|id| {
                let package = self.packages.get(id)?;
                let version = rust_version(package)?;
                (version > stated).then_some((
                    Reverse(version),
                    text(&package["name"]),
                    text(&package["version"]),
                ))
            })
            .collect();
        newer.sort_unstable();
        println!("{name}: states Rust {stated}; {} packages checked", needed.len());
        if newer.is_empty() {
            return Ok(stated);
        }
        let mut message = format!("{name}: states Rust {stated}, but is built from:\n");
        for (Reverse(version), name, package_version) in newer {
            message += &format!("  {name} {package_version}, which needs Rust {version}\n");
        }
        Stop::failed(message + "take an older release of these, or state a newer rust-version")
    }

    /// Ids of all packages that the one with `id` is built from, itself among them.
    fn built_from(&self, id: &'a str) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::new();
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            if seen.insert(id) {
                todo.extend(self.dependencies.get(id).into_iter().flatten());
            }
        }
        seen
    }
}

fn rust_version(package: &Value) -> Option<Version> {
    Version::parse(package["rust_version"].as_str()?)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(kind: &Value, rust_version: &str) -> Value {
        json!({
            "packages": [
                { "id": "a", "name": "ours", "version": "0.1.0", "rust_version": "1.80", "source": null },
                { "id": "b", "name": "near", "version": "1.0.0", "rust_version": null, "source": "registry" },
                { "id": "c", "name": "far", "version": "2.0.0", "rust_version": rust_version, "source": "registry" },
            ],
            "resolve": { "nodes": [
                { "id": "a", "deps": [{ "pkg": "b", "dep_kinds": [{ "kind": null }] }] },
                { "id": "b", "deps": [{ "pkg": "c", "dep_kinds": [{ "kind": kind }] }] },
                { "id": "c", "deps": [] },
            ]},
        })
    }

    #[test]
    fn newer_dependency_of_a_dependency_is_found() {
        let newer = metadata(&Value::Null, "1.80.1");
        let Err(Stop::Failed(message)) = Graph::new(&newer).check("ours") else { panic!("not found") };
        assert!(message.contains("far 2.0.0, which needs Rust 1.80.1"), "{message}");
        let newer = metadata(&json!("build"), "1.81");
        assert!(Graph::new(&newer).check("ours").is_err(), "a build script is built too");
    }

    #[test]
    fn older_dependencies_and_those_of_tests_are_fine() {
        let older = metadata(&Value::Null, "1.9.9");
        assert_eq!(Graph::new(&older).check("ours").unwrap().to_string(), "1.80");
        let tests = metadata(&json!("dev"), "1.99");
        assert!(Graph::new(&tests).check("ours").is_ok());
    }
}
