//! Thresholds, the blacklist and subscriptions: what they do now, and what they would do.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gatherd_api::types::{
    BlacklistPreview, BlacklistRule, BlacklistStatus, Exactness, FieldError, Judged, PreviewedSeries,
    Specificity, Threshold, ThresholdPreview, ThresholdStatus, ValueState,
};
use gatherd_api::{Change, ManagementError, ResourceKind};
use gatherd_engine::desired::{BlacklistEntry, Fault, RULE_ID, ThresholdEntry, is_rule_id};
use gatherd_engine::rules;
use gatherd_engine::series::Parts;
use gatherd_engine::subscription;
use gatherd_engine::threshold::{Level, Standing, State, Tally, preview};
use gatherd_model::{CdTime, DataSet};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use crate::convert::timestamp;
use crate::{EngineManagement, chain};

/// Most series that a preview names.
const MOST_ITEMS: usize = 100;

/// What all rules of one kind do now.
pub(crate) enum Doing {
    /// Of a kind that does nothing by itself.
    Nothing,
    /// Series by threshold and state.
    Thresholds(HashMap<Arc<str>, Tally>),
    /// What became of each one's messages.
    Subscriptions(BTreeMap<String, subscription::Tally>),
    /// The chains that are in force.
    Chains { lists: Arc<rules::Lists>, in_force: bool },
    /// Series by rule, with the rules that are in force.
    Blacklist { series: HashMap<Arc<str>, u64>, lists: Arc<rules::Lists>, in_force: bool, now: CdTime },
}

impl Doing {
    /// Looks at every series that matters to this kind.
    pub(crate) async fn of(this: &EngineManagement, kind: ResourceKind) -> Result<Self, ManagementError> {
        let way = Arc::clone(this.engine().way());
        match kind {
            ResourceKind::Threshold | ResourceKind::Blacklist => {}
            ResourceKind::Chain => {
                let (lists, in_force) = (Arc::clone(way.rules().load().lists()), way.is_swept());
                return Ok(Self::Chains { lists, in_force });
            }
            ResourceKind::Subscription => {
                return Ok(Self::Subscriptions(this.engine().subscriptions().tallies()));
            }
            _ => return Ok(Self::Nothing),
        }
        let look = move || match kind {
            ResourceKind::Threshold => Self::Thresholds(way.thresholds().tallies()),
            ResourceKind::Blacklist => Self::Blacklist {
                in_force: way.is_swept(),
                series: way.hidden_series(),
                lists: Arc::clone(way.rules().load().lists()),
                now: way.clock().wall(),
            },
            _ => Self::Nothing,
        };
        spawn_blocking(look).await.map_err(|error| walking(&error))
    }

    /// Adds to a rule what it does.
    pub(crate) fn tell(&self, id: &str, rule: &mut Value) {
        let Value::Object(members) = rule else { return };
        let status = match self {
            Self::Nothing => return,
            Self::Chains { lists, in_force } => json(&chain::status(&lists.chains, id, *in_force)),
            Self::Thresholds(tallies) => json(&status(tallies.get(id).copied().unwrap_or_default())),
            Self::Subscriptions(tallies) => {
                json(&crate::subscription::status(tallies.get(id).cloned().unwrap_or_default()))
            }
            Self::Blacklist { series, lists, in_force, now } => {
                let all = rules::Verb::ALL.into_iter().flat_map(|verb| lists.hides(verb).all());
                let rule = all.into_iter().find(|rule| *rule.id == *id);
                let entry = serde_json::from_value::<BlacklistEntry>(Value::Object(members.clone()));
                let compiled = entry.ok().and_then(|entry| entry.compile(id).ok());
                json(&BlacklistStatus {
                    expired: compiled.is_some_and(|compiled| compiled.is_expired(*now)),
                    in_force: *in_force && rule.is_some(),
                    series: series.get(id).copied().unwrap_or_default(),
                    hidden: rule.map_or(0, |rule| rule.hidden()),
                })
            }
        };
        members.insert("status".to_owned(), status);
    }
}

