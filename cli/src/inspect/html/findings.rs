//! The findings of all logs, as rows of a table and as marks on the map: [`Findings`].
//!
//! A row links to its mark, and a mark to the first of its rows. Bounded: so many rows, faults before all else
//! and no log's before another's; a mark is there for every finding, and says how many there are in its place.

use super::escape::Escaped;
use super::table::{self, Column, Table};
use crate::human;
use crate::inspect::ranges::Range;
use crate::inspect::report::Report;
use crate::inspect::verdict::{name, ops};
use crate::survey::{Finding, Kind};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Rows at most.
pub const ROWS_MAX: usize = 2000;

/// Rows at most about what logs hold together.
const TOGETHER_MAX: usize = 100;

/// A finding in the table.
#[derive(Clone, Debug)]
struct Row {
    /// The log, by its place; none for what they are together.
    log: Option<usize>,
    kind: &'static str,
    fault: bool,
    op: Option<u64>,
    near: Option<u64>,
    offset: Option<u64>,
    detail: String,
}

/// What stands in a column of the map.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    /// Findings there.
    pub count: u64,
    /// Whether one of them is a fault.
    pub fault: bool,
    /// The first of their rows, if it is among those shown.
    pub row: Option<usize>,
}

/// The findings of all logs.
#[derive(Debug)]
pub struct Findings {
    rows: Vec<Row>,
    names: Vec<String>,
    columns: Vec<Range>,
    marks: BTreeMap<(usize, usize), Mark>,
    omitted: u64,
}

impl Findings {
    /// Those of `report`, on a map with these columns.
    #[must_use]
    pub fn of(report: &Report, columns: Vec<Range>) -> Self {
        let names = report.logs.iter().map(|log| name(&log.survey)).collect();
        let (rows, omitted) = together(report);
        let mut all = Self { rows, names, columns, marks: BTreeMap::new(), omitted };
        let lists: Vec<&[Finding]> = report.logs.iter().map(|log| log.survey.findings.as_slice()).collect();
        for (log, (list, room)) in lists.iter().zip(shares(&lists)).enumerate() {
            let faults = list.iter().filter(|finding| finding.is_fault()).count().min(room);
            let (mut faults_left, mut others_left) = (faults, room - faults);
            for finding in *list {
                let left = if finding.is_fault() { &mut faults_left } else { &mut others_left };
                let row = (*left > 0).then_some(all.rows.len());
                all.mark(log, finding, row);
                if row.is_some() {
                    *left -= 1;
                    all.rows.push(Row::of(log, finding));
                }
            }
            let shown = (room - faults_left - others_left) as u64;
            let more = report.logs.get(log).map_or(0, |log| log.survey.findings_omitted);
            all.omitted += (list.len() as u64 - shown).saturating_add(more);
        }
        // Forks between logs, if there are several: their rows are the first of all.
        for (number, fork) in report.together.forks.iter().enumerate() {
            let row = Some(number).filter(|row| *row < TOGETHER_MAX);
            all.mark_at(all.together(), Some(fork.first_op), true, row);
        }
        all
    }

