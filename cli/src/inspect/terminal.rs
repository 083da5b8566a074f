//! The report for a person at a terminal: the verdict first, then what to do, then the map, then each log.

use super::args::Color;
use super::chart::{self, ASCII, Cover, Glyphs, UNICODE};
use super::ranges::Range;
use super::report::{Log, Report};
use super::stats::{self, Tally};
use super::together::held;
use super::verdict::{self, Level, Verdict, name};
use crate::data_checksum;
use crate::failure::shown;
use crate::human;
use crate::survey::Kind;
use crate::verify;
use aof_nostd::Operation;
use aof_nostd::wire::Release;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::Path;

/// What the report is shown on.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Characters in a line.
    pub width: usize,
    /// The characters of charts.
    pub glyphs: Glyphs,
    /// Whether to colour.
    pub color: bool,
}

/// Where there is no terminal.
const WIDTH_DEFAULT: usize = 80;

/// Characters of a fact's name.
const NAME_SIZE: usize = 12;

impl Screen {
    /// Standard output, and what the environment says of it: `COLUMNS`, `NO_COLOR`, the locale.
    #[must_use]
    pub fn of(color: Color) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let columns = variable("COLUMNS").and_then(|value| value.to_str()?.parse::<usize>().ok());
        let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = columns.or_else(terminal).unwrap_or(WIDTH_DEFAULT).clamp(40, 160);
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_string_lossy().to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let dumb = variable("TERM").is_some_and(|term| term == "dumb");
                std::io::stdout().is_terminal() && variable("NO_COLOR").is_none() && !dumb
            }
        };
        Self { width, glyphs: if utf8 || cfg!(windows) { UNICODE } else { ASCII }, color }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn level(&self, level: Level, text: &str) -> String {
        let code = match level {
            Level::Good => "1;32",
            Level::Care => "1;33",
            Level::Bad => "1;31",
        };
        self.paint(code, text)
    }

    fn title(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Adds a text in as many lines as it needs, behind `indent` or what stands in its place in the first line;
    /// a word that is longer than a line is not cut. Each line is painted by itself.
    fn lines(&self, text: &mut String, indent: &str, what: &str, paint: impl Fn(&Self, &str) -> String) {
        for line in wrapped(what, self.width.saturating_sub(indent.len())) {
            let _ = writeln!(text, "{indent}{}", paint(self, &line));
        }
    }

    /// Adds a line that goes on behind `indent` where it is too long.
    fn hanging(&self, text: &mut String, indent: &str, line: &str) {
        let start = line.len() - line.trim_start().len();
        let (first, rest) = line.split_at(start);
        let Some((head, tail)) = split(rest, self.width.saturating_sub(start)) else {
            let _ = writeln!(text, "{line}");
            return;
        };
        let _ = writeln!(text, "{first}{head}");
        self.lines(text, indent, tail, |_, line| line.to_owned());
    }

    /// Adds a fact: its name, and its value beside it, or below it where that is too long for a line.
    fn fact(&self, text: &mut String, name: &str, value: &str) {
        let indent = " ".repeat(2 + NAME_SIZE);
        let longest = pieces(value).iter().map(|word| human::width(word)).max().unwrap_or(0);
        if indent.len() + longest > self.width {
            let _ = writeln!(text, "  {}", self.dim(name));
            return self.lines(text, "    ", value, |_, line| line.to_owned());
        }
        let mut lines = wrapped(value, self.width.saturating_sub(indent.len())).into_iter();
        let name = self.dim(&format!("{name:<NAME_SIZE$}"));
        let _ = writeln!(text, "  {name}{}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "{indent}{line}");
        }
    }

    /// A name in so many characters: its end tells more than its beginning.
    fn short(&self, name: &str, width: usize) -> String {
        if human::width(name) <= width {
            return name.to_owned();
        }
        let fits = |at: &usize| name.get(*at..).is_some_and(|end| human::width(end) < width);
        let from = name.char_indices().map(|(at, _)| at).find(fits).unwrap_or(name.len());
        format!("{}{}", self.glyphs.ellipsis, name.get(from..).unwrap_or_default())
    }
}

/// The whole report.
#[must_use]
pub fn text(report: &Report, html: Option<&Path>, screen: &Screen) -> String {
    let mut text = String::new();
    if report.logs.is_empty() {
        return text; // standard error has told why
    }
    head(&mut text, &report.verdict(), screen);
    map(&mut text, report, screen);
    for log in &report.logs {
        text.push('\n');
        one(&mut text, log, report, screen);
    }
    if let Some(html) = html {
        let _ = writeln!(text, "\nwrote {}", shown(html));
    }
    text
}