/// Notes in a new rule of the blacklist who makes it and when; a changed one keeps what `before` says.
pub(crate) fn sign(this: &EngineManagement, change: &Change, value: &mut Value, before: Option<&Value>) {
    let Value::Object(members) = value else { return };
    let kept = |name| before.and_then(|before| before.get(name)).filter(|kept| **kept != "").cloned();
    let author = kept("author").unwrap_or_else(|| change.caller.user.clone().into());
    let created = kept("created").unwrap_or_else(|| json(&timestamp(this.engine().way().clock().wall())));
    members.insert("author".to_owned(), author);
    members.insert("created".to_owned(), created);
}

/// A merge patch without what callers do not write.
pub(crate) fn without_signature(patch: &mut Value) {
    if let Value::Object(members) = patch {
        members.remove("author");
        members.remove("created");
    }
}

/// What judges a series, and since when it is in its state.
pub(crate) fn judged(standing: &Standing, set: &DataSet) -> Option<Judged> {
    let Standing { state, since, by } = standing;
    let first = by.first()?;
    let pairs = set.sources.iter().zip(&by.sources);
    let named =
        pairs.filter_map(|(source, rule)| Some((source.name.to_string(), rule.as_ref()?.id.to_string())));
    Some(Judged {
        threshold: first.id.to_string(),
        specificity: specificity(first.matcher.specificity()),
        by_data_source: named.collect(),
        since: (*state != State::Unknown).then(|| timestamp(*since)),
        exempt_by: by.exempt.as_ref().map(|rule| rule.id.to_string()),
        silenced_by: by.silent.as_ref().map(|rule| rule.id.to_string()),
    })
}

pub(crate) fn state(state: State) -> ValueState {
    match state {
        State::Unknown => ValueState::Unknown,
        State::Okay => ValueState::Okay,
        State::Warning => ValueState::Warning,
        State::Failure => ValueState::Failure,
        State::Missing => ValueState::Missing,
    }
}

pub(crate) async fn preview_threshold(
    this: &EngineManagement,
    rule: &Threshold,
) -> Result<ThresholdPreview, ManagementError> {
    let id = id_of(rule.id.as_deref())?;
    let rule = entry::<ThresholdEntry>(rule)?.compile(&id).map_err(invalid)?;
    let way = Arc::clone(this.engine().way());
    let look = move || {
        let mut found = ThresholdPreview {
            series: 0,
            outranked: 0,
            would_say: ThresholdStatus::default(),
            items: Vec::new(),
        };
        let rules = way.rules().load_full();
        way.each_value(|text, set, rates| {
            let parts = Parts::of(text);
            let said = rule.matcher.admits(&parts).then(|| preview(&rule, set, rates)).flatten();
            let Some(said) = said else { return };
            let outranked_by = outranking(&rules, &parts, &rule);
            found.series += 1;
            match &outranked_by {
                Some(_) => found.outranked += 1,
                None => count(&mut found.would_say, said.level),
            }
            let item = PreviewedSeries {
                identifier: text.to_string(),
                state: said.level.map_or(ValueState::Unknown, |level| state(level.into())),
                data_source: set.sources.get(said.source).map_or_else(String::new, |s| s.name.to_string()),
                value: Some(said.value).filter(|value| value.is_finite()),
                outranked_by,
            };
            keep_worst(&mut found.items, item);
        });
        found.items.sort_by(|one, other| {
            rank(other).cmp(&rank(one)).then_with(|| one.identifier.cmp(&other.identifier))
        });
        found
    };
    spawn_blocking(look).await.map_err(|error| walking(&error))
}

