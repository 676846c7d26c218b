//! What is said of a series: collectd's words and metadata, or the operator's own.
//!
//! Source: the messages that collectd 5.12 sent for the same values.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gatherd_model::{CdTime, DataSet, MAX_MESSAGE, MetaValue, Notification, Severity};

use super::judge::Report;
use super::{Level, State};
use crate::chains::Short;
use crate::rules::{Bounds, Fact, Piece, Template, Threshold};
use crate::series::Parts;

/// What a report is about.
pub(super) struct About<'a> {
    /// The identifier's text.
    pub(super) identifier: &'a str,
    pub(super) set: &'a DataSet,
    pub(super) rates: &'a [f64],
    pub(super) time: CdTime,
    /// What decided.
    pub(super) rule: &'a Threshold,
}

impl About<'_> {
    /// The notification of a report.
    pub(super) fn notification(&self, report: &Report) -> Notification {
        let own = if report.to == Level::Okay { &self.rule.message_okay } else { &self.rule.message };
        let message = match own {
            Some(template) => self.fill(template, report),
            None => self.collectds_words(report),
        };
        let mut notification = blank(self.identifier, report.to.severity(), self.time, message);
        notification.meta = self.meta(report);
        notification
    }

    fn current(&self, report: &Report) -> f64 {
        self.rates.get(report.source).copied().unwrap_or(f64::NAN)
    }

    fn source(&self, report: &Report) -> &str {
        self.set.sources.get(report.source).map_or("", |source| &*source.name)
    }

    fn meta(&self, report: &Report) -> BTreeMap<String, MetaValue> {
        let Threshold { id, warning, failure, window, .. } = self.rule;
        let numbers = [
            ("CurrentValue", Some(self.current(report))),
            ("WarningMin", warning.min),
            ("WarningMax", warning.max),
            ("FailureMin", failure.min),
            ("FailureMax", failure.max),
            ("WindowValue", window.map(|_| report.value)),
        ];
        let numbers = numbers.into_iter().filter_map(|(name, number)| Some((name, number?)));
        let mut meta: BTreeMap<String, MetaValue> =
            numbers.map(|(name, number)| (name.to_owned(), MetaValue::Double(number))).collect();
        let texts = [
            ("DataSource", self.source(report)),
            ("Threshold", &**id),
            ("state", State::from(report.to).as_str()),
            ("state_before", report.from.as_str()),
        ];
        meta.extend(texts.map(|(name, text)| (name.to_owned(), MetaValue::String(text.to_owned()))));
        meta
    }

    /// The bound that the value is beyond, or below for `true`.
    fn crossed(&self, report: &Report) -> (bool, f64) {
        let Bounds { min, max } = self.bounds(report.to);
        let (low, high) = (min.unwrap_or(f64::NAN), max.unwrap_or(f64::NAN));
        if self.rule.invert {
            return if min.is_none() { (true, high) } else { (false, low) };
        }
        // A fault that the narrower bounds hold up is nearest to the bound that it came over.
        match (min, max) {
            (Some(min), None) => (true, min),
            (Some(min), Some(max)) if report.value - min < max - report.value => (true, min),
            _ => (false, high),
        }
    }

    fn bounds(&self, level: Level) -> Bounds {
        if level == Level::Failure { self.rule.failure } else { self.rule.warning }
    }

    fn collectds_words(&self, report: &Report) -> String {
        let mut text = heading(&Parts::of(self.identifier));
        let (name, current) = (self.source(report), Fixed(self.current(report)));
        // Writing to a text does not fail.
        let _written = match (report.to, report.from) {
            (Level::Okay, State::Missing) => write!(text, ": Value is no longer missing."),
            (Level::Okay, _) => write!(
                text,
                ": All data sources are within range again. Current value of \"{name}\" is {current}."
            ),
            (level, _) => self.fault(&mut text, report, level),
        };
        text
    }

    fn fault(&self, text: &mut String, report: &Report, level: Level) -> std::fmt::Result {
        let (name, current) = (self.source(report), self.current(report));
        let which = if level == Level::Failure { "failure" } else { "warning" };
        let unit = if self.rule.percentage { "%" } else { "" };
        let Bounds { min, max } = self.bounds(level);
        if let (true, Some(min), Some(max)) = (self.rule.invert, min, max) {
            let (current, min, max) = (Fixed(current), Fixed(min), Fixed(max));
            return write!(
                text,
                ": Data source \"{name}\" is currently {current}. That is within the {which} region of \
                 {min}{unit} and {max}{unit}."
            );
        }
        let (is_below, bound) = self.crossed(report);
        let side = if is_below { "below" } else { "above" };
        if let Some(window) = self.rule.window {
            let (function, seconds) = (window.function.as_str(), window.span.as_secs_f64());
            return write!(
                text,
                ": Data source \"{name}\" has a {function} of {}{unit} over the last {seconds} s. That is \
                 {side} the {which} threshold of {}{unit}.",
                Fixed(report.value),
                Fixed(bound)
            );
        }
        if self.rule.percentage {
            return write!(
                text,
                ": Data source \"{name}\" is currently {} ({:.2}%). That is {side} the {which} threshold of \
                 {bound:.2}%.",
                Short(current),
                report.value
            );
        }
        let (current, bound) = (Fixed(current), Fixed(bound));
        write!(
            text,
            ": Data source \"{name}\" is currently {current}. That is {side} the {which} threshold of {bound}."
        )
    }

    fn fill(&self, template: &Template, report: &Report) -> String {
        let parts = Parts::of(self.identifier);
        let mut text = String::new();
        for piece in template.pieces() {
            let (fact, digits) = match piece {
                Piece::Text(plain) => {
                    text.push_str(plain);
                    continue;
                }
                Piece::Fact(fact, digits) => (*fact, *digits),
            };
            let word = match fact {
                Fact::Identifier => self.identifier,
                Fact::Host => parts.host,
                Fact::Plugin => parts.plugin,
                Fact::PluginInstance => parts.plugin_instance,
                Fact::Type => parts.type_name,
                Fact::TypeInstance => parts.type_instance,
                Fact::DataSource => self.source(report),
                Fact::Severity => State::from(report.to).as_str(),
                Fact::Before => report.from.as_str(),
                Fact::Threshold => &self.rule.id,
                Fact::Value => {
                    number(&mut text, report.value, digits);
                    continue;
                }
                Fact::Current => {
                    number(&mut text, self.current(report), digits);
                    continue;
                }
                Fact::Bound => {
                    number(&mut text, self.crossed(report).1, digits);
                    continue;
                }
                Fact::Window => {
                    let seconds = self.rule.window.map_or(0.0, |window| window.span.as_secs_f64());
                    number(&mut text, seconds, digits);
                    continue;
                }
            };
            text.push_str(word);
        }
        text
    }
}

