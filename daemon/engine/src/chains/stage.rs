//! One value list on its way through chains, by a plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use gatherd_model::{CdTime, DataSet, Interval, MAX_MESSAGE, Notification, Value};

use super::{Memory, Short, judge, scale};
use crate::rules::chain::{ChainRule, Flow, Match, Notice, Route, Scale, Step, fill, names_source};
use crate::series::Parts;

/// Where rates come from.
pub enum Rates<'a> {
    /// After the cache: those of these values.
    Now(&'a [f64]),
    /// Before it: the cached ones of whoever has a name (`None` for the series itself), as they were before.
    Before(&'a mut dyn FnMut(Option<&str>) -> Option<Vec<f64>>),
}

/// Something to hand to outputs.
#[derive(Clone, Debug)]
pub struct Write {
    /// To which.
    pub route: Arc<Route>,
    /// Under which name; its own for `None`.
    pub name: Option<Arc<str>>,
    /// Other values than it came with, and their rates.
    pub values: Option<OtherValues>,
}

/// Values, and their rates.
pub(super) type OtherValues = (Box<[Value]>, Box<[f64]>);

/// How a chain was left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// The value list goes on.
    Goes,
    /// Its way ends.
    Stopped,
}

/// One value list on its way through the chains before or after the cache.
pub struct Stage<'a> {
    /// The identifier's text of the series itself.
    pub(super) own: &'a str,
    set: &'a DataSet,
    values: &'a mut [Value],
    time: CdTime,
    interval: Interval,
    now: CdTime,
    rates: Rates<'a>,
    memory: &'a mut Memory,
    /// The rates of the values as they are now, where these were changed.
    scaled: Option<Vec<f64>>,
    /// What is to be written.
    pub writes: Vec<Write>,
    /// What is to be said.
    pub says: Vec<Notification>,
}

impl<'a> Stage<'a> {
    /// The values of the series with this identifier's text; `scale` changes them where they are.
    pub fn new(
        own: &'a str,
        set: &'a DataSet,
        values: &'a mut [Value],
        rates: Rates<'a>,
        memory: &'a mut Memory,
    ) -> Self {
        let (time, interval, now) = (CdTime::ZERO, Interval::DEFAULT, CdTime::ZERO);
        let (scaled, writes, says) = (None, Vec::new(), Vec::new());
        Self { own, set, values, time, interval, now, rates, memory, scaled, writes, says }
    }

    /// The same, read at `time`, with the next due after `interval`; it is `now`.
    #[must_use]
    pub fn at(self, time: CdTime, interval: Interval, now: CdTime) -> Self {
        Self { time, interval, now, ..self }
    }
}

