//! How the audit trail fares: told to who looks at the heartbeat, and to who hears notifications.

use std::collections::BTreeMap;
use std::sync::Mutex;

use gatherd_api::AuditHealth;
use gatherd_model::{MetaValue, Notification, Severity};

use crate::EngineManagement;

/// What was heard of the audit trail last.
pub(crate) type Heard = Mutex<AuditHealth>;

/// As long as nothing else was heard.
pub(crate) fn well() -> Heard {
    Mutex::new(AuditHealth { lost: 0, failing: None })
}

/// Records lost so far, and whether more are being lost.
pub(crate) fn lost(this: &EngineManagement) -> (u64, bool) {
    let heard = this.audit.lock().expect("no holder of what was heard panics");
    (heard.lost, heard.failing.is_some())
}

pub(crate) fn hear(this: &EngineManagement, health: &AuditHealth) {
    let mut heard = this.audit.lock().expect("no holder of what was heard panics");
    let turned = heard.failing.is_some() != health.failing.is_some();
    *heard = health.clone();
    drop(heard);
    if turned {
        tell(this, health);
    }
}

fn tell(this: &EngineManagement, health: &AuditHealth) {
    let way = this.engine().way();
    let lost = health.lost;
    let (severity, message) = match &health.failing {
        Some(reason) => (Severity::Failure, format!("the audit trail cannot be written: {reason}")),
        None => (Severity::Okay, format!("the audit trail is written again; {lost} records are lost")),
    };
    let notification = Notification {
        severity,
        time: way.clock().wall(),
        message,
        host: way.hostname().to_owned(),
        plugin: "self".to_owned(),
        plugin_instance: "audit".to_owned(),
        type_name: "gauge".to_owned(),
        type_instance: "failing".to_owned(),
        meta: BTreeMap::from([("lost".to_owned(), MetaValue::UInt(lost))]),
    };
    if way.bus().publish(notification).is_err() {
        tracing::warn!("the notification about the audit trail is larger than one may be");
    }
}
