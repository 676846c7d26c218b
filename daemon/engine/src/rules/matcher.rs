//! Which series a rule speaks of: one pattern per part of the identifier.
//!
//! Every list of rules chooses by the same words: an absent part is any, `cpu` is exact, `cpu-*` is a glob,
//! `re:^cpu` is a regular expression that may match anywhere in the part unless it is anchored.

use gatherd_model::Part;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::glob::Glob;
use crate::series::Parts;

/// Longest pattern, in bytes.
pub const MAX_PATTERN: usize = 1024;

/// Largest compiled expression, in bytes; a larger one is refused.
const MAX_COMPILED: usize = 256 * 1024;

/// A matcher as people write it: a pattern for each part of the identifier, or none for any.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// Pattern of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Pattern of the plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Pattern of the plugin instance; the empty text is a series without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_instance: Option<String>,
    /// Pattern of the type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Pattern of the type instance; the empty text is a series without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_instance: Option<String>,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PatternError {
    /// Longer than a pattern may be.
    #[error("a pattern has at most {MAX_PATTERN} bytes")]
    TooLong,
    /// A glob whose class is wrong.
    #[error("this glob has a class that is never closed, is empty, or whose range goes backwards")]
    BadGlob,
    /// Not a regular expression, or one that grows too large.
    #[error("this is not a regular expression (no look-around, no back-references), or it grows too large")]
    BadExpression,
}

/// Which part's pattern is wrong, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the pattern of {part} is wrong")]
pub struct MatcherError {
    /// The part; its `Display` is the key that people write.
    pub part: Part,
    /// What is wrong with its pattern.
    #[source]
    pub source: PatternError,
}

/// How exactly a pattern chooses; the greater the more exactly.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Exactness {
    /// Any text.
    #[default]
    Any,
    /// A regular expression.
    Expression,
    /// A glob.
    Glob,
    /// One text.
    Exact,
}

impl Exactness {
    /// The word for it: `any`, `regex`, `glob` or `exact`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Expression => "regex",
            Self::Glob => "glob",
            Self::Exact => "exact",
        }
    }
}

/// How exactly a matcher chooses, part by part in the order host, plugin, plugin instance, type, type
/// instance. It is compared in that order: what names the host goes before whatever does not.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Specificity(pub [Exactness; 5]);

/// The parts of an identifier in the order of [`Specificity`].
pub const PARTS: [Part; 5] = [Part::Host, Part::Plugin, Part::PluginInstance, Part::Type, Part::TypeInstance];

/// A pattern for one text.
#[derive(Clone, Debug, Default)]
pub struct Pattern(Kind);

#[derive(Clone, Debug, Default)]
enum Kind {
    #[default]
    Any,
    Exact(Box<str>),
    Glob(Glob),
    Expression(Regex),
}

impl Pattern {
    /// Reads a pattern: `re:…`, a glob when it has `*`, `?` or `[`, otherwise exact.
    ///
    /// # Errors
    ///
    /// [`PatternError`] when it is too long, or its glob or expression is wrong.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN {
            return Err(PatternError::TooLong);
        }
        Ok(Self(match text.strip_prefix("re:") {
            Some(expression) => Kind::Expression(compile(expression)?),
            None if text == "*" => Kind::Any,
            None if Glob::is_glob(text) => Kind::Glob(Glob::parse(text).ok_or(PatternError::BadGlob)?),
            None => Kind::Exact(text.into()),
        }))
    }

    /// Whether it chooses `text`.
    pub fn admits(&self, text: &str) -> bool {
        match &self.0 {
            Kind::Any => true,
            Kind::Exact(exact) => **exact == *text,
            Kind::Glob(glob) => glob.admits(text),
            Kind::Expression(expression) => expression.is_match(text),
        }
    }

    /// How exactly it chooses.
    pub fn exactness(&self) -> Exactness {
        match &self.0 {
            Kind::Any => Exactness::Any,
            Kind::Exact(_) => Exactness::Exact,
            Kind::Glob(_) => Exactness::Glob,
            Kind::Expression(_) => Exactness::Expression,
        }
    }

    /// The one text that it chooses, where it is exact.
    pub fn exact(&self) -> Option<&str> {
        match &self.0 {
            Kind::Exact(exact) => Some(exact),
            Kind::Any | Kind::Glob(_) | Kind::Expression(_) => None,
        }
    }
}

