//! Version discovery and microversions.

use super::Site;
use actix_web::test::TestRequest;
use gatherd_api_types::Role;
use serde_json::json;

#[actix_web::test]
async fn versions_are_in_the_form_that_openstack_clients_read() {
    let site = Site::new();
    let asked = |path: &str| TestRequest::get().uri(path).insert_header(("Host", "agent.example:8720"));
    let version = json!({"id": "v1.0", "status": "CURRENT", "version": "1.0", "min_version": "1.0",
        "links": [{"rel": "self", "href": "http://agent.example:8720/v1/"}]});
    assert_eq!(site.call(asked("/")).await.json(), json!({"versions": [version]}));
    assert_eq!(site.call(asked("/v1")).await.json(), json!({"version": version}));
    assert_eq!(site.call(asked("/v1/")).await.json(), json!({"version": version}));
}

#[actix_web::test]
async fn a_host_that_is_no_host_is_not_echoed() {
    let request = TestRequest::get().uri("/").insert_header(("Host", "x\"><script>"));
    let answer = Site::new().call(request).await;
    assert_eq!(answer.json()["versions"][0]["links"][0]["href"], "/v1/");
}

#[actix_web::test]
async fn an_answer_says_its_microversion() {
    let site = Site::new();
    let answer = site.get("/v1/plugins").await;
    assert_eq!(answer.header("openstack-api-version"), Some("telemetry-agent 1.0"));
    let vary = answer.headers.get_all("vary").any(|value| value == "OpenStack-API-Version");
    assert!(vary, "{:?}", answer.headers);
    assert_eq!(site.get("/healthz").await.header("openstack-api-version"), None);
}

#[actix_web::test]
async fn a_microversion_outside_the_range_is_406() {
    let site = Site::new();
    for (version, status) in [
        ("telemetry-agent 1.0", 200),
        ("telemetry-agent latest", 200),
        ("compute 2.90", 200),
        ("compute 2.90, telemetry-agent 1.0", 200),
        ("telemetry-agent 1.1", 406),
        ("telemetry-agent 2.0", 406),
        ("telemetry-agent 0.9", 406),
        ("telemetry-agent 1.00", 406),
        ("telemetry-agent 1", 406),
        ("telemetry-agent", 406),
        ("telemetry-agent1.0", 406),
        ("1.0", 406),
        ("", 406),
    ] {
        let request = TestRequest::get().uri("/v1/plugins").insert_header(("OpenStack-API-Version", version));
        let answer = site.call_as(Role::Reader, request).await;
        assert_eq!(answer.status, status, "{version}");
        if status == 406 {
            assert_eq!(answer.problem().code.as_str(), "not_acceptable");
        }
    }
}
