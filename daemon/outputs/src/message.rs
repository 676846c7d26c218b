//! A message as JSON: what a webhook gets, and a program that asks for it.

use gatherd_engine::port::Message;
use gatherd_model::{MetaValue, Notification};
use serde_json::{Map, Value, json};

/// The notification as the API shows it, but for what becomes of it later.
pub(crate) fn json(message: &Message) -> Value {
    let Message { id, subscription, number, notification } = message;
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
    } = &**notification;
    let span = time.as_duration();
    let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    let time = gatherd_api_types::Timestamp::from_unix(seconds, span.subsec_nanos());
    let meta: Map<String, Value> = meta.iter().map(|(name, value)| (name.clone(), fact(value))).collect();
    json!({
        "delivery": id,
        "subscription": &**subscription,
        "test": *number == 0,
        "notification": {
            "id": number,
            "time": time.as_str(),
            "severity": severity.to_string(),
            "message": message,
            "host": host,
            "plugin": plugin,
            "plugin_instance": plugin_instance,
            "type": type_name,
            "type_instance": type_instance,
            "meta": meta,
        },
    })
}

fn fact(value: &MetaValue) -> Value {
    match value {
        MetaValue::String(text) => text.as_str().into(),
        MetaValue::Int(value) => (*value).into(),
        MetaValue::UInt(value) => (*value).into(),
        MetaValue::Double(value) => (*value).into(),
        MetaValue::Bool(value) => (*value).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use gatherd_model::{CdTime, Severity};

    use super::*;

    #[test]
    fn a_body_has_what_the_api_shows() {
        let notification = Notification {
            severity: Severity::Failure,
            time: CdTime::from_secs(1_700_000_000),
            message: "full".into(),
            host: "h".into(),
            plugin: "df".into(),
            plugin_instance: "root".into(),
            type_name: "percent_bytes".into(),
            type_instance: "used".into(),
            meta: BTreeMap::from([
                ("n".into(), MetaValue::UInt(u64::MAX)),
                ("x".into(), MetaValue::Double(f64::NAN)),
            ]),
        };
        let message = Message {
            id: "1-7-a".into(),
            subscription: "a".into(),
            number: 7,
            notification: Arc::new(notification),
        };
        assert_eq!(
            super::json(&message),
            json!({"delivery": "1-7-a", "subscription": "a", "test": false, "notification": {"id": 7,
                "time": "2023-11-14T22:13:20Z", "severity": "failure", "message": "full", "host": "h", "plugin": "df",
                "plugin_instance": "root", "type": "percent_bytes", "type_instance": "used",
                "meta": {"n": u64::MAX, "x": null}}})
        );
    }
}
