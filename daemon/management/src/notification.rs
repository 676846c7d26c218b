//! What happened lately.

use gatherd_api::types::{MetaValue, Notification, Severity};
use gatherd_api::{ListRequest, ManagementError, NotificationQuery, Part};
use gatherd_engine::bus::Published;
use gatherd_model as model;

use crate::EngineManagement;
use crate::convert::timestamp;

pub(crate) fn list(
    this: &EngineManagement,
    query: NotificationQuery,
    list: &ListRequest,
) -> Result<Part<Notification>, ManagementError> {
    let bad_key = |_| ManagementError::Internal { detail: "the list's key is no number".into() };
    let after: u64 = list.after.as_ref().map_or(Ok(0), |after| after.parse()).map_err(bad_key)?;
    let after = after.max(query.since.unwrap_or(0));
    let wanted =
        |one: &model::Notification| query.severity.is_none_or(|severity| view_of(one.severity) == severity);
    let mut recent = this.engine().way().bus().recent(after, list.limit + 1, wanted);
    let more = recent.len() > list.limit;
    recent.truncate(list.limit);
    let next = recent.last().filter(|_| more).map(|last| last.number.to_string());
    Ok(Part { items: recent.iter().map(|one| view(one)).collect(), next })
}

fn view(published: &Published) -> Notification {
    let Published { number, notification } = published;
    let model::Notification {
        severity,
        time,
        message,
        host,
        plugin,
        plugin_instance,
        type_name,
        type_instance,
        meta,
    } = (**notification).clone();
    Notification {
        id: *number,
        time: timestamp(time),
        severity: view_of(severity),
        message,
        host,
        plugin,
        plugin_instance,
        type_name,
        type_instance,
        meta: meta.into_iter().map(|(name, value)| (name, meta_value(value))).collect(),
    }
}

fn view_of(severity: model::Severity) -> Severity {
    match severity {
        model::Severity::Okay => Severity::Okay,
        model::Severity::Warning => Severity::Warning,
        model::Severity::Failure => Severity::Failure,
    }
}

fn meta_value(value: model::MetaValue) -> MetaValue {
    match value {
        model::MetaValue::String(text) => MetaValue::Text(text),
        model::MetaValue::Int(value) => {
            u64::try_from(value).map_or(MetaValue::Signed(value), MetaValue::Unsigned)
        }
        model::MetaValue::UInt(value) => MetaValue::Unsigned(value),
        model::MetaValue::Double(value) => MetaValue::Float(value),
        model::MetaValue::Bool(value) => MetaValue::Boolean(value),
    }
}
