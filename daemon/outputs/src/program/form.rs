//! A notification as collectd hands it to programs: a line for each field, an empty line, the message.
//!
//! Source: `collectd-exec(5)`, "NOTIFICATION DATA FORMAT"; names and order of the fields as collectd 5.12 writes them.

use std::fmt::Write as _;

use gatherd_model::{MetaValue, Notification, Severity};

/// Names that every notification has; what it carries besides must not pass for one of them.
const FIELDS: [&str; 7] = ["Severity", "Time", "Host", "Plugin", "PluginInstance", "Type", "TypeInstance"];

/// The text. No part of the notification can make a line of its own, or end the fields.
pub(super) fn collectd(notification: &Notification) -> String {
    let Notification {
        severity,
        time,
        message,
        host,
        plugin,
        plugin_instance,
        type_name,
        type_instance,
        meta,
    } = notification;
    let severity = match severity {
        Severity::Failure => "FAILURE",
        Severity::Warning => "WARNING",
        Severity::Okay => "OKAY",
    };
    let time = time.as_duration();
    let mut text = format!("Severity: {severity}\nTime: {}.{:03}\n", time.as_secs(), time.subsec_millis());
    let parts = [host, plugin, plugin_instance, type_name, type_instance];
    for (name, part) in FIELDS[2..].iter().zip(parts).filter(|(_, part)| !part.is_empty()) {
        field(&mut text, name, part);
    }
    for (name, value) in meta {
        let is_taken = FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name.trim()));
        if !is_taken && !name.contains(':') {
            field(&mut text, name, &fact(value));
        }
    }
    let _infallible = writeln!(text, "\n{message}");
    text
}

fn field(text: &mut String, name: &str, value: &str) {
    let plain = |text: &str| text.replace(char::is_control, " ");
    let _infallible = writeln!(text, "{}: {}", plain(name), plain(value));
}

fn fact(value: &MetaValue) -> String {
    match value {
        MetaValue::String(text) => text.clone(),
        MetaValue::Int(value) => value.to_string(),
        MetaValue::UInt(value) => value.to_string(),
        MetaValue::Double(value) => zmij::Buffer::new().format(*value).to_owned(),
        MetaValue::Bool(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gatherd_model::CdTime;
    use proptest::prelude::*;

    use super::*;

    fn notification() -> Notification {
        Notification {
            severity: Severity::Failure,
            time: CdTime::from_duration(std::time::Duration::from_millis(1_700_000_000_500)),
            message: "the disk is full:\n\n95 %".into(),
            host: "h".into(),
            plugin: "df".into(),
            plugin_instance: String::new(),
            type_name: "percent_bytes".into(),
            type_instance: "used".into(),
            meta: BTreeMap::new(),
        }
    }

    #[test]
    fn it_looks_as_collectd_writes_it() {
        let mut notification = notification();
        notification.meta = BTreeMap::from([
            ("CurrentValue".into(), MetaValue::Double(95.5)),
            ("ok".into(), MetaValue::Bool(false)),
        ]);
        assert_eq!(
            collectd(&notification),
            "Severity: FAILURE\nTime: 1700000000.500\nHost: h\nPlugin: df\nType: percent_bytes\nTypeInstance: used\n\
             CurrentValue: 95.5\nok: false\n\nthe disk is full:\n\n95 %\n"
        );
    }

    #[test]
    fn what_it_carries_does_not_pass_for_a_field() {
        let mut notification = notification();
        let text = |text: &str| MetaValue::String(text.into());
        notification.meta = BTreeMap::from([
            ("severity".into(), text("OKAY")),
            ("Host ".into(), text("other")),
            ("Severity: OKAY\nx".into(), text("y")),
            ("a\nb".into(), text("c\r\nSeverity: OKAY")),
        ]);
        let text = collectd(&notification);
        let head: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).skip(5).collect();
        assert_eq!(head, ["TypeInstance: used", "a b: c  Severity: OKAY"]);
    }

    proptest! {
        #[test]
        fn no_part_makes_a_line_or_ends_the_fields(
            host in ".{0,20}", name in ".{0,20}", value in "(?s).{0,20}", message in "(?s).{0,40}"
        ) {
            let mut notification = notification();
            let has_host = !host.is_empty();
            notification.host = host;
            notification.message = message.clone();
            notification.meta = BTreeMap::from([(name, MetaValue::String(value))]);
            let text = collectd(&notification);
            let (head, body) = text.split_once("\n\n").unwrap();
            prop_assert_eq!(body, format!("{message}\n"));
            let lines = head.split('\n').count();
            let least = 5 + usize::from(has_host);
            prop_assert!((least..=least + 1).contains(&lines), "{}", head);
            prop_assert!(head.split('\n').all(|line| line.contains(": ")));
        }
    }
}
