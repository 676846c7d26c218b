//! Changes of which plugins exist and run.

use std::collections::btree_map;
use std::sync::Arc;

use super::Registry;
use super::entry::{Entry, Wanted};
use crate::lifecycle::{CommandFailure, Denied, State};
use crate::port::{CallFailure, Code, Flush, OpenFailure, PluginId, Spec};

/// Why a plugin was not changed; what ran before runs on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SetError {
    /// The plugin can not be opened.
    #[error(transparent)]
    Open(OpenFailure),
    /// The plugin's state does not allow it.
    #[error(transparent)]
    Denied(Denied),
    /// The call into the plugin failed.
    #[error(transparent)]
    Call(CallFailure),
    /// The plugin is disabled; enable it first.
    #[error("the plugin is not enabled; enable it first")]
    NotEnabled,
    /// An earlier change of this plugin has not ended; try again.
    #[error("an earlier change of the plugin has not ended; try again")]
    Busy,
    /// There is no plugin of this id, or there is none any more.
    #[error("there is no such plugin")]
    Gone,
}

impl From<CommandFailure> for SetError {
    fn from(failure: CommandFailure) -> Self {
        match failure {
            CommandFailure::Open(failure) => Self::Open(failure),
            CommandFailure::Denied(Denied::NotUp) => Self::NotEnabled,
            CommandFailure::Denied(denied) => Self::Denied(denied),
            CommandFailure::Call(failure) => Self::Call(failure),
            // Only the end of the daemon stops a plugin outside of its turn.
            CommandFailure::Superseded | CommandFailure::Gone => Self::Gone,
            CommandFailure::Busy => Self::Busy,
        }
    }
}

/// What becomes of the series of a plugin that is stopped on purpose.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LeftSeries {
    /// They leave the cache at once, without a word.
    #[default]
    Expire,
    /// They stay with their newest values until they have been silent for too long, as those of a plugin that hangs.
    Keep,
}

/// True where both ask for the same plugin run the same way, whatever code they name.
fn is_same(one: &Spec, other: &Spec) -> bool {
    let Spec { id, type_name, trusted, isolation, limits, code: _, interval, config } = one;
    *id == other.id
        && *type_name == other.type_name
        && *trusted == other.trusted
        && *isolation == other.isolation
        && *limits == other.limits
        && *interval == other.interval
        && *config == other.config
}

impl Registry {
    /// Makes a plugin known as the daemon starts. One that can not be opened is tried again with back-off,
    /// its reason in its picture; an id that is known already is left alone. Must be called within a tokio
    /// runtime.
    pub fn launch(&self, spec: Spec, enabled: bool) {
        let (entry, fresh) = self.entry_or_new(&spec);
        if !fresh {
            tracing::warn!(plugin = %entry.id, "the plugin is known already and was not launched again");
            return;
        }
        entry.want(spec.clone(), enabled);
        if enabled && let Err(failure) = entry.life.launch(spec) {
            tracing::error!(plugin = %entry.id, "the plugin was not launched: {failure}");
        }
    }

    /// Makes it so: adds, starts, stops or replaces. What runs already as `spec` says, whatever code that
    /// names, is not touched. A disabled plugin's series leave the cache without a word.
    ///
    /// Where a running plugin gets another configuration, its code stays the one that is loaded; see
    /// [`Registry::reload`] for the newest. The future has to be driven to its end; a caller that may go away
    /// gives it a task of its own.
    ///
    /// # Errors
    ///
    /// [`SetError`]; what was there before is then untouched.
    pub async fn set(&self, spec: Spec, enabled: bool) -> Result<(), SetError> {
        self.set_leaving(spec, enabled, LeftSeries::Expire).await
    }

    /// As [`Registry::set`], and says what becomes of the series of a plugin that stops.
    ///
    /// # Errors
    ///
    /// As [`Registry::set`].
    pub async fn set_leaving(&self, spec: Spec, enabled: bool, left: LeftSeries) -> Result<(), SetError> {
        let (entry, fresh) = self.entry_or_new(&spec);
        let _turn = entry.turn(self.around.settings.turn_deadline).await?;
        let before = entry.wanted();
        let outcome = match (before.enabled, enabled) {
            (false, false) => Ok(()),
            (false, true) => entry.life.start(spec.clone()).await.map_err(SetError::from),
            (true, false) => self.stop(&entry, left).await,
            (true, true) if is_same(&before.spec, &spec) => return Ok(()),
            (true, true) => {
                entry.life.replace(keep_code(&entry, &before, &spec)).await.map_err(SetError::from)
            }
        };
        match &outcome {
            Ok(()) => entry.want(spec, enabled),
            Err(_) if fresh => self.take_out(&entry),
            Err(_) => {}
        }
        outcome
    }

