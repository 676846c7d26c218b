//! The whole configuration: looked at, compared with files, and made what a file says.

use super::Desk;
use super::change::{planned, provisional};
use crate::cli::change::Change;
use crate::cli::config::{Apply, Config as Wish, Diff, Get, Set};
use crate::document::{self, Wish as Edit};
use crate::failure::Failure;
use crate::output::Human;
use gatherd_client::types::{Config, Plan};
use gatherd_client::{Asked, Changed, Client};
use serde::Serialize;
use serde_json::{Map, Value};

/// Layers that pin a key: what they say stands in no file and cannot be sent otherwise.
const PINNING: [&str; 2] = ["environment", "command_line"];

/// What was applied.
#[derive(Debug, Serialize)]
struct Applied {
    /// The revision that is in effect now.
    revision: u64,
    /// The resources that changed, as JSON pointers; none where all was so already.
    changed: Vec<String>,
}

impl Desk<'_> {
    pub(super) async fn config(&mut self, client: &Client, wish: Wish) -> Result<(), Failure> {
        match wish {
            Wish::Get(get) => self.get_config(client, &get).await,
            Wish::Sources => {
                let sources = client.config_sources().await?;
                let lines = |sources: &gatherd_client::types::ConfigSources| {
                    let line = |(key, source): (&String, &String)| format!("{key} = {source}");
                    Human::Lines(sources.sources.iter().map(line).collect())
                };
                Ok(self.output.one(&sources, lines)?)
            }
            Wish::Set(set) => self.set_config(client, &set).await,
            Wish::Diff(diff) => self.diff(client, &diff).await,
            Wish::Apply(apply) => self.apply(client, &apply).await,
        }
    }

    async fn get_config(&mut self, client: &Client, get: &Get) -> Result<(), Failure> {
        let found = client.config().await?;
        match &get.key {
            None => self.output.one(&found.value, |_| Human::Json)?,
            Some(key) => match document::part(&found.value.0, key) {
                Some(part) => self.output.one(part, |_| Human::Json)?,
                None => return Err(Failure::NoKey { key: key.clone() }),
            },
        }
        self.output.note(&format!("revision {}", found.etag.trim_matches('"')));
        Ok(())
    }

    async fn set_config(&mut self, client: &Client, set: &Set) -> Result<(), Failure> {
        let edit = Edit::of(&set.edits)?;
        let whole = matches!(edit, Edit::Whole(_));
        let found = client.config().await?;
        let asked = set.change.asked(Some(&found.etag));
        let changed = self.send(client, &asked, whole, edit.members()?).await?;
        self.changed(&changed, |_| Human::Lines(vec!["done".to_owned()]))
    }

    /// How a file differs from what is in effect; exit code 4 when it does.
    pub(super) async fn diff(&mut self, client: &Client, diff: &Diff) -> Result<(), Failure> {
        let wanted = document::read(&diff.file)?;
        let (now, plan) = self.plan(client, diff.whole, wanted, &Change::default()).await?;
        self.output.one(&plan, |plan| Human::Lines(planned(plan, &now)))?;
        if plan.changed.is_empty() { Ok(()) } else { Err(Failure::Differs) }
    }

    /// Makes what is in effect what a file says: looks, shows, and then changes exactly what was looked at.
    pub(super) async fn apply(&mut self, client: &Client, apply: &Apply) -> Result<(), Failure> {
        let wanted = document::read(&apply.file)?;
        let (now, plan) = self.plan(client, apply.whole, wanted.clone(), &apply.change).await?;
        if apply.change.dry_run {
            self.output.one(&plan, |plan| Human::Lines(planned(plan, &now)))?;
            return if plan.changed.is_empty() { Ok(()) } else { Err(Failure::Differs) };
        }
        if plan.changed.is_empty() {
            let applied = Applied { revision: plan.revision, changed: Vec::new() };
            return Ok(self.output.one(&applied, |_| Human::Line("nothing to change".to_owned()))?);
        }
        for line in planned(&plan, &now) {
            self.output.note(&line);
        }
        let asked = apply.change.asked(Some(&format!("\"{}\"", plan.revision)));
        match self.send(client, &asked, apply.whole, wanted).await? {
            Changed::Done { value: _, etag } => {
                let revision = etag.trim_matches('"').parse().unwrap_or(plan.revision);
                let applied = Applied { revision, changed: plan.changed };
                Ok(self.output.one(&applied, |done| Human::Line(format!("revision {}", done.revision)))?)
            }
            Changed::Provisional(tried) => {
                Ok(self.output.one(&tried, |tried| Human::Line(provisional(tried)))?)
            }
            planned @ Changed::Planned(_) => self.changed(&planned, |_| Human::Json),
        }
    }

    /// What is in effect now, and what a document would change of it.
    async fn plan(
        &mut self,
        client: &Client,
        whole: bool,
        wanted: Map<String, Value>,
        change: &Change,
    ) -> Result<(Map<String, Value>, Plan), Failure> {
        let found = client.config().await?;
        let asked = Asked { dry_run: true, confirm_within: None, ..change.asked(Some(&found.etag)) };
        match self.send(client, &asked, whole, wanted).await? {
            Changed::Planned(plan) => Ok((found.value.0, plan)),
            Changed::Done { .. } | Changed::Provisional(_) => Err(Failure::NoPlan),
        }
    }

    async fn send(
        &mut self,
        client: &Client,
        asked: &Asked,
        whole: bool,
        wanted: Map<String, Value>,
    ) -> Result<Changed<Config>, Failure> {
        let now = client.config().await?.value.0;
        if !whole {
            let patch = Config(news(wanted, &now));
            return Ok(client.patch_config(asked, &patch).await?);
        }
        let sources = client.config_sources().await?;
        let pinned = sources.sources.iter().filter(|(_, source)| PINNING.contains(&source.as_str()));
        let wanted = with_pinned(wanted, &now, pinned.map(|(key, _)| key.as_str()));
        Ok(client.replace_config(asked, &Config(wanted)).await?)
    }
}

