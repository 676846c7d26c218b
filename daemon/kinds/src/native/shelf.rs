//! The libraries: where they lie, which may be loaded, which are.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use gatherd_engine::port::{Capability, Code, Manifest, OpenFailure, PluginId, Spec};
use gatherd_loader::{Capabilities, Library, Loader, OpenError, Trust};
use tokio::sync::Notify;

use super::{NativeSettings, failure, trust};

/// The libraries: where they lie, which may be loaded, which are.
pub(super) struct Shelf {
    pub(super) settings: NativeSettings,
    loader: Loader,
    /// What was opened before, by digest in hexadecimal. Bounded by the loader, which takes no more libraries
    /// at some point and never gives one back.
    loaded: Mutex<HashMap<String, Loaded>>,
    /// A library was loaded.
    grew: Notify,
}

#[derive(Clone, Copy)]
struct Loaded {
    library: &'static Library,
    /// Its digest was listed, whoever asked for it.
    listed: bool,
}

impl Shelf {
    pub(super) fn new(settings: NativeSettings) -> Self {
        let loader = Loader::with_reloads(settings.max_changed_digests);
        let loader = match &settings.copies {
            Some(directory) => loader.with_copies_in(directory.clone()),
            None => loader,
        };
        Self { settings, loader, loaded: Mutex::default(), grew: Notify::new() }
    }

    /// Waits until a library was loaded since the last time.
    pub(super) async fn has_grown(&self) {
        self.grew.notified().await;
    }

    /// Lets go of memory that only the start of program and libraries needed. May take a while.
    pub(super) fn let_go(&self) {
        self.loader.let_go();
    }

    /// The library that `spec` asks for; runs the start code of one that was not loaded before.
    pub(super) fn library(&self, spec: &Spec) -> Result<&'static Library, OpenFailure> {
        check_name(&spec.type_name)?;
        match &spec.code {
            Code::Loaded(digest) => self.again(digest, spec),
            Code::Newest => self.newest(&spec.type_name, spec.trusted),
        }
    }

    fn again(&self, digest: &str, spec: &Spec) -> Result<&'static Library, OpenFailure> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(digest).copied();
        match loaded {
            Some(Loaded { library, listed }) if listed || spec.trusted => Ok(library),
            Some(_) => {
                let detail = format!(
                    "the library of plugin {} is not listed: its SHA-256 is {digest}; set `trusted = true` for \
                     the plugin to run it in the daemon's process all the same",
                    spec.id
                );
                Err(OpenFailure::Library { code: "untrusted", detail })
            }
            None => {
                let detail = format!("no library of SHA-256 {digest} was loaded before; reload the plugin");
                Err(OpenFailure::Library { code: "missing", detail })
            }
        }
    }

    fn newest(&self, type_name: &str, trusted: bool) -> Result<&'static Library, OpenFailure> {
        let mut missing = nowhere(type_name);
        for directory in &self.settings.directories {
            match self.open(&directory.join(format!("{type_name}.so")), trusted) {
                Err(error @ OpenError::Missing { .. }) => missing = failure::of_opening(&error),
                outcome => return outcome.map_err(|error| failure::of_opening(&error)),
            }
        }
        Err(missing)
    }

    /// Opens a library where it lies.
    pub(super) fn open(&self, path: &Path, trusted: bool) -> Result<&'static Library, OpenError> {
        let list = trust::listed(path.parent().unwrap_or(Path::new("")));
        let trust = if trusted { Trust::Operator } else { Trust::Listed(&list) };
        let library = self.loader.open(path, trust)?;
        let digest = library.manifest().digest;
        let listed = list.contains(&digest);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let before = loaded.len();
        loaded.entry(digest.to_string()).or_insert(Loaded { library, listed }).listed |= listed;
        if loaded.len() > before {
            self.grew.notify_one();
        }
        Ok(library)
    }
}

/// A type name is a file name without its ending; nothing else can be in it.
pub(crate) fn check_name(type_name: &str) -> Result<(), OpenFailure> {
    if type_name.parse::<PluginId>().is_ok() {
        return Ok(());
    }
    let detail = format!(
        "{:?} names no native plugin: up to 63 of a-z, 0-9, _ and - are allowed, the first a letter or digit",
        type_name.chars().take(64).collect::<String>()
    );
    Err(OpenFailure::Library { code: "missing", detail })
}

/// That there is no directory to look in.
pub(crate) fn nowhere(type_name: &str) -> OpenFailure {
    let detail = format!("there is no directory to look for {type_name}.so in; name one in `plugin_dirs`");
    OpenFailure::Library { code: "missing", detail }
}

/// What a library says of itself, in the words of the engine.
pub(super) fn manifest_of(library: &Library) -> Manifest {
    let told = library.manifest();
    let all = [
        (Capabilities::READ, Capability::Read),
        (Capabilities::WRITE, Capability::Write),
        (Capabilities::FLUSH, Capability::Flush),
        (Capabilities::NOTIFICATION, Capability::Notification),
    ];
    let has = |bit: &Capabilities| told.capabilities.contains(*bit);
    Manifest {
        kind: "native",
        type_name: told.name.clone(),
        version: told.version.clone(),
        description: told.description.clone(),
        library: Some(told.file_name.clone()),
        digest: Some(told.digest.to_string()),
        abi: told.abi,
        capabilities: all.iter().filter(|(bit, _)| has(bit)).map(|(_, capability)| *capability).collect(),
        config_schema: told.config_schema.clone(),
    }
}
