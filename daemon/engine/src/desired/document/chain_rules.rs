//! Filter chains as they run, from the document's form of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gatherd_model::{CdTime, MAX_NAME};
use regex::Regex;

use super::chains::{
    ChainEntry, ChainRuleEntry, Change, MatchEntry, MatchKind, Satisfy, TargetEntry, TargetKind,
};
use super::rule::{Fault, Faults};
use super::severity::SeverityWord;
use crate::port::PluginId;
use crate::rules::chain::{
    Chain, ChainRule, Group, Match, NameMatch, Notice, ReplaceName, Route, Scale, SetName, Shape, Target,
    TimeDiff, ValueMatch, fill,
};
use crate::rules::{MAX_OUTPUTS, expression};

/// Most rules of one chain.
const MOST_RULES: usize = 1000;
/// Most matches, and most targets, of one rule.
const MOST_PARTS: usize = 16;
/// Most groups of one match, and most data sources that one part names.
const MOST_NAMES: usize = 64;
/// Longest message, in bytes.
const LONGEST_MESSAGE: usize = 1024;
/// Seconds of a year, the longest time that may be named.
const YEAR: f64 = 31_536_000.0;
/// Longest id, in bytes.
const LONGEST_ID: usize = 64;

impl ChainEntry {
    /// The chain that it says. What it says as `before` did, of which `was` was made, stays the very same, with
    /// all that it counted.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, pointers into the entry.
    pub fn compile(&self, id: &str, before: Option<(&Self, &Chain)>) -> Result<Chain, Vec<Fault>> {
        let mut faults = Faults::default();
        faults.say_if(
            self.rules.len() > MOST_RULES,
            "/rules",
            format_args!("at most {MOST_RULES} rules are allowed"),
        );
        let mut rules = Vec::new();
        for (rule_id, entry) in self.rules.iter().take(MOST_RULES) {
            let pointer = format!("/rules/{}", escape(rule_id));
            faults.id(&pointer, rule_id);
            let same = before.and_then(|(entries, was)| {
                let same = entries.rules.get(rule_id).is_some_and(|before| before == entry);
                was.rules.iter().find(|rule| same && *rule.id == **rule_id)
            });
            let rule = match same {
                Some(rule) => Some(Arc::clone(rule)),
                None => faults.take(&pointer, entry.compile(rule_id)).map(Arc::new),
            };
            rules.extend(rule.map(|rule| (entry.order, rule)));
        }
        // The map's order is that of the ids, and stays among equals.
        rules.sort_by_key(|(order, _)| *order);
        let same = before.filter(|(entry, _)| entry.targets == self.targets);
        let targets = match same {
            Some((_, was)) => Some(was.targets.clone()),
            None => faults.take("/targets", targets(&self.targets)),
        };
        let tally = before.map(|(_, was)| Arc::clone(&was.tally)).unwrap_or_default();
        let rules = rules.into_iter().map(|(_, rule)| rule).collect();
        faults.end(Chain { id: id.into(), rules, targets: targets.unwrap_or_default(), tally })
    }

    /// How many steps it takes at most, and where it jumps to, by pointers into the entry.
    pub fn shape(&self) -> Shape<String> {
        let mut jumps = Vec::new();
        let mut add = |pointer: String, targets: &BTreeMap<String, TargetEntry>| {
            for (id, target) in targets {
                let at = format!("{pointer}/targets/{}/chain", escape(id));
                let is_jump = target_kind(id, target) == Some(TargetKind::Jump);
                jumps.extend(target.chain.clone().filter(|_| is_jump).map(|to| (at, to)));
            }
            targets.len()
        };
        let mut steps = add(String::new(), &self.targets);
        for (id, rule) in &self.rules {
            steps += 1 + rule.matches.len() + add(format!("/rules/{}", escape(id)), &rule.targets);
        }
        (steps as u64, jumps)
    }
}

