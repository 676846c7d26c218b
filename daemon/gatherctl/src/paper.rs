//! What is printed upon: a terminal of some size, with or without colours, or a file or pipe.

use clap::ValueEnum;
use ratatui::crossterm::style::force_color_output;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal that is not dumb, unless `NO_COLOR` is set to something.
    #[default]
    Auto,
    /// Also in files and pipes.
    Always,
    /// Nowhere.
    Never,
}

/// What is printed upon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Paper {
    /// Columns and lines of the terminal; `None` when it is none.
    pub(crate) size: Option<Size>,
    /// Whether words for states have colours.
    pub(crate) colours: bool,
    /// Whether it is a terminal whose cursor can be moved.
    pub(crate) is_screen: bool,
}

/// Size of a terminal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Size {
    /// Columns; never 0.
    pub(crate) columns: u16,
    /// Lines; never 0.
    pub(crate) lines: u16,
}

impl Paper {
    /// A file or pipe, without colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { size: None, colours: false, is_screen: false };

    /// Standard output as it is now.
    pub(crate) fn find(when: When) -> Self {
        let variable = |name| std::env::var_os(name);
        let stdout = io::stdout();
        let (is_terminal, term) = (stdout.is_terminal(), variable("TERM"));
        let colours = colours(when, is_terminal, variable("NO_COLOR").as_deref(), term.as_deref());
        force_color_output(colours); // What draws for us looks at NO_COLOR by itself, even when we are sure.
        Self { size: Size::find(), colours, is_screen: is_terminal && !is_dumb(term.as_deref()) }
    }

    /// The same after the terminal may have been made larger or smaller.
    pub(crate) fn again(self) -> Self {
        Self { size: self.size.and_then(|_| Size::find()), ..self }
    }

    /// Columns of the terminal; `None` when it is none.
    pub(crate) fn width(self) -> Option<u16> {
        self.size.map(|size| size.columns)
    }
}

impl Size {
    /// The size of the terminal that standard output is now; `None` when it is none, or does not say.
    pub(crate) fn find() -> Option<Self> {
        let stdout = io::stdout();
        let size = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout).ok()).flatten()?;
        (size.ws_col > 0).then_some(Self { columns: size.ws_col, lines: size.ws_row.max(1) })
    }
}

/// Whether to use colours. `no_color` counts when it is not empty, as no-color.org says.
fn colours(when: When, is_terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => is_terminal && no_color.is_none_or(OsStr::is_empty) && !is_dumb(term),
    }
}

/// Whether the cursor of a terminal of this `TERM` cannot be moved. One that does not say is none.
fn is_dumb(term: Option<&OsStr>) -> bool {
    term.is_none_or(|term| term.is_empty() || term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_option_then_the_surroundings() {
        use When::{Always, Auto, Never};
        for (when, is_terminal, no_color, term, expected) in [
            (Auto, true, None, Some("xterm"), true),
            (Auto, true, Some(""), Some("xterm"), true),
            (Auto, true, Some("0"), Some("xterm"), false),
            (Auto, true, None, Some("dumb"), false),
            (Auto, true, None, Some(""), false),
            (Auto, true, None, None, false),
            (Auto, false, None, Some("xterm"), false),
            (Always, false, Some("1"), Some("dumb"), true),
            (Never, true, None, Some("xterm"), false),
        ] {
            let found = colours(when, is_terminal, no_color.map(OsStr::new), term.map(OsStr::new));
            assert_eq!(found, expected, "{when:?} {is_terminal} {no_color:?} {term:?}");
        }
    }
}