    /// How many there are, in the table or not.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.omitted.saturating_add(self.rows.len() as u64)
    }

    fn mark(&mut self, log: usize, finding: &Finding, row: Option<usize>) {
        // Free space is no place among ops.
        if finding.kind != Kind::ZeroTail {
            self.mark_at(log, finding.near, finding.is_fault(), row);
        }
    }

    fn mark_at(&mut self, log: usize, near: Option<u64>, is_fault: bool, row: Option<usize>) {
        let Some(column) = self.column(near) else { return };
        let mark = self.marks.entry((log, column)).or_default();
        mark.count += 1;
        // A fault's row before that of something harmless.
        let first = mark.row.is_none() || is_fault && !mark.fault;
        if row.is_some() && first {
            mark.row = row;
        }
        mark.fault |= is_fault;
    }

    /// The column of the map in which `op` is; what stands before the first entry is at its beginning.
    fn column(&self, op: Option<u64>) -> Option<usize> {
        let last = self.columns.len().checked_sub(1)?;
        let op = op.unwrap_or(0);
        Some(self.columns.partition_point(|(_, end)| *end < op).min(last))
    }

    /// The marks on the bar of a log, or behind the last log on that of all together, by column.
    pub fn marks(&self, log: usize) -> impl Iterator<Item = (usize, Mark)> {
        self.marks.range((log, 0)..(log + 1, 0)).map(|((_, column), mark)| (*column, *mark))
    }

    /// The number of the bar of all logs together, for [`marks`](Self::marks).
    #[must_use]
    pub fn together(&self) -> usize {
        self.names.len()
    }

    /// The section with the table.
    pub fn section(&self, html: &mut String) {
        html.push_str(
            "<section id=\"findings\" aria-labelledby=\"findings-title\">\n<h2 \
             id=\"findings-title\">Findings</h2>\n",
        );
        if self.rows.is_empty() {
            html.push_str(
                "<p>There are none: every byte belongs to an entry, and each entry follows on \
                 the one before it.</p>\n</section>\n",
            );
            return;
        }
        if self.omitted > 0 {
            let omitted = human::counted(self.omitted, "finding is", "findings are");
            let _ = writeln!(
                html,
                "<p class=\"note\" id=\"omitted\">{omitted} not in this table, which would be too long: \
                 <code>aof inspect --json</code> has more. The map has marks for those within a log.</p>"
            );
        }
        self.filter(html);
        let (text, number) = (Column::Text, Column::Number);
        let columns = [text("Log"), text("Kind"), number("Op"), number("Byte"), text("What")];
        let caption = "Findings, by log and byte";
        Table { id: "finding-table", caption, is_seen: false, columns: &columns }.begin(html);
        for (number, row) in self.rows.iter().enumerate() {
            self.row(html, number, row);
        }
        table::end(html);
        html.push_str("</section>\n");
    }

    fn filter(&self, html: &mut String) {
        let mut kinds: Vec<_> = self.rows.iter().map(|row| row.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        html.push_str(
            "<form id=\"filter\" role=\"search\" aria-label=\"Filter the findings\" \
             hidden>\n<label>Text <input id=\"filter-text\" type=\"search\" \
             autocomplete=\"off\" spellcheck=\"false\"></label>\n<label>Kind <select \
             id=\"filter-kind\"><option value=\"\">all</option>",
        );
        for kind in kinds {
            let _ = write!(html, "<option>{}</option>", Escaped(kind));
        }
        html.push_str(
            "</select></label>\n<label>Log <select id=\"filter-log\"><option value=\"\">all</option>",
        );
        if self.rows.iter().any(|row| row.log.is_none()) {
            html.push_str("<option value=\"together\">together</option>");
        }
        for (log, name) in self.names.iter().enumerate() {
            let _ = write!(html, "<option value=\"{log}\">{}</option>", Escaped(name));
        }
        html.push_str(
            "</select></label>\n<button type=\"reset\">Show all</button>\n<output \
             id=\"filter-count\" aria-live=\"polite\"></output>\n</form>\n",
        );
    }

    fn row(&self, html: &mut String, number: usize, row: &Row) {
        let class = if row.fault { " class=\"fault\"" } else { "" };
        let log = row.log.map_or_else(|| "together".into(), |log| log.to_string());
        let name = row.log.and_then(|log| self.names.get(log)).map_or("together", String::as_str);
        let _ = write!(
            html,
            "<tr id=\"f{number}\"{class} data-log=\"{log}\" data-kind=\"{}\" tabindex=\"-1\"><th \
             scope=\"row\"><bdi>{}</bdi></th><td><span class=\"kind\">{}</span></td>",
            Escaped(row.kind),
            Escaped(name),
            Escaped(row.kind)
        );
        let bar = row.log.unwrap_or_else(|| self.together());
        let is_marked =
            |place: &(usize, usize)| row.kind != Kind::ZeroTail.name() && self.marks.contains_key(place);
        let mark = self.column(row.near).map(|column| (bar, column)).filter(is_marked);
        let place = match row.op {
            Some(op) => op.to_string(),
            None => row.near.map_or_else(|| "?".into(), |near| format!("after {near}")),
        };
        let _ = match (mark, row.log) {
            (Some((log, column)), _) => write!(
                html,
                "<td class=\"number\"><a href=\"#m{log}-{column}\" aria-label=\"op {place}, show on the \
                 map\">{place}</a></td>"
            ),
            (None, None) => write!(
                html,
                "<td class=\"number\"><a href=\"#map\" aria-label=\"op {place}, show on the map\">\
                 {place}</a></td>"
            ),
            _ => write!(html, "<td class=\"number\">{place}</td>"),
        };
        let offset = row.offset.map(|offset| offset.to_string()).unwrap_or_default();
        let _ = writeln!(html, "<td class=\"number\">{offset}</td><td>{}</td></tr>", Escaped(&row.detail));
    }
}

