//! What is being collected.

use crate::figures;
use crate::table::Row;
use gatherd_client::types::{DataSource, DataSourceKind, Metric};

impl Row for Metric {
    const TITLES: &'static [&'static str] =
        &["IDENTIFIER", "DATA SOURCES", "UNIT", "PLUGIN", "INTERVAL", "AGE"];
    const NUMBERS: &'static [usize] = &[4, 5];

    fn cells(&self) -> Vec<String> {
        let Self { identifier, type_name: _, data_sources, plugin, unit, interval, age } = self;
        vec![
            identifier.clone(), // Ends with the type.
            data_sources.iter().map(data_source).collect::<Vec<_>>().join(" "),
            figures::known(unit.clone(), |unit| unit),
            figures::known(plugin.clone(), |plugin| plugin),
            figures::seconds(*interval),
            figures::seconds(*age),
        ]
    }
}

/// `rx:derive[0,]`: name, kind, and the bounds if there are any.
fn data_source(source: &DataSource) -> String {
    let DataSource { name, kind, min, max } = source;
    let kind = match kind {
        DataSourceKind::Gauge => "gauge",
        DataSourceKind::Derive => "derive",
        DataSourceKind::Counter => "counter",
        DataSourceKind::Absolute => "absolute",
    };
    let bound = |bound: &Option<f64>| bound.map_or_else(String::new, figures::float);
    match (min, max) {
        (None, None) => format!("{name}:{kind}"),
        _ => format!("{name}:{kind}[{},{}]", bound(min), bound(max)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;

    #[test]
    fn a_metric_is_a_row() {
        let source = |name: &str, kind, min, max| DataSource { name: name.to_owned(), kind, min, max };
        let metric = Metric {
            identifier: "web1/interface-eth0/if_octets".to_owned(),
            type_name: "if_octets".to_owned(),
            data_sources: vec![
                source("rx", DataSourceKind::Derive, Some(0.0), None),
                source("tx", DataSourceKind::Gauge, None, None),
            ],
            plugin: None,
            unit: Some("By".to_owned()),
            interval: 10.0,
            age: 3.25,
        };
        let expected = "\
IDENTIFIER                     DATA SOURCES            UNIT  PLUGIN  INTERVAL   AGE
web1/interface-eth0/if_octets  rx:derive[0,] tx:gauge  By    -            10s  3.2s
";
        let table = table::table::<Metric>(&[metric.cells()], Paper::PLAIN);
        assert_eq!(table, expected);
    }
}