fn head(text: &mut String, verdict: &Verdict, screen: &Screen) {
    text.push_str(&screen.level(verdict.level, verdict.word));
    // Wrapped as it is seen, without what colours it.
    let mut head = String::new();
    screen.hanging(&mut head, "  ", &format!("{}: {}", verdict.word, verdict.text));
    text.push_str(head.get(verdict.word.len()..).unwrap_or_default());
    for advice in &verdict.advice {
        screen.lines(text, "  ", advice, |_, line| line.to_owned());
    }
    if let Some(command) = &verdict.command {
        let _ = writeln!(text, "    {}", screen.title(command)); // not wrapped: it is copied
    }
}

/// What stays beside the number before it.
const UNITS: [&str; 13] =
    ["ns", "us", "ms", "s", "min", "h", "day", "days", "byte", "bytes", "KiB", "MiB", "GiB"];

/// The pieces of a text that a line may break between: words, and numbers with their units.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    for word in text.split(' ') {
        let end = at + word.len();
        let unit = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
        match pieces.last_mut() {
            Some((from, to)) if UNITS.contains(&unit) && ends_with_digit(text, *from, *to) => *to = end,
            _ => pieces.push((at, end)),
        }
        at = end + 1;
    }
    pieces.into_iter().filter_map(|(from, to)| text.get(from..to)).collect()
}

fn ends_with_digit(text: &str, from: usize, to: usize) -> bool {
    text.get(from..to).is_some_and(|piece| piece.ends_with(|last: char| last.is_ascii_digit()))
}

