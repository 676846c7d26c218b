//! What keys mean.

use super::state::Mode;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What somebody wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    /// Leave.
    Quit,
    /// Choose another line.
    Step(Step),
    /// Give the keyboard to the other pane.
    OtherPane,
    /// Sort by the next column.
    Sort,
    /// Show what the keys mean.
    Help,
    /// Begin to type a filter.
    Filter,
    /// A character of the filter.
    Type(char),
    /// Take away the last character of the filter.
    Erase,
    /// Go back to the lines, and keep the filter.
    Keep,
    /// Go back to the lines; no filter, no question, no help.
    Back,
    /// Steer the chosen plugin.
    Steer(Verb),
    /// Do what was asked about.
    Yes,
}

/// How far to go in a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first line.
    First,
    /// To the last line.
    Last,
}

/// What can be done with a plugin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verb {
    /// Make it run.
    Enable,
    /// Make it rest.
    Disable,
    /// Stop it and start it again.
    Restart,
}

impl Verb {
    /// The word of the command line.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Restart => "restart",
        }
    }
}

/// Keys, and what they mean, for people.
pub(super) const HELP: [(&str, &str); 12] = [
    ("up, down, k, j", "choose a line"),
    ("page up, page down", "go a page up or down"),
    ("home, end, g, G", "go to the first or last line"),
    ("tab", "give the keys to the other pane"),
    ("/", "filter: text that occurs, or a pattern such as cpu-*; Esc takes it away"),
    ("s", "sort by the next column"),
    ("e", "enable the chosen plugin, now and after every start of the daemon"),
    ("d", "disable it, now and after every start of the daemon; asks first"),
    ("r", "restart it with the same code; asks first"),
    ("?", "show or hide this help"),
    ("q, Ctrl-C", "leave"),
    ("y, n", "answer a question"),
];

/// What `key` means in `mode`; `None` when nothing.
pub(super) fn action(mode: &Mode, key: KeyEvent) -> Option<Action> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match (mode, key.code) {
        (_, KeyCode::Char('c')) if is_control => Some(Action::Quit),
        (Mode::Filter, code) => typing(code, is_control),
        (_, _) if is_control => None,
        (Mode::Browse, code) => browsing(code),
        (Mode::Confirm(_), KeyCode::Char('y' | 'Y')) => Some(Action::Yes),
        (Mode::Confirm(_), KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc) => Some(Action::Back),
        (Mode::Confirm(_), _) => None,
        (Mode::Help, KeyCode::Char('q')) => Some(Action::Quit),
        (Mode::Help, _) => Some(Action::Back),
    }
}

fn browsing(code: KeyCode) -> Option<Action> {
    Some(match code {
        KeyCode::Char('q') => Action::Quit,
        KeyCode::Tab | KeyCode::BackTab => Action::OtherPane,
        KeyCode::Char('/') => Action::Filter,
        KeyCode::Char('s') => Action::Sort,
        KeyCode::Char('?') => Action::Help,
        KeyCode::Char('e') => Action::Steer(Verb::Enable),
        KeyCode::Char('d') => Action::Steer(Verb::Disable),
        KeyCode::Char('r') => Action::Steer(Verb::Restart),
        KeyCode::Esc => Action::Back,
        code => return stepping(code).map(Action::Step),
    })
}

fn stepping(code: KeyCode) -> Option<Step> {
    Some(match code {
        KeyCode::Up | KeyCode::Char('k') => Step::Up,
        KeyCode::Down | KeyCode::Char('j') => Step::Down,
        KeyCode::PageUp => Step::PageUp,
        KeyCode::PageDown => Step::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Step::First,
        KeyCode::End | KeyCode::Char('G') => Step::Last,
        _ => return None,
    })
}

