//! Thresholds: what is wrong with values.

use super::section::{Kind, Tried};
use crate::figures;
use crate::table::Row;
use gatherd_client::types::{Matcher, Threshold, ThresholdPreview, ThresholdStatus, ValueState};

impl Kind for Threshold {
    const WORD: &'static str = "threshold";
}

impl Tried for Threshold {
    fn told(preview: &ThresholdPreview) -> Vec<String> {
        let ThresholdPreview { series, outranked, would_say, items } = preview;
        let mut lines = vec![format!(
            "{series} series, {outranked} of them judged by a more specific one; would say: {}",
            counts(would_say)
        )];
        lines.extend(items.iter().map(|one| {
            let outranked =
                one.outranked_by.as_ref().map_or_else(String::new, |by| format!(" (judged by {by})"));
            let value = figures::known(one.value, figures::float);
            format!("{} {} {}={value}{outranked}", word(one.state), one.identifier, one.data_source)
        }));
        lines
    }
}

impl Row for Threshold {
    const TITLES: &'static [&'static str] =
        &["ID", "MATCH", "WARNING MIN", "WARNING MAX", "FAILURE MIN", "FAILURE MAX", "SERIES"];
    const NUMBERS: &'static [usize] = &[2, 3, 4, 5];

    fn cells(&self) -> Vec<String> {
        let bound = |bound: Option<f64>| figures::known(bound, figures::float);
        vec![
            self.id.clone().unwrap_or_default(),
            matcher(self.fields.as_ref()),
            bound(self.warning_min),
            bound(self.warning_max),
            bound(self.failure_min),
            bound(self.failure_max),
            figures::known(self.status.as_ref(), counts),
        ]
    }
}

/// Series by state; those of no state that occurs are left out.
fn counts(status: &ThresholdStatus) -> String {
    let ThresholdStatus { unknown, okay, warning, failure, missing } = status;
    let all = [
        ("failure", failure),
        ("warning", warning),
        ("missing", missing),
        ("okay", okay),
        ("unknown", unknown),
    ];
    figures::pairs(
        all.into_iter().filter(|(_, count)| **count > 0).map(|(name, count)| (name, count.to_string())),
    )
}

fn word(state: ValueState) -> &'static str {
    match state {
        ValueState::Unknown => "unknown",
        ValueState::Okay => "okay",
        ValueState::Warning => "warning",
        ValueState::Failure => "failure",
        ValueState::Missing => "missing",
    }
}

/// Which series a rule speaks of.
pub(super) fn matcher(matcher: Option<&Matcher>) -> String {
    let Some(Matcher { host, plugin, plugin_instance, type_name, type_instance }) = matcher else {
        return "all".to_owned();
    };
    let parts = [
        ("host", host),
        ("plugin", plugin),
        ("plugin_instance", plugin_instance),
        ("type", type_name),
        ("type_instance", type_instance),
    ];
    let said = parts.into_iter().filter_map(|(name, part)| Some((name, part.clone()?)));
    match figures::pairs(said) {
        none if none == figures::UNKNOWN => "all".to_owned(),
        some => some,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::PreviewedSeries;

    fn status() -> ThresholdStatus {
        ThresholdStatus { unknown: 0, okay: 3, warning: 1, failure: 0, missing: 0 }
    }

    #[test]
    fn thresholds_are_rows() {
        let some = Threshold {
            id: Some("disk-full".to_owned()),
            fields: Some(Matcher {
                plugin: Some("df".to_owned()),
                type_name: Some("percent_bytes".to_owned()),
                ..Matcher::default()
            }),
            warning_max: Some(80.0),
            failure_max: Some(95.5),
            status: Some(status()),
            ..Threshold::default()
        };
        let all = Threshold { id: Some("any".to_owned()), ..Threshold::default() };
        let expected = "\
ID         MATCH                         WARNING MIN  WARNING MAX  FAILURE MIN  FAILURE MAX  SERIES
disk-full  plugin=df type=percent_bytes            -           80            -         95.5  warning=1 okay=3
any        all                                     -            -            -            -  -
";
        assert_eq!(table::table::<Threshold>(&[some.cells(), all.cells()], Paper::PLAIN), expected);
    }

    #[test]
    fn a_preview_says_what_would_be_said() {
        let one = PreviewedSeries {
            identifier: "web1/df-root/percent_bytes-used".to_owned(),
            state: ValueState::Warning,
            data_source: "value".to_owned(),
            value: Some(81.25),
            outranked_by: Some("root".to_owned()),
        };
        let preview = ThresholdPreview { series: 4, outranked: 1, would_say: status(), items: vec![one] };
        let expected = [
            "4 series, 1 of them judged by a more specific one; would say: warning=1 okay=3",
            "warning web1/df-root/percent_bytes-used value=81.25 (judged by root)",
        ];
        assert_eq!(Threshold::told(&preview), expected);
    }
}