pub(crate) async fn preview_blacklist(
    this: &EngineManagement,
    rule: &BlacklistRule,
) -> Result<BlacklistPreview, ManagementError> {
    let id = id_of(rule.id.as_deref())?;
    let rule = entry::<BlacklistEntry>(rule)?.compile(&id).map_err(invalid)?;
    let way = Arc::clone(this.engine().way());
    let look = move || {
        let mut found = BlacklistPreview { series: 0, items: Vec::new() };
        way.each_value(|text, _, _| {
            if rule.matcher.admits(&Parts::of(text)) {
                found.series += 1;
                if found.items.len() < MOST_ITEMS {
                    found.items.push(text.to_string());
                }
            }
        });
        found.items.sort();
        found
    };
    spawn_blocking(look).await.map_err(|error| walking(&error))
}

/// The threshold that judges a series rather than `rule`, where there is one.
fn outranking(rules: &rules::Rules, parts: &Parts<'_>, rule: &rules::Threshold) -> Option<String> {
    let mut matching = rules.lists().thresholds.matching(parts).filter(|(_, known)| known.id != rule.id);
    let (_, first) = matching.next()?;
    let (own, known) = (rule.matcher.specificity(), first.matcher.specificity());
    let goes_before =
        known > own || (known == own && first.id < rule.id && first.data_source == rule.data_source);
    goes_before.then(|| first.id.to_string())
}

fn count(status: &mut ThresholdStatus, level: Option<Level>) {
    *match level {
        None => &mut status.unknown,
        Some(Level::Okay) => &mut status.okay,
        Some(Level::Warning) => &mut status.warning,
        Some(Level::Failure) => &mut status.failure,
    } += 1;
}

fn rank(item: &PreviewedSeries) -> u8 {
    match item.state {
        ValueState::Failure => 3,
        ValueState::Warning => 2,
        ValueState::Okay => 1,
        ValueState::Unknown | ValueState::Missing => 0,
    }
}

/// Keeps an item where there is room, or where it is worse than one that was kept.
fn keep_worst(items: &mut Vec<PreviewedSeries>, item: PreviewedSeries) {
    if items.len() < MOST_ITEMS {
        items.push(item);
    } else if let Some(milder) = items.iter_mut().find(|kept| rank(kept) < rank(&item)) {
        *milder = item;
    }
}

fn status(tally: Tally) -> ThresholdStatus {
    let Tally { unknown, okay, warning, failure, missing } = tally;
    ThresholdStatus { unknown, okay, warning, failure, missing }
}

fn specificity(of: rules::Specificity) -> Specificity {
    let [host, plugin, plugin_instance, type_name, type_instance] = of.0.map(|exactness| match exactness {
        rules::Exactness::Any => Exactness::Any,
        rules::Exactness::Expression => Exactness::Regex,
        rules::Exactness::Glob => Exactness::Glob,
        rules::Exactness::Exact => Exactness::Exact,
    });
    Specificity { host, plugin, plugin_instance, type_name, type_instance }
}

/// The document's form of a rule, without what it is only shown with.
pub(crate) fn entry<T: DeserializeOwned>(rule: &impl Serialize) -> Result<T, ManagementError> {
    let Value::Object(mut members) = json(rule) else { return Err(invalid(Vec::new())) };
    for name in ["id", "revision", "status"] {
        members.remove(name);
    }
    let members: Map<String, Value> = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
    serde_json::from_value(Value::Object(members))
        .map_err(|error| invalid(vec![(String::new(), error.to_string())]))
}

/// The id of a rule that is only looked at, which may have none.
fn id_of(id: Option<&str>) -> Result<String, ManagementError> {
    match id {
        Some(id) if !is_rule_id(id) => Err(invalid(vec![("/id".to_owned(), RULE_ID.to_owned())])),
        id => Ok(id.unwrap_or_default().to_owned()),
    }
}

fn invalid(faults: Vec<Fault>) -> ManagementError {
    let errors = faults.into_iter().map(|(pointer, detail)| FieldError { pointer, detail });
    ManagementError::Invalid { errors: errors.collect() }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("wire types are always JSON")
}

fn walking(error: &tokio::task::JoinError) -> ManagementError {
    ManagementError::Internal { detail: format!("walking the cache: {error}") }
}
