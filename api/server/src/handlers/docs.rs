//! The OpenAPI document, and pages to read and try it that need no network.

use crate::document::document_text;
use crate::problem::ApiError;
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use std::sync::{Arc, LazyLock};
use utoipa_swagger_ui::Config;

static PAGES: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json").validator_url("none").try_it_out_enabled(true)));

/// Shows this document.
///
/// OpenAPI 3.1 as JSON.
#[utoipa::path(get, path = "/openapi.json", operation_id = "get_openapi", tag = "versions",
    responses((status = 200, description = "This document.", body = Object)))]
pub(crate) async fn get_openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document_text())
}

/// Leads to the pages: their links are relative to the slash.
pub(crate) async fn redirect_to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

/// One file of the pages.
pub(crate) async fn get_docs(file: web::Path<String>) -> Result<HttpResponse, ApiError> {
    match utoipa_swagger_ui::serve(&file, PAGES.clone()) {
        Ok(Some(page)) => {
            Ok(HttpResponse::Ok().content_type(page.content_type).body(page.bytes.into_owned()))
        }
        Ok(None) => Err(ApiError::no_such_path()),
        Err(error) => Err(ApiError::internal(error.to_string())),
    }
}
