//! Signed tokens where Keystone is not asked, or cannot be.

use super::fake::{Does, Fake, body};
use super::signer::Signer;
use super::{LONG, NOW, config, facts, judge, open, without_keystone};
use crate::{Config, Keystone, Offline, OpenError, RepositoryError, Times};
use gatherd_api::auth::{IdentityService, Scope, Verdict, Vouched};
use gatherd_api::types::IdentityState;
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Waits until a token is judged so; the directory is looked at once a second.
async fn until(keystone: &Keystone, token: &str, is_known: bool) {
    let began = Instant::now();
    loop {
        keystone.forget(token);
        if matches!(judge(keystone, token).await, Verdict::Known { .. }) == is_known {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "known: {}", !is_known);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_signed_token_says_who_and_where_and_nothing_of_roles() {
    let (place, signer) = (TempDir::new().unwrap(), Signer::new());
    signer.publish(place.path(), "one.pem");
    let keystone = open(&without_keystone(place.path()));
    let found = facts(&keystone, &signer.token(&json!({}))).await;
    assert_eq!((found.user.id.as_str(), found.user.name.as_str(), &found.user.domain), ("u1", "u1", &None));
    assert!(
        matches!(&found.scope, Scope::Project(project) if project.id == "p1" && project.domain.is_none())
    );
    assert_eq!((found.roles.len(), found.vouched), (0, Vouched::Offline));
    assert_eq!((found.issued_at, found.expires_at), (NOW - 100, NOW + 3_500));
    assert_eq!(keystone.health().state, IdentityState::Offline);
    for (changes, scope) in [
        (json!({"openstack_project_id": null}), Scope::Unscoped),
        (json!({"openstack_project_id": null, "openstack_system": "all"}), Scope::System),
    ] {
        assert_eq!(facts(&keystone, &signer.token(&changes)).await.scope, scope);
    }
    let domain = json!({"openstack_project_id": null, "openstack_domain_id": "d1"});
    let found = facts(&keystone, &signer.token(&domain)).await;
    assert!(matches!(&found.scope, Scope::Domain(domain) if domain.id == "d1"));
}

#[tokio::test]
async fn keys_come_and_go_without_a_restart() {
    let (place, old, new) = (TempDir::new().unwrap(), Signer::new(), Signer::new());
    old.publish(place.path(), "old.pem");
    let keystone = open(&without_keystone(place.path()));
    let (by_old, by_new) = (old.token(&json!({})), new.token(&json!({})));
    assert!(matches!(judge(&keystone, &by_old).await, Verdict::Known { .. }));
    assert_eq!(judge(&keystone, &by_new).await, Verdict::Refused);
    new.publish(place.path(), "new.pem");
    until(&keystone, &by_new, true).await;
    until(&keystone, &by_old, true).await;
    assert_eq!(keystone.health().keys, 2);
    fs::remove_file(place.path().join("old.pem")).unwrap();
    until(&keystone, &by_old, false).await;
    until(&keystone, &by_new, true).await;
}

#[tokio::test]
async fn what_is_no_key_is_left_out_and_what_others_may_write_is_not_believed() {
    let (place, signer) = (TempDir::new().unwrap(), Signer::new());
    signer.publish(place.path(), "good.pem");
    fs::write(place.path().join("garbage.pem"), "garbage").unwrap();
    Signer::p384().publish(place.path(), "other-curve.pem");
    signer.publish(place.path(), "ignored.txt");
    let shared = Signer::new();
    shared.publish(place.path(), "shared.pem");
    fs::set_permissions(place.path().join("shared.pem"), Permissions::from_mode(0o666)).unwrap();
    let keystone = open(&without_keystone(place.path()));
    assert_eq!(keystone.health().keys, 1);
    assert_eq!(judge(&keystone, &shared.token(&json!({}))).await, Verdict::Refused);
    facts(&keystone, &signer.token(&json!({}))).await;
    fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
    until(&keystone, &signer.token(&json!({})), false).await;
    let refused = Keystone::open(&without_keystone(place.path()));
    assert!(matches!(refused, Err(OpenError::Repository(RepositoryError::Writable { mode: 0o777, .. }))));
    let missing = Keystone::open(&without_keystone(&place.path().join("missing")));
    assert!(matches!(missing, Err(OpenError::Repository(RepositoryError::Read { .. }))));
}

#[tokio::test]
async fn clocks_may_differ_by_the_leeway_and_no_more() {
    let (place, signer) = (TempDir::new().unwrap(), Signer::new());
    signer.publish(place.path(), "one.pem");
    for (leeway, late) in [(0, 0), (5, 5)] {
        let offline = Offline { repository: place.path().to_owned(), leeway, changes: false };
        let keystone = open(&Config { offline: Some(offline), ..without_keystone(place.path()) });
        let at = async |exp: u64| judge(&keystone, &signer.token(&json!({"exp": exp}))).await;
        assert_eq!(at(NOW - late).await, Verdict::Refused, "{leeway}");
        for _ in 0..2 {
            assert!(matches!(at(NOW - late + 1).await, Verdict::Known { .. }), "{leeway}");
        }
        let begins = async |iat: u64| judge(&keystone, &signer.token(&json!({"iat": iat}))).await;
        assert!(matches!(begins(NOW + late).await, Verdict::Known { .. }), "{leeway}");
        assert_eq!(begins(NOW + late + 1).await, Verdict::Refused, "{leeway}");
    }
}

#[tokio::test]
async fn a_signature_counts_for_reads_while_keystone_is_away_and_keystone_counts_when_it_is_there() {
    for changes in [false, true] {
        let (fake, place, signer) = (Fake::start().await, TempDir::new().unwrap(), Signer::new());
        signer.publish(place.path(), "one.pem");
        let offline = Some(Offline { repository: place.path().to_owned(), leeway: 0, changes });
        let times = Times { valid: Duration::ZERO, refused: Duration::ZERO, grace: Duration::ZERO };
        let keystone = open(&Config { times, offline, ..config(&[&fake]) });
        let token = signer.token(&json!({}));
        assert_eq!(
            judge(&keystone, &token).await,
            Verdict::Refused,
            "Keystone does not know it: it was revoked"
        );
        let mut known = body();
        known["token"]["expires_at"] = "2026-01-01T01:00:00.000000Z".into();
        let token = signer.token(&json!({"exp": 1_767_229_200}));
        fake.knows_with(&token, known);
        assert_eq!(facts(&keystone, &token).await.vouched, Vouched::Online);
        fake.twist(|_| Some(Does::Closes));
        match judge(&keystone, &token).await {
            Verdict::Known { facts, unsure } => {
                assert_eq!((facts.vouched, unsure.is_none()), (Vouched::Offline, changes));
            }
            other => panic!("{other:?}"),
        }
        let foreign = Signer::new().token(&json!({}));
        assert!(matches!(judge(&keystone, &foreign).await, Verdict::Unreachable { .. }));
    }
}

#[tokio::test]
async fn what_keystone_says_must_be_what_stands_in_the_token() {
    let fake = Fake::start().await;
    let keystone =
        open(&Config { times: Times { valid: LONG, refused: LONG, grace: LONG }, ..config(&[&fake]) });
    let signer = Signer::new();
    for (changes, is_same) in [
        (json!({"exp": 1_767_229_200}), true),
        (json!({"exp": 1_767_229_200, "sub": "u2"}), false),
        (json!({"exp": 1_767_229_300}), false),
    ] {
        let token = signer.token(&changes);
        fake.knows(&token);
        let is_known = matches!(judge(&keystone, &token).await, Verdict::Known { .. });
        assert_eq!(is_known, is_same, "{changes}");
    }
}

#[tokio::test]
async fn with_neither_keystone_nor_keys_nothing_can_be_opened() {
    let nothing = Config { endpoints: Vec::new(), credential: None, ..config(&[]) };
    assert!(matches!(Keystone::open(&nothing), Err(OpenError::Nothing)));
}
