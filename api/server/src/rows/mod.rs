//! Rows of a list, written as text where they are read.
//!
//! A list may have a million rows. Whoever reads them hands each to a [`RowWriter`], which appends it to one
//! buffer in the form that was asked for, so that a row costs no object of its own. How a row looks is decided
//! here and nowhere else.

mod csv;
mod times;
mod value;

pub use value::{SourceRow, ValueRow};

use bytes::Bytes;
use csv::Cells;
use gatherd_api_types::Metric;
use serde::Serialize;
use times::Times;

/// How rows are written.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RowForm {
    /// JSON values with commas between them: the inside of an array.
    Items,
    /// One JSON value per line.
    Lines,
    /// Lines of CSV (RFC 4180), without the head.
    Csv,
}

/// Some rows of a list, in a stable order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rows {
    /// Their text.
    pub text: Bytes,
    /// How many entries of the list they are; at most as many as were asked for.
    pub count: usize,
    /// The `after` that the next part begins behind; `None` when this was the last part.
    pub next: Option<String>,
}

/// Writes rows one behind the other.
#[derive(Debug)]
pub struct RowWriter {
    form: RowForm,
    out: Vec<u8>,
    count: usize,
    times: Times,
}

impl RowWriter {
    /// Nothing is written yet.
    pub fn new(form: RowForm) -> Self {
        Self { form, out: Vec::new(), count: 0, times: Times::default() }
    }

    /// How many rows were written.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Writes a series with its values. Its sources are walked through once for each column that needs them.
    pub fn value<'a>(&mut self, row: &ValueRow<'a>, sources: impl Iterator<Item = SourceRow<'a>> + Clone) {
        self.between();
        match self.form {
            RowForm::Items | RowForm::Lines => row.write_json(sources, &mut self.times, &mut self.out),
            RowForm::Csv => row.write_csv(sources, &mut self.times, &mut Cells::new(&mut self.out)),
        }
        self.end();
    }

    /// Writes a series without its values.
    pub fn metric(&mut self, row: &Metric) {
        if self.form == RowForm::Csv {
            csv::metric(row, &mut Cells::new(&mut self.out));
            self.count += 1;
        } else {
            self.json(row);
        }
    }

    /// Writes an entry of any list; there is no CSV of it.
    pub(crate) fn json<T: Serialize>(&mut self, row: &T) {
        self.between();
        write_json(&mut self.out, row);
        self.end();
    }

    /// All that was written, and where the list goes on.
    pub fn finish(self, next: Option<String>) -> Rows {
        Rows { text: self.out.into(), count: self.count, next }
    }

    fn between(&mut self) {
        if self.form == RowForm::Items && self.count > 0 {
            self.out.push(b',');
        }
    }

    fn end(&mut self) {
        if self.form == RowForm::Lines {
            self.out.push(b'\n');
        }
        self.count += 1;
    }
}

/// Lists that have CSV, with the names of its columns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Table {
    Values,
    Metrics,
}

impl Table {
    /// The first line.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Self::Values => value::HEAD,
            Self::Metrics => csv::METRIC_HEAD,
        }
    }
}

fn write_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("wire types are always JSON, and memory takes all writes");
}

#[cfg(test)]
mod tests;
