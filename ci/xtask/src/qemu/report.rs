//! The report of `aof verify --json` in the form in which firmware prints its own.

use crate::outcome::Stop;
use serde_json::Value;
use std::fmt::Write as _;

/// Kinds of findings that are damage; the others tell of the chain.
const DAMAGES: [&str; 6] =
    ["magic", "header-checksum", "header-invalid", "newer-layout", "body-checksum", "torn-tail"];

/// Figures that firmware prints.
const FIGURES: [&str; 6] =
    ["profile", "bytes", "entries", "first_checksum", "last_checksum", "data_checksum_chain"];

/// Figures that the firmware in C prints.
const FIGURES_OF_C: [&str; 8] =
    ["profile", "bytes", "entries", "first_checksum", "last_checksum", "first_op", "last_op", "sound"];

/// Gives the lines that firmware has to print for the log that `json` tells of, where it does not look at the
/// chain.
#[cfg_attr(not(test), allow(dead_code, reason = "for programs that count entries without their places"))]
pub(crate) fn expected(json: &str) -> Result<String, Stop> {
    lines(json, &FIGURES, false)
}

/// Gives the lines that firmware has to print for the log that `json` tells of, breaks of the chain too.
pub(crate) fn expected_with_chain(json: &str) -> Result<String, Stop> {
    lines(json, &FIGURES, true)
}

/// Gives the lines that the firmware in C has to print: without the data checksum, which the library for C does
/// not compute.
pub(crate) fn expected_of_c(json: &str) -> Result<String, Stop> {
    lines(json, &FIGURES_OF_C, true)
}

/// What `aof verify --json` printed.
pub(crate) fn survey(json: &str) -> Result<Value, Stop> {
    let mut survey: Value = serde_json::from_str(json)
        .map_err(|error| Stop::Failed(format!("aof verify --json: not JSON: {error}: {json}")))?;
    // Devices do not compare times: some have no clock.
    if let Some(findings) = survey["findings"].as_array_mut() {
        findings.retain(|finding| finding["kind"] != "time-back");
    }
    Ok(survey)
}

fn lines(json: &str, figures: &[&str], with_chain: bool) -> Result<String, Stop> {
    let survey = survey(json)?;
    let mut report = String::new();
    for name in figures {
        match &survey[*name] {
            Value::Null => {}
            Value::String(value) => line(&mut report, name, value),
            value => line(&mut report, name, &value.to_string()),
        }
    }
    for finding in survey["findings"].as_array().into_iter().flatten() {
        let kind = finding["kind"].as_str().unwrap_or("?");
        if is_damage(kind) {
            line(&mut report, "damage", &format!("{kind} {}", finding["offset"]));
        } else if with_chain {
            line(&mut report, "chain", &format!("{kind} {}", finding["offset"]));
        }
    }
    Ok(report)
}

/// Whether a finding of this kind is damage rather than a break of the chain.
pub(crate) fn is_damage(kind: &str) -> bool {
    DAMAGES.contains(&kind)
}

fn line(report: &mut String, name: &str, value: &str) {
    let _ = writeln!(report, "{name} {value}"); // a String takes everything
}

/// Both reports side by side, where they differ.
pub(crate) fn differences(expected: &str, printed: &str) -> String {
    let (expected, printed): (Vec<_>, Vec<_>) = (expected.lines().collect(), printed.lines().collect());
    let mut text = String::new();
    for index in 0..expected.len().max(printed.len()) {
        let line =
            |lines: &[&str]| lines.get(index).map_or("(nothing)".to_owned(), |line| (*line).to_owned());
        let (expected, printed) = (line(&expected), line(&printed));
        if expected != printed {
            let _ = writeln!(text, "  aof verify: {expected}\n  device:     {printed}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"file":"x","profile":"crc","bytes":3,"entries":2,"first_op":1,
        "first_checksum":"0a","last_checksum":"0b","data_checksum_chain":"12","findings":[
        {"kind":"gap","offset":1,"op":5},{"kind":"time-back","offset":2,"op":6},{"kind":"torn-tail","offset":7,"op":9}]}"#;

    #[test]
    fn figures_of_the_command_become_lines() {
        let figures = "profile crc\nbytes 3\nentries 2\nfirst_checksum 0a\nlast_checksum 0b\n\
                       data_checksum_chain 12\n";
        assert_eq!(expected(JSON).unwrap(), format!("{figures}damage torn-tail 7\n"));
        let with_chain = expected_with_chain(JSON).unwrap();
        assert_eq!(with_chain, format!("{figures}chain gap 1\ndamage torn-tail 7\n"));
        assert!(expected("nonsense").is_err());
    }

    #[test]
    fn every_difference_is_told() {
        assert_eq!(differences("a 1\nb 2\n", "a 1\nb 2\n"), "");
        let text = differences("a 1\nb 2\n", "a 1\nb 3\nc 4\n");
        assert!(text.contains("aof verify: b 2\n  device:     b 3"), "{text}");
        assert!(text.contains("aof verify: (nothing)\n  device:     c 4"), "{text}");
    }
}
