//! `aof follow`: entries as they are written, one a line.
//!
//! ```text
//! watch --> look: print all that is new --> wait for a ring, or a while --> look ...
//! ```
//!
//! What is new, and when a torn tail is damage, [`aof_std::follow`] decides; [`bell`] is what it waits for,
//! [`watch`] what rings it.

pub mod args;
pub mod bell;
pub mod watch;

use crate::exit::Exit;
use crate::failure::{Failure, shown};
use crate::line::{Lines, Style};
use crate::looks_like::is_device;
use crate::output::{self, Stdout};
use crate::shell;
use crate::survey::neighbour::Neighbour;
use crate::survey::{Finding, ZerosAre};
use aof_nostd::checksum::Magic;
use aof_nostd::{AnyProfile, Damage, DamageKind, ForeignMagic, Profile};
use aof_std::follow::{Follower, News, Wait};
use args::FollowArgs;
use bell::Bell;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};
use watch::Watch;

/// An unfinished entry is told of after so long: one that is being written is whole by then.
const TELL_AFTER: Duration = Duration::from_secs(1);

/// Runs the command.
///
/// # Errors
///
/// [`Failure::Read`], [`Failure::Usage`] or [`Failure::Stdout`].
pub fn run(args: &FollowArgs) -> Result<Exit, Failure> {
    check(&args.file)?;
    let bell = Bell::new();
    let mut watch = Watch::new(&args.file, bell.ringer());
    let mut follower =
        Follower::new(&args.file).start(args.start()).message_size_max(args.limits.message_size_max);
    let mut printer = Printer::new(args);
    loop {
        let now = Instant::now();
        let wait = follower.poll(now, |news| printer.take(news));
        printer.flush()?;
        if output::stopped() {
            return Ok(Exit::Interrupted);
        }
        let wait = wait.map_err(|error| Failure::read(&args.file, error))?;
        if std::mem::take(&mut printer.opened) {
            watch.file(follower.handle().and_then(|handle| handle.as_file()));
            continue; // what was written before the watch was there did not ring
        }
        let mut at_most = args.poll();
        if let Some(again) = printer.wait(wait, now) {
            at_most = at_most.min(again.saturating_duration_since(now));
        }
        bell.wait(at_most);
        if output::stopped() {
            return Ok(Exit::Interrupted);
        }
        if bell.is_closed() {
            return Ok(Exit::Sound);
        }
    }
}

/// Refuses what will never be a log that grows.
fn check(file: &Path) -> Result<(), Failure> {
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(Failure::read(file, io::ErrorKind::IsADirectory.into())),
        Ok(metadata) if !metadata.is_file() => Err(Failure::Usage(format!(
            "{} is no file, and only files grow: to print what is on a device now, aof debug --all {}",
            shown(file),
            shell::argument(file)
        ))),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
            match directory.map(Path::metadata) {
                Some(Err(_)) => Err(Failure::read(file, error)), // it will hardly appear there
                _ => Ok(()),
            }
        }
        Err(error) => Err(Failure::read(file, error)),
    }
}

/// Prints what is new, and says what is worth knowing beside it.
struct Printer<'a> {
    file: &'a Path,
    lines: Lines,
    stdout: Stdout,
    failure: Option<Failure>,
    /// There is a file to be watched that was not there before.
    opened: bool,
    /// It was said that there is none.
    missing: bool,
    /// What is not whole, since when nothing of it has changed, and whether that was said.
    unfinished: Option<(Damage, Instant, bool)>,
    /// That of the last entry: it names the profile.
    magic: Option<Magic>,
    /// The last entry.
    last: Option<Neighbour>,
}

/// Bytes of lines that are written at a time.
const LINES_SIZE: usize = 32 << 10;

impl<'a> Printer<'a> {
    fn new(args: &'a FollowArgs) -> Self {
        let style = if args.json { Style::Json } else { Style::Text };
        Self {
            file: &args.file,
            lines: Lines::new(style, Vec::new()),
            stdout: output::stdout(),
            failure: None,
            opened: false,
            missing: false,
            unfinished: None,
            magic: None,
            last: None,
        }
    }