/// Lines of up to `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in pieces(text) {
        match lines.last_mut() {
            Some(line) if human::width(line) + 1 + human::width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What of a text goes into a line of `width` characters, and what is left; `None` if all of it goes.
fn split(text: &str, width: usize) -> Option<(&str, &str)> {
    let mut first = wrapped(text, width);
    let first = (first.len() > 1).then(|| first.swap_remove(0))?;
    Some((text.get(..first.len())?, text.get(first.len() + 1..)?))
}

/// Names before a bar take a fourth of the line at most.
const NAME_WIDTH_MAX: usize = 24;

/// Pieces of what logs lack that are told in words; JSON has more.
const LACKS_SHOWN: usize = 12;

fn map(text: &mut String, report: &Report, screen: &Screen) {
    let Some(extent) = report.ops() else { return };
    let names: Vec<_> = report.logs.iter().map(|log| name(&log.survey)).collect();
    let longest = names.iter().map(|name| human::width(name)).max().unwrap_or(0).max("together".len());
    let name_width = longest.min(NAME_WIDTH_MAX).min(screen.width / 3);
    let columns = chart::columns(extent, screen.width.saturating_sub(name_width + 4));
    let each = columns.first().map_or(1, |(first, last)| last - first + 1);
    let glyphs = screen.glyphs;
    let _ = writeln!(text, "\n{}", screen.title(&format!("ops {} to {}", extent.0, extent.1)));
    let legend = format!(
        "a column is {}: {} all there, {} some, {} none; ! fault, < goes back",
        human::counted(each, "op", "ops"),
        glyphs.held,
        glyphs.partly,
        glyphs.lacking
    );
    screen.lines(text, "  ", &legend, Screen::dim);
    let mut row = |name: &str, held: &[Range], places: Vec<Mark>| {
        let mut name = screen.short(name, name_width);
        name.extend(std::iter::repeat_n(' ', name_width.saturating_sub(human::width(&name))));
        let _ = writeln!(text, "  {name}  {}", bar(held, &columns, screen));
        if let Some(marks) = marks(&places, &columns, screen) {
            let _ = writeln!(text, "  {:name_width$}  {marks}", "");
        }
    };
    for (name, log) in names.iter().zip(&report.logs) {
        let findings = log.survey.findings.iter();
        let told = findings.filter(|finding| finding.is_fault() || finding.kind == Kind::Backtrack);
        let marks = told.map(|finding| Mark { near: finding.near, is_fault: finding.is_fault() });
        row(name, &held(&log.survey), marks.collect());
    }
    let together = &report.together;
    if report.logs.len() > 1
        && together.conflict.is_none()
        && let (Some(first), Some(last)) = (together.first_op, together.last_op)
    {
        let forks = together.forks.iter().map(|fork| Mark { near: Some(fork.first_op), is_fault: true });
        row("together", &super::ranges::without((first, last), &together.missing_ops), forks.collect());
    }
    forks(text, report, &names, screen);
    lacks(text, report, &names, screen);
}

fn bar(held: &[Range], columns: &[Range], screen: &Screen) -> String {
    let covers = chart::cover(held, columns);
    let mut text = String::new();
    for run in covers.chunk_by(PartialEq::eq) {
        let Some(cover) = run.first() else { continue };
        let piece: String = run.iter().map(|cover| screen.glyphs.cover(*cover)).collect();
        text.push_str(&match cover {
            Cover::All => screen.paint("32", &piece),
            Cover::Some => screen.paint("33", &piece),
            Cover::None => screen.dim(&piece),
        });
    }
    text
}

/// A place to be marked: a fault, or where a file goes back.
struct Mark {
    /// The op there, or the last one before.
    near: Option<u64>,
    is_fault: bool,
}

/// A line below a bar: where faults are, and where the file goes back.
fn marks(places: &[Mark], columns: &[Range], screen: &Screen) -> Option<String> {
    let mut marks = vec![' '; columns.len()];
    for place in places {
        let Some(near) = place.near.or(columns.first().map(|(first, _)| *first)) else { continue };
        let at = columns.partition_point(|(_, last)| *last < near).min(marks.len().saturating_sub(1));
        if let Some(mark) = marks.get_mut(at) {
            match place.is_fault {
                true => *mark = '!',
                false if *mark == ' ' => *mark = '<',
                false => {}
            }
        }
    }
    let line: String = marks.iter().collect();
    let line = line.trim_end();
    (!line.is_empty())
        .then(|| if line.contains('!') { screen.paint("31", line) } else { screen.paint("33", line) })
}

/// Forks between logs that are told; JSON has more.
const FORKS_SHOWN: usize = 4;

/// Which ops two logs have different entries for, and with which checksums.
fn forks(text: &mut String, report: &Report, names: &[String], screen: &Screen) {
    let together = &report.together;
    for fork in together.forks.iter().take(FORKS_SHOWN) {
        let ops = verdict::ops(&[(fork.first_op, fork.last_op)]);
        let (sums, files) = (&fork.checksums, fork.files);
        let named = |at: usize| names.get(at).map_or("", String::as_str);
        if let Some(forged) = fork.forged_text((named(files.0), named(files.1))) {
            screen.hanging(text, "    ", &format!("  {forged}"));
            continue;
        }
        let mut line = format!("  two histories: {ops}. With op {}", fork.first_op);
        for (at, sum, between) in [(files.0, &sums.0, ""), (files.1, &sums.1, ",")] {
            let name = names.get(at).map_or("", String::as_str);
            let _ = write!(line, "{between} {name} has checksum {sum}");
        }
        screen.hanging(text, "    ", &line);
    }
    let kept = together.forks.len() as u64;
    let more = kept.saturating_sub(FORKS_SHOWN as u64).saturating_add(together.forks_omitted);
    if more > 0 {
        let forks = human::counted(more, "more such range", "more such ranges");
        screen.hanging(text, "    ", &format!("  and {forks} (--json has more)"));
    }
}

/// Who lacks what, and who could fill it.
fn lacks(text: &mut String, report: &Report, names: &[String], screen: &Screen) {
    if report.logs.len() < 2 {
        return;
    }
    let together = &report.together;
    if !together.missing_ops.is_empty() && together.conflict.is_none() {
        let lost = format!("in none of the logs: {}", human::ranges(&together.missing_ops));
        screen.lines(text, "  ", &lost, |screen, line| screen.level(Level::Bad, line));
    }
    let all = names
        .iter()
        .zip(&together.lacks)
        .flat_map(|(name, lacks)| lacks.iter().map(move |lack| (name, lack)))
        .filter(|(_, lack)| !lack.held_by.is_empty());
    for (name, lack) in all.clone().take(LACKS_SHOWN) {
        let holders: Vec<_> =
            lack.held_by.iter().filter_map(|at| names.get(*at).map(String::as_str)).collect();
        let is_in_others = holders.len() > 2 && holders.len() + 1 == names.len();
        let who = if is_in_others { "all others".into() } else { holders.join(", ") };
        let range = human::ranges(&[(lack.first_op, lack.last_op)]);
        screen.hanging(text, "    ", &format!("  {name} lacks {range}: in {who}"));
    }
    let more = (all.count().saturating_sub(LACKS_SHOWN) as u64).saturating_add(together.lacks_omitted);
    if more > 0 {
        let ranges = human::counted(more, "more range", "more ranges");
        let ranges = format!("  and {ranges} that a log lacks and another one may fill (--json has more)");
        screen.hanging(text, "    ", &ranges);
    }
}

/// Findings of a log that are shown; JSON has all that are kept.
const FINDINGS_SHOWN: usize = 20;

/// Rows of a table about a log that are shown; JSON has all.
const ROWS_SHOWN: usize = 8;

fn one(text: &mut String, log: &Log, report: &Report, screen: &Screen) {
    let Log { survey, stats, .. } = log;
    let verdict = verify::verdict(survey);
    let level = Level::of_log(survey);
    let title = name(survey);
    if human::width(&title) + 2 + human::width(&verdict) <= screen.width {
        let _ = writeln!(text, "{}: {}", screen.title(&title), screen.level(level, &verdict));
    } else {
        let _ = writeln!(text, "{}:", screen.title(&title));
        screen.lines(text, "  ", &verdict, |screen, line| screen.level(level, line));
    }
    let mut line = |label: &str, value: &str| screen.fact(text, label, value);
    line("size", &size(survey.bytes));
    let profile = survey.profile.unwrap_or("unknown: there is no entry");
    let cluster = survey.cluster.as_ref().map(|cluster| format!(", cluster {cluster}")).unwrap_or_default();
    line("profile", &format!("{profile}{cluster}"));
    line("entries", &log.entries());
    if let (Some(first), Some(last)) = (survey.first_op, survey.last_op) {
        line("ops", &format!("{first} to {last}, {} of them", human::count(survey.distinct_ops)));
    }
    if !survey.missing_ops.is_empty() {
        line("missing", &human::ranges(&survey.missing_ops));
    }
    if let (Some(first), Some(last)) = (stats.first_timestamp, stats.last_timestamp) {
        line("from", &human::time(first));
        line("to", &format!("{} ({})", human::time(last), human::duration(last - first)));
    }
    if stats.untimed > 0 {
        line("no time", &human::counted(stats.untimed, "entry", "entries"));
    }
    if let Some(back) = verify::times_back(survey) {
        line("time", &back);
    }
    if let Some(last) = &survey.last_checksum {
        line("chain", &format!("last checksum {last}: {}", verify::LAST_CHECKSUM));
        let chain = data_checksum::shown(&survey.data_checksum_chain, survey.replayed_entries);
        line("data", &format!("data checksum chain {chain}"));
    }
    rate(text, log, report, screen);
    sizes(text, log, screen);
    operations(text, &stats.operations, screen);
    spans(text, log, screen);
    let mut findings = String::new();
    verify::findings_text(&mut findings, survey, FINDINGS_SHOWN);
    for finding in findings.lines() {
        screen.hanging(text, "    ", finding);
    }
}

/// A size, and the bytes where these are something else.
fn size(bytes: u64) -> String {
    if bytes < 1024 { human::size(bytes) } else { format!("{} ({bytes} bytes)", human::size(bytes)) }
}

fn rate(text: &mut String, log: &Log, report: &Report, screen: &Screen) {
    let Some((from, to)) = report.times().filter(|_| log.stats.first_timestamp.is_some()) else { return };
    let width = screen.width.saturating_sub(14).min(64);
    let Some(chart) = report.time_columns(width) else { return };
    let columns = log.stats.rate.columns(&chart);
    let entries: Vec<_> = columns.iter().map(|column| column.entries).collect();
    let most = entries.iter().copied().max().unwrap_or(0);
    let label = screen.dim(&format!("{:<NAME_SIZE$}", "rate"));
    let _ = writeln!(text, "  {label}{}", screen.paint("36", &screen.glyphs.sparkline(&entries)));
    let entries = |count| human::counted(count, "entry", "entries");
    let most = if to == from { format!("{} at one time", entries(most)) } else { chart.peak(most, entries) };
    let note = format!("{most}; all logs on one time axis");
    let note = if report.logs.len() > 1 { note.as_str() } else { note.split(';').next().unwrap_or(&note) };
    screen.lines(text, &" ".repeat(2 + NAME_SIZE), note, Screen::dim);
}

fn sizes(text: &mut String, log: &Log, screen: &Screen) {
    let (Some(min), Some(max)) = (log.stats.body_size_min, log.stats.body_size_max) else { return };
    screen.fact(text, "bodies", &format!("{} to {}", human::size(min), human::size(max)));
    let classes: Vec<_> = log.stats.sizes.iter().enumerate().filter(|(_, tally)| tally.entries > 0).collect();
    let most = classes.iter().map(|(_, tally)| tally.entries).max().unwrap_or(0);
    for (class, tally) in &classes {
        let (from, to) = stats::class_sizes(*class);
        let range =
            if from == to { from.to_string() } else { format!("{}-{}", compact(from), compact(to + 1)) };
        let bar_width = screen.width.saturating_sub(40).clamp(4, 32);
        let bar = screen.glyphs.bar(tally.entries, most, bar_width);
        let bar = screen.paint("36", &format!("{bar:<bar_width$}"));
        let _ = writeln!(text, "    {range:>14}  {bar} {}", human::count(tally.entries));
    }
}

/// A power of two in few characters: `256`, `4K`, `1M`.
fn compact(bytes: u64) -> String {
    match bytes {
        0..1024 => bytes.to_string(),
        1024..1_048_576 => format!("{}K", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{}M", bytes >> 20),
        _ => format!("{}G", bytes >> 30),
    }
}

/// An operation's name, or its number where it has none.
#[must_use]
pub fn operation_name(number: u8) -> String {
    Operation(number).name().map_or_else(|| format!("operation {number}"), str::to_owned)
}

/// Characters of an operation and its numbers on one line.
const OPERATION_SIZE: usize = 63;

fn operations(text: &mut String, tallies: &[Tally], screen: &Screen) {
    let mut there: Vec<_> = (0..=u8::MAX).zip(tallies).filter(|(_, tally)| tally.entries > 0).collect();
    if there.is_empty() {
        return;
    }
    there.sort_by_key(|(number, tally)| (std::cmp::Reverse(tally.entries), *number));
    let _ = writeln!(text, "  {}", screen.dim("operations"));
    for (number, tally) in there.iter().take(ROWS_SHOWN) {
        let name = operation_name(*number);
        let (entries, bytes) = (human::count(tally.entries), human::size(tally.bytes));
        let _ = match screen.width {
            ..OPERATION_SIZE => write!(text, "    {name}\n      {entries:>12}  {bytes:>12}\n"),
            _ => writeln!(text, "    {name:<32} {entries:>12}  {bytes:>12}"),
        };
    }
    if let Some(more) = omitted(there.len(), 0) {
        screen.lines(text, "    ", &more, Screen::dim);
    }
}

/// What is left out: names beyond those shown, and entries whose names were not counted one by one.
fn omitted(named: usize, others: u64) -> Option<String> {
    let more = human::count(named.saturating_sub(ROWS_SHOWN) as u64);
    let entries = human::counted(others, "entry", "entries");
    match (named > ROWS_SHOWN, others > 0) {
        (false, _) => None,
        (true, false) => Some(format!("and {more} more (--json has them)")),
        (true, true) => Some(format!("and {more} more (--json has them), and {entries} of further ones")),
    }
}

fn spans(text: &mut String, log: &Log, screen: &Screen) {
    let stats = &log.stats;
    let views = stats.views.by_op();
    if !views.is_empty() {
        let _ = writeln!(text, "  {}", screen.dim("views"));
    }
    for (view, span) in views.iter().take(ROWS_SHOWN) {
        let ops = format!("ops {} to {}", span.first_op, span.last_op);
        let since = match span.first_timestamp {
            0 => String::new(),
            time => format!(", from {}", human::time_short(time)),
        };
        let line = format!("    {view:<6} {ops}, by replica {}{since}", span.replica);
        screen.hanging(text, &" ".repeat(11), &line);
    }
    if let Some(more) = omitted(views.len(), stats.views.others().entries) {
        screen.lines(text, "    ", &more, Screen::dim);
    }
    let mut line = |label: &str, value: String| screen.fact(text, label, &value);
    let releases = stats.releases.by_op();
    let named: Vec<_> =
        releases.iter().take(ROWS_SHOWN).map(|(release, _)| Release(*release).to_string()).collect();
    if !named.is_empty() {
        let more = omitted(releases.len(), stats.releases.others().entries);
        let more = more.map(|more| format!(" {more}")).unwrap_or_default();
        line("releases", named.join(", ") + &more);
    }
    let clients = stats.clients.by_entries();
    let real = clients.iter().filter(|(client, _)| *client != 0).count() as u64;
    if !clients.is_empty() {
        let others = stats.clients.others().entries;
        let at_least = if others > 0 { "more than " } else { "" };
        line("clients", format!("{at_least}{}", human::counted(real, "client", "clients")));
    }
}
