//! Which versions there are, in OpenStack's discovery form.

use crate::microversion;
use crate::server::Encrypted;
use actix_web::http::header::HOST;
use actix_web::{HttpRequest, web};
use gatherd_api_types::version::Link;
use gatherd_api_types::{Version, VersionAnswer, Versions};

/// Lists the versions of the API.
///
/// In OpenStack's version-discovery form.
#[utoipa::path(get, path = "/", operation_id = "list_versions", tag = "versions",
    responses((status = 200, description = "All versions.", body = Versions)))]
pub(crate) async fn list_versions(request: HttpRequest) -> web::Json<Versions> {
    web::Json(Versions { versions: vec![version(&request)] })
}

/// Shows version 1 of the API.
///
/// In OpenStack's version-discovery form.
#[utoipa::path(get, path = "/v1", operation_id = "get_version", tag = "versions",
    responses((status = 200, description = "This version.", body = VersionAnswer)))]
pub(crate) async fn get_version(request: HttpRequest) -> web::Json<VersionAnswer> {
    web::Json(VersionAnswer { version: version(&request) })
}

/// Shows version 1 of the API, for clients that keep the slash.
///
/// In OpenStack's version-discovery form.
#[utoipa::path(get, path = "/v1/", operation_id = "get_version_slash", tag = "versions",
    responses((status = 200, description = "This version.", body = VersionAnswer)))]
pub(crate) async fn get_version_slash(request: HttpRequest) -> web::Json<VersionAnswer> {
    get_version(request).await
}

fn version(request: &HttpRequest) -> Version {
    Version {
        id: "v1.0".to_owned(),
        status: "CURRENT".to_owned(),
        version: microversion::MAX.to_owned(),
        min_version: microversion::MIN.to_owned(),
        links: vec![Link { rel: "self".to_owned(), href: format!("{}/v1/", origin(request)) }],
    }
}

/// Where the caller reached us; nothing, for a relative link, when it does not say it in plain characters.
fn origin(request: &HttpRequest) -> String {
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return String::new();
    }
    let scheme = if request.conn_data::<Encrypted>().is_some() { "https" } else { "http" };
    format!("{scheme}://{host}")
}
