//! Tokens that must be refused, files that must be private, peers that must be known.

use super::change::{RecoverError, recover_admin};
use super::file::FileError;
use super::peer::{OwnUser, Peer, PeerPolicy};
use super::store::{OpenError, Store, UserError};
use aws_lc_rs::hmac;
use gatherd_api_types::Role;
use serde_json::{Value, json};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const NOW: u64 = 1_800_000_000;

struct Bench {
    directory: TempDir,
    store: Store,
    key: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let store = Store::open_cheaply(directory.path());
        let key = std::fs::read(directory.path().join("token.key")).unwrap();
        Self { directory, store, key }
    }

    fn good(&self) -> String {
        self.store.token_of("admin", NOW)
    }

    /// Header and claims of a good token.
    fn parts(&self) -> (Value, Value) {
        let token = self.good();
        let part = |index: usize| {
            let text = token.split('.').nth(index).unwrap();
            serde_json::from_slice(&decode(text)).unwrap()
        };
        (part(0), part(1))
    }

    /// A token with these texts, properly signed with the daemon's own key.
    fn signed(&self, header: &str, claims: &str) -> String {
        let body = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key);
        format!("{body}.{}", encode(hmac::sign(&key, body.as_bytes()).as_ref()))
    }

    /// A good token but for some members; `null` removes one.
    fn with(&self, header_changes: &Value, claim_changes: &Value) -> String {
        let (mut header, mut claims) = self.parts();
        merge(&mut header, header_changes);
        merge(&mut claims, claim_changes);
        self.signed(&header.to_string(), &claims.to_string())
    }

    fn accepts(&self, token: &str) -> bool {
        self.store.verify(token, NOW).is_some()
    }
}

fn merge(object: &mut Value, changes: &Value) {
    let object = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(object.remove(name)),
            value => drop(object.insert(name.clone(), value.clone())),
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 for URLs, without padding.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * place)) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

fn decode(text: &str) -> Vec<u8> {
    let digit = |byte: u8| u32::try_from(ALPHABET.iter().position(|it| *it == byte).unwrap()).unwrap();
    let mut bytes = Vec::new();
    for chunk in text.as_bytes().chunks(4) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 6 | digit(*byte)) << (6 * (4 - chunk.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..chunk.len()]);
    }
    bytes
}

#[test]
fn a_token_that_was_taken_apart_and_put_together_again_is_good() {
    let bench = Bench::new();
    assert!(bench.accepts(&bench.good()));
    let (header, claims) = bench.parts();
    assert_eq!(header["alg"], "HS256");
    let first = bench.good().split('.').next().unwrap().to_owned();
    let header_text = String::from_utf8(decode(&first)).unwrap();
    assert!(bench.accepts(&bench.signed(&header_text, &claims.to_string())));
}

#[test]
fn claims_that_are_missing_wrong_or_of_another_type_are_refused() {
    let bench = Bench::new();
    let (header, claims) = bench.parts();
    let header = header_text(&bench, &header);
    let refused = |changes: Value| {
        let mut claims = claims.clone();
        merge(&mut claims, &changes);
        let token = bench.signed(&header, &claims.to_string());
        assert!(!bench.accepts(&token), "{changes}");
    };
    for name in ["exp", "nbf", "iat", "iss", "aud", "sub", "role", "epoch", "jti"] {
        refused(json!({ name: null }));
        refused(json!({ name: [] }));
        refused(json!({ name: 1.5 }));
        refused(json!({ name: -1 }));
    }
    for name in ["exp", "nbf", "iat"] {
        refused(json!({ name: NOW.to_string() }));
        refused(json!({ name: u64::MAX }));
    }
    refused(json!({"exp": NOW}));
    refused(json!({"exp": NOW - 1}));
    refused(json!({"exp": NOW + 1_000_000}));
    refused(json!({"nbf": NOW + 1}));
    refused(json!({"iat": NOW + 1}));
    refused(json!({"iat": NOW + 1_000_000, "exp": NOW + 1_000_001}));
    refused(json!({"aud": 5}));
    refused(json!({"aud": "gatherd"}));
    refused(json!({"aud": ["other"]}));
    refused(json!({"iss": "keystone"}));
    refused(json!({"sub": "nobody"}));
    refused(json!({"sub": "Admin"}));
    refused(json!({"role": "owner"}));
    refused(json!({"epoch": "0000000000000000"}));
    refused(json!({"extra": 1}));
}

