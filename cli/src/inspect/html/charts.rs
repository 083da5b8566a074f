//! The charts of one log, each with its numbers in a table: over time, operations, body sizes.

use super::escape::Escaped;
use super::table::{self, Column, Table};
use crate::human;
use crate::inspect::rate::{Bucket, Columns};
use crate::inspect::report::Report;
use crate::inspect::stats::{self, Stats, Tally};
use crate::inspect::terminal::operation_name;
use std::fmt::Write as _;

/// Columns of a chart over time.
const TIME_COLUMNS: usize = 96;

/// Entries and bytes over time, on the axis of all logs.
pub fn over_time(html: &mut String, stats: &Stats, report: &Report, log: usize) {
    let chart = report.time_columns(TIME_COLUMNS).filter(|_| stats.first_timestamp.is_some());
    let Some(chart) = chart else {
        html.push_str("<p>No entry tells its time.</p>\n");
        return;
    };
    let columns = stats.rate.columns(&chart);
    let entries: Vec<_> = columns.iter().map(|column| column.entries).collect();
    let bytes: Vec<_> = columns.iter().map(|column| column.bytes).collect();
    let most_entries = entries.iter().copied().max().unwrap_or(0);
    let most_bytes = bytes.iter().copied().max().unwrap_or(0);
    let axis = format!(
        "<div class=\"axis\" aria-hidden=\"true\"><span>{}</span><span>{} UTC</span></div>",
        human::time_short(chart.start),
        human::time_short(chart.start_of(chart.count))
    );
    html.push_str("<div class=\"charts\">\n");
    let note = chart.peak(most_entries, |count| human::counted(count, "entry", "entries"));
    plot(html, "Entries over time", &note, &entries, &axis);
    let note = chart.peak(most_bytes, human::size);
    plot(html, "Bytes over time", &note, &bytes, &axis);
    html.push_str("</div>\n");
    numbers(html, &columns, &chart, log);
}

fn plot(html: &mut String, title: &str, note: &str, values: &[u64], axis: &str) {
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let _ = writeln!(
        html,
        "<figure><figcaption>{title} <span class=\"count\">{note}</span></figcaption>\
         <svg class=\"plot\" viewBox=\"0 0 {} 100\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{title}: {note}\">",
        values.len()
    );
    for (x, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
        // What is not nothing is seen.
        let height = (u128::from(*value) * 100).div_ceil(u128::from(most)).max(2);
        let y = 100_u128.saturating_sub(height);
        let _ = write!(html, "<rect x=\"{x}.1\" y=\"{y}\" width=\".8\" height=\"{height}\"/>");
    }
    let _ = writeln!(html, "</svg>{axis}</figure>");
}

fn numbers(html: &mut String, columns: &[Bucket], chart: &Columns, log: usize) {
    html.push_str("<details><summary>The numbers over time</summary>");
    let head = [Column::Text("From (UTC)"), Column::Number("Entries"), Column::Number("Bytes")];
    let id = format!("numbers-{log}");
    Table { id: &id, caption: "Numbers over time", is_seen: false, columns: &head }.begin(html);
    for (at, column) in columns.iter().enumerate().filter(|(_, column)| column.entries > 0) {
        let time = human::time(chart.start_of(at));
        let time = time.get(..23).unwrap_or(&time);
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            time.replace('T', " "),
            human::count(column.entries),
            human::count(column.bytes)
        );
    }
    table::end(html);
    html.push_str("</details>\n");
}

/// Operations, those with the most entries first: a table whose rows have bars.
pub fn operations(html: &mut String, tallies: &[Tally], log: usize) {
    let mut there: Vec<_> = (0..=u8::MAX).zip(tallies).filter(|(_, tally)| tally.entries > 0).collect();
    there.sort_by_key(|(number, tally)| (std::cmp::Reverse(tally.entries), *number));
    let rows: Vec<_> = there.into_iter().map(|(number, tally)| (operation_name(number), tally)).collect();
    bars(html, &format!("operations-{log}"), "Operations", "Operation", &rows);
}

/// Body sizes, by powers of two.
pub fn sizes(html: &mut String, stats: &Stats, log: usize) {
    let there = stats.sizes.iter().enumerate().filter(|(_, tally)| tally.entries > 0);
    let label = |class: usize| match stats::class_sizes(class) {
        (0, 0) => "empty".into(),
        (from, to) if from == to => human::size(from),
        (from, to) => format!("{} to {}", human::count(from), human::count(to)),
    };
    let rows: Vec<_> = there.map(|(class, tally)| (label(class), tally)).collect();
    bars(html, &format!("sizes-{log}"), "Body sizes", "Bytes of a body", &rows);
}

/// A table whose rows have bars.
fn bars(html: &mut String, id: &str, caption: &str, column: &str, rows: &[(String, &Tally)]) {
    if rows.is_empty() {
        return;
    }
    let most = rows.iter().map(|(_, tally)| tally.entries).max().unwrap_or(0).max(1);
    let columns =
        [Column::Text(column), Column::Bar, Column::Number("Entries"), Column::Number("In the file")];
    Table { id, caption, is_seen: true, columns: &columns }.begin(html);
    for (label, tally) in rows {
        let width = (u128::from(tally.entries) * 100).div_ceil(u128::from(most)).max(1);
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}</th><td class=\"bar\"><svg viewBox=\"0 0 100 10\" \
             preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"{width}\" height=\"10\"/>\
             </svg></td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            Escaped(label),
            human::count(tally.entries),
            human::size(tally.bytes)
        );
    }
    table::end(html);
}