/// That a series fell silent which a threshold finds interesting.
pub(super) fn missing(identifier: &str, silent_for: CdTime, rule: &Threshold, now: CdTime) -> Notification {
    let seconds = silent_for.as_secs_f64();
    let message = format!("{identifier} has not been updated for {seconds:.3} seconds.");
    let mut notification = blank(identifier, Severity::Failure, now, message);
    notification.meta = BTreeMap::from([
        ("Threshold".to_owned(), MetaValue::String(rule.id.to_string())),
        ("silent_for".to_owned(), MetaValue::Double(seconds)),
        ("state".to_owned(), MetaValue::String(State::Missing.as_str().to_owned())),
    ]);
    notification
}

/// That a fault is not watched any more.
pub(super) fn released(identifier: &str, before: State, now: CdTime) -> Notification {
    let message = format!("{}: No threshold judges it any more.", heading(&Parts::of(identifier)));
    let mut notification = blank(identifier, Severity::Okay, now, message);
    let text = |state: State| MetaValue::String(state.as_str().to_owned());
    notification.meta = BTreeMap::from([
        ("state".to_owned(), text(State::Unknown)),
        ("state_before".to_owned(), text(before)),
    ]);
    notification
}

/// A notification about a series, without metadata.
fn blank(identifier: &str, severity: Severity, time: CdTime, mut message: String) -> Notification {
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
    }
    if message.is_empty() {
        message.push_str(identifier);
    }
    let parts = Parts::of(identifier);
    Notification {
        severity,
        time,
        message,
        host: parts.host.into(),
        plugin: parts.plugin.into(),
        plugin_instance: parts.plugin_instance.into(),
        type_name: parts.type_name.into(),
        type_instance: parts.type_instance.into(),
        meta: BTreeMap::new(),
    }
}

