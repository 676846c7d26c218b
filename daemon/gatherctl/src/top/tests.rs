//! Whole screens, and what keys and reports make of them.

use super::feed::{Listing, Outcome, Picture, Subject};
use super::keys::{Action, Step, Verb};
use super::state::Mode;
use super::*;
use gatherd_client::types::{
    DaemonState, Heartbeat, Number, Plugin, PluginCounts, PluginFailure, PluginLimits, PluginSources,
    PluginState, Source, Timestamp, ValueState, ValueView,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};
use std::collections::BTreeMap;

const EVERY: Duration = Duration::from_secs(2);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn plugin(id: &str, reads: u64) -> Plugin {
    Plugin {
        id: id.to_owned(),
        type_name: id.to_owned(),
        enabled: true,
        state: PluginState::Running,
        since: Timestamp::from_unix(0, 0),
        kind: "native".to_owned(),
        version: None,
        digest: None,
        library: None,
        interval: 10.0,
        reads,
        values: reads * 32,
        failures: 0,
        failures_in_row: 0,
        overruns: 0,
        last_error: None,
        read_time_p50: Some(0.000_12),
        read_time_p99: Some(0.001_5),
        next_read: None,
        drops: BTreeMap::new(),
        abandoned_threads: 0,
        suppressed_lines: 0,
        limits: PluginLimits::default(),
        last_end: None,
        process: None,
        sources: PluginSources { enabled: Source::Default, config: BTreeMap::new() },
        revision: 1,
    }
}

fn failed(id: &str) -> Plugin {
    let message = "no such\nfile".to_owned();
    let time = Timestamp::from_unix(1, 0);
    Plugin {
        state: PluginState::Backoff,
        failures: 3,
        failures_in_row: 3,
        last_error: Some(PluginFailure { code: "read_failed".to_owned(), message, time }),
        read_time_p50: None,
        read_time_p99: None,
        ..plugin(id, 0)
    }
}

fn stopped(id: &str) -> Plugin {
    Plugin { enabled: false, state: PluginState::Stopped, ..plugin(id, 4) }
}

fn view(identifier: &str, seconds: i64, numbers: &[(&str, Number, Option<f64>)]) -> ValueView {
    ValueView {
        identifier: identifier.to_owned(),
        host: String::new(),
        plugin: String::new(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        time: Timestamp::from_unix(seconds, 0),
        interval: 10.0,
        state: ValueState::Unknown,
        judged: None,
        values: numbers.iter().map(|(name, value, _)| ((*name).to_owned(), Some(*value))).collect(),
        rates: numbers.iter().map(|(name, _, rate)| ((*name).to_owned(), *rate)).collect(),
        age: 3.25,
        clock_stepped: false,
        history: None,
    }
}

/// The series of `cpu` after so many reads.
fn series(reads: u32) -> Vec<ValueView> {
    let seconds = i64::from(reads) * 10;
    let load = f64::from(reads);
    let octets = Number::Unsigned(u64::from(reads) * 1_000);
    vec![
        view("web1/cpu/gauge-load", seconds, &[("value", Number::Float(load), Some(load))]),
        view(
            "web1/cpu/if_octets",
            seconds,
            &[("rx", octets, Some(100.0)), ("tx", Number::Unsigned(7), None)],
        ),
        view("other/cpu/gauge-load", seconds, &[("value", Number::Float(0.5), Some(0.5))]),
    ]
}

fn picture(plugins: Vec<Plugin>, listing: Option<(&str, Vec<ValueView>)>) -> Report {
    let running = plugins.iter().filter(|plugin| plugin.state == PluginState::Running).count() as u64;
    let total = plugins.len() as u64;
    let heartbeat = Heartbeat {
        time: Timestamp::from_unix(0, 0),
        uptime: 90_061.0,
        boot_uptime: None,
        version: "0.1.0".to_owned(),
        revision: 7,
        hostname: "web1".to_owned(),
        state: DaemonState::Degraded,
        plugins: PluginCounts { total, running, ..PluginCounts::default() },
        series: 123,
        audit_lost: 0,
        values_total: 1,
        streams: gatherd_client::types::StreamCounts::default(),
        keystone: None,
    };
    let listing = listing.map(|(id, views)| Listing { id: id.to_owned(), views, is_cut: false });
    Report::Picture(Ok(Box::new(Picture { heartbeat, plugins, listing })))
}

fn all(reads: u64) -> Vec<Plugin> {
    vec![plugin("cpu", reads), failed("df"), plugin("memory", 2), stopped("swap")]
}

/// A view of four plugins that was told two pictures, ten seconds apart.
fn top() -> Top {
    let mut top = Top::new(EVERY);
    assert_eq!(top.report(picture(all(1), None), at(0)), Effect::None);
    top.report(picture(all(1), Some(("cpu", series(1)))), at(1));
    top.report(picture(all(2), Some(("cpu", series(2)))), at(10));
    top
}

fn terminal(top: &mut Top, now: Duration, (width, height): (u16, u16)) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, top, now, Palette::new(true))).unwrap();
    terminal
}