/// The header exactly as the daemon writes it.
fn header_text(bench: &Bench, header: &Value) -> String {
    let first = bench.good().split('.').next().unwrap().to_owned();
    let text = String::from_utf8(decode(&first)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *header);
    text
}

#[test]
fn a_claim_that_is_null_or_given_twice_is_refused() {
    let bench = Bench::new();
    let (header, claims) = bench.parts();
    let header = header_text(&bench, &header);
    let claims = claims.to_string();
    let null = claims.replace(&format!("\"exp\":{}", NOW + 3_600), "\"exp\":null");
    assert_ne!(null, claims);
    assert!(!bench.accepts(&bench.signed(&header, &null)));
    let twice = claims.replace("\"exp\":", &format!("\"exp\":{},\"exp\":", NOW + 10));
    assert!(!bench.accepts(&bench.signed(&header, &twice)));
}

#[test]
fn another_header_than_ours_is_refused_even_when_signed_with_our_key() {
    let bench = Bench::new();
    for changes in [
        json!({"alg": "none"}),
        json!({"alg": "nOnE"}),
        json!({"alg": "HS384"}),
        json!({"alg": "ES256"}),
        json!({"alg": "ES384"}),
        json!({"alg": null}),
        json!({"typ": "JWT"}),
        json!({"typ": null}),
        json!({"kid": "../../etc/passwd"}),
        json!({"kid": "local-2"}),
        json!({"kid": null}),
        json!({"jwk": {"kty": "oct", "k": "AAAA"}}),
        json!({"jku": "https://attacker.example/keys"}),
        json!({"x5u": "https://attacker.example/cert"}),
        json!({"crit": ["b64"]}),
        json!({"crit": ["exp"], "exp": 1}),
    ] {
        assert!(!bench.accepts(&bench.with(&changes, &json!({}))), "{changes}");
    }
}

#[test]
fn what_is_not_three_parts_with_our_signature_is_refused() {
    let bench = Bench::new();
    let good = bench.good();
    let (body, signature) = good.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let zeros = encode(&[0; 64]);
    let brackets = "[".repeat(200_000);
    let (header, _) = bench.parts();
    let ours = encode(header_text(&bench, &header).as_bytes());
    let claims = |text: &str| bench.signed(&header_text(&bench, &header), text);
    let refused = [
        String::new(),
        "garbage".to_owned(),
        "..".to_owned(),
        body.to_owned(),
        format!("{body}."),
        format!("{body}.{zeros}"),
        format!("{body}.{flipped}{}", &signature[1..]),
        format!("{body}.{signature}{signature}"),
        format!("{good}.{signature}"),
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{ours}.{signature}"),
        brackets.clone(),
        format!("{ours}.{}.{signature}", encode(brackets.as_bytes())),
        claims(&brackets),
        claims(&"[".repeat(5_000)),
        claims(&format!("{{\"x\":\"{}\"}}", "x".repeat(1_000_000))),
        claims("null"),
        claims(""),
        claims("\u{0}"),
    ];
    for token in refused {
        assert!(!bench.accepts(&token), "{token:.60}");
    }
}

