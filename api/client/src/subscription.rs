//! Subscriptions, beside what they share with all members of sections.

use crate::connection::{Client, segment};
use crate::error::ClientError;
use gatherd_api_types::SubscriptionTest;

impl Client {
    /// Sends one message to a subscriber, and waits for what comes of it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is no such subscription; one that is not reached is no error.
    pub async fn test_subscription(&self, id: &str) -> Result<SubscriptionTest, ClientError> {
        self.post(&format!("/v1/subscriptions/{}/test", segment(id))).await
    }
}
