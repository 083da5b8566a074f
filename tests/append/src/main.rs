//! Appends a second, and bytes a second, through `aof-std` and beside it, on one disk in one run.
//!
//! ```text
//! append DIRECTORY [SECONDS [ROUNDS]]          all of it, as a table
//! append one WRITER BODY EVERY THREADS SECONDS DIRECTORY     one of it, for strace or perf; walrus wants
//!                      WALRUS_QUIET=1 and WALRUS_DATA_DIR=DIRECTORY/append-bench/walrus then
//! append turns WRITER WRITER.. BODY EVERY THREADS SECONDS DIRECTORY      several, in turns of 50 ms
//! ```
//!
//! Each figure is a process of its own on files of its own, which it removes; the writers take turns, and the
//! median of the rounds counts. An entry has 272 bytes and the body; the other logs get the same bytes as their
//! payload. *Every* is the number of entries that one sync makes durable: a writer waits for each sync before it
//! goes on. With several threads each waits for its own entries.
//!
//! On a disk that others use too, or whose speed changes from one second to the next, *turns* tell more: all
//! writers are open at once, what disturbs one disturbs the next, and the ratio to the first is what counts. Printed
//! are appends a second, and the median over the turns of the ratio.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may stop at a surprise")]

mod writers;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use writers::{Shared, Writer};

/// Bytes that one measurement writes at most: less than what some of them reserve.
const BYTES_MAX: u64 = 160 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["one", writer, body, every, threads, seconds, directory] => {
            let case = Case {
                writer,
                body: body.parse().unwrap(),
                every: every.parse().unwrap(),
                threads: threads.parse().unwrap(),
            };
            let rate =
                measure(&case, Duration::from_secs_f64(seconds.parse().unwrap()), Path::new(directory));
            println!("{rate}");
        }
        ["turns", ref writers @ .., body, every, threads, seconds, directory] => {
            let case = Case {
                writer: "",
                body: body.parse().unwrap(),
                every: every.parse().unwrap(),
                threads: threads.parse().unwrap(),
            };
            let time = Duration::from_secs_f64(seconds.parse().unwrap());
            for line in turns(writers, &case, time, Path::new(directory)) {
                println!("{line}");
            }
        }
        [directory] => table(directory, 1.0, 3),
        [directory, seconds] => table(directory, seconds.parse().unwrap(), 3),
        [directory, seconds, rounds] => table(directory, seconds.parse().unwrap(), rounds.parse().unwrap()),
        _ => println!("append DIRECTORY [SECONDS [ROUNDS]]"),
    }
}

/// What is measured.
#[derive(Clone, Copy)]
struct Case<'a> {
    writer: &'a str,
    body: usize,
    every: u64,
    threads: usize,
}

fn table(directory: &str, seconds: f64, rounds: usize) {
    println!("one thread; appends a second (MB a second)\n");
    println!("| body | sync after | {} |", writers::ONE.join(" | "));
    println!("|---|---|{}", "---|".repeat(writers::ONE.len()));
    for body in [0, 256, 4096, 65_536] {
        for every in [1, 32, 1024] {
            let case = |writer| Case { writer, body, every, threads: 1 };
            let rates = medians(&writers::ONE.map(case), seconds, rounds, directory);
            println!("| {body} | {every} | {} |", shown(&rates, body));
        }
    }
    println!(
        "\nseveral threads, each entry durable before its thread goes on; appends a second (MB a second)\n"
    );
    println!("| body | threads | {} |", writers::MANY.join(" | "));
    println!("|---|---|{}", "---|".repeat(writers::MANY.len()));
    for body in [256, 4096] {
        for threads in [1, 4, 16] {
            let case = |writer| Case { writer, body, every: 1, threads };
            let rates = medians(&writers::MANY.map(case), seconds, rounds, directory);
            println!("| {body} | {threads} | {} |", shown(&rates, body));
        }
    }
}

fn shown(rates: &[f64], body: usize) -> String {
    let cell = |rate: &f64| format!("{rate:.0} ({:.1})", rate * (272 + body) as f64 / 1e6);
    rates.iter().map(cell).collect::<Vec<_>>().join(" | ")
}

/// The median of each case's rates; the cases take turns.
fn medians(cases: &[Case<'_>], seconds: f64, rounds: usize, directory: &str) -> Vec<f64> {
    let mut rates = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for (case, rates) in cases.iter().zip(&mut rates) {
            rates.push(measure_apart(case, seconds, directory));
        }
    }
    rates.into_iter().map(median).collect()
}

