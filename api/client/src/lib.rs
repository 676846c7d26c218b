//! Typed client of the management API.
//!
//! ```no_run
//! # async fn example() -> Result<(), gatherd_client::ClientError> {
//! let client = gatherd_client::Client::unix("/run/gatherd/gatherd.sock")?;
//! for plugin in client.plugins(&Default::default()).await?.items {
//!     println!("{} is {}", plugin.id, plugin.state.as_str());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! One method per operation, named like the operation in the OpenAPI document.
#![forbid(unsafe_code)]

mod chain;
mod change;
mod config;
mod connection;
mod daemon;
mod distrust;
mod error;
mod filter;
mod lines;
mod notification;
mod operation;
mod output;
mod plugin;
mod plugin_log;
mod section;
mod stream;
mod subscription;
#[cfg(test)]
mod tests;
mod time;
mod token;
mod trust;
mod user;
mod value;

pub use change::{Asked, Changed};
pub use connection::Client;
pub use distrust::Distrust;
pub use error::ClientError;
pub use filter::{
    AuditFilter, NotificationFilter, PluginFilter, PluginLogFilter, PluginTypeFilter, ValueFilter,
};
pub use gatherd_api_types as types;
pub use lines::LineStream;
pub use plugin::TaggedConfig;
pub use section::{PageFilter, Previewed, Section, Tagged};
pub use stream::{EventStream, StreamEvent};
pub use token::Session;
pub use trust::{Trust, TrustError};
pub use value::{Format, SentValues};
