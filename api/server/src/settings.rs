//! What handlers and proofs must know of the configuration.

/// Settings of one server, fixed at its start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Settings {
    /// Whether `/metrics` answers without a token.
    pub(crate) metrics_open: bool,
}