/// The lines of the screen, without blanks at their ends.
fn screen(top: &mut Top, now: Duration, size: (u16, u16)) -> String {
    let terminal = terminal(top, now, size);
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(size.0));
    let row = |cells: &[ratatui::buffer::Cell]| {
        let text: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        format!("{}\n", text.trim_end())
    };
    rows.map(row).collect()
}

fn line(top: &mut Top, number: usize) -> String {
    screen(top, at(10), (100, 20)).lines().nth(number).unwrap_or_default().to_owned()
}

fn typed(top: &mut Top, text: &str) {
    top.act(Action::Filter);
    text.chars().for_each(|char| assert_eq!(top.act(Action::Type(char)), Effect::None));
}

#[test]
fn a_screen_shows_plugins_and_the_series_of_the_chosen_one() {
    let expected = "\
gatherd 0.1.0 on web1  degraded  up 1d 1h  2 of 4 plugins run  123 series
Plugins  4 by id
ID             STATE         EVERY    READS     P50     P99 VALUES/S  FAILED LAST ERROR
cpu            running         10s        2   120us   1.5ms     3.20       0 -
df             backoff         10s        0       -       -        -       3 read_failed: no such\\nf
memory         running         10s        2   120us   1.5ms        -       0 -
swap           disabled        10s        4   120us   1.5ms        -       0 -
Series of cpu  4 by name
SERIES                        VALUE PER SECOND     AGE HISTORY
other/cpu/gauge-load            0.5          -      4s ▁▁
cpu/gauge-load                    2          -      4s ▁█
cpu/if_octets rx               2000        100      4s ▁▁
cpu/if_octets tx                  7          -      4s
q quit  ? help  tab pane  / filter  s sort  e enable  d disable  r restart
";
    assert_eq!(screen(&mut top(), at(11), (100, 14)), expected);
}

#[test]
fn a_narrow_screen_leaves_out_what_matters_less() {
    let text = screen(&mut top(), at(10), (60, 14));
    assert_eq!(text.lines().nth(2).unwrap(), "ID             STATE         EVERY     P99 VALUES/S  FAILED");
    assert_eq!(text.lines().nth(8).unwrap(), "SERIES                     VALUE PER SECOND     AGE HISTORY");
    let text = screen(&mut top(), at(10), (50, 14));
    assert_eq!(text.lines().nth(8).unwrap(), "SERIES                    VALUE PER SECOND     AGE");
    let text = screen(&mut top(), at(10), (30, 14));
    assert_eq!(text.lines().nth(2).unwrap(), "ID             STATE");
}

#[test]
fn a_low_screen_shows_the_pane_that_has_the_keys() {
    let mut top = top();
    let text = screen(&mut top, at(10), (60, 6));
    assert_eq!(text.lines().nth(1).unwrap(), "Plugins  4 by id");
    assert_eq!(top.upper.page, 2);
    top.act(Action::OtherPane);
    let text = screen(&mut top, at(10), (60, 6));
    assert_eq!(text.lines().nth(1).unwrap(), "Series of cpu  4 by name");
}

#[test]
fn a_tiny_screen_says_so_and_nothing_panics_at_any_size() {
    let text = screen(&mut top(), at(10), (19, 5));
    assert_eq!(text, "too small to show\nanything; q leaves\n\n\n\n");
    for width in [1, 19, 20, 21, 33, 59, 80, 200] {
        for height in (1..16).chain([50]) {
            let mut top = top();
            screen(&mut top, at(10), (width, height));
            top.act(Action::Help);
            screen(&mut top, at(10), (width, height));
        }
    }
}

