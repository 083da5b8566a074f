//! Any log in the other profile and back: where a log is one whole chain, converting it twice gives its bytes
//! again; where it is not, it is refused, or not written.

use crate::input::Input;
use aof_cli::args::{ConvertArgs, Limits, ProfileName};
use aof_cli::convert::write::write;
use aof_cli::failure::Failure;
use aof_cli::output::WATCH;
use aof_cli::survey::{Kind, Survey};
use aof_nostd::AnyProfile;
use aof_std::Source;
use aof_tests::events::by_detect;
use arbitrary::Arbitrary;
use std::path::Path;
use std::sync::atomic::Ordering;

#[derive(Arbitrary, Debug)]
struct Case {
    input: Input,
}

/// Reads a fuzzer's bytes as a case, and checks it.
pub fn run(bytes: &[u8]) {
    crate::with_case(bytes, check);
}

fn check(case: Case) {
    let (_, log) = case.input.log();
    let directory = tempfile::tempdir_in(crate::memory()).unwrap();
    let path = directory.path().join("log");
    std::fs::write(&path, &log).unwrap();
    let survey = Survey::of(&path, 1 << 20).unwrap();
    let is_chain = survey.sound && survey.findings.iter().all(|finding| finding.kind != Kind::Gap);
    let to = match survey.profile {
        Some("crc") => ProfileName::Tigerbeetle,
        Some(_) => ProfileName::Crc,
        None => return,
    };
    let from = if matches!(to, ProfileName::Crc) { ProfileName::Tigerbeetle } else { ProfileName::Crc };

    let there = directory.path().join("there");
    if !is_chain || survey.entries == 0 {
        // The command asks the survey first, and does not get here. Should a log change in between, what is
        // written must be right all the same.
        let written = convert(&path, &there, to, &survey);
        assert!(written.is_err() || written.is_ok_and(|written| written.sound));
        return;
    }
    let written = match convert(&path, &there, to, &survey) {
        // An earlier part of the log behind a later one is sound, and cannot be sealed in this order.
        Err(Failure::Log(_)) if survey.findings.iter().any(|finding| finding.kind == Kind::Backtrack) => {
            return;
        }
        written => written.unwrap(),
    };
    assert_eq!((written.entries, written.distinct_ops), (survey.entries, survey.distinct_ops));
    assert!(by_detect(&std::fs::read(&there).unwrap()).iter().all(aof_tests::events::Seen::is_entry));

    let back = directory.path().join("back");
    convert(&there, &back, from, &written).unwrap();
    let log = &log[..log.len() - usize::try_from(survey.zeros).unwrap()];
    assert_eq!(std::fs::read(back).unwrap(), log);
}

fn convert(file: &Path, output: &Path, profile: ProfileName, survey: &Survey) -> Result<Survey, Failure> {
    let limits = Limits { message_size_max: 1 << 20 };
    let (file, output) = (file.to_path_buf(), output.to_path_buf());
    let source = Source::open(&file).unwrap();
    let args =
        ConvertArgs { file, profile, output, keep_first_parent: true, force: true, json: true, limits };
    let profile: AnyProfile = profile.profile();
    let written = write(&args, &source, survey, profile);
    // A failure stops the scan by what stops the command: the next one is another command.
    WATCH.stop.store(false, Ordering::Relaxed);
    written
}
