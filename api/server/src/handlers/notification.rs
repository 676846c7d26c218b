//! What happened lately.

use super::Port;
use super::plugin::word_of;
use crate::auth::Reader;
use crate::input::{ListParams, Params};
use crate::output::{Walk, page};
use crate::problem::ApiError;
use crate::query::NotificationQuery;
use actix_web::{HttpRequest, HttpResponse};
use gatherd_api_types::{Notification, Page, Severity};
use serde::Deserialize;
use utoipa::IntoParams;

/// How notifications are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationParams {
    /// Only those with a greater number.
    #[param(value_type = Option<u64>)]
    since: Option<String>,
    /// Only those of this severity.
    #[param(inline, value_type = Option<Severity>)]
    severity: Option<String>,
    /// Most entries of the page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

/// Lists recent notifications.
///
/// Oldest first. The daemon remembers a bounded number of them; older ones are gone.
#[utoipa::path(get, path = "/v1/notifications", operation_id = "list_notifications",
    tag = "notifications", params(NotificationParams),
    responses((status = 200, description = "A page of notifications.", body = Page<Notification>)))]
pub(crate) async fn list_notifications(
    _proof: Reader,
    port: Port,
    params: Params<NotificationParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let NotificationParams { since, severity, limit, marker } = params.0;
    let number = |text: String| {
        text.parse::<u64>().map_err(|_| ApiError::parameter("since", "must be the number of a notification"))
    };
    let query = NotificationQuery {
        since: since.map(number).transpose()?,
        severity: severity.map(|word| word_of("severity", word, "is not a severity")).transpose()?,
    };
    let port = port.into_inner();
    let walk = Walk::new(ListParams { limit, marker }.read()?, move |list| {
        let port = port.clone();
        Box::pin(async move { port.notifications(&query, &list).await })
    });
    page(&request, walk).await
}
