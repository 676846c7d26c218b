//! What is asked, how often, and what is remembered.

use super::fake::{Does, Fake, body, refusal};
use super::{LONG, NOW, config, facts, fernet, judge, nowhere, open};
use crate::{Catalogue, Config, Credential, Secret, Times};
use futures_util::future::join_all;
use gatherd_api::auth::{IdentityService, Verdict};
use gatherd_api::types::IdentityState;
use serde_json::json;
use std::time::{Duration, Instant};

/// As `config`, where everything is asked about each time.
fn forgetful(endpoints: &[&Fake], grace: Duration) -> Config {
    Config { times: Times { valid: Duration::ZERO, refused: Duration::ZERO, grace }, ..config(endpoints) }
}

#[tokio::test]
async fn a_valid_token_is_asked_about_once_and_a_refused_one_too() {
    let fake = Fake::start().await;
    let keystone = open(&config(&[&fake]));
    let (good, bad) = (fernet("good"), fernet("bad"));
    fake.knows(&good);
    for _ in 0..3 {
        assert_eq!(facts(&keystone, &good).await.user.name, "alice");
        assert_eq!(judge(&keystone, &bad).await, Verdict::Refused);
    }
    assert_eq!((fake.asked(&good), fake.asked(&bad), fake.logins()), (1, 1, 1));
    let login = &fake.seen()[0];
    assert_eq!((login.method.as_str(), login.path.as_str()), ("POST", "/v3/auth/tokens?nocatalog"));
    let identity = &login.body["auth"]["identity"];
    assert_eq!(identity["password"]["user"]["password"], "s3cret");
    let question = &fake.seen()[1];
    assert_eq!((question.method.as_str(), question.path.as_str()), ("GET", "/v3/auth/tokens?nocatalog"));
    assert_eq!(question.header("x-auth-token"), "own-1");
    let health = keystone.health();
    assert_eq!((health.state, health.requests, health.failures), (IdentityState::Reachable, 2, 0));
    assert_eq!((health.remembered, health.limited), (1, 0));
}

#[tokio::test]
async fn an_application_credential_is_shown_without_a_scope() {
    let fake = Fake::start().await;
    let credential =
        Credential::Application { id: "a1".to_owned(), secret: Secret::new("s3cret".to_owned()) };
    let keystone = open(&Config { credential: Some(credential), ..config(&[&fake]) });
    fake.knows(&fernet("good"));
    facts(&keystone, &fernet("good")).await;
    let expected = json!({"auth": {"identity": {"methods": ["application_credential"],
        "application_credential": {"id": "a1", "secret": "s3cret"}}}});
    assert_eq!(fake.seen()[0].body, expected);
}

#[tokio::test]
async fn a_revoked_token_is_refused_when_it_is_asked_about_again() {
    let fake = Fake::start().await;
    let keystone = open(&forgetful(&[&fake], LONG));
    let token = fernet("good");
    fake.knows(&token);
    facts(&keystone, &token).await;
    fake.revoke(&token);
    assert_eq!(judge(&keystone, &token).await, Verdict::Refused, "grace is for a Keystone that is away");
    let remembering = open(&config(&[&fake]));
    fake.knows(&token);
    facts(&remembering, &token).await;
    fake.revoke(&token);
    facts(&remembering, &token).await;
    assert_eq!(keystone.was(&token).map(|facts| facts.user.id.clone()).as_deref(), Some("u1"));
    remembering.forget(&token);
    assert_eq!(judge(&remembering, &token).await, Verdict::Refused);
    assert_eq!(remembering.was(&token), None, "what is forgotten is forgotten");
}

#[tokio::test]
async fn a_thousand_who_ask_at_once_are_one_question_and_one_login() {
    let fake = Fake::start().await;
    let keystone = open(&config(&[&fake]));
    let token = fernet("good");
    fake.knows(&token);
    let all = join_all((0..1_000).map(|_| judge(&keystone, &token))).await;
    assert!(all.iter().all(|verdict| matches!(verdict, Verdict::Known { unsure: None, .. })));
    assert_eq!((fake.asked(&token), fake.logins()), (1, 1));
    let tokens: Vec<String> = (0..40).map(|number| fernet(&format!("t{number}"))).collect();
    for token in &tokens {
        fake.knows(token);
    }
    join_all(tokens.iter().map(|token| facts(&keystone, token))).await;
    assert_eq!(fake.logins(), 1);
}

