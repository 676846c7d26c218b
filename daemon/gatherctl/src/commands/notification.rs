//! What happened lately.

use super::Desk;
use crate::cli;
use crate::failure::Failure;
use crate::figures;
use crate::output::{Form, Human};
use crate::table::Row;
use gatherd_client::types::{Notification, Severity};
use gatherd_client::{Client, StreamEvent};
use std::time::Duration;

/// Pause before a broken stream is opened again.
const AGAIN: Duration = Duration::from_secs(1);

impl Desk<'_> {
    pub(super) async fn notifications(
        &mut self,
        client: &Client,
        which: cli::Notifications,
    ) -> Result<(), Failure> {
        if which.follow {
            return self.follow(client, &which).await;
        }
        let first = client.notifications(&which.filter()).await?;
        self.list(client, first, which.limit).await
    }

    /// Shows what happens until the daemon says no or the reader goes away; a broken stream is opened again behind
    /// what was seen.
    async fn follow(&mut self, client: &Client, which: &cli::Notifications) -> Result<(), Failure> {
        let (mut seen, mut is_first) = (None, true);
        loop {
            match client.follow_notifications(&which.filter(), seen.as_deref()).await {
                Ok(mut stream) => {
                    while let Ok(Some(event)) = stream.next().await {
                        self.happened(&event)?;
                        if !event.id.is_empty() {
                            seen = Some(event.id);
                        }
                    }
                }
                Err(error) => {
                    let failure = Failure::from(error);
                    if is_first || !failure.may_pass() {
                        return Err(failure);
                    }
                }
            }
            is_first = false;
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn happened(&mut self, event: &StreamEvent) -> Result<(), Failure> {
        match serde_json::from_str::<Notification>(&event.data) {
            Ok(notification) if self.output.form() == Form::Table => {
                let line = notification.cells()[1..].join("  ");
                self.output.one(&notification, |_| Human::Line(line))?;
            }
            Ok(notification) => self.output.json_line(&notification)?,
            Err(_) => self.output.note(&format!("{}: {}", event.name, event.data)),
        }
        Ok(self.output.finish()?)
    }
}

impl Row for Notification {
    const TITLES: &'static [&'static str] = &["ID", "TIME", "SEVERITY", "ABOUT", "MESSAGE"];
    const NUMBERS: &'static [usize] = &[0];
    const STATES: &'static [usize] = &[2];

    fn cells(&self) -> Vec<String> {
        let severity = match self.severity {
            Severity::Okay => "okay",
            Severity::Warning => "warning",
            Severity::Failure => "failure",
        };
        vec![
            self.id.to_string(),
            figures::time(&self.time),
            severity.to_owned(),
            about(self),
            self.message.clone(),
        ]
    }
}

/// The identifier, as far as it goes.
fn about(notification: &Notification) -> String {
    let Notification { host, plugin, plugin_instance, type_name, type_instance, .. } = notification;
    let part = |name: &str, instance: &str| match instance {
        "" => name.to_owned(),
        instance => format!("{name}-{instance}"),
    };
    let parts = [host.clone(), part(plugin, plugin_instance), part(type_name, type_instance)];
    let text = parts.join("/");
    figures::known(Some(text.trim_end_matches('/')).filter(|text| !text.is_empty()), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::Timestamp;

    fn notification() -> Notification {
        Notification {
            id: 12,
            time: Timestamp::from_unix(0, 0),
            severity: Severity::Failure,
            message: "gone\u{1b}[2J".to_owned(),
            host: "web1".to_owned(),
            plugin: "cpu".to_owned(),
            plugin_instance: "0".to_owned(),
            type_name: "cpu".to_owned(),
            type_instance: String::new(),
            meta: std::collections::BTreeMap::new(),
            count: 1,
            last_time: Timestamp::from_unix(0, 0),
            acknowledged: None,
        }
    }

    #[test]
    fn a_notification_is_a_row() {
        let expected = "\
ID  TIME                  SEVERITY  ABOUT           MESSAGE
12  1970-01-01T00:00:00Z  failure   web1/cpu-0/cpu  gone\\u{1b}[2J
";
        assert_eq!(table::table::<Notification>(&[notification().cells()], Paper::PLAIN), expected);
    }

    #[test]
    fn a_notification_may_be_about_less_than_a_series() {
        let host = Notification {
            plugin: String::new(),
            plugin_instance: String::new(),
            type_name: String::new(),
            ..notification()
        };
        assert_eq!(about(&host), "web1");
        assert_eq!(about(&Notification { host: String::new(), ..host }), "-");
    }
}
