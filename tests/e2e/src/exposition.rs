//! A strict reader of what a scraper gets: classic text 0.0.4 and `OpenMetrics` 1.0.
//!
//! Sources: Prometheus' "Exposition formats" and the `OpenMetrics` 1.0.0 specification.

use std::collections::{BTreeMap, BTreeSet};

/// Which text it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Classic,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

/// One line with a number.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpositionSample {
    /// Name with its suffix.
    pub name: String,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// The number.
    pub value: f64,
    /// Seconds since 1970, where the line has a time.
    pub time: Option<f64>,
}

/// A whole exposition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    /// Kind by family.
    pub families: BTreeMap<String, String>,
    /// In their order.
    pub samples: Vec<ExpositionSample>,
}

impl Exposition {
    /// Reads a whole exposition.
    ///
    /// # Panics
    ///
    /// When a line is malformed, a family comes in two places or has no kind, a sample comes twice, a counter is
    /// not called so, or the end is missing.
    pub fn read(text: &str, format: Format) -> Self {
        let body = match format {
            Format::Classic => text,
            Format::OpenMetrics => text.strip_suffix("# EOF\n").expect("OpenMetrics ends with # EOF"),
        };
        assert!(body.is_empty() || body.ends_with('\n'), "the last line has no end");
        let mut reader = Reader {
            format,
            found: Self::default(),
            family: None,
            helped: BTreeSet::new(),
            seen: BTreeSet::new(),
        };
        for line in body.lines() {
            reader.line(line);
        }
        reader.found
    }

    /// The number of the only sample of this name with these labels, whatever others it has.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &&ExpositionSample| {
            sample.name == name
                && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|it| it == value))
        };
        let mut fitting = self.samples.iter().filter(has);
        let found = fitting.next()?;
        assert!(fitting.next().is_none(), "several samples of {name} with {labels:?}");
        Some(found.value)
    }
}

/// Reads line by line.
struct Reader {
    format: Format,
    found: Exposition,
    /// The family that the lines belong to.
    family: Option<String>,
    helped: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, _) = rest.split_once(' ').expect("help has a name and a text");
            assert!(self.helped.insert(name.to_owned()), "{name} has help twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type has a name and a kind");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert!(is_name(name), "{line}");
            let other = self.found.families.insert(name.to_owned(), kind.to_owned());
            assert!(other.is_none(), "the family {name} comes in two places");
            assert!(self.helped.contains(name), "{name} has no help before its type");
            self.family = Some(name.to_owned());
        } else {
            assert!(!line.starts_with('#') && !line.is_empty(), "a line that nothing means: {line:?}");
            self.sample(line);
        }
    }

    fn sample(&mut self, line: &str) {
        let (sample, key) = sample(line, self.format);
        let family = self.family.as_deref().expect("a sample has a family before it");
        let kind = self.found.families[family].as_str();
        let expected = match (self.format, kind) {
            (Format::OpenMetrics, "counter") => format!("{family}_total"),
            _ => family.to_owned(),
        };
        assert_eq!(sample.name, expected, "{line}");
        if kind == "counter" {
            assert!(sample.name.ends_with("_total"), "{line}");
            assert!(sample.value >= 0.0, "a counter below zero: {line}");
        }
        assert!(self.seen.insert(key), "a sample comes twice: {line}");
        self.found.samples.push(sample);
    }
}

/// One sample, and its name and labels as a key.
fn sample(line: &str, format: Format) -> (ExpositionSample, String) {
    let (name, rest) = line.split_once('{').expect("our samples have labels");
    assert!(is_name(name), "{line}");
    let (labels, rest) = labels(rest);
    let mut numbers = rest.strip_prefix(' ').expect("a number follows the labels").split(' ');
    let value = numbers.next().map(|text| number(text, line)).expect("a sample has a number");
    let time = numbers.next().map(|text| number(text, line));
    assert!(numbers.next().is_none(), "too much on a line: {line}");
    let time = match format {
        Format::Classic => time.map(|millis| millis / 1000.0),
        Format::OpenMetrics => time,
    };
    let key = format!("{name}{labels:?}");
    (ExpositionSample { name: name.to_owned(), labels, value, time }, key)
}

/// Reads labels up to the closing brace; answers the rest as well.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"").expect("a label has a quoted value");
        assert!(is_name(name) && !name.contains(':'), "no label name: {name:?}");
        let (value, after) = quoted(after);
        assert!(found.insert(name.to_owned(), value).is_none(), "the label {name} comes twice: {text}");
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    (found, &rest[1..])
}

/// Reads a value up to its closing quote.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                other => panic!("an escape that nothing means: {other:?} in {text}"),
            },
            other => value.push(other),
        }
    }
    panic!("a quote is not closed: {text}");
}

fn number(text: &str, line: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number: {line}"))
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(plain) && name.chars().all(|c| plain(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSIC: &str = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"\\\"1\\\\\",} 5 1500\n";

    #[test]
    fn a_sample_has_its_labels_number_and_time() {
        let found = Exposition::read(CLASSIC, Format::Classic);
        let labels = BTreeMap::from([("x".to_owned(), "\"1\\".to_owned())]);
        let expected = ExpositionSample { name: "a_total".into(), labels, value: 5.0, time: Some(1.5) };
        assert_eq!(found.samples, [expected]);
        assert_eq!(found.value("a_total", &[]), Some(5.0));
    }

    #[test]
    #[should_panic(expected = "a sample comes twice")]
    fn a_sample_that_comes_twice_is_found() {
        Exposition::read(&format!("{CLASSIC}a_total{{x=\"\\\"1\\\\\"}} 6 1600\n"), Format::Classic);
    }

    #[test]
    #[should_panic(expected = "comes in two places")]
    fn a_family_in_two_places_is_found() {
        let other = "# HELP b B.\n# TYPE b gauge\nb{} 1\n";
        Exposition::read(&format!("{CLASSIC}{other}# TYPE a_total counter\n"), Format::Classic);
    }

    #[test]
    #[should_panic(expected = "ends with # EOF")]
    fn openmetrics_without_its_end_is_found() {
        Exposition::read("# HELP a A.\n# TYPE a counter\na_total{} 5 1.5\n", Format::OpenMetrics);
    }
}
