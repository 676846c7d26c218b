//! Text from elsewhere, made harmless for a terminal.
//!
//! A daemon hands on what plugins, scripts and other hosts named; none of it may move a cursor, change a
//! title, or reorder what is read. All that is printed passes here.

use std::fmt::Write as _;

/// `text` with `\u{1b}`, `\n` and the like in the place of characters that a terminal acts upon.
pub(crate) fn text(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, char| {
        match char {
            _ if acts(char) => out.extend(char.escape_default()),
            char => out.push(char),
        }
        out
    })
}

/// JSON text with `\u001b` and the like in the place of characters that a terminal acts upon; line feeds
/// stay, since JSON has them only between its parts.
pub(crate) fn json(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut out, char| {
        if char == '\n' || !acts(char) {
            out.push(char);
            return out;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            let _infallible = write!(out, "\\u{unit:04x}");
        }
        out
    })
}

/// Whether a terminal may act upon a character, or show it as nothing: controls (C0, DEL, C1), marks of
/// direction and joining, line separators, invisible operators, tags.
fn acts(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_upon_is_written_out() {
        assert_eq!(text("a\u{1b}[2J\n\u{9b}1m\u{7f}"), r"a\u{1b}[2J\n\u{9b}1m\u{7f}");
        assert_eq!(text("\u{202e}txt.exe"), r"\u{202e}txt.exe");
    }

    #[test]
    fn letters_of_all_languages_stay() {
        assert_eq!(text("é 温度 ✓ \\ \""), "é 温度 ✓ \\ \"");
    }

    #[test]
    fn escaped_json_says_the_same() {
        let value = serde_json::json!({ "a": "\u{9b}\u{e0001}\u{202e}\u{1b}\n\u{7f}é" });
        let escaped = json(&serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(escaped, "{\n  \"a\": \"\\u009b\\udb40\\udc01\\u202e\\u001b\\n\\u007fé\"\n}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
