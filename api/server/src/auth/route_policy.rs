//! The policy file: roles of single routes that are not those of the table.
//!
//! ```toml
//! [routes]
//! "POST /v1/plugins/{id}/restart" = "admin"
//! "* /v1/chains/{id}" = "nobody"
//! ```
//!
//! A route is written as in the document; `*` is every method of a path that needs a role, and a line with a method
//! counts before it. Routes that answer everybody cannot be closed: without them nobody could log in or see that the
//! daemon lives. Those that need a role cannot be opened: who asks must be known, whatever it may.

use super::file::{FileError, read_guarded};
use super::rights::Needs;
use crate::routes::{Access, Line, TABLE};
use gatherd_api_types::Role;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use toml_edit::{Document, Item, TableLike};

/// Largest policy file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// The one table of the file.
const ROUTES: &str = "routes";

/// Roles of single routes; all others are as the table of routes says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RoutePolicy {
    /// By path and method, as they stand in the table.
    said: BTreeMap<(&'static str, &'static str), Needs>,
}

/// Why a policy file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum RoutePolicyError {
    /// It cannot be read, or others may write it.
    #[error(transparent)]
    File(#[from] FileError),
    /// It says what cannot be done.
    #[error("the policy is wrong: {}", list(.0))]
    Wrong(Vec<RouteFault>),
}

/// One thing that is wrong with a policy file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteFault {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub detail: String,
}

impl fmt::Display for RouteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.detail)
    }
}

fn list(faults: &[RouteFault]) -> String {
    faults.iter().map(RouteFault::to_string).collect::<Vec<_>>().join("; ")
}

impl RoutePolicy {
    /// Reads a policy file. May block.
    ///
    /// # Errors
    ///
    /// [`RoutePolicyError::File`] when it cannot be read, is no plain file of at most 1 MiB, does not belong to root
    /// or to the daemon's user, or may be written by others; [`RoutePolicyError::Wrong`] with all that is wrong in it.
    pub fn read(path: &Path) -> Result<Self, RoutePolicyError> {
        let content = read_guarded(path, MAX_FILE)?;
        let text = std::str::from_utf8(&content).map_err(|error| {
            let before = content.iter().take(error.valid_up_to());
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            RoutePolicyError::Wrong(vec![RouteFault { line, detail: "this is not UTF-8".to_owned() }])
        })?;
        Self::parse(text).map_err(RoutePolicyError::Wrong)
    }

    /// Reads the text of a policy file.
    ///
    /// # Errors
    ///
    /// All that is wrong: it is no TOML, or has another table than `routes`, an unknown route, an open route, or
    /// anything but `reader`, `member`, `admin` and `nobody` for a role.
    pub fn parse(text: &str) -> Result<Self, Vec<RouteFault>> {
        let lines = Lines(text);
        let document = Document::parse(text).map_err(|error| {
            let line = lines.at(error.span().map_or(text.len(), |span| span.start));
            vec![RouteFault { line, detail: error.message().to_owned() }]
        })?;
        let mut reader = Reader { lines, faults: Vec::new(), exact: BTreeMap::new(), any: BTreeMap::new() };
        reader.file(document.as_table());
        let Reader { faults, exact, any, .. } = reader;
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut said = any;
        said.extend(exact);
        Ok(Self { said })
    }

    /// What it says of a route.
    pub(super) fn said_of(&self, line: &Line) -> Option<Needs> {
        self.said.get(&(line.path, line.method.as_str())).copied()
    }

    /// Whether it says nothing of any route.
    pub(super) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }
}

/// Lines of a text.
#[derive(Clone, Copy)]
struct Lines<'a>(&'a str);

impl Lines<'_> {
    /// The line of the byte at `offset`, counted from 1.
    fn at(self, offset: usize) -> usize {
        1 + self.0.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
    }
}

/// Reads all of a file, and remembers what is wrong.
struct Reader<'a> {
    lines: Lines<'a>,
    faults: Vec<RouteFault>,
    /// Lines with a method.
    exact: BTreeMap<(&'static str, &'static str), Needs>,
    /// Lines with `*`.
    any: BTreeMap<(&'static str, &'static str), Needs>,
}

impl Reader<'_> {
    fn file(&mut self, table: &dyn TableLike) {
        for (name, item) in table.iter() {
            if name != ROUTES {
                self.fault(table, name, format!("unknown key `{name}`: the one table here is `[{ROUTES}]`"));
            } else if let Some(routes) = item.as_table_like() {
                for (route, role) in routes.iter() {
                    if let Err(detail) = self.entry(route, role) {
                        self.fault(routes, route, detail);
                    }
                }
            } else {
                self.fault(table, name, format!("`{ROUTES}` is a table of routes and roles"));
            }
        }
    }

    /// One line: which route, and who may use it.
    fn entry(&mut self, route: &str, role: &Item) -> Result<(), String> {
        let needs = needs(role)?;
        let (method, path) = route.split_once(' ').unwrap_or(("", route));
        let named: Vec<&'static Line> = TABLE
            .iter()
            .filter(|line| line.document_path() == path && (method == "*" || line.method.as_str() == method))
            .collect();
        if named.is_empty() {
            return Err(unknown(route));
        }
        let mut guarded = named.into_iter().filter(|line| line.access != Access::Open).peekable();
        if guarded.peek().is_none() {
            return Err(format!("`{route}` answers everybody, which no policy changes: take the line out"));
        }
        let said = if method == "*" { &mut self.any } else { &mut self.exact };
        said.extend(guarded.map(|line| ((line.path, line.method.as_str()), needs)));
        Ok(())
    }

    fn fault(&mut self, table: &dyn TableLike, name: &str, detail: String) {
        let span = table.get_key_value(name).and_then(|(key, _)| key.span());
        let line = span.map_or(1, |span| self.lines.at(span.start));
        self.faults.push(RouteFault { line, detail });
    }
}

fn needs(role: &Item) -> Result<Needs, String> {
    let word = role.as_str();
    let known = [Role::Reader, Role::Member, Role::Admin].into_iter().find(|it| Some(it.as_str()) == word);
    match (known, word) {
        (Some(role), _) => Ok(Needs::Role(role)),
        (None, Some("nobody")) => Ok(Needs::Nobody),
        (None, Some(word)) => {
            Err(format!("`{word}` is no role: `reader`, `member`, `admin` or `nobody` is wanted"))
        }
        (None, None) => Err(format!(
            "a role is a text, `reader`, `member`, `admin` or `nobody`; this is {}",
            role.type_name()
        )),
    }
}

fn unknown(route: &str) -> String {
    let names = TABLE.iter().filter(|line| line.access != Access::Open).map(Line::name);
    // What is written may be of any length, and comparing takes the product of both.
    let written: String = route.chars().take(256).collect();
    let nearest = names.min_by_key(|name| strsim::levenshtein(&written, name)).unwrap_or_default();
    format!("there is no route `{written}`; the nearest is `{nearest}`, and /openapi.json lists all")
}

#[cfg(test)]
mod tests;
