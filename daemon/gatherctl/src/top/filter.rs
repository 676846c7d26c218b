//! What is typed behind `/`: text that occurs, or a glob that covers all.

/// Whether `text` passes. A filter with `*` or `?` covers all of the text, another occurs in it; the case of
/// ASCII letters does not count. An empty filter lets everything pass.
pub(super) fn admits(filter: &str, text: &str) -> bool {
    let (filter, text) = (filter.to_ascii_lowercase(), text.to_ascii_lowercase());
    if filter.contains(['*', '?']) { covers(&filter, &text) } else { text.contains(&filter) }
}

/// Whether the glob covers all of the text; in time of at most the product of their lengths.
fn covers(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t) = (0, 0);
    // Where to go on when what stands behind the last `*` does not fit: behind it, one character later.
    let mut retry = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                g += 1;
                retry = Some((g, t + 1));
            }
            Some(char) if *char == '?' || *char == text[t] => (g, t) = (g + 1, t + 1),
            _ => match retry {
                Some((behind, later)) => {
                    (g, t) = (behind, later);
                    retry = Some((behind, later + 1));
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|char| *char == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_occurs_and_globs_cover() {
        for (filter, text, expected) in [
            ("", "cpu", true),
            ("PU", "cpu", true),
            ("cpu-", "cpu", false),
            ("c*", "cpu", true),
            ("*p", "cpu", false),
            ("?p?", "cpu", true),
            ("?", "", false),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("e*", "état", false),
            ("ét?t", "état", true),
        ] {
            assert_eq!(admits(filter, text), expected, "{filter:?} {text:?}");
        }
    }

    /// The definition, letter by letter.
    fn slowly(glob: &[u8], text: &[u8]) -> bool {
        match (glob, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| slowly(rest, &text[skip..])),
            ([b'?', rest @ ..], [_, text @ ..]) => slowly(rest, text),
            ([one, rest @ ..], [other, text @ ..]) => one == other && slowly(rest, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn globs_cover_what_their_definition_says(glob in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(covers(&glob, &text), slowly(glob.as_bytes(), text.as_bytes()));
        }
    }
}
