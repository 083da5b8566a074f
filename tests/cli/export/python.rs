//! Another implementation of Parquet: DuckDB, in an environment of Python that the tests make for
//! themselves, below the target directory. Where it cannot be had the tests say so loudly, and fail under
//! `AOF_CI_STRICT=1`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What is installed: the release that the documentation's figures are from.
const DUCKDB: &str = "duckdb==2.0.0";

/// The interpreter that has DuckDB; `None`, and a loud line, if there is none.
pub(crate) fn python() -> Option<PathBuf> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match MADE.get_or_init(make) {
        Ok(python) => Some(python.clone()),
        Err(why) => {
            let test = std::thread::current().name().unwrap_or("?").to_owned();
            let line = format!("\n{test}: NOT RUN: no Parquet was read back: {why}\n");
            // In one piece, past the test runner: it belongs into the log of every run.
            let _ = std::io::stderr().write_all(line.as_bytes());
            let is_strict = std::env::var_os("AOF_CI_STRICT").is_some_and(|value| value == "1");
            assert!(!is_strict, "could not run, which AOF_CI_STRICT=1 forbids: {why}");
            None
        }
    }
}

/// Makes the environment, or takes the one of an earlier run.
fn make() -> Result<PathBuf, String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(DUCKDB);
    let python = directory.join("bin/python");
    if has_duckdb(&python) {
        return Ok(python);
    }
    let debian = "on Debian 12 run `sudo ci/setup python3 python3-venv`";
    let directory = directory.to_str().ok_or("the target directory's name is no text")?;
    run("python3", &["-m", "venv", "--clear", directory]).map_err(|why| format!("{why}: {debian}"))?;
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", DUCKDB];
    run(python.to_str().unwrap_or_default(), &pip)?;
    if has_duckdb(&python) { Ok(python) } else { Err("DuckDB was installed, and does not start".into()) }
}

fn has_duckdb(python: &Path) -> bool {
    Command::new(python).args(["-c", "import duckdb"]).output().is_ok_and(|output| output.status.success())
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let shown = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{shown}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
