//! Filter chains: what they do now, and what they would do with a value list.

use std::sync::Arc;

use gatherd_api::ManagementError;
use gatherd_api::types::{
    ChainEntry as Entry, ChainNotification, ChainPass, ChainPreview, ChainStatus, ChainTally, ChainTrial,
    ChainTried, ChainWrite, FieldError, Number, Severity,
};
use gatherd_engine::chains::Trace;
use gatherd_engine::desired::{ChainEntry, Document};
use gatherd_engine::rules::chain::Chains;
use gatherd_engine::way::{Said, Trial, TrialValues, Tried};
use gatherd_engine::{compiled_chains, tangled_chains};
use gatherd_model::{CdTime, DataSet, DataSourceKind, Interval, Value};

use crate::EngineManagement;
use crate::convert::number;
use crate::rule::entry;

/// What a chain does now.
pub(crate) fn status(chains: &Chains, id: &str, in_force: bool) -> ChainStatus {
    let known = chains.all.get(id);
    let is = |entry: &Option<Arc<_>>| {
        entry.as_ref().zip(known).is_some_and(|(one, other)| Arc::ptr_eq(one, other))
    };
    let entry = match (is(&chains.before), is(&chains.after)) {
        (true, true) => Some(Entry::Both),
        (true, false) => Some(Entry::PreCache),
        (false, true) => Some(Entry::PostCache),
        (false, false) => None,
    };
    let rules = known.into_iter().flat_map(|chain| &chain.rules).map(|rule| {
        let tally = ChainTally { matched: rule.tally.matched(), stopped: rule.tally.stopped() };
        (rule.id.to_string(), tally)
    });
    ChainStatus {
        entry,
        in_force: in_force && known.is_some(),
        rules: rules.collect(),
        stopped: known.map_or(0, |chain| chain.tally.stopped()),
    }
}

pub(crate) fn preview(this: &EngineManagement, trial: &ChainTrial) -> Result<ChainPreview, ManagementError> {
    let document = tried_document(this, trial)?;
    let way = this.engine().way();
    let before = Arc::clone(&way.rules().load().lists().chains);
    let current = this.engine().desired().current();
    let chains = compiled_chains(&document, &current.document.chains, &before);
    let list = values(this, trial)?;
    Ok(shown(way.try_chains(&chains, &list)))
}

/// The document in effect with the chains that are to be tried.
fn tried_document(this: &EngineManagement, trial: &ChainTrial) -> Result<Document, ManagementError> {
    let mut document = this.engine().desired().current().document.clone();
    let mut errors = Vec::new();
    for (id, chain) in &trial.chains {
        let pointer = format!("/chains/{}", id.replace('~', "~0").replace('/', "~1"));
        let chain: ChainEntry = match entry(chain) {
            Ok(chain) => chain,
            Err(error) => {
                errors.push(fault(&pointer, &error.to_string()));
                continue;
            }
        };
        let faults = chain.compile(id, None).err().into_iter().flatten();
        errors.extend(faults.map(|(below, detail)| fault(&format!("{pointer}{below}"), &detail)));
        document.chains.insert(id.clone(), chain);
    }
    let places = [
        (&trial.pre_cache_chain, &mut document.pre_cache_chain),
        (&trial.post_cache_chain, &mut document.post_cache_chain),
    ];
    for (wanted, place) in places {
        if let Some(wanted) = wanted {
            place.clone_from(wanted);
        }
    }
    errors.extend(
        tangled_chains(&document).into_iter().map(|problem| fault(&problem.pointer, &problem.detail)),
    );
    if errors.is_empty() { Ok(document) } else { Err(ManagementError::Invalid { errors }) }
}

/// The value list that is tried: what was sent, and what is cached for what was not.
fn values(this: &EngineManagement, trial: &ChainTrial) -> Result<TrialValues, ManagementError> {
    let way = this.engine().way();
    let invalid =
        |pointer: &str, detail: &str| ManagementError::Invalid { errors: vec![fault(pointer, detail)] };
    let id: gatherd_model::Identifier = trial
        .identifier
        .parse()
        .map_err(|error: gatherd_model::NameError| invalid("/identifier", &error.to_string()))?;
    let identifier: Arc<str> = id.to_string().into();
    let newest = way.cache().table().find(&identifier).and_then(|id| way.cache().newest_of(id));
    let types = way.types().load();
    let set = match &newest {
        Some(newest) => Arc::clone(&newest.data_set),
        None => match types.get(&id.type_name) {
            Some((_, set)) => Arc::clone(set),
            None => return Err(invalid("/identifier", &format!("no data set is called {}", id.type_name))),
        },
    };
    let values = match (&trial.values, &newest) {
        (Some(given), _) => typed(given, &set).map_err(|(pointer, detail)| invalid(&pointer, &detail))?,
        (None, Some(newest)) => newest.values.clone(),
        (None, None) => return Err(invalid("/values", "nothing is cached of it, so values are wanted")),
    };
    let cached = newest.as_ref().filter(|_| trial.values.is_none());
    let time = match &trial.time {
        Some(time) => moment(time.as_str()).ok_or_else(|| invalid("/time", "a time since 1970 is wanted"))?,
        None => cached.map_or_else(|| way.clock().wall(), |newest| newest.time),
    };
    let interval = match (trial.interval, cached) {
        (Some(seconds), _) => Interval::from_secs_f64(seconds)
            .ok()
            .filter(|_| seconds <= 31_536_000.0)
            .ok_or_else(|| invalid("/interval", "seconds from 0.001 to 31536000 are allowed"))?,
        (None, Some(newest)) => Interval::from_units(newest.interval.0).unwrap_or(Interval::DEFAULT),
        (None, None) => Interval::DEFAULT,
    };
    Ok(TrialValues { identifier, set, values, time, interval })
}

