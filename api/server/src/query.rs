//! What a list is asked for: filters and the place to go on from.

use gatherd_api_types::{AuditOutcome, AuditRecord, PluginLogLevel, PluginState, Severity, ValueState};
use regex::{Regex, RegexBuilder};
use std::time::Duration;

/// Longest pattern of a filter, in bytes.
const MAX_PATTERN: usize = 1024;

/// Largest compiled pattern, in bytes; a larger one is refused.
const MAX_COMPILED: usize = 256 * 1024;

/// Where a list goes on, and how many entries are wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListRequest {
    /// Only entries behind this key; from the beginning when `None`. The key itself may be gone by now.
    pub after: Option<String>,
    /// Most entries wanted, 1–10,000.
    pub limit: usize,
}

/// A filter of one text field: exact, a glob with `*` and `?`, or `re:` and a regular expression.
#[derive(Clone, Debug, Default)]
pub enum Matcher {
    /// Everything.
    #[default]
    Any,
    /// Exactly this text.
    Exact(String),
    /// What this expression finds; linear in the text.
    Pattern(Regex),
}

/// Why a filter is not one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MatcherError {
    /// Longer than a filter may be.
    #[error("a filter has at most {MAX_PATTERN} bytes")]
    TooLong,
    /// Not a regular expression, or one that grows too large; a glob with too many wildcards.
    #[error("this is not a regular expression (no look-around, no back-references), or it grows too large")]
    BadExpression,
}

impl Matcher {
    /// Reads a filter as callers write it: `re:…`, a glob when it has `*` or `?`, otherwise exact.
    ///
    /// An expression may match anywhere in the text unless it is anchored; a glob covers all of it.
    ///
    /// # Errors
    ///
    /// [`MatcherError`] when it is too long, or its expression is wrong or too large.
    pub fn parse(filter: &str) -> Result<Self, MatcherError> {
        if filter.len() > MAX_PATTERN {
            return Err(MatcherError::TooLong);
        }
        if let Some(expression) = filter.strip_prefix("re:") {
            return compile(expression).map(Self::Pattern);
        }
        match filter {
            "*" => Ok(Self::Any),
            glob if glob.contains(['*', '?']) => compile(&glob_expression(glob)).map(Self::Pattern),
            exact => Ok(Self::Exact(exact.to_owned())),
        }
    }

    /// Whether `text` passes.
    pub fn admits(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == text,
            Self::Pattern(pattern) => pattern.is_match(text),
        }
    }

    /// The only text that passes, if there is just one; lets a list look it up instead of walking.
    pub fn exact(&self) -> Option<&str> {
        match self {
            Self::Exact(exact) => Some(exact),
            Self::Any | Self::Pattern(_) => None,
        }
    }
}

/// Compiles within the size limit.
fn compile(expression: &str) -> Result<Regex, MatcherError> {
    RegexBuilder::new(expression)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .nest_limit(64)
        .build()
        .map_err(|_| MatcherError::BadExpression)
}

/// The expression that matches what the glob does.
fn glob_expression(glob: &str) -> String {
    let mut expression = String::with_capacity(glob.len() + 16);
    expression.push_str(r"(?s)\A");
    for part in glob.split_inclusive(['*', '?']) {
        let text = part.trim_end_matches(['*', '?']);
        expression.push_str(&regex::escape(text));
        expression.push_str(match &part[text.len()..] {
            "*" => ".*",
            "?" => ".",
            _ => "",
        });
    }
    expression.push_str(r"\z");
    expression
}

/// Which records of the audit trail.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only those with a greater number.
    pub since: Option<u64>,
    /// By the name of who asked.
    pub user: Matcher,
    /// By what was asked for.
    pub action: Matcher,
    /// Only those that came out so.
    pub outcome: Option<AuditOutcome>,
}

impl AuditQuery {
    /// Whether a record passes; `since` apart.
    pub fn admits(&self, record: &AuditRecord) -> bool {
        self.user.admits(&record.initiator.id)
            && self.action.admits(&record.action)
            && self.outcome.is_none_or(|outcome| record.outcome == outcome)
    }
}