/// Compiles within the size limits; matching is linear in the text whatever the expression.
///
/// # Errors
///
/// [`PatternError`] when it is too long, wrong or too large.
pub fn expression(text: &str) -> Result<Regex, PatternError> {
    if text.len() > MAX_PATTERN { Err(PatternError::TooLong) } else { compile(text) }
}

fn compile(expression: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(expression)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .nest_limit(64)
        .build()
        .map_err(|_| PatternError::BadExpression)
}

/// Which series a rule speaks of, compiled. The default is every series.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    /// In the order of [`PARTS`].
    patterns: [Pattern; 5],
    /// What it was compiled from.
    fields: Fields,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Matcher {
    /// Compiles what people wrote.
    ///
    /// # Errors
    ///
    /// [`MatcherError`] for the first part whose pattern is wrong.
    pub fn compile(fields: &Fields) -> Result<Self, MatcherError> {
        let Fields { host, plugin, plugin_instance, type_name, type_instance } = fields;
        let mut matcher = Self { fields: fields.clone(), ..Self::default() };
        let texts = [host, plugin, plugin_instance, type_name, type_instance];
        for ((pattern, text), part) in matcher.patterns.iter_mut().zip(texts).zip(PARTS) {
            if let Some(text) = text {
                *pattern = Pattern::parse(text).map_err(|source| MatcherError { part, source })?;
            }
        }
        Ok(matcher)
    }

    /// Whether it chooses the series with these parts.
    pub fn admits(&self, series: &Parts<'_>) -> bool {
        let Parts { host, plugin, plugin_instance, type_name, type_instance } = *series;
        let [of_host, of_plugin, of_plugin_instance, of_type, of_type_instance] = &self.patterns;
        // Type and plugin tell most series apart, so they are asked first.
        of_type.admits(type_name)
            && of_plugin.admits(plugin)
            && of_type_instance.admits(type_instance)
            && of_plugin_instance.admits(plugin_instance)
            && of_host.admits(host)
    }

    /// What it was compiled from.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// How exactly it chooses; of several that choose a series, the greatest goes first.
    pub fn specificity(&self) -> Specificity {
        Specificity(self.patterns.each_ref().map(Pattern::exactness))
    }

    /// The pattern of one part.
    pub fn pattern(&self, part: Part) -> &Pattern {
        let at = PARTS.iter().position(|known| *known == part).expect("PARTS has every part");
        &self.patterns[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matcher(fields: &[(&str, &str)]) -> Matcher {
        let map: serde_json::Map<String, serde_json::Value> =
            fields.iter().map(|(key, text)| ((*key).to_owned(), (*text).into())).collect();
        Matcher::compile(&serde_json::from_value(map.into()).unwrap()).unwrap()
    }

    #[test]
    fn an_absent_part_is_any_and_an_empty_one_is_none() {
        let cpu = matcher(&[("plugin", "cpu")]);
        assert!(cpu.admits(&Parts::of("h/cpu-0/cpu-idle")));
        assert!(!cpu.admits(&Parts::of("h/cpufreq/cpufreq-0")));
        let whole = matcher(&[("plugin", "cpu"), ("plugin_instance", "")]);
        assert!(whole.admits(&Parts::of("h/cpu/percent-idle")));
        assert!(!whole.admits(&Parts::of("h/cpu-0/percent-idle")));
        assert!(Matcher::default().admits(&Parts::of("h/p/t")));
    }

    #[test]
    fn every_part_must_be_chosen() {
        let all = [
            ("host", "web*"),
            ("plugin", "if?"),
            ("plugin_instance", "re:^e"),
            ("type", "[a-c]"),
            ("type_instance", "x"),
        ];
        assert!(matcher(&all).admits(&Parts::of("web1/if2-eth0/b-x")));
        for other in [
            "db1/if2-eth0/b-x",
            "web1/iface-eth0/b-x",
            "web1/if2-lo/b-x",
            "web1/if2-eth0/d-x",
            "web1/if2-eth0/b-y",
        ] {
            assert!(!matcher(&all).admits(&Parts::of(other)), "{other}");
        }
    }

    #[test]
    fn what_names_the_host_goes_before_what_does_not() {
        let host = matcher(&[("host", "re:.")]).specificity();
        let rest =
            matcher(&[("plugin", "a"), ("plugin_instance", "b"), ("type", "c"), ("type_instance", "d")]);
        assert!(host > rest.specificity());
        assert!(
            rest.specificity()
                > matcher(&[("plugin", "a"), ("type", "c"), ("type_instance", "d")]).specificity()
        );
        assert!(
            matcher(&[("type", "c"), ("type_instance", "d")]).specificity()
                > matcher(&[("type", "c")]).specificity()
        );
    }

    #[test]
    fn exact_goes_before_glob_before_expression_before_any() {
        let of = |text: &str| matcher(&[("plugin", text)]).specificity();
        assert!(of("cpu") > of("cp?"));
        assert!(of("cp?") > of("re:cpu"));
        assert!(of("re:cpu") > of("*"));
        assert_eq!(of("*"), Specificity::default());
    }

    #[test]
    fn a_wrong_pattern_is_refused_by_part_and_reason() {
        let refused = |fields: Fields| Matcher::compile(&fields).unwrap_err();
        let long = Fields { host: Some("h".repeat(1025)), ..Fields::default() };
        assert_eq!(refused(long), MatcherError { part: Part::Host, source: PatternError::TooLong });
        let glob = Fields { type_name: Some("[".into()), ..Fields::default() };
        let error = refused(glob);
        assert_eq!(error, MatcherError { part: Part::Type, source: PatternError::BadGlob });
        assert_eq!(error.to_string(), "the pattern of type is wrong");
        for expression in ["re:(", "re:(a)\\1", "re:((a{1000}){1000}){1000}"] {
            let plugin = Some(expression.to_owned());
            let error = refused(Fields { plugin, ..Fields::default() });
            assert_eq!(error, MatcherError { part: Part::Plugin, source: PatternError::BadExpression });
        }
    }

    #[test]
    fn fields_read_back_as_they_were_written_and_unknown_ones_are_refused() {
        let text = r#"{"plugin":"cpu","type":"re:x"}"#;
        let fields: Fields = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&fields).unwrap(), text);
        assert!(serde_json::from_str::<Fields>(r#"{"typ":"x"}"#).is_err());
    }

    #[test]
    fn the_pattern_of_a_part_is_the_one_that_was_given_for_it() {
        let matcher = matcher(&[("type", "load"), ("host", "h*")]);
        assert_eq!(matcher.pattern(Part::Type).exact(), Some("load"));
        assert_eq!(matcher.pattern(Part::Host).exactness(), Exactness::Glob);
        assert_eq!(matcher.pattern(Part::Plugin).exactness(), Exactness::Any);
    }

    proptest! {
        #[test]
        fn any_text_is_a_pattern_or_refused_without_a_panic(text in ".{0,60}", subject in ".{0,60}") {
            if let Ok(pattern) = Pattern::parse(&text) {
                pattern.admits(&subject);
            }
        }

        #[test]
        fn a_series_is_chosen_by_its_own_parts(host in "[a-z]{1,5}", plugin in "[a-z]{1,5}", kind in "[a-z]{1,5}") {
            let own = matcher(&[("host", &host), ("plugin", &plugin), ("plugin_instance", ""), ("type", &kind)]);
            let text = format!("{host}/{plugin}/{kind}-x");
            prop_assert!(own.admits(&Parts::of(&text)));
        }
    }
}
