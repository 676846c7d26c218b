//! Who changed what, and who was refused.

use super::follow::Happening;
use super::{Desk, gather};
use crate::cli;
use crate::failure::Failure;
use crate::figures;
use crate::table::Row;
use gatherd_client::types::{AuditOutcome, AuditRecord};
use gatherd_client::{AuditFilter, Client};
use std::time::Duration;

/// Time between two looks at what was recorded.
const PAUSE: Duration = Duration::from_secs(1);

/// Most records that are taken at one look.
const MOST: usize = 100_000;

impl Desk<'_> {
    pub(super) async fn audit(&mut self, client: &Client, which: cli::audit::Audit) -> Result<(), Failure> {
        if which.follow {
            return self.follow_audit(client, which.filter()).await;
        }
        let first = client.audit(&which.filter()).await?;
        self.list(client, first, which.limit).await
    }

    /// Shows what is recorded behind `since`, or from now on, until the daemon refuses or the reader goes away. The
    /// trail has no stream, so it is looked at again and again.
    async fn follow_audit(&mut self, client: &Client, filter: AuditFilter) -> Result<(), Failure> {
        let mut seen = match filter.since {
            Some(since) => since,
            None => newest(client).await?,
        };
        loop {
            match records(client, AuditFilter { since: Some(seen), ..filter.clone() }).await {
                Ok(found) => {
                    for record in found.iter().rev() {
                        self.tell(record)?;
                        seen = record.number;
                    }
                    self.output.finish()?;
                }
                Err(failure) if !failure.may_pass() => return Err(failure),
                Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The number of the newest record; 0 where there is none.
async fn newest(client: &Client) -> Result<u64, Failure> {
    let page = client.audit(&AuditFilter { limit: Some(1), ..AuditFilter::default() }).await?;
    Ok(page.items.first().map_or(0, |record| record.number))
}

/// Records, the newest first.
async fn records(client: &Client, filter: AuditFilter) -> Result<Vec<AuditRecord>, Failure> {
    let first = client.audit(&filter).await?;
    gather(client, first, MOST).await.map(|(records, _)| records)
}

impl Happening for AuditRecord {}

impl Row for AuditRecord {
    const TITLES: &'static [&'static str] =
        &["NUMBER", "TIME", "USER", "FROM", "ACTION", "TARGET", "OUTCOME", "REVISION"];
    const NUMBERS: &'static [usize] = &[0, 7];
    const STATES: &'static [usize] = &[6];

    fn cells(&self) -> Vec<String> {
        vec![
            self.number.to_string(),
            figures::time(&self.event_time),
            self.initiator.id.clone(),
            self.initiator.host.address.clone(),
            self.action.clone(),
            self.target.id.clone(),
            outcome(self),
            figures::known(self.revision_after, |revision| revision.to_string()),
        ]
    }
}

/// How it came out; why not well.
fn outcome(record: &AuditRecord) -> String {
    match (record.outcome, record.reason.problem.as_deref()) {
        (AuditOutcome::Failure, Some(problem)) => format!("failure: {} {problem}", record.reason.reason_code),
        (outcome, _) => outcome.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use serde_json::json;

    fn record(outcome: &str, code: &str, problem: Option<&str>, revision: Option<u64>) -> AuditRecord {
        serde_json::from_value(json!({"number": 12, "typeURI": "e", "id": "u", "eventType": "activity",
            "eventTime": "1970-01-01T00:00:00Z", "action": "disable", "outcome": outcome,
            "reason": {"reasonType": "HTTP", "reasonCode": code, "problem": problem},
            "initiator": {"typeURI": "u", "id": "ann\u{1b}", "role": null, "host": {"address": "127.0.0.1"}},
            "target": {"typeURI": "p", "id": "/v1/plugins/df"}, "observer": {"typeURI": "t", "id": "web1"},
            "requestPath": "POST /v1/plugins/df/disable", "request_id": "req-1", "revision_before": 6,
            "revision_after": revision, "suppressed": 0, "lost": 0, "previous": ""}))
        .unwrap()
    }

    #[test]
    fn records_are_rows_and_refusals_say_why() {
        let (done, refused) =
            (record("success", "200", None, Some(7)), record("failure", "403", Some("forbidden"), None));
        let expected = "\
NUMBER  TIME                  USER       FROM       ACTION   TARGET          OUTCOME                 REVISION
    12  1970-01-01T00:00:00Z  ann\\u{1b}  127.0.0.1  disable  /v1/plugins/df  success                        7
    12  1970-01-01T00:00:00Z  ann\\u{1b}  127.0.0.1  disable  /v1/plugins/df  failure: 403 forbidden         -
";
        assert_eq!(table::table::<AuditRecord>(&[done.cells(), refused.cells()], Paper::PLAIN), expected);
        let line = "1970-01-01T00:00:00Z  ann\u{1b}  127.0.0.1  disable  /v1/plugins/df  success  7";
        assert_eq!(done.line(), line);
    }
}
