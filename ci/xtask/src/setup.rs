//! Finding what a step needs, and having `ci/setup` install it.

use crate::outcome::Stop;
use crate::run::Root;
use std::env;
use std::path::{Path, PathBuf};

/// Something a step needs, as a file on the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// A program on the path, and the Debian packages that bring it.
    Program { name: &'static str, package: &'static str },
    /// A file or directory.
    File { path: &'static str, package: &'static str },
}

impl Need {
    fn package(self) -> &'static str {
        match self {
            Self::Program { package, .. } | Self::File { package, .. } => package,
        }
    }

    fn is_met(self) -> bool {
        match self {
            Self::Program { name, .. } => program(name).is_some(),
            Self::File { path, .. } => Path::new(path).exists(),
        }
    }
}

/// Where the program `name` is on the path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// Makes sure that all `needs` are met: has them installed if this machine can, else tells what to install.
pub(crate) fn need(root: &Root, needs: &[Need]) -> Result<(), Stop> {
    if missing(needs).is_empty() {
        return Ok(());
    }
    if can_install(root) {
        // What it could not install is told below.
        let _ = root.run(root.path("ci/setup")).args(missing(needs)).check();
    }
    let missing = missing(needs).join(" ");
    if missing.is_empty() {
        return Ok(());
    }
    Err(Stop::NotRun(format!(
        "missing on this machine: {missing}: on Debian 12 run `sudo ci/setup {missing}`, elsewhere install \
         what these packages have"
    )))
}

fn missing(needs: &[Need]) -> Vec<&'static str> {
    needs.iter().filter(|need| !need.is_met()).flat_map(|need| need.package().split(' ')).collect()
}

/// Whether `ci/setup` can work here, and may.
fn can_install(root: &Root) -> bool {
    let wanted = env::var_os("AOF_CI_SETUP").is_none_or(|value| value != "0");
    wanted && program("apt-get").is_some() && is_root(root)
}

fn is_root(root: &Root) -> bool {
    root.run("id").arg("-u").text().is_ok_and(|text| text.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_needs_not_met_are_told() {
        let needs = [
            Need::Program { name: "sh", package: "dash" },
            Need::Program { name: "no-such-program", package: "one" },
            Need::File { path: "/no/such/file", package: "two three" },
        ];
        assert_eq!(missing(&needs), ["one", "two", "three"]);
    }
}
