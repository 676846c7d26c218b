//! What plugins say, and what the daemon says of them.

use super::Desk;
use super::follow::Happening;
use crate::cli::plugin::Log;
use crate::failure::Failure;
use crate::figures;
use crate::table::Row;
use gatherd_client::Client;
use gatherd_client::types::{PluginLogLevel, PluginLogLine, PluginLogSource};

impl Desk<'_> {
    pub(super) async fn plugin_log(&mut self, client: &Client, log: &Log) -> Result<(), Failure> {
        let (id, filter) = (&log.plugin.id, log.filter());
        if log.follow {
            let open = async |seen: Option<&str>| client.follow_plugin_log(id, &filter, seen).await;
            return self.follow::<PluginLogLine>(open).await;
        }
        let first = client.plugin_log(id, &filter).await?;
        self.list(client, first, log.limit).await
    }
}

impl Happening for PluginLogLine {}

impl Row for PluginLogLine {
    const TITLES: &'static [&'static str] = &["NUMBER", "TIME", "LEVEL", "SOURCE", "TEXT"];
    const NUMBERS: &'static [usize] = &[0];
    const STATES: &'static [usize] = &[2];

    fn cells(&self) -> Vec<String> {
        let level = match self.level {
            PluginLogLevel::Debug => "debug",
            PluginLogLevel::Info => "info",
            PluginLogLevel::Warn => "warn",
            PluginLogLevel::Error => "error",
        };
        let source = match self.source {
            PluginLogSource::Plugin => "plugin",
            PluginLogSource::Daemon => "daemon",
        };
        vec![
            self.number.to_string(),
            figures::time(&self.time),
            level.to_owned(),
            source.to_owned(),
            self.text.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::Timestamp;

    #[test]
    fn a_line_of_the_log_is_a_row_or_a_line() {
        let line = PluginLogLine {
            number: 7,
            time: Timestamp::from_unix(0, 0),
            level: PluginLogLevel::Warn,
            source: PluginLogSource::Plugin,
            text: "cannot read\u{1b}[2J".to_owned(),
        };
        let expected = "\
NUMBER  TIME                  LEVEL  SOURCE  TEXT
     7  1970-01-01T00:00:00Z  warn   plugin  cannot read\\u{1b}[2J
";
        assert_eq!(table::table::<PluginLogLine>(&[line.cells()], Paper::PLAIN), expected);
        assert_eq!(line.line(), "1970-01-01T00:00:00Z  warn  plugin  cannot read\u{1b}[2J");
    }
}
