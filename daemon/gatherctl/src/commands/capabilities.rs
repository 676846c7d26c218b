//! What daemon and machine can do.

use super::Desk;
use crate::cli;
use crate::document;
use crate::failure::Failure;
use crate::output::Human;
use gatherd_client::Client;

impl Desk<'_> {
    pub(super) async fn capabilities(
        &mut self,
        client: &Client,
        wish: &cli::Capabilities,
    ) -> Result<(), Failure> {
        let all = client.capabilities().await?;
        let Some(key) = &wish.key else {
            return Ok(self.output.one(&all, |_| Human::Json)?);
        };
        match document::part(&all, key) {
            Some(part) => Ok(self.output.one(part, |_| Human::Json)?),
            None => Err(Failure::NoCapability { key: key.clone() }),
        }
    }
}
