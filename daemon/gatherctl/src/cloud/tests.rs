//! What variables and files come to, without a network.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// The cloud that these variables name.
fn cloud(variables: &[(&str, &str)], option: Option<&str>) -> Option<Cloud> {
    let known: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let variable = |name: &str| known.get(name).map(OsString::from);
    let surroundings = Surroundings { variable: &variable, is_root: false, is_writable: &|_: &Path| false };
    Cloud::find(option, &surroundings)
}

fn account(variables: &[(&str, &str)]) -> Result<Account, CloudError> {
    cloud(variables, None).unwrap().account()
}

/// What Keystone is sent.
fn sent(variables: &[(&str, &str)]) -> Value {
    account(variables).unwrap().request().unwrap()["auth"].clone()
}

const USER: [(&str, &str); 3] =
    [("OS_AUTH_URL", "http://k:5000"), ("OS_USERNAME", "ann"), ("OS_PASSWORD", "horse")];

fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    USER.iter().chain(more).copied().collect()
}

#[test]
fn nothing_is_a_cloud_that_nobody_names() {
    assert!(cloud(&[], None).is_none());
    assert!(cloud(&[("OS_USERNAME", "ann"), ("OS_AUTH_URL", "")], None).is_none());
    assert_eq!(cloud(&USER, None).unwrap().label(), "http://k:5000");
    assert_eq!(cloud(&[("OS_CLOUD", "one")], None).unwrap().label(), "one");
    assert_eq!(cloud(&[("OS_CLOUD", "one")], Some("two")).unwrap().label(), "two");
}

#[test]
fn keystone_s_address_has_its_version_whoever_leaves_it_out() {
    for (written, meant) in [
        ("http://k:5000", "http://k:5000/v3"),
        ("http://k:5000/", "http://k:5000/v3"),
        ("http://k:5000/v3", "http://k:5000/v3"),
        ("http://k:5000/v3/", "http://k:5000/v3"),
        ("http://k/v2.0", "http://k/v3"),
        ("https://k/identity", "https://k/identity/v3"),
    ] {
        let found = account(&with(&[("OS_AUTH_URL", written)])).unwrap();
        assert_eq!(found.url, meant);
    }
    for wrong in ["k:5000", "file:///k", "http://", "http://k/?v=3", "k"] {
        let found = account(&with(&[("OS_AUTH_URL", wrong)])).err();
        assert!(matches!(found, Some(CloudError::AuthUrl { .. })), "{wrong}");
    }
}

#[test]
fn scopes_are_what_keystone_takes() {
    let default = json!({"id": "default"});
    for (variables, scope) in [
        (&[][..], Value::Null),
        (&[("OS_PROJECT_ID", "p1")], json!({"project": {"id": "p1"}})),
        (&[("OS_TENANT_NAME", "ops")], json!({"project": {"name": "ops", "domain": default}})),
        (
            &[("OS_PROJECT_NAME", "ops"), ("OS_PROJECT_DOMAIN_NAME", "Ops")],
            json!({"project": {"name": "ops", "domain": {"name": "Ops"}}}),
        ),
        (
            &[("OS_PROJECT_NAME", "ops"), ("OS_DEFAULT_DOMAIN", "d9")],
            json!({"project": {"name": "ops", "domain": {"id": "d9"}}}),
        ),
        (&[("OS_DOMAIN_NAME", "Ops")], json!({"domain": {"name": "Ops"}})),
        (&[("OS_DOMAIN_ID", "d1")], json!({"domain": {"id": "d1"}})),
        (&[("OS_SYSTEM_SCOPE", "all"), ("OS_PROJECT_ID", "p1")], json!({"system": {"all": true}})),
        (&[("OS_TRUST_ID", "t1")], json!({"OS-TRUST:trust": {"id": "t1"}})),
    ] {
        assert_eq!(sent(&with(variables))["scope"], scope, "{variables:?}");
    }
}

#[test]
fn each_way_to_show_who_one_is_becomes_what_keystone_takes() {
    let identity = |more: &[(&'static str, &'static str)]| sent(&with(more))["identity"].clone();
    let user = json!({"name": "ann", "domain": {"name": "People"}, "password": "horse"});
    assert_eq!(
        identity(&[("OS_USER_DOMAIN_NAME", "People")]),
        json!({"methods": ["password"], "password": {"user": user}})
    );
    assert_eq!(
        identity(&[("OS_USER_ID", "u1")])["password"]["user"],
        json!({"id": "u1", "password": "horse"})
    );
    let secret = ("OS_APPLICATION_CREDENTIAL_SECRET", "staple");
    assert_eq!(
        identity(&[("OS_APPLICATION_CREDENTIAL_ID", "c1"), secret]),
        json!({"methods": ["application_credential"], "application_credential": {"id": "c1", "secret": "staple"}})
    );
    assert_eq!(
        identity(&[("OS_APPLICATION_CREDENTIAL_NAME", "mine"), secret])["application_credential"],
        json!({"name": "mine", "secret": "staple", "user": {"name": "ann", "domain": {"id": "default"}}})
    );
    assert_eq!(
        identity(&[("OS_AUTH_TYPE", "v3token"), ("OS_TOKEN", "t"), ("OS_PROJECT_ID", "p1")]),
        json!({"methods": ["token"], "token": {"id": "t"}})
    );
}