impl ChainRuleEntry {
    fn compile(&self, id: &str) -> Result<ChainRule, Vec<Fault>> {
        let mut faults = Faults::default();
        let mut matches = Vec::new();
        faults.say_if(
            self.matches.len() > MOST_PARTS,
            "/matches",
            format_args!("at most {MOST_PARTS} matches are allowed"),
        );
        for (match_id, entry) in self.matches.iter().take(MOST_PARTS) {
            let pointer = format!("/matches/{}", escape(match_id));
            faults.id(&pointer, match_id);
            matches.extend(faults.take(&pointer, entry.compile(match_id)));
        }
        faults.say_if(
            self.targets.is_empty(),
            "/targets",
            format_args!("a rule has at least one target, such as `stop = {{}}`"),
        );
        let targets = faults.take("/targets", targets(&self.targets)).unwrap_or_default();
        faults.end(ChainRule { id: id.into(), matches, targets, tally: Arc::default() })
    }
}

impl MatchEntry {
    fn compile(&self, id: &str) -> Result<Match, Vec<Fault>> {
        let mut faults = Faults::default();
        let Some(kind) = self.kind.or_else(|| word(id)) else {
            faults.say_if(true, "/kind", format_args!("{id:?} is no kind of match: say which it is, `regex`, `hashed`, `value`, `timediff` or `empty_counter`"));
            return faults.end(Match::EmptyCounter);
        };
        let allowed: &[&str] = match kind {
            MatchKind::Regex => &["host", "plugin", "plugin_instance", "type", "type_instance", "invert"],
            MatchKind::Hashed => &["groups"],
            MatchKind::Value => &["min", "max", "invert", "data_sources", "satisfy"],
            MatchKind::Timediff => &["future", "past"],
            MatchKind::EmptyCounter => &[],
        };
        faults.only(self, allowed);
        let made = match kind {
            MatchKind::Regex => self.regex(&mut faults),
            MatchKind::Hashed => self.hashed(&mut faults),
            MatchKind::Value => self.value(&mut faults),
            MatchKind::Timediff => {
                for (pointer, seconds) in [("/future", self.future), ("/past", self.past)] {
                    faults.say_if(
                        !(0.0..=YEAR).contains(&seconds),
                        pointer,
                        format_args!("{seconds} is out of range: seconds from 0 to {YEAR} are allowed"),
                    );
                }
                faults.say_if(
                    self.future == 0.0 && self.past == 0.0,
                    "",
                    format_args!("`future` or `past` must be more than 0"),
                );
                Match::TimeDiff(TimeDiff { future: span(self.future), past: span(self.past) })
            }
            MatchKind::EmptyCounter => Match::EmptyCounter,
        };
        faults.end(made)
    }

    fn regex(&self, faults: &mut Faults) -> Match {
        let texts = [
            ("/host", &self.host),
            ("/plugin", &self.plugin),
            ("/plugin_instance", &self.plugin_instance),
            ("/type", &self.type_name),
            ("/type_instance", &self.type_instance),
        ];
        faults.say_if(
            texts.iter().all(|(_, text)| text.is_none()),
            "",
            format_args!("an expression is wanted for at least one part of the identifier"),
        );
        let parts = texts.map(|(pointer, text)| text.as_ref().and_then(|text| faults.regex(pointer, text)));
        Match::Regex(Box::new(NameMatch { parts, invert: self.invert }))
    }

    fn hashed(&self, faults: &mut Faults) -> Match {
        let all = &self.groups;
        faults.say_if(
            all.is_empty() || all.len() > MOST_NAMES,
            "/groups",
            format_args!("1 to {MOST_NAMES} groups are wanted, such as \"0/2\""),
        );
        let mut groups = Vec::new();
        for (at, text) in all.iter().enumerate().take(MOST_NAMES) {
            let group = text.split_once('/').and_then(|(number, total)| {
                let group = Group { number: number.parse().ok()?, total: total.parse().ok()? };
                (group.number < group.total).then_some(group)
            });
            faults.say_if(
                group.is_none(),
                &format!("/groups/{at}"),
                format_args!("a group such as \"3/7\" is wanted: the fourth of seven"),
            );
            groups.extend(group);
        }
        Match::Hashed(groups.into())
    }

    fn value(&self, faults: &mut Faults) -> Match {
        faults.say_if(self.min.is_none() && self.max.is_none(), "", format_args!("`min` or `max` is wanted"));
        let sources = faults.sources(&self.data_sources);
        let (min, max, invert) = (self.min, self.max, self.invert);
        let any = self.satisfy == Some(Satisfy::Any);
        Match::Value(Box::new(ValueMatch { min, max, invert, sources, any }))
    }
}

