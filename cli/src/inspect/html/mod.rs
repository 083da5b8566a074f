//! The report as a page: one file that needs nothing else.
//!
//! ```text
//! verdict, what to do | map of ops | one part a log: facts, charts, tables | findings
//!                         marks <------------------ links ------------------> rows
//! ```
//!
//! No network, no framework; under a policy that allows the page's own style sheet and script only, by their
//! digests. Without JavaScript all is there but the filter. Colours follow the reader's light or dark setting;
//! charts are SVG, each with its numbers in words or in a table. Names come from outside and are escaped, see
//! [`escape`]. Bounded: so many columns, rows and names whatever the logs hold.

pub mod charts;
pub mod escape;
pub mod findings;
pub mod map;
pub mod table;

use super::chart;
use super::report::{Log, Report};
use super::verdict::{Level, name};
use crate::data_checksum;
use crate::human;
use crate::verify;
use aof_nostd::wire::Release;
use escape::Escaped;
use findings::Findings;
use std::fmt::Write as _;
use table::{Column, Table};

/// The page's style sheet.
const STYLE: &str = include_str!("page.css");
/// The page's script: the filter.
const SCRIPT: &str = include_str!("page.js");
/// Their SHA-256 in base64, for the page's policy. A test compares.
const STYLE_SHA256: &str = "T+44C7VZVjXFt66jaTgkgn7bHRVPyF+rG2CjB+MhCPk=";
/// See [`STYLE_SHA256`].
const SCRIPT_SHA256: &str = "N9Q68qiMw2jH0SYf1H2pMW0TAUp3ljeyQIMwlYraOdw=";

/// Logs whose part is open when the page is.
const OPEN_MAX: usize = 4;

/// Rows of a table about one log.
const ROWS_MAX: usize = 50;

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut html = String::with_capacity(1 << 16);
    let verdict = report.verdict();
    let title = match report.logs.as_slice() {
        [log] => name(&log.survey),
        logs => human::counted(logs.len() as u64, "log", "logs"),
    };
    let _ = writeln!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta \
         http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'sha256-{STYLE_SHA256}'; script-src 'sha256-{SCRIPT_SHA256}'; base-uri 'none'; form-action \
         'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta \
         name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" \
         content=\"no-referrer\">\n<title>{}: {} – aof \
         inspect</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        Escaped(verdict.word),
        Escaped(&title)
    );
    html.push_str(
        "<a class=\"skip\" href=\"#main\">To the report</a>\n<a class=\"skip\" \
         href=\"#findings\">To the findings</a>\n",
    );
    html.push_str(
        "<header><p class=\"brand\">aof inspect</p><nav aria-label=\"Parts of this page\"><a \
         href=\"#map\">Map</a> <a href=\"#logs\">Logs</a> <a href=\"#findings\">Findings</a>\
         </nav></header>\n<main id=\"main\" tabindex=\"-1\">\n",
    );
    let columns = report.ops().map(|ops| chart::columns(ops, map::column_count(report.logs.len())));
    let columns = columns.unwrap_or_default();
    let findings = Findings::of(report, columns.clone());
    verdict_section(&mut html, report, &findings);
    map::section(&mut html, report, &columns, &findings);
    html.push_str(
        "<section id=\"logs\" aria-labelledby=\"logs-title\">\n<h2 id=\"logs-title\">The logs</h2>\n",
    );
    for (at, log) in report.logs.iter().enumerate() {
        log_part(&mut html, at, log, report);
    }
    html.push_str("</section>\n");
    findings.section(&mut html);
    let _ = write!(
        html,
        "</main>\n<footer><p>Made by aof {}. The checksums find accidents; they do not prove who wrote an \
         entry.</p></footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    html
}

fn class(level: Level) -> &'static str {
    match level {
        Level::Good => "good",
        Level::Care => "care",
        Level::Bad => "bad",
    }
}

fn verdict_section(html: &mut String, report: &Report, findings: &Findings) {
    let verdict = report.verdict();
    let _ = writeln!(
        html,
        "<section id=\"verdict\" class=\"{}\" aria-labelledby=\"verdict-title\">\n<h1 \
         id=\"verdict-title\"><span class=\"word\">{}</span> {}</h1>",
        class(verdict.level),
        Escaped(verdict.word),
        Escaped(&verdict.text)
    );
    for advice in &verdict.advice {
        let _ = writeln!(html, "<p>{}</p>", Escaped(advice));
    }
    if let Some(command) = &verdict.command {
        let _ = writeln!(
            html,
            "<pre tabindex=\"0\" aria-label=\"Command\"><code>{}</code></pre>",
            Escaped(command)
        );
    }
    for (_, reason) in &report.unreadable {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", Escaped(reason));
    }
    let entries: u64 = report.logs.iter().map(|log| log.survey.entries).sum();
    let bytes: u64 = report.logs.iter().map(|log| log.survey.bytes).sum();
    html.push_str("<dl class=\"tiles\">");
    let mut tile = |label: &str, value: &str| {
        let _ = write!(html, "<div><dt>{label}</dt><dd>{}</dd></div>", Escaped(value));
    };
    tile("Logs", &human::count(report.logs.len() as u64));
    tile("Size", &human::size(bytes));
    tile("Entries", &human::count(entries));
    if let Some((first, last)) = report.ops() {
        tile("Ops", &format!("{first} to {last}"));
    }
    if let Some((first, last)) = report.times() {
        tile("Time", &human::duration(last - first));
    }
    tile("Findings", &human::count(findings.count()));
    html.push_str("</dl>\n</section>\n");
}

