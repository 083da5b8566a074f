//! `append-async FILE PROFILE [COUNT]`: recovers a log of the host (an empty file is one), appends COUNT samples
//! to it, with checkpoints, and meanwhile verifies it, up to what is durable. Without COUNT it appends until the
//! power goes, and tells:
//!
//! ```text
//! recovering            nothing is known yet
//! appending 17          recovered up to op 17 (0: none); entries go to the log from now on
//! checkpoint 25         a checkpoint covers everything up to op 25
//! ```

#![no_std]
#![no_main]

use aof_firmware_embassy::{Failure as LogFailure, TRANSFERS, WaitedFile, log_samples, start_timer};
use aof_firmware_kit::{Arguments, Failure, HostFile, Report, Sample, log};
use aof_nostd::{AnyProfile, Damage, Header, Op, ReadError, Reader, TailError};
use core::fmt::Display;
use embassy_executor::Executor;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use semihosting::println;
use static_cell::StaticCell;

aof_firmware_kit::program!(append);

static EXECUTOR: StaticCell<Executor> = StaticCell::new();

/// What is to be logged.
static SAMPLES: Channel<CriticalSectionRawMutex, Sample, 4> = Channel::new();

/// The last op that was recovered.
static RECOVERED: Signal<CriticalSectionRawMutex, u64> = Signal::new();

/// What is durable by now.
static DURABLE: Signal<CriticalSectionRawMutex, Durable> = Signal::new();

/// The log up to here is durable.
#[derive(Clone, Copy)]
struct Durable {
    /// Entries written since it was recovered.
    new: u64,
    end: u64,
}

fn append(arguments: &Arguments) -> Result<Report, Failure> {
    let path = arguments.next("FILE")?;
    let profile = arguments.profile()?;
    let count = arguments.number_or("COUNT", 0)?;
    let count = (count > 0).then_some(count);
    if count.is_none() {
        println!("recovering");
    }
    let [writing, reading] = &TRANSFERS;
    let written = WaitedFile::new(HostFile::update(path)?, writing);
    let read = WaitedFile::new(HostFile::open(path)?, reading);
    let mut peripherals =
        cortex_m::Peripherals::take().ok_or(Failure::Promise("the peripherals are taken"))?;
    start_timer(&mut peripherals.SYST);
    let busy = |_| Failure::Promise("a task runs that was never started");
    let tasks = (
        produce(count).map_err(busy)?,
        write(written, profile, count.is_none()).map_err(busy)?,
        verify(read, profile, count).map_err(busy)?,
    );
    EXECUTOR.init(Executor::new()).run(|spawner| {
        spawner.spawn(tasks.0);
        spawner.spawn(tasks.1);
        spawner.spawn(tasks.2);
    })
}

/// Makes samples, `count` or without end.
#[embassy_executor::task]
async fn produce(count: Option<u64>) {
    let last = RECOVERED.wait().await;
    let mut op = last;
    while count.is_none_or(|count| op - last < count) {
        op += 1;
        SAMPLES.send(Sample::of(op)).await;
    }
}

/// Logs them.
#[embassy_executor::task]
async fn write(file: WaitedFile, profile: AnyProfile, tells: bool) {
    let recovered = core::cell::Cell::new(None);
    let durable = |last: Option<&Header>, end: u64| {
        let op = last.map_or(0, |header| header.op().0);
        let first = recovered.get().unwrap_or(op);
        if recovered.replace(Some(first)).is_none() {
            log::recovered(Op(op), end, 0);
            RECOVERED.signal(op);
            if tells {
                println!("appending {op}");
            }
        } else if tells {
            println!("checkpoint {op}");
        }
        DURABLE.signal(Durable { new: op - first, end });
    };
    let mut buffer = [0; 1024];
    let Err(failure) = log_samples(file, &mut buffer, profile, SAMPLES.receiver(), durable).await;
    if let LogFailure::Recover(TailError::Middle { damage, next, .. }) = &failure {
        log::damage(damage, *next);
    }
    fail(&failure)
}

/// Verifies the log as far as it is durable, again and again; after `count` new entries it prints its report.
#[embassy_executor::task]
async fn verify(file: WaitedFile, profile: AnyProfile, count: Option<u64>) {
    match survey(file, profile, count).await {
        Ok(report) => {
            semihosting::print!("{report}");
            semihosting::process::exit(0)
        }
        Err(failure) => fail(&failure),
    }
}

async fn survey(file: WaitedFile, profile: AnyProfile, count: Option<u64>) -> Result<Report, Failure> {
    let mut durable = DURABLE.wait().await;
    let mut report = Report::new(&profile);
    let mut buffer = [0; 512];
    let mut reader = Reader::new_async(file, &mut buffer, profile).await?;
    loop {
        reader.set_end(durable.end);
        report.set_bytes(durable.end);
        loop {
            match reader.next_streamed_async(|_piece| {}).await {
                Ok(Some(located)) => report.located(&located)?,
                Ok(None) => break,
                // It was recovered, or written since: nothing in it may be damaged.
                Err(ReadError::Damage(damage)) => return Err(damaged(damage)),
                Err(error) => return Err(error.into()),
            }
        }
        if count.is_some_and(|count| durable.new >= count) {
            return Ok(report);
        }
        durable = DURABLE.wait().await;
    }
}

fn damaged(damage: Damage) -> Failure {
    Failure::NotRecovered(ReadError::Damage(damage))
}

fn fail(failure: &impl Display) -> ! {
    semihosting::eprintln!("{failure}");
    semihosting::process::exit(1)
}
