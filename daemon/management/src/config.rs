//! The whole configuration: who says what, and its files.

use std::sync::Arc;

use gatherd_api::types::{ConfigSources, FieldError, Reloaded};
use gatherd_api::{Change, Changed, ManagementError, Versioned};
use gatherd_engine::desired::{
    self, Author, Committed, EditError, Layers, LayersError, Mode, Outcome, Problem,
};
use tokio::task::spawn_blocking;

use crate::EngineManagement;
use crate::convert::without_directories;
use crate::errors::Errors;
use crate::resource::{asked, told};

/// Where the configuration is read from.
pub trait Files: Send + Sync + 'static {
    /// Reads files, environment and command line, and all that they name for the API alone, and judges them. May
    /// block.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    fn read(&self) -> Result<Reread, LayersError>;
}

/// The configuration as it was read again.
pub struct Reread {
    /// Files, environment and command line.
    pub layers: Layers,
    /// Puts in force what is no part of the document; called when the document is in force for good.
    pub take_effect: Box<dyn FnOnce() + Send>,
}

/// Why files that were read again are not in force; those of before are.
#[derive(Debug, thiserror::Error)]
pub enum RereadError {
    /// They are wrong, or do not go with the changes made over the API.
    #[error("the configuration is wrong")]
    Wrong(Vec<Problem>),
    /// They could not be put in force.
    #[error("the configuration is not taken over")]
    Refused(#[source] EditError),
    /// Reading them panicked, or the daemon stops.
    #[error("reading the configuration broke off")]
    BrokenOff,
}

pub(crate) fn sources(this: &EngineManagement) -> ConfigSources {
    let current = this.engine().desired().current();
    let sources = current.sources().into_iter().map(|(key, source)| (key, source.to_string())).collect();
    ConfigSources { revision: current.revision, sources }
}

/// Reads the files again, and makes of it what `mode` says.
pub(crate) async fn reread(
    this: &EngineManagement,
    author: Author,
    mode: Mode,
) -> Result<Outcome, RereadError> {
    let files = Arc::clone(&this.parts.files);
    let read = spawn_blocking(move || files.read()).await.map_err(|_| RereadError::BrokenOff)?;
    let Reread { layers, take_effect } = read.map_err(|error| RereadError::Wrong(error.problems))?;
    let kept = layers.clone();
    let outcome = this.engine().change(desired::Change::Reread(layers), author, mode).await;
    let outcome = outcome.map_err(|error| match error {
        EditError::Invalid(found) => {
            RereadError::Wrong(found.into_iter().map(|problem| kept.place(problem)).collect())
        }
        error => RereadError::Refused(error),
    })?;
    if let Outcome::Committed(Committed { effective, changed, .. }) = &outcome {
        take_effect();
        tracing::info!(revision = effective.revision, ?changed, "the configuration was read again");
    }
    Ok(outcome)
}

pub(crate) async fn reload(
    this: &EngineManagement,
    change: Change,
) -> Result<Changed<Reloaded>, ManagementError> {
    let (author, mode) = asked(change);
    let outcome = reread(this, author, mode).await.map_err(|error| match error {
        RereadError::Wrong(problems) => wrong(this, problems),
        RereadError::Refused(error) => Errors { private: &this.parts.private_directories }.edit(&error),
        RereadError::BrokenOff => ManagementError::Internal { detail: error.to_string() },
    })?;
    let reloaded = |Versioned { value: committed, revision }: Versioned<Committed>| {
        let needs_restart = committed.needs_restart().map(str::to_owned).collect();
        Versioned { value: Reloaded { revision, needs_restart, changed: committed.changed }, revision }
    };
    Ok(told(this, outcome).await.map(reloaded))
}

/// What is wrong with files, with the name and line of each but without its directory.
fn wrong(this: &EngineManagement, problems: Vec<Problem>) -> ManagementError {
    let field = |Problem { source, path: _, line, key, detail }: Problem| {
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        let pointer = if key.is_empty() { key } else { format!("/{}", key.replace('.', "/")) };
        let detail = without_directories(&detail, &this.parts.private_directories);
        FieldError { pointer, detail: format!("{source}{line}: {detail}") }
    };
    ManagementError::Invalid { errors: problems.into_iter().map(field).collect() }
}