fn typing(code: KeyCode, is_control: bool) -> Option<Action> {
    match code {
        KeyCode::Char('h') if is_control => Some(Action::Erase),
        KeyCode::Char('u') if is_control => Some(Action::Back),
        KeyCode::Char(char) if !is_control => Some(Action::Type(char)),
        KeyCode::Backspace => Some(Action::Erase),
        KeyCode::Enter => Some(Action::Keep),
        KeyCode::Esc => Some(Action::Back),
        KeyCode::Up => Some(Action::Step(Step::Up)),
        KeyCode::Down => Some(Action::Step(Step::Down)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed::Errand;
    use super::*;

    fn meant(mode: &Mode, code: KeyCode) -> Option<Action> {
        action(mode, KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn question() -> Mode {
        Mode::Confirm(Errand { verb: Verb::Disable, id: "cpu".to_owned() })
    }

    #[test]
    fn keys_move_and_steer_while_browsing() {
        for (code, expected) in [
            (KeyCode::Char('q'), Some(Action::Quit)),
            (KeyCode::Up, Some(Action::Step(Step::Up))),
            (KeyCode::Char('j'), Some(Action::Step(Step::Down))),
            (KeyCode::PageUp, Some(Action::Step(Step::PageUp))),
            (KeyCode::PageDown, Some(Action::Step(Step::PageDown))),
            (KeyCode::Home, Some(Action::Step(Step::First))),
            (KeyCode::Char('G'), Some(Action::Step(Step::Last))),
            (KeyCode::Tab, Some(Action::OtherPane)),
            (KeyCode::Char('/'), Some(Action::Filter)),
            (KeyCode::Char('s'), Some(Action::Sort)),
            (KeyCode::Char('?'), Some(Action::Help)),
            (KeyCode::Char('e'), Some(Action::Steer(Verb::Enable))),
            (KeyCode::Char('d'), Some(Action::Steer(Verb::Disable))),
            (KeyCode::Char('r'), Some(Action::Steer(Verb::Restart))),
            (KeyCode::Esc, Some(Action::Back)),
            (KeyCode::Char('y'), None),
            (KeyCode::Enter, None),
        ] {
            assert_eq!(meant(&Mode::Browse, code), expected, "{code:?}");
        }
    }

    #[test]
    fn letters_are_text_while_a_filter_is_typed() {
        for char in ['q', 'd', 'r', '/', '?', 'é'] {
            assert_eq!(meant(&Mode::Filter, KeyCode::Char(char)), Some(Action::Type(char)));
        }
        assert_eq!(meant(&Mode::Filter, KeyCode::Enter), Some(Action::Keep));
        assert_eq!(meant(&Mode::Filter, KeyCode::Backspace), Some(Action::Erase));
        assert_eq!(meant(&Mode::Filter, KeyCode::Esc), Some(Action::Back));
    }

    #[test]
    fn a_question_takes_yes_and_no_alone() {
        assert_eq!(meant(&question(), KeyCode::Char('y')), Some(Action::Yes));
        for code in [KeyCode::Char('n'), KeyCode::Esc, KeyCode::Char('q')] {
            assert_eq!(meant(&question(), code), Some(Action::Back));
        }
        for code in [KeyCode::Enter, KeyCode::Char('d'), KeyCode::Down] {
            assert_eq!(meant(&question(), code), None);
        }
    }

    #[test]
    fn any_key_ends_the_help() {
        assert_eq!(meant(&Mode::Help, KeyCode::Char('?')), Some(Action::Back));
        assert_eq!(meant(&Mode::Help, KeyCode::Char('d')), Some(Action::Back));
        assert_eq!(meant(&Mode::Help, KeyCode::Char('q')), Some(Action::Quit));
    }

    #[test]
    fn control_and_c_leaves_from_everywhere_and_control_steers_nothing() {
        for mode in [Mode::Browse, Mode::Filter, question(), Mode::Help] {
            let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(action(&mode, key), Some(Action::Quit));
        }
        let key = KeyEvent::new(KeyCode::Char('d'), KeyModifiers::CONTROL);
        assert_eq!(action(&Mode::Browse, key), None);
        assert_eq!(action(&Mode::Filter, key), None);
    }
}
