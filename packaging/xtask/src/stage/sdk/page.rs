//! Pages of the documentation as they stand in the SDK, where not all that they link to is there.

/// `text` with links to pages that are not in `pages` (paths from the top of the repository) turned into plain text.
/// Links of the web, and those within a page, stay.
pub(super) fn without_outside_links(text: &str, pages: &[&str]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = next_link(rest) {
        out.push_str(&rest[..before]);
        if stays(link.target, pages) {
            out.push_str(link.whole);
        } else {
            out.push_str(link.words);
        }
        rest = &rest[before + link.whole.len()..];
    }
    out.push_str(rest);
    out
}

/// `[words](target)` as it stands.
struct Link<'a> {
    whole: &'a str,
    words: &'a str,
    target: &'a str,
}

/// The first link of `text`, and how many bytes stand before it. Words hold no brackets, and targets no spaces.
fn next_link(text: &str) -> Option<(usize, Link<'_>)> {
    for (middle, _) in text.match_indices("](") {
        let Some(begin) = text[..middle].rfind('[') else { continue };
        let words = &text[begin + 1..middle];
        let Some((target, _)) = text[middle + 2..].split_once(')') else { continue };
        if words.contains(']') || target.contains(char::is_whitespace) {
            continue;
        }
        let end = middle + 2 + target.len() + 1;
        return Some((begin, Link { whole: &text[begin..end], words, target }));
    }
    None
}

fn stays(target: &str, pages: &[&str]) -> bool {
    let file = target.split('#').next().unwrap_or_default();
    let is_page = pages.iter().any(|page| page.rsplit('/').next() == Some(file));
    target.starts_with('#') || target.contains("://") || is_page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_out_of_the_sdk_become_their_words() {
        let text = "See [the contract](plugin-contract.md#threads), [`abi`](../abi/lib.rs), [RFC](https://x.example/a) \
                    and [below](#below); not a [link] (here), `a[0](1)`.";
        let expected = "See [the contract](plugin-contract.md#threads), `abi`, [RFC](https://x.example/a) \
                        and [below](#below); not a [link] (here), `a0`.";
        assert_eq!(without_outside_links(text, &["docs/plugin-contract.md"]), expected);
        assert_eq!(without_outside_links("no ](link) [a](b c)", &[]), "no ](link) [a](b c)");
    }
}
