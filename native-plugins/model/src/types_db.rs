//! Data sets by name, in collectd's file format.
//!
//! A line is `name  source:KIND:min:max[, source:KIND:min:max …]`; `#` begins a comment; `U` is no bound.
//! Source: `types.db(5)` of collectd.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{DataSet, DataSource, DataSourceKind, MAX_NAME, MAX_SOURCES};

/// Most data sets one daemon holds; a handle's slot names its data set in 16 bits.
const MAX_SETS: usize = 60_000;

/// What is wrong with a line of a `types.db` file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TypesDbError {
    /// A name is empty, too long, or holds a character that would break identifiers.
    #[error(
        "line {line}: {name:?} is no type name: 1 to {MAX_NAME} letters, digits, `_` and `.` are allowed"
    )]
    Name {
        /// Line number from 1.
        line: usize,
        /// The name found.
        name: String,
    },
    /// A type has no data source.
    #[error("line {line}: type {name} has no data source: name:KIND:min:max is wanted")]
    NoSource {
        /// Line number from 1.
        line: usize,
        /// The type's name.
        name: String,
    },
    /// A type has more data sources than a value list carries.
    #[error("line {line}: type {name} has more than {MAX_SOURCES} data sources")]
    TooManySources {
        /// Line number from 1.
        line: usize,
        /// The type's name.
        name: String,
    },
    /// A data source is not `name:KIND:min:max`.
    #[error(
        "line {line}: data source {source_text:?} is not name:KIND:min:max with KIND one of GAUGE, DERIVE, COUNTER, ABSOLUTE and bounds a number or U"
    )]
    Source {
        /// Line number from 1.
        line: usize,
        /// The text found.
        source_text: String,
    },
    /// Two data sources of one type have the same name.
    #[error("line {line}: type {name} names the data source {source_name} twice")]
    Twice {
        /// Line number from 1.
        line: usize,
        /// The type's name.
        name: String,
        /// The data source's name.
        source_name: String,
    },
    /// The file defines more types than a daemon holds.
    #[error("line {line}: more than {MAX_SETS} types")]
    TooMany {
        /// Line number from 1.
        line: usize,
    },
}

/// All known data sets. An index, once given, stays: reading more files appends.
#[derive(Clone, Debug, Default)]
pub struct TypesDb {
    sets: Vec<Arc<DataSet>>,
    by_name: HashMap<Arc<str>, u16>,
}

impl TypesDb {
    /// The data sets that come with gatherd, under the names collectd's plugins use.
    pub fn builtin() -> Self {
        let mut db = Self::default();
        db.read(include_str!("types.db")).expect("a test reads the built-in file");
        db
    }

    /// Reads one file's text on top of what is known; a later line for the same name wins.
    ///
    /// # Errors
    ///
    /// [`TypesDbError`] for the first bad line; nothing of the text is taken then.
    pub fn read(&mut self, text: &str) -> Result<(), TypesDbError> {
        let mut fresh = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line_number = number + 1;
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                fresh.push(read_line(line_number, line)?);
            }
            if self.sets.len() + fresh.len() > MAX_SETS {
                return Err(TypesDbError::TooMany { line: line_number });
            }
        }
        for set in fresh {
            self.insert(set);
        }
        Ok(())
    }

    fn insert(&mut self, set: DataSet) {
        let index = u16::try_from(self.sets.len()).expect("bounded by MAX_SETS");
        if self.get(&set.name).is_some_and(|(_, known)| **known == set) {
            return;
        }
        // A changed set gets a new index: series registered before keep the meaning they had.
        self.by_name.insert(Arc::clone(&set.name), index);
        self.sets.push(Arc::new(set));
    }

    /// The data set of this name and its index.
    pub fn get(&self, name: &str) -> Option<(u16, &Arc<DataSet>)> {
        let index = *self.by_name.get(name)?;
        Some((index, &self.sets[usize::from(index)]))
    }

    /// The data set with this index.
    pub fn at(&self, index: u16) -> Option<&Arc<DataSet>> {
        self.sets.get(usize::from(index))
    }

    /// How many names are known.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// True where no name is known.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// All known data sets in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<DataSet>> {
        self.by_name.values().map(|index| &self.sets[usize::from(*index)])
    }
}

