//! Notifications: what happened, what happens, and what is said of it.

use crate::connection::Client;
use crate::error::ClientError;
use crate::filter::NotificationFilter;
use crate::stream::EventStream;
use gatherd_api_types::{AcknowledgeRequest, NewNotification, Notification, Page};
use reqwest::Method;

/// Path of all notifications.
const NOTIFICATIONS: &str = "/v1/notifications";

impl Client {
    /// Recent notifications, oldest first.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no answer, or a refusal.
    pub async fn notifications(
        &self,
        filter: &NotificationFilter,
    ) -> Result<Page<Notification>, ClientError> {
        self.list(NOTIFICATIONS, filter).await
    }

    /// Publishes a notification; answers it, or the one that it was counted on.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 422 when it is not valid.
    pub async fn publish(&self, new: &NewNotification) -> Result<Notification, ClientError> {
        let request = self.request(Method::POST, NOTIFICATIONS).json(new);
        self.answer(NOTIFICATIONS, request).await.map(|(answer, _)| answer)
    }

    /// Takes note of a notification; who did it first stays.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when it is not remembered, 422 when the comment is too long.
    pub async fn acknowledge(
        &self,
        number: u64,
        request: &AcknowledgeRequest,
    ) -> Result<Notification, ClientError> {
        let path = format!("{NOTIFICATIONS}/{number}/acknowledge");
        let request = self.request(Method::POST, &path).json(request);
        self.answer(&path, request).await.map(|(answer, _)| answer)
    }

    /// Follows notifications, from behind the id of an earlier event where one is named.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 503 when too many streams are open; otherwise as [`Client::notifications`].
    pub async fn follow_notifications(
        &self,
        filter: &NotificationFilter,
        behind: Option<&str>,
    ) -> Result<EventStream, ClientError> {
        self.follow(format!("{NOTIFICATIONS}/stream"), filter, behind).await
    }
}
