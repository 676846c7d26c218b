//! Work that takes longer than its caller waited for it.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// A request whose work takes longer than its caller waited for it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Operation {
    /// Its name, unlike all others.
    #[schema(example = "6e0d3f4e-0b6c-4e0e-9f0a-3b1c1f3f8f11")]
    pub id: String,
    /// Method and path of the request, without the query.
    #[schema(example = "POST /v1/plugins/cpu/restart")]
    pub request: String,
    /// Finds the request in the daemon's log and in the audit trail.
    pub request_id: String,
    /// Who asked.
    #[schema(example = "admin")]
    pub user: String,
    /// How far it is.
    pub state: OperationState,
    /// Whether `DELETE` ends it before its time.
    pub cancellable: bool,
    /// When the request came.
    pub began: Timestamp,
    /// When it ended; `null` while it runs.
    #[schema(required)]
    pub ended: Option<Timestamp>,
    /// How long it has run, in seconds.
    #[schema(example = 2.5)]
    pub seconds: f64,
    /// What the request is answered; `null` while it runs, and where it was cancelled.
    #[schema(required)]
    pub result: Option<OperationResult>,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// It is under way.
    Running,
    /// It was done.
    Done,
    /// It was refused, or failed.
    Failed,
    /// Somebody ended it before its time.
    Cancelled,
}

/// What a request is answered.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct OperationResult {
    /// The HTTP status.
    #[schema(minimum = 200, maximum = 599)]
    pub status: u16,
    /// Those headers that belong to the answer, by name in lower case: `content-type`, `etag`, `location`.
    pub headers: BTreeMap<String, String>,
    /// The body, or the problem document; `null` where there is none.
    #[schema(schema_with = body)]
    pub body: Value,
}

/// Schema of the body of any answer.
fn body() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some("The body, or the problem document; `null` where there is none."))
        .build()
}