    fn take(&mut self, news: News<'_>) -> ControlFlow<()> {
        match news {
            News::Entry(located, relation) => {
                let header = &located.entry.header;
                self.profile(located.entry.magic);
                let neighbour = Neighbour::of(&located);
                let before = self.last.replace(neighbour);
                if let Some(finding) = neighbour.finding(relation, before.as_ref()) {
                    self.lines.finding(&finding);
                }
                self.lines.entry(located.offset, header);
            }
            News::Damage(damage, until) => self.lines.finding(&Finding::damage(damage, until)),
            News::Zeros(from, until) => {
                self.lines.finding(&Finding::zeros(from, until, ZerosAre::of(until, is_device(self.file))));
            }
            other => self.tell(other),
        }
        if self.lines.bytes.len() >= LINES_SIZE
            && let Err(failure) = self.write()
        {
            self.failure = Some(failure);
        }
        if self.failure.is_some() || output::stopped() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Says that the profile is another one: no checksum is as it was, and the chain does not go on.
    fn profile(&mut self, magic: Magic) {
        let Some(before) = self.magic.replace(magic).filter(|before| *before != magic) else { return };
        let name = |magic| {
            AnyProfile::from_magic(magic, aof_std::backend()).map_or("unknown", |profile| profile.name())
        };
        self.failure = self.flush().err();
        output::note(&format!(
            "{}: its entries are of the profile {}, and those before of {}: this is another log, and no entry of it \
             is linked to one before",
            shown(self.file),
            name(&magic),
            name(&before)
        ));
    }

    /// What happens to the file is told on standard error, behind the lines of what was read before.
    fn tell(&mut self, news: News<'_>) {
        let file = shown(self.file);
        let text = match news {
            News::Opened => {
                self.opened = true;
                if !self.missing {
                    return;
                }
                format!("{file} is there now: following it from its beginning")
            }
            News::Moved => format!(
                "{file} was moved away, or deleted: it is read on until another file is begun in its place"
            ),
            News::Rotated => {
                self.opened = true;
                format!("{file} is another file now: the one before was read to its end, going on at byte 0")
            }
            News::Shortened { from, to } => format!(
                "{file} was cut, or written anew: what was read up to byte {from} is there no more, going on at byte {to}"
            ),
            _ => return,
        };
        self.failure = self.flush().err();
        output::note(&text);
    }

    /// Says what is waited for, once, if it takes long. Gives when to look again at the latest.
    fn wait(&mut self, wait: Wait, now: Instant) -> Option<Instant> {
        let (damage, until) = match wait {
            Wait::More { unfinished: Some(damage), until } => (damage, until),
            Wait::More { until, .. } => {
                self.unfinished = None;
                return until;
            }
            Wait::Missing => {
                if !std::mem::replace(&mut self.missing, true) {
                    output::note(&format!("{} is not there yet: waiting for it", shown(self.file)));
                }
                return None;
            }
            _ => return None,
        };
        let known = self.unfinished.filter(|(known, ..)| *known == damage);
        let (_, since, mut said) = known.unwrap_or((damage, now, false));
        let tell_at = since + TELL_AFTER;
        if !said && now >= tell_at {
            output::note(&self.unfinished_text(damage));
            said = true;
        }
        self.unfinished = Some((damage, since, said));
        match until {
            None => (!said).then_some(tell_at),
            Some(until) if said => Some(until),
            Some(until) => Some(until.min(tell_at)),
        }
    }

    fn unfinished_text(&self, damage: Damage) -> String {
        let what = match damage.kind {
            // It will never be whole: a file is of one profile.
            DamageKind::Magic(ForeignMagic::OtherProfile) => {
                "Something of that profile was written behind a log of the other: not read, waiting for an entry of the \
                 log's own profile, or for a new file"
            }
            _ => "It is on its way, or is what a crash left, or is damaged: waiting for what comes behind it",
        };
        format!("{}: {damage}. {what}", shown(self.file))
    }

    fn write(&mut self) -> Result<(), Failure> {
        let result = output::write(&mut self.stdout, &self.lines.bytes);
        self.lines.bytes.clear();
        result
    }

    /// Lets whoever reads see all lines.
    fn flush(&mut self) -> Result<(), Failure> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        self.write()?;
        io::Write::flush(&mut self.stdout).map_err(Failure::Stdout)
    }
}