#[tokio::test]
async fn ten_thousand_bad_tokens_cost_keystone_a_bounded_number_of_questions() {
    let fake = Fake::start().await;
    let keystone = open(&config(&[&fake]));
    let good = fernet("good");
    fake.knows(&good);
    facts(&keystone, &good).await;
    let (before, began) = (fake.questions(), Instant::now());
    let mut limited = 0;
    for number in 0..10_000 {
        match judge(&keystone, &fernet(&format!("bad{number}"))).await {
            Verdict::Refused => {}
            Verdict::Limited { retry_after } => {
                limited += 1;
                assert_eq!(retry_after, 1);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(judge(&keystone, &format!("garbage{number}")).await, Verdict::Refused);
        if number % 1_000 == 0 {
            facts(&keystone, &good).await; // Who is known is not held up, from the same place either.
        }
    }
    let most = 50 + usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    assert!(fake.questions() - before <= most, "{} questions", fake.questions() - before);
    assert!(limited >= 10_000 - most, "{limited}");
    assert_eq!(keystone.health().limited, u64::try_from(limited).unwrap());
    let elsewhere = keystone.judge(&fernet("bad"), "192.0.2.2", NOW).await;
    assert_eq!(elsewhere, Verdict::Refused, "other peers have allowances of their own");
}

#[tokio::test]
async fn who_was_known_is_asked_about_again_also_in_a_flood() {
    let fake = Fake::start().await;
    let keystone = open(&forgetful(&[&fake], Duration::ZERO));
    let good = fernet("good");
    fake.knows(&good);
    facts(&keystone, &good).await;
    while !matches!(judge(&keystone, &fernet("bad")).await, Verdict::Limited { .. }) {}
    facts(&keystone, &good).await;
}

#[tokio::test]
async fn our_own_token_is_renewed_once_when_keystone_does_not_know_it_any_more() {
    let fake = Fake::start().await;
    let keystone = open(&forgetful(&[&fake], Duration::ZERO));
    let token = fernet("good");
    fake.knows(&token);
    facts(&keystone, &token).await;
    fake.forgets_us();
    facts(&keystone, &token).await;
    assert_eq!(fake.logins(), 2);
    fake.twist(|request| (request.method == "GET").then(|| refusal(401)));
    assert!(matches!(judge(&keystone, &token).await, Verdict::Unreachable { .. }));
    assert_eq!(fake.logins(), 3, "once, and not again and again");
    assert_eq!(keystone.health().state, IdentityState::Denied);
    fake.behaves();
    facts(&keystone, &token).await;
    assert_eq!(keystone.health().state, IdentityState::Reachable);
}

/// Keystone says so of a token whose owner has no role left; without a second look each such token would make us log in.
#[tokio::test]
async fn a_401_that_is_not_about_us_refuses_the_token_and_renews_nothing() {
    let fake = Fake::start().await;
    let keystone = open(&config(&[&fake]));
    let token = fernet("roleless");
    let own = token.clone();
    fake.twist(move |request| (request.subject() == own).then(|| refusal(401)));
    assert_eq!(judge(&keystone, &token).await, Verdict::Refused);
    assert_eq!(fake.logins(), 1);
}

/// Servers close connections that nobody uses, and may do so while the next question is on its way.
#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_failure() {
    let fake = Fake::start().await;
    let keystone = open(&forgetful(&[&fake], Duration::ZERO));
    let token = fernet("good");
    fake.knows(&token);
    facts(&keystone, &token).await;
    let broken = std::sync::atomic::AtomicBool::new(false);
    fake.twist(move |_| (!broken.swap(true, std::sync::atomic::Ordering::Relaxed)).then_some(Does::Closes));
    facts(&keystone, &token).await;
    assert_eq!(keystone.health().failures, 0);
}

#[tokio::test]
async fn our_own_token_is_renewed_before_it_ends() {
    let fake = Fake::start().await;
    let keystone = open(&forgetful(&[&fake], Duration::ZERO));
    let token = fernet("good");
    fake.knows(&token);
    // It lives no longer than the margin: each question needs a new one.
    fake.twist(|request| {
        let mut short = body();
        short["token"]["expires_at"] = "2026-01-01T00:00:01.000000Z".into();
        let headers = vec![("X-Subject-Token", "own-0".to_owned())];
        (request.method == "POST").then(|| Does::Answers(201, headers, short.to_string()))
    });
    facts(&keystone, &token).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    facts(&keystone, &token).await;
    assert_eq!(fake.logins(), 2);
}

#[tokio::test]
async fn a_credential_that_keystone_refuses_is_not_tried_again_and_again() {
    let fake = Fake::start().await;
    let keystone = open(&config(&[&fake]));
    fake.twist(|request| (request.method == "POST").then(|| refusal(401)));
    for number in 0..5 {
        let verdict = judge(&keystone, &fernet(&format!("t{number}"))).await;
        assert_eq!(verdict, Verdict::Unreachable { retry_after: 1 });
    }
    assert_eq!((fake.logins(), fake.questions()), (1, 0));
    let health = keystone.health();
    assert_eq!(health.state, IdentityState::Denied);
    assert!(!format!("{health:?}").contains("s3cret"));
}

#[tokio::test]
async fn an_account_that_may_not_ask_is_said_and_refuses_nobody() {
    let fake = Fake::start().await;
    let keystone = open(&config(&[&fake]));
    fake.twist(|request| (request.method == "GET").then(|| refusal(403)));
    assert!(matches!(judge(&keystone, &fernet("good")).await, Verdict::Unreachable { .. }));
    let health = keystone.health();
    assert_eq!(health.state, IdentityState::Denied);
    assert!(health.reason.unwrap().contains("role service"));
}

#[tokio::test]
async fn the_next_endpoint_is_asked_and_the_one_that_failed_rests() {
    let fake = Fake::start().await;
    let mut config = config(&[&fake]);
    config.endpoints.insert(0, nowhere());
    let keystone = open(&config);
    for name in ["one", "other"] {
        fake.knows(&fernet(name));
        facts(&keystone, &fernet(name)).await;
    }
    let health = keystone.health();
    assert!(health.failures <= 1, "{health:?}");
    assert_eq!(health.state, IdentityState::Reachable);
}

#[tokio::test]
async fn while_keystone_is_away_only_the_grace_counts_and_only_for_who_was_known() {
    for (grace, expected) in [(Duration::ZERO, false), (LONG, true)] {
        let fake = Fake::start().await;
        let keystone = open(&forgetful(&[&fake], grace));
        let (known, unknown) = (fernet("known"), fernet("unknown"));
        fake.knows(&known);
        fake.knows(&unknown);
        facts(&keystone, &known).await;
        fake.twist(|_| Some(Does::Closes));
        match judge(&keystone, &known).await {
            Verdict::Known { facts, unsure: Some(_) } => assert!(expected && facts.user.id == "u1"),
            Verdict::Unreachable { retry_after } => assert!(!expected && retry_after >= 1),
            other => panic!("{other:?}"),
        }
        assert!(matches!(judge(&keystone, &unknown).await, Verdict::Unreachable { .. }));
        let asked = fake.questions();
        for _ in 0..100 {
            judge(&keystone, &known).await;
        }
        assert!(fake.questions() <= asked + 2, "who is away is left alone for a while");
        assert_eq!(keystone.health().state, IdentityState::Unreachable);
        fake.behaves();
        let began = Instant::now();
        while !matches!(judge(&keystone, &known).await, Verdict::Known { unsure: None, .. }) {
            assert!(began.elapsed() < Duration::from_secs(10), "it comes back by itself");
            tokio::task::yield_now().await;
        }
        assert_eq!(keystone.health().state, IdentityState::Reachable);
    }
}

#[tokio::test]
async fn nobody_is_known_past_the_end_of_the_token_also_in_the_grace() {
    let fake = Fake::start().await;
    let keystone =
        open(&Config { times: Times { valid: LONG, refused: LONG, grace: LONG }, ..config(&[&fake]) });
    let token = fernet("good");
    fake.knows(&token);
    let ends = facts(&keystone, &token).await.expires_at;
    let at = async |now| keystone.judge(&token, "192.0.2.1", now).await;
    assert!(matches!(at(ends - 1).await, Verdict::Known { unsure: None, .. }));
    assert_eq!(at(ends).await, Verdict::Refused);
    assert_eq!(fake.asked(&token), 1);
}

#[tokio::test]
async fn a_token_that_has_ended_by_our_clock_is_refused_whatever_keystone_says() {
    let fake = Fake::start().await;
    let keystone = open(&config(&[&fake]));
    fake.knows(&fernet("good"));
    let verdict = keystone.judge(&fernet("good"), "192.0.2.1", NOW + 10_000).await;
    assert_eq!(verdict, Verdict::Refused);
}

#[tokio::test]
async fn the_catalogue_says_where_tokens_are_validated() {
    let (login, validation) = (Fake::start().await, Fake::start().await);
    let catalogue = Some(Catalogue { interface: "internal".to_owned(), region: Some("R1".to_owned()) });
    login.catalogue(json!([{"type": "identity", "endpoints": [
        {"interface": "public", "region": "R1", "url": nowhere().as_str()},
        {"interface": "internal", "region": "R2", "url": nowhere().as_str()},
        {"interface": "internal", "region": "R1", "url": "http://192.0.2.9/v3"},
        {"interface": "internal", "region": "R1", "url": validation.url().as_str()}]}]));
    validation.knows(&fernet("good"));
    validation.twist(|request| {
        let headers = vec![("X-Subject-Token", request.subject().to_owned())];
        (request.header("x-auth-token") == "own-1").then(|| Does::Answers(200, headers, body().to_string()))
    });
    let keystone = open(&Config { catalogue, ..config(&[&login]) });
    facts(&keystone, &fernet("good")).await;
    assert_eq!(login.seen()[0].path, "/v3/auth/tokens");
    assert_eq!((login.questions(), validation.questions(), validation.logins()), (0, 1, 0));
}
