//! Globs: `*` any text, `?` one character, `[a-c]` one of these, `[!a-c]` none of these, `\` takes away the
//! meaning of what follows. A glob covers the whole text.
//!
//! Matching goes back to the last `*` alone, so it costs at most the length of the text times that of the
//! glob, whatever the glob.

use std::ops::RangeInclusive;

/// A glob, read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Glob(Box<[Token]>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Token {
    /// Any text, also none.
    Star,
    /// Any one character.
    One,
    /// This character.
    Char(char),
    /// One character that is in one of the ranges, or with `negated` in none of them.
    Class { negated: bool, ranges: Box<[RangeInclusive<char>]> },
}

impl Token {
    fn admits(&self, char: char) -> bool {
        match self {
            Self::Star => false,
            Self::One => true,
            Self::Char(wanted) => *wanted == char,
            Self::Class { negated, ranges } => ranges.iter().any(|range| range.contains(&char)) != *negated,
        }
    }
}

impl Glob {
    /// True where a text has a character that makes it a glob.
    pub(super) fn is_glob(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    /// Reads a glob; `None` where a `[` is never closed, a class is empty or a range goes backwards.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '*' if tokens.last() == Some(&Token::Star) => {}
                '*' => tokens.push(Token::Star),
                '?' => tokens.push(Token::One),
                '[' => tokens.push(class(&mut chars)?),
                '\\' => tokens.push(Token::Char(chars.next().unwrap_or('\\'))),
                other => tokens.push(Token::Char(other)),
            }
        }
        Some(Self(tokens.into()))
    }

    /// Whether the glob covers `text`.
    pub(super) fn admits(&self, text: &str) -> bool {
        let tokens = &self.0;
        let (mut at, mut rest) = (0, text.chars());
        // Where to go on when what follows the last star does not fit: one character later.
        let mut back: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if tokens.get(at) == Some(&Token::Star) {
                at += 1;
                back = Some((at, rest.clone()));
                continue;
            }
            match (tokens.get(at), rest.next()) {
                (None, None) => return true,
                (Some(token), Some(char)) if token.admits(char) => at += 1,
                (Some(_), None) => return false,
                (Some(_) | None, Some(_)) => {
                    let Some((token, from)) = &mut back else { return false };
                    from.next();
                    (at, rest) = (*token, from.clone());
                }
            }
        }
    }
}

/// Reads a class behind its `[`; a `]` that stands first is one of the characters.
fn class(chars: &mut std::str::Chars<'_>) -> Option<Token> {
    let negated = chars.as_str().starts_with(['!', '^']);
    if negated {
        chars.next();
    }
    let mut ranges = Vec::new();
    loop {
        let first = match chars.next()? {
            ']' if !ranges.is_empty() => return Some(Token::Class { negated, ranges: ranges.into() }),
            '\\' => chars.next()?,
            other => other,
        };
        let mut ahead = chars.clone();
        let last = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(last)) if last != ']' => {
                *chars = ahead;
                if last == '\\' { chars.next()? } else { last }
            }
            _ => first,
        };
        if last < first {
            return None;
        }
        ranges.push(first..=last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn admits(glob: &str, text: &str) -> bool {
        Glob::parse(glob).unwrap().admits(text)
    }

    #[test]
    fn stars_and_question_marks_cover_the_whole_text() {
        for (glob, text) in
            [("cpu-*", "cpu-12"), ("*a*b", "xaxb"), ("a?c", "abc"), ("*", ""), ("a**", "a"), ("?", "ä")]
        {
            assert!(admits(glob, text), "{glob} {text}");
        }
        for (glob, text) in
            [("cpu-*", "xcpu-1"), ("cpu-?", "cpu-12"), ("a?", "a"), ("", "x"), ("*b", "bc"), ("?", "")]
        {
            assert!(!admits(glob, text), "{glob} {text}");
        }
    }

    #[test]
    fn a_class_is_one_character() {
        for (glob, text) in [
            ("cpu-[0-3]", "cpu-2"),
            ("[!a-c]x", "dx"),
            ("[^a]", "b"),
            ("[]a]", "]"),
            ("[a-]", "-"),
            ("[\\]]", "]"),
        ] {
            assert!(admits(glob, text), "{glob} {text}");
        }
        assert!(!admits("cpu-[0-3]", "cpu-4"));
        assert!(!admits("[!a-c]x", "ax"));
    }

    #[test]
    fn a_backslash_takes_the_meaning_away() {
        assert!(admits("a\\*", "a*"));
        assert!(!admits("a\\*", "ab"));
        assert!(admits("x\\[0\\]", "x[0]"));
        assert!(admits("*\\", "a\\"));
    }

    #[test]
    fn classes_without_an_end_or_with_a_backward_range_are_refused() {
        for glob in ["[", "[a", "[]", "[!", "[c-a]", "[\\"] {
            assert_eq!(Glob::parse(glob), None, "{glob}");
        }
    }

    #[test]
    fn many_stars_end_in_time_proportional_to_glob_and_text() {
        assert!(!admits(&"*a".repeat(200), &"a".repeat(127)));
    }

    proptest! {
        #[test]
        fn a_text_with_its_meaning_taken_away_admits_itself_alone(text in ".{0,40}", other in ".{0,40}") {
            let quoted: String = text.chars().flat_map(|char| ['\\', char]).collect();
            prop_assert!(admits(&quoted, &text));
            prop_assert_eq!(admits(&quoted, &other), text == other);
        }

        #[test]
        fn any_text_is_read_or_refused_and_matches_without_a_panic(glob in ".{0,40}", text in ".{0,40}") {
            if let Some(glob) = Glob::parse(&glob) {
                glob.admits(&text);
            }
        }

        #[test]
        fn globs_and_the_expression_that_says_the_same_agree(glob in "[ab*?]{0,12}", text in "[ab]{0,12}") {
            let expression = format!("^{}$", glob.replace('*', ".*").replace('?', "."));
            let expected = regex::Regex::new(&expression).unwrap().is_match(&text);
            prop_assert_eq!(admits(&glob, &text), expected);
        }
    }
}
