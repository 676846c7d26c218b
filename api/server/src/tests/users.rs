//! The daemon's own users over the API.

use super::{Answer, Site};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use gatherd_api_types::Role;
use serde_json::{Value, json};
use std::fs;

const PATH: &str = "/v1/auth/users";

impl Site {
    async fn put_user(&self, name: &str, body: Value) -> Answer {
        self.call_as(Role::Admin, TestRequest::put().uri(&format!("{PATH}/{name}")).set_json(body)).await
    }

    async fn of_user(&self, method: Method, below: &str) -> Answer {
        let request = TestRequest::default().method(method).uri(&format!("{PATH}/{below}"));
        self.call_as(Role::Admin, request).await
    }

    async fn logs_in(&self, name: &str, password: &str) -> u16 {
        let user = json!({"name": name, "password": password});
        let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
        let answer = self.call(TestRequest::post().uri("/v1/auth/tokens").set_json(body)).await;
        answer.status.as_u16()
    }

    /// Whether a token of `name` from before still counts.
    async fn counts(&self, token: &str) -> bool {
        let request = TestRequest::get().uri("/v1/cache").insert_header(("X-Auth-Token", token));
        self.call(request).await.status == 200
    }
}

#[actix_web::test]
async fn a_user_is_made_changed_and_taken_away() {
    let site = Site::new();
    let made = site.put_user("ann", json!({"role": "member", "password": "correct horse"})).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, Some("/v1/auth/users/ann")));
    assert_eq!((&made.json()["name"], &made.json()["role"]), (&json!("ann"), &json!("member")));
    assert_eq!(site.logs_in("ann", "correct horse").await, 201);
    let token = site.store.token_of("ann", crate::clock::now());

    let demoted = site.put_user("ann", json!({"role": "reader"})).await;
    assert_eq!((demoted.status.as_u16(), &demoted.json()["role"]), (200, &json!("reader")));
    assert_eq!(demoted.json()["password_changed_at"], made.json()["password_changed_at"]);
    assert!(site.counts(&token).await, "another role does not end tokens");
    let enable =
        TestRequest::post().uri("/v1/plugins/cpu/enable").insert_header(("X-Auth-Token", token.as_str()));
    assert_eq!(site.call(enable).await.refusal(), (403, "forbidden"), "but counts for them at once");

    assert_eq!(site.put_user("ann", json!({"password": "another horse"})).await.status, 200);
    assert!(!site.counts(&token).await, "another password does");
    assert_eq!(site.logs_in("ann", "correct horse").await, 401);
    assert_eq!(site.logs_in("ann", "another horse").await, 201);
    let token = site.store.token_of("ann", crate::clock::now());
    assert_eq!(site.of_user(Method::GET, "ann").await.json()["role"], "reader");

    assert_eq!(site.of_user(Method::DELETE, "ann").await.status, 204);
    assert!(!site.counts(&token).await);
    assert_eq!(site.of_user(Method::DELETE, "ann").await.refusal(), (404, "not_found"));
    assert_eq!(site.of_user(Method::GET, "ann").await.refusal(), (404, "not_found"));
    assert_eq!(site.of_user(Method::POST, "ann/rotate").await.refusal(), (404, "not_found"));
}

#[actix_web::test]
async fn a_rotated_password_is_shown_once_and_never_remembered() {
    let site = Site::new();
    let token = site.token(Role::Member);
    let rotate = || {
        TestRequest::post().uri("/v1/auth/users/member/rotate").insert_header(("Idempotency-Key", "again"))
    };
    let first = site.call_as(Role::Admin, rotate()).await;
    assert_eq!(first.json()["user"]["role"], "member");
    assert_eq!(first.header("cache-control"), Some("no-store"));
    let password = first.json()["password"].as_str().unwrap().to_owned();
    assert_eq!(password.len(), 40);
    assert!(!site.counts(&token).await);
    assert_eq!(site.logs_in("member", "correct horse").await, 401);
    assert_eq!(site.logs_in("member", &password).await, 201);
    // The same key again: done again, because an answer with a password lies nowhere.
    let second = site.call_as(Role::Admin, rotate()).await;
    assert_ne!(second.json()["password"], first.json()["password"]);
    let wrote = |folder: &str| {
        let files = fs::read_dir(site.directory.path().join(folder)).into_iter().flatten();
        files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect::<Vec<_>>().concat()
    };
    for folder in ["", "audit", "answers"] {
        let all = if folder.is_empty() {
            fs::read(site.directory.path().join("credentials.json")).unwrap()
        } else {
            wrote(folder)
        };
        assert!(!String::from_utf8_lossy(&all).contains(&password), "{folder}");
    }
}

