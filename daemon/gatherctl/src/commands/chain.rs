//! Filter chains: what becomes of values before and after the cache.

use super::Desk;
use super::section::Kind;
use crate::cli::section::{Chains, PreviewChains};
use crate::document::Wish;
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use crate::table::Row;
use gatherd_client::Client;
use gatherd_client::types::{
    Chain, ChainEntry, ChainNotification, ChainPass, ChainPreview, ChainStatus, ChainTally, ChainTried,
    ChainWrite, Number, Severity,
};
use serde_json::Map;

impl Kind for Chain {
    const WORD: &'static str = "chain";
}

impl Desk<'_> {
    pub(super) async fn chains(&mut self, client: &Client, wish: Chains) -> Result<(), Failure> {
        match wish {
            Chains::List(limit) => self.list_members::<Chain>(client, limit).await,
            Chains::Show(which) => self.show_member::<Chain>(client, &which.id).await,
            Chains::Set(set) => self.set_member::<Chain>(client, &set).await,
            Chains::Delete(delete) => self.delete_member::<Chain>(client, &delete).await,
            Chains::Preview(preview) => self.preview_chains(client, preview).await,
        }
    }

    async fn preview_chains(&mut self, client: &Client, preview: PreviewChains) -> Result<(), Failure> {
        let mut trial = match Wish::of(&preview.edits)? {
            Wish::Look => Map::new(),
            Wish::Merge(members) | Wish::Whole(members) => members,
        };
        if let Some(identifier) = preview.identifier {
            trial.insert("identifier".to_owned(), identifier.into());
        }
        let seen = client.preview_chains(&trial).await?;
        Ok(self.output.one(&seen, |seen| Human::Lines(told(seen)))?)
    }
}

/// What chains would do, line by line.
fn told(preview: &ChainPreview) -> Vec<String> {
    let ChainPreview { stopped, hidden_by, identifier, values, before, after, notifications } = preview;
    let mut lines = Vec::new();
    lines.extend(before.rules.iter().map(|rule| tried("before the cache", rule)));
    lines.extend(before.writes.iter().map(written));
    lines.push(match (hidden_by, stopped) {
        (Some(rule), _) => format!("would not be cached: the rule {rule} of the blacklist hides it"),
        (None, true) => "would not be cached: it is stopped before".to_owned(),
        (None, false) => format!("would be cached as {identifier} {}", numbers(values)),
    });
    if let Some(ChainPass { rules, writes }) = after {
        lines.extend(rules.iter().map(|rule| tried("after the cache", rule)));
        lines.extend(writes.iter().map(written));
    }
    lines.extend(notifications.iter().map(said));
    lines
}

fn tried(place: &str, rule: &ChainTried) -> String {
    let ChainTried { chain, rule, matched, stopped, identifier } = rule;
    let rule = rule.as_ref().map_or_else(|| format!("end of {chain}"), |rule| format!("{chain}/{rule}"));
    let outcome = match (matched, stopped) {
        (false, _) => "does not match",
        (true, false) => "matches",
        (true, true) => "matches and stops it",
    };
    format!("{place}: {rule} {outcome}, {identifier}")
}

fn written(write: &ChainWrite) -> String {
    let ChainWrite { outputs, identifier, values } = write;
    let to = if outputs.is_empty() { "all outputs".to_owned() } else { outputs.join(" ") };
    format!("would be written to {to}: {identifier} {}", numbers(values))
}

fn said(notification: &ChainNotification) -> String {
    let ChainNotification { severity, message } = notification;
    let severity = match severity {
        Severity::Okay => "okay",
        Severity::Warning => "warning",
        Severity::Failure => "failure",
    };
    format!("would say {severity}: {message}")
}

/// Values in the order of the data set.
fn numbers(values: &[Option<Number>]) -> String {
    let texts: Vec<String> = values.iter().map(|value| figures::known(*value, figures::number)).collect();
    texts.join(" ")
}