/// Targets in their order.
fn targets(entries: &BTreeMap<String, TargetEntry>) -> Result<Vec<Target>, Vec<Fault>> {
    let mut faults = Faults::default();
    faults.say_if(entries.len() > MOST_PARTS, "", format_args!("at most {MOST_PARTS} targets are allowed"));
    let mut ordered: Vec<(&String, &TargetEntry)> = entries.iter().take(MOST_PARTS).collect();
    ordered.sort_by_key(|(_, entry)| entry.order);
    let (mut made, mut ended) = (Vec::new(), None);
    for (id, entry) in ordered {
        let pointer = format!("/{}", escape(id));
        faults.id(&pointer, id);
        if let Some(ended) = &ended {
            faults.say_if(
                true,
                &pointer,
                format_args!("it is never reached: {ended} comes before it; give it a smaller `order`"),
            );
        }
        let target = faults.take(&pointer, entry.compile(id));
        if matches!(target, Some(Target::Stop | Target::Return)) {
            ended = Some(id);
        }
        made.extend(target);
    }
    faults.end(made)
}

fn target_kind(id: &str, entry: &TargetEntry) -> Option<TargetKind> {
    entry.kind.or_else(|| word(id))
}

impl TargetEntry {
    fn compile(&self, id: &str) -> Result<Target, Vec<Fault>> {
        let mut faults = Faults::default();
        let Some(kind) = target_kind(id, self) else {
            faults.say_if(true, "/kind", format_args!("{id:?} is no kind of target: say which it is, `stop`, `return`, `jump`, `write`, `set`, `replace`, `scale` or `notification`"));
            return faults.end(Target::Stop);
        };
        let names = ["host", "plugin", "plugin_instance", "type_instance"];
        let allowed: &[&str] = match kind {
            TargetKind::Stop | TargetKind::Return => &[],
            TargetKind::Jump => &["chain"],
            TargetKind::Write => &["outputs"],
            TargetKind::Set | TargetKind::Replace => &names,
            TargetKind::Scale => &["factor", "offset", "data_sources"],
            TargetKind::Notification => &["message", "severity"],
        };
        faults.only(self, allowed);
        let made = match kind {
            TargetKind::Stop => Target::Stop,
            TargetKind::Return => Target::Return,
            TargetKind::Jump => {
                faults.say_if(self.chain.is_none(), "/chain", format_args!("the id of a chain is wanted"));
                Target::Jump(self.chain.as_deref().unwrap_or_default().into())
            }
            TargetKind::Write => self.write(&mut faults),
            TargetKind::Set => self.set(&mut faults),
            TargetKind::Replace => self.replace(&mut faults),
            TargetKind::Scale => {
                faults.say_if(
                    self.factor.is_none() && self.offset.is_none(),
                    "",
                    format_args!("`factor` or `offset` is wanted"),
                );
                let sources = faults.sources(&self.data_sources);
                let (factor, offset) = (self.factor.unwrap_or(1.0), self.offset.unwrap_or(0.0));
                Target::Scale(Arc::new(Scale::new(factor, offset, sources)))
            }
            TargetKind::Notification => self.notification(&mut faults),
        };
        faults.end(made)
    }

    fn write(&self, faults: &mut Faults) -> Target {
        faults.say_if(
            self.outputs.len() > MAX_OUTPUTS,
            "/outputs",
            format_args!("at most {MAX_OUTPUTS} outputs are allowed"),
        );
        let mut outputs = Vec::new();
        for (at, id) in self.outputs.iter().enumerate() {
            match id.parse::<PluginId>() {
                Ok(id) => outputs.push(id),
                Err(error) => faults.say_if(true, &format!("/outputs/{at}"), format_args!("{error}")),
            }
        }
        Target::Write(Arc::new(Route::new(outputs)))
    }