#[actix_web::test]
async fn a_list_shows_names_and_roles_and_nothing_of_passwords() {
    let site = Site::new();
    let first = site.call_as(Role::Admin, TestRequest::get().uri("/v1/auth/users?limit=2")).await;
    let names = |answer: &Answer| {
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&first), ["admin", "member"]);
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let second = site.call_as(Role::Admin, TestRequest::get().uri(&next)).await;
    assert_eq!((names(&second), &second.json()["next"]), (vec!["reader".to_owned()], &Value::Null));
    for text in [first.text(), second.text()] {
        assert!(!text.contains("argon2") && !text.contains("hash") && !text.contains("epoch"), "{text}");
    }
}

#[actix_web::test]
async fn the_last_admin_stays_one() {
    let site = Site::new();
    assert_eq!(site.of_user(Method::DELETE, "admin").await.refusal(), (409, "conflict"));
    let demoted = site.put_user("admin", json!({"role": "member"})).await;
    assert_eq!(demoted.refusal(), (409, "conflict"));
    assert_eq!(site.put_user("ann", json!({"role": "admin", "password": "correct horse"})).await.status, 201);
    assert_eq!(site.of_user(Method::DELETE, "admin").await.status, 204);
    let request = TestRequest::delete().uri("/v1/auth/users/ann");
    let token = site.store.token_of("ann", crate::clock::now());
    let own = site.call(request.insert_header(("X-Auth-Token", token))).await;
    assert_eq!(own.refusal(), (409, "conflict"));
}

#[actix_web::test]
async fn two_admins_that_remove_each_other_at_once_do_not_both_succeed() {
    let site = Site::new();
    site.put_user("ann", json!({"role": "admin", "password": "correct horse"})).await;
    let (one, other) = tokio::join!(site.store.remove_user("ann"), site.store.remove_user("admin"));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

#[actix_web::test]
async fn one_name_that_is_added_twice_at_once_is_made_once() {
    let site = Site::new();
    let add = |password| site.put_user("ann", json!({"role": "reader", "password": password}));
    let (one, other) = tokio::join!(add("correct horse"), add("another horse"));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    let known = [site.logs_in("ann", "correct horse").await, site.logs_in("ann", "another horse").await];
    assert_eq!(known.iter().filter(|status| **status == 201).count(), 1, "{known:?}");
}

#[actix_web::test]
async fn what_no_user_is_is_refused_with_a_pointer() {
    let site = Site::new();
    let good = json!({"role": "reader", "password": "correct horse"});
    for name in ["a%20b", "a%00b", "%C3%A9", "a%2Fb", "a:b", "%2E%2E", &"a".repeat(65)] {
        let answer = site.put_user(name, good.clone()).await;
        assert_eq!(answer.refusal(), (422, "invalid"), "{name}");
    }
    // What is no UTF-8 finds nobody.
    let answer = site.put_user("%FF", good).await;
    assert!((400..500).contains(&answer.status.as_u16()), "{}", answer.status);
    for (body, pointer) in [
        (json!({"role": "reader"}), "/password"),
        (json!({"password": "correct horse"}), "/role"),
        (json!({"role": "reader", "password": "short"}), "/password"),
        (json!({"role": "reader", "password": "\u{e9}\u{e9}\u{e9}\u{e9}"}), "/password"),
        (json!({"role": "reader", "password": ""}), "/password"),
        (json!({"role": "reader", "password": "x".repeat(1025)}), "/password"),
        (json!({"role": "reader", "password": 7}), "/password"),
        (json!({"role": "root", "password": "correct horse"}), "/role"),
        (json!({"role": "reader", "password": "correct horse", "hash": "x"}), "/hash"),
    ] {
        let answer = site.put_user("ann", body.clone()).await;
        assert_eq!(answer.refusal(), (422, "invalid"), "{body}");
        assert_eq!(answer.problem().errors[0].pointer, pointer, "{body}");
        assert!(!answer.text().contains("horse"), "{}", answer.text());
    }
    let huge =
        TestRequest::put().uri("/v1/auth/users/ann").insert_header(("Content-Type", "application/json"));
    let answer = site.call_as(Role::Admin, huge.set_payload(vec![b' '; 2 << 20])).await;
    assert_eq!(answer.refusal(), (413, "too_large"));
    assert_eq!(site.of_user(Method::GET, "ann").await.status, 404);
}

#[actix_web::test]
async fn changes_of_users_leave_records_without_passwords() {
    let site = Site::new();
    site.put_user("ann", json!({"role": "reader", "password": "correct horse"})).await;
    site.of_user(Method::POST, "ann/rotate").await;
    site.of_user(Method::DELETE, "ann").await;
    let text: String = fs::read_dir(site.trail())
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default())
        .collect();
    let actions: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|record| json!([record["action"], record["target"]["id"], record["outcome"]]))
        .collect();
    let told = |action: &str| json!([action, "/v1/auth/users/ann", "success"]);
    assert_eq!(actions, [told("update"), told("rotate"), told("delete")]);
    assert!(!text.contains("horse"), "{text}");
}