#[test]
fn states_have_colours_and_the_chosen_line_is_reversed() {
    let terminal = terminal(&mut top(), at(10), (100, 14));
    let buffer = terminal.backend().buffer();
    let colour = |x, y| buffer.cell((x, y)).unwrap().fg;
    assert_eq!(colour(15, 5), Color::Green, "running");
    assert_eq!(colour(15, 4), Color::Yellow, "backoff");
    assert!(buffer.cell((0, 3)).unwrap().modifier.contains(Modifier::REVERSED));
    assert!(!buffer.cell((0, 4)).unwrap().modifier.contains(Modifier::REVERSED));
}

#[test]
fn without_colours_there_is_not_one() {
    let mut terminal = Terminal::new(TestBackend::new(100, 14)).unwrap();
    let mut top = top();
    top.report(Report::Picture(Err("x".to_owned())), at(11));
    terminal.draw(|frame| draw(frame, &mut top, at(12), Palette::new(false))).unwrap();
    let is_plain = |cell: &ratatui::buffer::Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
    assert!(terminal.backend().buffer().content().iter().all(is_plain));
}

#[test]
fn a_daemon_that_is_away_is_told_and_forgotten_when_it_is_back() {
    let mut top = top();
    top.report(Report::Picture(Err("connection\u{1b} refused".to_owned())), at(12));
    let text = screen(&mut top, at(15), (100, 14));
    let expected = "no answer: connection\\u{1b} refused; trying again, last answer 5s ago";
    assert_eq!(text.lines().next().unwrap(), expected);
    assert!(text.contains("cpu            running"), "what was known stays: {text}");
    top.report(picture(all(0), Some(("cpu", series(0)))), at(16));
    let text = screen(&mut top, at(16), (100, 14));
    assert!(text.starts_with("gatherd 0.1.0 on web1  degraded"), "{text}");
    assert!(text.contains("cpu            running         10s        0   120us   1.5ms        -"), "{text}");
}

#[test]
fn a_daemon_that_is_slow_is_told() {
    let mut top = top();
    let first = |top: &mut Top, now| screen(top, at(now), (60, 6)).lines().next().unwrap().to_owned();
    assert_eq!(first(&mut top, 16), "gatherd 0.1.0 on web1  degraded  up 1d 1h  2 of 4 plugins ru");
    assert_eq!(first(&mut top, 17), "waiting for an answer for 7s");
}

#[test]
fn lines_are_chosen_and_stay_chosen_wherever_they_are_sorted_to() {
    let mut top = top();
    screen(&mut top, at(10), (100, 14));
    let chosen = |top: &Top| top.upper.chosen.clone().unwrap();
    for (step, expected) in [
        (Step::Up, "cpu"),
        (Step::Down, "df"),
        (Step::Last, "swap"),
        (Step::Down, "swap"),
        (Step::PageUp, "cpu"),
        (Step::PageDown, "swap"),
        (Step::First, "cpu"),
        (Step::Down, "df"),
    ] {
        top.act(Action::Step(step));
        assert_eq!(chosen(&top), expected, "{step:?}");
    }
    top.act(Action::Sort);
    assert_eq!((chosen(&top).as_str(), top.upper.table.selected()), ("df", Some(0)));
    assert!(line(&mut top, 1).starts_with("Plugins  4 by state"), "{}", line(&mut top, 1));
    let rest: Vec<Plugin> = all(3).into_iter().filter(|plugin| plugin.id != "df").collect();
    top.report(picture(rest, None), at(11));
    assert_eq!(chosen(&top), "cpu", "what took its place");
    top.report(picture(vec![], None), at(12));
    assert_eq!((top.upper.chosen.as_deref(), top.subject()), (None, None));
}

#[test]
fn every_order_sorts_and_they_go_in_a_circle() {
    let mut top = top();
    let ids = |top: &Top| {
        let lines = top.plugins.shown("", top.plugin_order);
        lines.iter().map(|line| line.plugin.id.clone()).collect::<Vec<_>>().join(" ")
    };
    for expected in [
        "cpu df memory swap",
        "df cpu memory swap",
        "cpu memory swap df",
        "cpu df memory swap",
        "df cpu memory swap",
        "cpu df memory swap",
    ] {
        assert_eq!(ids(&top), expected, "{:?}", top.plugin_order);
        top.act(Action::Sort);
    }
    top.act(Action::OtherPane);
    let labels = |top: &Top| top.series.shown("", top.series_order)[0].label.clone();
    assert_eq!(labels(&top), "other/cpu/gauge-load");
    top.act(Action::Sort);
    assert_eq!(labels(&top), "cpu/if_octets rx");
}

