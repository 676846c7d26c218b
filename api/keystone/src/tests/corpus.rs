//! Tokens that must be refused, each for its own reason, wherever the signature decides.

use super::signer::{Signer, claims, encode, header};
use super::{NOW, facts, judge, open, without_keystone};
use crate::{Keystone, Secret};
use aws_lc_rs::hmac;
use gatherd_api::auth::Verdict;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Bench {
    signer: Signer,
    keystone: Keystone,
    _place: TempDir,
}

impl Bench {
    fn new() -> Self {
        let (place, signer) = (TempDir::new().unwrap(), Signer::new());
        signer.publish(place.path(), "one.pem");
        // Room for all, and one peer for each: no allowance decides here.
        let keystone = open(&without_keystone(place.path()));
        Self { signer, keystone, _place: place }
    }

    fn good(&self) -> String {
        self.signer.token(&json!({}))
    }

    async fn refuses(&self, token: &str, why: &str) {
        use gatherd_api::auth::IdentityService;
        let verdict = self.keystone.judge(token, why, NOW).await;
        assert_eq!(verdict, Verdict::Refused, "{why}: {:?}", Secret::new(token));
    }

    async fn refuses_header(&self, changes: Value) {
        let mut header = header();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(header.as_object_mut().unwrap().remove(name)),
                value => header[name] = value.clone(),
            }
        }
        let token = self.signer.sign(&header.to_string(), &claims(&json!({})).to_string());
        self.refuses(&token, &changes.to_string()).await;
    }

    async fn refuses_claims(&self, changes: Value) {
        self.refuses(&self.signer.token(&changes), &changes.to_string()).await;
    }
}

#[tokio::test]
async fn a_good_one_is_good() {
    let bench = Bench::new();
    facts(&bench.keystone, &bench.good()).await;
}

