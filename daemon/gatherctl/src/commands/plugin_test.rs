//! One read of a plugin that nobody else sees.

use super::{Desk, value};
use crate::cli::plugin::Test;
use crate::document;
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use gatherd_client::Client;
use gatherd_client::types::{PluginConfig, PluginTest, PluginTestOutcome, PluginTestReport};

impl Desk<'_> {
    pub(super) async fn test_plugin(&mut self, client: &Client, test: &Test) -> Result<(), Failure> {
        let config = test.file.as_deref().map(document::read).transpose()?.map(PluginConfig);
        let report = client.test_plugin(&test.plugin.id, &PluginTest { config }).await?;
        self.output.one(&report, |report| Human::Lines(told(report)))?;
        if report.outcome == PluginTestOutcome::Good { Ok(()) } else { Err(Failure::NotGood) }
    }
}

/// What a read brought, line by line.
fn told(report: &PluginTestReport) -> Vec<String> {
    let PluginTestReport { outcome, message, version, digest: _, opened_in, read_in, series, values, drops } =
        report;
    let outcome = match outcome {
        PluginTestOutcome::Good => "the read was good",
        PluginTestOutcome::ReadFailed => "the read failed",
        PluginTestOutcome::Lost => "the plugin was lost in the read",
        PluginTestOutcome::Stuck => "the read did not come back",
    };
    let message = message.as_ref().map_or_else(String::new, |message| format!(": {message}"));
    let (opened, read) = (figures::seconds(*opened_in), figures::seconds(*read_in));
    let mut lines = vec![
        format!("{outcome}{message}"),
        format!("version {version}, opened in {opened}, read in {read}, {series} series"),
    ];
    lines.extend(values.iter().map(|view| format!("{} {}", view.identifier, value::raw(view))));
    let unseen = series.saturating_sub(values.len() as u64);
    if unseen > 0 {
        lines.push(format!("and {unseen} series more"));
    }
    if !drops.is_empty() {
        let drops = drops.iter().map(|(reason, count)| (reason.as_str(), count.to_string()));
        lines.push(format!("would go no further: {}", figures::pairs(drops)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(outcome: &str, message: Option<&str>) -> PluginTestReport {
        serde_json::from_value(json!({"outcome": outcome, "message": message, "version": "0.1.0",
            "digest": null, "opened_in": 0.002, "read_in": 0.000_5, "series": 3,
            "values": [{"identifier": "h/df/x", "host": "h", "plugin": "df", "plugin_instance": "", "type": "x",
                "type_instance": "", "time": "2026-01-31T12:00:00Z", "interval": 10.0, "state": "unknown",
                "judged": null, "values": {"value": 5}, "rates": {"value": null}, "age": 0.0,
                "clock_stepped": false}],
            "drops": {"too_old": 2}}))
        .unwrap()
    }

    #[test]
    fn a_read_is_told_with_its_values_and_what_would_be_dropped() {
        let expected = [
            "the read was good",
            "version 0.1.0, opened in 2ms, read in 500us, 3 series",
            "h/df/x value=5",
            "and 2 series more",
            "would go no further: too_old=2",
        ];
        assert_eq!(told(&report("good", None)), expected);
    }

    #[test]
    fn a_read_that_is_not_good_says_what_the_plugin_said() {
        let first = |outcome, message| told(&report(outcome, message)).remove(0);
        assert_eq!(first("read_failed", Some("no such file")), "the read failed: no such file");
        assert_eq!(first("lost", None), "the plugin was lost in the read");
        assert_eq!(first("stuck", None), "the read did not come back");
    }
}
