//! The program itself, run against daemons with prepared answers.

#![expect(clippy::unwrap_used, reason = "in a test a failed step is a failed test")]

mod cloud;
mod commands;
mod daemon;
mod live;
mod login;
mod terminal;
mod told;
mod users;
mod values;
