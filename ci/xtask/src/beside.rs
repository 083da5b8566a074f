//! Steps that run in a process of their own, beside the others: half of all is waiting for one process.

use crate::results::Ran;
use crate::run::Root;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

/// The variable that names the file for results: a process that has it is one of these.
const RESULTS: &str = "AOF_CI_RESULTS";

/// Whether another run started this one, and prints the table.
pub(crate) fn is_part() -> bool {
    env::var_os(RESULTS).is_some()
}

/// Passes a result on to the run that started this one, if one did: at once, so that a process that ends early
/// loses no result but its last.
pub(crate) fn pass_on(ran: &Ran) {
    let Some(path) = env::var_os(RESULTS) else { return };
    let file = OpenOptions::new().append(true).open(&path);
    if let Err(error) = file.and_then(|mut file| writeln!(file, "{}", ran.to_line())) {
        // The other run finds no result, and counts the step as failed.
        println!("{}: {error}", path.display());
    }
}

/// This program once more, with some of the steps. Its output is kept until the others are done.
pub(crate) struct Beside {
    names: &'static [&'static str],
    child: Child,
    log: PathBuf,
    results: PathBuf,
}

impl Beside {
    /// Nothing where there is one core, or it cannot be started: then they run in turn.
    pub(crate) fn start(root: &Root, names: &'static [&'static str]) -> Option<Self> {
        if thread::available_parallelism().map_or(1, NonZero::get) < 2 {
            return None;
        }
        let log = root.target().join("ci-devices.log");
        let results = root.target().join("ci-devices.results");
        let _ = fs::create_dir_all(root.target());
        // Those of an earlier run are not ours.
        File::create(&results).ok()?;
        let output = File::create(&log).ok()?;
        let mut command = Command::new(env::current_exe().ok()?);
        command.arg("ci").args(names).env(RESULTS, &results);
        command.stdin(Stdio::null()).stderr(output.try_clone().ok()?).stdout(output);
        let child = command.spawn().ok()?;
        println!(
            "beside these: {}; their output comes at the end, and is stored in {}",
            names.join(", "),
            log.display()
        );
        Some(Self { names, child, log, results })
    }

    /// Whether it runs the step.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// Waits for its end, prints its output, and returns its results.
    pub(crate) fn end(mut self) -> Vec<Ran> {
        println!("\n==== beside these: waiting for {}", self.names.join(", "));
        let ended = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let log = fs::read(&self.log).unwrap_or_default();
        print!("{}", String::from_utf8_lossy(&log));
        let lines = fs::read_to_string(&self.results).unwrap_or_default();
        self.names.iter().map(|name| Ran::from_lines(name, &lines, &ended)).collect()
    }
}
