//! Tokens of a cloud: got from its Keystone, shown to the daemon of its catalogue, renewed, taken back.

use crate::daemon::{Answer, Ctl, Daemon, Ran};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

const LOGIN: &str = "POST /v3/auth/tokens ";
const REVOKE: &str = "DELETE /v3/auth/tokens ";
const WHOAMI: &str = "GET /v1/auth/tokens ";

/// A Keystone that gives this token, with these services in its catalogue.
fn keystone(services: &Value) -> Daemon {
    let body = json!({"token": {"methods": ["password"], "user": {"id": "1", "name": "ann", "domain": {"id": "default",
        "name": "Default"}, "password_expires_at": null}, "audit_ids": ["x"], "expires_at": "9999-01-01T00:00:00.000000Z",
        "issued_at": "2026-01-01T00:00:00.000000Z", "catalog": services}});
    let granted = |request, status| Answer {
        status,
        headers: "X-Subject-Token: gAAAAs3cret\r\n",
        ..Answer::ok(request, &body)
    };
    let gone = Answer { status: "204 No Content", body: String::new(), ..Answer::ok(REVOKE, &json!({})) };
    Daemon::tcp(vec![granted(LOGIN, "201 Created"), granted("GET /v3/auth/tokens ", "200 OK"), gone])
}

fn url(daemon: &Daemon) -> &str {
    &daemon.place[1]
}

/// A daemon that knows the token.
fn agent() -> Daemon {
    let token = json!({"token": {"methods": ["password"], "user": {"id": "1", "name": "ann", "domain": {}},
        "roles": [{"id": "member", "name": "member"}, {"id": "reader", "name": "reader"}],
        "may": ["GET /v1/plugins"], "issued_at": null, "expires_at": null, "audit_ids": []}});
    Daemon::tcp(vec![
        Answer::ok(WHOAMI, &token),
        Answer::ok("GET /v1/daemon/log-level", &json!({"filter": "info"})),
        Answer::refusal("DELETE /v1/auth/tokens ", "409 Conflict", "conflict"),
    ])
}

/// The catalogue with the daemon and something else.
fn catalogue(daemon: &Daemon) -> Value {
    let endpoint = |interface: &str, region: &str, url: &str| json!({"id": "e", "interface": interface, "region": region, "region_id": region, "url": url});
    json!([
        {"type": "compute", "id": "c", "name": "nova", "endpoints": [endpoint("public", "one", "http://nova")]},
        {"type": "telemetry-agent", "id": "t", "name": "gatherd", "endpoints": [
            endpoint("public", "one", &format!("{}/v1/", url(daemon))),
            endpoint("internal", "one", "http://inner.example:8720"),
            endpoint("public", "two", "http://two.example:8720")]}
    ])
}

