//! Newest values.

use super::Desk;
use super::follow::Happening;
use crate::cli::LARGEST_PAGE;
use crate::cli::value::{Metrics, Put, ValueAction, Values};
use crate::document;
use crate::failure::Failure;
use crate::figures;
use crate::output::{Form, Human};
use crate::table::Row;
use gatherd_client::types::{Number, PastValues, RefusedValueList, ValueState, ValueView, ValuesTaken};
use gatherd_client::{Client, LineStream, SentValues};
use std::collections::BTreeMap;

impl Desk<'_> {
    pub(super) async fn values(&mut self, client: &Client, mut values: Values) -> Result<(), Failure> {
        match values.action.take() {
            Some(ValueAction::Put(put)) => return self.put_values(client, &put).await,
            Some(ValueAction::Stream(stream)) => {
                let filter = stream.filter();
                let open = async |_: Option<&str>| client.follow_values(&filter).await;
                return self.follow::<ValueView>(open).await;
            }
            None => {}
        }
        if values.watch {
            return self.watch(client, &values).await;
        }
        if let Some(identifier) = &values.identifier {
            let value = match values.history {
                Some(most) => client.value_with_history(identifier, most).await?,
                None => client.value(identifier).await?,
            };
            return Ok(self.output.one(&value, |value| Human::Sheet(sheet(value)))?);
        }
        let filter = values.filter();
        if self.is_csv(values.series.limit.limit)? {
            return self.csv(client.values_csv(&filter).await?).await;
        }
        let first = client.values(&filter).await?;
        self.list(client, first, values.series.limit).await
    }

    pub(super) async fn metrics(&mut self, client: &Client, metrics: Metrics) -> Result<(), Failure> {
        let filter = metrics.filter();
        if self.is_csv(metrics.series.limit.limit)? {
            return self.csv(client.metrics_csv(&filter).await?).await;
        }
        let first = client.metrics(&filter).await?;
        self.list(client, first, metrics.series.limit).await
    }

    async fn put_values(&mut self, client: &Client, put: &Put) -> Result<(), Failure> {
        let text = document::text(&put.file)?;
        let taken = client.put_values(form(&text), text).await?;
        self.output.one(&taken, |taken| Human::Lines(told(taken)))?;
        if taken.refused.is_empty() { Ok(()) } else { Err(Failure::NotGood) }
    }

    /// Whether CSV is wanted, which the daemon writes by itself and in one piece.
    fn is_csv(&self, limit: Option<usize>) -> Result<bool, Failure> {
        match self.output.form() {
            Form::Csv if limit.is_some_and(|limit| limit > LARGEST_PAGE) => {
                Err(Failure::CsvLimit { most: LARGEST_PAGE })
            }
            form => Ok(form == Form::Csv),
        }
    }

    async fn csv(&mut self, mut lines: LineStream) -> Result<(), Failure> {
        while let Some(line) = lines.next().await? {
            self.output.csv_line(&line)?;
        }
        Ok(())
    }
}

/// How value lists are written: JSON begins with a bracket, and is one document or one per line.
fn form(text: &str) -> SentValues {
    match text.trim_start().chars().next() {
        Some('[') => SentValues::Json,
        Some('{') if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => SentValues::Json,
        Some('{') => SentValues::Ndjson,
        _ => SentValues::Putval,
    }
}

/// What became of values that were put in, line by line.
fn told(taken: &ValuesTaken) -> Vec<String> {
    let ValuesTaken { taken, refused } = taken;
    let mut lines = vec![match refused.len() {
        0 => format!("{taken} taken"),
        refused => format!("{taken} taken, {refused} refused"),
    }];
    lines.extend(refused.iter().map(|list| {
        let RefusedValueList { index, identifier, reason, detail } = list;
        format!("value list {} ({identifier}): {}: {detail}", index + 1, reason.as_str())
    }));
    lines
}

impl Happening for ValueView {
    fn line(&self) -> String {
        [figures::time(&self.time), self.identifier.clone(), raw(self), rates(self)].join("  ")
    }
}

impl Row for ValueView {
    const TITLES: &'static [&'static str] = &["IDENTIFIER", "VALUES", "RATES", "AGE"];
    const NUMBERS: &'static [usize] = &[3];

    fn cells(&self) -> Vec<String> {
        vec![self.identifier.clone(), raw(self), rates(self), figures::seconds(self.age)]
    }
}

pub(super) fn raw(view: &ValueView) -> String {
    raw_of(&view.values)
}

fn raw_of(values: &BTreeMap<String, Option<Number>>) -> String {
    let values = values.iter();
    figures::pairs(values.map(|(name, value)| (name.as_str(), figures::known(*value, figures::number))))
}

/// The rates of what counts up; a gauge's rate is its value, and not said twice.
pub(super) fn rates(view: &ValueView) -> String {
    rates_of(&view.values, &view.rates)
}

fn rates_of(values: &BTreeMap<String, Option<Number>>, rates: &BTreeMap<String, Option<f64>>) -> String {
    let is_gauge = |name: &str| matches!(values.get(name), Some(None | Some(Number::Float(_))));
    let counting = rates.iter().filter(|(name, _)| !is_gauge(name));
    let rate = |rate: f64| format!("{}/s", figures::float(rate));
    figures::pairs(counting.map(|(name, value)| (name.as_str(), figures::known(*value, rate))))
}

