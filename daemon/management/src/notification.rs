//! What happened lately.

use futures_util::stream::{self, StreamExt};
use std::fmt::Display;

use gatherd_api::types::{Acknowledgement, FieldError, MetaValue, NewNotification, Notification, Severity};
use gatherd_api::{Caller, Event, Events, ListRequest, ManagementError, NotificationQuery, Part};
use gatherd_engine::bus::{self, Followed, Heard, Published};
use gatherd_model::{self as model, CdTime};

use crate::EngineManagement;
use crate::convert::{time_of, timestamp};

/// Longest part of an identifier and longest name of a fact, in bytes.
const LONGEST_PART: usize = 127;

/// Longest fact, in bytes.
const LONGEST_TEXT: usize = 4096;

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

pub(crate) fn one(this: &EngineManagement, number: u64) -> Result<Notification, ManagementError> {
    this.engine().way().bus().get(number).map(|found| view(&found)).ok_or_else(|| forgotten(number))
}

pub(crate) fn acknowledge(
    this: &EngineManagement,
    caller: &Caller,
    number: u64,
    comment: String,
) -> Result<Notification, ManagementError> {
    let way = this.engine().way();
    let by = bus::Acknowledgement { by: caller.user.clone(), time: way.clock().wall(), comment };
    way.bus().acknowledge(number, by).map(|found| view(&found)).ok_or_else(|| forgotten(number))
}

pub(crate) fn publish(
    this: &EngineManagement,
    caller: &Caller,
    new: NewNotification,
) -> Result<Notification, ManagementError> {
    let way = this.engine().way();
    let notification = made(new, way.hostname(), way.clock().wall())?;
    let published = way.bus().publish(notification).map_err(|refused| match refused {
        bus::NotPublished::Message(_) => invalid("/message", &refused),
        bus::NotPublished::Meta(_) => invalid("/meta", &refused),
    })?;
    tracing::info!(
        user = caller.user,
        number = published.number,
        "a notification was published over the API"
    );
    Ok(view(&published))
}

fn forgotten(number: u64) -> ManagementError {
    ManagementError::NotFound {
        detail: format!("There is no notification {number}, or it is not remembered any more."),
    }
}

fn invalid(pointer: &str, detail: &dyn Display) -> ManagementError {
    let error = FieldError { pointer: pointer.to_owned(), detail: detail.to_string() };
    ManagementError::Invalid { errors: vec![error] }
}

/// The notification that a caller means; `host` and `now` where it says none.
fn made(new: NewNotification, own: &str, now: CdTime) -> Result<model::Notification, ManagementError> {
    let NewNotification {
        severity,
        message,
        time,
        host,
        plugin,
        plugin_instance,
        type_name,
        type_instance,
        meta,
    } = new;
    let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| own.to_owned());
    let parts = [
        ("/host", &host),
        ("/plugin", &plugin),
        ("/plugin_instance", &plugin_instance),
        ("/type", &type_name),
        ("/type_instance", &type_instance),
    ];
    for (pointer, part) in parts {
        if part.len() > LONGEST_PART || part.contains(char::is_control) {
            let detail = format!("has at most {LONGEST_PART} bytes, without control characters");
            return Err(invalid(pointer, &detail));
        }
    }
    let time = time.map_or(Some(now), |time| time_of(&time));
    let time = time.ok_or_else(|| invalid("/time", &"is no time since 1970"))?;
    let meta = meta.into_iter().map(|(name, value)| fact(name, value)).collect::<Result<_, _>>()?;
    let severity = match severity {
        Severity::Okay => model::Severity::Okay,
        Severity::Warning => model::Severity::Warning,
        Severity::Failure => model::Severity::Failure,
    };
    Ok(model::Notification {
        severity,
        time,
        message,
        host,
        plugin,
        plugin_instance,
        type_name,
        type_instance,
        meta,
    })
}

fn fact(name: String, value: MetaValue) -> Result<(String, model::MetaValue), ManagementError> {
    let place = format!("/meta/{}", name.replace('~', "~0").replace('/', "~1"));
    if name.is_empty() || name.len() > LONGEST_PART || name.contains(char::is_control) {
        let detail = format!("a name has 1 to {LONGEST_PART} bytes, without control characters");
        return Err(invalid(&place, &detail));
    }
    let value = match value {
        MetaValue::Boolean(value) => model::MetaValue::Bool(value),
        MetaValue::Unsigned(value) => model::MetaValue::UInt(value),
        MetaValue::Signed(value) => model::MetaValue::Int(value),
        MetaValue::Float(value) => model::MetaValue::Double(value),
        MetaValue::Text(text) if text.len() <= LONGEST_TEXT => model::MetaValue::String(text),
        MetaValue::Text(_) => return Err(invalid(&place, &format!("has at most {LONGEST_TEXT} bytes"))),
        MetaValue::Unknown => return Err(invalid(&place, &"is no text, number or truth value")),
    };
    Ok((name, value))
}

pub(crate) fn follow(
    this: &EngineManagement,
    query: NotificationQuery,
    after: Option<u64>,
) -> Events<Notification> {
    let Followed { gap, recent, listener } = this.engine().way().bus().follow(after);
    let gap = (gap > 0).then_some(Event::Gap(gap));
    let recent = recent.into_iter().filter(|one| is_wanted(&query, one)).map(|one| event(&one));
    let remembered: Vec<Event<Notification>> = gap.into_iter().chain(recent).collect();
    let coming = stream::unfold((listener, query), |(mut listener, query)| async move {
        loop {
            match listener.hear().await? {
                Heard::One(one) if is_wanted(&query, &one) => {
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

fn is_wanted(query: &NotificationQuery, one: &Published) -> bool {
    let NotificationQuery { since: _, severity, about, acknowledged } = query;
    let Published { notification: one, acknowledged: note, .. } = one;
    acknowledged.is_none_or(|wanted| wanted == note.is_some())
        && severity.is_none_or(|severity| view_of(one.severity) == severity)
        && about.host.admits(&one.host)
        && about.plugin.admits(&one.plugin)
        && about.plugin_instance.admits(&one.plugin_instance)
        && about.type_name.admits(&one.type_name)
        && about.type_instance.admits(&one.type_instance)
}

fn view(published: &Published) -> Notification {
    let Published { number, notification, count, last, acknowledged } = published;
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
        count: *count,
        last_time: timestamp(*last),
        acknowledged: acknowledged.as_deref().map(acknowledgement),
    }
}

fn acknowledgement(found: &bus::Acknowledgement) -> Acknowledgement {
    let bus::Acknowledgement { by, time, comment } = found.clone();
    Acknowledgement { by, time: timestamp(time), comment }
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
