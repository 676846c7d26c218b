//! What happened lately.

use super::Desk;
use super::follow::Happening;
use crate::cli::notification::{NotificationAction, Notifications, Put};
use crate::document::Pair;
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use crate::table::Row;
use gatherd_client::Client;
use gatherd_client::types::{MetaValue, NewNotification, Notification, Severity};

impl Desk<'_> {
    pub(super) async fn notifications(
        &mut self,
        client: &Client,
        mut which: Notifications,
    ) -> Result<(), Failure> {
        match which.action.take() {
            Some(NotificationAction::Acknowledge(wish)) => {
                let noted = client.acknowledge(wish.id, &wish.request()).await?;
                return Ok(self.output.one(&noted, |noted| Human::Line(acknowledged(noted)))?);
            }
            Some(NotificationAction::Put(put)) => {
                let published = client.publish(&new(put)).await?;
                return Ok(self.output.one(&published, |it| Human::Line(taken(it)))?);
            }
            None => {}
        }
        let filter = which.filter();
        if which.follow {
            let open = async |seen: Option<&str>| client.follow_notifications(&filter, seen).await;
            return self.follow::<Notification>(open).await;
        }
        let first = client.notifications(&filter).await?;
        self.list(client, first, which.limit).await
    }
}

/// What is published.
fn new(put: Put) -> NewNotification {
    let Put { message, severity, time, host, plugin, plugin_instance, type_name, type_instance, meta } = put;
    let fact = |pair: Pair| {
        // All that is no truth value and no number travels as text.
        let value = serde_json::from_value(pair.value.clone());
        let text = || MetaValue::Text(pair.value.to_string());
        (pair.key, value.unwrap_or_else(|_| text()))
    };
    let meta = meta.into_iter().map(fact).collect();
    NewNotification { severity, message, time, host, plugin, plugin_instance, type_name, type_instance, meta }
}

/// Who took note of it.
fn acknowledged(notification: &Notification) -> String {
    let Notification { id, acknowledged, .. } = notification;
    match acknowledged {
        Some(note) if note.comment.is_empty() => {
            format!("{} took note of {id} at {}", note.by, figures::time(&note.time))
        }
        Some(note) => {
            format!("{} took note of {id} at {}: {}", note.by, figures::time(&note.time), note.comment)
        }
        None => format!("nobody took note of {id}"),
    }
}

/// The number of what was published, and whether it was counted on another.
fn taken(notification: &Notification) -> String {
    match notification.count {
        0 | 1 => format!("published as {}", notification.id),
        count => format!("counted on {}, which came {count} times now", notification.id),
    }
}

impl Happening for Notification {}

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
    use gatherd_client::types::{Acknowledgement, Timestamp};
    use std::collections::BTreeMap;

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
            meta: BTreeMap::new(),
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

    #[test]
    fn facts_are_json_or_text() {
        let put = |meta: &[&str], time: Option<Timestamp>| Put {
            message: "done".to_owned(),
            severity: Severity::Okay,
            time,
            host: None,
            plugin: "backup".to_owned(),
            plugin_instance: String::new(),
            type_name: String::new(),
            type_instance: String::new(),
            meta: meta.iter().map(|text| text.parse().unwrap()).collect(),
        };
        let made = new(put(&["tries=3", "whole=true", "disk=sda", "list=[1]"], None));
        let fact = |key: &str, value| (key.to_owned(), value);
        let expected = BTreeMap::from([
            fact("tries", MetaValue::Unsigned(3)),
            fact("whole", MetaValue::Boolean(true)),
            fact("disk", MetaValue::Text("sda".to_owned())),
            fact("list", MetaValue::Text("[1]".to_owned())),
        ]);
        assert_eq!(made.meta, expected);
        assert_eq!((made.severity, made.plugin.as_str(), made.time), (Severity::Okay, "backup", None));
        let time = Some(Timestamp::from_unix(0, 0));
        assert_eq!(new(put(&[], time.clone())).time, time);
    }

    #[test]
    fn note_is_told_with_who_took_it_and_a_repetition_with_its_count() {
        let note = |comment: &str| Notification {
            acknowledged: Some(Acknowledgement {
                by: "ann".to_owned(),
                time: Timestamp::from_unix(0, 0),
                comment: comment.to_owned(),
            }),
            ..notification()
        };
        assert_eq!(acknowledged(&note("")), "ann took note of 12 at 1970-01-01T00:00:00Z");
        assert_eq!(acknowledged(&note("seen")), "ann took note of 12 at 1970-01-01T00:00:00Z: seen");
        assert_eq!(taken(&notification()), "published as 12");
        assert_eq!(
            taken(&Notification { count: 3, ..notification() }),
            "counted on 12, which came 3 times now"
        );
    }
}
