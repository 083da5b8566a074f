//! Tables that a screen reader can walk, and that scroll by themselves where the page is narrow: [`Table`].

use super::escape::Escaped;
use std::fmt::Write as _;

/// A column's head.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Words, to the left.
    Text(&'a str),
    /// Numbers, to the right.
    Number(&'a str),
    /// Bars, which say nothing that the numbers do not.
    Bar,
}

/// A table's head.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Its id and its class in the page; may be empty.
    pub id: &'a str,
    /// What it is about.
    pub caption: &'a str,
    /// Whether the caption is seen, or only told: where a heading says the same.
    pub is_seen: bool,
    /// The columns.
    pub columns: &'a [Column<'a>],
}

impl Table<'_> {
    /// Writes all up to the first row, which begins with a `th` of its own.
    pub fn begin(&self, html: &mut String) {
        let caption = Escaped(self.caption);
        let (id, class) = (self.id, if self.is_seen { "" } else { " class=\"unseen\"" });
        let _ = write!(
            html,
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\
             <table id=\"{id}\">\n<caption{class}>{caption}</caption>\n<thead><tr>"
        );
        for column in self.columns {
            let _ = match column {
                Column::Text(name) => write!(html, "<th scope=\"col\">{name}</th>"),
                Column::Number(name) => write!(html, "<th scope=\"col\" class=\"number\">{name}</th>"),
                Column::Bar => write!(html, "<td></td>"),
            };
        }
        html.push_str("</tr></thead>\n<tbody>\n");
    }
}

/// Ends a table that was begun.
pub fn end(html: &mut String) {
    html.push_str("</tbody></table></div>\n");
}