fn sheet(view: &ValueView) -> Vec<(&'static str, String)> {
    let state = match view.state {
        ValueState::Unknown => "unknown: no threshold judges it",
        ValueState::Okay => "okay",
        ValueState::Warning => "warning",
        ValueState::Failure => "failure",
        ValueState::Missing => "missing",
    };
    let mut rows = vec![
        ("identifier", view.identifier.clone()),
        ("values", raw(view)),
        ("rates", rates(view)),
        ("time", figures::time(&view.time)),
        ("age", figures::seconds(view.age)),
        ("interval", figures::seconds(view.interval)),
        ("state", state.to_owned()),
    ];
    let past = view.history.iter().flatten().enumerate();
    rows.extend(past.map(|(at, past)| (if at == 0 { "history" } else { "" }, past_values(past))));
    rows
}

/// The values of one time in one line.
fn past_values(past: &PastValues) -> String {
    let PastValues { time, interval: _, values, rates } = past;
    [figures::time(time), raw_of(values), rates_of(values, rates)].join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::{Timestamp, ValueRefusal};

    fn view(values: &[(&str, Option<Number>, Option<f64>)]) -> ValueView {
        ValueView {
            identifier: "web1/interface-eth0/if_octets".to_owned(),
            host: "web1".to_owned(),
            plugin: "interface".to_owned(),
            plugin_instance: "eth0".to_owned(),
            type_name: "if_octets".to_owned(),
            type_instance: String::new(),
            time: Timestamp::from_unix(0, 0),
            interval: 10.0,
            state: ValueState::Unknown,
            judged: None,
            values: values.iter().map(|(name, value, _)| ((*name).to_owned(), *value)).collect(),
            rates: values.iter().map(|(name, _, rate)| ((*name).to_owned(), *rate)).collect(),
            age: 3.25,
            clock_stepped: false,
            history: None,
        }
    }

    #[test]
    fn counters_show_their_rates_and_gauges_do_not() {
        let counter = view(&[
            ("rx", Some(Number::Unsigned(u64::MAX)), Some(12.345_678)),
            ("tx", Some(Number::Signed(-1)), None),
        ]);
        let gauge = view(&[("value", Some(Number::Float(0.5)), Some(0.5)), ("x", None, None)]);
        let expected = "\
IDENTIFIER                     VALUES                         RATES               AGE
web1/interface-eth0/if_octets  rx=18446744073709551615 tx=-1  rx=12.3457/s tx=-  3.2s
web1/interface-eth0/if_octets  value=0.5 x=-                  -                  3.2s
";
        assert_eq!(table::table::<ValueView>(&[counter.cells(), gauge.cells()], Paper::PLAIN), expected);
    }

    #[test]
    fn one_value_is_a_sheet() {
        let expected = "\
identifier  web1/interface-eth0/if_octets
values      rx=5
rates       rx=1/s
time        1970-01-01T00:00:00Z
age         3.2s
interval    10s
state       unknown: no threshold judges it
";
        let view = view(&[("rx", Some(Number::Unsigned(5)), Some(1.0))]);
        assert_eq!(table::sheet(&sheet(&view), Paper::PLAIN), expected);
    }

    #[test]
    fn a_series_without_values_is_still_a_row() {
        let empty = ValueView { values: BTreeMap::new(), rates: BTreeMap::new(), ..view(&[]) };
        assert_eq!(empty.cells()[1..], ["-", "-", "3.2s"]);
    }

    #[test]
    fn a_value_that_flows_is_a_line_and_its_history_stands_below() {
        let mut view = view(&[("rx", Some(Number::Unsigned(5)), Some(1.0))]);
        assert_eq!(view.line(), "1970-01-01T00:00:00Z  web1/interface-eth0/if_octets  rx=5  rx=1/s");
        let past = PastValues {
            time: Timestamp::from_unix(0, 0),
            interval: 10.0,
            values: view.values.clone(),
            rates: view.rates.clone(),
        };
        view.history = Some(vec![past.clone(), past]);
        let text = table::sheet(&sheet(&view), Paper::PLAIN);
        let expected = "history     1970-01-01T00:00:00Z  rx=5  rx=1/s\n            1970-01-01T00:00:00Z  rx=5  rx=1/s\n";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn value_lists_are_known_by_how_they_begin() {
        for (text, expected) in [
            ("PUTVAL h/p/t N:1\n", SentValues::Putval),
            ("", SentValues::Putval),
            (" [{}]", SentValues::Json),
            ("{\"a\": 1}\n", SentValues::Json),
            ("{\"a\": 1}\n{\"a\": 2}\n", SentValues::Ndjson),
        ] {
            assert_eq!(form(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_refused_is_named_with_its_place() {
        let refused = RefusedValueList {
            index: 1,
            identifier: "h/p/t".to_owned(),
            reason: ValueRefusal::TooOld,
            detail: "the newest is of 12:00".to_owned(),
        };
        let taken = ValuesTaken { taken: 3, refused: vec![refused] };
        let expected = ["3 taken, 1 refused", "value list 2 (h/p/t): too_old: the newest is of 12:00"];
        assert_eq!(told(&taken), expected);
        assert_eq!(told(&ValuesTaken { taken: 3, refused: vec![] }), ["3 taken"]);
    }
}