impl Stage<'_> {
    /// Takes the steps of a plan; each is taken at most once.
    pub fn run(&mut self, steps: &[Step]) -> Ended {
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            at += 1;
            match step {
                // Steps lead only forward, whoever made them.
                Step::Go(to) => at = at.max(*to),
                Step::Unless { rule, name, otherwise } => {
                    if !self.holds(rule, name.as_deref()) {
                        at = at.max(*otherwise);
                    }
                }
                Step::Matched(tally) => tally.count_matched(),
                Step::Stop(tally) => {
                    tally.count_stopped();
                    return Ended::Stopped;
                }
                Step::Scale(scale) => self.scale(scale),
                Step::Write(route, name) => self.write(route, name.clone()),
                Step::Notify(notice, name) => self.say(notice, name.as_deref()),
            }
        }
        Ended::Goes
    }

    /// Whether all matches of a rule match that ask for values; `name` is what the series is called here.
    pub(super) fn holds(&mut self, rule: &ChainRule, name: Option<&str>) -> bool {
        rule.matches.iter().all(|one| match one {
            Match::Regex(_) | Match::Hashed(_) => true,
            Match::TimeDiff(wanted) => judge::time_diff(*wanted, self.time, self.now),
            Match::EmptyCounter => judge::empty_counter(self.values),
            Match::Value(wanted) => match &mut self.rates {
                Rates::Now(rates) => judge::value(wanted, self.set, Some(rates)),
                Rates::Before(of) => judge::value(wanted, self.set, of(name).as_deref()),
            },
        })
    }

    pub(super) fn scale(&mut self, wanted: &Scale) {
        let interval = self.interval.span().as_secs_f64();
        let rates = self.scaled.get_or_insert_with(|| match &self.rates {
            Rates::Now(rates) => rates.to_vec(),
            Rates::Before(_) => rates_alone(self.values),
        });
        let all = self.values.iter_mut().zip(rates).zip(&self.set.sources).enumerate();
        for (at, ((value, rate), source)) in all {
            if names_source(&wanted.sources, &source.name) {
                *value = scale::value(wanted, *value, interval, self.memory.sum(wanted, at));
                *rate = match *value {
                    Value::Gauge(gauge) => gauge,
                    _ => *rate * wanted.factor + wanted.offset,
                };
            }
        }
    }

    /// Hands it to outputs, under another name where one is given.
    pub fn write(&mut self, route: &Arc<Route>, name: Option<Arc<str>>) {
        let rates = match (&self.scaled, &self.rates) {
            (Some(rates), _) => Some(rates.clone()),
            // What is written before the cache may yet change on its way there.
            (None, Rates::Before(_)) => Some(rates_alone(self.values)),
            (None, Rates::Now(_)) => None,
        };
        let values = rates.map(|rates| (Box::from(&*self.values), rates.into_boxed_slice()));
        let route = Arc::clone(route);
        self.writes.push(Write { route, name, values });
    }

    pub(super) fn say(&mut self, notice: &Notice, name: Option<&str>) {
        let parts = Parts::of(name.unwrap_or(self.own));
        let mut known = Vec::new();
        let mut rates = None;
        for (at, (source, value)) in self.set.sources.iter().zip(&*self.values).enumerate() {
            if !notice.message.contains("%{ds:") {
                break;
            }
            let rate = if let Value::Gauge(gauge) = value {
                Some(*gauge)
            } else {
                let of = rates.get_or_insert_with(|| match &mut self.rates {
                    Rates::Now(rates) => Some(rates.to_vec()),
                    Rates::Before(of) => of(name),
                });
                of.as_ref().and_then(|rates| rates.get(at).copied())
            };
            let text = rate.map_or_else(|| "unknown".to_owned(), |rate| Short(rate).to_string());
            known.push((format!("ds:{}", source.name), text));
        }
        let place = |place: &str| {
            let part = match place {
                "host" => parts.host,
                "plugin" => parts.plugin,
                "plugin_instance" => parts.plugin_instance,
                "type" => parts.type_name,
                "type_instance" => parts.type_instance,
                other => return known.iter().find(|(name, _)| name == other).map(|(_, text)| text.clone()),
            };
            Some(part.to_owned())
        };
        let mut message = fill(&notice.message, place).into_owned();
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        self.says.push(Notification {
            severity: notice.severity,
            time: self.now,
            message,
            host: parts.host.into(),
            plugin: parts.plugin.into(),
            plugin_instance: parts.plugin_instance.into(),
            type_name: parts.type_name.into(),
            type_instance: parts.type_instance.into(),
            meta: BTreeMap::new(),
        });
    }
}

/// Rates before the cache knows the values: gauges are their own.
fn rates_alone(values: &[Value]) -> Vec<f64> {
    let alone = values.iter().map(|value| match value {
        Value::Gauge(gauge) => *gauge,
        Value::Derive(_) | Value::Counter(_) | Value::Absolute(_) => f64::NAN,
    });
    alone.collect()
}

impl From<Flow> for Ended {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Stop => Self::Stopped,
            Flow::Continue | Flow::Return => Self::Goes,
        }
    }
}
