//! The section `thresholds`.

use std::collections::BTreeMap;
use std::time::Duration;

use gatherd_model::CdTime;
use serde::{Deserialize, Serialize};

use super::rule::{Fault, Faults, matcher};
use crate::rules::{Bounds, Fields, Function, Template, Threshold, Window};

/// Longest window and delay, in seconds: a week.
const LONGEST: f64 = 604_800.0;
/// Most values that `hits` may pass over.
const MOST_HITS: u32 = 1_000_000;

/// One threshold. collectd's options keep their meaning; see collectd-threshold(5).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of one threshold's keys")]
#[expect(clippy::struct_excessive_bools, reason = "collectd's switches, each by its own name")]
pub struct ThresholdEntry {
    /// Whether it judges.
    pub enabled: bool,
    /// Which series it judges.
    #[serde(rename = "match")]
    pub fields: Fields,
    /// The only data source that it judges; all for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_source: Option<String>,
    /// Less is a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_min: Option<f64>,
    /// More is a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_max: Option<f64>,
    /// Less is a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_min: Option<f64>,
    /// More is a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_max: Option<f64>,
    /// Other bounds that end a fault; those above, narrowed by `hysteresis`, for those that are absent.
    pub clear: ClearBounds,
    /// Whether what lies between the bounds is the fault.
    pub invert: bool,
    /// By how much a value must come back within a bound before its fault ends.
    pub hysteresis: f64,
    /// How many values are passed over before a fault is said.
    pub hits: u32,
    /// Whether values are compared as percentages of the sum of all data sources.
    pub percentage: bool,
    /// Whether each value that is a fault is said.
    pub persist: bool,
    /// Whether each value that is none is said.
    pub persist_ok: bool,
    /// Whether it is a failure when a series falls silent.
    pub interesting: bool,
    /// What is made of the values of the last while; each by itself for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowEntry>,
    /// How long it must be worse before that is said, in seconds.
    pub delay_up: f64,
    /// How long it must be better before that is said, in seconds.
    pub delay_down: f64,
    /// What is said of a fault; collectd's words for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What is said when it is over; collectd's words for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_okay: Option<String>,
}

/// Bounds that end a fault.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of bounds")]
pub struct ClearBounds {
    /// A warning ends at this or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_min: Option<f64>,
    /// A warning ends at this or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_max: Option<f64>,
    /// A failure ends at this or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_min: Option<f64>,
    /// A failure ends at this or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_max: Option<f64>,
}

/// The values of the last while.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table of a window's keys")]
pub struct WindowEntry {
    /// How long, in seconds.
    pub seconds: f64,
    /// What is made of them.
    pub function: WindowFunction,
}

/// What is made of the values of a window.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowFunction {
    /// Their mean.
    Mean,
    /// The least of them.
    Min,
    /// The greatest of them.
    Max,
    /// How they changed, per second.
    Rate,
}

impl Default for ThresholdEntry {
    fn default() -> Self {
        Self {
            enabled: true,
            fields: Fields::default(),
            data_source: None,
            warning_min: None,
            warning_max: None,
            failure_min: None,
            failure_max: None,
            clear: ClearBounds::default(),
            invert: false,
            hysteresis: 0.0,
            hits: 0,
            percentage: false,
            persist: false,
            persist_ok: false,
            interesting: true,
            window: None,
            delay_up: 0.0,
            delay_down: 0.0,
            message: None,
            message_okay: None,
        }
    }
}

/// Thresholds by id.
pub type ThresholdEntries = BTreeMap<String, ThresholdEntry>;

impl ThresholdEntry {
    /// The rule that it says.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, pointers into the entry.
    pub fn compile(&self, id: &str) -> Result<Threshold, Vec<Fault>> {
        let mut faults = Faults::default();
        let bounds = |min, max| Bounds { min, max };
        let warning = bounds(self.warning_min, self.warning_max);
        let failure = bounds(self.failure_min, self.failure_max);
        faults.number("/hysteresis", Some(self.hysteresis), 0.0);
        let all = [("warning", warning), ("failure", failure)];
        for (name, Bounds { min, max }) in all {
            faults.number(&format!("/{name}_min"), min, f64::NEG_INFINITY);
            faults.number(&format!("/{name}_max"), max, f64::NEG_INFINITY);
        }
        faults.ordered("/warning_max", warning);
        faults.ordered("/failure_max", failure);
        let clear = &self.clear;
        let rule = Threshold {
            id: id.into(),
            matcher: faults.take("/match", matcher(&self.fields)).unwrap_or_default(),
            data_source: self.data_source.as_deref().map(Into::into),
            warning,
            failure,
            clear_warning: self.clear(
                &mut faults,
                "warning",
                warning,
                bounds(clear.warning_min, clear.warning_max),
            ),
            clear_failure: self.clear(
                &mut faults,
                "failure",
                failure,
                bounds(clear.failure_min, clear.failure_max),
            ),
            invert: self.invert,
            percentage: self.percentage,
            persist: self.persist,
            persist_ok: self.persist_ok,
            interesting: self.interesting,
            hits: self.hits,
            window: self.window.as_ref().map(|window| window.compile(&mut faults)),
            delay_up: faults.span("/delay_up", self.delay_up),
            delay_down: faults.span("/delay_down", self.delay_down),
            message: faults.template("/message", self.message.as_deref()),
            message_okay: faults.template("/message_okay", self.message_okay.as_deref()),
        };
        faults.say_if(self.hits > MOST_HITS, "/hits", format_args!("at most {MOST_HITS} is allowed"));
        let source = self.data_source.as_deref().unwrap_or("any");
        let is_bad = source.is_empty() || source.len() > 63 || source.contains(char::is_control);
        faults.say_if(
            is_bad,
            "/data_source",
            format_args!("1 to 63 bytes without control characters are wanted"),
        );
        faults.end(rule)
    }

