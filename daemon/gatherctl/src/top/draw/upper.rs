//! The pane of the plugins.

use super::super::palette::Palette;
use super::super::plugins::PluginLine;
use super::super::state::{Top, Which};
use super::columns::{self, Column, fitting};
use crate::commands::plugin::failure;
use crate::escape;
use crate::figures;
use crate::tone::Tone;
use gatherd_client::types::{Plugin, PluginState};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Row, Table};

const ID: Column = Column { title: "ID", width: 14, is_number: false, luxury: 0 };
const STATE: Column = Column { title: "STATE", width: 11, is_number: false, luxury: 0 };
const INTERVAL: Column = Column { title: "EVERY", width: 7, is_number: true, luxury: 4 };
const READS: Column = Column { title: "READS", width: 8, is_number: true, luxury: 5 };
const P50: Column = Column { title: "P50", width: 7, is_number: true, luxury: 6 };
const P99: Column = Column { title: "P99", width: 7, is_number: true, luxury: 2 };
const PACE: Column = Column { title: "VALUES/S", width: 8, is_number: true, luxury: 1 };
const FAILURES: Column = Column { title: "FAILED", width: 7, is_number: true, luxury: 3 };

/// Has what the others leave, if that is worth it.
const ERROR: Column = Column { title: "LAST ERROR", width: 12, is_number: false, luxury: 7 };

/// Draws the pane.
pub(super) fn draw(frame: &mut Frame<'_>, top: &mut Top, area: Rect, palette: Palette) {
    let rows = [Constraint::Length(1), Constraint::Fill(1)];
    let [head, body] = Layout::vertical(rows).areas(area);
    let is_active = top.active == Which::Plugins;
    let lines = top.plugins.shown(&top.upper.filter, top.plugin_order);
    let order = top.plugin_order.as_str();
    let title = super::title("Plugins", lines.len(), top.plugins.count(), order, &top.upper.filter);
    frame.render_widget(Line::styled(title, palette.title(is_active)), head);
    let columns = columns(&lines, body.width);
    let rows = lines.iter().map(|line| Row::new(columns.iter().map(|it| cell(*it, line, palette))));
    let table = Table::new(rows, columns.iter().map(|column| column.constraint()))
        .header(Row::new(columns.iter().map(|column| column.head())).style(palette.heads()))
        .column_spacing(1)
        .row_highlight_style(Palette::chosen(is_active));
    frame.render_stateful_widget(table, body, &mut top.upper.table);
    top.upper.page = usize::from(body.height.saturating_sub(1));
}

/// The columns that fit; ids get more room where they need and there is some, errors the rest.
fn columns(lines: &[&PluginLine], width: u16) -> Vec<Column> {
    let (mut columns, mut left) =
        fitting(&[ID, STATE, INTERVAL, READS, P50, P99, PACE, FAILURES, ERROR], width);
    let longest = lines.iter().map(|line| line.plugin.id.len()).max().unwrap_or(0);
    for column in &mut columns {
        if column.title == ID.title {
            let more = u16::try_from(longest).unwrap_or(u16::MAX).saturating_sub(ID.width).min(left / 2);
            column.width += more;
            left -= more;
        } else if column.title == ERROR.title {
            column.width += left;
        }
    }
    columns
}

fn cell(column: Column, line: &PluginLine, palette: Palette) -> ratatui::widgets::Cell<'static> {
    let plugin = &line.plugin;
    let mut style = Style::new();
    let text = match column.title {
        "ID" => escape::text(&plugin.id),
        "STATE" => {
            style = palette.tone(Tone::of(plugin.state.as_str()));
            state(plugin).to_owned()
        }
        "EVERY" => figures::seconds(plugin.interval),
        "READS" => columns::count(plugin.reads, column.width),
        "P50" => figures::known(plugin.read_time_p50, figures::seconds),
        "P99" => figures::known(plugin.read_time_p99, figures::seconds),
        "VALUES/S" => columns::pace(line.pace, column.width),
        "FAILED" => {
            style = if plugin.failures_in_row > 0 { palette.tone(Tone::Bad) } else { style };
            columns::count(plugin.failures, column.width)
        }
        _ => escape::text(&figures::known(plugin.last_error.as_ref(), failure)),
    };
    column.cell(text, style)
}

/// The state; what rests because it is meant to is disabled.
fn state(plugin: &Plugin) -> &'static str {
    match plugin.state {
        PluginState::Stopped if !plugin.enabled => "disabled",
        state => state.as_str(),
    }
}
