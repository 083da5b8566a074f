//! Each system call of a command fails once, and each is once the last one.
//!
//! | | afterwards |
//! |---|---|
//! | always | the inputs are untouched; the output is whole, or it is as it was (not there, or the old one) |
//! | exit code 0 | the output is whole, and no sync failed |
//! | a call failed | exit code 0, 1 or 2, no panic, no temporary file |
//! | killed | at most one temporary file, with a name that begins with `.` |
//!
//! Two failures cannot be seen in the outcome, since the standard library and `tempfile` drop them: that of a
//! `close` (the descriptor is gone either way, and every byte was synced before), and that of an `unlink`
//! (the temporary file stays: removing it is what failed).

use crate::command::{AOF, Ran, aof, data, files, merge};
use crate::environment::{has_strace, stride, tell};
use crate::log;
use crate::sweep::{Fault, Hit, Program};
use crate::writer::Writer;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// The mode of an old output: a failure must not let others read what is put in its place.
const SECRET: u32 = 0o600;

/// A command that makes one output out of inputs, the output in a directory of its own.
struct Making<'a> {
    /// The inputs by name.
    inputs: BTreeMap<String, Vec<u8>>,
    /// The output's name.
    output: &'a str,
    /// What is at its place before, and may be there after a failure.
    old: Option<Vec<u8>>,
    /// What it has to be.
    new: Vec<u8>,
    /// The command's arguments, given the directories of inputs and output.
    arguments: &'a (dyn Fn(&Path, &Path) -> Vec<OsString> + Sync),
}

impl Making<'_> {
    fn sweep(&self, stride: usize) {
        let program = Program {
            prepare: &|directory| self.prepare(directory),
            command: &|directory, words| {
                let arguments = (self.arguments)(&directory.join("in"), &directory.join("out"));
                let mut command = Command::new(words.first().map_or(AOF, String::as_str));
                command.args(words.iter().skip(1)).args((!words.is_empty()).then_some(AOF)).args(arguments);
                command
            },
            begins: "/in/",
            judge: &|directory, hit, ran| self.judge(directory, hit, ran),
        };
        tell(&program.sweep(stride).to_string());
    }

    fn prepare(&self, directory: &Path) {
        for part in ["in", "out"] {
            std::fs::create_dir(directory.join(part)).unwrap();
        }
        for (name, bytes) in &self.inputs {
            std::fs::write(directory.join("in").join(name), bytes).unwrap();
        }
        if let Some(old) = &self.old {
            let path = directory.join("out").join(self.output);
            std::fs::write(&path, old).unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(SECRET)).unwrap();
        }
    }

    fn judge(&self, directory: &Path, hit: &Hit, ran: &Ran) -> Result<(), String> {
        if files(&directory.join("in")) != self.inputs {
            return Err("the inputs have changed".into());
        }
        let mut out = files(&directory.join("out"));
        let output = out.remove(self.output);
        let is_new = output.as_ref() == Some(&self.new);
        if !is_new && output != self.old {
            return Err(format!("the output is neither the old one nor the whole new one: {output:?}"));
        }
        if self.old.is_some() {
            let path = directory.join("out").join(self.output);
            let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            if mode != SECRET {
                return Err(format!("the output had the mode {SECRET:o}, and now has {mode:o}"));
            }
        }
        let killed = hit.fault == Fault::Kill;
        match ran.status.code() {
            Some(0) if !is_new => return Err("exit code 0, and the output is not there".into()),
            Some(0) if !killed && ["fsync", "fdatasync"].contains(&hit.call.as_str()) => {
                return Err("exit code 0, and a sync failed".into());
            }
            Some(0..=2) => {}
            None if killed => {}
            code => return Err(format!("exit code {code:?}")),
        }
        let allowed = usize::from(killed || hit.call.starts_with("unlink"));
        let hidden = out.keys().all(|name| name.starts_with(&format!(".{}.aof-", self.output)));
        if out.len() > allowed || !hidden {
            return Err(format!("beside the output there is {:?}", out.keys()));
        }
        Ok(())
    }
}