/// A home without anything, and what surrounds runs in it.
struct Scene {
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Scene {
    fn new(keystone: &Daemon) -> Self {
        let variables = vec![
            ("OS_AUTH_URL", url(keystone).to_owned()),
            ("OS_USERNAME", "ann".to_owned()),
            ("OS_PASSWORD", "horse".to_owned()),
            ("OS_PROJECT_NAME", "ops".to_owned()),
            ("OS_REGION_NAME", "one".to_owned()),
        ];
        Self { home: tempfile::tempdir().unwrap(), variables }
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    fn run(&self, line: &str) -> Ran {
        self.run_with(line, "")
    }

    fn run_with(&self, line: &str, input: &str) -> Ran {
        let home = self.home.path().to_str().unwrap();
        let set = self.variables.iter().filter(|(_, value)| !value.is_empty());
        let mut variables: Vec<(&str, &str)> = set.map(|(name, value)| (*name, value.as_str())).collect();
        variables.push(("HOME", home));
        Ctl { variables, input }.run(line)
    }

    fn kept(&self) -> PathBuf {
        self.home.path().join(".local/state/gatherd/ctl-token")
    }

    /// Lets every kept token have ended.
    fn end(&self) {
        let text = fs::read_to_string(self.kept()).unwrap();
        fs::write(self.kept(), text.replace("9999-", "2000-")).unwrap();
    }
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn logins(keystone: &Daemon) -> usize {
    keystone.asked().iter().filter(|request| request.starts_with(LOGIN)).count()
}

#[test]
fn a_token_comes_from_keystone_and_the_daemon_from_its_catalogue() {
    let agent = agent();
    let keystone = keystone(&catalogue(&agent));
    let scene = Scene::new(&keystone);
    let ran = scene.run("login");
    let expected = format!("logged in to {} as ann (member)\n", url(&agent));
    assert_eq!((ran.code, ran.out, ran.err.as_str()), (0, expected, ""));
    let domain = json!({"id": "default"});
    assert_eq!(
        body(&keystone.asked()[0]),
        json!({"auth": {
            "identity": {"methods": ["password"],
                "password": {"user": {"name": "ann", "domain": domain, "password": "horse"}}},
            "scope": {"project": {"name": "ops", "domain": domain}}}})
    );
    assert_eq!(fs::metadata(scene.kept()).unwrap().mode() & 0o777, 0o600);
    assert!(agent.asked()[0].contains("x-auth-token: gAAAAs3cret\r\n"));

    // Later commands find the same daemon by the same cloud.
    let ran = scene.run("log-level");
    assert_eq!((ran.code, ran.out.as_str()), (0, "info\n"), "{}", ran.err);
    assert!(agent.asked()[1].contains("x-auth-token: gAAAAs3cret\r\n"));
    assert_eq!(logins(&keystone), 1, "the token is kept");
    let ran = scene.run("whoami");
    assert!(ran.out.contains("ann") && ran.out.contains("member, reader"), "{}", ran.out);

    let ran = scene.run("logout");
    assert_eq!((ran.code, ran.err), (0, format!("logged out of {}\n", url(&agent))));
    let revoked = keystone.asked().pop().unwrap();
    assert!(revoked.starts_with(REVOKE) && revoked.contains("x-subject-token: gAAAAs3cret\r\n"), "{revoked}");
    assert_eq!(fs::read_to_string(scene.kept()).unwrap(), "{}");
}

#[test]
fn a_token_that_ended_is_renewed_while_the_cloud_is_named_and_otherwise_said_to_have_ended() {
    let agent = agent();
    let keystone = keystone(&catalogue(&agent));
    let scene = Scene::new(&keystone);
    assert_eq!(scene.run("login").code, 0);
    scene.end();
    let ran = scene.run("log-level");
    assert_eq!((ran.code, ran.err.as_str(), logins(&keystone)), (0, "", 2));
    assert!(agent.asked().pop().unwrap().contains("x-auth-token: gAAAAs3cret\r\n"));

    scene.end();
    let bare = Scene { home: scene.home, variables: Vec::new() };
    let ran = bare.run(&format!("log-level --url {}", url(&agent)));
    let expected = "the login of ann ended at 2000-01-01T00:00:00Z: run `gatherctl login`\n";
    assert_eq!((ran.code, ran.err.as_str()), (0, expected));
    assert!(!agent.asked().pop().unwrap().contains("x-auth-token"), "an ended token is not shown");
}

#[test]
fn a_renewal_that_keystone_refuses_is_said_with_its_reason() {
    let agent = agent();
    let good = keystone(&catalogue(&agent));
    let scene = Scene::new(&good);
    assert_eq!(scene.run("login").code, 0);
    scene.end();
    let scene = scene.set("OS_PASSWORD", "");
    let ran = scene.run("log-level");
    assert!(ran.err.starts_with("the login of ann ended at 2000-01-01T00:00:00Z: run"), "{}", ran.err);
}

#[test]
fn a_cloud_of_the_files_is_taken_with_its_secrets_and_the_wished_endpoint() {
    let agent = agent();
    let keystone = keystone(&catalogue(&agent));
    let scene = Scene { home: tempfile::tempdir().unwrap(), variables: Vec::new() };
    let folder = scene.home.path().join(".config/openstack");
    fs::create_dir_all(&folder).unwrap();
    let clouds = format!(
        "clouds:\n  ours:\n    auth:\n      auth_url: {}/v3/\n      username: ann\n      user_domain_name: People\n      \
         project_name: ops\n      project_domain_id: d1\n    region_name: one\n    interface: public\n    \
         identity_api_version: 3\n    networks: [{{name: any}}]\n  other: {{}}\n",
        url(&keystone)
    );
    fs::write(folder.join("clouds.yaml"), clouds).unwrap();
    fs::write(folder.join("secure.yaml"), "clouds:\n  ours:\n    auth:\n      password: 0815\n").unwrap();
    let ran = scene.run("login --os-cloud ours");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let auth = &body(&keystone.asked()[0])["auth"];
    let user = json!({"name": "ann", "domain": {"name": "People"}, "password": "0815"});
    assert_eq!(auth["identity"]["password"]["user"], user);
    assert_eq!(auth["scope"], json!({"project": {"name": "ops", "domain": {"id": "d1"}}}));
    let ran = scene.run("log-level --os-cloud ours");
    assert_eq!((ran.code, ran.out.as_str()), (0, "info\n"), "{}", ran.err);

    let ran = scene.run("login --os-cloud theirs");
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("clouds.yaml does not have the cloud theirs; it has other, ours"),
        "{}",
        ran.err
    );
    fs::write(folder.join("clouds.yaml"), "clouds:\n  ours:\n    auth: [s3cret]\n").unwrap();
    let ran = scene.run("login --os-cloud ours");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("clouds.yaml is no file of clouds"), "{}", ran.err);
    assert!(!ran.err.contains("s3cret"), "{}", ran.err);
}

#[test]
fn application_credentials_and_tokens_are_taken_and_a_token_of_others_is_not_revoked() {
    let agent = agent();
    let keystone = keystone(&catalogue(&agent));
    let scene = Scene::new(&keystone)
        .set("OS_PASSWORD", "")
        .set("OS_USERNAME", "")
        .set("OS_APPLICATION_CREDENTIAL_ID", "c1")
        .set("OS_APPLICATION_CREDENTIAL_SECRET", "staple");
    assert_eq!(scene.run("login").code, 0);
    let expected = json!({"auth": {"identity": {"methods": ["application_credential"],
        "application_credential": {"id": "c1", "secret": "staple"}}}});
    assert_eq!(body(&keystone.asked()[0]), expected, "it is for its project by itself");

    let scene = Scene { home: tempfile::tempdir().unwrap(), variables: scene.variables }
        .set("OS_APPLICATION_CREDENTIAL_ID", "")
        .set("OS_APPLICATION_CREDENTIAL_SECRET", "")
        .set("OS_PROJECT_NAME", "")
        .set("OS_TOKEN", "gAAAAborrowed");
    assert_eq!(scene.run("login").code, 0);
    assert!(keystone.asked()[1].starts_with("GET /v3/auth/tokens "), "{}", keystone.asked()[1]);
    assert!(agent.asked().pop().unwrap().contains("x-auth-token: gAAAAborrowed\r\n"));
    let ran = scene.run("logout");
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("was not made by `gatherctl login`"), "{}", ran.err);
    assert_eq!(keystone.asked().len(), 2);
}

