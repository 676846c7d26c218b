//! The history of the configuration, and the way back.

use super::Desk;
use super::change::differences;
use crate::cli::config::{Confirm, History, Rollback};
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use crate::table::Row;
use gatherd_client::types::{Revision, RevisionDiff, RevisionState};
use gatherd_client::{Client, PageFilter};
use serde_json::Value;

/// Most revisions that are looked through for the one that waits to be confirmed; it is the newest.
const NEWEST: PageFilter = PageFilter { limit: Some(2) };

impl Desk<'_> {
    pub(super) async fn history(&mut self, client: &Client, wish: History) -> Result<(), Failure> {
        let History { revision, against, config, limit } = wish;
        match revision {
            None => {
                let first = client.revisions(&PageFilter { limit: limit.page() }).await?;
                self.list(client, first, limit).await
            }
            Some(number) if config => {
                let config = client.revision_config(number).await?;
                Ok(self.output.one(&config, |_| Human::Json)?)
            }
            Some(number) => {
                let revision = client.revision(number).await?;
                let diff = match (number, against) {
                    (1, None) => None,
                    (number, against) => Some(client.revision_diff(number, against).await?),
                };
                Ok(self
                    .output
                    .one(&(revision, diff), |(revision, diff)| Human::Lines(told(revision, diff.as_ref())))?)
            }
        }
    }

    pub(super) async fn rollback(&mut self, client: &Client, wish: Rollback) -> Result<(), Failure> {
        let number = match wish.revision {
            Some(number) => number,
            None => before(&client.revisions(&NEWEST).await?.items).ok_or(Failure::NoRevision)?,
        };
        let changed = client.restore_revision(number, &wish.change.asked(None)).await?;
        self.changed(&changed, |_| Human::Line(format!("all is as it was with revision {number}")))
    }

    pub(super) async fn confirm(&mut self, client: &Client, wish: Confirm) -> Result<(), Failure> {
        let number = if let Some(number) = wish.revision {
            number
        } else {
            let newest = client.revisions(&NEWEST).await?.items;
            let waits = |one: &&Revision| one.state == RevisionState::Provisional;
            newest.iter().find(waits).map(|one| one.revision).ok_or(Failure::NothingWaits)?
        };
        let revision = client.confirm_revision(number).await?;
        Ok(self.output.one(&revision, |one| Human::Line(format!("revision {} stays", one.revision)))?)
    }
}

/// The revision before the newest; the list has the newest first.
fn before(newest: &[Revision]) -> Option<u64> {
    newest.get(1).map(|revision| revision.revision)
}

/// One revision and what it changed, line by line.
fn told(revision: &Revision, diff: Option<&RevisionDiff>) -> Vec<String> {
    let Revision { revision: number, time, user, peer, reason, changed: _, state, until } = revision;
    let mut lines = vec![format!("revision {number}, {}, {}", state.as_str(), figures::time(time))];
    let from = if peer.is_empty() { String::new() } else { format!(" from {peer}") };
    lines.push(format!("by {user}{from}"));
    if !reason.is_empty() {
        lines.push(format!("because: {reason}"));
    }
    if let Some(until) = until {
        lines.push(format!("goes back at {}, unless it is confirmed", figures::time(until)));
    }
    if let Some(diff) = diff {
        lines.push(format!("against revision {}:", diff.against));
        differences("", &diff.difference, &Value::Null, &mut lines);
    }
    lines
}

impl Row for Revision {
    const TITLES: &'static [&'static str] =
        &["REVISION", "TIME", "USER", "PEER", "STATE", "CHANGED", "REASON"];
    const NUMBERS: &'static [usize] = &[0];
    const STATES: &'static [usize] = &[4];

    fn cells(&self) -> Vec<String> {
        let known = |text: &str| figures::known(Some(text).filter(|text| !text.is_empty()), str::to_owned);
        vec![
            self.revision.to_string(),
            figures::time(&self.time),
            self.user.clone(),
            known(&self.peer),
            self.state.as_str().to_owned(),
            known(&self.changed.join(" ")),
            known(&self.reason),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::Timestamp;
    use serde_json::json;

    fn revision(number: u64, state: RevisionState) -> Revision {
        Revision {
            revision: number,
            time: Timestamp::from_unix(0, 0),
            user: "admin".to_owned(),
            peer: "127.0.0.1".to_owned(),
            reason: "disk\u{1b}full".to_owned(),
            changed: vec!["/plugins/df".to_owned(), "/interval".to_owned()],
            state,
            until: None,
        }
    }

    #[test]
    fn revisions_are_rows() {
        let first = Revision {
            user: "gatherd".to_owned(),
            peer: String::new(),
            reason: String::new(),
            changed: vec![],
            ..revision(1, RevisionState::Past)
        };
        let rows = [revision(17, RevisionState::Current).cells(), first.cells()];
        let expected = "\
REVISION  TIME                  USER     PEER       STATE    CHANGED                REASON
      17  1970-01-01T00:00:00Z  admin    127.0.0.1  current  /plugins/df /interval  disk\\u{1b}full
       1  1970-01-01T00:00:00Z  gatherd  -          past     -                      -
";
        assert_eq!(table::table::<Revision>(&rows, Paper::PLAIN), expected);
    }

    #[test]
    fn the_way_back_leads_to_the_one_before_the_newest() {
        let newest = [revision(17, RevisionState::Current), revision(15, RevisionState::Past)];
        assert_eq!(before(&newest), Some(15));
        assert_eq!(before(&newest[..1]), None);
    }

    #[test]
    fn one_revision_is_told_with_what_it_changed() {
        let tried =
            Revision { until: Some(Timestamp::from_unix(60, 0)), ..revision(17, RevisionState::Provisional) };
        let diff = RevisionDiff {
            revision: 17,
            against: 16,
            difference: json!({"plugins": {"df": {"interval": 60, "config": null}}}),
        };
        let expected = [
            "revision 17, provisional, 1970-01-01T00:00:00Z",
            "by admin from 127.0.0.1",
            "because: disk\u{1b}full",
            "goes back at 1970-01-01T00:01:00Z, unless it is confirmed",
            "against revision 16:",
            "- plugins.df.config",
            "+ plugins.df.interval = 60",
        ];
        assert_eq!(told(&tried, Some(&diff)), expected);
    }
}
