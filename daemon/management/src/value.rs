//! Newest values.

use std::collections::HashMap;
use std::sync::Arc;

use gatherd_api::rows::{RowForm, RowWriter, Rows, SourceRow, ValueRow};
use gatherd_api::types::{PastValues, ValueState, ValueView};
use gatherd_api::{ListRequest, ManagementError, Matcher, SeriesQuery, ValueQuery};
use gatherd_engine::cache::{Glimpse, Newest, Past};
use gatherd_engine::port::{Moment, PluginId};
use gatherd_engine::series::Parts;
use gatherd_engine::threshold::Standing;
use gatherd_engine::way::Way;
use gatherd_model::{CdTime, Value};
use tokio::task::spawn_blocking;

use crate::convert::{number, seconds, timestamp};
use crate::{EngineManagement, rule};

pub(crate) async fn list(
    this: &EngineManagement,
    query: &ValueQuery,
    list: &ListRequest,
    form: RowForm,
) -> Result<Rows, ManagementError> {
    walk(this, query, list, form, |glimpse, around, writer| {
        let standing = around.standing(glimpse);
        let row = row(glimpse, standing.as_ref(), &around.now);
        let names = glimpse.data_set.sources.iter().map(|source| &*source.name);
        let sources = names.zip(glimpse.values()).zip(glimpse.rates);
        let sources = sources.map(|((name, value), rate)| SourceRow {
            name,
            value: number(value),
            rate: Some(*rate).filter(|rate| rate.is_finite()),
        });
        writer.value(&row, sources);
    })
    .await
}

/// What a walk looks at beside the cache.
pub(crate) struct Around {
    way: Arc<Way>,
    /// The moment of the walk.
    pub(crate) now: Moment,
    /// Where no threshold is there, none is asked for.
    judges: bool,
    /// Which plugins the query wants.
    wanted: Matcher,
    feeders: HashMap<u32, Feeder>,
}

/// Who feeds a series, and whether the query wants its series.
struct Feeder {
    id: Option<Arc<PluginId>>,
    wanted: bool,
}

impl Around {
    fn new(way: Arc<Way>, wanted: Matcher) -> Self {
        let judges = !way.rules().load().lists().thresholds.is_empty();
        Self { now: way.clock().moment(), judges, wanted, way, feeders: HashMap::new() }
    }

    /// What thresholds say of a series.
    pub(crate) fn standing(&self, glimpse: &Glimpse<'_>) -> Option<Standing> {
        if self.judges { self.way.thresholds().standing(glimpse.id) } else { None }
    }

    /// The plugin that feeds a series.
    pub(crate) fn feeder(&mut self, glimpse: &Glimpse<'_>) -> Option<Arc<PluginId>> {
        self.known(glimpse.feeder).id.clone()
    }

    fn known(&mut self, feeder: u32) -> &Feeder {
        let Self { way, wanted, feeders, .. } = self;
        feeders.entry(feeder).or_insert_with(|| {
            let id = way.feeder(feeder);
            let wanted = wanted.admits(id.as_ref().map_or("", |id| id.as_str()));
            Feeder { id, wanted }
        })
    }

    /// Whether a series passes the filters that its name does not answer.
    fn admits(&mut self, query: &ValueQuery, glimpse: &Glimpse<'_>) -> bool {
        let ValueQuery { series: _, feeder: _, since, state, fresh } = query;
        let silent = self.now.monotonic.since(glimpse.seen);
        let came = self.now.wall.since(silent);
        let late = CdTime(glimpse.interval.0.saturating_add(glimpse.interval.0 / 2));
        let judged = |wanted: ValueState| {
            let standing = self.standing(glimpse);
            standing.map_or(ValueState::Unknown, |standing| rule::state(standing.state)) == wanted
        };
        since.is_none_or(|since| came > CdTime::from_duration(since))
            && fresh.is_none_or(|fresh| fresh == (silent <= late))
            && state.is_none_or(judged)
            && self.known(glimpse.feeder).wanted
    }
}