#[test]
fn another_plugin_is_asked_for_and_its_history_is_its_own() {
    let mut top = top();
    let subject = |id: &str| Some(Subject { id: id.to_owned(), type_name: id.to_owned() });
    assert_eq!(top.subject(), subject("cpu"));
    top.act(Action::Step(Step::Down));
    assert_eq!(top.subject(), subject("df"));
    assert_eq!(line(&mut top, 7), "Series of df  asking");
    top.report(picture(all(2), Some(("cpu", series(2)))), at(11));
    assert_eq!(line(&mut top, 7), "Series of df  asking", "an answer that came too late");
    top.report(picture(all(2), Some(("df", vec![]))), at(12));
    assert_eq!(line(&mut top, 7), "Series of df  0 by name");
    assert_eq!(line(&mut top, 8), "read_failed: no such\\nfile (1970-01-01T00:00:01Z)");
    top.act(Action::Step(Step::Up));
    top.report(picture(all(2), Some(("cpu", series(2)))), at(13));
    assert!(line(&mut top, 9).ends_with('▁'), "{}", line(&mut top, 9));
    assert!(!line(&mut top, 9).contains("▁▁"), "{}", line(&mut top, 9));
}

#[test]
fn a_history_grows_with_new_values_and_not_with_looks() {
    let mut top = top();
    for now in 11..20 {
        top.report(picture(all(2), Some(("cpu", series(2)))), at(now));
    }
    let bars = |top: &Top| top.series.shown("if_octets rx", top.series_order)[0].history.bars(20);
    assert_eq!(bars(&top), "▁▁");
    top.report(picture(all(3), Some(("cpu", series(3)))), at(20));
    assert_eq!(bars(&top), "▁▁▁");
}

#[test]
fn a_filter_hides_lines_while_it_is_typed_and_esc_takes_it_away() {
    let mut top = top();
    typed(&mut top, "m*");
    let text = screen(&mut top, at(10), (100, 14));
    assert_eq!(text.lines().nth(1).unwrap(), "Plugins  1 of 4 by id  /m*");
    assert_eq!(text.lines().last().unwrap(), "/m*_  Enter keeps it, Esc takes it away");
    assert_eq!(top.upper.chosen.as_deref(), Some("memory"));
    top.act(Action::Keep);
    assert_eq!((top.mode(), top.upper.filter.as_str()), (&Mode::Browse, "m*"));
    top.act(Action::Filter);
    top.act(Action::Erase);
    assert_eq!(top.upper.filter, "m");
    top.act(Action::Back);
    assert_eq!((top.mode(), top.upper.filter.as_str()), (&Mode::Browse, ""));
    typed(&mut top, "backoff");
    assert_eq!(top.upper.chosen.as_deref(), Some("df"), "states pass too");
    top.act(Action::Keep);
    top.act(Action::Back);
    assert_eq!(top.upper.filter, "");
}

#[test]
fn a_filter_of_the_other_pane_is_its_own() {
    let mut top = top();
    top.act(Action::OtherPane);
    typed(&mut top, "octets");
    assert_eq!(line(&mut top, 7), "Series of cpu  2 of 4 by name  /octets");
    assert_eq!(line(&mut top, 1), "Plugins  4 by id");
    assert_eq!(top.lower.chosen.as_deref(), Some("web1/cpu/if_octets rx"));
}

#[test]
fn enabling_is_done_at_once_and_its_outcome_told() {
    let mut top = top();
    top.act(Action::Step(Step::Last));
    let errand = Errand { verb: Verb::Enable, id: "swap".to_owned() };
    assert_eq!(top.act(Action::Steer(Verb::Enable)), Effect::Do(errand.clone()));
    assert_eq!(line(&mut top, 19), "enable swap ...");
    assert_eq!(top.act(Action::Steer(Verb::Enable)), Effect::None);
    assert_eq!(line(&mut top, 19), "wait: enable swap is not answered yet");
    let done = Outcome { errand, plugin: Ok(Box::new(plugin("swap", 4))) };
    assert_eq!(top.report(Report::Done(done), at(10)), Effect::Look);
    assert_eq!(line(&mut top, 19), "swap is running");
    top.act(Action::Step(Step::Up));
    assert!(line(&mut top, 19).starts_with("q quit"), "the next key takes it away");
}