    /// Stops a plugin and forgets it, its series included.
    ///
    /// # Errors
    ///
    /// [`SetError::Gone`] and [`SetError::Busy`].
    pub async fn remove(&self, id: &PluginId) -> Result<(), SetError> {
        let entry = self.entry(id).ok_or(SetError::Gone)?;
        let _turn = entry.turn(self.around.settings.turn_deadline).await?;
        self.stop(&entry, LeftSeries::Expire).await?;
        self.take_out(&entry);
        Ok(())
    }

    /// Puts a fresh instance of the same code in the place of what runs, or of what waits or gave up.
    ///
    /// # Errors
    ///
    /// [`SetError`]; what ran before then runs on.
    pub async fn restart(&self, id: &PluginId) -> Result<(), SetError> {
        self.again(id, None).await
    }

    /// As [`Registry::restart`], with the code that lies on disk now.
    ///
    /// # Errors
    ///
    /// [`SetError`]; what ran before then runs on.
    pub async fn reload(&self, id: &PluginId) -> Result<(), SetError> {
        self.again(id, Some(Code::Newest)).await
    }

    async fn again(&self, id: &PluginId, code: Option<Code>) -> Result<(), SetError> {
        let entry = self.entry(id).ok_or(SetError::Gone)?;
        let _turn = entry.turn(self.around.settings.turn_deadline).await?;
        let Wanted { mut spec, enabled, .. } = entry.wanted();
        if !enabled {
            return Err(SetError::NotEnabled);
        }
        spec.code = code.or_else(|| loaded_code(&entry)).unwrap_or(spec.code);
        entry.life.replace(spec).await.map_err(SetError::from)
    }

    /// Empties the plugin's own buffers.
    ///
    /// # Errors
    ///
    /// [`SetError::Call`] with what the plugin said, [`SetError::NotEnabled`] where it does not run,
    /// [`SetError::Gone`] and [`SetError::Busy`].
    pub async fn flush(&self, id: &PluginId, what: Flush) -> Result<(), SetError> {
        let entry = self.entry(id).ok_or(SetError::Gone)?;
        entry.life.flush(what).await.map_err(SetError::from)
    }

    async fn stop(&self, entry: &Entry, left: LeftSeries) -> Result<(), SetError> {
        entry.life.stop().await?;
        if left == LeftSeries::Expire {
            self.around.way.forget(&entry.id);
        }
        Ok(())
    }

    fn entry_or_new(&self, spec: &Spec) -> (Arc<Entry>, bool) {
        let mut entries = self.entries.write().expect("no holder of the entries panics");
        match entries.entry(spec.id.clone()) {
            btree_map::Entry::Occupied(known) => (Arc::clone(known.get()), false),
            btree_map::Entry::Vacant(place) => {
                (Arc::clone(place.insert(Arc::new(Entry::begin(spec.clone(), &self.around)))), true)
            }
        }
    }

    fn take_out(&self, entry: &Entry) {
        entry.leave();
        self.entries.write().expect("no holder of the entries panics").remove(&*entry.id);
    }
}

/// The code that runs or ran last, where the plugin was ever opened.
pub(super) fn loaded_code(entry: &Entry) -> Option<Code> {
    entry.life.vitals().digest().map(Code::Loaded)
}

/// A changed spec with the code that is loaded, unless it asks for a certain code, another type, or another place to
/// run: there it is not loaded.
fn keep_code(entry: &Entry, before: &Wanted, spec: &Spec) -> Spec {
    let mut spec = spec.clone();
    let runs = matches!(entry.life.vitals().state(), State::Running(_));
    let where_it_ran = (before.spec.isolation, before.spec.trusted) == (spec.isolation, spec.trusted);
    if runs && spec.code == Code::Newest && spec.type_name == before.spec.type_name && where_it_ran {
        spec.code = loaded_code(entry).unwrap_or(Code::Newest);
    }
    spec
}
