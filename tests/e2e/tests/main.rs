//! The real daemon from outside: one file per resource, at least one daemon per test.
//!
//! Run with `cargo xtask test`, which builds and stages what is started here.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "in a test a failed step is a failed test")]

mod api_tour;
mod audit;
mod authors;
mod bad_bodies;
mod bad_plugins;
mod blacklist;
mod capabilities;
mod chains;
mod cli;
mod config;
mod config_files;
mod crash;
mod daemon;
mod defaults;
mod disk_full;
mod every_plugin;
mod examples;
mod exec;
mod expiry;
mod exposition;
mod flush;
mod gatherctl;
mod gatherctl_changes;
mod gatherctl_values;
mod heartbeat;
mod history;
mod isolated;
mod isolated_confined;
mod isolated_hosts;
mod keystone;
mod limits;
mod list;
mod matrix;
mod metric;
mod notification;
mod openstack;
mod operations;
mod outputs;
mod plugin;
mod plugin_config;
mod plugin_log;
mod plugin_test;
mod plugin_type;
mod policy;
mod request;
mod revisions;
mod scene;
mod subscription;
mod takeover;
mod takeover_failures;
mod thresholds;
mod time;
mod tls;
mod token;
mod top;
mod transactions;
mod undisturbed;
mod users;
mod value;
mod value_list;
mod value_stream;
mod writer;