#[test]
fn a_password_is_read_where_none_is_said() {
    let agent = agent();
    let keystone = keystone(&catalogue(&agent));
    let scene = Scene::new(&keystone).set("OS_PASSWORD", "");
    assert_eq!(scene.run_with("login", "staple\n").code, 0);
    assert_eq!(body(&keystone.asked()[0])["auth"]["identity"]["password"]["user"]["password"], "staple");
}

#[test]
fn the_daemon_that_somebody_names_counts_and_a_local_login_is_one() {
    let (agent, other) = (agent(), agent_that_logs_in());
    let keystone = keystone(&catalogue(&other));
    let scene = Scene::new(&keystone);
    let ran = scene.run(&format!("login --url {}", url(&agent)));
    assert_eq!(ran.out, format!("logged in to {} as ann (member)\n", url(&agent)), "{}", ran.err);
    for line in ["login --local", "login --user admin"] {
        let ran = scene.run_with(&format!("{line} --url {}", url(&other)), "horse\n");
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(other.asked().pop().unwrap().starts_with("POST /v1/auth/tokens "));
    }
    assert_eq!(logins(&keystone), 1);
}

fn agent_that_logs_in() -> Daemon {
    let token = json!({"token": {"methods": ["password"], "user": {"id": "a", "name": "admin", "domain": {}},
        "roles": [], "issued_at": null, "expires_at": null, "audit_ids": []}});
    let answer = Answer::ok("POST /v1/auth/tokens ", &token);
    Daemon::tcp(vec![Answer { status: "201 Created", headers: "X-Subject-Token: own\r\n", ..answer }])
}

