//! The libraries of isolated plugins: sealed copies that are handed to host processes, and never loaded here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatherd_engine::port::{Code, OpenFailure, PluginId, Spec};
use gatherd_loader::{Image, OpenError};

use crate::native::{check_name, nowhere, of_opening};

/// Plugins whose code is kept at the most; of more, those that come first by name are forgotten.
const KEPT: usize = 1024;

/// One library as it was when it was copied.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) image: Image,
    /// Without directories.
    pub(super) file_name: String,
    /// In hexadecimal.
    pub(super) digest: String,
}

/// The libraries of isolated plugins.
#[derive(Debug)]
pub(super) struct Images {
    directories: Vec<PathBuf>,
    /// What each plugin ran last, so that it can be started again with the same code.
    kept: Mutex<BTreeMap<PluginId, Arc<Library>>>,
}

impl Images {
    pub(super) fn new(directories: Vec<PathBuf>) -> Self {
        Self { directories, kept: Mutex::default() }
    }

    /// The library that `spec` asks for. Reads files, so it may take a while.
    pub(super) fn library(&self, spec: &Spec) -> Result<Arc<Library>, OpenFailure> {
        check_name(&spec.type_name)?;
        match &spec.code {
            Code::Newest => self.newest(&spec.type_name),
            Code::Loaded(digest) => match self.kept_of(digest) {
                Some(library) => Ok(library),
                None => self.newest(&spec.type_name).and_then(|library| of_digest(library, digest)),
            },
        }
    }

    fn newest(&self, type_name: &str) -> Result<Arc<Library>, OpenFailure> {
        let mut missing = nowhere(type_name);
        for directory in &self.directories {
            let file_name = format!("{type_name}.so");
            match Image::open(&directory.join(&file_name)) {
                Err(error @ OpenError::Missing { .. }) => missing = of_opening(&error),
                Err(error) => return Err(of_opening(&error)),
                Ok(image) => {
                    let digest = image.digest().to_string();
                    return Ok(Arc::new(Library { image, file_name, digest }));
                }
            }
        }
        Err(missing)
    }

    /// Remembers what a plugin runs now.
    pub(super) fn keep(&self, id: &PluginId, library: &Arc<Library>) {
        let mut kept = self.kept();
        kept.insert(id.clone(), Arc::clone(library));
        if kept.len() > KEPT {
            kept.pop_first();
        }
    }

    /// Forgets what a plugin ran.
    pub(super) fn forget(&self, id: &PluginId) {
        self.kept().remove(id);
    }

    /// True where the plugin ran code of this digest last.
    pub(super) fn has_run(&self, id: &PluginId, digest: &str) -> bool {
        self.kept().get(id).is_some_and(|library| library.digest == digest)
    }

    fn kept_of(&self, digest: &str) -> Option<Arc<Library>> {
        self.kept().values().find(|library| library.digest == digest).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<PluginId, Arc<Library>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_digest(library: Arc<Library>, digest: &str) -> Result<Arc<Library>, OpenFailure> {
    if library.digest == digest {
        return Ok(library);
    }
    let detail = format!("no library of SHA-256 {digest} was loaded before; reload the plugin");
    Err(OpenFailure::Library { code: "missing", detail })
}