#[test]
fn whatever_is_said_twice_is_refused_whichever_of_them_is_good() {
    let bench = Bench::new();
    let (header, claims) = bench.parts();
    let header = header_text(&bench, &header);
    let text = claims.to_string();
    for (name, value) in claims.as_object().unwrap() {
        // Before and after the good one, with the same value, another one, and the name in another spelling.
        let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
        for spelling in [name.as_str(), &escaped] {
            for again in [value, &json!(1), &Value::Null] {
                let first = format!("{{\"{spelling}\":{again},{}", &text[1..]);
                let last = format!("{},\"{spelling}\":{again}}}", &text[..text.len() - 1]);
                assert!(!bench.accepts(&bench.signed(&header, &first)), "{first}");
                assert!(!bench.accepts(&bench.signed(&header, &last)), "{last}");
            }
        }
    }
    let twice = format!("{{\"alg\":\"none\",{}", &header[1..]);
    assert!(!bench.accepts(&bench.signed(&twice, &text)));
}

#[test]
fn times_that_are_no_whole_numbers_are_refused() {
    let bench = Bench::new();
    let (header, claims) = bench.parts();
    let header = header_text(&bench, &header);
    let good = claims["exp"].as_u64().unwrap();
    let refused = |changes: Value| {
        let mut claims = claims.clone();
        merge(&mut claims, &changes);
        assert!(!bench.accepts(&bench.signed(&header, &claims.to_string())), "{changes}");
    };
    for (name, value) in [("exp", good), ("nbf", NOW), ("iat", NOW)] {
        for wrong in [
            json!(f64::from(u32::try_from(value).unwrap())),
            json!(value.to_string()),
            json!(true),
            json!([value]),
            json!({"seconds": value}),
            json!(i64::MIN),
            json!(1e300),
        ] {
            refused(json!({ name: wrong }));
        }
    }
    // As written, since a value of JSON would be normalised.
    for written in ["18446744073709551616", "1e400", "NaN", "0x7fffffff", "+1900000000", "01900000000"] {
        let text = claims.to_string().replace(&format!("\"exp\":{good}"), &format!("\"exp\":{written}"));
        assert!(!bench.accepts(&bench.signed(&header, &text)), "{written}");
    }
}