impl Row for Chain {
    const TITLES: &'static [&'static str] = &["ID", "ENTERED", "RULES", "MATCHED", "STOPPED", "IN FORCE"];
    const NUMBERS: &'static [usize] = &[2, 3, 4];

    fn cells(&self) -> Vec<String> {
        let status = self.status.as_ref();
        let sum = |count: fn(&ChainTally) -> u64, more: fn(&ChainStatus) -> u64| {
            figures::known(status, |status| {
                (status.rules.values().map(count).sum::<u64>() + more(status)).to_string()
            })
        };
        vec![
            self.id.clone().unwrap_or_default(),
            figures::known(status.and_then(|status| status.entry), |entry| word(entry).to_owned()),
            self.rules.len().to_string(),
            sum(|tally| tally.matched, |_| 0),
            sum(|tally| tally.stopped, |status| status.stopped),
            figures::known(status, |status| if status.in_force { "yes" } else { "soon" }.to_owned()),
        ]
    }
}

fn word(entry: ChainEntry) -> &'static str {
    match entry {
        ChainEntry::PreCache => "before the cache",
        ChainEntry::PostCache => "after the cache",
        ChainEntry::Both => "before and after the cache",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use serde_json::json;

    #[test]
    fn chains_are_rows() {
        let used: Chain = serde_json::from_value(json!({"id": "PreCache", "revision": 3,
            "rules": {"a": {"targets": {"stop": {}}}, "b": {"targets": {"stop": {}}}},
            "status": {"entry": "pre_cache", "in_force": true, "stopped": 1,
                "rules": {"a": {"matched": 5, "stopped": 2}, "b": {"matched": 7, "stopped": 0}}}}))
        .unwrap();
        let bare = Chain { id: Some("x".to_owned()), ..Chain::default() };
        let expected = "\
ID        ENTERED           RULES  MATCHED  STOPPED  IN FORCE
PreCache  before the cache      2       12        3  yes
x         -                     0        -        -  -
";
        assert_eq!(table::table::<Chain>(&[used.cells(), bare.cells()], Paper::PLAIN), expected);
    }

    #[test]
    fn a_preview_follows_the_way_of_the_value_list() {
        let rule = |chain: &str, rule: Option<&str>, matched, identifier: &str| ChainTried {
            chain: chain.to_owned(),
            rule: rule.map(str::to_owned),
            matched,
            stopped: false,
            identifier: identifier.to_owned(),
        };
        let values = vec![Some(Number::Unsigned(5)), None];
        let write = ChainWrite {
            outputs: vec!["csv".to_owned()],
            identifier: "h/b/t".to_owned(),
            values: values.clone(),
        };
        let preview = ChainPreview {
            stopped: false,
            hidden_by: None,
            identifier: "h/b/t".to_owned(),
            values,
            before: ChainPass {
                rules: vec![
                    rule("PreCache", Some("no"), false, "h/a/t"),
                    rule("PreCache", Some("yes"), true, "h/b/t"),
                ],
                writes: vec![],
            },
            after: Some(ChainPass {
                rules: vec![rule("PostCache", None, true, "h/b/t")],
                writes: vec![write],
            }),
            notifications: vec![ChainNotification { severity: Severity::Warning, message: "odd".to_owned() }],
        };
        let expected = [
            "before the cache: PreCache/no does not match, h/a/t",
            "before the cache: PreCache/yes matches, h/b/t",
            "would be cached as h/b/t 5 -",
            "after the cache: end of PostCache matches, h/b/t",
            "would be written to csv: h/b/t 5 -",
            "would say warning: odd",
        ];
        assert_eq!(told(&preview), expected);
        let stopped = ChainPreview { stopped: true, after: None, ..preview.clone() };
        assert_eq!(told(&stopped)[2], "would not be cached: it is stopped before");
        let hidden = ChainPreview { hidden_by: Some("quiet".to_owned()), ..stopped };
        assert_eq!(told(&hidden)[2], "would not be cached: the rule quiet of the blacklist hides it");
    }
}