/// Two logs of one chain, each with a part that the other lacks, and what they make.
fn two_logs() -> (BTreeMap<String, Vec<u8>>, Vec<u8>) {
    let whole = std::fs::read(data("single/small-bodies.aof")).unwrap();
    let ends: Vec<usize> = aof_nostd::Entries::new(&whole, aof_nostd::TigerBeetle::new(aof_std::backend()))
        .map(|located| located.unwrap())
        .map(|located| usize::try_from(located.offset + located.entry.header.size_disk()).unwrap())
        .collect();
    let whole = &whole[..ends[99]];
    let inputs = [("a.aof", &whole[..ends[59]]), ("b.aof", &whole[ends[29]..])];
    let inputs = inputs.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
    (inputs.into_iter().collect(), whole.to_vec())
}

fn merging(flags: &[&str], old: Option<Vec<u8>>) {
    if !has_strace() {
        return;
    }
    let (inputs, new) = two_logs();
    let arguments = |inputs: &Path, output: &Path| {
        let inputs = ["a.aof", "b.aof"].map(|name| inputs.join(name));
        merge(flags, &output.join("whole.aof"), &inputs.each_ref().map(|input| input.as_path()))
    };
    Making { inputs, output: "whole.aof", old, new, arguments: &arguments }.sweep(stride(1));
}

#[test]
fn merge_leaves_no_output_or_the_whole_one_whichever_call_fails() {
    merging(&[], None);
}

#[test]
fn merge_over_an_old_output_leaves_the_old_or_the_whole_new_one_whichever_call_fails() {
    merging(&["--force"], Some(b"precious".to_vec()));
}

/// The first hundred entries of a log that a replica wrote.
fn hundred() -> Vec<u8> {
    two_logs().1
}

fn converting(flags: &[&str], old: Option<Vec<u8>>) {
    if !has_strace() {
        return;
    }
    let words = |profile: &str, flags: &[&str], input: &Path, output: &Path| {
        let mut words: Vec<OsString> = vec!["convert".into(), "--profile".into(), profile.into()];
        words.extend(flags.iter().map(OsString::from));
        words.extend(["--output".into(), output.into(), input.into()]);
        words
    };
    let directory = tempfile::tempdir().unwrap();
    let [input, there, back] = ["in.aof", "there.aof", "back.aof"].map(|name| directory.path().join(name));
    std::fs::write(&input, hundred()).unwrap();
    aof(words("crc", &[], &input, &there)).code(0);
    aof(words("tigerbeetle", &[], &there, &back)).code(0);
    assert!(std::fs::read(back).unwrap() == hundred(), "what the output has to be leads back to the input");
    let new = std::fs::read(there).unwrap();
    let inputs = [("in.aof".to_owned(), hundred())].into();
    let arguments =
        |inputs: &Path, output: &Path| words("crc", flags, &inputs.join("in.aof"), &output.join("crc.aof"));
    Making { inputs, output: "crc.aof", old, new, arguments: &arguments }.sweep(stride(1));
}

#[test]
fn convert_leaves_no_output_or_the_whole_one_whichever_call_fails() {
    converting(&[], None);
}

#[test]
fn convert_over_an_old_output_leaves_the_old_or_the_whole_new_one_whichever_call_fails() {
    converting(&["--force"], Some(b"precious".to_vec()));
}

