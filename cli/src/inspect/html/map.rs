//! The map: which log holds which ops, with marks for findings, and in words who could fill what.

use super::escape::Escaped;
use super::findings::Findings;
use super::table::{self, Column, Table};
use crate::human;
use crate::inspect::chart::{self, Cover};
use crate::inspect::ranges::{self, Range};
use crate::inspect::report::Report;
use crate::inspect::together::{Lack, held};
use crate::inspect::verdict::name;
use std::fmt::Write as _;

/// Columns of the map: fewer with many logs, so that the page stays small.
#[must_use]
pub fn column_count(logs: usize) -> usize {
    (12_000 / logs.max(1)).clamp(60, 500)
}

/// Rows of the table of what logs lack.
const LACKS_MAX: usize = 200;

/// The section with the map.
pub fn section(html: &mut String, report: &Report, columns: &[Range], findings: &Findings) {
    let Some((first, last)) = report.ops() else { return };
    html.push_str(
        "<section id=\"map\" aria-labelledby=\"map-title\">\n<h2 id=\"map-title\">Which log \
         holds which ops</h2>\n",
    );
    html.push_str(
        "<p class=\"legend\"><span class=\"key held\"></span> all there <span class=\"key \
         partly\"></span> some <span class=\"key lacking\"></span> none <span class=\"key \
         mark-fault\"></span> fault <span class=\"key mark\"></span> goes back, or goes on \
         behind a gap</p>\n",
    );
    html.push_str("<div class=\"map\">\n");
    for (at, log) in report.logs.iter().enumerate() {
        row(html, &name(&log.survey), Some(at), &held(&log.survey), columns, findings);
    }
    let together = &report.together;
    if report.logs.len() > 1
        && together.conflict.is_none()
        && let (Some(first), Some(last)) = (together.first_op, together.last_op)
    {
        let held = ranges::without((first, last), &together.missing_ops);
        row(html, "together", None, &held, columns, findings);
    }
    let middle = first + (last - first) / 2;
    let _ = writeln!(
        html,
        "<div class=\"axis\" aria-hidden=\"true\"><span>op {first}</span><span>{middle}</span><span>\
         {last}</span></div>\n</div>"
    );
    lacks(html, report);
    html.push_str("</section>\n");
}

fn row(
    html: &mut String,
    name: &str,
    at: Option<usize>,
    held: &[Range],
    columns: &[Range],
    findings: &Findings,
) {
    let count = human::counted(ranges::count(held), "op", "ops");
    let label = match at {
        Some(at) => format!("<a href=\"#log-{at}\"><bdi>{}</bdi></a>", Escaped(name)),
        None => format!("<strong>{}</strong>", Escaped(name)),
    };
    let _ = writeln!(
        html,
        "<div class=\"map-row\"><div class=\"map-name\">{label} <span class=\"count\">{count}</span></div>"
    );
    let width = columns.len();
    let in_words = match held.len() {
        0 => "no op".to_owned(),
        _ => format!("ops {}", human::ranges(held)),
    };
    let _ = writeln!(
        html,
        "<svg viewBox=\"0 0 {width} 26\" preserveAspectRatio=\"none\" role=\"group\" aria-label=\"{} \
         holds {}\">",
        Escaped(name),
        Escaped(in_words)
    );
    bars(html, held, columns);
    marks(html, at.unwrap_or_else(|| findings.together()), width, columns, findings);
    html.push_str("</svg></div>\n");
}

/// Runs of columns that are alike.
fn bars(html: &mut String, held: &[Range], columns: &[Range]) {
    let covers = chart::cover(held, columns);
    let mut x = 0;
    for run in covers.chunk_by(PartialEq::eq) {
        let (class, word) = match run.first() {
            Some(Cover::All) => ("held", "holds"),
            Some(Cover::Some) => ("partly", "holds some of"),
            _ => ("lacking", "lacks"),
        };
        let first = columns.get(x).map_or(0, |(first, _)| *first);
        let last = columns.get(x + run.len() - 1).map_or(0, |(_, last)| *last);
        let _ = write!(
            html,
            "<rect class=\"{class}\" x=\"{x}\" y=\"0\" width=\"{}\" height=\"16\"><title>{word} ops \
             {first} to {last}</title></rect>",
            run.len()
        );
        x += run.len();
    }
    html.push('\n');
}

