//! The paths that a plugin says it needs, in the schema of its configuration: then it gets these and no others.
//!
//! ```json
//! {"type": "object", "x-gatherd-paths": {"read": ["/proc"], "write": []},
//!  "properties": {"log_file": {"type": "string", "x-gatherd-path": "read"}}}
//! ```
//!
//! An option with `x-gatherd-path` is a path itself, or a list of paths, that the operator names. A plugin without
//! `x-gatherd-paths` says nothing, and keeps what is open to all.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Paths with all that lies below them.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Declared {
    pub(crate) read: Vec<PathBuf>,
    /// Read as well.
    pub(crate) write: Vec<PathBuf>,
}

/// What this schema declares for this configuration; `None` where it declares nothing.
pub(crate) fn declared(schema: &Value, config: &Value) -> Option<Declared> {
    let fixed = schema.get("x-gatherd-paths")?;
    let mut declared = Declared { read: paths(&fixed["read"]), write: paths(&fixed["write"]) };
    for (option, about) in schema["properties"].as_object().into_iter().flatten() {
        let value = config.get(option).unwrap_or(&about["default"]);
        match about["x-gatherd-path"].as_str() {
            Some("read") => declared.read.extend(paths(value)),
            Some("write") => declared.write.extend(paths(value)),
            _ => {}
        }
    }
    Some(declared)
}

/// A path or a list of them; only those that do not depend on where somebody stands.
fn paths(value: &Value) -> Vec<PathBuf> {
    let one = std::slice::from_ref(value);
    let all = value.as_array().map_or(one, Vec::as_slice).iter().filter_map(Value::as_str);
    all.map(Path::new).filter(|path| path.is_absolute()).map(Path::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_those_of_the_schema_and_those_that_options_name() {
        let schema = json!({
            "x-gatherd-paths": {"read": ["/proc", "relative"], "write": "/var/x"},
            "properties": {
                "logs": {"x-gatherd-path": "read"},
                "out": {"x-gatherd-path": "write", "default": "/var/out"},
                "other": {"type": "string"},
            },
        });
        let found = declared(&schema, &json!({"logs": ["/a", "/b", 7], "other": "/c"})).unwrap();
        let list = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(found.read, list(&["/proc", "/a", "/b"]));
        assert_eq!(found.write, list(&["/var/x", "/var/out"]));
    }

    #[test]
    fn who_declares_nothing_is_not_narrowed() {
        assert_eq!(declared(&json!({"properties": {"logs": {"x-gatherd-path": "read"}}}), &json!({})), None);
        assert_eq!(declared(&json!({"x-gatherd-paths": 7}), &json!(null)), Some(Declared::default()));
    }
}