fn read_line(line: usize, text: &str) -> Result<DataSet, TypesDbError> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if !is_name(name) {
        return Err(TypesDbError::Name { line, name: name.chars().take(MAX_NAME).collect() });
    }
    let mut sources: Vec<DataSource> = Vec::new();
    for source in rest.split(|c: char| c == ',' || c.is_whitespace()).filter(|source| !source.is_empty()) {
        if sources.len() == MAX_SOURCES {
            return Err(TypesDbError::TooManySources { line, name: name.into() });
        }
        let source = read_source(line, source)?;
        if sources.iter().any(|known| known.name == source.name) {
            return Err(TypesDbError::Twice {
                line,
                name: name.into(),
                source_name: source.name.to_string(),
            });
        }
        sources.push(source);
    }
    if sources.is_empty() {
        return Err(TypesDbError::NoSource { line, name: name.into() });
    }
    Ok(DataSet { name: name.into(), sources })
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(plain)
}

fn read_source(line: usize, text: &str) -> Result<DataSource, TypesDbError> {
    let wrong = || TypesDbError::Source { line, source_text: text.chars().take(MAX_NAME).collect() };
    let mut fields = text.split(':');
    let (Some(name), Some(kind), Some(min), Some(max), None) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(wrong());
    };
    let kind = match kind.to_ascii_uppercase().as_str() {
        "GAUGE" => DataSourceKind::Gauge,
        "DERIVE" => DataSourceKind::Derive,
        "COUNTER" => DataSourceKind::Counter,
        "ABSOLUTE" => DataSourceKind::Absolute,
        _ => return Err(wrong()),
    };
    let bound = |text: &str| match text {
        "U" => Some(f64::NAN),
        number => number.parse::<f64>().ok().filter(|number| !number.is_nan()),
    };
    match (is_name(name), bound(min), bound(max)) {
        (true, Some(min), Some(max)) => Ok(DataSource { name: name.into(), kind, min, max }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<TypesDb, TypesDbError> {
        let mut db = TypesDb::default();
        db.read(text).map(|()| db)
    }

    #[test]
    fn the_built_in_file_knows_collectds_common_types() {
        let db = TypesDb::builtin();
        for (name, sources) in [("cpu", 1), ("load", 3), ("if_octets", 2), ("disk_io_time", 2), ("memory", 1)]
        {
            assert_eq!(db.get(name).map(|(_, set)| set.sources.len()), Some(sources), "{name}");
        }
    }

    #[test]
    fn a_line_with_two_sources_and_a_comment_is_read() {
        let db = read("# all\nif_octets  rx:DERIVE:0:U, tx:DERIVE:0:U # both ways\n").unwrap();
        let (_, set) = db.get("if_octets").unwrap();
        assert_eq!(set.sources[1].name.as_ref(), "tx");
        assert_eq!(set.sources[1].kind, DataSourceKind::Derive);
        assert_eq!(set.sources[1].min, 0.0);
        assert!(set.sources[1].max.is_nan());
    }

    #[test]
    fn a_later_line_wins_and_leaves_old_indices_alone() {
        let mut db = read("a value:GAUGE:0:1").unwrap();
        let (old, _) = db.get("a").unwrap();
        db.read("a value:DERIVE:0:1").unwrap();
        assert_eq!(db.at(old).unwrap().sources[0].kind, DataSourceKind::Gauge);
        assert_eq!(db.get("a").unwrap().1.sources[0].kind, DataSourceKind::Derive);
    }

    #[test]
    fn a_bad_line_is_named_and_nothing_is_taken() {
        let mut db = TypesDb::default();
        let error = db.read("a value:GAUGE:0:1\nb value:WHAT:0:1").unwrap_err();
        assert_eq!(error, TypesDbError::Source { line: 2, source_text: "value:WHAT:0:1".into() });
        assert!(db.is_empty());
    }

    #[test]
    fn each_kind_of_mistake_has_its_name() {
        assert_eq!(read("a-b v:GAUGE:0:1").unwrap_err(), TypesDbError::Name { line: 1, name: "a-b".into() });
        assert_eq!(read("a").unwrap_err(), TypesDbError::NoSource { line: 1, name: "a".into() });
        assert_eq!(
            read("a v:GAUGE:0:1,v:GAUGE:0:1").unwrap_err(),
            TypesDbError::Twice { line: 1, name: "a".into(), source_name: "v".into() }
        );
        let many: Vec<String> = (0..17).map(|n| format!("s{n}:GAUGE:U:U")).collect();
        assert_eq!(
            read(&format!("a {}", many.join(","))).unwrap_err(),
            TypesDbError::TooManySources { line: 1, name: "a".into() }
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,400}") {
            let _read = read(&text);
        }
    }
}
