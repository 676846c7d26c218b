//! Newest values.

use std::sync::Arc;

use gatherd_api::types::{ValueState, ValueView};
use gatherd_api::{ListRequest, ManagementError, Part, ValueQuery};
use gatherd_engine::cache::{Newest, Page};
use gatherd_engine::port::Moment;
use gatherd_engine::series::Parts;
use gatherd_engine::way::Way;
use gatherd_model::CdTime;
use tokio::task::spawn_blocking;

use crate::convert::{number, seconds, timestamp};
use crate::{EngineManagement, rule};

pub(crate) async fn list(
    this: &EngineManagement,
    query: &ValueQuery,
    list: &ListRequest,
) -> Result<Part<ValueView>, ManagementError> {
    page(this, query, list, view).await
}

/// One page of the cache, each series shown by `show`; the walk runs where it may take its time.
pub(crate) async fn page<T: Send + 'static>(
    this: &EngineManagement,
    query: &ValueQuery,
    list: &ListRequest,
    show: fn(&Newest, &Moment, &Way) -> T,
) -> Result<Part<T>, ManagementError> {
    // The key of this list is a place in the cache, which only this daemon gives out.
    let bad_key = || ManagementError::BadMarker;
    let from: u32 = list.after.as_ref().map_or(Ok(0), |after| after.parse()).map_err(|_| bad_key())?;
    let (way, query, limit) = (Arc::clone(this.engine().way()), query.clone(), list.limit);
    let walk = move || {
        let Page { series, next } = way.cache().page(from, limit, &|parts| admits(&query, parts));
        let now = way.clock().moment();
        let items = series.iter().map(|newest| show(newest, &now, &way)).collect();
        Part { items, next: next.map(|next| next.to_string()) }
    };
    let walked = spawn_blocking(walk).await;
    walked.map_err(|error| ManagementError::Internal { detail: format!("walking the cache: {error}") })
}

pub(crate) fn admits(query: &ValueQuery, parts: &Parts<'_>) -> bool {
    let ValueQuery { host, plugin, plugin_instance, type_name, type_instance } = query;
    host.admits(parts.host)
        && plugin.admits(parts.plugin)
        && plugin_instance.admits(parts.plugin_instance)
        && type_name.admits(parts.type_name)
        && type_instance.admits(parts.type_instance)
}

pub(crate) fn one(this: &EngineManagement, identifier: &str) -> Result<ValueView, ManagementError> {
    let way = this.engine().way();
    let newest = way.cache().get(identifier).ok_or_else(|| no_value(identifier))?;
    Ok(view(&newest, &way.clock().moment(), way))
}

pub(crate) fn no_value(identifier: &str) -> ManagementError {
    let identifier: String = identifier.chars().take(512).collect();
    let detail = format!("there is no value of {identifier:?}; GET /v1/metrics lists what is collected");
    ManagementError::NotFound { detail }
}

pub(crate) fn view(newest: &Newest, now: &Moment, way: &Way) -> ValueView {
    let standing = way.thresholds().standing(newest.id);
    let Newest { identifier, data_set, time, interval, values, rates, .. } = newest;
    let Parts { host, plugin, plugin_instance, type_name, type_instance } = Parts::of(identifier);
    let names = || data_set.sources.iter().map(|source| source.name.to_string());
    let rate = |rate: &f64| Some(*rate).filter(|rate| rate.is_finite());
    ValueView {
        identifier: identifier.to_string(),
        host: host.to_owned(),
        plugin: plugin.to_owned(),
        plugin_instance: plugin_instance.to_owned(),
        type_name: type_name.to_owned(),
        type_instance: type_instance.to_owned(),
        time: timestamp(*time),
        interval: seconds(*interval),
        state: standing.as_ref().map_or(ValueState::Unknown, |standing| rule::state(standing.state)),
        judged: standing.and_then(|standing| rule::judged(&standing, data_set)),
        values: names().zip(values.iter().map(|value| number(*value))).collect(),
        rates: names().zip(rates.iter().map(rate)).collect(),
        age: seconds(age(newest, now)),
        clock_stepped: newest.seen < now.stepped.plus(*interval) && now.stepped > CdTime::ZERO,
    }
}

/// Time since the values were taken; over monotonic time where the clock stepped since.
pub(crate) fn age(newest: &Newest, now: &Moment) -> CdTime {
    if newest.seen < now.stepped { now.monotonic.since(newest.seen) } else { now.wall.since(newest.time) }
}
