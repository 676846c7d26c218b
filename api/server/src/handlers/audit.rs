//! Who changed what, and who was refused.

use super::plugin::word_of;
use crate::audit::Audit;
use crate::auth::Admin;
use crate::input::{self, ListParams, Params, matcher};
use crate::management::ManagementError;
use crate::output::{Walk, page};
use crate::problem::ApiError;
use crate::query::AuditQuery;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{AuditOutcome, AuditRecord, Page};
use serde::Deserialize;
use utoipa::IntoParams;

/// How records are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParams {
    /// Only those with a greater number.
    #[param(value_type = Option<u64>)]
    since: Option<String>,
    /// Only those of these users: exact, a glob, or `re:` and a regular expression.
    user: Option<String>,
    /// Only these actions: exact, a glob, or `re:` and a regular expression.
    action: Option<String>,
    /// Only those that came out so.
    #[param(inline, value_type = Option<AuditOutcome>)]
    outcome: Option<String>,
    /// Most entries of the page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

/// Lists the audit trail.
///
/// Every change and every refused credential, the newest first. The trail is bounded; the oldest records go.
#[utoipa::path(get, path = "/v1/audit", operation_id = "list_audit", tag = "daemon", params(AuditParams),
    responses((status = 200, description = "A page of records.", body = Page<AuditRecord>)))]
pub(crate) async fn list_audit(
    _proof: Admin,
    audit: web::Data<Audit>,
    params: Params<AuditParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let AuditParams { since, user, action, outcome, limit, marker } = params.0;
    let query = AuditQuery {
        since: input::since(since, "record")?,
        user: matcher("user", user.as_deref())?,
        action: matcher("action", action.as_deref())?,
        outcome: outcome.map(|word| word_of("outcome", word, "is not an outcome")).transpose()?,
    };
    let walk = Walk::new(ListParams { limit, marker }.read()?, move |list| {
        let (audit, query) = (audit.clone(), query.clone());
        Box::pin(async move {
            let read = web::block(move || audit.list(&query, &list)).await;
            let detail = "reading the audit trail was cut off".to_owned();
            read.unwrap_or(Err(ManagementError::Internal { detail }))
        })
    });
    page(&request, walk).await
}