/// Some of the cache, each series written by `write`; the walk runs where it may take its time.
pub(crate) async fn walk(
    this: &EngineManagement,
    query: &ValueQuery,
    list: &ListRequest,
    form: RowForm,
    write: fn(&Glimpse<'_>, &mut Around, &mut RowWriter),
) -> Result<Rows, ManagementError> {
    // The key of this list is a place in the cache, which only this daemon gives out.
    let bad_key = || ManagementError::BadMarker;
    let from: u32 = list.after.as_ref().map_or(Ok(0), |after| after.parse()).map_err(|_| bad_key())?;
    let (way, query, limit) = (Arc::clone(this.engine().way()), query.clone(), list.limit);
    let walk = move || {
        let (mut around, mut writer) =
            (Around::new(Arc::clone(&way), query.feeder.clone()), RowWriter::new(form));
        let next = way.cache().glance(from, &|parts| admits(&query.series, parts), |glimpse| {
            if around.admits(&query, glimpse) {
                write(glimpse, &mut around, &mut writer);
            }
            writer.count() < limit
        });
        writer.finish(next.map(|next| next.to_string()))
    };
    let walked = spawn_blocking(walk).await;
    walked.map_err(|error| ManagementError::Internal { detail: format!("walking the cache: {error}") })
}

pub(crate) fn admits(query: &SeriesQuery, parts: &Parts<'_>) -> bool {
    let SeriesQuery { host, plugin, plugin_instance, type_name, type_instance } = query;
    host.admits(parts.host)
        && plugin.admits(parts.plugin)
        && plugin_instance.admits(parts.plugin_instance)
        && type_name.admits(parts.type_name)
        && type_instance.admits(parts.type_instance)
}

fn row<'a>(glimpse: &Glimpse<'a>, standing: Option<&Standing>, now: &Moment) -> ValueRow<'a> {
    let Glimpse { identifier, parts, data_set, time, interval, seen, .. } = *glimpse;
    let Parts { host, plugin, plugin_instance, type_name, type_instance } = parts;
    ValueRow {
        identifier,
        host,
        plugin,
        plugin_instance,
        type_name,
        type_instance,
        time: time.as_duration(),
        interval: seconds(interval),
        state: standing.map_or(ValueState::Unknown, |standing| rule::state(standing.state)),
        judged: standing.and_then(|standing| rule::judged(standing, data_set)),
        age: seconds(age(seen, time, now)),
        clock_stepped: stepped(seen, interval, now),
    }
}

pub(crate) fn one(
    this: &EngineManagement,
    identifier: &str,
    history: Option<usize>,
) -> Result<ValueView, ManagementError> {
    let way = this.engine().way();
    let newest = way.cache().get(identifier).ok_or_else(|| no_value(identifier))?;
    let past =
        |most| way.cache().history().newest(newest.id, most).iter().map(|it| past(it, &newest)).collect();
    let history = history.map(past);
    Ok(ValueView { history, ..view(&newest, &way.clock().moment(), way) })
}

fn past(past: &Past, newest: &Newest) -> PastValues {
    let Past { time, interval, raw, rates } = past;
    let sources = &newest.data_set.sources;
    let names = || sources.iter().map(|source| source.name.to_string());
    let values = sources.iter().zip(raw).map(|(source, bits)| number(Value::from_bits(source.kind, *bits)));
    PastValues {
        time: timestamp(*time),
        interval: seconds(*interval),
        values: names().zip(values).collect(),
        rates: names().zip(rates.iter().map(|rate| Some(*rate).filter(|rate| rate.is_finite()))).collect(),
    }
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
        age: seconds(age(newest.seen, *time, now)),
        clock_stepped: stepped(newest.seen, *interval, now),
        history: None,
    }
}

/// Time since the values of `time` were taken, which came at `seen`; over monotonic time where the clock stepped
/// since.
pub(crate) fn age(seen: CdTime, time: CdTime, now: &Moment) -> CdTime {
    if seen < now.stepped { now.monotonic.since(seen) } else { now.wall.since(time) }
}

/// Whether the clock stepped within the last interval before the values came, or after.
fn stepped(seen: CdTime, interval: CdTime, now: &Moment) -> bool {
    seen < now.stepped.plus(interval) && now.stepped > CdTime::ZERO
}
