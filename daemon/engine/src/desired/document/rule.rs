//! What the sections of rules share: how a wrong rule is told.

use crate::rules::{Fields, Matcher};

/// What is wrong with a rule: a JSON pointer into it, and a sentence.
pub type Fault = (String, String);

/// Collects what is wrong with a rule.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn say_if(&mut self, wrong: bool, pointer: &str, detail: std::fmt::Arguments<'_>) {
        if wrong {
            self.0.push((pointer.to_owned(), detail.to_string()));
        }
    }

    /// The part, or its faults below `pointer`.
    pub(super) fn take<T>(&mut self, pointer: &str, part: Result<T, Vec<Fault>>) -> Option<T> {
        match part {
            Ok(part) => Some(part),
            Err(faults) => {
                self.0
                    .extend(faults.into_iter().map(|(below, detail)| (format!("{pointer}{below}"), detail)));
                None
            }
        }
    }

    /// All of them.
    pub(super) fn all(self) -> Vec<Fault> {
        self.0
    }

    pub(super) fn end<T>(self, rule: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() { Ok(rule) } else { Err(self.0) }
    }
}

/// Compiles a matcher; the fault points at the part whose pattern is wrong.
pub(super) fn matcher(fields: &Fields) -> Result<Matcher, Vec<Fault>> {
    Matcher::compile(fields).map_err(|error| vec![(format!("/{}", error.part), error.source.to_string())])
}
