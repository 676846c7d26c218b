//! Configuration files: read within a bound, parsed by the `config` crate, and every complaint with file,
//! line and key.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use config::{FileFormat, Source as _, ValueKind};
use serde_json::{Map, Value};

use super::layers::{Layer, Source};
use super::lines::{Lines, line_at};
use super::merge::escape;
use super::problem::Problem;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;
/// How many files `conf.d` may hold.
const MOST_FILES: usize = 256;

/// Reads the main file, if there is one, and those beside it in name order; bottom layer first.
pub(super) fn read_all(
    main: Option<&Path>,
    conf_d: Option<&Path>,
    problems: &mut Vec<Problem>,
) -> Vec<Layer> {
    let mut layers = Vec::new();
    if let Some(path) = main {
        layers.extend(read(path, &name_of(path), problems));
    }
    for path in conf_d.map(|directory| list(directory, problems)).unwrap_or_default() {
        layers.extend(read(&path, &format!("conf.d/{}", name_of(&path)), problems));
    }
    layers
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The `*.toml` of a directory in name order; none where there is no directory.
fn list(directory: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut look = || -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let hidden = name_of(&path).starts_with('.');
            if path.extension().is_some_and(|ending| ending == "toml") && !hidden {
                paths.push(path);
            }
        }
        Ok(())
    };
    match look() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            problems.push(Problem::in_file(
                directory,
                None,
                "",
                format!("cannot list the directory: {error}"),
            ));
        }
        Ok(()) | Err(_) => {}
    }
    if paths.len() > MOST_FILES {
        let detail = format!("it holds {} files, at most {MOST_FILES} are read", paths.len());
        problems.push(Problem::in_file(directory, None, "", detail));
        paths.clear();
    }
    paths.sort();
    paths
}

fn read(path: &Path, name: &str, problems: &mut Vec<Problem>) -> Option<Layer> {
    match text_of(path).and_then(|text| parse(path, &text, problems)) {
        Ok((value, lines)) => {
            let source = Source::File(name.into());
            Some(Layer { source, path: Some(path.to_owned()), value, lines })
        }
        Err(Fault { line, detail }) => {
            problems.push(Problem::in_file(path, line, "", detail));
            None
        }
    }
}

/// What is wrong with a file as a whole.
struct Fault {
    line: Option<usize>,
    detail: String,
}

impl Fault {
    fn whole(detail: String) -> Self {
        Self { line: None, detail }
    }
}

fn text_of(path: &Path) -> Result<String, Fault> {
    let unreadable = |error: io::Error| Fault::whole(format!("cannot read the file: {error}"));
    // Asked before it is opened: opening a pipe waits for a writer.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(Fault::whole("this is a directory, a file is wanted".to_owned()));
    }
    if !metadata.is_file() {
        return Err(Fault::whole("this is no regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Fault::whole(format!("the file is larger than {LARGEST} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        Fault { line: Some(line_at(&before, valid)), detail: "this is not UTF-8".to_owned() }
    })
}

fn parse(path: &Path, text: &str, problems: &mut Vec<Problem>) -> Result<(Value, Lines), Fault> {
    let lines = Lines::of(text).map_err(|error| Fault { line: Some(error.line), detail: error.detail })?;
    let mut wrong = Vec::new();
    let value = values(text, &mut wrong).map_err(Fault::whole)?;
    for (pointer, detail) in wrong {
        problems.push(Problem::in_file(path, lines.line(&pointer), &pointer, detail));
    }
    Ok((value, lines))
}

/// The values of a TOML text, as JSON; `wrong` gets pointer and detail of those that JSON does not know.
pub(super) fn values(text: &str, wrong: &mut Vec<(String, String)>) -> Result<Value, String> {
    let table =
        config::File::from_str(text, FileFormat::Toml).collect().map_err(|error| error.to_string())?;
    let members = table.into_iter().map(|(key, value)| {
        let value = json(value.kind, &format!("/{}", escape(&key)), wrong);
        (key, value)
    });
    Ok(Value::Object(members.collect()))
}

fn json(kind: ValueKind, pointer: &str, wrong: &mut Vec<(String, String)>) -> Value {
    let mut unfit = |what: String| {
        wrong.push((pointer.to_owned(), format!("{what} is not allowed")));
        // Neither `null`, which would take away what a layer below says, nor a value that could be meant.
        Value::Object(Map::new())
    };
    match kind {
        ValueKind::Nil => unfit("nothing".to_owned()),
        ValueKind::Boolean(value) => value.into(),
        ValueKind::I64(value) => value.into(),
        ValueKind::U64(value) => value.into(),
        ValueKind::I128(value) => i64::try_from(value).map_or_else(|_| unfit(value.to_string()), Value::from),
        ValueKind::U128(value) => u64::try_from(value).map_or_else(|_| unfit(value.to_string()), Value::from),
        ValueKind::Float(value) if value.is_finite() => value.into(),
        ValueKind::Float(value) => unfit(value.to_string()),
        ValueKind::String(value) => value.into(),
        ValueKind::Array(items) => {
            let each = items.into_iter().enumerate();
            each.map(|(index, item)| json(item.kind, &format!("{pointer}/{index}"), wrong)).collect()
        }
        ValueKind::Table(members) => {
            let each = members.into_iter();
            let each = each.map(|(key, member)| {
                let member = json(member.kind, &format!("{pointer}/{}", escape(&key)), wrong);
                (key, member)
            });
            Value::Object(each.collect())
        }
    }
}
