//! The report for a person at a terminal: the verdict first, then what to do, then the map, then each log.

use super::args::Color;
use super::chart::{self, ASCII, Cover, Glyphs, UNICODE};
use super::ranges::Range;
use super::report::{Log, Report};
use super::stats::{self, Tally};
use super::together::held;
use super::verdict::{Level, Verdict, name};
use crate::failure::shown;
use crate::human;
use crate::survey::Finding;
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

    /// A name in so many characters: its end tells more than its beginning.
    fn short(&self, name: &str, width: usize) -> String {
        let count = name.chars().count();
        if count <= width {
            return name.to_owned();
        }
        let end = name.chars().skip(count - width.saturating_sub(1));
        std::iter::once(self.glyphs.ellipsis).chain(end).collect()
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
    let word = screen.level(verdict.level, verdict.word);
    let _ = writeln!(text, "{word}: {}", verdict.text);
    for advice in &verdict.advice {
        for line in wrapped(advice, screen.width.saturating_sub(2)) {
            let _ = writeln!(text, "  {line}");
        }
    }
    if let Some(command) = &verdict.command {
        let _ = writeln!(text, "    {}", screen.title(command)); // not wrapped: it is copied
    }
}

/// Lines of up to `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Names before a bar take a fourth of the line at most.
const NAME_WIDTH_MAX: usize = 24;

/// Pieces of what logs lack that are told in words; JSON has more.
const LACKS_SHOWN: usize = 12;

