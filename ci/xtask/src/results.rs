//! What became of the steps of a run: the table that every run ends with, and how a run beside another one
//! passes its results on.

use crate::outcome::Outcome;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// What became of a step.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) time: Duration,
}

/// Most lines of a reason in the table. All of them are printed where the step ends.
const REASON_MAX: usize = 8;

/// The table, and two lines that state the outcome; the last one counts the steps.
pub(crate) fn table(results: &[Ran]) -> String {
    let mut text = format!("\n{:<12} {:<8} {:>8}\n", "step", "result", "time");
    for Ran { name, outcome, time } in results {
        let _ = writeln!(text, "{name:<12} {:<8} {:>6} s", outcome.word(), time.as_secs());
        let lines = outcome.lines();
        for line in lines.iter().take(REASON_MAX) {
            let _ = writeln!(text, "{:<12} {line}", "");
        }
        if lines.len() > REASON_MAX {
            let _ = writeln!(text, "{:<12} ... {} more lines: see above", "", lines.len() - REASON_MAX);
        }
    }
    let named = |word: &str| -> Vec<_> {
        results.iter().filter(|ran| ran.outcome.word() == word).map(|ran| ran.name).collect()
    };
    let (passed, failed, not_run) = (named("passed"), named("FAILED"), named("NOT RUN"));
    if !failed.is_empty() {
        let _ = writeln!(text, "\nFAILED: {}", failed.join(", "));
    } else if !not_run.is_empty() {
        let _ = writeln!(text, "\nNOT RUN: {}", not_run.join(", "));
    } else {
        text += "\nall steps passed\n";
    }
    let _ = writeln!(text, "{} passed, {} failed, {} skipped", passed.len(), failed.len(), not_run.len());
    text
}

/// Whether no step failed.
pub(crate) fn is_green(results: &[Ran]) -> bool {
    results.iter().all(|ran| !matches!(ran.outcome, Outcome::Failed(_)))
}

impl Ran {
    /// The result as a line for another process.
    pub(crate) fn to_line(&self) -> String {
        let (word, lines) = (self.outcome.word(), self.outcome.lines_kept());
        json!({ "step": self.name, "result": word, "seconds": self.time.as_secs_f64(), "lines": lines })
            .to_string()
    }

    /// The result of the step `name`, from the `lines` that a process wrote until it `ended`. A step without
    /// a line has failed.
    pub(crate) fn from_lines(name: &'static str, lines: &str, ended: &str) -> Self {
        let found = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let read = found.into_iter().find(|value| value["step"] == name).and_then(|value| {
            let lines = value["lines"].as_array()?.iter();
            let lines: Vec<_> = lines.map(|line| line.as_str().unwrap_or_default().to_owned()).collect();
            let outcome = Outcome::from_parts(value["result"].as_str()?, &lines)?;
            let time = Duration::try_from_secs_f64(value["seconds"].as_f64()?).ok()?;
            Some(Self { name, outcome, time })
        });
        read.unwrap_or_else(|| Self {
            name,
            outcome: Outcome::Failed(format!("no result: the process that ran it ended ({ended})")),
            time: Duration::ZERO,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Done, Stop};

    fn ran(name: &'static str, result: Result<Done, Stop>, seconds: u64) -> Ran {
        Ran { name, outcome: Outcome::of(result, false), time: Duration::from_secs(seconds) }
    }

    fn mixed() -> Vec<Ran> {
        let mut part = Done::default();
        part.left_out("an old toolchain");
        vec![
            ran("fmt", Ok(part), 2),
            ran("test", Stop::failed("one\ntwo"), 1234),
            ran("qemu", Err(Stop::NotRun("no emulator".into())), 0),
        ]
    }

    #[test]
    fn table_has_every_step_with_result_reason_and_time_and_its_last_line_counts_them() {
        let expected = "
step         result       time
fmt          passed        2 s
             LEFT OUT: an old toolchain
test         FAILED     1234 s
             one
             two
qemu         NOT RUN       0 s
             no emulator

FAILED: test
1 passed, 1 failed, 1 skipped
";
        assert_eq!(table(&mixed()), expected);
        assert!(!is_green(&mixed()));
    }

    #[test]
    fn line_before_the_last_names_what_did_not_pass() {
        let before_last = |results: &[Ran]| table(results).lines().rev().nth(1).map(str::to_owned).unwrap();
        let mut results = mixed();
        results.remove(1);
        assert_eq!(before_last(&results), "NOT RUN: qemu");
        assert!(is_green(&results));
        results.remove(1);
        assert_eq!(before_last(&results), "all steps passed");
    }

    #[test]
    fn long_reason_does_not_push_the_other_steps_off_the_screen() {
        let long = (0..50).map(|number| format!("line {number}\n")).collect::<String>();
        let text = table(&[ran("test", Stop::failed(long), 1)]);
        assert!(text.contains("line 7\n") && !text.contains("line 8\n"), "{text}");
        assert!(text.contains("... 42 more lines: see above"), "{text}");
    }

    #[test]
    fn results_of_another_process_come_out_as_they_went_in() {
        let results = mixed();
        let lines: String = results.iter().map(|ran| ran.to_line() + "\n").collect();
        let read: Vec<_> =
            results.iter().map(|ran| Ran::from_lines(ran.name, &lines, "exit status: 1")).collect();
        assert_eq!(table(&read), table(&results));
    }

    #[test]
    fn step_without_a_result_has_failed() {
        let lines = mixed()[0].to_line() + "\n{\"step\":\"qemu\",\"resu";
        assert_eq!(Ran::from_lines("fmt", &lines, "signal: 9").outcome.word(), "passed");
        let lost = Ran::from_lines("qemu", &lines, "signal: 9");
        assert_eq!(lost.outcome.word(), "FAILED");
        assert!(lost.outcome.lines()[0].contains("signal: 9"));
    }
}