/// What a login says that does not come to be, and its exit code; nothing is kept then.
fn refused(scene: &Scene, line: &str) -> (i32, String) {
    let ran = scene.run(line);
    assert!(!scene.kept().exists(), "{}", ran.err);
    for secret in ["horse", "s3cret"] {
        assert!(!ran.err.contains(secret) && !ran.out.contains(secret), "{ran:?}");
    }
    (ran.code, ran.err)
}

#[test]
fn what_keeps_a_login_from_coming_to_be_is_said_and_nothing_is_kept() {
    let agent = agent();
    let good = keystone(&catalogue(&agent));
    for (name, value, code, word) in [
        ("OS_USERNAME", "", 2, "the user is not known: set OS_USERNAME, or auth.username in clouds.yaml"),
        ("OS_AUTH_URL", "ftp://k", 2, "ftp://k is no address of Keystone"),
        ("OS_AUTH_URL", "http://127.0.0.1:1", 3, "no answer of Keystone at http://127.0.0.1:1/v3"),
        ("OS_AUTH_TYPE", "v3oidcpassword", 2, "cannot log in by v3oidcpassword"),
        ("OS_CACERT", "/nonexistent/ca.pem", 2, "cannot read /nonexistent/ca.pem"),
        ("OS_SYSTEM_SCOPE", "some", 2, "a system scope other than `all`"),
        ("OS_REGION_NAME", "three", 1, "has no public endpoint of a service telemetry-agent in three"),
        ("OS_INTERFACE", "admin", 1, "has no admin endpoint of a service telemetry-agent in one"),
        ("OS_REGION_NAME", "", 1, "choose with OS_REGION_NAME among one, two"),
        ("OS_CLOUD", "nowhere", 2, "there is no clouds.yaml to find the cloud nowhere in"),
    ] {
        let (found, told) = refused(&Scene::new(&good).set(name, value), "login");
        assert!(told.contains(word) && found == code, "{name}={value}: {found} {told}");
    }
    let no = json!({"error": {"code": 401, "message": "The request you have made requires authentication.",
        "title": "Unauthorized"}});
    let refusing = Daemon::tcp(vec![Answer { status: "401 Unauthorized", ..Answer::ok(LOGIN, &no) }]);
    let (code, told) = refused(&Scene::new(&refusing), "login");
    let expected =
        format!("Keystone at {}/v3 gives no token to ann: 401 The request you have", url(&refusing));
    assert!(code == 1 && told.contains(&expected), "{told}");
    for status in
        ["200 OK", "300 Multiple Choices", "302 Found", "404 Not Found", "500 Internal Server Error"]
    {
        let odd = Daemon::tcp(vec![Answer {
            status,
            headers: "Location: http://h\r\n",
            ..Answer::ok(LOGIN, &json!({}))
        }]);
        let (code, told) = refused(&Scene::new(&odd), "login");
        assert!(
            code == 1 && told.contains("which is no answer of Keystone v3 to a login"),
            "{status}: {told}"
        );
    }
    let strange = Daemon::tcp(vec![Answer::refusal(WHOAMI, "401 Unauthorized", "unauthorized")]);
    let strange_keystone = keystone(&catalogue(&strange));
    let (code, told) = refused(&Scene::new(&strange_keystone), "login");
    assert!(code == 1 && told.contains("does not accept a token of"), "{told}");
}

#[test]
fn what_is_kept_has_no_password() {
    let agent = agent();
    let keystone = keystone(&catalogue(&agent));
    let scene = Scene::new(&keystone);
    assert_eq!(scene.run("login").code, 0);
    let text = fs::read_to_string(scene.kept()).unwrap();
    assert!(!text.contains("horse"), "{text}");
}
