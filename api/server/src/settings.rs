//! What handlers and proofs must know of the configuration.

use std::time::Duration;

/// Settings of one server, fixed at its start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Settings {
    /// Whether `/metrics` answers without a token.
    pub(crate) metrics_open: bool,
    /// How long a body may take to arrive.
    pub(crate) body_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { metrics_open: true, body_timeout: Duration::from_secs(30) }
    }
}