/// Measures in a process of its own.
fn measure_apart(case: &Case<'_>, seconds: f64, directory: &str) -> f64 {
    let arguments =
        [case.writer.to_owned(), case.body.to_string(), case.every.to_string(), case.threads.to_string()];
    let output = Command::new(std::env::current_exe().unwrap())
        .arg("one")
        .args(arguments)
        .args([&seconds.to_string(), directory])
        // Walrus takes these from its environment.
        .env("WALRUS_DATA_DIR", Path::new(directory).join("append-bench/walrus"))
        .env("WALRUS_QUIET", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().last().and_then(|line| line.parse().ok()) {
        Some(rate) => rate,
        None => panic!("{}: {text}{}", case.writer, String::from_utf8_lossy(&output.stderr)),
    }
}

/// A writer of one thread, or one that threads share.
enum Open {
    One(Writer),
    Many(Shared),
}

impl Open {
    /// Appends for `time`, and gives how many were appended a second.
    fn append(&mut self, entry: &[u8], case: &Case<'_>, time: Duration) -> f64 {
        let begin = Instant::now();
        let count = match self {
            Self::One(writer) => {
                let mut count = 0;
                while begin.elapsed() < time {
                    writer.append(entry, case.every);
                    count += case.every;
                }
                count
            }
            Self::Many(writer) => append_shared(writer, entry, case.threads, time),
        };
        count as f64 / begin.elapsed().as_secs_f64()
    }
}

/// A turn of one writer.
const TURN: Duration = Duration::from_millis(50);

/// Lets writers take turns for `time`. A line for each: appends a second, and the ratio to the first.
fn turns(writers: &[&str], case: &Case<'_>, time: Duration, directory: &Path) -> Vec<String> {
    let directory = directory.join("append-bench");
    let _ = std::fs::remove_dir_all(&directory);
    let open = |name: &&str| {
        let directory = directory.join(name);
        std::fs::create_dir_all(&directory).unwrap();
        match Writer::open(name, &directory) {
            Some(writer) => Open::One(writer),
            None => Open::Many(Shared::open(name, &directory).unwrap()),
        }
    };
    let mut open: Vec<Open> = writers.iter().map(open).collect();
    let entry = entry_of(case.body);
    let mut rates = vec![Vec::new(); open.len()];
    let begin = Instant::now();
    while begin.elapsed() < time {
        for (writer, rates) in open.iter_mut().zip(&mut rates) {
            rates.push(writer.append(&entry, case, TURN));
        }
    }
    let lines = writers.iter().zip(&rates).map(|(name, of)| {
        let ratios = of.iter().zip(&rates[0]).map(|(rate, first)| rate / first).collect();
        format!("{name}: {:.0}, ratio {:.2}", of.iter().sum::<f64>() / of.len() as f64, median(ratios))
    });
    let lines = lines.collect();
    drop(open);
    let _ = std::fs::remove_dir_all(&directory);
    lines
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// As many bytes as an entry with such a body has.
fn entry_of(body: usize) -> Vec<u8> {
    (0..272 + body).map(|at| at.to_le_bytes()[0] | 1).collect()
}

/// Lets `threads` append for `time`.
fn append_shared(writer: &Shared, entry: &[u8], threads: usize, time: Duration) -> u64 {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let run = || {
            let mut count = 0_u64;
            while begin.elapsed() < time {
                writer.append(entry);
                count += 1;
            }
            count
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
    })
}

/// Appends a second.
fn measure(case: &Case<'_>, time: Duration, directory: &Path) -> f64 {
    let directory = directory.join("append-bench");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    let entry = entry_of(case.body);
    let rate = if let Some(mut writer) = Writer::open(case.writer, &directory) {
        let mut count = 0;
        let most = BYTES_MAX / entry.len() as u64;
        let begin = Instant::now();
        while begin.elapsed() < time && count < most {
            writer.append(&entry, case.every);
            count += case.every;
        }
        count as f64 / begin.elapsed().as_secs_f64()
    } else {
        let writer = Shared::open(case.writer, &directory).unwrap();
        let begin = Instant::now();
        append_shared(&writer, &entry, case.threads, time) as f64 / begin.elapsed().as_secs_f64()
    };
    let _ = std::fs::remove_dir_all(&directory);
    rate
}