fn typed(given: &[Option<Number>], set: &DataSet) -> Result<Vec<Value>, (String, String)> {
    if given.len() != set.sources.len() {
        let names: Vec<&str> = set.sources.iter().map(|source| &*source.name).collect();
        let wanted = format!("{} has {} data sources: {}", set.name, names.len(), names.join(", "));
        return Err(("/values".to_owned(), wanted));
    }
    let each = given.iter().zip(&set.sources).enumerate().map(|(at, (number, source))| {
        let value = match (source.kind, number) {
            (DataSourceKind::Gauge, None) => Some(Value::Gauge(f64::NAN)),
            (DataSourceKind::Gauge, Some(number)) => Some(Value::Gauge(match number {
                Number::Unsigned(number) => *number as f64,
                Number::Signed(number) => *number as f64,
                Number::Float(number) => *number,
            })),
            (DataSourceKind::Derive, Some(Number::Unsigned(number))) => {
                i64::try_from(*number).ok().map(Value::Derive)
            }
            (DataSourceKind::Derive, Some(Number::Signed(number))) => Some(Value::Derive(*number)),
            (DataSourceKind::Counter, Some(Number::Unsigned(number))) => Some(Value::Counter(*number)),
            (DataSourceKind::Absolute, Some(Number::Unsigned(number))) => Some(Value::Absolute(*number)),
            _ => None,
        };
        let wanted = || {
            (
                format!("/values/{at}"),
                format!("{} is a {}, and wants such a number", source.name, source.kind),
            )
        };
        value.ok_or_else(wanted)
    });
    each.collect()
}

fn moment(text: &str) -> Option<CdTime> {
    let time: jiff::Timestamp = text.parse().ok()?;
    let since = time.duration_since(jiff::Timestamp::UNIX_EPOCH);
    Some(CdTime::from_duration(since.try_into().ok()?))
}

fn shown(tried: Tried) -> ChainPreview {
    let Tried { before, after, identifier, values, hidden_by, says } = tried;
    let says = says.into_iter().map(|notification| ChainNotification {
        severity: match notification.severity {
            gatherd_model::Severity::Okay => Severity::Okay,
            gatherd_model::Severity::Warning => Severity::Warning,
            gatherd_model::Severity::Failure => Severity::Failure,
        },
        message: notification.message,
    });
    ChainPreview {
        stopped: after.is_none() && hidden_by.is_none(),
        hidden_by: hidden_by.map(|rule| rule.to_string()),
        identifier,
        values: numbers(&values),
        before: pass(before),
        after: after.map(pass),
        notifications: says.collect(),
    }
}

fn pass(trial: Trial) -> ChainPass {
    let Trial { rules, writes } = trial;
    let rules = rules.into_iter().map(|trace| {
        let Trace { chain, rule, matched, stopped, name } = trace;
        let rule = rule.map(|rule| rule.to_string());
        ChainTried { chain: chain.to_string(), rule, matched, stopped, identifier: name }
    });
    let writes = writes.into_iter().map(|said| {
        let Said { outputs, identifier, values } = said;
        let outputs = outputs.iter().map(ToString::to_string).collect();
        ChainWrite { outputs, identifier, values: numbers(&values) }
    });
    ChainPass { rules: rules.collect(), writes: writes.collect() }
}

fn numbers(values: &[Value]) -> Vec<Option<Number>> {
    values.iter().map(|value| number(*value)).collect()
}

fn fault(pointer: &str, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatherd_model::TypesDb;

    fn read(kind: &str, sent: &[Option<Number>]) -> Result<Vec<Value>, String> {
        let types = TypesDb::builtin();
        typed(sent, types.get(kind).unwrap().1).map_err(|(pointer, _)| pointer)
    }

    #[test]
    fn numbers_become_values_of_the_kind_of_their_data_source() {
        use Number::{Float, Signed, Unsigned};
        assert_eq!(read("gauge", &[Some(Unsigned(3))]), Ok(vec![Value::Gauge(3.0)]));
        assert!(matches!(read("gauge", &[None]).unwrap()[..], [Value::Gauge(nan)] if nan.is_nan()));
        assert_eq!(read("derive", &[Some(Signed(-3))]), Ok(vec![Value::Derive(-3)]));
        assert_eq!(read("counter", &[Some(Unsigned(u64::MAX))]), Ok(vec![Value::Counter(u64::MAX)]));
        for (kind, sent) in [("derive", Float(0.5)), ("derive", Unsigned(u64::MAX)), ("counter", Signed(-1))]
        {
            assert_eq!(read(kind, &[Some(sent)]), Err("/values/0".to_owned()), "{kind} {sent:?}");
        }
        assert_eq!(read("counter", &[None]), Err("/values/0".to_owned()));
        assert_eq!(read("load", &[Some(Float(1.0))]), Err("/values".to_owned()));
    }

    #[test]
    fn a_time_is_read_in_whatever_zone() {
        assert_eq!(moment("1970-01-01T01:00:01+01:00"), Some(CdTime::from_secs(1)));
        assert_eq!(moment("1969-12-31T00:00:00Z"), None);
        assert_eq!(moment("soon"), None);
    }
}