/// How collectd begins each message.
fn heading(parts: &Parts<'_>) -> String {
    let mut text = format!("Host {}, plugin {}", parts.host, parts.plugin);
    let instance = |text: &mut String, instance: &str| {
        if !instance.is_empty() {
            let _written = write!(text, " (instance {instance})");
        }
    };
    instance(&mut text, parts.plugin_instance);
    let _written = write!(text, " type {}", parts.type_name);
    instance(&mut text, parts.type_instance);
    text
}

fn number(text: &mut String, value: f64, digits: Option<usize>) {
    let _written = match digits {
        _ if value.is_nan() => write!(text, "nan"),
        Some(digits) => write!(text, "{value:.digits$}"),
        None => write!(text, "{value}"),
    };
}

/// A number as C's `%f` writes it.
struct Fixed(f64);

impl std::fmt::Display for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_nan() { f.write_str("nan") } else { write!(f, "{:.6}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatherd_model::TypesDb;
    use std::sync::Arc;

    fn about(set: &DataSet, rule: &Threshold, rates: &[f64], report: &Report) -> Notification {
        let time = CdTime::from_secs(7);
        About { identifier: "h/df-root/if_octets-x", set, rates, time, rule }.notification(report)
    }

    fn octets() -> Arc<DataSet> {
        Arc::clone(TypesDb::builtin().get("if_octets").unwrap().1)
    }

    fn report(to: Level, value: f64) -> Report {
        Report { from: State::Okay, to, source: 1, value }
    }

    fn rule() -> Threshold {
        Threshold {
            id: "full".into(),
            warning: Bounds { min: Some(5.0), max: Some(10.0) },
            failure: Bounds { min: None, max: Some(20.0) },
            ..Threshold::of_nothing()
        }
    }

    #[test]
    fn the_words_are_collectds() {
        let said =
            |rule: &Threshold, to, value| about(&octets(), rule, &[1.0, value], &report(to, value)).message;
        let plain = rule();
        let head = "Host h, plugin df (instance root) type if_octets (instance x)";
        assert_eq!(
            said(&plain, Level::Failure, 25.0),
            format!(
                "{head}: Data source \"tx\" is currently 25.000000. That is above the failure threshold of 20.000000."
            )
        );
        assert_eq!(
            said(&plain, Level::Warning, 4.0),
            format!(
                "{head}: Data source \"tx\" is currently 4.000000. That is below the warning threshold of 5.000000."
            )
        );
        assert_eq!(
            said(&plain, Level::Okay, 7.0),
            format!("{head}: All data sources are within range again. Current value of \"tx\" is 7.000000.")
        );
        let inverted = Threshold { invert: true, ..rule() };
        assert_eq!(
            said(&inverted, Level::Warning, 7.0),
            format!(
                "{head}: Data source \"tx\" is currently 7.000000. That is within the warning region of 5.000000 and 10.000000."
            )
        );
        assert_eq!(
            said(&inverted, Level::Failure, 7.0),
            format!(
                "{head}: Data source \"tx\" is currently 7.000000. That is below the failure threshold of 20.000000."
            )
        );
    }

    #[test]
    fn a_percentage_and_a_window_say_what_was_compared() {
        let percent = Threshold { percentage: true, ..rule() };
        let said = about(&octets(), &percent, &[10.0, 90.0], &report(Level::Failure, 90.0)).message;
        assert!(
            said.ends_with("\"tx\" is currently 90 (90.00%). That is above the failure threshold of 20.00%."),
            "{said}"
        );
        let window =
            crate::rules::Window { span: CdTime::from_secs(60), function: crate::rules::Function::Mean };
        let over = Threshold { window: Some(window), ..rule() };
        let said = about(&octets(), &over, &[10.0, 90.0], &report(Level::Failure, 21.5));
        assert!(said.message.ends_with("\"tx\" has a mean of 21.500000 over the last 60 s. That is above the failure threshold of 20.000000."), "{}", said.message);
        assert_eq!(said.meta["WindowValue"], MetaValue::Double(21.5));
        assert_eq!(said.meta["CurrentValue"], MetaValue::Double(90.0));
    }

    #[test]
    fn metadata_has_collectds_names_and_no_bound_that_is_not_set() {
        let said = about(&octets(), &rule(), &[1.0, 25.0], &report(Level::Failure, 25.0));
        assert_eq!(said.severity, Severity::Failure);
        assert_eq!((said.time, &*said.plugin_instance), (CdTime::from_secs(7), "root"));
        let names: Vec<&str> = said.meta.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "CurrentValue",
                "DataSource",
                "FailureMax",
                "Threshold",
                "WarningMax",
                "WarningMin",
                "state",
                "state_before"
            ]
        );
        assert_eq!(said.meta["DataSource"], MetaValue::String("tx".into()));
    }

    #[test]
    fn a_template_is_filled_with_facts() {
        let message = "{threshold} {host} {plugin}-{plugin_instance} {type}-{type_instance} {identifier} \
                       {data_source}={value:.1}/{current} > {bound} {severity} {before} {window}";
        let own = Threshold { message: Some(Template::parse(message).unwrap()), ..rule() };
        let said = about(&octets(), &own, &[1.0, 25.25], &report(Level::Failure, 25.25)).message;
        assert_eq!(
            said,
            "full h df-root if_octets-x h/df-root/if_octets-x tx=25.2/25.25 > 20 failure okay 0"
        );
    }

    #[test]
    fn short_numbers_are_written_as_c_does() {
        for (value, text) in [
            (90.0, "90"),
            (0.1, "0.1"),
            (1_234_567.0, "1.23457e+06"),
            (0.000_012_3, "1.23e-05"),
            (999_999.5, "1e+06"),
            (0.0, "0"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(Short(value).to_string(), text);
        }
        assert_eq!(Short(f64::NAN).to_string(), "nan");
        assert_eq!(Fixed(f64::NAN).to_string(), "nan");
    }

    #[test]
    fn an_overlong_message_is_cut_at_a_character() {
        let long = "ä".repeat(MAX_MESSAGE);
        assert_eq!(blank("h/p/t", Severity::Okay, CdTime::ZERO, long).message.len(), MAX_MESSAGE);
        assert_eq!(blank("h/p/t", Severity::Okay, CdTime::ZERO, String::new()).message, "h/p/t");
    }

    #[test]
    fn silence_is_said_in_collectds_words() {
        let said = missing(
            "h/p/t",
            CdTime::from_duration(std::time::Duration::from_millis(2103)),
            &rule(),
            CdTime::ZERO,
        );
        assert_eq!(said.message, "h/p/t has not been updated for 2.103 seconds.");
        assert_eq!(said.severity, Severity::Failure);
        let back = Report { from: State::Missing, ..report(Level::Okay, 1.0) };
        assert!(
            about(&octets(), &rule(), &[1.0, 1.0], &back).message.ends_with(": Value is no longer missing.")
        );
    }
}