fn map(text: &mut String, report: &Report, screen: &Screen) {
    let Some(extent) = report.ops() else { return };
    let names: Vec<_> = report.logs.iter().map(|log| name(&log.survey)).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("together".len());
    let name_width = longest.min(NAME_WIDTH_MAX).min(screen.width / 3);
    let columns = chart::columns(extent, screen.width.saturating_sub(name_width + 4));
    let each = columns.first().map_or(1, |(first, last)| last - first + 1);
    let glyphs = screen.glyphs;
    let _ = writeln!(text, "\n{}", screen.title(&format!("ops {} to {}", extent.0, extent.1)));
    let legend = format!(
        "  a column is {}: {} all there, {} some, {} none; ! fault, < goes back",
        human::counted(each, "op", "ops"),
        glyphs.held,
        glyphs.partly,
        glyphs.lacking
    );
    for line in wrapped(&legend, screen.width) {
        let _ = writeln!(text, "{}", screen.dim(&line));
    }
    let mut row = |name: &str, held: &[Range], findings: &[Finding]| {
        let name = format!("{:<name_width$}", screen.short(name, name_width));
        let _ = writeln!(text, "  {name}  {}", bar(held, &columns, screen));
        if let Some(marks) = marks(findings, &columns, screen) {
            let _ = writeln!(text, "  {:name_width$}  {marks}", "");
        }
    };
    for (name, log) in names.iter().zip(&report.logs) {
        row(name, &held(&log.survey), &log.survey.findings);
    }
    let together = &report.together;
    if report.logs.len() > 1
        && together.conflict.is_none()
        && let (Some(first), Some(last)) = (together.first_op, together.last_op)
    {
        row("together", &super::ranges::without((first, last), &together.missing_ops), &[]);
    }
    lacks(text, report, &names);
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

/// A line below a bar: where faults are, and where the file goes back.
fn marks(findings: &[Finding], columns: &[Range], screen: &Screen) -> Option<String> {
    let mut marks = vec![' '; columns.len()];
    for finding in findings.iter().filter(|finding| finding.is_fault() || finding.kind == "backtrack") {
        let Some(near) = finding.near.or(columns.first().map(|(first, _)| *first)) else { continue };
        let at = columns.partition_point(|(_, last)| *last < near).min(marks.len().saturating_sub(1));
        if let Some(mark) = marks.get_mut(at) {
            match finding.is_fault() {
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

/// Who lacks what, and who could fill it.
fn lacks(text: &mut String, report: &Report, names: &[String]) {
    if report.logs.len() < 2 {
        return;
    }
    let together = &report.together;
    let all = names
        .iter()
        .zip(&together.lacks)
        .flat_map(|(name, lacks)| lacks.iter().map(move |lack| (name, lack)));
    for (name, lack) in all.clone().take(LACKS_SHOWN) {
        let holders: Vec<_> =
            lack.held_by.iter().filter_map(|at| names.get(*at).map(String::as_str)).collect();
        let who = if holders.is_empty() {
            "nobody has them".into()
        } else {
            format!(
                "in \
                                     {}",
                holders.join(", ")
            )
        };
        let _ = writeln!(text, "  {name} lacks {}: {who}", human::ranges(&[(lack.first_op, lack.last_op)]));
    }
    let more = (all.count().saturating_sub(LACKS_SHOWN) as u64).saturating_add(together.lacks_omitted);
    if more > 0 {
        let _ = writeln!(
            text,
            "  and {} (--json has more)",
            human::counted(more, "more such range", "more such ranges")
        );
    }
}

/// Findings of a log that are shown; JSON has all that are kept.
const FINDINGS_SHOWN: usize = 20;

/// Rows of a table about a log that are shown; JSON has all.
const ROWS_SHOWN: usize = 8;

fn one(text: &mut String, log: &Log, report: &Report, screen: &Screen) {
    let Log { survey, stats } = log;
    let verdict = verify::verdict(survey);
    let level = match (survey.sound, survey.missing_ops.is_empty()) {
        (false, _) => Level::Bad,
        (true, false) => Level::Care,
        (true, true) => Level::Good,
    };
    let _ = writeln!(text, "{}: {}", screen.title(&name(survey)), screen.level(level, &verdict));
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "  {}{value}", screen.dim(&format!("{label:<12}")));
    };
    line("size", &size(survey.bytes));
    let profile = survey.profile.unwrap_or("unknown: there is no entry");
    let cluster = survey.cluster.as_ref().map(|cluster| format!(", cluster {cluster}")).unwrap_or_default();
    line("profile", &format!("{profile}{cluster}"));
    let repeated = survey.entries.saturating_sub(survey.distinct_ops);
    let again =
        if repeated > 0 { format!(", {} of them repeated", human::count(repeated)) } else { String::new() };
    line("entries", &format!("{}{again}", human::count(survey.entries)));
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
        line("without time", &human::counted(stats.untimed, "entry", "entries"));
    }
    rate(text, log, report, screen);
    sizes(text, log, screen);
    operations(text, &stats.operations, screen);
    spans(text, log, screen);
    verify::findings_text(text, survey, FINDINGS_SHOWN);
}

/// A size, and the bytes where these are something else.
fn size(bytes: u64) -> String {
    if bytes < 1024 { human::size(bytes) } else { format!("{} ({bytes} bytes)", human::size(bytes)) }
}

fn rate(text: &mut String, log: &Log, report: &Report, screen: &Screen) {
    let Some((from, to)) = report.times().filter(|_| log.stats.first_timestamp.is_some()) else { return };
    let width = screen.width.saturating_sub(14).min(64);
    let columns = log.stats.rate.columns(from, to, width);
    let entries: Vec<_> = columns.iter().map(|column| column.entries).collect();
    let most = entries.iter().copied().max().unwrap_or(0);
    let each = human::duration((to - from) / width as u64);
    let label = screen.dim(&format!("{:<12}", "rate"));
    let _ = writeln!(text, "  {label}{}", screen.paint("36", &screen.glyphs.sparkline(&entries)));
    let note =
        format!("up to {} in {each}; all logs on one time axis", human::counted(most, "entry", "entries"));
    let note = if report.logs.len() > 1 { note.as_str() } else { note.split(';').next().unwrap_or(&note) };
    let _ = writeln!(text, "  {:<12}{}", "", screen.dim(note));
}

fn sizes(text: &mut String, log: &Log, screen: &Screen) {
    let (Some(min), Some(max)) = (log.stats.body_size_min, log.stats.body_size_max) else { return };
    let label = |text: &str| screen.dim(&format!("{text:<12}"));
    let _ = writeln!(text, "  {}{} to {}", label("bodies"), human::size(min), human::size(max));
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

fn operations(text: &mut String, tallies: &[Tally], screen: &Screen) {
    let mut there: Vec<_> = (0..=u8::MAX).zip(tallies).filter(|(_, tally)| tally.entries > 0).collect();
    if there.is_empty() {
        return;
    }
    there.sort_by_key(|(number, tally)| (std::cmp::Reverse(tally.entries), *number));
    let _ = writeln!(text, "  {}", screen.dim("operations"));
    for (number, tally) in there.iter().take(ROWS_SHOWN) {
        let name = operation_name(*number);
        let _ = writeln!(
            text,
            "    {name:<32} {:>12}  {:>12}",
            human::count(tally.entries),
            human::size(tally.bytes)
        );
    }
    omitted(text, there.len(), screen);
}

fn omitted(text: &mut String, count: usize, screen: &Screen) {
    if count > ROWS_SHOWN {
        let _ = writeln!(
            text,
            "    {}",
            screen.dim(&format!("and {} more (--json has them)", count - ROWS_SHOWN))
        );
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
        let _ = writeln!(text, "    {view:<6} {ops}, by replica {}{since}", span.replica);
    }
    omitted(text, views.len(), screen);
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "  {}{value}", screen.dim(&format!("{label:<12}")));
    };
    let releases = stats.releases.by_op();
    let named: Vec<_> =
        releases.iter().take(ROWS_SHOWN).map(|(release, _)| Release(*release).to_string()).collect();
    if !named.is_empty() {
        let more = releases.len().saturating_sub(ROWS_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
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