#[test]
fn disabling_and_restarting_ask_first() {
    for (verb, word) in [(Verb::Disable, "disable"), (Verb::Restart, "restart")] {
        let mut top = top();
        let errand = Errand { verb, id: "cpu".to_owned() };
        assert_eq!(top.act(Action::Steer(verb)), Effect::None);
        assert_eq!(line(&mut top, 19), format!("{word} cpu? y/n"));
        assert_eq!(top.act(Action::Back), Effect::None);
        assert_eq!(top.mode(), &Mode::Browse);
        top.act(Action::Steer(verb));
        assert_eq!(top.act(Action::Yes), Effect::Do(errand.clone()));
        let done = Outcome { errand, plugin: Err("it is pinned\u{7}".to_owned()) };
        top.report(Report::Done(done), at(10));
        assert_eq!(line(&mut top, 19), format!("cannot {word} cpu: it is pinned\\u{{7}}"));
    }
}

#[test]
fn the_plugin_that_was_asked_about_is_the_one_that_is_steered() {
    let mut top = top();
    top.act(Action::Steer(Verb::Disable));
    let rest: Vec<Plugin> = all(3).into_iter().filter(|plugin| plugin.id != "cpu").collect();
    top.report(picture(rest, None), at(11));
    let errand = Errand { verb: Verb::Disable, id: "cpu".to_owned() };
    assert_eq!(top.act(Action::Yes), Effect::Do(errand), "and not what took its place");
}

#[test]
fn without_a_plugin_there_is_nothing_to_steer() {
    let mut top = Top::new(EVERY);
    top.report(picture(vec![], None), at(0));
    for verb in [Verb::Enable, Verb::Disable, Verb::Restart] {
        assert_eq!(top.act(Action::Steer(verb)), Effect::None);
        assert_eq!(top.mode(), &Mode::Browse);
    }
    assert!(screen(&mut top, at(0), (60, 14)).contains("Series: no plugin is chosen"));
}

#[test]
fn help_names_every_key_and_any_key_ends_it() {
    let mut top = top();
    top.act(Action::Help);
    let text = screen(&mut top, at(10), (100, 20));
    for (keys, meaning) in keys::HELP {
        assert!(text.contains(keys) && text.contains(meaning), "{text}");
    }
    top.act(Action::Back);
    assert_eq!(top.mode(), &Mode::Browse);
}

#[test]
fn names_that_would_steer_the_terminal_are_harmless() {
    let mut top = Top::new(EVERY);
    let evil = Plugin { type_name: "\u{1b}[2J".to_owned(), ..plugin("x\u{9b}2J", 1) };
    let views = vec![view("h\u{202e}/x/y", 1, &[("value", Number::Float(1.0), Some(1.0))])];
    top.report(picture(vec![evil.clone()], None), at(0));
    top.report(picture(vec![evil], Some(("x\u{9b}2J", views))), at(0));
    let text = screen(&mut top, at(0), (100, 14));
    assert!(text.contains("x\\u{9b}2J") && text.contains("h\\u{202e}/x/y"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{text}");
}

#[test]
fn keys_go_the_whole_way() {
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    let mut top = top();
    let key = |code| Some(Ok(Event::Key(KeyEvent::new(code, KeyModifiers::NONE))));
    assert_eq!(pressed(&mut top, key(KeyCode::Char('d'))).unwrap(), Effect::None);
    let errand = Errand { verb: Verb::Disable, id: "cpu".to_owned() };
    assert_eq!(pressed(&mut top, key(KeyCode::Char('y'))).unwrap(), Effect::Do(errand));
    assert_eq!(pressed(&mut top, key(KeyCode::Char('q'))).unwrap(), Effect::Quit);
    assert_eq!(pressed(&mut top, Some(Ok(Event::Resize(1, 1)))).unwrap(), Effect::None);
    assert!(matches!(pressed(&mut top, None), Err(TopError::NoKeys)));
    let broken = Some(Err(io::Error::from(io::ErrorKind::Other)));
    assert!(matches!(pressed(&mut top, broken), Err(TopError::Terminal(_))));
}
