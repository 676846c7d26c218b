//! The one trait of a plugin author.

use gatherd_model::{CdTime, Notification};

use crate::{Batch, Capabilities, Failure, Host, WriteBatch};

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// JSON pointer (RFC 6901) to what is wrong; empty for the configuration as a whole.
    pub pointer: String,
    /// One sentence that says what is wrong and what is allowed.
    pub detail: String,
}

impl ConfigError {
    /// Joins a pointer and what is wrong there.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// A plugin: a type that gathers values, carries them away, or both.
///
/// All calls of one instance come one after another, though not always from the same thread. A panic ends the
/// call; the instance is then only shut down.
pub trait Collector: Sized + Send + 'static {
    /// Name of the plugin's type: `[a-z0-9][a-z0-9_-]{0,62}`.
    const NAME: &'static str;
    /// One sentence about what it measures.
    const DESCRIPTION: &'static str;
    /// Which of the methods below it has; the daemon calls no other.
    const CAPABILITIES: Capabilities = Capabilities::READ;

    /// Its configuration; give it `#[serde(default, deny_unknown_fields)]`. Doc comments of its fields
    /// become the descriptions of the JSON Schema.
    type Config: serde::de::DeserializeOwned + schemars::JsonSchema + Send;

    /// Judges what the types of [`Collector::Config`] cannot say; has no effect.
    ///
    /// # Errors
    ///
    /// All that is wrong, each with its place.
    fn check(_config: &Self::Config) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    /// Makes an instance. Keep a clone of `host` to make series, log or notify later.
    ///
    /// # Errors
    ///
    /// Why the plugin can not run here; the daemon tries again later.
    fn init(config: Self::Config, host: &Host) -> Result<Self, Failure>;

    /// Reads once and puts the values into `out`.
    ///
    /// # Errors
    ///
    /// Why nothing more could be read. What is in `out` by then was read and is dispatched all the same.
    fn read(&mut self, _out: &mut Batch) -> Result<(), Failure> {
        Err(Failure::not_supported("read"))
    }

    /// Carries values away.
    ///
    /// # Errors
    ///
    /// Why they could not be carried away.
    fn write(&mut self, _values: &WriteBatch<'_>) -> Result<(), Failure> {
        Err(Failure::not_supported("write"))
    }

    /// Empties the buffers of a writer of what is older than `older_than` (`None` for everything) and belongs
    /// to `identifier` (`None` for every series).
    ///
    /// # Errors
    ///
    /// Why they could not be emptied.
    fn flush(&mut self, _older_than: Option<CdTime>, _identifier: Option<&str>) -> Result<(), Failure> {
        Err(Failure::not_supported("flush"))
    }

    /// Hears of a notification.
    ///
    /// # Errors
    ///
    /// Why it could not be handled.
    fn notification(&mut self, _notification: &Notification) -> Result<(), Failure> {
        Err(Failure::not_supported("notification"))
    }

    /// Says good-bye before the instance is dropped. Threads of the plugin have ended when this returns.
    fn shutdown(&mut self) {}
}
