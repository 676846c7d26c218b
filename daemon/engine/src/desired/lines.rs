//! On which line of a TOML text does each key stand?

use std::collections::BTreeMap;

use toml_edit::TableLike;

use super::depth::{DEEPEST, too_deep};
use super::merge::escape;

/// JSON pointers of a text's keys, with the line each stands on, counted from 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lines(BTreeMap<String, usize>);

/// Where a text stops being TOML, and why.
#[derive(Debug, PartialEq)]
pub(super) struct SyntaxError {
    /// The line, counted from 1.
    pub(super) line: usize,
    /// What the parser says.
    pub(super) detail: String,
}

impl Lines {
    /// Finds every key of `text`.
    pub(super) fn of(text: &str) -> Result<Self, SyntaxError> {
        let deep = || format!("keys may not go deeper than {DEEPEST} parts");
        if let Some(line) = too_deep(text) {
            return Err(SyntaxError { line, detail: deep() });
        }
        let document = toml_edit::Document::parse(text).map_err(|error| SyntaxError {
            line: line_at(text, error.span().map_or(text.len(), |span| span.start)),
            detail: error.message().to_owned(),
        })?;
        let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        let mut lines = Self::default();
        lines.table(document.as_table(), "", &starts);
        match lines.0.iter().find(|(pointer, _)| pointer.matches('/').count() > DEEPEST) {
            Some((_, line)) => Err(SyntaxError { line: *line, detail: deep() }),
            None => Ok(lines),
        }
    }

    fn table(&mut self, table: &dyn TableLike, pointer: &str, starts: &[usize]) {
        for (name, _) in table.iter() {
            let Some((key, item)) = table.get_key_value(name) else {
                continue;
            };
            let pointer = format!("{pointer}/{}", escape(name));
            if let Some(span) = key.span() {
                let line = 1 + starts.partition_point(|start| *start <= span.start);
                self.0.insert(pointer.clone(), line);
            }
            if let Some(inner) = item.as_table_like() {
                self.table(inner, &pointer, starts);
            }
        }
    }

    /// The line of `pointer`, or of the nearest key around it.
    pub(super) fn line(&self, pointer: &str) -> Option<usize> {
        let mut pointer = pointer;
        loop {
            if let Some(line) = self.0.get(pointer) {
                return Some(*line);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }
}

/// The line of the byte at `offset`, counted from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_line() {
        let text = "interval = 1\n\n[plugins.cpu]\nenabled = true\nconfig = { a = 1,\n  b = 2 }\n[api]\nlisten.x = 1\n";
        let lines = Lines::of(text).unwrap();
        assert_eq!(lines.line("/interval"), Some(1));
        assert_eq!(lines.line("/plugins/cpu"), Some(3));
        assert_eq!(lines.line("/plugins/cpu/enabled"), Some(4));
        assert_eq!(lines.line("/plugins/cpu/config/b"), Some(6));
        assert_eq!(lines.line("/api/listen/x"), Some(8));
    }

    #[test]
    fn unknown_pointer_has_the_line_of_what_is_around_it() {
        let lines = Lines::of("\n[plugins.cpu]\n").unwrap();
        assert_eq!(lines.line("/plugins/cpu/config/deep"), Some(2));
        assert_eq!(lines.line("/nowhere"), None);
    }

    #[test]
    fn syntax_error_has_its_line() {
        let error = Lines::of("a = 1\nb = \nc = 2\n").unwrap_err();
        assert_eq!(error.line, 2);
        let duplicate = Lines::of("a = 1\nb = 2\na = 3\n").unwrap_err();
        assert_eq!((duplicate.line, duplicate.detail.as_str()), (3, "duplicate key"));
    }
}
