//! Formats and encodings.

use super::{Answer, Site};
use actix_web::test::TestRequest;
use gatherd_api_types::Role;

async fn accepting(path: &str, accept: &str) -> Answer {
    let request = TestRequest::get().uri(path).insert_header(("Accept", accept));
    Site::new().call_as(Role::Reader, request).await
}

#[actix_web::test]
async fn the_exposition_is_what_the_scraper_wants_most() {
    let classic = Site::new().get("/metrics").await;
    assert_eq!(classic.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(classic.text(), "a 1\n");
    let open = accepting("/metrics", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5").await;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.header("content-type"), Some(media_type));
    assert_eq!(open.text(), "a 1\n# EOF\n");
    assert_eq!(accepting("/metrics", "image/png").await.refusal(), (406, "not_acceptable"));
}

#[actix_web::test]
async fn values_in_a_format_that_nobody_has_are_406() {
    assert_eq!(accepting("/v1/values", "text/html").await.refusal(), (406, "not_acceptable"));
}

#[actix_web::test]
async fn answers_are_compressed_when_asked_and_keep_their_tag() {
    let site = Site::new();
    let plain = site.get("/openapi.json").await.body.len();
    for encoding in ["gzip", "zstd"] {
        let request = TestRequest::get().uri("/openapi.json").insert_header(("Accept-Encoding", encoding));
        let answer = site.call(request).await;
        assert_eq!(answer.header("content-encoding"), Some(encoding));
        assert!(answer.body.len() < plain / 3, "{} of {plain}", answer.body.len());
        let request = TestRequest::get().uri("/v1/plugins/cpu/config");
        let request = request.insert_header(("Accept-Encoding", encoding));
        assert_eq!(site.call_as(Role::Reader, request).await.header("etag"), Some("\"7\""));
    }
}
