//! A Keystone that does what it should not: whatever it says, nobody comes in by it, and it is forgiven afterwards.

use super::fake::{Does, Fake, body};
use super::{config, facts, fernet, judge, open};
use crate::Config;
use futures_util::future::join_all;
use gatherd_api::auth::{IdentityService, Verdict};
use gatherd_api::types::IdentityState;
use serde_json::Value;
use std::time::{Duration, Instant};

fn about(token: &str) -> Vec<(&'static str, String)> {
    vec![("X-Subject-Token", token.to_owned())]
}

fn with(pointer: &str, value: Value) -> String {
    let mut body = body();
    let (around, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(around).unwrap()[key] = value;
    body.to_string()
}

#[tokio::test]
async fn whatever_is_no_answer_of_keystone_lets_nobody_in_and_is_over_when_it_is_over() {
    let token = fernet("good");
    let plain = body().to_string();
    let html = "<html>busy</html>".to_owned();
    let location = vec![("Location", "http://127.0.0.1:1/".to_owned())];
    let cases = [
        ("a fault", Does::Answers(500, vec![], html.clone())),
        ("a gateway's fault", Does::Answers(502, vec![], html.clone())),
        ("too busy", Does::Answers(429, vec![], html.clone())),
        ("a redirect", Does::Answers(302, location.clone(), String::new())),
        (
            "a redirect with a good body",
            Does::Answers(307, [about(&token), location].concat(), plain.clone()),
        ),
        ("a page", Does::Answers(200, about(&token), html.clone())),
        ("a page's 404", Does::Answers(404, vec![], html.clone())),
        ("a page's 401", Does::Answers(401, vec![], html)),
        ("half of it", Does::Answers(200, about(&token), plain[..plain.len() - 9].to_owned())),
        ("too much", Does::Answers(200, about(&token), format!("{plain}{}", " ".repeat(300_000)))),
        ("far too much", Does::Answers(200, about(&token), "[".repeat(4_000_000))),
        ("nothing of the token", Does::Answers(200, vec![], plain.clone())),
        ("another token's answer", Does::Answers(200, about(&fernet("other")), plain.clone())),
        ("two tokens' answer", Does::Answers(200, [about(&token), about("x")].concat(), plain.clone())),
        ("a creation", Does::Answers(201, about(&token), plain)),
        ("no user", Does::Answers(200, about(&token), with("/token/user", Value::Null))),
        ("no end", Does::Answers(200, about(&token), with("/token/expires_at", Value::Null))),
        (
            "two scopes",
            Does::Answers(
                200,
                about(&token),
                with("/token/domain", body()["token"]["user"]["domain"].clone()),
            ),
        ),
        ("a closed connection", Does::Closes),
        ("silence", Does::Nothing),
    ];
    join_all(cases.into_iter().map(|(what, does)| misbehaves(what, does))).await;
}

async fn misbehaves(what: &str, does: Does) {
    let (fake, token) = (Fake::start().await, fernet("good"));
    let keystone = open(&Config { timeout: Duration::from_millis(500), ..config(&[&fake]) });
    fake.knows(&token);
    fake.twist(move |request| (request.method == "GET").then(|| does.clone()));
    let verdict = judge(&keystone, &token).await;
    assert!(matches!(verdict, Verdict::Unreachable { .. }), "{what}: {verdict:?}");
    assert_eq!(keystone.health().state, IdentityState::Unreachable, "{what}");
    assert!(keystone.health().failures >= 1, "{what}");
    fake.behaves();
    let began = Instant::now();
    while !matches!(judge(&keystone, &token).await, Verdict::Known { unsure: None, .. }) {
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: it is not forgiven");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_login_lets_nobody_in_either() {
    let cases = [
        Does::Answers(500, vec![], String::new()),
        Does::Answers(201, vec![], body().to_string()),
        Does::Answers(201, about("own"), "{}".to_owned()),
        Does::Answers(200, about("own"), body().to_string()),
        Does::Answers(201, about("own"), "[".repeat(2_000_000)),
        Does::Closes,
    ];
    for does in cases {
        let fake = Fake::start().await;
        let keystone = open(&config(&[&fake]));
        let own = does.clone();
        fake.twist(move |request| (request.method == "POST").then(|| own.clone()));
        let verdict = judge(&keystone, &fernet("good")).await;
        assert!(matches!(verdict, Verdict::Unreachable { .. }), "{does:?}");
        assert_eq!(fake.questions(), 0, "{does:?}");
    }
}

/// A token on which Keystone fails would otherwise make it look away, and keep everybody out: whoever has such a token
/// could do that again and again.
#[tokio::test]
async fn a_token_that_makes_keystone_fail_holds_nobody_else_up() {
    let fake = Fake::start().await;
    let keystone = open(&config(&[&fake]));
    let (good, poison) = (fernet("good"), fernet("poison"));
    fake.knows(&good);
    let own = poison.clone();
    fake.twist(move |request| (request.subject() == own).then(|| Does::Answers(500, vec![], String::new())));
    assert!(matches!(judge(&keystone, &poison).await, Verdict::Unreachable { .. }));
    facts(&keystone, &good).await;
    let mut questions = 0;
    while matches!(judge(&keystone, &poison).await, Verdict::Unreachable { .. }) {
        questions += 1;
        assert!(questions < 200, "it is charged as a bad one");
    }
    facts(&keystone, &good).await;
}

#[tokio::test]
async fn an_answer_comes_within_the_deadline_whatever_keystone_does() {
    let (one, other) = (Fake::start().await, Fake::start().await);
    for fake in [&one, &other] {
        fake.twist(|_| Some(Does::Nothing));
    }
    let keystone = open(&Config { timeout: Duration::from_millis(200), ..config(&[&one, &other]) });
    let began = Instant::now();
    assert!(matches!(judge(&keystone, &fernet("good")).await, Verdict::Unreachable { .. }));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
