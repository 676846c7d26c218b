//! From the daemon's JSON text to the author's configuration type, and the schema the other way.

use serde_path_to_error::{Path, Segment};

use crate::{Collector, ConfigError};

/// Reads and judges a configuration; empty text is an empty object.
///
/// # Errors
///
/// All that is wrong, each with its place: what serde finds comes first and alone, then what
/// [`Collector::check`] finds.
pub(crate) fn read<C: Collector>(text: &str) -> Result<C::Config, Vec<ConfigError>> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let document: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| vec![ConfigError::new("", format!("the configuration is not JSON: {error}"))])?;
    // From a tree, not from the text: the messages then hold no line and column of a text nobody wrote.
    let config: C::Config = serde_path_to_error::deserialize(document)
        .map_err(|error| vec![ConfigError::new(pointer(error.path()), error.inner().to_string())])?;
    C::check(&config)?;
    Ok(config)
}

/// JSON pointer of a path, as RFC 6901 escapes it.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let key = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            // A variant's name is no level of the document, and an unknown segment has no name.
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&key);
    }
    pointer
}

/// The JSON Schema of a configuration as text.
pub(crate) fn schema<C: Collector>() -> String {
    schemars::schema_for!(C::Config).as_value().to_string()
}
