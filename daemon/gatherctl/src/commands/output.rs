//! Outputs: how they stand, how their queues behave, and writing out now.

use super::Desk;
use crate::cli::output::{Buffer, Flush, OutputId, Outputs};
use crate::document::Wish;
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use crate::table::Row;
use gatherd_client::types::{FlushReport, FlushState, Output, OutputState};
use gatherd_client::{Client, PageFilter};

impl Desk<'_> {
    pub(super) async fn outputs(&mut self, client: &Client, wish: Outputs) -> Result<(), Failure> {
        let steered = match wish {
            Outputs::List(limit) => {
                let first = client.outputs(&PageFilter { limit: limit.page() }).await?;
                return self.list(client, first, limit).await;
            }
            Outputs::Show(OutputId { id }) => {
                let output = client.output(&id).await?;
                return Ok(self.output.one(&output, |output| Human::Sheet(sheet(output)))?);
            }
            Outputs::Buffer(buffer) => return self.output_buffer(client, &buffer).await,
            Outputs::Flush(OutputId { id }) => {
                let report = client.flush_output(&id).await?;
                return self.flushed(&report);
            }
            Outputs::Pause(wish) => client.pause_output(&wish.which.id, &wish.change.asked(None)).await?,
            Outputs::Resume(wish) => client.resume_output(&wish.which.id, &wish.change.asked(None)).await?,
        };
        self.changed(&steered, |output| Human::Line(format!("{} is {}", output.id, word(output.state))))
    }

    async fn output_buffer(&mut self, client: &Client, wish: &Buffer) -> Result<(), Failure> {
        let id = &wish.which.id;
        let edit = Wish::of(&wish.edits)?;
        let found = client.output_buffer(id).await?;
        let asked = wish.change.asked(Some(&found.etag));
        let changed = match edit {
            Wish::Look => {
                self.output.one(&found.value, |_| Human::Json)?;
                self.output.note(&format!("revision {}", found.etag.trim_matches('"')));
                return Ok(());
            }
            Wish::Merge(patch) => client.patch_output_buffer(id, &asked, &patch).await?,
            Wish::Whole(whole) => client.replace_output_buffer(id, &asked, &whole).await?,
        };
        self.changed(&changed, |_| Human::Json)
    }

    pub(super) async fn flush(&mut self, client: &Client, wish: Flush) -> Result<(), Failure> {
        let report = client.flush(&wish.request()).await?;
        self.flushed(&report)
    }

    fn flushed(&mut self, report: &FlushReport) -> Result<(), Failure> {
        Ok(self.output.one(report, |report| Human::Lines(told(report)))?)
    }
}

/// What came of writing out, line by line.
fn told(report: &FlushReport) -> Vec<String> {
    let whole = if report.complete { "all is written" } else { "not all is written" };
    let line = |target: &gatherd_client::types::FlushTarget| {
        let state = match target.state {
            FlushState::Done => "done",
            FlushState::Open => "open",
        };
        let reason = target.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        format!("{} is {state}, {} lost, {} open{reason}", target.id, target.lost, target.open)
    };
    std::iter::once(whole.to_owned()).chain(report.targets.iter().map(line)).collect()
}

fn word(state: OutputState) -> &'static str {
    match state {
        OutputState::Running => "running",
        OutputState::Failing => "failing",
        OutputState::Paused => "paused",
        OutputState::Away => "away",
        OutputState::Absent => "absent",
    }
}

fn drops(output: &Output) -> String {
    let dropped = &output.ledger.dropped;
    figures::pairs(dropped.iter().map(|(reason, count)| (reason.as_str(), count.to_string())))
}

fn failure(output: &Output) -> String {
    figures::known(output.last_error.as_ref(), |error| {
        format!("{} ({})", error.message, figures::time(&error.time))
    })
}

impl Row for Output {
    const TITLES: &'static [&'static str] =
        &["ID", "STATE", "QUEUED", "OLDEST", "ACCEPTED", "ACKNOWLEDGED", "DROPPED", "LAST ERROR"];
    const NUMBERS: &'static [usize] = &[2, 3, 4, 5];
    const STATES: &'static [usize] = &[1];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            word(self.state).to_owned(),
            self.queue.values.to_string(),
            figures::seconds(self.queue.oldest),
            self.ledger.accepted.to_string(),
            self.ledger.acknowledged.to_string(),
            drops(self),
            failure(self),
        ]
    }
}

fn sheet(output: &Output) -> Vec<(&'static str, String)> {
    vec![
        ("id", output.id.clone()),
        ("state", word(output.state).to_owned()),
        ("failing since", figures::known(output.failing_since.as_ref(), figures::time)),
        ("failures in a row", output.failures_in_row.to_string()),
        ("last error", failure(output)),
        ("queued", format!("{} values in {} batches", output.queue.values, output.queue.batches)),
        ("memory", format!("{} bytes", output.queue.bytes)),
        ("oldest", figures::seconds(output.queue.oldest)),
        ("accepted", output.ledger.accepted.to_string()),
        ("acknowledged", output.ledger.acknowledged.to_string()),
        ("in flight", output.ledger.in_flight.to_string()),
        ("dropped", drops(output)),
        ("retries", output.ledger.retries.to_string()),
        ("most values", output.buffer.max_values.to_string()),
        ("most bytes", output.buffer.max_bytes.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::FlushTarget;
    use serde_json::json;

    fn output() -> Output {
        serde_json::from_value(json!({
            "id": "csv", "state": "failing", "paused": false, "failing_since": "1970-01-01T00:00:00Z",
            "failures_in_row": 2, "last_error": {"message": "disk\nfull", "time": "1970-01-01T00:00:01Z"},
            "queue": {"values": 7, "batches": 1, "bytes": 640, "oldest": 3.5},
            "ledger": {"accepted": 20, "acknowledged": 10, "queued": 7, "in_flight": 0,
                "dropped": {"queue_full": 3}, "retries": 2},
            "buffer": {"max_values": 128, "max_bytes": 65536, "max_age": 0.0, "batch_values": 1,
                "flush_interval": 0.0, "retry_first": 0.25, "retry_most": 30.0, "retry_jitter": 0.1,
                "when_full": "drop_oldest", "block_for": 0.1}
        }))
        .unwrap()
    }

    #[test]
    fn outputs_are_rows() {
        let expected = "\
ID   STATE    QUEUED  OLDEST  ACCEPTED  ACKNOWLEDGED  DROPPED       LAST ERROR
csv  failing       7    3.5s        20            10  queue_full=3  disk\\nfull (1970-01-01T00:00:01Z)
";
        assert_eq!(table::table::<Output>(&[output().cells()], Paper::PLAIN), expected);
    }

    #[test]
    fn one_output_is_a_sheet_with_its_ledger() {
        let text = table::sheet(&sheet(&output()), Paper::PLAIN);
        assert!(text.contains("queued             7 values in 1 batches\n"), "{text}");
        assert!(text.contains("dropped            queue_full=3\n"), "{text}");
    }

    #[test]
    fn what_was_not_written_is_said_with_its_reason() {
        let target = FlushTarget {
            id: "csv".to_owned(),
            state: FlushState::Open,
            lost: 0,
            open: 7,
            reason: Some("it takes longer".to_owned()),
        };
        let report = FlushReport { complete: false, targets: vec![target] };
        let expected = ["not all is written", "csv is open, 0 lost, 7 open: it takes longer"];
        assert_eq!(told(&report), expected);
    }
}
