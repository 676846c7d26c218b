//! HTTP server of the management API, over a port.
//!
//! ```text
//! request → envelope → authenticate → routes (method, path, access) → proof → handler → Management
//! ```
//!
//! The port is [`Management`]; who implements it steers a daemon, and this crate does not know which.
//! The server proves who asks, parses, makes one call of the port and maps the answer once.
#![forbid(unsafe_code)]

mod app;
mod audit;
pub mod auth;
mod clock;
mod connections;
mod document;
mod envelope;
mod events;
mod examples;
mod handlers;
mod input;
pub mod management;
pub mod microversion;
mod operations;
mod output;
mod patient;
mod problem;
pub mod query;
mod random;
mod replay;
mod routes;
pub mod rows;
mod server;
mod settings;
mod socket;
mod streams;
pub mod tls;

#[cfg(test)]
mod tests;

pub use document::{openapi, openapi_text};
pub use events::{Event, Events};
pub use gatherd_api_types as types;
pub use input::read_moment;
pub use input::{MAX_BODY, MAX_LIMIT};
pub use management::{
    AuditHealth, Caller, CertificateNews, Change, Changed, Exposition, ExpositionFormat, IfMatch, Management,
    ManagementError, Member, Mode, Part, ResourceKind, ResourceName, Versioned,
};
pub use query::{
    AuditQuery, ListRequest, Matcher, NotificationQuery, PluginLogQuery, PluginQuery, PluginTypeQuery,
    SeriesQuery, ValueQuery,
};
pub use server::{BindError, Server, ServerConfig, Stopper};
pub use socket::{Given, Listening};
