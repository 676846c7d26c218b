//! How deep do the keys of a TOML text go? Asked before a parser that recurses is let near it.
//!
//! Every walk over a document recurses, and so does giving its memory back; a key such as `a.a.a…` of one
//! mebibyte would end the process by its stack.

use super::lines::line_at;

/// How many parts a key may have, and how deep tables may lie in each other.
pub(super) const DEEPEST: usize = 32;

/// The line of the first key with more than [`DEEPEST`] parts, counted from 1.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let (mut rest, mut dots) = (text, 0);
    while let Some(character) = rest.chars().next() {
        let width = match character {
            '"' | '\'' => string(rest, character),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            _ => character.len_utf8(),
        };
        match character {
            '.' => dots += 1,
            '\n' | '=' | ',' | '[' | ']' | '{' | '}' => dots = 0,
            _ => {}
        }
        if dots >= DEEPEST {
            return Some(line_at(text, text.len() - rest.len()));
        }
        rest = &rest[width..];
    }
    None
}

/// How long the string is that `rest` begins with, quotes included; all of `rest` where it has no end.
fn string(rest: &str, quote: char) -> usize {
    let triple: String = [quote; 3].iter().collect();
    let end = if rest.starts_with(&triple) { triple.as_str() } else { &triple[..1] };
    let mut at = end.len();
    while at < rest.len() {
        if quote == '"' && rest[at..].starts_with('\\') {
            at += 1;
        } else if rest[at..].starts_with(end) {
            return at + end.len();
        }
        at += rest[at..].chars().next().map_or(0, char::len_utf8);
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_is_found_with_its_line() {
        let long = ["a"; 33].join(".");
        assert_eq!(too_deep(&format!("x = 1\n{long} = 1\n")), Some(2));
        assert_eq!(too_deep(&format!("[{long}]\n")), Some(1));
        assert_eq!(too_deep(&format!("\n\nx = {{ {long} = 1 }}\n")), Some(3));
        assert_eq!(too_deep(&format!("x = 1\n{} = 1\n", ["\"a\""; 33].join(" . "))), Some(2));
    }

    #[test]
    fn dots_that_join_no_keys_do_not_count() {
        let dots = ".".repeat(50);
        for text in [
            format!("x = \"{dots}\""),
            format!("x = '{dots}'"),
            format!("x = \"\"\"\n{dots}\"\" \\\"\"\" {dots}\"\"\""),
            format!("x = '''{dots}' {dots}'''"),
            format!("x = 1 # {dots}\n"),
            format!("x = [{}]", vec!["1.5"; 50].join(", ")),
            format!("x = \"\\\"{dots}\\\\\""),
            format!("x = \"{dots}"),
            format!("{} = 1", ["a"; 32].join(".")),
        ] {
            assert_eq!(too_deep(&text), None, "{text}");
        }
    }
}
