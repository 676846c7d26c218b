//! Values, looked at again and again.
//!
//! On a terminal the table is drawn over the one before, as far as it fits. In a file or pipe, and as JSON,
//! there is a line for each series that changed since the look before.

use super::{Desk, gather, value};
use crate::cli::value::Values;
use crate::escape;
use crate::failure::Failure;
use crate::figures;
use crate::output::Form;
use crate::paper::{Paper, Size};
use crate::table::{self, Row};
use gatherd_client::Client;
use gatherd_client::types::{Number, ValueState, ValueView};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// Most series that are watched at once.
const MOST_SERIES: usize = 100_000;

/// Puts the cursor to the beginning of the first line.
const HOME: &str = "\u{1b}[H";

/// Makes the rest of a line empty.
const REST_OF_LINE: &str = "\u{1b}[K";

/// Makes all below the cursor empty.
const BELOW: &str = "\u{1b}[J";

impl Desk<'_> {
    /// Watches until the reader goes away, or the daemon refuses.
    pub(super) async fn watch(&mut self, client: &Client, values: &Values) -> Result<(), Failure> {
        let mut seen = Seen::default();
        let mut beats = tokio::time::interval(values.interval);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = Vec::new();
        let mut is_first = true;
        loop {
            beats.tick().await;
            let missing = match look(client, values).await {
                Ok(views) => {
                    last = views;
                    None
                }
                Err(failure) if !is_first && failure.is_not_found() => {
                    last.clear();
                    None
                }
                Err(failure) if is_first || !failure.may_pass() => return Err(failure),
                Err(failure) => Some(format!("no answer: {}; trying again", failure.brief())),
            };
            is_first = false;
            self.show(&mut seen, &last, missing, values.interval)?;
        }
    }

    /// Shows what was found last, and why there is nothing newer.
    fn show(
        &mut self,
        seen: &mut Seen,
        views: &[ValueView],
        missing: Option<String>,
        every: Duration,
    ) -> Result<(), Failure> {
        let form = self.output.form();
        let paper = self.output.paper();
        match paper.again().size {
            Some(size) if form == Form::Table && paper.is_screen => {
                let paper = Paper { size: Some(size), ..paper };
                self.output.text(&picture(views, missing.as_deref(), every, paper, size))?;
            }
            _ => self.lines(seen, views, missing)?,
        }
        Ok(self.output.finish()?)
    }

    /// A line for each change; that there is no answer is said once until there is one.
    fn lines(
        &mut self,
        seen: &mut Seen,
        views: &[ValueView],
        missing: Option<String>,
    ) -> Result<(), Failure> {
        if let Some(missing) = missing {
            if !std::mem::replace(&mut seen.is_missing, true) {
                self.output.note(&missing);
            }
            return Ok(());
        }
        seen.is_missing = false;
        let changes = seen.changes(views);
        if self.output.form() == Form::Table {
            let rows: Vec<_> = changes.iter().map(Change::cells).collect();
            return Ok(self.output.text(&seen.columns.lines(&rows))?);
        }
        for change in changes {
            if let Change::Value(view) = change {
                self.output.json_line(view)?;
            }
        }
        Ok(())
    }
}

/// The newest values.
async fn look(client: &Client, values: &Values) -> Result<Vec<ValueView>, Failure> {
    let Some(identifier) = &values.identifier else {
        let most = values.series.limit.limit.unwrap_or(MOST_SERIES).min(MOST_SERIES);
        let first = client.values(&values.filter()).await?;
        return gather(client, first, most).await.map(|(views, _)| views);
    };
    Ok(vec![client.value(identifier).await?])
}

/// The picture of a terminal: as many rows as fit, and a line that says the rest.
fn picture(views: &[ValueView], missing: Option<&str>, every: Duration, paper: Paper, size: Size) -> String {
    let room = usize::from(size.lines).saturating_sub(1);
    let rows: Vec<Vec<String>> = views.iter().take(room).map(Row::cells).collect();
    let table = table::table::<ValueView>(&rows, paper);
    let lines = table.lines().count();
    // A row may take more lines than one, so it is not known which one is cut.
    let is_cut = views.len() > rows.len() || lines > room;
    let mut foot = format!("{} series, every {}", views.len(), figures::seconds(every.as_secs_f64()));
    if is_cut {
        foot.push_str("; not all fit: use a filter");
    }
    if let Some(missing) = missing {
        foot = escape::text(missing);
    }
    let foot: String = foot.chars().take(usize::from(size.columns).saturating_sub(1)).collect();
    let mut text = HOME.to_owned();
    for line in table.lines().take(room) {
        text.extend([line, REST_OF_LINE, "\n"]);
    }
    text.extend([foot.as_str(), BELOW]);
    text
}

/// What changed between two looks.
#[derive(Clone, Debug, PartialEq)]
enum Change<'a> {
    /// A series is new, or has other values or rates.
    Value(&'a ValueView),
    /// There is no such series any more.
    Gone(String),
}

impl Change<'_> {
    /// Time, identifier, values and rates.
    fn cells(&self) -> [String; 4] {
        let unknown = || figures::UNKNOWN.to_owned();
        match self {
            Self::Value(view) => {
                let time = figures::time(&view.time);
                [time, view.identifier.clone(), value::raw(view), value::rates(view)]
            }
            Self::Gone(identifier) => [unknown(), identifier.clone(), "gone".to_owned(), unknown()],
        }
    }
}

/// What is compared of a series; that it was read again is no change.
type Figures = (ValueState, BTreeMap<String, Option<Number>>, BTreeMap<String, Option<f64>>);

/// What the look before found.
#[derive(Debug, Default)]
struct Seen {
    /// By identifier.
    series: BTreeMap<String, Figures>,
    /// Whether it was said that there is no answer.
    is_missing: bool,
    columns: Columns,
}

impl Seen {
    /// What is different from the look before; in the order of `views`, then what is gone.
    fn changes<'a>(&mut self, views: &'a [ValueView]) -> Vec<Change<'a>> {
        let mut before = std::mem::take(&mut self.series);
        let mut changes = Vec::new();
        for view in views {
            let figures = (view.state, view.values.clone(), view.rates.clone());
            if before.remove(&view.identifier).as_ref() != Some(&figures) {
                changes.push(Change::Value(view));
            }
            self.series.insert(view.identifier.clone(), figures);
        }
        changes.extend(before.into_keys().map(Change::Gone));
        changes
    }
}

/// Columns that grow with what they held, since later lines are not known yet.
#[derive(Debug, Default)]
struct Columns {
    widths: [usize; 4],
}

impl Columns {
    /// A line for each row, its cells two blanks apart.
    fn lines(&mut self, rows: &[[String; 4]]) -> String {
        let rows: Vec<[String; 4]> =
            rows.iter().map(|row| row.each_ref().map(|it| escape::text(it))).collect();
        for row in &rows {
            for (cell, width) in row.iter().zip(&mut self.widths) {
                *width = cell.chars().count().max(*width);
            }
        }
        rows.iter().fold(String::new(), |mut out, row| {
            let cells = row.iter().zip(self.widths).map(|(cell, width)| format!("{cell:width$}  "));
            out.extend([cells.collect::<String>().trim_end(), "\n"]);
            out
        })
    }
}

#[cfg(test)]
mod tests;
