//! The report as a page of sections: a run renews those that it measured, and keeps the others as they were.
//!
//! Each section says by itself when and on what it was measured, so what is kept stays true.

use std::collections::BTreeMap;

/// How a section begins.
const SECTION: &str = "## ";

/// The page: introduction, sections in the order of their numbers, notes.
pub(crate) fn page(introduction: &str, old: &str, fresh: &[String], notes: &str) -> String {
    let mut sections: BTreeMap<u32, &str> =
        sections(old).filter_map(|text| Some((number(text)?, text))).collect();
    sections.extend(fresh.iter().filter_map(|text| Some((number(text)?, text.as_str()))));
    let parts = std::iter::once(introduction).chain(sections.into_values()).chain(std::iter::once(notes));
    let parts: Vec<&str> = parts.map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.join("\n\n") + "\n"
}

/// The sections of a page, each with its title.
fn sections(page: &str) -> impl Iterator<Item = &str> {
    let ends = page.match_indices("\n## ").map(|(at, _)| at + 1).chain(std::iter::once(page.len()));
    let mut begin = 0;
    ends.map(move |end| {
        let section = &page[begin..end];
        begin = end;
        section
    })
}

/// The number of a section of figures: 5 of `## P5: …`.
fn number(section: &str) -> Option<u32> {
    section.strip_prefix(SECTION)?.strip_prefix('P')?.split(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# Results\n\nAbout.\n\n## P1: one\n\nold\n\n## P10: ten\n\nold\n\n## Why\n\nold\n";

    #[test]
    fn what_was_not_measured_is_kept_and_all_is_in_order() {
        let fresh = ["## P5: five\n\nnew\n".to_owned(), "\n\n## no figure\n".to_owned()];
        assert_eq!(
            page("# Results\n\nNew.\n", OLD, &fresh, "## Why\n\nnew\n"),
            "# Results\n\nNew.\n\n## P1: one\n\nold\n\n## P5: five\n\nnew\n\n## P10: ten\n\nold\n\n## Why\n\nnew\n"
        );
    }

    #[test]
    fn what_was_measured_again_is_renewed() {
        let fresh = ["## P1: one\n\nnew\n".to_owned()];
        assert_eq!(page("# R", OLD, &fresh, ""), "# R\n\n## P1: one\n\nnew\n\n## P10: ten\n\nold\n");
    }

    #[test]
    fn before_the_first_report_there_is_nothing_to_keep() {
        assert_eq!(page("# R\n", "", &["## P3: three\n".to_owned()], ""), "# R\n\n## P3: three\n");
    }
}
