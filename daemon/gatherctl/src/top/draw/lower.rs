//! The pane of the series of the chosen plugin.

use super::super::palette::Palette;
use super::super::series::SeriesLine;
use super::super::state::{Top, Which};
use super::columns::{self, Column, fitting};
use crate::commands::plugin::failure;
use crate::escape;
use crate::figures;
use crate::tone::Tone;
use gatherd_client::types::{Number, ValueState};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Cell, Row, Table};
use std::time::Duration;

const SERIES: Column = Column { title: "SERIES", width: 16, is_number: false, luxury: 0 };
const VALUE: Column = Column { title: "VALUE", width: 14, is_number: true, luxury: 1 };
const RATE: Column = Column { title: "PER SECOND", width: 10, is_number: true, luxury: 2 };
const AGE: Column = Column { title: "AGE", width: 7, is_number: true, luxury: 3 };
const HISTORY: Column = Column { title: "HISTORY", width: 8, is_number: false, luxury: 4 };

/// How many intervals a value may be old before that is shown.
const OLD: f64 = 2.5;

/// Draws the pane as it is `now`, measured since the view began.
pub(super) fn draw(frame: &mut Frame<'_>, top: &mut Top, area: Rect, now: Duration, palette: Palette) {
    let error = last_error(top);
    let rows = [Constraint::Length(1), Constraint::Length(u16::from(error.is_some())), Constraint::Fill(1)];
    let [head, note, body] = Layout::vertical(rows).areas(area);
    let is_active = top.active == Which::Series;
    frame.render_widget(Line::styled(title(top), palette.title(is_active)), head);
    if let Some(error) = error {
        frame.render_widget(Line::styled(error, palette.tone(Tone::Bad)), note);
    }
    let lines = top.series.shown(&top.lower.filter, top.series_order);
    let later = now.saturating_sub(top.series.told.unwrap_or(now)).as_secs_f64();
    let columns = columns(&lines, body.width);
    let rows = lines.iter().map(|line| Row::new(columns.iter().map(|it| cell(*it, line, later, palette))));
    let table = Table::new(rows, columns.iter().map(|column| column.constraint()))
        .header(Row::new(columns.iter().map(|column| column.head())).style(palette.heads()))
        .column_spacing(1)
        .row_highlight_style(Palette::chosen(is_active));
    frame.render_stateful_widget(table, body, &mut top.lower.table);
    top.lower.page = usize::from(body.height.saturating_sub(1));
}

fn title(top: &Top) -> String {
    let Some(id) = &top.upper.chosen else { return "Series: no plugin is chosen".to_owned() };
    let what = format!("Series of {}", escape::text(id));
    if top.series.told.is_none() {
        return format!("{what}  asking");
    }
    let shown = top.series.shown(&top.lower.filter, top.series_order).len();
    let title = super::title(&what, shown, top.series.count(), top.series_order.as_str(), &top.lower.filter);
    if top.series.is_cut { format!("{title}  (there are more)") } else { title }
}

/// What the chosen plugin failed with last, if it did not succeed since.
fn last_error(top: &Top) -> Option<String> {
    let plugin = top.plugins.find(top.upper.chosen.as_deref()?)?;
    let error = plugin.last_error.as_ref().filter(|_| plugin.failures_in_row > 0)?;
    Some(escape::text(&failure(error)))
}

/// The columns that fit; names get the room that they need, histories the rest.
fn columns(lines: &[&SeriesLine], width: u16) -> Vec<Column> {
    let (mut columns, mut left) = fitting(&[SERIES, VALUE, RATE, AGE, HISTORY], width);
    let longest = lines.iter().map(|line| line.label.chars().count()).max().unwrap_or(0);
    for column in &mut columns {
        if column.title == SERIES.title {
            let more = u16::try_from(longest).unwrap_or(u16::MAX).saturating_sub(SERIES.width).min(left);
            column.width += more;
            left -= more;
        } else if column.title == HISTORY.title {
            column.width += left;
        }
    }
    columns
}

/// One cell; values have become older by `later` seconds since they were told.
fn cell(column: Column, line: &SeriesLine, later: f64, palette: Palette) -> Cell<'static> {
    let mut style = Style::new();
    let text = match column.title {
        "SERIES" => {
            style = palette.tone(tone(line.state));
            escape::text(&line.label)
        }
        "VALUE" => figures::known(line.value, |value| {
            columns::number(figures::number(value), float(value), column.width)
        }),
        "PER SECOND" => columns::rate(line.rate, column.width),
        "AGE" => {
            let age = line.age + later;
            style = if age > OLD * line.interval { palette.tone(Tone::Warn) } else { style };
            figures::seconds(age.floor())
        }
        _ => {
            style = palette.history();
            line.history.bars(usize::from(column.width))
        }
    };
    column.cell(text, style)
}

/// The tone of a series; that nothing judges it is plain.
fn tone(state: ValueState) -> Tone {
    match state {
        ValueState::Unknown => Tone::Plain,
        ValueState::Okay => Tone::Good,
        ValueState::Warning => Tone::Warn,
        ValueState::Failure | ValueState::Missing => Tone::Bad,
    }
}

/// A number of any kind, to within what a float can tell.
fn float(number: Number) -> f64 {
    match number {
        Number::Unsigned(value) => value as f64,
        Number::Signed(value) => value as f64,
        Number::Float(value) => value,
    }
}
