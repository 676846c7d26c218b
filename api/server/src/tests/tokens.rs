//! Log in, who am I, log out.

use super::{Answer, Site};
use crate::auth::Store;
use actix_web::test::TestRequest;
use gatherd_api_types::Role;
use serde_json::{Value, json};

const PATH: &str = "/v1/auth/tokens";

async fn login(site: &Site, user: &Value, password: &str) -> Answer {
    let mut user = user.clone();
    user["password"] = password.into();
    let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
    site.call(TestRequest::post().uri(PATH).set_json(body)).await
}

#[actix_web::test]
async fn the_right_password_gives_a_token_in_keystone_s_shape() {
    let site = Site::new();
    let user = json!({"name": "member", "domain": {"id": "default"}});
    let answer = login(&site, &user, "correct horse").await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let token = &answer.json()["token"];
    assert_eq!(token["methods"], json!(["password"]));
    assert_eq!(token["user"]["name"], "member");
    assert_eq!(token["user"]["domain"], json!({"id": "default", "name": "Default"}));
    let roles = json!([{"id": "member", "name": "member"}, {"id": "reader", "name": "reader"}]);
    assert_eq!(token["roles"], roles);
    assert!(token["issued_at"].as_str() < token["expires_at"].as_str());
    assert_eq!(token["audit_ids"].as_array().unwrap().len(), 1);
    let shown = answer.header("x-subject-token").unwrap().to_owned();
    let whoami = site.call(TestRequest::get().uri(PATH).insert_header(("X-Auth-Token", shown))).await;
    assert_eq!(whoami.json(), answer.json());
}

#[actix_web::test]
async fn a_wrong_name_password_or_domain_is_one_and_the_same_401() {
    let site = Site::new();
    let mut texts = Vec::new();
    for (user, password) in [
        (json!({"name": "admin"}), "wrong horse"),
        (json!({"name": "nobody"}), "correct horse"),
        (json!({"name": ""}), ""),
        (json!({"name": "admin", "domain": {"id": "other"}}), "correct horse"),
        (json!({"name": "admin", "domain": {"name": "other"}}), "correct horse"),
    ] {
        let answer = login(&site, &user, password).await;
        assert_eq!(answer.refusal(), (401, "unauthorized"), "{user}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        texts.push(answer.text().replace(&answer.problem().request_id, "ID"));
    }
    texts.dedup();
    assert_eq!(texts.len(), 1);
}

#[actix_web::test]
async fn another_method_than_the_password_is_refused_with_a_pointer() {
    let body = json!({"auth": {"identity": {"methods": ["token"],
        "password": {"user": {"name": "admin", "password": "correct horse"}}}}});
    let answer = Site::new().call(TestRequest::post().uri(PATH).set_json(body)).await;
    assert_eq!(answer.refusal(), (422, "invalid"));
    assert_eq!(answer.problem().errors[0].pointer, "/auth/identity/methods");
}

#[actix_web::test]
async fn many_attempts_of_one_peer_must_wait() {
    let site = Site::new();
    let user = json!({"name": "admin"});
    for _ in 0..10 {
        assert_eq!(login(&site, &user, "wrong horse").await.status, 401);
    }
    // One more is allowed per second, so a slow machine needs some more attempts.
    let mut answer = login(&site, &user, "correct horse").await;
    for _ in 0..100 {
        if answer.status == 429 {
            break;
        }
        answer = login(&site, &user, "correct horse").await;
    }
    assert_eq!(answer.refusal(), (429, "too_many_requests"));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
}

#[actix_web::test]
async fn a_token_that_was_taken_back_stays_worthless_after_a_restart() {
    let site = Site::new();
    let token = site.token(Role::Reader);
    let delete = TestRequest::delete().uri(PATH).insert_header(("X-Auth-Token", token.as_str()));
    assert_eq!(site.call(delete).await.status, 204);
    let again = || TestRequest::get().uri(PATH).insert_header(("X-Auth-Token", token.as_str()));
    assert_eq!(site.call(again()).await.refusal(), (401, "unauthorized"));
    let restarted = Site { store: Store::open_cheaply(site.directory.path()), ..site };
    assert_eq!(restarted.call(again()).await.refusal(), (401, "unauthorized"));
    assert_eq!(restarted.get(PATH).await.status, 200);
}

#[actix_web::test]
async fn only_admins_look_at_and_take_back_tokens_of_others() {
    let site = Site::new();
    let token = site.token(Role::Member);
    let subject = |request: TestRequest| request.uri(PATH).insert_header(("X-Subject-Token", token.as_str()));
    let answer = site.call_as(Role::Reader, subject(TestRequest::get())).await;
    assert_eq!(answer.refusal(), (403, "forbidden"));
    let answer = site.call_as(Role::Reader, subject(TestRequest::delete())).await;
    assert_eq!(answer.refusal(), (403, "forbidden"));
    let answer = site.call_as(Role::Admin, subject(TestRequest::get())).await;
    assert_eq!(answer.json()["token"]["user"]["name"], "member");
    assert_eq!(site.call_as(Role::Admin, subject(TestRequest::delete())).await.status, 204);
    let answer = site.call_as(Role::Admin, subject(TestRequest::get())).await;
    assert_eq!(answer.refusal(), (404, "not_found"));
}
