//! Tables and sheets for people.
//!
//! No lines, no colours: columns stand two blanks apart. On a terminal they are as wide as it is, and what
//! does not fit is broken within its column; elsewhere each row is one line, for `grep` and `awk`.

use crate::escape;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

/// What can be a row of a table.
pub(crate) trait Row {
    /// Titles of the columns.
    const TITLES: &'static [&'static str];

    /// Which columns hold numbers, by index from 0.
    const NUMBERS: &'static [usize] = &[];

    /// One text per title.
    fn cells(&self) -> Vec<String>;
}

/// The lines of a table with these rows; `width` is the terminal's, in columns.
pub(crate) fn table<T: Row>(rows: &[Vec<String>], width: Option<u16>) -> String {
    let mut table = bare(width);
    table.set_header(T::TITLES.to_vec());
    for cells in rows {
        table.add_row(cells.iter().map(|cell| Cell::new(escape::text(cell))));
    }
    for column in T::NUMBERS {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    lines(&mut table)
}

/// The lines of a sheet: what one thing is, a name and its value per line.
pub(crate) fn sheet(rows: &[(&str, String)], width: Option<u16>) -> String {
    let mut table = bare(width);
    for (name, value) in rows {
        table.add_row([Cell::new(name), Cell::new(escape::text(value))]);
    }
    lines(&mut table)
}

fn bare(width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    match width {
        Some(width) => table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table
}

fn lines(table: &mut Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pet;

    impl Row for Pet {
        const TITLES: &'static [&'static str] = &["NAME", "LEGS", "SAYS"];
        const NUMBERS: &'static [usize] = &[1];

        fn cells(&self) -> Vec<String> {
            ["cat", "4", "purrs and\u{7}\nmeows"].map(str::to_owned).to_vec()
        }
    }

    #[test]
    fn off_a_terminal_a_row_is_a_line() {
        let expected = "NAME  LEGS  SAYS\ncat      4  purrs and\\u{7}\\nmeows\n";
        assert_eq!(table::<Pet>(&[Pet.cells()], None), expected);
    }

    #[test]
    fn a_narrow_terminal_breaks_within_the_column() {
        let expected = "NAME  LEGS  SAYS\ncat      4  purrs\n            and\\u{7}\n            \\nmeows\n";
        assert_eq!(table::<Pet>(&[Pet.cells()], Some(22)), expected);
    }

    #[test]
    fn a_sheet_has_names_and_values() {
        let rows = [("state", "running".to_owned()), ("at", "x\u{1b}y".to_owned())];
        assert_eq!(sheet(&rows, None), "state  running\nat     x\\u{1b}y\n");
    }

    #[test]
    fn a_table_without_rows_has_its_titles() {
        assert_eq!(table::<Pet>(&[], None), "NAME  LEGS  SAYS\n");
    }
}
