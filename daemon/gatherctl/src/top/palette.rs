//! How parts of the screen look, with colours and without.

use crate::tone::Tone;
use ratatui::style::{Color, Modifier, Style};

/// How parts of the screen look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    has_colours: bool,
}

impl Palette {
    /// With or without colours; bold, faint and reversed text is there in any case.
    pub(super) fn new(has_colours: bool) -> Self {
        Self { has_colours }
    }

    /// A word for a state.
    pub(super) fn tone(self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Good => self.colour(Color::Green),
            Tone::Warn => self.colour(Color::Yellow),
            Tone::Bad => self.colour(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Dim => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// A small history.
    pub(super) fn history(self) -> Style {
        self.colour(Color::Cyan)
    }

    /// The title of a pane; of the one that has the keyboard when `is_active`.
    pub(super) fn title(self, is_active: bool) -> Style {
        if is_active { Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED) } else { self.heads() }
    }

    /// Titles of columns.
    pub(super) fn heads(self) -> Style {
        self.colour(Color::Blue).add_modifier(Modifier::BOLD)
    }

    /// The line that is chosen; of the pane that has the keyboard when `is_active`.
    pub(super) fn chosen(is_active: bool) -> Style {
        Style::new().add_modifier(if is_active { Modifier::REVERSED } else { Modifier::UNDERLINED })
    }

    fn colour(self, colour: Color) -> Style {
        if self.has_colours { Style::new().fg(colour) } else { Style::new() }
    }
}
