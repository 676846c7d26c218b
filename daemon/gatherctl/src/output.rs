//! What goes to standard output, in the form that was asked for.

use crate::escape;
use crate::paper::Paper;
use crate::table::{self, Row};
use clap::ValueEnum;
use serde::Serialize;
use std::io::{self, Write};
use std::marker::PhantomData;

/// Most rows of a table; a table must be held as a whole to know how wide its columns are.
const MOST_ROWS: usize = 100_000;

/// The form of what is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Form {
    /// Tables for people.
    #[default]
    Table,
    /// What the API answers, all pages joined.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// Lines of comma-separated values (RFC 4180), as the API writes them.
    Csv,
}

/// One thing, for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Human {
    /// One line.
    Line(String),
    /// A name and its value per line.
    Sheet(Vec<(&'static str, String)>),
    /// Several lines.
    Lines(Vec<String>),
    /// The same JSON as for programs.
    Json,
}

/// Why something could not be printed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// Standard output does not take it.
    #[error("cannot write to standard output")]
    Write(#[from] io::Error),
    /// It has no CSV form.
    #[error("only lists of values and metrics can be printed as CSV: use -o table, json or ndjson")]
    NoCsv,
    /// It has no JSON form.
    #[error("cannot write the answer as JSON")]
    Json(#[from] serde_json::Error),
}

impl OutputError {
    /// Whether the reader just went away, as `head` does.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let error = match self {
            Self::Write(error) => Some(error.kind()),
            Self::NoCsv => None,
            Self::Json(error) => error.io_error_kind(),
        };
        error == Some(io::ErrorKind::BrokenPipe)
    }
}

/// Where things are printed to.
pub(crate) struct Output<'a> {
    form: Form,
    paper: Paper,
    to: &'a mut dyn Write,
    notes: &'a mut dyn Write,
}

impl<'a> Output<'a> {
    /// Prints to `to`, which is `paper`, and remarks to `notes`.
    pub(crate) fn new(form: Form, paper: Paper, to: &'a mut dyn Write, notes: &'a mut dyn Write) -> Self {
        Self { form, paper, to, notes }
    }

    /// Prints one thing.
    ///
    /// # Errors
    ///
    /// [`OutputError`] when it cannot be written.
    pub(crate) fn one<T: Serialize>(
        &mut self,
        thing: &T,
        human: impl FnOnce(&T) -> Human,
    ) -> Result<(), OutputError> {
        match self.form {
            Form::Csv => Err(OutputError::NoCsv),
            Form::Ndjson => self.json_line(thing),
            Form::Json => self.line(&escape::json(&serde_json::to_string_pretty(thing)?)),
            Form::Table => match human(thing) {
                Human::Line(line) => self.line(&escape::text(&line)),
                Human::Lines(lines) => lines.iter().try_for_each(|line| self.line(&escape::text(line))),
                Human::Sheet(rows) => Ok(self.to.write_all(table::sheet(&rows, self.paper).as_bytes())?),
                Human::Json => self.line(&escape::json(&serde_json::to_string_pretty(thing)?)),
            },
        }
    }

    /// Begins a list.
    ///
    /// # Errors
    ///
    /// [`OutputError`] when it cannot be written.
    pub(crate) fn list<T: Row + Serialize>(&mut self) -> Result<List<'_, 'a, T>, OutputError> {
        match self.form {
            Form::Csv => return Err(OutputError::NoCsv),
            Form::Json => self.to.write_all(b"{\"items\":[")?,
            Form::Table | Form::Ndjson => {}
        }
        Ok(List { output: self, rows: Vec::new(), printed: 0, most: MOST_ROWS, item: PhantomData })
    }

    /// A remark for people who look on; programs are spared it.
    pub(crate) fn note(&mut self, text: &str) {
        if self.form == Form::Table {
            let _told_by_finish = self.to.flush(); // So that a remark stands behind what it is about.
            let _nobody_reads = writeln!(self.notes, "{}", escape::text(text));
        }
    }

    /// Prints one line of CSV, with the end that RFC 4180 wants.
    ///
    /// # Errors
    ///
    /// [`OutputError::Write`] when it cannot be written.
    pub(crate) fn csv_line(&mut self, line: &str) -> Result<(), OutputError> {
        Ok(write!(self.to, "{}\r\n", escape::text(line))?)
    }

    /// Prints lines as they stand; they are ours, and harmless already.
    ///
    /// # Errors
    ///
    /// [`OutputError::Write`] when they cannot be written.
    pub(crate) fn text(&mut self, lines: &str) -> Result<(), OutputError> {
        Ok(self.to.write_all(lines.as_bytes())?)
    }

    /// Prints one thing as JSON on one line.
    ///
    /// # Errors
    ///
    /// [`OutputError`] when it cannot be written.
    pub(crate) fn json_line<T: Serialize>(&mut self, thing: &T) -> Result<(), OutputError> {
        self.line(&escape::json(&serde_json::to_string(thing)?))
    }

    /// The form that was asked for.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// What is printed upon.
    pub(crate) fn paper(&self) -> Paper {
        self.paper
    }

    /// Hands on what is still held back.
    ///
    /// # Errors
    ///
    /// [`OutputError::Write`] when it cannot be written.
    pub(crate) fn finish(&mut self) -> Result<(), OutputError> {
        Ok(self.to.flush()?)
    }

    fn line(&mut self, line: &str) -> Result<(), OutputError> {
        Ok(writeln!(self.to, "{line}")?)
    }
}