/// A merge patch without what is so already: that may be pinned, and is then not to be named.
fn news(patch: Map<String, Value>, now: &Map<String, Value>) -> Map<String, Value> {
    let new = |(key, value): (String, Value)| match (value, now.get(&key)) {
        (Value::Object(patch), Some(Value::Object(now))) => {
            let inner = news(patch, now);
            (!inner.is_empty()).then(|| (key, inner.into()))
        }
        (Value::Number(one), Some(Value::Number(other))) if one.as_f64() == other.as_f64() => None,
        (value, Some(now)) if value == *now => None,
        (Value::Null, None) => None,
        (value, _) => Some((key, value)),
    };
    patch.into_iter().filter_map(new).collect()
}

/// A whole document with what is pinned and it does not name: no document can say it otherwise.
fn with_pinned<'a>(
    mut wanted: Map<String, Value>,
    now: &Map<String, Value>,
    pinned: impl Iterator<Item = &'a str>,
) -> Map<String, Value> {
    for key in pinned {
        let Some(value) = document::part(now, key) else { continue };
        let mut place = &mut wanted;
        let parts: Vec<&str> = key.split('.').collect();
        for (at, part) in parts.iter().enumerate() {
            if at + 1 == parts.len() {
                place.entry(*part).or_insert_with(|| value.clone());
                break;
            }
            match place.entry(*part).or_insert_with(|| Map::new().into()) {
                Value::Object(members) => place = members,
                _ => break,
            }
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_not_so_already_is_sent() {
        let object = |value: Value| value.as_object().unwrap().clone();
        let now =
            object(json!({"interval": 5.0, "api": {"listen": "a"}, "plugins": {"df": {"enabled": true}}}));
        let wanted = object(json!({"interval": 5, "api": {"listen": "a"}, "gone": null,
            "plugins": {"df": {"enabled": false}, "root": {}}}));
        let expected = object(json!({"plugins": {"df": {"enabled": false}, "root": {}}}));
        assert_eq!(news(wanted, &now), expected);
    }

    #[test]
    fn what_is_pinned_goes_into_a_whole_document_unless_it_names_it() {
        let object = |value: Value| value.as_object().unwrap().clone();
        let now = object(json!({"interval": 1, "api": {"listen": "a", "metrics_open": true}, "host": "h"}));
        let wanted = object(json!({"interval": 5}));
        let pinned = ["interval", "api.listen", "gone.key"];
        let expected = object(json!({"interval": 5, "api": {"listen": "a"}}));
        assert_eq!(with_pinned(wanted, &now, pinned.into_iter()), expected);
    }
}
