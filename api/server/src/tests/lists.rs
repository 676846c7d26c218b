//! Lists: pages, markers, filters, streams.

use super::Site;
use actix_web::test::TestRequest;
use gatherd_api_types::Role;
use serde_json::Value;
use std::sync::atomic::Ordering;

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn a_page_that_holds_all_has_no_next() {
    let page = Site::new().get("/v1/plugins").await.json();
    assert_eq!(ids(&page), ["cpu", "df", "load"]);
    assert_eq!(page["next"], Value::Null);
    assert_eq!(page.as_object().unwrap().len(), 2);
}

#[actix_web::test]
async fn next_leads_to_the_rest_with_the_same_filters() {
    let site = Site::new();
    let page = site.get("/v1/plugins?enabled=true&limit=1&id=re:.").await.json();
    assert_eq!(ids(&page), ["cpu"]);
    let next = page["next"].as_str().unwrap();
    assert!(next.starts_with("/v1/plugins?enabled=true&limit=1&id=re:.&marker="), "{next}");
    let page = site.get(next).await.json();
    assert_eq!(ids(&page), ["df"]);
    assert_eq!(page["next"], Value::Null);
}

#[actix_web::test]
async fn filters_narrow_a_list() {
    let site = Site::new();
    for (query, expected) in [
        ("id=df", vec!["df"]),
        ("id=*d*", vec!["df", "load"]),
        ("id=re:%5E%5Bcd%5D", vec!["cpu", "df"]),
        ("state=stopped", vec!["load"]),
        ("enabled=false", vec!["load"]),
        ("id=nothing", vec![]),
    ] {
        assert_eq!(ids(&site.get(&format!("/v1/plugins?{query}")).await.json()), expected, "{query}");
    }
}

#[actix_web::test]
async fn a_marker_that_is_not_ours_is_refused() {
    let site = Site::new();
    for marker in ["x", "zz", "0", "cpu"] {
        let answer = site.get(&format!("/v1/plugins?marker={marker}")).await;
        assert_eq!(answer.refusal(), (400, "bad_marker"), "{marker}");
    }
}

#[actix_web::test]
async fn the_pages_of_a_long_list_hold_every_entry_once() {
    let site = Site::new();
    site.fake.series.store(5_678, Ordering::Relaxed);
    let (mut seen, mut path) = (Vec::new(), "/v1/values?limit=2500".to_owned());
    loop {
        let page = site.get(&path).await.json();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["identifier"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    let all: Vec<String> = (0..5_678).map(|number| format!("h/p/counter-{number:05}")).collect();
    assert_eq!(seen, all);
}

#[actix_web::test]
async fn an_empty_list_is_an_empty_page() {
    let site = Site::new();
    site.fake.series.store(0, Ordering::Relaxed);
    assert_eq!(site.get("/v1/values").await.text(), r#"{"items":[],"next":null}"#);
}

#[actix_web::test]
async fn counters_keep_all_their_bits() {
    let site = Site::new();
    let value = site.get("/v1/values/h/p/counter-00002").await;
    assert!(value.text().contains(r#""values":{"value":18446744073709551615}"#), "{}", value.text());
    assert!(value.text().contains(r#""time":"2023-11-14T22:13:20.000000005Z""#), "{}", value.text());
    let escaped = site.get("/v1/values/h%2Fp%2Fcounter-00002").await;
    assert_eq!(escaped.body, value.body);
    assert_eq!(site.get("/v1/values/h/p/none").await.refusal(), (404, "not_found"));
}

#[actix_web::test]
async fn ndjson_has_one_object_per_line_and_no_limit_of_its_own() {
    let site = Site::new();
    site.fake.series.store(12_345, Ordering::Relaxed);
    let lines = |query: &str| {
        let request = TestRequest::get().uri(&format!("/v1/values{query}"));
        site.call_as(Role::Reader, request.insert_header(("Accept", "application/x-ndjson")))
    };
    let answer = lines("").await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let text = answer.text();
    let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(values.len(), 12_345);
    assert_eq!(values[12_344]["identifier"], "h/p/counter-12344");
    assert_eq!(lines("?limit=7").await.text().lines().count(), 7);
    assert_eq!(lines("?type_instance=0000*").await.text().lines().count(), 10);
}

#[actix_web::test]
async fn a_failure_before_the_first_entry_is_a_problem_and_a_later_one_breaks_off() {
    let site = Site::new();
    site.fake.series.store(5_000, Ordering::Relaxed);
    site.fake.fail_after.store(2, Ordering::Relaxed);
    let broken = site.get("/v1/values?limit=5000").await;
    assert_eq!((broken.status.as_u16(), broken.body.len()), (200, 0)); // The reader sees an error.
    assert_eq!(site.get("/v1/values").await.refusal(), (500, "internal"));
}

#[actix_web::test]
async fn notifications_go_on_behind_a_number() {
    let site = Site::new();
    let page = site.get("/v1/notifications?since=1&limit=1").await.json();
    assert_eq!(page["items"][0]["id"], 2);
    assert_eq!(page["items"][0]["meta"]["count"], u64::MAX);
    let page = site.get(page["next"].as_str().unwrap()).await.json();
    assert_eq!(page["items"][0]["id"], 3);
    let failures = site.get("/v1/notifications?severity=failure").await.json();
    assert_eq!(failures["items"].as_array().unwrap().len(), 1);
}