/// Marks below the bar: links where there is a row. One may be a few pixels wide only, so that what can be
/// clicked is wider.
fn marks(html: &mut String, log: usize, width: usize, columns: &[Range], findings: &Findings) {
    let reach = width as f64 / 100.0;
    let stroke = (width as f64 / 300.0).max(0.5);
    for (column, mark) in findings.marks(log) {
        let class = if mark.fault { "mark-fault" } else { "mark" };
        let (first, last) = columns.get(column).copied().unwrap_or_default();
        let ops = if first == last { format!("op {first}") } else { format!("ops {first} to {last}") };
        let count = human::counted(mark.count, "finding", "findings");
        let title = format!("{count} at {ops}");
        let middle = column as f64 + 0.5;
        // Something harmless does not hide the bar, however often it is there.
        let (y, height) = if mark.fault { (0, 26) } else { (16, 10) };
        let (reach_x, x) = (middle - reach / 2.0, middle - stroke / 2.0);
        let shape = format!(
            "<rect class=\"reach\" x=\"{reach_x:.2}\" width=\"{reach:.2}\" height=\"26\"/>\
             <rect class=\"{class}\" x=\"{x:.2}\" y=\"{y}\" width=\"{stroke:.2}\" height=\"{height}\"/>\
             <title>{title}</title>"
        );
        let _ = match mark.row {
            Some(row) => write!(
                html,
                "<a id=\"m{log}-{column}\" href=\"#f{row}\" aria-label=\"{title}: show the first\">\
                 {shape}</a>"
            ),
            None => write!(html, "<g id=\"m{log}-{column}\">{shape}</g>"),
        };
    }
}

/// Ranges that are shown without being asked for.
const LACKS_OPEN: usize = 12;

/// Who lacks what, and who could fill it.
fn lacks(html: &mut String, report: &Report) {
    let together = &report.together;
    if !together.missing_ops.is_empty() && together.conflict.is_none() && report.logs.len() > 1 {
        let lost = human::ranges(&together.missing_ops);
        let _ = writeln!(html, "<p><strong class=\"nobody\">In none of the logs: {lost}</strong></p>");
    }
    let filled = |lack: &&Lack| !lack.held_by.is_empty() || report.logs.len() == 1;
    let all = together.lacks.iter().flatten().filter(filled).count();
    if all == 0 {
        if together.conflict.is_none() && report.logs.len() > 1 {
            html.push_str("<p>No log lacks an op that another has.</p>\n");
        }
        return;
    }
    let (text, number) = (Column::Text, Column::Number);
    let columns = [text("Log"), number("Ops"), number("How many"), text("Who has them")];
    let caption = "What is missing, and who has it";
    // A list of a hundred ranges that a merge fills hides what is lost.
    let is_folded = report.logs.len() > 1;
    if is_folded {
        let open = if all <= LACKS_OPEN { " open" } else { "" };
        let ranges = human::counted(all as u64, "range", "ranges");
        let _ = writeln!(html, "<details{open}><summary>{ranges} that a log lacks and another has</summary>");
    }
    Table { id: "lacks", caption, is_seen: true, columns: &columns }.begin(html);
    let names: Vec<_> = report.logs.iter().map(|log| name(&log.survey)).collect();
    let lacks = names
        .iter()
        .zip(&together.lacks)
        .flat_map(|(name, lacks)| lacks.iter().filter(filled).map(move |lack| (name, lack)));
    for (name, lack) in lacks.take(LACKS_MAX) {
        let range = (lack.first_op, lack.last_op);
        let holders: Vec<_> = lack
            .held_by
            .iter()
            .filter_map(|at| names.get(*at))
            .map(|name| format!("<bdi>{}</bdi>", Escaped(name)))
            .collect();
        let who = if holders.is_empty() {
            "<strong class=\"nobody\">nobody</strong>".into()
        } else {
            holders.join(", ")
        };
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\"><bdi>{}</bdi></th><td class=\"number\">{}</td><td class=\"number\">\
             {}</td><td>{who}</td></tr>",
            Escaped(name),
            human::ranges(&[range]),
            human::count(ranges::count(&[range]))
        );
    }
    table::end(html);
    if is_folded {
        html.push_str("</details>\n");
    }
    let more = (all.saturating_sub(LACKS_MAX) as u64).saturating_add(together.lacks_omitted);
    if more > 0 {
        let _ = writeln!(
            html,
            "<p class=\"note\">{} left out: <code>aof inspect --json</code> has more.</p>",
            human::counted(more, "range is", "ranges are")
        );
    }
}
