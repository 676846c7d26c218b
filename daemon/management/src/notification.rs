//! What happened lately.

use futures_util::stream::{self, StreamExt};
use gatherd_api::types::{MetaValue, Notification, Severity};
use gatherd_api::{Event, Events, ListRequest, ManagementError, NotificationQuery, Part};
use gatherd_engine::bus::{Followed, Heard, Published};
use gatherd_model as model;

use crate::EngineManagement;
use crate::convert::timestamp;

pub(crate) fn list(
    this: &EngineManagement,
    query: &NotificationQuery,
    list: &ListRequest,
) -> Result<Part<Notification>, ManagementError> {
    let bad_key = |_| ManagementError::BadMarker;
    let after: u64 = list.after.as_ref().map_or(Ok(0), |after| after.parse()).map_err(bad_key)?;
    let after = after.max(query.since.unwrap_or(0));
    let bus = this.engine().way().bus();
    let mut recent = bus.recent(after, list.limit + 1, |one| is_wanted(query, one));
    let more = recent.len() > list.limit;
    recent.truncate(list.limit);
    let next = recent.last().filter(|_| more).map(|last| last.number.to_string());
    Ok(Part { items: recent.iter().map(|one| view(one)).collect(), next })
}

pub(crate) fn follow(
    this: &EngineManagement,
    query: NotificationQuery,
    after: Option<u64>,
) -> Events<Notification> {
    let Followed { gap, recent, listener } = this.engine().way().bus().follow(after);
    let gap = (gap > 0).then_some(Event::Gap(gap));
    let recent = recent.into_iter().filter(|one| is_wanted(&query, &one.notification)).map(|one| event(&one));
    let remembered: Vec<Event<Notification>> = gap.into_iter().chain(recent).collect();
    let coming = stream::unfold((listener, query), |(mut listener, query)| async move {
        loop {
            match listener.hear().await? {
                Heard::One(one) if is_wanted(&query, &one.notification) => {
                    return Some((event(&one), (listener, query)));
                }
                Heard::One(_) => {}
                Heard::Lost(lost) => return Some((Event::Lost(lost), (listener, query))),
            }
        }
    });
    Events::from_stream(stream::iter(remembered).chain(coming))
}

fn event(published: &Published) -> Event<Notification> {
    Event::One { number: published.number, what: view(published) }
}

fn is_wanted(query: &NotificationQuery, one: &model::Notification) -> bool {
    let NotificationQuery { since: _, severity, about } = query;
    severity.is_none_or(|severity| view_of(one.severity) == severity)
        && about.host.admits(&one.host)
        && about.plugin.admits(&one.plugin)
        && about.plugin_instance.admits(&one.plugin_instance)
        && about.type_name.admits(&one.type_name)
        && about.type_instance.admits(&one.type_instance)
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
