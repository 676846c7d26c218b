//! How a word for a state sounds: what gives it its colour.

/// How good a state is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tone {
    /// Neither good nor bad.
    Plain,
    /// As it should be.
    Good,
    /// On the way, or to be looked at.
    Warn,
    /// Broken.
    Bad,
    /// At rest.
    Dim,
}

impl Tone {
    /// The tone of a text that begins with a word for a state, such as `stopped (disabled)`.
    pub(crate) fn of(text: &str) -> Self {
        let word = text.split([' ', ':']).next().unwrap_or_default();
        match word {
            "running" | "okay" | "success" | "info" => Self::Good,
            "starting" | "stopping" | "backoff" | "degraded" | "warning" | "warn" => Self::Warn,
            "failed" | "unavailable" | "failure" | "missing" | "error" => Self::Bad,
            "stopped" | "unknown" | "debug" => Self::Dim,
            _ => Self::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_sets_the_tone() {
        for (text, tone) in [
            ("running", Tone::Good),
            ("degraded: see `gatherctl plugins`", Tone::Warn),
            ("unavailable (disabled)", Tone::Bad),
            ("stopped (disabled)", Tone::Dim),
            ("", Tone::Plain),
            ("it is running", Tone::Plain),
        ] {
            assert_eq!(Tone::of(text), tone, "{text}");
        }
    }
}