#[tokio::test]
async fn another_header_is_refused_also_when_it_is_signed_with_the_right_key() {
    let bench = Bench::new();
    for changes in [
        json!({"alg": "none"}),
        json!({"alg": "nOnE"}),
        json!({"alg": "HS256"}),
        json!({"alg": "ES384"}),
        json!({"alg": "es256"}),
        json!({"alg": null}),
        json!({"alg": ["ES256"]}),
        json!({"typ": "gatherd+jwt"}),
        json!({"typ": "jwt"}),
        json!({"typ": null}),
        json!({"kid": "../../etc/passwd"}),
        json!({"jwk": {"kty": "EC"}}),
        json!({"jku": "https://example.org/keys"}),
        json!({"x5u": "https://example.org/cert"}),
        json!({"crit": ["exp"]}),
        json!({"b64": false}),
    ] {
        bench.refuses_header(changes).await;
    }
    let plain = claims(&json!({})).to_string();
    let twice = r#"{"alg":"ES256","typ":"JWT","alg":"ES256"}"#;
    bench.refuses(&bench.signer.sign(twice, &plain), "alg twice").await;
    bench.refuses(&bench.signer.sign(r#"["ES256","JWT"]"#, &plain), "a list").await;
}

#[tokio::test]
async fn a_signature_that_is_not_that_of_a_key_is_refused() {
    let bench = Bench::new();
    let good = bench.good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, bench.signer.pem().as_bytes());
    let hmac_message =
        format!("{}.{}", encode(r#"{"alg":"HS256","typ":"JWT"}"#), encode(claims(&json!({})).to_string()));
    let hmac_signed = format!("{hmac_message}.{}", encode(hmac::sign(&hmac_key, hmac_message.as_bytes())));
    let der_key = hmac::Key::new(hmac::HMAC_SHA256, &bench.signer.public());
    let der_signed = format!("{message}.{}", encode(hmac::sign(&der_key, message.as_bytes())));
    let mut flipped = signature.to_owned().into_bytes();
    flipped[10] = if flipped[10] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let other_claims = format!(
        "{}.{}.{signature}",
        encode(header().to_string()),
        encode(claims(&json!({"sub": "u2"})).to_string())
    );
    for (token, why) in [
        (hmac_signed, "the public key as a secret"),
        (der_signed, "the public key as a secret, under our header"),
        (format!("{message}.{}", encode([0; 64])), "r = s = 0"),
        (format!("{message}."), "no signature"),
        (message.to_owned(), "two parts"),
        (format!("{good}.{signature}"), "four parts"),
        (format!("{message}.{flipped}"), "flipped"),
        (format!("{message}.{signature}{signature}"), "doubled"),
        (format!("{message}.{}", &signature[..80]), "cut"),
        (format!("{good}="), "padding"),
        (format!("{good}\n"), "a line's end"),
        (format!(" {good}"), "a space"),
        (other_claims, "another's claims"),
        (Signer::new().token(&json!({})), "a token of another Keystone"),
        (Signer::p384().token(&json!({})), "another curve"),
    ] {
        bench.refuses(&token, why).await;
    }
}

#[tokio::test]
async fn claims_that_are_missing_wrong_or_unknown_are_refused() {
    let bench = Bench::new();
    for name in ["exp", "iat"] {
        for value in [
            Value::Null,
            json!((NOW + 60).to_string()),
            json!(-1),
            json!(1.5),
            json!([]),
            json!({}),
            json!(u64::MAX),
        ] {
            if name == "exp" && value == json!(u64::MAX) {
                continue; // A long life is Keystone's matter.
            }
            bench.refuses_claims(json!({ name: value })).await;
        }
    }
    for changes in [
        json!({"exp": NOW}),
        json!({"exp": NOW - 1}),
        json!({"iat": NOW + 1}),
        json!({"iat": NOW + 1_000_000, "exp": NOW + 1_000_001}),
        json!({"nbf": NOW + 60}),
        json!({"nbf": "soon"}),
        json!({"aud": "gatherd-api"}),
        json!({"aud": 5}),
        json!({"iss": "gatherd"}),
        json!({"roles": ["admin"]}),
        json!({"openstack_roles": ["admin"]}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": "x".repeat(256)}),
        json!({"openstack_methods": null}),
        json!({"openstack_audit_ids": null}),
        json!({"openstack_audit_ids": vec!["x"; 17]}),
        json!({"openstack_project_id": 7}),
        json!({"openstack_domain_id": "d1"}),
        json!({"openstack_project_id": null, "openstack_system": "some"}),
        json!({"openstack_trust_id": "t1"}),
        json!({"openstack_app_cred_id": "a1"}),
        json!({"openstack_access_token_id": "o1"}),
        json!({"openstack_thumbprint": "c1"}),
    ] {
        bench.refuses_claims(changes).await;
    }
}

#[tokio::test]
async fn claims_that_are_odd_json_are_refused() {
    let bench = Bench::new();
    let plain = claims(&json!({})).to_string();
    let header = header().to_string();
    let null = plain.replace(&format!("\"exp\":{}", NOW + 3_500), "\"exp\":null");
    let twice = plain.replace("\"exp\":", &format!("\"exp\":{},\"exp\":", NOW + 10));
    for (claims, why) in [
        (null, "exp null"),
        (twice, "exp twice"),
        ("[".repeat(5_000), "brackets"),
        ("null".to_owned(), "null"),
        ("[]".to_owned(), "a list"),
        (String::new(), "nothing"),
    ] {
        bench.refuses(&bench.signer.sign(&header, &claims), why).await;
    }
    let nested = format!("{}.{}.{}", encode(&header), encode("[".repeat(200_000)), encode([1; 64]));
    bench.refuses(&nested, "200,000 brackets").await;
    let long = bench.signer.token(&json!({"sub": "x".repeat(1_000_000)}));
    bench.refuses(&long, "1 MB of claims").await;
}

#[tokio::test]
async fn what_is_garbage_costs_nothing_and_is_refused() {
    let bench = Bench::new();
    for token in ["", ".", "..", "...", "a.b.c", "e30.e30.e30", "gAAAAA", "Bearer x", "\u{0}", "é", "{}"] {
        assert_eq!(judge(&bench.keystone, token).await, Verdict::Refused, "{token:?}");
    }
    let fernet = super::fernet("good");
    assert_eq!(judge(&bench.keystone, &fernet).await, Verdict::Refused, "nobody can be asked about it");
}