    fn changes(&self) -> [(&'static str, &Option<Change>); 4] {
        [
            ("/host", &self.host),
            ("/plugin", &self.plugin),
            ("/plugin_instance", &self.plugin_instance),
            ("/type_instance", &self.type_instance),
        ]
    }

    fn set(&self, faults: &mut Faults) -> Target {
        faults.say_if(
            self.changes().iter().all(|(_, change)| change.is_none()),
            "",
            format_args!(
                "a text is wanted for at least one of `host`, `plugin`, `plugin_instance` and `type_instance`"
            ),
        );
        let parts = self.changes().map(|(pointer, change)| match change {
            None => None,
            Some(Change::To(text)) => {
                let may_be_empty = pointer.ends_with("instance");
                faults.say_if(text.is_empty() && !may_be_empty, pointer, format_args!("it may not be empty"));
                faults.part(pointer, text);
                faults.places(pointer, text, |_| false);
                Some(text.as_str().into())
            }
            Some(Change::Part(_)) => {
                faults.say_if(true, pointer, format_args!("`set` wants a text here"));
                None
            }
        });
        Target::Set(Arc::new(SetName { parts }))
    }

    fn replace(&self, faults: &mut Faults) -> Target {
        faults.say_if(
            self.changes().iter().all(|(_, change)| change.is_none()),
            "",
            format_args!("`regex` and `with` are wanted for at least one of `host`, `plugin`, `plugin_instance` and `type_instance`"),
        );
        let parts = self.changes().map(|(pointer, change)| match change {
            None => None,
            Some(Change::Part(part)) => {
                faults.part(&format!("{pointer}/with"), &part.with);
                let regex = faults.regex(&format!("{pointer}/regex"), &part.regex)?;
                Some((regex, part.with.as_str().into()))
            }
            Some(Change::To(_)) => {
                let wanted = "`replace` wants a table with `regex` and `with` here";
                faults.say_if(true, pointer, format_args!("{wanted}"));
                None
            }
        });
        Target::Replace(Arc::new(ReplaceName { parts }))
    }

    fn notification(&self, faults: &mut Faults) -> Target {
        let message = self.message.as_deref().unwrap_or_default();
        faults.say_if(
            message.is_empty() || message.len() > LONGEST_MESSAGE || message.contains(char::is_control),
            "/message",
            format_args!("1 to {LONGEST_MESSAGE} bytes without control characters are wanted"),
        );
        faults.places("/message", message, |place| place.starts_with("ds:"));
        let severity = self.severity.unwrap_or(SeverityWord::Warning).to_severity();
        Target::Notify(Arc::new(Notice { severity, message: message.into() }))
    }
}

impl Faults {
    fn id(&mut self, pointer: &str, id: &str) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_bad = id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(plain);
        self.say_if(
            is_bad,
            pointer,
            format_args!("an id has 1 to {LONGEST_ID} bytes of letters, digits, `-`, `_` and `.`"),
        );
    }

    /// Says which keys a part has that its kind does not know.
    fn only(&mut self, entry: &impl serde::Serialize, allowed: &[&str]) {
        let entry = serde_json::to_value(entry).expect("an entry has string keys only");
        for key in entry.as_object().into_iter().flatten().map(|(key, _)| key) {
            let is_known = ["kind", "order"].contains(&key.as_str()) || allowed.contains(&key.as_str());
            self.say_if(
                !is_known,
                &format!("/{key}"),
                format_args!("this kind has no such key; it knows: {}", allowed.join(", ")),
            );
        }
    }

    fn regex(&mut self, pointer: &str, text: &str) -> Option<Regex> {
        expression(text).map_err(|error| self.say_if(true, pointer, format_args!("{error}"))).ok()
    }

    fn part(&mut self, pointer: &str, text: &str) {
        self.say_if(
            text.len() > MAX_NAME || text.contains(char::is_control),
            pointer,
            format_args!("at most {MAX_NAME} bytes without control characters are allowed"),
        );
    }

    /// Says which places of a text nobody fills.
    fn places(&mut self, pointer: &str, text: &str, is_more: impl Fn(&str) -> bool) {
        let unknown = std::cell::Cell::new(None);
        let _filled = fill(text, |place| {
            let known = ["host", "plugin", "plugin_instance", "type", "type_instance"];
            if !known.contains(&place) && !is_more(place) {
                unknown.set(Some(place.to_owned()));
            }
            Some(String::new())
        });
        if let Some(place) = unknown.take() {
            self.say_if(true, pointer, format_args!("nothing is known as %{{{place}}} here"));
        }
    }

