//! One file per resource. A handler proves, parses, makes one call, maps once.

pub(crate) mod audit;
pub(crate) mod blacklist;
pub(crate) mod cache;
pub(crate) mod capabilities;
pub(crate) mod chain;
pub(crate) mod config;
pub(crate) mod daemon;
pub(crate) mod docs;
pub(crate) mod exposition;
pub(crate) mod flush;
pub(crate) mod health;
pub(crate) mod heartbeat;
pub(crate) mod metric;
pub(crate) mod notification;
pub(crate) mod operation;
pub(crate) mod output;
pub(crate) mod output_buffer;
pub(crate) mod plugin;
pub(crate) mod plugin_config;
pub(crate) mod plugin_log;
pub(crate) mod plugin_test;
pub(crate) mod plugin_type;
mod resource;
pub(crate) mod revision;
pub(crate) mod subscription;
pub(crate) mod threshold;
pub(crate) mod time;
pub(crate) mod time_config;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod value;
pub(crate) mod version;

use crate::management::Management;
use actix_web::web;

/// The port, as handlers take it.
pub(crate) type Port = web::Data<dyn Management>;