#[test]
fn a_token_signed_with_another_key_is_refused_also_when_it_brings_that_key() {
    let bench = Bench::new();
    let (header, claims) = bench.parts();
    let signed_by = |key: &[u8], header: &str| {
        let body = format!("{}.{}", encode(header.as_bytes()), encode(claims.to_string().as_bytes()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        format!("{body}.{}", encode(hmac::sign(&key, body.as_bytes()).as_ref()))
    };
    let ours = header_text(&bench, &header);
    assert!(bench.accepts(&signed_by(&bench.key, &ours)));
    // The public half of a key that Keystone signs with is known to everybody.
    let public =
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n";
    for key in [&b"attacker"[..], b"", public.as_bytes(), &[0; 32]] {
        assert!(!bench.accepts(&signed_by(key, &ours)));
        let mut brought = header.clone();
        brought["jwk"] = json!({"kty": "oct", "k": encode(key)});
        assert!(!bench.accepts(&signed_by(key, &brought.to_string())));
    }
}

#[test]
fn a_token_in_another_spelling_is_refused() {
    let bench = Bench::new();
    let good = bench.good();
    let parts: Vec<&str> = good.split('.').collect();
    // HMAC-SHA-256 has 32 bytes, so that the last character carries two bits that mean nothing.
    let last = ALPHABET.iter().position(|it| *it == good.as_bytes()[good.len() - 1]).unwrap();
    let mut respelled: Vec<String> = (1..4)
        .map(|bits| format!("{}{}", &good[..good.len() - 1], char::from(ALPHABET[last ^ bits])))
        .collect();
    for index in 0..3 {
        for (before, after) in
            [("", "="), ("", "=="), (" ", ""), ("", " "), ("", "\n"), ("\t", ""), ("", "\0"), ("", "%3D")]
        {
            let mut changed: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            changed[index] = format!("{before}{}{after}", changed[index]);
            respelled.push(changed.join("."));
        }
    }
    respelled.push(good.replace('.', ".."));
    respelled.push(good.to_uppercase());
    respelled.push(format!("Bearer {good}"));
    respelled.push(format!("{good}.{}", parts[1..].join(".")));
    respelled.push(good.replace('-', "+").replace('_', "/") + "=");
    for token in respelled {
        assert!(!bench.accepts(&token), "{token:?}");
    }
}

#[test]
fn a_header_that_says_the_same_in_other_bytes_is_refused() {
    let bench = Bench::new();
    let (header, claims) = bench.parts();
    let text = header_text(&bench, &header);
    for other in [
        format!(" {text}"),
        format!("{text} "),
        text.replace(':', ": "),
        text.replace("HS256", "hs256"),
        text.replace("HS256", "\\u0048S256"),
        format!("{},\"cty\":\"JWT\"}}", &text[..text.len() - 1]),
        format!("{},\"b64\":false}}", &text[..text.len() - 1]),
    ] {
        assert_ne!(other, text);
        assert!(!bench.accepts(&bench.signed(&other, &claims.to_string())), "{other}");
    }
}

#[test]
fn what_is_too_much_is_refused_before_it_is_read() {
    let bench = Bench::new();
    let (header, claims) = bench.parts();
    let header = header_text(&bench, &header);
    let nested = |times: usize| format!("{}1{}", "[".repeat(times), "]".repeat(times));
    let mut deep = claims.clone();
    deep["extra"] = Value::Null;
    let begun = std::time::Instant::now();
    for text in [
        claims.to_string().replace("\"admin\"", &nested(200_000)),
        deep.to_string().replace("null", &nested(200_000)),
        deep.to_string().replace("null", &format!("\"{}\"", "x".repeat(1_000_000))),
        format!("{claims}{}", " ".repeat(1_000_000)),
        // Below the longest token, so that it is read indeed.
        deep.to_string().replace("null", &nested(2_000)),
        claims.to_string().replace("\"admin\"", &nested(2_000)),
    ] {
        assert!(!bench.accepts(&bench.signed(&header, &text)), "{text:.80}");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_user_that_is_gone_and_a_token_that_is_revoked_count_no_more() {
    let bench = Bench::new();
    let (gone, revoked) = (bench.good(), bench.good());
    bench.store.revoke(&revoked, NOW).unwrap();
    assert!(bench.accepts(&gone) && !bench.accepts(&revoked));
    let path = bench.directory.path().join("credentials.json");
    std::fs::write(&path, r#"{"users": {}}"#).unwrap();
    let without = Store::open_cheaply(bench.directory.path());
    assert!(without.verify(&gone, NOW).is_none());
}

#[test]
fn a_token_of_keystone_s_kind_is_refused_whatever_key_signed_it() {
    let bench = Bench::new();
    let claims = json!({"sub": "admin", "iat": NOW, "exp": NOW + 60, "openstack_methods": ["password"],
        "openstack_audit_ids": ["x"], "openstack_project_id": "p"});
    assert!(!bench.accepts(&bench.signed(r#"{"alg":"ES256","typ":"JWT"}"#, &claims.to_string())));
    let (header, _) = bench.parts();
    assert!(!bench.accepts(&bench.signed(&header_text(&bench, &header), &claims.to_string())));
}

#[test]
fn a_token_is_valid_from_its_first_to_just_before_its_last_second() {
    let bench = Bench::new();
    let token = bench.good();
    assert!(bench.store.verify(&token, NOW - 1).is_none());
    assert!(bench.store.verify(&token, NOW).is_some());
    assert!(bench.store.verify(&token, NOW + 3_599).is_some());
    assert!(bench.store.verify(&token, NOW + 3_600).is_none());
}

#[test]
fn a_token_of_another_daemon_or_of_an_earlier_key_is_refused() {
    let bench = Bench::new();
    let other = Bench::new();
    assert!(!bench.accepts(&other.good()));
    let token = bench.good();
    std::fs::remove_file(bench.directory.path().join("token.key")).unwrap();
    let rotated = Store::open_cheaply(bench.directory.path());
    assert!(rotated.verify(&token, NOW).is_none());
}

#[test]
fn a_new_password_or_role_ends_earlier_tokens_and_decides_later_ones() {
    let bench = Bench::new();
    let token = bench.good();
    bench.store.put_user("ann", Role::Admin, "another horse").unwrap();
    bench.store.put_user("admin", Role::Reader, "another horse").unwrap();
    assert!(!bench.accepts(&token));
    assert_eq!(bench.store.verify(&bench.good(), NOW).unwrap().role, Role::Reader);
}

#[test]
fn the_first_start_makes_one_admin_in_private_files() {
    let bench = Bench::new();
    let path = bench.store.fresh_credential().unwrap();
    let told: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(told["user"], "admin");
    assert_eq!(told["password"].as_str().unwrap().len(), 40);
    for name in ["admin.credential", "credentials.json", "token.key"] {
        let mode = bench.directory.path().join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let stored = std::fs::read_to_string(bench.directory.path().join("credentials.json")).unwrap();
    assert!(stored.contains("$argon2id$v=19$"), "{stored}");
    assert!(!stored.contains(told["password"].as_str().unwrap()));
}

#[tokio::test]
async fn the_told_password_works_also_after_a_restart_without_the_told_file() {
    let bench = Bench::new();
    let path = bench.store.fresh_credential().unwrap();
    let told: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let restarted = Store::open_cheaply(bench.directory.path());
    assert_eq!(restarted.fresh_credential(), None);
    assert!(!path.exists());
    let issued = restarted.login("p", ("admin", told["password"].as_str().unwrap()), NOW).await.unwrap();
    assert_eq!(issued.facts.role, Role::Admin);
}

#[test]
fn a_start_that_died_before_its_end_is_begun_anew() {
    let bench = Bench::new();
    std::fs::remove_file(bench.directory.path().join("credentials.json")).unwrap();
    let first = std::fs::read(bench.directory.path().join("admin.credential")).unwrap();
    let again = Store::open_cheaply(bench.directory.path());
    assert_ne!(std::fs::read(again.fresh_credential().unwrap()).unwrap(), first);
}

fn reopen(directory: &Path) -> FileError {
    let OpenError { source, .. } = Store::open(directory).unwrap_err();
    source
}

#[test]
fn files_that_others_may_use_or_that_are_damaged_are_refused_by_name() {
    for name in ["token.key", "credentials.json"] {
        let bench = Bench::new();
        let path = bench.directory.path().join(name);
        for mode in [0o640, 0o604, 0o660, 0o700] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = reopen(bench.directory.path());
            assert!(
                matches!(&error, FileError::Mode { path: it, found, .. } if *it == path && *found == mode)
            );
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "damaged").unwrap();
        assert!(matches!(reopen(bench.directory.path()), FileError::Damaged { path: it, .. } if it == path));
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(matches!(reopen(bench.directory.path()), FileError::Read { path: it, .. } if it == path));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(reopen(bench.directory.path()), FileError::Kind { path: it, .. } if it == path));
    }
}

#[test]
fn a_directory_that_others_may_write_is_refused() {
    let bench = Bench::new();
    std::fs::set_permissions(bench.directory.path(), Permissions::from_mode(0o770)).unwrap();
    assert!(matches!(reopen(bench.directory.path()), FileError::Mode { found: 0o770, allowed: 0o755, .. }));
}

#[test]
fn users_need_a_name_and_a_password_worth_the_word() {
    let store = Bench::new().store;
    let put = |name: &str, password: &str| store.put_user(name, Role::Reader, password);
    assert!(matches!(put("", "correct horse"), Err(UserError::Name)));
    for name in ["a b", "a:b", "a/b", ".", "..", "a\0", "\u{e9}", &"a".repeat(65)] {
        assert!(matches!(put(name, "correct horse"), Err(UserError::Name)), "{name:?}");
    }
    assert!(matches!(put("a", "short"), Err(UserError::Password)));
    assert!(matches!(put("a", &"x".repeat(1_025)), Err(UserError::Password)));
}

#[test]
fn a_change_that_cannot_be_stored_is_not_made() {
    let bench = Bench::new();
    let token = bench.good();
    let path = bench.directory.path().join("credentials.json.new");
    std::fs::create_dir(&path).unwrap(); // In the way of the temporary file.
    assert!(matches!(bench.store.put_user("ann", Role::Reader, "another horse"), Err(UserError::Store(_))));
    assert!(matches!(bench.store.put_user("admin", Role::Admin, "another horse"), Err(UserError::Store(_))));
    assert!(bench.accepts(&token));
    std::fs::create_dir(bench.directory.path().join("revoked.json.new")).unwrap();
    assert!(bench.store.revoke(&token, NOW).is_err());
    assert!(bench.accepts(&token));
}

#[tokio::test]
async fn the_kernel_s_word_decides_about_peers() {
    let policy = |group: &str, is_trusted: bool| {
        let own_user = if is_trusted { OwnUser::trusted() } else { OwnUser::default() };
        PeerPolicy { admin_group: group.to_owned(), own_user }
    };
    let own = rustix::process::geteuid().as_raw();
    let stranger = 4_000_000_000;
    let root = Peer::new(0, 0).identify(&policy("none", false)).await;
    assert_eq!(root, Some(("root".to_owned(), Role::Admin)));
    assert_eq!(Peer::new(stranger, stranger).identify(&policy("root", true)).await, None);
    let member = Peer::new(stranger, 0).identify(&policy("root", false)).await;
    assert_eq!(member, Some((stranger.to_string(), Role::Admin)));
    assert!(Peer::new(own, stranger).identify(&policy("none", true)).await.is_some());
    let ended = policy("none", true);
    let peer = Peer::new(own, stranger);
    assert!(peer.identify(&ended).await.is_some());
    assert!(ended.own_user.clone().distrust() && !ended.own_user.distrust());
    if own != 0 {
        assert_eq!(Peer::new(own, stranger).identify(&policy("none", false)).await, None);
        assert_eq!(peer.identify(&ended).await, None, "an open connection ends to be trusted, too");
    }
}

#[tokio::test]
async fn a_lost_admin_is_recovered_and_its_earlier_tokens_end() {
    let bench = Bench::new();
    let token = bench.good();
    bench.store.put_user("ann", Role::Admin, "another horse").unwrap();
    bench.store.put_user("admin", Role::Reader, "forgotten horse").unwrap();
    assert!(!bench.directory.path().join("admin.credential").exists(), "it opened nothing any more");
    let path = recover_admin(bench.directory.path()).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let told: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let restarted = Store::open_cheaply(bench.directory.path());
    let issued = restarted.login("p", ("admin", told["password"].as_str().unwrap()), NOW).await.unwrap();
    assert_eq!(issued.facts.role, Role::Admin);
    assert!(restarted.verify(&token, NOW).is_none());
    assert_eq!(restarted.known_user("ann").unwrap().role, Role::Admin, "others stay as they are");
}

#[test]
fn nobody_is_recovered_where_nobody_was() {
    let directory = TempDir::new().unwrap();
    assert!(matches!(recover_admin(directory.path()), Err(RecoverError::Nobody { .. })));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is made");
    let bench = Bench::new();
    let stored = bench.directory.path().join("credentials.json");
    std::fs::write(&stored, "damaged").unwrap();
    let error = recover_admin(bench.directory.path()).unwrap_err();
    assert!(matches!(error, RecoverError::File(FileError::Damaged { path, .. }) if path == stored));
}

#[tokio::test]
async fn where_passwords_do_not_count_nor_do_the_tokens_made_for_them() {
    let bench = Bench::new();
    let token = bench.good();
    bench.store.take_passwords(false);
    assert!(!bench.accepts(&token));
    let refused = bench.store.login("p", ("admin", "correct horse"), NOW).await;
    assert!(matches!(refused, Err(super::login::LoginError::Off)));
    bench.store.take_passwords(true);
    assert!(bench.accepts(&token));
}
