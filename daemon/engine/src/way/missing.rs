//! The notification about a series that fell silent.

use std::collections::BTreeMap;

use gatherd_model::{CdTime, MetaValue, Notification, Severity};

use crate::cache::Missing;
use crate::series::Parts;

/// Says that `missing` fell silent, noticed at `wall`.
pub(super) fn notification(missing: &Missing, wall: CdTime) -> Notification {
    let parts = Parts::of(&missing.identifier);
    let seconds = missing.silent_for.as_secs_f64();
    Notification {
        severity: Severity::Warning,
        time: wall,
        message: format!("{} is missing: no value for {seconds:.1} s", missing.identifier),
        host: parts.host.into(),
        plugin: parts.plugin.into(),
        plugin_instance: parts.plugin_instance.into(),
        type_name: parts.type_name.into(),
        type_instance: parts.type_instance.into(),
        meta: BTreeMap::from([
            ("state".into(), MetaValue::String("missing".into())),
            ("silent_for".into(), MetaValue::Double(seconds)),
        ]),
    }
}
