//! A real Keystone on loopback. What is slow to make is made once and copied for each.
//!
//! `KEYSTONE_PROGRAMS` names the directory with its programs, as `.ci/run` installs them; see `tests/keystone`.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Client, Method};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Stage, skip, wait_until};

/// Where its programs are.
const PROGRAMS: &str = "KEYSTONE_PROGRAMS";

/// What makes and serves it.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../keystone/keystone.sh");

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(90);

/// Held while one is made, so that it is made once.
static MAKING: Mutex<()> = Mutex::new(());

/// How a Keystone makes its tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenKind {
    /// Encrypted.
    Fernet,
    /// Signed.
    Jws,
}

impl TokenKind {
    fn word(self) -> &'static str {
        match self {
            Self::Fernet => "fernet",
            Self::Jws => "jws",
        }
    }
}

/// A Keystone with the user `admin`; it is ended when this is dropped.
#[derive(Debug)]
pub struct Keystone {
    programs: PathBuf,
    dir: TempDir,
    port: u16,
    child: Option<Child>,
    client: Client,
    is_encrypted: bool,
}

impl Keystone {
    /// Starts one whose tokens live that many seconds; `None` where there are no programs, and the running test is
    /// noted as skipped.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn start(stage: &Stage, kind: TokenKind, lifetime: u32) -> Option<Self> {
        Self::start_with(stage, kind, lifetime, false).await
    }

    /// As [`Keystone::start`], over TLS with the certificate [`Keystone::certificate`], which nobody trusts.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn start_encrypted(stage: &Stage) -> Option<Self> {
        Self::start_with(stage, TokenKind::Fernet, 3_600, true).await
    }

    async fn start_with(stage: &Stage, kind: TokenKind, lifetime: u32, is_encrypted: bool) -> Option<Self> {
        let Some(programs) = std::env::var_os(PROGRAMS).map(PathBuf::from) else {
            skip("KEYSTONE_PROGRAMS names no Keystone: see tests/keystone/README.md");
            return None;
        };
        let made = make(stage, &programs, kind);
        let dir = tempfile::tempdir().expect("the system has room for a directory");
        let copied = run(Command::new("cp").arg("-a").arg(made.join(".")).arg(dir.path()));
        assert!(copied, "a Keystone cannot be copied");
        let mut settling = script(&programs, &["settle"], dir.path());
        settling.arg(kind.word()).env("KEYSTONE_LIFETIME", lifetime.to_string());
        assert!(run(&mut settling), "keystone.sh settle");
        if is_encrypted {
            assert!(run(&mut script(&programs, &["certify"], dir.path())), "keystone.sh certify");
        }
        // It only sets the scene; whom the daemon trusts is another matter.
        let client =
            Client::builder().no_proxy().pool_max_idle_per_host(0).tls_danger_accept_invalid_certs(true);
        let client = client.build().expect("a client can be made");
        let port = free_port();
        let mut keystone = Self { programs, dir, port, child: None, client, is_encrypted };
        keystone.start_again().await;
        Some(keystone)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}/v3", self.port)
    }

    /// The file with its certificate, where it has one.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("tls.pem")
    }

    /// The directory with its public keys.
    pub fn keys(&self) -> PathBuf {
        self.dir.path().join("public")
    }

    /// Ends it.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let _gone_already = pid.map(|pid| kill_process(pid, Signal::TERM));
        let _reaped = child.wait();
    }

    /// Starts it where it was.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub async fn start_again(&mut self) {
        let log =
            fs::File::create(self.dir.path().join("serve.log")).expect("our own directory takes a file");
        let mut command = script(&self.programs, &["serve"], self.dir.path());
        command.arg(self.port.to_string()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("bash can be run"));
        wait_until("Keystone answers", START, async || {
            let ended = self.child.as_mut().map(Child::try_wait);
            assert!(!matches!(ended, Some(Ok(Some(_)))), "Keystone ended: {}", self.log());
            let answer = self.client.get(self.url()).send().await;
            answer.map(|_| ()).map_err(|error| error.to_string())
        })
        .await;
    }

    /// A token of the admin, fresh, because tokens may live for some seconds only.
    async fn admin(&self) -> String {
        self.token(&self.password("admin", "secret", Some("admin"))).await
    }

    fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        format!("{}{}", read("serve.log"), read("gunicorn.log"))
    }

    /// A new key for what is signed; those of before still verify. Keystone must be started again to sign with it.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn new_key(&self) {
        assert!(run(&mut script(&self.programs, &["keys"], self.dir.path())), "keystone.sh keys");
    }

    /// A new key for what is encrypted; tokens of before are still read.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn rotate(&self) {
        assert!(run(&mut script(&self.programs, &["rotate"], self.dir.path())), "keystone.sh rotate");
    }

    /// What somebody sends who has a password; without a project the token is for nothing.
    pub fn password(&self, user: &str, password: &str, project: Option<&str>) -> Value {
        let domain = json!({"id": "default"});
        let user = json!({"name": user, "domain": domain, "password": password});
        let mut auth = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
        if let Some(project) = project {
            auth["auth"]["scope"] = json!({"project": {"name": project, "domain": domain}});
        }
        auth
    }

    /// The token for what somebody sends.
    ///
    /// # Panics
    ///
    /// When Keystone gives none.
    pub async fn token(&self, auth: &Value) -> String {
        let answer = self.client.post(format!("{}/auth/tokens", self.url())).json(auth).send().await;
        let answer = answer.expect("Keystone answers");
        let token = answer.headers().get("x-subject-token").and_then(|token| token.to_str().ok());
        let token = token.map(str::to_owned);
        let text = answer.text().await.unwrap_or_default();
        token.unwrap_or_else(|| panic!("no token: {text}"))
    }

    /// Takes a token back.
    ///
    /// # Panics
    ///
    /// When Keystone refuses.
    pub async fn revoke(&self, token: &str) {
        let request = self.client.delete(format!("{}/auth/tokens", self.url()));
        let request = request.header("x-auth-token", self.admin().await).header("x-subject-token", token);
        let answer = request.send().await.expect("Keystone answers");
        assert_eq!(answer.status(), 204);
    }

    /// Asks as the admin; the answer as JSON, `null` where it has no body.
    ///
    /// # Panics
    ///
    /// When Keystone refuses.
    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        self.ask_as(&self.admin().await, method, path, body).await
    }

    /// As [`Keystone::ask`], with another's token.
    ///
    /// # Panics
    ///
    /// When Keystone refuses.
    pub async fn ask_as(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Value {
        let method = Method::from_bytes(method.as_bytes()).expect("tests name methods that can be sent");
        let mut request = self.client.request(method, format!("{}{path}", self.url()));
        request = request.header("x-auth-token", token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("Keystone answers");
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The id of a role that Keystone has.
    ///
    /// # Panics
    ///
    /// When it has none of that name.
    pub async fn role(&self, name: &str) -> String {
        let found = self.ask("GET", &format!("/roles?name={name}"), None).await;
        found["roles"][0]["id"].as_str().expect("the default roles are there").to_owned()
    }

    /// Makes a project; its id.
    ///
    /// # Panics
    ///
    /// When Keystone refuses.
    pub async fn project(&self, name: &str) -> String {
        let body = json!({"project": {"name": name, "domain_id": "default"}});
        let made = self.ask("POST", "/projects", Some(body)).await;
        made["project"]["id"].as_str().expect("a project has an id").to_owned()
    }

    /// Makes a user with the password `secret` and a role in a project; its id.
    ///
    /// # Panics
    ///
    /// When Keystone refuses.
    pub async fn user(&self, name: &str, role: &str, project: &str) -> String {
        let body = json!({"user": {"name": name, "password": "secret", "domain_id": "default"}});
        let made = self.ask("POST", "/users", Some(body)).await;
        let user = made["user"]["id"].as_str().expect("a user has an id").to_owned();
        let role = self.role(role).await;
        self.ask("PUT", &format!("/projects/{project}/users/{user}/roles/{role}"), None).await;
        user
    }
}

impl Drop for Keystone {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A Keystone that was never started, made once for each kind and version of what makes it.
fn make(stage: &Stage, programs: &Path, kind: TokenKind) -> PathBuf {
    let _one_at_a_time = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let text = fs::read(SCRIPT).expect("tests/keystone/keystone.sh is there");
    let mut hasher = DefaultHasher::new();
    (text, programs).hash(&mut hasher);
    let made = stage.beside(&format!("keystone-{}-{:016x}", kind.word(), hasher.finish()));
    if !made.exists() {
        let beside = stage.beside(&format!("keystone-{}-{}", kind.word(), std::process::id()));
        let mut command = script(programs, &["make"], &beside);
        assert!(run(command.arg(kind.word())), "keystone.sh make {}", kind.word());
        fs::rename(&beside, &made).expect("a directory can be renamed beside itself");
    }
    made
}

fn script(programs: &Path, what: &[&str], dir: &Path) -> Command {
    let mut command = Command::new("bash");
    command.arg(SCRIPT).args(what).arg(dir).env("KEYSTONE_BIN", programs).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A port that nobody has now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("a listener has an address").port()
}
