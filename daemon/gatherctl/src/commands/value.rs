//! Newest values.

use super::Desk;
use crate::cli;
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use crate::table::Row;
use gatherd_client::Client;
use gatherd_client::types::{Number, ValueState, ValueView};

impl Desk<'_> {
    pub(super) async fn values(&mut self, client: &Client, values: cli::Values) -> Result<(), Failure> {
        if values.watch {
            return self.watch(client, &values).await;
        }
        if let Some(identifier) = &values.identifier {
            let value = client.value(identifier).await?;
            return Ok(self.output.one(&value, |value| Human::Sheet(sheet(value)))?);
        }
        let first = client.values(&values.series.filter()).await?;
        self.list(client, first, values.series.limit).await
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
    let values = view.values.iter();
    figures::pairs(values.map(|(name, value)| (name.as_str(), figures::known(*value, figures::number))))
}

/// The rates of what counts up; a gauge's rate is its value, and not said twice.
pub(super) fn rates(view: &ValueView) -> String {
    let is_gauge = |name: &str| matches!(view.values.get(name), Some(None | Some(Number::Float(_))));
    let counting = view.rates.iter().filter(|(name, _)| !is_gauge(name));
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
    vec![
        ("identifier", view.identifier.clone()),
        ("values", raw(view)),
        ("rates", rates(view)),
        ("time", figures::time(&view.time)),
        ("age", figures::seconds(view.age)),
        ("interval", figures::seconds(view.interval)),
        ("state", state.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::Timestamp;
    use std::collections::BTreeMap;

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
}
