//! What a device logged by defmt, decoded, and compared with what the command finds in the same log.
//!
//! ```text
//! device.defmt --+
//!                +--> device-log --> lines --+
//! program's ELF -+                           +--> does each finding have its line?
//!                  aof verify --json --------+
//! ```
//!
//! Where the command says `{"kind":"gap","offset":997024,"op":960}`, the device has to have logged
//! `byte 997024 (op 960): Gap { first: Op(823), last: Op(959) }`.

use super::{Desktop, report};
use crate::outcome::Stop;
use serde_json::Value;
use std::path::Path;

const MANIFEST: &str = "ci/device-log/Cargo.toml";

/// The file that the firmware's kit writes in QEMU's working directory.
const FRAMES: &str = "device.defmt";

/// Builds the decoder, which is a workspace of its own.
pub(super) fn set_up(desktop: &Desktop<'_>) -> Result<(), Stop> {
    let directory = desktop.root.target().join("device-log");
    let run = desktop.root.cargo("build --manifest-path").arg(MANIFEST);
    run.env("CARGO_TARGET_DIR", directory).check()
}

/// The lines that the program `image` logged in `directory`.
pub(super) fn lines(desktop: &Desktop<'_>, image: &Path, directory: &Path) -> Result<Vec<String>, Stop> {
    let decoder = desktop.root.target().join("device-log/debug/device-log");
    let run = desktop.root.run(decoder).args([image.as_os_str(), FRAMES.as_ref()]).directory(directory);
    Ok(run.text()?.lines().map(str::to_owned).collect())
}

/// What the command found and the device did not log, given what `aof verify --json` says; nothing if all is
/// there.
pub(super) fn differences(json: &str, lines: &[String]) -> Result<String, Stop> {
    let survey = report::survey(json)?;
    let mut differences = String::new();
    let entries: Vec<_> = lines.iter().filter(|line| line.starts_with("info entry ")).collect();
    if Some(entries.len() as u64) != survey["entries"].as_u64() {
        differences +=
            &format!("  aof verify: {} entries\n  logged:     {}\n", survey["entries"], entries.len());
    }
    for (name, entry) in [("first_checksum", entries.first()), ("last_checksum", entries.last())] {
        let checksum = survey[name].as_str().unwrap_or("none");
        if entry.is_some_and(|entry| !entry.contains(&format!("checksum: {checksum},"))) {
            differences += &format!("  aof verify: {name} {checksum}\n  logged:     {entry:?}\n");
        }
    }
    for finding in survey["findings"].as_array().into_iter().flatten() {
        if !lines.iter().any(|line| tells(line, finding)) {
            differences += &format!("  aof verify: {finding}\n  logged:     (nothing)\n");
        }
    }
    let told = lines.iter().filter(|line| line.starts_with("error ") || line.starts_with("warn ")).count();
    let found = survey["findings"].as_array().map_or(0, Vec::len);
    if told != found {
        differences += &format!("  aof verify: {found} findings\n  logged:     {told}\n");
    }
    Ok(differences)
}

/// Whether the device tells of this finding in this line.
pub(super) fn tells(line: &str, finding: &Value) -> bool {
    let (kind, offset) = (finding["kind"].as_str().unwrap_or("?"), &finding["offset"]);
    let names: &[&str] = match kind {
        "magic" => &["Magic("],
        "header-checksum" => &["HeaderChecksum"],
        "header-invalid" => &["HeaderInvalid("],
        // An entry that was begun and not finished has a tail that is torn, with other entries behind it.
        "body-checksum" => &["BodyChecksum", "TornTail {"],
        "torn-tail" => &["TornTail {"],
        "gap" => &["Gap {"],
        "fork" => &["Fork {"],
        "backtrack" => &["Backtrack {", "Repeated"],
        _ => &[],
    };
    let place = if report::is_damage(kind) {
        format!("error Damage {{ offset: {offset}, ")
    } else {
        format!("warn byte {offset} (op {}): ", finding["op"])
    };
    line.strip_prefix(&place).is_some_and(|rest| names.iter().any(|name| rest.contains(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"entries":1,"first_checksum":"0a","last_checksum":"0a","findings":[
        {"kind":"torn-tail","offset":7},{"kind":"gap","offset":9,"op":5}]}"#;

    fn logged(lines: &[&str]) -> String {
        differences(JSON, &lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn every_finding_and_every_entry_needs_its_line() {
        let entry = "info entry Header { op: 1, checksum: 0a, parent: 00 }";
        let damage = "error Damage { offset: 7, op: None, kind: TornTail { missing: 1 } }, on at byte 8";
        let gap = "warn byte 9 (op 5): Gap { first: Op(3), last: Op(4) }";
        assert_eq!(logged(&[entry, damage, gap]), "");
        assert!(logged(&[entry, damage]).contains("gap"));
        assert!(logged(&[entry, gap]).contains("torn-tail"));
        assert!(logged(&[damage, gap]).contains("1 entries"));
        assert!(logged(&[&entry.replace("0a", "0b"), damage, gap]).contains("first_checksum 0a"));
        assert!(logged(&[entry, &damage.replace("TornTail", "Magic("), gap]).contains("torn-tail"));
        assert!(logged(&[entry, damage, gap, &gap.replace('9', "10")]).contains("2 findings"));
    }
}
