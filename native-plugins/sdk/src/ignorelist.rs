//! Which of many named things a plugin reports: collectd's ignore list.

use std::collections::HashSet;

use regex_lite::{Regex, RegexBuilder};

use crate::{ConfigError, Failure};

/// The most entries in one list.
const MAX_ENTRIES: usize = 1024;

/// The most bytes that the compiled expressions of one list may take together.
const MAX_COMPILED: usize = 1 << 20;

/// A choice among names: plain entries match a whole name, `/…/` is a regular expression that matches anywhere.
///
/// A list without entries admits everything. Otherwise it admits what matches; with `ignore_selected` it admits
/// what does not. Letters of different case differ. The expressions take linear time: they know no back
/// references and no look-around, and their classes, as `\d`, are those of ASCII.
///
/// Source: section IGNORELISTS of collectd's `collectd.conf(5)`.
#[derive(Debug)]
pub struct Ignorelist {
    plain: HashSet<Box<str>>,
    patterns: Vec<Regex>,
    ignore_selected: bool,
}

/// Why a list of names and expressions is refused.
#[derive(Debug, thiserror::Error)]
pub enum IgnorelistError {
    /// An entry has no text, so it would match nothing.
    #[error("an entry is empty: give a name, or an expression between slashes")]
    Empty {
        /// Which entry, from 0.
        index: usize,
    },
    /// An entry between slashes is no regular expression, or too large a one.
    #[error("the entry is no regular expression that can be used")]
    Pattern {
        /// Which entry, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: regex_lite::Error,
    },
    /// There are more entries than a list takes.
    #[error("the list has {found} entries, at most {MAX_ENTRIES} are allowed")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// Each expression fits, all together do not.
    #[error("the expressions of the list are too large together: write fewer or simpler ones")]
    TooLarge {
        /// What the compiler of expressions said.
        #[source]
        source: regex_lite::Error,
    },
}

impl IgnorelistError {
    /// The same as a complaint about the option `field` of a plugin's configuration.
    pub fn complaint(&self, field: &str) -> ConfigError {
        let pointer = match self {
            Self::Empty { index } | Self::Pattern { index, .. } => format!("/{field}/{index}"),
            Self::TooMany { .. } | Self::TooLarge { .. } => format!("/{field}"),
        };
        let detail = match std::error::Error::source(self) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        };
        ConfigError { pointer, detail }
    }
}

impl From<IgnorelistError> for Failure {
    fn from(error: IgnorelistError) -> Self {
        Self::new(error.complaint("").detail)
    }
}

impl Ignorelist {
    /// Judges the list that is the option `field`, as [`Collector::check`](crate::Collector::check) wants it.
    ///
    /// # Errors
    ///
    /// The one complaint about the entry at fault.
    pub fn check<S: AsRef<str>>(field: &str, entries: &[S]) -> Result<(), Vec<ConfigError>> {
        match Self::new(entries, false) {
            Ok(_) => Ok(()),
            Err(error) => Err(vec![error.complaint(field)]),
        }
    }

    /// Compiles a list.
    ///
    /// # Errors
    ///
    /// [`IgnorelistError`], which names the entry at fault.
    pub fn new<S: AsRef<str>>(entries: &[S], ignore_selected: bool) -> Result<Self, IgnorelistError> {
        if entries.len() > MAX_ENTRIES {
            return Err(IgnorelistError::TooMany { found: entries.len() });
        }
        let mut plain = HashSet::new();
        let mut patterns = Vec::new();
        for (index, entry) in entries.iter().map(AsRef::as_ref).enumerate() {
            if entry.is_empty() {
                return Err(IgnorelistError::Empty { index });
            }
            if let Some(pattern) = between_slashes(entry) {
                compile(pattern, MAX_COMPILED)
                    .map_err(|source| IgnorelistError::Pattern { index, source })?;
                patterns.push(pattern);
            } else {
                plain.insert(entry.into());
            }
        }
        let share = MAX_COMPILED / patterns.len().max(1);
        let patterns = patterns.into_iter().map(|pattern| compile(pattern, share));
        let patterns =
            patterns.collect::<Result<_, _>>().map_err(|source| IgnorelistError::TooLarge { source })?;
        Ok(Self { plain, patterns, ignore_selected })
    }

    /// True where the thing called `name` is to be reported. A thing without a name always is.
    pub fn admits(&self, name: &str) -> bool {
        if name.is_empty() || (self.plain.is_empty() && self.patterns.is_empty()) {
            return true;
        }
        let selected =
            self.plain.contains(name) || self.patterns.iter().any(|pattern| pattern.is_match(name));
        selected != self.ignore_selected
    }
}

/// The expression that `entry` is; a slash or two alone are a name.
fn between_slashes(entry: &str) -> Option<&str> {
    entry.strip_prefix('/')?.strip_suffix('/').filter(|pattern| !pattern.is_empty())
}

