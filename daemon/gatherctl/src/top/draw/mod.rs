//! The screen: a line about the daemon, plugins, series of the chosen one, and a line for keys and answers.
//!
//! Where there is no room for both panes, the one that has the keyboard is shown. Text from elsewhere passes
//! `escape`.

mod columns;
mod lower;
mod upper;

use super::feed::Errand;
use super::keys::HELP;
use super::palette::Palette;
use super::state::{Mode, Top, Which};
use crate::escape;
use crate::figures;
use crate::tone::Tone;
use gatherd_client::types::{DaemonState, Heartbeat};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph, Wrap};
use std::time::Duration;

/// Smallest screen on which a pane can be read, in columns and lines.
const SMALLEST: (u16, u16) = (20, 4);

/// From how many lines on there are two panes.
const TWO_PANES: u16 = 12;

/// Draws all that is known `now`, measured since the view began.
pub(super) fn draw(frame: &mut Frame<'_>, top: &mut Top, now: Duration, palette: Palette) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = Paragraph::new("too small to show anything; q leaves").wrap(Wrap { trim: true });
        frame.render_widget(text, area);
        return;
    }
    let rows = [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)];
    let [head, body, foot] = Layout::vertical(rows).areas(area);
    frame.render_widget(header(top, now, palette), head);
    panes(frame, top, body, now, palette);
    frame.render_widget(footer(top, palette), foot);
    if *top.mode() == Mode::Help {
        help(frame, body, palette);
    }
}

fn panes(frame: &mut Frame<'_>, top: &mut Top, body: Rect, now: Duration, palette: Palette) {
    if body.height < TWO_PANES {
        match top.active {
            Which::Plugins => upper::draw(frame, top, body, palette),
            Which::Series => lower::draw(frame, top, body, now, palette),
        }
        return;
    }
    // Title, heads and all plugins, if that leaves half of the room to the series.
    let wanted = u16::try_from(top.plugins.count()).unwrap_or(u16::MAX).saturating_add(2);
    let height = wanted.clamp(4, body.height / 2);
    let [above, below] = Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(body);
    upper::draw(frame, top, above, palette);
    lower::draw(frame, top, below, now, palette);
}

/// How the daemon fares, or that it does not say.
fn header(top: &Top, now: Duration, palette: Palette) -> Line<'static> {
    let silent = now.saturating_sub(top.told);
    let ago = figures::seconds(silent.as_secs().max(1) as f64);
    if let Some(missing) = &top.missing {
        let text = format!("no answer: {}; trying again, last answer {ago} ago", escape::text(missing));
        return Line::styled(text, palette.tone(Tone::Bad));
    }
    if silent > top.every * 2 + Duration::from_secs(2) {
        return Line::styled(format!("waiting for an answer for {ago}"), palette.tone(Tone::Warn));
    }
    top.heartbeat.as_ref().map_or_else(Line::default, |heartbeat| facts(heartbeat, palette))
}

fn facts(heartbeat: &Heartbeat, palette: Palette) -> Line<'static> {
    let Heartbeat { version, hostname, state, plugins, series, uptime, .. } = heartbeat;
    let word = match state {
        DaemonState::Starting => "starting",
        DaemonState::Running => "running",
        DaemonState::Degraded => "degraded",
        DaemonState::Stopping => "stopping",
    };
    let first = format!("gatherd {} on {}  ", escape::text(version), escape::text(hostname));
    let rest = format!(
        "  up {}  {} of {} plugins run  {series} series",
        figures::seconds(uptime.floor()),
        plugins.running,
        plugins.total
    );
    Line::from(vec![Span::raw(first), Span::styled(word, palette.tone(Tone::of(word))), Span::raw(rest)])
}

/// What is typed or asked, what became of a wish, or what the keys mean.
fn footer(top: &Top, palette: Palette) -> Line<'static> {
    let wish = |errand: &Errand| format!("{} {}", errand.verb.as_str(), escape::text(&errand.id));
    match (top.mode(), &top.message, &top.errand) {
        (Mode::Filter, ..) => {
            let filter = match top.active {
                Which::Plugins => &top.upper.filter,
                Which::Series => &top.lower.filter,
            };
            Line::from(format!("/{}_  Enter keeps it, Esc takes it away", escape::text(filter)))
        }
        (Mode::Confirm(errand), ..) => {
            Line::styled(format!("{}? y/n", wish(errand)), palette.tone(Tone::Warn))
        }
        (_, Some((message, tone)), _) => Line::styled(escape::text(message), palette.tone(*tone)),
        (_, None, Some(errand)) => Line::from(format!("{} ...", wish(errand))),
        (Mode::Browse | Mode::Help, None, None) => Line::styled(
            "q quit  ? help  tab pane  / filter  s sort  e enable  d disable  r restart",
            Style::new(),
        ),
    }
}

/// What the keys mean, over all else.
fn help(frame: &mut Frame<'_>, body: Rect, palette: Palette) {
    let line = |(keys, meaning): &(&'static str, &'static str)| {
        Line::from(vec![Span::styled(format!("{keys:20}"), palette.heads()), Span::raw(*meaning)])
    };
    frame.render_widget(Clear, body);
    frame.render_widget(Paragraph::new(HELP.iter().map(line).collect::<Vec<_>>()), body);
}

/// The title of a pane: what it shows, how much of it, sorted by what.
fn title(what: &str, shown: usize, all: usize, order: &str, filter: &str) -> String {
    let count = if shown == all { all.to_string() } else { format!("{shown} of {all}") };
    let filter = if filter.is_empty() { String::new() } else { format!("  /{}", escape::text(filter)) };
    format!("{what}  {count} by {order}{filter}")
}