impl Row {
    fn of(log: usize, finding: &Finding) -> Self {
        let mut detail = finding.detail.clone();
        if let Some(size) = finding.size {
            let _ = write!(detail, " ({} belong to no entry)", human::counted(size, "byte", "bytes"));
        }
        Self {
            log: Some(log),
            kind: finding.kind.name(),
            fault: finding.is_fault(),
            op: finding.op,
            near: finding.near,
            offset: Some(finding.offset),
            detail,
        }
    }
}

/// What the logs are together: forks between them, and holes; and how many there are beyond those.
fn together(report: &Report) -> (Vec<Row>, u64) {
    if report.logs.len() < 2 {
        return (Vec::new(), 0);
    }
    let named = |at: usize| report.logs.get(at).map(|log| name(&log.survey)).unwrap_or_default();
    let row = |kind, fault, op: u64, detail| Row {
        log: None,
        kind,
        fault,
        op: Some(op),
        near: Some(op),
        offset: None,
        detail,
    };
    let forks = report.together.forks.iter().map(|fork| {
        let ops = ops(&[(fork.first_op, fork.last_op)]);
        let (one, other) = (named(fork.files.0), named(fork.files.1));
        let (sum, other_sum) = &fork.checksums;
        let detail = fork.forged_text((&one, &other)).unwrap_or_else(|| {
            format!("two histories, {ops}: {one} has checksum {sum}, {other} has {other_sum}")
        });
        row(Kind::Fork.name(), true, fork.first_op, detail)
    });
    let holes = report.together.missing_ops.iter().map(|&(first, last)| {
        let are = if first == last { "is" } else { "are" };
        let detail = format!("{} {are} in none of the logs", ops(&[(first, last)]));
        row("hole", false, first, detail)
    });
    let beyond = |count: usize| count.saturating_sub(TOGETHER_MAX) as u64;
    let together = &report.together;
    let omitted = beyond(together.forks.len()) + beyond(together.missing_ops.len());
    let rows = forks.take(TOGETHER_MAX).chain(holes.take(TOGETHER_MAX)).collect();
    (rows, omitted.saturating_add(together.forks_omitted))
}

/// How many rows each log's findings get: the same for all, and what some do not need goes to the others.
fn shares(lists: &[&[Finding]]) -> Vec<usize> {
    let fair = ROWS_MAX / lists.len().max(1);
    let mut shares: Vec<_> = lists.iter().map(|list| list.len().min(fair)).collect();
    let mut room = ROWS_MAX.saturating_sub(shares.iter().sum());
    for (share, list) in shares.iter_mut().zip(lists) {
        let more = (list.len() - *share).min(room);
        *share += more;
        room -= more;
    }
    shares
}
