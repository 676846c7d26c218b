//! Tables and sheets for people.
//!
//! No lines: columns stand two blanks apart. On a terminal they are as wide as it is, and what does not fit
//! is broken within its column; elsewhere each row is one line, for `grep` and `awk`. Words for states have
//! colours where the paper takes them.

use crate::escape;
use crate::paper::Paper;
use crate::tone::Tone;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table};

/// What can be a row of a table.
pub(crate) trait Row {
    /// Titles of the columns.
    const TITLES: &'static [&'static str];

    /// Which columns hold numbers, by index from 0.
    const NUMBERS: &'static [usize] = &[];

    /// Which columns hold words for states, by index from 0.
    const STATES: &'static [usize] = &[];

    /// One text per title.
    fn cells(&self) -> Vec<String>;
}

/// The lines of a table with these rows.
pub(crate) fn table<T: Row>(rows: &[Vec<String>], paper: Paper) -> String {
    let mut table = bare(paper);
    table.set_header(T::TITLES.to_vec());
    for cells in rows {
        let cell = |(column, text): (usize, &String)| cell(text, T::STATES.contains(&column));
        table.add_row(cells.iter().enumerate().map(cell));
    }
    for column in T::NUMBERS {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    lines(&mut table)
}

/// The lines of a sheet: what one thing is, a name and its value per line.
pub(crate) fn sheet(rows: &[(&str, String)], paper: Paper) -> String {
    let mut table = bare(paper);
    for (name, value) in rows {
        table.add_row([Cell::new(name), cell(value, *name == "state")]);
    }
    lines(&mut table)
}

/// One cell, harmless for a terminal; a word for a state has its colour.
fn cell(text: &str, is_state: bool) -> Cell {
    let cell = Cell::new(escape::text(text));
    match Tone::of(text) {
        _ if !is_state => cell,
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::DarkGreen),
        Tone::Warn => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed),
        Tone::Dim => cell.fg(Color::DarkGrey),
    }
}

fn bare(paper: Paper) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.style_text_only();
    if paper.colours {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    match paper.width() {
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
    use crate::paper::Size;

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
        assert_eq!(table::<Pet>(&[Pet.cells()], Paper::PLAIN), expected);
    }

    #[test]
    fn a_narrow_terminal_breaks_within_the_column() {
        let narrow = Paper { size: Some(Size { columns: 22, lines: 9 }), ..Paper::PLAIN };
        let expected = "NAME  LEGS  SAYS\ncat      4  purrs\n            and\\u{7}\n            \\nmeows\n";
        assert_eq!(table::<Pet>(&[Pet.cells()], narrow), expected);
    }

    #[test]
    fn a_sheet_has_names_and_values() {
        let rows = [("state", "running".to_owned()), ("at", "x\u{1b}y".to_owned())];
        assert_eq!(sheet(&rows, Paper::PLAIN), "state  running\nat     x\\u{1b}y\n");
    }

    #[test]
    fn words_for_states_have_colours_where_the_paper_takes_them() {
        ratatui::crossterm::style::force_color_output(true);
        let coloured = Paper { colours: true, ..Paper::PLAIN };
        let rows = [("state", "failed (disabled)".to_owned()), ("id", "failed".to_owned())];
        assert_eq!(
            sheet(&rows, coloured),
            "state  \u{1b}[38;5;1mfailed (disabled)\u{1b}[39m\nid     failed\n"
        );
        assert_eq!(sheet(&rows, Paper::PLAIN), "state  failed (disabled)\nid     failed\n");
    }

    #[test]
    fn a_table_without_rows_has_its_titles() {
        assert_eq!(table::<Pet>(&[], Paper::PLAIN), "NAME  LEGS  SAYS\n");
    }
}