/// Which plugins.
#[derive(Clone, Debug, Default)]
pub struct PluginQuery {
    /// By id.
    pub id: Matcher,
    /// By type.
    pub type_name: Matcher,
    /// Only those in this state.
    pub state: Option<PluginState>,
    /// Only those that are meant to run, or only the others.
    pub enabled: Option<bool>,
}

/// Which lines of a plugin's log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PluginLogQuery {
    /// Only those with a greater number.
    pub since: Option<u64>,
    /// Only those of this importance and above.
    pub level: Option<PluginLogLevel>,
}

/// Which plugin types.
#[derive(Clone, Debug, Default)]
pub struct PluginTypeQuery {
    /// By type.
    pub type_name: Matcher,
}

/// Which series: all parts of the identifier must pass.
#[derive(Clone, Debug, Default)]
pub struct SeriesQuery {
    /// By host.
    pub host: Matcher,
    /// By plugin part.
    pub plugin: Matcher,
    /// By plugin instance part; the empty text is a series without one.
    pub plugin_instance: Matcher,
    /// By type part.
    pub type_name: Matcher,
    /// By type instance part; the empty text is a series without one.
    pub type_instance: Matcher,
}

/// Which values or metrics: all must pass.
#[derive(Clone, Debug, Default)]
pub struct ValueQuery {
    /// By identifier.
    pub series: SeriesQuery,
    /// By the id of the plugin that feeds it.
    pub feeder: Matcher,
    /// Only what came to the cache after this moment, since the Unix epoch.
    pub since: Option<Duration>,
    /// Only those in this state.
    pub state: Option<ValueState>,
    /// Only those whose newest values came within one and a half intervals, or only the others.
    pub fresh: Option<bool>,
}

/// Which notifications: all parts of what they are about must pass.
#[derive(Clone, Debug, Default)]
pub struct NotificationQuery {
    /// Only those with a greater number.
    pub since: Option<u64>,
    /// Only those of this severity.
    pub severity: Option<Severity>,
    /// By what they are about.
    pub about: SeriesQuery,
    /// Only those that somebody took note of, or only the others.
    pub acknowledged: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::{Matcher, MatcherError};

    fn admits(filter: &str, text: &str) -> bool {
        Matcher::parse(filter).unwrap().admits(text)
    }

    #[test]
    fn a_plain_filter_is_exact() {
        assert!(admits("cpu.0", "cpu.0"));
        assert!(!admits("cpu.0", "cpux0"));
        assert!(!admits("cpu", "cpu0"));
        assert!(admits("", ""));
        assert!(!admits("", "x"));
    }

    #[test]
    fn a_glob_covers_the_whole_text() {
        assert!(admits("cpu-*", "cpu-12"));
        assert!(!admits("cpu-*", "xcpu-12"));
        assert!(admits("cpu-?", "cpu-1"));
        assert!(!admits("cpu-?", "cpu-12"));
        assert!(admits("*a*b", "xaxb"));
        assert!(admits("a.**", "a.\nx"));
        assert!(!admits("a.*", "ab"));
        assert!(admits("*", "anything"));
    }

    #[test]
    fn an_expression_matches_anywhere_unless_anchored() {
        assert!(admits("re:p[uv]", "cpu-1"));
        assert!(!admits("re:^p[uv]", "cpu-1"));
    }

    #[test]
    fn what_cannot_be_a_filter_is_refused_by_name() {
        let refused = |filter: &str| Matcher::parse(filter).unwrap_err();
        assert_eq!(refused("re:("), MatcherError::BadExpression);
        assert_eq!(refused("re:(a)\\1"), MatcherError::BadExpression);
        assert_eq!(refused("re:((a{1000}){1000}){1000}"), MatcherError::BadExpression);
        assert_eq!(refused(&"a".repeat(1025)), MatcherError::TooLong);
    }

    #[test]
    fn a_glob_of_many_wildcards_compiles_and_one_without_measure_is_refused() {
        assert!(admits(&"*?".repeat(32), &"x".repeat(32)));
        assert!(!admits(&"*?".repeat(32), &"x".repeat(31)));
        assert_eq!(Matcher::parse(&"*?".repeat(512)).unwrap_err(), MatcherError::BadExpression);
    }
}
