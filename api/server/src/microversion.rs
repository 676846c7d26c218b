//! Microversions: `OpenStack-API-Version: telemetry-agent 1.N`.
//!
//! Absent means the oldest, `latest` the newest. What other services are asked for in the same header is
//! not ours.

use crate::problem::ApiError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, VARY};
use gatherd_api_types::ProblemCode;

/// Oldest microversion, as text.
pub const MIN: &str = "1.0";

/// Newest microversion, as text.
pub const MAX: &str = "1.0";

/// Every microversion, as text.
const KNOWN: &[&str] = &["1.0"];

/// What the service is called in the header.
const SERVICE: &str = "telemetry-agent";

const HEADER: HeaderName = HeaderName::from_static("openstack-api-version");

/// Whether the microversion that is asked for is one that we speak; below `/v1` only.
pub(crate) fn check(path: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    if !is_versioned(path) {
        return Ok(());
    }
    let refused = || {
        let detail = format!("Microversions {SERVICE} {MIN} to {MAX} are known.");
        ApiError::new(ProblemCode::NotAcceptable, detail)
    };
    for value in headers.get_all(HEADER) {
        let text = value.to_str().map_err(|_| refused())?;
        let ours = text.split(',').filter_map(|entry| entry.trim().strip_prefix(SERVICE));
        for version in ours {
            let known = version.starts_with(' ') && is_known(version.trim());
            known.then_some(()).ok_or_else(refused)?;
        }
        let malformed = text.split(',').any(|entry| entry.split_whitespace().count() != 2);
        (!malformed).then_some(()).ok_or_else(refused)?;
    }
    Ok(())
}

/// Says in the answer which microversion it has; below `/v1` only.
pub(crate) fn sign(path: &str, headers: &mut HeaderMap) {
    if is_versioned(path) {
        headers.insert(HEADER, HeaderValue::from_static("telemetry-agent 1.0"));
        headers.append(VARY, HeaderValue::from_static("OpenStack-API-Version"));
    }
}

fn is_versioned(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// Whether we speak this version.
fn is_known(version: &str) -> bool {
    version == "latest" || KNOWN.contains(&version)
}
