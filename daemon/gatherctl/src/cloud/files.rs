//! `clouds.yaml`, and `secure.yaml` beside it or in another of the folders, whose words are laid over it.

use super::error::CloudError;
use super::settings::Settings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// A file of clouds. What we do not look at may be anything.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Clouds {
    clouds: BTreeMap<String, Option<Entry>>,
}

/// One cloud of a file.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<BTreeMap<String, Option<String>>>,
    auth_type: Option<String>,
    cacert: Option<String>,
    endpoint_type: Option<String>,
    interface: Option<String>,
    region_name: Option<String>,
    telemetry_agent_endpoint_override: Option<String>,
    verify: Option<bool>,
}

/// What the files say of a cloud. `named` is the file of clouds, where somebody named it.
///
/// # Errors
///
/// [`CloudError::NoFile`], [`CloudError::NoCloud`], [`CloudError::Read`], [`CloudError::NoClouds`], and
/// [`CloudError::Unverified`] when it wants certificates not to be looked at.
pub(super) fn read(name: &str, folders: &[PathBuf], named: Option<&Path>) -> Result<Settings, CloudError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => first(folders, "clouds").ok_or_else(|| {
            let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
            CloudError::NoFile { name: name.to_owned(), looked: looked.join(", ") }
        })?,
    };
    let mut clouds = load(&path)?.clouds;
    let Some(entry) = clouds.remove(name) else {
        let known: Vec<String> = clouds.into_keys().collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(CloudError::NoCloud { name: name.to_owned(), path, known });
    };
    let mut settings = Settings::default();
    lay(&mut settings, entry.unwrap_or_default())?;
    if let Some(path) = first(folders, "secure")
        && let Some(Some(secrets)) = load(&path)?.clouds.remove(name)
    {
        lay(&mut settings, secrets)?;
    }
    Ok(settings)
}

/// The first file of this name.
fn first(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    let files =
        folders.iter().flat_map(|folder| ["yaml", "yml"].map(|end| folder.join(format!("{name}.{end}"))));
    files.into_iter().find(|path| path.is_file())
}

/// Lays what an entry says over what is said already.
fn lay(settings: &mut Settings, entry: Entry) -> Result<(), CloudError> {
    let Entry {
        auth,
        auth_type,
        cacert,
        endpoint_type,
        interface,
        region_name,
        telemetry_agent_endpoint_override,
        verify,
    } = entry;
    if verify == Some(false) {
        return Err(CloudError::Unverified);
    }
    let beside = [
        ("auth_type", auth_type),
        ("cacert", cacert),
        ("endpoint_type", endpoint_type),
        ("interface", interface),
        ("region_name", region_name),
        ("telemetry_agent_endpoint_override", telemetry_agent_endpoint_override),
    ];
    let within = auth.unwrap_or_default();
    let all = within.iter().map(|(name, value)| (name.as_str(), value.clone())).chain(beside);
    for (name, value) in all {
        if let Some(value) = value {
            settings.put(name, value);
        }
    }
    Ok(())
}

fn load(path: &Path) -> Result<Clouds, CloudError> {
    let unreadable = |source| CloudError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let length = file.take(LONGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if length as u64 > LONGEST {
        return Err(unreadable(io::Error::from(io::ErrorKind::FileTooLarge)));
    }
    parse(&text).map_err(|line| CloudError::NoClouds { path: path.to_owned(), line })
}

/// Reads YAML; an error is the line alone, because what stands there may be secret.
fn parse(text: &str) -> Result<Clouds, Option<u64>> {
    // What has no content at all is a file of no clouds.
    let parsed = serde_saphyr::from_str::<Option<Clouds>>(text);
    parsed.map(Option::unwrap_or_default).map_err(|error| error.location().map(|place| place.line()))
}