    /// The bounds that end a fault: as narrow as those that raise it, or narrower.
    fn clear(&self, faults: &mut Faults, name: &str, raise: Bounds, own: Bounds) -> Bounds {
        let narrowed = raise.narrowed(self.hysteresis, self.invert);
        let clear = Bounds { min: own.min.or(narrowed.min), max: own.max.or(narrowed.max) };
        for (side, raise, own) in [("min", raise.min, own.min), ("max", raise.max, own.max)] {
            let pointer = format!("/clear/{name}_{side}");
            faults.number(&pointer, own, f64::NEG_INFINITY);
            let Some(own) = own else { continue };
            let is_narrower =
                |raise: f64| if (side == "min") == self.invert { own <= raise } else { own >= raise };
            let fits = raise.is_some_and(is_narrower);
            faults.say_if(
                !fits,
                &pointer,
                format_args!("{name}_{side} must be set, and a fault must not end where it would begin"),
            );
        }
        clear
    }
}

impl WindowEntry {
    fn compile(&self, faults: &mut Faults) -> Window {
        let least = if self.seconds < 1.0 { f64::NAN } else { self.seconds };
        let function = match self.function {
            WindowFunction::Mean => Function::Mean,
            WindowFunction::Min => Function::Min,
            WindowFunction::Max => Function::Max,
            WindowFunction::Rate => Function::Rate,
        };
        Window { span: faults.span("/window/seconds", least), function }
    }
}

impl Faults {
    fn number(&mut self, pointer: &str, number: Option<f64>, least: f64) {
        let fits = number.is_none_or(|number| number.is_finite() && number >= least);
        self.say_if(!fits, pointer, format_args!("a number is wanted, not less than {least}"));
    }

    fn ordered(&mut self, pointer: &str, bounds: Bounds) {
        let wrong = matches!(bounds, Bounds { min: Some(min), max: Some(max) } if min > max);
        self.say_if(wrong, pointer, format_args!("the upper bound is less than the lower one"));
    }

    fn span(&mut self, pointer: &str, seconds: f64) -> CdTime {
        let fits = (0.0..=LONGEST).contains(&seconds);
        self.say_if(
            !fits,
            pointer,
            format_args!("seconds up to {LONGEST} are allowed, at least 1 for a window"),
        );
        CdTime::from_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
    }

    fn template(&mut self, pointer: &str, text: Option<&str>) -> Option<Template> {
        let read = text.map(Template::parse).transpose();
        self.take(pointer, read.map_err(|error| vec![(String::new(), error.to_string())])).flatten()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compiled(entry: serde_json::Value) -> Result<Threshold, Vec<String>> {
        let entry: ThresholdEntry = serde_json::from_value(entry).unwrap();
        entry.compile("t").map_err(|faults| faults.into_iter().map(|(pointer, _)| pointer).collect())
    }

    #[test]
    fn hysteresis_narrows_the_bounds_and_explicit_ones_go_before() {
        let rule = compiled(json!({"warning_max": 10, "failure_max": 20, "failure_min": -5, "hysteresis": 3,
            "clear": {"failure_max": 12}}))
        .unwrap();
        assert_eq!(rule.clear_warning, Bounds { min: None, max: Some(7.0) });
        assert_eq!(rule.clear_failure, Bounds { min: Some(-2.0), max: Some(12.0) });
        let inverted = compiled(json!({"failure_min": 0, "failure_max": 5, "invert": true, "hysteresis": 1,
            "clear": {"failure_max": 8}}));
        assert_eq!(inverted.unwrap().clear_failure, Bounds { min: Some(-1.0), max: Some(8.0) });
    }

    #[test]
    fn everything_wrong_is_told_with_its_place() {
        for (entry, pointers) in [
            (json!({"warning_min": 2, "warning_max": 1}), vec!["/warning_max"]),
            (json!({"failure_min": 2, "failure_max": 1}), vec!["/failure_max"]),
            (json!({"hysteresis": -1}), vec!["/hysteresis"]),
            (json!({"match": {"plugin": "re:("}}), vec!["/match/plugin"]),
            (json!({"match": {"type": "["}}), vec!["/match/type"]),
            (json!({"clear": {"warning_max": 1}}), vec!["/clear/warning_max"]),
            (json!({"warning_max": 1, "clear": {"warning_max": 2}}), vec!["/clear/warning_max"]),
            (json!({"failure_min": 1, "clear": {"failure_min": 0}}), vec!["/clear/failure_min"]),
            (
                json!({"failure_min": 1, "failure_max": 2, "invert": true, "clear": {"failure_min": 1.5}}),
                vec!["/clear/failure_min"],
            ),
            (json!({"window": {"seconds": 0, "function": "mean"}}), vec!["/window/seconds"]),
            (json!({"delay_up": -1, "delay_down": 1e9}), vec!["/delay_up", "/delay_down"]),
            (json!({"message": "{what}", "message_okay": ""}), vec!["/message", "/message_okay"]),
            (json!({"hits": 1_000_001}), vec!["/hits"]),
            (json!({"data_source": ""}), vec!["/data_source"]),
        ] {
            let expected: Vec<String> = pointers.into_iter().map(str::to_owned).collect();
            assert_eq!(compiled(entry.clone()), Err(expected), "{entry}");
        }
    }

    #[test]
    fn an_empty_entry_finds_every_series_interesting_and_nothing_wrong() {
        let rule = compiled(json!({})).unwrap();
        assert_eq!(rule, Threshold { id: "t".into(), ..Threshold::of_nothing() });
    }
}
