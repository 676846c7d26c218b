//! Streams of events, followed until somebody has seen enough.

use super::Desk;
use crate::failure::Failure;
use crate::output::{Form, Human};
use crate::table::Row;
use gatherd_client::{ClientError, EventStream, StreamEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Pause before a broken stream is opened again.
const AGAIN: Duration = Duration::from_secs(1);

/// What events tell.
pub(super) trait Happening: Row + Serialize + DeserializeOwned {
    /// It in one line, for people; all but the number, which stands first in a row.
    fn line(&self) -> String {
        self.cells()[1..].join("  ")
    }
}

impl Desk<'_> {
    /// Shows what happens until the daemon says no or the reader goes away; a broken stream is opened again, behind
    /// the id of what was seen last.
    pub(super) async fn follow<T: Happening>(
        &mut self,
        open: impl AsyncFn(Option<&str>) -> Result<EventStream, ClientError>,
    ) -> Result<(), Failure> {
        let (mut seen, mut is_first) = (None, true);
        loop {
            match open(seen.as_deref()).await {
                Ok(mut stream) => {
                    while let Ok(Some(event)) = stream.next().await {
                        self.happened::<T>(&event)?;
                        if !event.id.is_empty() {
                            seen = Some(event.id);
                        }
                    }
                }
                Err(error) => {
                    let failure = Failure::from(error);
                    if is_first || !failure.may_pass() {
                        return Err(failure);
                    }
                }
            }
            is_first = false;
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn happened<T: Happening>(&mut self, event: &StreamEvent) -> Result<(), Failure> {
        match serde_json::from_str::<T>(&event.data) {
            Ok(happening) => self.tell(&happening)?,
            Err(_) => self.output.note(&format!("{}: {}", event.name, event.data)),
        }
        Ok(self.output.finish()?)
    }

    /// One line about something, or one JSON object on a line.
    pub(super) fn tell<T: Happening>(&mut self, happening: &T) -> Result<(), Failure> {
        match self.output.form() {
            Form::Table => self.output.one(happening, |it| Human::Line(it.line()))?,
            Form::Json | Form::Ndjson | Form::Csv => self.output.json_line(happening)?,
        }
        Ok(())
    }
}
