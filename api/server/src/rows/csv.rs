//! CSV (RFC 4180) that a spreadsheet reads as data and never as a formula.
//!
//! A cell is a number or text. Numbers are written bare: what begins with `-` there is followed by digits only.
//! Text that begins with `=`, `+`, `-`, `@`, a tab, a carriage return or a line feed gets an apostrophe before
//! it, which spreadsheets take as "this is text". Text with a comma, a quote or a line break is quoted.

use super::write_json;
use gatherd_api_types::{DataSource, DataSourceKind, Metric, Number};

/// The columns of metrics; one line for each data source.
pub(super) const METRIC_HEAD: &str = "identifier,type,data_source,kind,min,max,plugin,unit,interval,age\r\n";

/// Writes the cells of lines.
pub(super) struct Cells<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Cells<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, first: true }
    }

    fn begin(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    /// Ends the line.
    pub(super) fn end(&mut self) {
        self.out.extend_from_slice(b"\r\n");
        self.first = true;
    }

    /// Text that may come from anywhere.
    pub(super) fn text(&mut self, text: &str) {
        self.begin();
        let guarded = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        let quoted = text.contains(['"', ',', '\r', '\n']);
        if quoted {
            self.out.push(b'"');
        }
        if guarded {
            self.out.push(b'\'');
        }
        if quoted {
            self.out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            self.out.push(b'"');
        } else {
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    /// What we wrote ourselves, such as a moment or a word of a closed list.
    pub(super) fn own(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.begin();
        write(self.out);
    }

    /// A number; nothing where none is known.
    pub(super) fn number(&mut self, number: Option<Number>) {
        self.begin();
        if let Some(number) = number {
            write_json(self.out, &number);
        }
    }

    /// A number; nothing where none is known.
    pub(super) fn float(&mut self, number: Option<f64>) {
        self.number(number.and_then(Number::gauge));
    }
}

/// One metric: as many lines as it has data sources.
pub(super) fn metric(row: &Metric, cells: &mut Cells<'_>) {
    let Metric { identifier, type_name, data_sources, plugin, unit, interval, age } = row;
    for DataSource { name, kind, min, max } in data_sources {
        cells.text(identifier);
        cells.text(type_name);
        cells.text(name);
        cells.own(|out| {
            out.extend_from_slice(match kind {
                DataSourceKind::Gauge => b"gauge",
                DataSourceKind::Derive => b"derive",
                DataSourceKind::Counter => b"counter",
                DataSourceKind::Absolute => b"absolute",
            });
        });
        cells.float(*min);
        cells.float(*max);
        cells.text(plugin.as_deref().unwrap_or_default());
        cells.text(unit.as_deref().unwrap_or_default());
        cells.float(Some(*interval));
        cells.float(Some(*age));
        cells.end();
    }
}
