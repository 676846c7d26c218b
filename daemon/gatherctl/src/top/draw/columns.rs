//! Columns of the panes: which ones there is room for, and how their cells look.

use crate::figures;
use ratatui::layout::Constraint;
use ratatui::style::Style;
use ratatui::text::Text;
use ratatui::widgets::Cell;

/// One column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Column {
    /// What stands above it.
    pub(super) title: &'static str,
    /// How wide it is, in columns of the terminal.
    pub(super) width: u16,
    /// Whether it stands to the right.
    pub(super) is_number: bool,
    /// Whether it is left out for want of room: the greatest first, and 0 never.
    pub(super) luxury: u8,
}

impl Column {
    /// The cell of this column with a text.
    pub(super) fn cell(self, text: String, style: Style) -> Cell<'static> {
        let text = Text::styled(text, style);
        Cell::new(if self.is_number { text.right_aligned() } else { text })
    }

    /// Its title.
    pub(super) fn head(self) -> Cell<'static> {
        self.cell(self.title.to_owned(), Style::new())
    }

    /// Its width, for a table.
    pub(super) fn constraint(self) -> Constraint {
        Constraint::Length(self.width)
    }
}

/// The columns that fit into `width`, one blank apart, and what is left of it.
pub(super) fn fitting(columns: &[Column], width: u16) -> (Vec<Column>, u16) {
    let mut kept = columns.to_vec();
    loop {
        let used = used(&kept);
        let greatest = kept.iter().map(|column| column.luxury).max().unwrap_or(0);
        if used <= width || greatest == 0 {
            return (kept, width.saturating_sub(used));
        }
        kept.retain(|column| column.luxury != greatest);
    }
}

fn used(columns: &[Column]) -> u16 {
    columns.iter().map(|column| column.width + 1).sum::<u16>().saturating_sub(1)
}

/// A number's text, or a shorter form where it has not the room; never a part of the digits.
pub(super) fn number(text: String, value: f64, width: u16) -> String {
    if text.len() <= usize::from(width) { text } else { format!("{value:.2e}") }
}

/// A count.
pub(super) fn count(count: u64, width: u16) -> String {
    number(count.to_string(), count as f64, width)
}

/// So much per second, or the sign for the unknown.
pub(super) fn rate(rate: Option<f64>, width: u16) -> String {
    figures::known(rate, |rate| number(figures::float(rate), rate, width))
}

/// So much per second with three digits that count, for what is measured from outside.
pub(super) fn pace(pace: Option<f64>, width: u16) -> String {
    figures::known(pace, |pace| {
        let decimals = match pace {
            100.0.. => 0,
            10.0..100.0 => 1,
            _ => 2,
        };
        number(format!("{pace:.decimals$}"), pace, width)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(title: &'static str, width: u16, luxury: u8) -> Column {
        Column { title, width, is_number: false, luxury }
    }

    #[test]
    fn what_there_is_no_room_for_is_left_out_by_its_luxury() {
        let columns = [column("A", 10, 0), column("B", 5, 2), column("C", 5, 1)];
        let titles = |width| {
            let (kept, left) = fitting(&columns, width);
            (kept.iter().map(|column| column.title).collect::<String>(), left)
        };
        assert_eq!(titles(30), ("ABC".to_owned(), 8));
        assert_eq!(titles(22), ("ABC".to_owned(), 0));
        assert_eq!(titles(21), ("AC".to_owned(), 5));
        assert_eq!(titles(15), ("A".to_owned(), 5));
        assert_eq!(titles(3), ("A".to_owned(), 0));
    }

    #[test]
    fn a_number_is_never_cut() {
        assert_eq!(count(1_234, 4), "1234");
        assert_eq!(count(u64::MAX, 8), "1.84e19");
        assert_eq!(rate(Some(-12_345_678.0), 8), "-1.23e7");
        assert_eq!(rate(None, 8), "-");
        assert_eq!(pace(Some(1e12), 8), "1.00e12");
    }

    #[test]
    fn a_pace_has_three_digits_that_count() {
        for (per_second, shown) in [(0.0, "0.00"), (1.4887, "1.49"), (32.04, "32.0"), (1_234.5, "1234")] {
            assert_eq!(pace(Some(per_second), 8), shown);
        }
        assert_eq!(pace(None, 8), "-");
    }
}