fn log_part(html: &mut String, at: usize, log: &Log, report: &Report) {
    let Log { survey, stats, .. } = log;
    let open = if report.logs.len() <= OPEN_MAX { " open" } else { "" };
    let level = Level::of_log(survey);
    let _ = writeln!(
        html,
        "<details class=\"log\" id=\"log-{at}\"{open}><summary><h3><bdi>{}</bdi></h3> <span class=\"badge \
         {}\">{}</span></summary>\n<dl class=\"facts\">",
        Escaped(name(survey)),
        class(level),
        Escaped(verify::verdict(survey))
    );
    let mut fact = |label: &str, value: &str| {
        let _ = writeln!(html, "<div><dt>{label}</dt><dd>{}</dd></div>", Escaped(value));
    };
    fact("Size", &format!("{} ({} bytes)", human::size(survey.bytes), human::count(survey.bytes)));
    fact("Profile", survey.profile.unwrap_or("unknown: there is no entry"));
    if let Some(cluster) = &survey.cluster {
        fact("Cluster", cluster);
    }
    fact("Entries", &log.entries());
    if let (Some(first), Some(last)) = (survey.first_op, survey.last_op) {
        fact("Ops", &format!("{first} to {last}, {} of them", human::count(survey.distinct_ops)));
    }
    if !survey.missing_ops.is_empty() {
        fact("Missing ops", &human::ranges(&survey.missing_ops));
    }
    if let (Some(first), Some(last)) = (stats.first_timestamp, stats.last_timestamp) {
        fact("From", &human::time(first));
        fact("To", &human::time(last));
        fact("Duration", &human::duration(last - first));
    }
    if stats.untimed > 0 {
        fact("Without a time", &human::counted(stats.untimed, "entry", "entries"));
    }
    if let Some(back) = verify::times_back(survey) {
        fact("Time", &back);
    }
    if let Some(last) = &survey.last_checksum {
        fact("Last checksum", &format!("{last} ({})", verify::LAST_CHECKSUM));
    }
    let chain = data_checksum::shown(&survey.data_checksum_chain, survey.replayed_entries);
    fact("Data checksum chain", chain);
    html.push_str("</dl>\n");
    if survey.entries > 0 {
        charts::over_time(html, stats, report, at);
        html.push_str("<div class=\"pair\">\n");
        charts::operations(html, &stats.operations, at);
        charts::sizes(html, stats, at);
        html.push_str("</div>\n");
        named(html, log, at);
    }
    html.push_str("</details>\n");
}

/// Views, releases and clients.
fn named(html: &mut String, log: &Log, at: usize) {
    let stats = &log.stats;
    html.push_str("<div class=\"names\">\n");
    let views = stats.views.by_op();
    html.push_str("<div>");
    let columns =
        [Column::Text("View"), Column::Text("Ops"), Column::Text("From (UTC)"), Column::Text("Primary")];
    Table { id: &format!("views-{at}"), caption: "Views", is_seen: true, columns: &columns }.begin(html);
    for (view, span) in views.iter().take(ROWS_MAX) {
        let since =
            if span.first_timestamp == 0 { String::new() } else { human::time_short(span.first_timestamp) };
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{view}</th><td>{} to {}</td><td>{since}</td><td>replica {}</td></tr>",
            span.first_op, span.last_op, span.replica
        );
    }
    end(html, views.len(), stats.views.others().entries);
    let releases = stats.releases.by_op();
    html.push_str("<div>");
    let columns = [Column::Text("Release"), Column::Text("Ops"), Column::Number("Entries")];
    Table { id: &format!("releases-{at}"), caption: "Releases", is_seen: true, columns: &columns }
        .begin(html);
    for (release, span) in releases.iter().take(ROWS_MAX) {
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}</th><td>{} to {}</td><td class=\"number\">{}</td></tr>",
            Release(*release),
            span.first_op,
            span.last_op,
            human::count(span.tally.entries)
        );
    }
    end(html, releases.len(), stats.releases.others().entries);
    let clients = stats.clients.by_entries();
    html.push_str("<div>");
    let columns = [Column::Text("Client"), Column::Number("Entries"), Column::Number("In the file")];
    Table { id: &format!("clients-{at}"), caption: "Clients", is_seen: true, columns: &columns }.begin(html);
    for (client, span) in clients.iter().take(ROWS_MAX) {
        let client = if *client == 0 { "the cluster itself".into() } else { client.to_string() };
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{client}</th><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            human::count(span.tally.entries),
            human::size(span.tally.bytes)
        );
    }
    end(html, clients.len(), stats.clients.others().entries);
    html.push_str("</div>\n");
}

/// Ends a table, and says what it leaves out.
fn end(html: &mut String, rows: usize, others: u64) {
    table::end(html);
    let more = rows.saturating_sub(ROWS_MAX) as u64;
    if more > 0 {
        let _ = writeln!(html, "<p class=\"note\">{} more are left out.</p>", human::count(more));
    }
    if others > 0 {
        let others = human::counted(others, "entry", "entries");
        let _ = writeln!(html, "<p class=\"note\">{others} of further ones are not counted one by one.</p>");
    }
    html.push_str("</div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for at in 0..4 {
                let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
                text.push(if at <= chunk.len() { digit as char } else { '=' });
            }
        }
        text
    }

    #[test]
    fn policy_allows_the_style_sheet_and_the_script_that_are_in_the_page() {
        assert_eq!(base64(b"light work."), "bGlnaHQgd29yay4=");
        assert_eq!(base64(&Sha256::digest(STYLE)), STYLE_SHA256);
        assert_eq!(base64(&Sha256::digest(SCRIPT)), SCRIPT_SHA256);
    }
}