#[test]
fn repair_leaves_the_log_as_it_was_or_repaired_with_its_tail_kept_whichever_call_fails() {
    if !has_strace() {
        return;
    }
    let whole = hundred();
    let before = [&whole[..], &whole[272..572]].concat(); // an entry of 528 bytes, cut in its body
    let tail = &before[whole.len()..];
    let kept_name = format!("log.aof.torn-at-{}", whole.len());
    let is_kept = |directory: &Path| {
        let kept = files(directory);
        kept.iter().any(|(name, bytes)| name.starts_with(&kept_name) && bytes == tail)
    };
    let program = Program {
        prepare: &|directory| std::fs::write(directory.join("log.aof"), &before).unwrap(),
        command: &|directory, words| {
            let mut command = Command::new(words.first().map_or(AOF, String::as_str));
            command.args(words.iter().skip(1)).args((!words.is_empty()).then_some(AOF));
            command.arg("repair").arg(directory.join("log.aof"));
            command
        },
        begins: "log.aof",
        judge: &|directory, hit, ran| {
            let log = || std::fs::read(directory.join("log.aof")).unwrap();
            let repaired = log() == whole;
            if !repaired && log() != before {
                return Err("the log is neither as it was nor repaired".into());
            }
            if repaired && !is_kept(directory) {
                return Err(format!("the tail was cut and not kept: {:?}", files(directory).keys()));
            }
            let killed = hit.fault == Fault::Kill;
            match ran.status.code() {
                Some(0) if !repaired => return Err("exit code 0, and the tail is there".into()),
                Some(0) if !killed && ["fsync", "fdatasync"].contains(&hit.call.as_str()) => {
                    return Err("exit code 0, and a sync failed".into());
                }
                Some(0..=2) => {}
                None if killed => {}
                code => return Err(format!("exit code {code:?}")),
            }
            let mut names: Vec<_> = files(directory).into_keys().collect();
            names.retain(|name| name != "log.aof" && *name != kept_name);
            let allowed = usize::from(killed || hit.call.starts_with("unlink"));
            if names.len() > allowed || !names.iter().all(|name| name.starts_with('.')) {
                return Err(format!("beside the log there is {names:?}"));
            }
            // The same command does what is left to do.
            let again = aof(["repair".as_ref(), directory.join("log.aof").as_os_str()]);
            if again.status.code() != Some(0) || log() != whole || !is_kept(directory) {
                return Err(format!("a second repair does not end it: {again}"));
            }
            Ok(())
        },
    };
    tell(&program.sweep(stride(1)).to_string());
}

/// A writer that opens a log, cuts its torn tail if it has one, and writes entries with checkpoints.
fn writing(torn: bool, more: u64) {
    if !has_strace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    let writer = |path: &Path| Writer { every: 2, ..Writer::new(path) };
    assert!(Writer { up_to: 5, ..writer(&path) }.run().status.success());
    let mut before = std::fs::read(&path).unwrap();
    let sizes = writer(&path).sizes;
    let end = log::read(&path, &sizes).end;
    if torn {
        before.extend_from_within(..300); // an entry that is cut in its body
    }
    let program = Program {
        prepare: &|directory| std::fs::write(directory.join("log.aof"), &before).unwrap(),
        command: &|directory, words| {
            Writer { up_to: 5 + more, ..writer(&directory.join("log.aof")) }.through(words).command()
        },
        begins: "log.aof",
        judge: &|directory, _hit, ran| {
            let path = directory.join("log.aof");
            let acknowledged = ran.stdout.lines().filter_map(|line| line.strip_prefix("acknowledged "));
            let acknowledged = acknowledged.map(|op| op.parse::<u64>().unwrap()).max().unwrap_or(5);
            let closed = ran.stdout.lines().any(|line| line.starts_with("closed"));
            let found = log::read(&path, &sizes);
            let bytes = std::fs::read(&path).unwrap();
            if found.last_op < acknowledged || (closed && found.last_op != 5 + more) {
                return Err(format!("acknowledged up to op {acknowledged}, and there is {}", found.last_op));
            }
            if ran.status.success() != closed {
                return Err("it ended in order, and the log is not closed".into());
            }
            if ran.stdout.contains("later taken") || ran.stdout.contains("/ taken") {
                return Err("an entry or a checkpoint was taken after a failure".into());
            }
            let kept = std::fs::read(directory.join(format!("log.aof.torn-at-{end}"))).ok();
            if torn && bytes.len() < before.len() && kept.as_deref() != Some(&before[end..]) {
                return Err("the torn tail is gone and was not kept".into());
            }
            // The next writer goes on by itself.
            let writer = Writer { up_to: found.last_op + 1, ..writer(&path) };
            let said = writer.run();
            if !said.has("closed") || log::read(&path, &sizes).last_op != found.last_op + 1 {
                return Err(format!("the next writer cannot go on: {said:?}"));
            }
            Ok(())
        },
    };
    tell(&program.sweep(stride(1)).to_string());
}

#[test]
fn writer_keeps_what_it_acknowledged_whichever_call_fails() {
    writing(false, 6);
}

#[test]
fn torn_tail_is_kept_before_it_is_cut_whichever_call_fails() {
    writing(true, 1);
}
