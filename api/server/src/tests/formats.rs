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
async fn values_and_metrics_have_csv_with_a_head_and_lines() {
    let csv = accepting("/v1/values?limit=1", "text/csv").await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(
        csv.text(),
        "identifier,host,plugin,plugin_instance,type,type_instance,data_source,time,interval,value,rate,state,age,\
         clock_stepped\r\nh/p/counter-00000,h,p,,counter,00000,value,2023-11-14T22:13:20.000000005Z,10.0,\
         18446744073709551615,,okay,0.5,false\r\n"
    );
    let csv = accepting("/v1/metrics", "text/csv").await;
    let head = "identifier,type,data_source,kind,min,max,plugin,unit,interval,age";
    assert_eq!(
        csv.text().lines().collect::<Vec<_>>(),
        [
            head,
            "h/p/counter-00000,counter,value,counter,0.0,,cpu,,10.0,0.5",
            "h/p/counter-00001,counter,value,counter,0.0,,cpu,,10.0,0.5",
        ]
    );
    let lines = accepting("/v1/metrics", "application/x-ndjson").await;
    assert_eq!(
        (lines.text().lines().count(), lines.header("content-type")),
        (2, Some("application/x-ndjson"))
    );
    assert_eq!(accepting("/v1/metrics", "text/html").await.refusal(), (406, "not_acceptable"));
}

#[actix_web::test]
async fn endless_lists_are_compressed_when_asked() {
    let site = Site::new();
    site.fake.series.store(3_000, std::sync::atomic::Ordering::Relaxed);
    for (encoding, media_type) in [("gzip", "application/x-ndjson"), ("zstd", "text/csv")] {
        let request = TestRequest::get().uri("/v1/values").insert_header(("Accept-Encoding", encoding));
        let answer = site.call_as(Role::Reader, request.insert_header(("Accept", media_type))).await;
        assert_eq!(answer.header("content-encoding"), Some(encoding));
        assert!(answer.body.len() < 100_000, "{}", answer.body.len());
    }
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
