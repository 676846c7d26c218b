//! What the daemon logs.

use super::Desk;
use crate::cli;
use crate::failure::Failure;
use crate::output::Human;
use gatherd_client::Client;
use gatherd_client::types::LogLevel;

impl Desk<'_> {
    pub(super) async fn log_level(&mut self, client: &Client, wish: cli::LogLevel) -> Result<(), Failure> {
        let level = match wish.filter {
            Some(filter) => client.set_log_level(&LogLevel { filter }).await?,
            None => client.log_level().await?,
        };
        Ok(self.output.one(&level, |level| Human::Line(level.filter.clone()))?)
    }
}