    fn sources(&mut self, names: &[String]) -> Box<[Box<str>]> {
        self.say_if(
            names.len() > MOST_NAMES || names.iter().any(|name| name.is_empty() || name.len() > MAX_NAME),
            "/data_sources",
            format_args!("at most {MOST_NAMES} names of 1 to {MAX_NAME} bytes are allowed"),
        );
        names.iter().map(|name| name.as_str().into()).collect()
    }
}

/// The kind that an id names.
fn word<T: serde::de::DeserializeOwned>(id: &str) -> Option<T> {
    serde_json::from_value(id.into()).ok()
}

fn escape(key: &str) -> String {
    crate::desired::merge::escape(key)
}

fn span(seconds: f64) -> CdTime {
    CdTime::from_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(value: Value) -> ChainEntry {
        serde_json::from_value(value).unwrap()
    }

    fn faults(value: Value) -> Vec<String> {
        let compiled = entry(value).compile("c", None);
        compiled.err().into_iter().flatten().map(|(pointer, _)| pointer).collect()
    }

    /// A chain with one rule of one match and one target.
    fn one(matches: &Value, targets: &Value) -> Value {
        json!({"rules": {"r": {"matches": matches, "targets": targets}}})
    }

    #[test]
    fn every_wrong_match_is_told_with_its_place() {
        let many: Vec<String> = (0..65).map(|at| format!("{at}/100")).collect();
        let many_matches: serde_json::Map<_, _> =
            (0..17).map(|at| (at.to_string(), json!({"kind": "empty_counter"}))).collect();
        for (matches, below) in [
            (json!({"a b": {"kind": "empty_counter"}}), "/a b"),
            (json!({"nothing": {}}), "/nothing/kind"),
            (json!({"regex": {}}), "/regex"),
            (json!({"regex": {"host": "x".repeat(1025)}}), "/regex/host"),
            (json!({"regex": {"type": "(?=x)"}}), "/regex/type"),
            (json!({"regex": {"host": "x", "groups": ["0/2"]}}), "/regex/groups"),
            (json!({"hashed": {}}), "/hashed/groups"),
            (json!({"hashed": {"groups": many}}), "/hashed/groups"),
            (json!({"hashed": {"groups": ["0/2", "1"]}}), "/hashed/groups/1"),
            (json!({"hashed": {"groups": ["0/0"]}}), "/hashed/groups/0"),
            (json!({"value": {"invert": true}}), "/value"),
            (json!({"value": {"min": 1, "data_sources": [""]}}), "/value/data_sources"),
            (json!({"value": {"min": 1, "host": "x"}}), "/value/host"),
            (json!({"timediff": {}}), "/timediff"),
            (json!({"timediff": {"past": 31_536_001}}), "/timediff/past"),
            (json!({"empty_counter": {"invert": true}}), "/empty_counter/invert"),
            (many_matches.into(), ""),
        ] {
            let expected = format!("/rules/r/matches{below}");
            assert_eq!(faults(one(&matches, &json!({"stop": {}}))), [expected], "{matches}");
        }
    }

    #[test]
    fn every_wrong_target_is_told_with_its_place() {
        let many: Vec<String> = (0..25).map(|at| format!("o{at}")).collect();
        let many_targets: serde_json::Map<_, _> =
            (0..17).map(|at| (at.to_string(), json!({"kind": "write"}))).collect();
        for (targets, below) in [
            (json!({}), ""),
            (json!({"x/y": {"kind": "stop"}}), "/x~1y"),
            (json!({"nothing": {}}), "/nothing/kind"),
            (json!({"stop": {"chain": "x"}}), "/stop/chain"),
            (json!({"jump": {}}), "/jump/chain"),
            (json!({"write": {"outputs": many}}), "/write/outputs"),
            (json!({"write": {"outputs": ["a", "B"]}}), "/write/outputs/1"),
            (json!({"set": {}}), "/set"),
            (json!({"set": {"plugin": ""}}), "/set/plugin"),
            (json!({"set": {"type_instance": "x".repeat(128)}}), "/set/type_instance"),
            (json!({"set": {"host": "a\u{1}"}}), "/set/host"),
            (json!({"set": {"host": "%{meta:x}"}}), "/set/host"),
            (json!({"set": {"host": {"regex": "a", "with": ""}}}), "/set/host"),
            (json!({"replace": {}}), "/replace"),
            (json!({"replace": {"host": "x"}}), "/replace/host"),
            (json!({"replace": {"host": {"regex": "(", "with": ""}}}), "/replace/host/regex"),
            (json!({"replace": {"host": {"regex": "a", "with": "\n"}}}), "/replace/host/with"),
            (json!({"scale": {"data_sources": ["x"]}}), "/scale"),
            (json!({"notification": {}}), "/notification/message"),
            (json!({"notification": {"message": "x".repeat(1025)}}), "/notification/message"),
            (json!({"return": {}, "set": {"host": "x"}}), "/set"),
            (many_targets.into(), ""),
        ] {
            let expected = format!("/rules/r/targets{below}");
            assert_eq!(faults(one(&json!({}), &targets)), [expected], "{targets}");
        }
        assert_eq!(faults(json!({"targets": {"nothing": {}}})), ["/targets/nothing/kind"]);
    }

    #[test]
    fn a_wrong_replacement_is_found_where_it_is() {
        let wrong = json!({"targets": {"replace": {"host": {"regex": "a", "by": "b"}}}});
        let error = serde_path_to_error::deserialize::<_, ChainEntry>(wrong).unwrap_err();
        assert_eq!(error.path().to_string(), "targets.replace.host.by");
        let number = json!({"targets": {"set": {"host": 5}}});
        let error = serde_json::from_value::<ChainEntry>(number).unwrap_err().to_string();
        assert!(error.contains("a text (`set`), or a table"), "{error}");
    }

    #[test]
    fn rules_and_targets_go_by_their_order_and_then_by_id() {
        let chain = entry(json!({"rules": {
            "c": {"order": -1, "targets": {"stop": {}}}, "b": {"targets": {"stop": {}}},
            "a": {"order": 3, "targets": {"z": {"kind": "stop", "order": 9}, "set": {"host": "x", "order": 1}}},
            "d": {"targets": {"stop": {}}}}}));
        let chain = chain.compile("c", None).unwrap();
        assert_eq!(chain.rules.iter().map(|rule| &*rule.id).collect::<Vec<_>>(), ["c", "b", "d", "a"]);
        assert!(matches!(chain.rules[3].targets[..], [Target::Set(_), Target::Stop]));
    }

    #[test]
    fn what_did_not_change_stays_the_very_same() {
        let rule = |min: i32| json!({"matches": {"value": {"min": min}}, "targets": {"stop": {}}});
        let before =
            entry(json!({"rules": {"a": rule(1), "b": rule(1)}, "targets": {"scale": {"factor": 2}}}));
        let was = before.compile("c", None).unwrap();
        let after =
            entry(json!({"rules": {"a": rule(1), "b": rule(2)}, "targets": {"scale": {"factor": 2}}}));
        let is = after.compile("c", Some((&before, &was))).unwrap();
        let same = |at: usize| Arc::ptr_eq(&was.rules[at], &is.rules[at]);
        assert_eq!((same(0), same(1), Arc::ptr_eq(&was.tally, &is.tally)), (true, false, true));
        let number = |chain: &Chain| match &chain.targets[..] {
            [Target::Scale(scale)] => scale.number,
            other => panic!("{other:?}"),
        };
        assert_eq!(number(&was), number(&is));
    }

    #[test]
    fn steps_and_jumps_are_counted_where_they_stand() {
        let chain = entry(json!({"rules": {"r": {
            "matches": {"value": {"min": 1}}, "targets": {"jump": {"chain": "x"}, "set": {"host": "h"}}}},
            "targets": {"j": {"kind": "jump", "chain": "y"}}}));
        let jumps = vec![
            ("/targets/j/chain".to_owned(), "y".to_owned()),
            ("/rules/r/targets/jump/chain".to_owned(), "x".to_owned()),
        ];
        assert_eq!(chain.shape(), (5, jumps));
    }
}
