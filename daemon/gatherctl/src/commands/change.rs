//! What came of a change.

use super::Desk;
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use gatherd_client::Changed;
use gatherd_client::types::{Plan, Provisional};
use serde::Serialize;
use serde_json::{Map, Value};

impl Desk<'_> {
    /// Prints what came of a change; of one that was made, what `human` says.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it cannot be printed.
    pub(super) fn changed<T: Serialize>(
        &mut self,
        changed: &Changed<T>,
        human: impl FnOnce(&T) -> Human,
    ) -> Result<(), Failure> {
        match changed {
            Changed::Done { value, etag } => {
                self.output.one(value, human)?;
                match etag.trim_matches('"') {
                    "" => {}
                    revision => self.output.note(&format!("revision {revision}")),
                }
            }
            Changed::Planned(plan) => {
                self.output.one(plan, |plan| Human::Lines(planned(plan, &Map::new())))?;
            }
            Changed::Provisional(tried) => {
                self.output.one(tried, |tried| Human::Lines(vec![provisional(tried)]))?;
            }
        }
        Ok(())
    }
}

/// A change that is in effect for a while, in one line.
pub(super) fn provisional(tried: &Provisional) -> String {
    let Provisional { revision, until, changed: _ } = tried;
    let until = figures::time(until);
    format!("revision {revision} is in effect until {until}; `gatherctl confirm {revision}` lets it stay")
}

/// What a plan would do, line by line; `now` is the document before, as far as it is known.
pub(super) fn planned(plan: &Plan, now: &Map<String, Value>) -> Vec<String> {
    if plan.changed.is_empty() {
        return vec!["nothing would change".to_owned()];
    }
    let mut lines = Vec::new();
    differences("", &plan.difference, &now.clone().into(), &mut lines);
    lines.extend(plan.steps.iter().map(|step| format!("would {step}")));
    if !plan.needs_restart.is_empty() {
        lines.push(format!("takes effect at the next start: {}", plan.needs_restart.join(", ")));
    }
    lines
}

/// One line for each leaf of a merge patch: its key, what is there now where that is known, what would be.
pub(super) fn differences(key: &str, patch: &Value, now: &Value, lines: &mut Vec<String>) {
    match patch {
        Value::Object(members) if !members.is_empty() && (now.is_object() || now.is_null()) => {
            for (name, patch) in members {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                differences(&key, patch, &now[name], lines);
            }
        }
        Value::Null if now.is_null() => lines.push(format!("- {key}")),
        Value::Null => lines.push(format!("- {key} = {now}")),
        leaf if now.is_null() => lines.push(format!("+ {key} = {leaf}")),
        leaf => lines.push(format!("~ {key} = {now} -> {leaf}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatherd_client::types::Timestamp;
    use serde_json::json;

    #[test]
    fn a_plan_is_told_key_by_key_with_what_it_would_do() {
        let plan = Plan {
            revision: 7,
            steps: vec!["set plugin df".to_owned()],
            changed: vec!["/plugins/df".to_owned()],
            difference: json!({"plugins": {"df": {"interval": 60, "enabled": null}, "root": {"type": "df"}}}),
            needs_restart: vec!["api".to_owned()],
        };
        let now = json!({"plugins": {"df": {"interval": 10, "enabled": false}}});
        let expected = [
            "- plugins.df.enabled = false",
            "~ plugins.df.interval = 10 -> 60",
            "+ plugins.root.type = \"df\"",
            "would set plugin df",
            "takes effect at the next start: api",
        ];
        assert_eq!(planned(&plan, now.as_object().unwrap()), expected);
    }

    #[test]
    fn a_plan_that_does_nothing_says_so() {
        let plan = Plan {
            revision: 7,
            steps: vec![],
            changed: vec![],
            difference: json!({}),
            needs_restart: vec![],
        };
        assert_eq!(planned(&plan, &Map::new()), ["nothing would change"]);
    }

    #[test]
    fn a_change_for_a_while_says_how_it_stays() {
        let tried = Provisional { revision: 8, until: Timestamp::from_unix(60, 0), changed: vec![] };
        let expected =
            "revision 8 is in effect until 1970-01-01T00:01:00Z; `gatherctl confirm 8` lets it stay";
        assert_eq!(provisional(&tried), expected);
    }
}