#[test]
fn what_is_renewed_and_what_is_asked_for() {
    let told = |more: &[(&'static str, &'static str)]| {
        let account = account(&with(more)).unwrap();
        (account.renews(), account.needs_password(), account.borrowed().map(str::to_owned))
    };
    assert_eq!(told(&[]), (true, false, None));
    assert_eq!(told(&[("OS_PASSWORD", "")]), (false, true, None));
    let token = [("OS_PASSWORD", ""), ("OS_TOKEN", "t")];
    assert_eq!(told(&token), (false, false, Some("t".to_owned())));
    assert_eq!(told(&[token[0], token[1], ("OS_PROJECT_ID", "p1")]), (false, false, None));
    let bare = account(&with(&[("OS_PASSWORD", "")])).unwrap();
    assert!(matches!(bare.request(), Err(CloudError::NoPassword)));
    let answered = bare.with_password("staple".to_owned());
    assert_eq!(answered.request().unwrap()["auth"]["identity"]["password"]["user"]["password"], "staple");
}

/// What files say of the cloud `one`, with variables beside it.
fn filed(clouds: &str, secure: &str, variables: &[(&str, &str)]) -> Result<Account, CloudError> {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("openstack");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join("clouds.yaml"), clouds).unwrap();
    if !secure.is_empty() {
        std::fs::write(home.join("secure.yml"), secure).unwrap();
    }
    let place = folder.path().to_str().unwrap();
    let all: Vec<(&str, &str)> = variables.iter().copied().chain([("XDG_CONFIG_HOME", place)]).collect();
    cloud(&all, Some("one")).unwrap().account()
}

const FILE: &str =
    "clouds:\n  one:\n    auth: {auth_url: 'http://k', username: ann, password: horse, project_name: ops}\n";

#[test]
fn what_a_file_says_counts_before_the_variables_and_scopes_are_not_mixed() {
    let request = |clouds: &str, secure: &str, variables: &[(&str, &str)]| {
        filed(clouds, secure, variables).unwrap().request().unwrap()["auth"].clone()
    };
    let plain = request(
        FILE,
        "",
        &[("OS_USERNAME", "eve"), ("OS_PROJECT_DOMAIN_ID", "d9"), ("OS_AUTH_URL", "http://x")],
    );
    assert_eq!(plain["identity"]["password"]["user"]["name"], "ann");
    assert_eq!(plain["scope"]["project"], json!({"name": "ops", "domain": {"id": "default"}}));
    let secure = "clouds: {one: {auth: {password: 0815}}, two: null}";
    assert_eq!(request(FILE, secure, &[])["identity"]["password"]["user"]["password"], "0815");
    let without = FILE.replace(", password: horse", "");
    let password = request(&without, "", &[("OS_PASSWORD", "staple")])["identity"].clone();
    assert_eq!(password["password"]["user"]["password"], "staple");
}

#[test]
fn values_that_look_like_something_else_are_the_texts_that_stand_there() {
    for text in ["0815", "1e3", "true", "0x10", "3.10"] {
        let file = FILE.replace("horse", text);
        let request = filed(&file, "", &[]).unwrap().request().unwrap();
        assert_eq!(request["auth"]["identity"]["password"]["user"]["password"], text);
    }
}

#[test]
fn files_that_can_not_be_used_are_named_without_what_stands_in_them() {
    let told = |clouds: &str| filed(clouds, "", &[]).err().unwrap().to_string();
    assert!(told("clouds: {two: {}, three: {}}").ends_with("does not have the cloud one; it has three, two"));
    assert!(told("").ends_with("does not have the cloud one; it has none"));
    assert!(
        told("clouds:\n  one:\n    auth:\n      - s3cret\n")
            .contains("clouds.yaml is no file of clouds (see line")
    );
    assert!(told("clouds: s3cret\n").contains("is no file of clouds"));
    assert!(told(": : s3cret: [").contains("is no file of clouds"));
    assert!(told("clouds: {one: {verify: false}}").starts_with("`verify: false` is not done here"));
    assert_eq!(
        told("clouds: {one: {}}"),
        "the address of Keystone is not known: set OS_AUTH_URL, or auth.auth_url in clouds.yaml"
    );
    for wrong in ["clouds:\n  one:\n    auth:\n      - s3cret\n", "clouds: s3cret\n", ": : s3cret: ["] {
        assert!(!told(wrong).contains("s3cret"));
    }
    let large = format!("{FILE}# {}\n", "x".repeat(1_100_000));
    assert!(matches!(filed(&large, "", &[]), Err(CloudError::Read { .. })));
}

#[test]
fn a_file_that_grows_when_it_is_read_is_refused() {
    // Nine levels of ten aliases each: a thousand million texts.
    let levels = (1..9).map(|level| {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("a{level}: &a{level} [{aliases}]\n")
    });
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    text.extend(levels);
    text += "clouds: {one: {auth: {auth_url: 'http://k'}}, two: *a8}\n";
    let begun = std::time::Instant::now();
    assert!(filed(&text, "", &[]).is_err());
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}

proptest! {
    #[test]
    fn whatever_a_file_holds_it_is_read_or_refused(text in "[a-z:{}\\[\\]\\-&*!|>'\"# \\n]{0,160}") {
        let _read_or_refused = filed(&text, "", &[]);
    }
}
