//! The table of what ran under emulators, printed at the end of the step.
//!
//! Each program's module adds a row for what it ran, through [`Desktop::table`](super::Desktop):
//! `desktop.table.row(board.name, "append", "torn.aof", "agrees")`.

use std::cell::RefCell;
use std::fmt;

/// Rows: board, program, log (or another thing that it ran on), result.
#[derive(Debug, Default)]
pub(super) struct Table(RefCell<Vec<[String; 4]>>);

/// The words above the columns.
const HEAD: [&str; 4] = ["board", "program", "log", "result"];

impl Table {
    /// Adds a row, and prints it, so that one sees how far a run is.
    pub(super) fn row(&self, board: &str, program: &str, log: &str, result: &str) {
        println!("{board}: {program:<8} {log:<28} {result}");
        self.0.borrow_mut().push([board, program, log, result].map(str::to_owned));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.0.borrow();
        let head = HEAD.map(str::to_owned);
        let width = |column: usize| {
            let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let (board, program, log) = (width(0), width(1), width(2));
        writeln!(f)?;
        for [one, two, three, four] in [&head].into_iter().chain(rows.iter()) {
            writeln!(f, "{one:<board$}  {two:<program$}  {three:<log$}  {four}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = Table::default();
        table.row("virt", "read", "a-long-name.aof", "agrees");
        table.row("microbit", "append", "x.aof", "DIFFERS");
        let lines = [
            "",
            "board     program  log              result",
            "virt      read     a-long-name.aof  agrees",
            "microbit  append   x.aof            DIFFERS",
        ];
        assert_eq!(table.to_string(), lines.join("\n") + "\n");
    }
}
