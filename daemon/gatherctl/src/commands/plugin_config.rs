//! What a plugin is configured with.

use super::Desk;
use crate::cli;
use crate::failure::Failure;
use crate::output::Human;
use gatherd_client::types::PluginConfig;
use gatherd_client::{Client, TaggedConfig};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest configuration that is read, in bytes; the daemon takes no longer one.
const LONGEST: u64 = 1024 * 1024;

/// What stands for standard input.
const INPUT: &str = "-";

/// Why a change of a configuration is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// A key is named twice.
    #[error("the option {key} is named twice: set or unset it once")]
    Twice {
        /// Which key.
        key: String,
    },
    /// Only a revision is given.
    #[error("--if-match is for changes: give --set, --unset or --replace as well")]
    Nothing,
    /// The file cannot be read.
    #[error("cannot read the configuration from {}", origin(path))]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no configuration.
    #[error("{} holds no JSON object", origin(path))]
    NoObject {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with its place.
        #[source]
        source: serde_json::Error,
    },
    /// The file is too long.
    #[error("{} is longer than the {LONGEST} bytes that a configuration may have", origin(path))]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
}

/// What should happen to a configuration.
#[derive(Debug, PartialEq)]
enum Change {
    /// Nothing; it is looked at.
    None,
    /// Options are set and, where `null`, taken away.
    Merge(PluginConfig),
    /// All of it is replaced.
    Replace(PluginConfig),
}

impl Change {
    /// What the options say.
    fn of(config: &cli::plugin::Config) -> Result<Self, ChangeError> {
        let cli::plugin::Config { plugin: _, set, unset, replace, if_match } = config;
        if let Some(path) = replace {
            return read(path).map(|object| Self::Replace(PluginConfig(object)));
        }
        let mut patch = Map::new();
        let set = set.iter().map(|pair| (&pair.key, pair.value.clone()));
        for (key, value) in set.chain(unset.iter().map(|key| (key, Value::Null))) {
            if patch.insert(key.clone(), value).is_some() {
                return Err(ChangeError::Twice { key: key.clone() });
            }
        }
        match (patch.is_empty(), if_match) {
            (true, Some(_)) => Err(ChangeError::Nothing),
            (true, None) => Ok(Self::None),
            (false, _) => Ok(Self::Merge(PluginConfig(patch))),
        }
    }
}

/// A file for people.
fn origin(path: &Path) -> String {
    if path == Path::new(INPUT) { "standard input".to_owned() } else { path.display().to_string() }
}

/// The JSON object in a file or in standard input.
fn read(path: &Path) -> Result<Map<String, Value>, ChangeError> {
    let path = path.to_owned();
    let mut text = Vec::new();
    let read = if path == Path::new(INPUT) {
        io::stdin().take(LONGEST + 1).read_to_end(&mut text)
    } else {
        File::open(&path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut text))
    };
    match read {
        Err(source) => Err(ChangeError::Read { path, source }),
        Ok(length) if length as u64 > LONGEST => Err(ChangeError::TooLong { path }),
        Ok(_) => serde_json::from_slice(&text).map_err(|source| ChangeError::NoObject { path, source }),
    }
}

impl Desk<'_> {
    pub(super) async fn plugin_config(
        &mut self,
        client: &Client,
        config: cli::plugin::Config,
    ) -> Result<(), Failure> {
        let change = Change::of(&config)?;
        let id = &config.plugin.id;
        let tagged = match change {
            Change::None => client.plugin_config(id).await?,
            Change::Merge(patch) => {
                let etag = etag(client, id, config.if_match).await?;
                client.patch_plugin_config(id, &etag, &patch).await?
            }
            Change::Replace(whole) => {
                let etag = etag(client, id, config.if_match).await?;
                client.replace_plugin_config(id, &etag, &whole).await?
            }
        };
        let TaggedConfig { config, etag } = tagged;
        self.output.one(&config, |_| Human::Json)?;
        self.output.note(&format!("revision {}", etag.trim_matches('"')));
        Ok(())
    }
}

/// The tag that a change shows: of the revision that was named, or of what is there now.
async fn etag(client: &Client, id: &str, if_match: Option<u64>) -> Result<String, Failure> {
    Ok(match if_match {
        Some(revision) => format!("\"{revision}\""),
        None => client.plugin_config(id).await?.etag,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Pair;
    use serde_json::json;

    fn config(set: &[&str], unset: &[&str]) -> cli::plugin::Config {
        cli::plugin::Config {
            plugin: cli::plugin::Id { id: "cpu".to_owned() },
            set: set.iter().map(|text| text.parse().unwrap()).collect(),
            unset: unset.iter().map(|&key| key.to_owned()).collect(),
            replace: None,
            if_match: None,
        }
    }

    fn object(value: &Value) -> PluginConfig {
        PluginConfig(value.as_object().unwrap().clone())
    }

    fn replace(text: &[u8]) -> Result<Change, ChangeError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Change::of(&cli::plugin::Config { replace: Some(file.path().to_owned()), ..config(&[], &[]) })
    }

    #[test]
    fn a_value_is_json_or_else_plain_text() {
        for (text, value) in [
            ("a=true", json!(true)),
            ("a=-1.5", json!(-1.5)),
            ("a=eth0", json!("eth0")),
            ("a=\"true\"", json!("true")),
            ("a=[1,\"x\"]", json!([1, "x"])),
            ("a=b=c", json!("b=c")),
            ("a=", json!("")),
        ] {
            assert_eq!(text.parse::<Pair>().unwrap(), Pair { key: "a".to_owned(), value });
        }
        assert!("a".parse::<Pair>().is_err());
        assert!("=a".parse::<Pair>().is_err());
    }

    #[test]
    fn options_that_are_set_and_unset_make_one_merge() {
        let change = Change::of(&config(&["a=1", "b=x"], &["c"])).unwrap();
        assert_eq!(change, Change::Merge(object(&json!({"a": 1, "b": "x", "c": null}))));
        assert_eq!(Change::of(&config(&[], &[])).unwrap(), Change::None);
    }

    #[test]
    fn an_option_is_named_once() {
        let error = Change::of(&config(&["a=1"], &["a"])).unwrap_err();
        assert_eq!(error.to_string(), "the option a is named twice: set or unset it once");
    }

    #[test]
    fn a_revision_alone_changes_nothing() {
        let error = Change::of(&cli::plugin::Config { if_match: Some(7), ..config(&[], &[]) }).unwrap_err();
        assert!(matches!(error, ChangeError::Nothing), "{error}");
    }

    #[test]
    fn a_file_replaces_the_whole() {
        let whole = json!({"a": {"b": null}});
        assert_eq!(replace(whole.to_string().as_bytes()).unwrap(), Change::Replace(object(&whole)));
    }

    #[test]
    fn a_file_that_is_no_object_is_refused() {
        for text in ["[1]", "{", ""] {
            let error = replace(text.as_bytes()).unwrap_err();
            assert!(matches!(error, ChangeError::NoObject { .. }), "{text}: {error}");
        }
        let long = vec![b' '; 1024 * 1024 + 1];
        assert!(matches!(replace(&long), Err(ChangeError::TooLong { .. })));
        let missing = cli::plugin::Config { replace: Some("/nonexistent".into()), ..config(&[], &[]) };
        assert!(matches!(Change::of(&missing), Err(ChangeError::Read { .. })));
        let error = ChangeError::TooLong { path: INPUT.into() };
        assert!(error.to_string().starts_with("standard input is longer than the 1048576 bytes"), "{error}");
    }
}