/// A list that is being printed. JSON leaves item by item, so a list may be longer than memory.
pub(crate) struct List<'o, 'a, T> {
    output: &'o mut Output<'a>,
    rows: Vec<Vec<String>>,
    printed: usize,
    most: usize,
    item: PhantomData<T>,
}

impl<T: Row + Serialize> List<'_, '_, T> {
    /// Prints one more item, or keeps it for the table.
    ///
    /// # Errors
    ///
    /// [`OutputError`] when it cannot be written.
    pub(crate) fn item(&mut self, item: &T) -> Result<(), OutputError> {
        let to = &mut self.output.to;
        match self.output.form {
            Form::Table => self.rows.push(item.cells()),
            Form::Ndjson | Form::Csv => writeln!(to, "{}", escape::json(&serde_json::to_string(item)?))?,
            Form::Json => {
                let gap = if self.printed == 0 { "" } else { "," };
                write!(to, "{gap}\n{}", escape::json(&serde_json::to_string(item)?))?;
            }
        }
        self.printed += 1;
        Ok(())
    }

    /// Whether a table has all the rows it can have.
    pub(crate) fn is_full(&self) -> bool {
        self.output.form == Form::Table && self.rows.len() >= self.most
    }

    /// Ends the list; `cut` when there were more than a table can have.
    ///
    /// # Errors
    ///
    /// [`OutputError`] when it cannot be written.
    pub(crate) fn end(self, cut: bool) -> Result<(), OutputError> {
        match self.output.form {
            Form::Table => {
                let text = table::table::<T>(&self.rows, self.output.paper);
                self.output.to.write_all(text.as_bytes())?;
            }
            Form::Json => self.output.to.write_all(b"\n],\"next\":null}\n")?,
            Form::Ndjson | Form::Csv => {}
        }
        if cut {
            let most = self.most;
            self.output.note(&format!("only the first {most} are shown: use a filter, or -o ndjson for all"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    impl Row for Value {
        const TITLES: &'static [&'static str] = &["IT"];

        fn cells(&self) -> Vec<String> {
            vec![self.to_string()]
        }
    }

    /// What `print` writes to standard output and as remarks.
    fn printed(
        form: Form,
        print: impl FnOnce(&mut Output<'_>) -> Result<(), OutputError>,
    ) -> (String, String) {
        let (mut to, mut notes) = (Vec::new(), Vec::new());
        print(&mut Output::new(form, Paper::PLAIN, &mut to, &mut notes)).unwrap();
        (String::from_utf8(to).unwrap(), String::from_utf8(notes).unwrap())
    }

    fn list(form: Form, items: &[Value]) -> String {
        let print = |output: &mut Output<'_>| {
            let mut list = output.list::<Value>()?;
            items.iter().try_for_each(|item| list.item(item))?;
            list.end(false)
        };
        printed(form, print).0
    }

    #[test]
    fn a_list_has_three_forms() {
        let items = [json!({"a": 1}), json!({"a": "\u{9b}"})];
        assert_eq!(list(Form::Table, &items), "IT\n{\"a\":1}\n{\"a\":\"\\u{9b}\"}\n");
        assert_eq!(list(Form::Ndjson, &items), "{\"a\":1}\n{\"a\":\"\\u009b\"}\n");
        let text = list(Form::Json, &items);
        assert_eq!(text, "{\"items\":[\n{\"a\":1},\n{\"a\":\"\\u009b\"}\n],\"next\":null}\n");
        let whole: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(whole, json!({"items": items, "next": null}));
    }

    #[test]
    fn a_list_of_nothing_is_still_json() {
        assert_eq!(list(Form::Json, &[]), "{\"items\":[\n],\"next\":null}\n");
        assert_eq!(list(Form::Ndjson, &[]), "");
    }

    #[test]
    fn one_thing_is_said_to_people_as_they_like_it() {
        let thing = json!({"a": 1});
        let table = |human: Human| printed(Form::Table, |output| output.one(&thing, |_| human)).0;
        assert_eq!(table(Human::Line("x\u{1b}".to_owned())), "x\\u{1b}\n");
        assert_eq!(table(Human::Sheet(vec![("a", "1".to_owned())])), "a  1\n");
        assert_eq!(table(Human::Json), "{\n  \"a\": 1\n}\n");
        let program = |form| printed(form, |output| output.one(&thing, |_| Human::Line(String::new()))).0;
        assert_eq!(program(Form::Json), "{\n  \"a\": 1\n}\n");
        assert_eq!(program(Form::Ndjson), "{\"a\":1}\n");
    }

    #[test]
    fn a_table_that_was_cut_says_so() {
        let print = |output: &mut Output<'_>| {
            let mut list = output.list::<Value>()?;
            list.most = 2;
            list.item(&json!(1))?;
            assert!(!list.is_full());
            list.item(&json!(2))?;
            assert!(list.is_full());
            list.end(true)
        };
        let expected = "only the first 2 are shown: use a filter, or -o ndjson for all\n";
        assert_eq!(printed(Form::Table, print), ("IT\n1\n2\n".to_owned(), expected.to_owned()));
    }

    #[test]
    fn programs_are_spared_remarks() {
        let note = |output: &mut Output<'_>| {
            output.note("hello");
            Ok(())
        };
        assert_eq!(printed(Form::Json, note).1, "");
        assert_eq!(printed(Form::Table, note).1, "hello\n");
    }
}