/// Compiles one expression to at most `most` bytes.
fn compile(pattern: &str, most: usize) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(pattern).size_limit(most).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(entries: &[&str]) -> Ignorelist {
        Ignorelist::new(entries, false).unwrap()
    }

    #[test]
    fn an_empty_list_admits_everything_whichever_way_it_is_turned() {
        assert!(list(&[]).admits("sda"));
        assert!(Ignorelist::new::<&str>(&[], true).unwrap().admits("sda"));
    }

    #[test]
    fn a_plain_entry_matches_the_whole_name_and_its_case() {
        let list = list(&["foo"]);
        assert!(list.admits("foo"));
        assert!(!list.admits("Foo"));
        assert!(!list.admits("foobar"));
    }

    #[test]
    fn an_expression_matches_anywhere() {
        let list = list(&["/foo/"]);
        for name in ["foobar", "barfoo", "AfooZ"] {
            assert!(list.admits(name), "{name}");
        }
        assert!(!list.admits("fo"));
        assert!(!super::tests::list(&["/^hda[34]$/"]).admits("hda34"));
        assert!(super::tests::list(&["/^hda[34]$/"]).admits("hda3"));
    }

    #[test]
    fn ignore_selected_turns_the_choice_round() {
        let list = Ignorelist::new(&["lo", "/^veth/"], true).unwrap();
        assert!(!list.admits("lo"));
        assert!(!list.admits("veth1234"));
        assert!(list.admits("eth0"));
    }

    #[test]
    fn a_slash_or_two_alone_are_names() {
        assert!(list(&["/"]).admits("/"));
        assert!(!list(&["/"]).admits("/home"));
        assert!(list(&["//"]).admits("//"));
        assert!(!list(&["//"]).admits("/"));
    }

    #[test]
    fn a_path_is_a_name_because_it_has_no_slash_at_its_end() {
        assert!(list(&["/home"]).admits("/home"));
        assert!(!list(&["/home"]).admits("/x/home"));
    }

    #[test]
    fn a_thing_without_a_name_is_admitted() {
        assert!(list(&["a"]).admits(""));
        assert!(Ignorelist::new(&["/.*/"], true).unwrap().admits(""));
    }

    #[test]
    fn a_faulty_entry_is_named_by_its_place() {
        let empty = Ignorelist::new(&["a", ""], false).unwrap_err().complaint("disk");
        assert_eq!(empty.pointer, "/disk/1");
        assert_eq!(empty.detail, "an entry is empty: give a name, or an expression between slashes");
        let faulty = Ignorelist::new(&["a", "b", "/(/"], false).unwrap_err().complaint("disk");
        assert_eq!(faulty.pointer, "/disk/2");
        assert!(faulty.detail.ends_with(": found open group without closing ')'"), "{}", faulty.detail);
    }

    #[test]
    fn an_option_is_judged_by_its_name_and_a_failure_has_the_same_words() {
        assert_eq!(Ignorelist::check("disk", &["a", "/b/"]), Ok(()));
        let detail = "an entry is empty: give a name, or an expression between slashes";
        assert_eq!(Ignorelist::check("disk", &["a", ""]), Err(vec![ConfigError::new("/disk/1", detail)]));
        let error = Ignorelist::new(&[""], false).unwrap_err();
        assert_eq!(Failure::from(error).to_string(), detail);
    }

    #[test]
    fn an_expression_that_would_take_much_memory_is_refused() {
        let huge = Ignorelist::new(&[r"/(\w{200}){200}/"], false).unwrap_err();
        assert!(matches!(huge, IgnorelistError::Pattern { index: 0, .. }), "{huge:?}");
    }

    #[test]
    fn expressions_that_are_large_together_are_refused_together() {
        let entries: Vec<String> = (0..64).map(|number| format!(r"/{number}\w{{400}}/")).collect();
        let error = Ignorelist::new(&entries, false).unwrap_err();
        assert!(matches!(error, IgnorelistError::TooLarge { .. }), "{error:?}");
        assert_eq!(error.complaint("disk").pointer, "/disk");
    }

    #[test]
    fn there_is_a_most_of_entries() {
        let entries = vec!["a"; MAX_ENTRIES + 1];
        let error = Ignorelist::new(&entries, false).unwrap_err();
        assert!(matches!(error, IgnorelistError::TooMany { found: 1025 }));
        assert!(Ignorelist::new(&entries[1..], false).unwrap().admits("a"));
    }

    proptest! {
        #[test]
        fn no_entry_and_no_name_panic(entry in ".{0,40}", name in ".{0,40}") {
            if let Ok(list) = Ignorelist::new(&[entry.as_str()], false) {
                let turned = Ignorelist::new(&[entry.as_str()], true).unwrap();
                prop_assert!(name.is_empty() || list.admits(&name) != turned.admits(&name));
            }
        }
    }
}
