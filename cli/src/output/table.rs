//! Tables for people: no lines, columns two spaces apart, cells wrapped to the terminal.

use comfy_table::ContentArrangement;

/// A table in the making.
#[derive(Debug)]
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// A table with these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(headings);
        if table.width().is_none() {
            table.set_width(200); // no terminal: do not wrap what a program or a file takes
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self(table)
    }

    /// Adds a row. Control characters of file names and texts from outside are shown escaped.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.add_row(cells.map(|cell| super::printable(&cell)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The table as text, a line feed at the end of each line.
    pub(crate) fn render(&self) -> String {
        self.0.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
    }
}
