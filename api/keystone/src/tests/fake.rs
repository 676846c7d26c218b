//! A Keystone in memory behind a real socket. It does as the real one, until it is told to do otherwise.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    headers: HashMap<String, String>,
    pub(super) body: Value,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn subject(&self) -> &str {
        self.header("x-subject-token")
    }

    fn is_login(&self) -> bool {
        self.method == "POST"
    }
}

/// What the fake does with a request.
#[derive(Clone, Debug)]
pub(super) enum Does {
    /// Answers: status, headers, body.
    Answers(u16, Vec<(&'static str, String)>, String),
    /// Reads, and says nothing.
    Nothing,
    /// Closes the connection.
    Closes,
}

type Twist = Box<dyn Fn(&Request) -> Option<Does> + Send>;

#[derive(Default)]
struct State {
    /// How often somebody logged in; the newest token of ours is `own-<this>`.
    logins: u32,
    valid: HashMap<String, Value>,
    seen: Vec<Request>,
    twist: Option<Twist>,
    catalogue: Option<Value>,
}

/// See the module. Clones are the same.
#[derive(Clone)]
pub(super) struct Fake {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let fake = Self { address, state: Arc::default() };
        let own = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                tokio::spawn(async move { own.serve(stream).await });
            }
        });
        fake
    }

    pub(super) fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).unwrap()
    }

    /// From now on this token is valid, with the usual body.
    pub(super) fn knows(&self, token: &str) {
        self.knows_with(token, body());
    }

    pub(super) fn knows_with(&self, token: &str, body: Value) {
        self.state.lock().unwrap().valid.insert(token.to_owned(), body);
    }

    pub(super) fn revoke(&self, token: &str) {
        self.state.lock().unwrap().valid.remove(token);
    }

    /// From now on requests are first shown to `twist`.
    pub(super) fn twist(&self, twist: impl Fn(&Request) -> Option<Does> + Send + 'static) {
        self.state.lock().unwrap().twist = Some(Box::new(twist));
    }

    pub(super) fn behaves(&self) {
        self.state.lock().unwrap().twist = None;
    }

    /// Every token of ours ends.
    pub(super) fn forgets_us(&self) {
        self.state.lock().unwrap().logins += 100;
    }

    /// The catalogue that who logs in is given.
    pub(super) fn catalogue(&self, catalogue: Value) {
        self.state.lock().unwrap().catalogue = Some(catalogue);
    }

    pub(super) fn seen(&self) -> Vec<Request> {
        self.state.lock().unwrap().seen.clone()
    }

    /// Questions about a token.
    pub(super) fn asked(&self, token: &str) -> usize {
        self.seen().iter().filter(|request| request.subject() == token).count()
    }

    pub(super) fn questions(&self) -> usize {
        self.seen().iter().filter(|request| !request.is_login()).count()
    }

    pub(super) fn logins(&self) -> usize {
        self.seen().iter().filter(|request| request.is_login()).count()
    }

    fn does(&self, request: &Request) -> Does {
        let mut state = self.state.lock().unwrap();
        state.seen.push(request.clone());
        if let Some(does) = state.twist.as_ref().and_then(|twist| twist(request)) {
            return does;
        }
        if request.is_login() {
            state.logins += 1;
            let mut body = body();
            if let Some(catalogue) = &state.catalogue {
                body["token"]["catalog"] = catalogue.clone();
            }
            return Does::Answers(
                201,
                vec![("X-Subject-Token", format!("own-{}", state.logins))],
                body.to_string(),
            );
        }
        let own = format!("own-{}", state.logins);
        if request.header("x-auth-token") != own {
            return refusal(401);
        }
        let subject = request.subject();
        let usual = body();
        match state.valid.get(subject).or((subject == own).then_some(&usual)) {
            Some(body) => Does::Answers(200, vec![("X-Subject-Token", subject.to_owned())], body.to_string()),
            None => refusal(404),
        }
    }

    async fn serve(self, mut stream: TcpStream) {
        while let Some(request) = read(&mut stream).await {
            let (status, headers, body) = match self.does(&request) {
                Does::Answers(status, headers, body) => (status, headers, body),
                Does::Nothing => std::future::pending().await,
                Does::Closes => return,
            };
            let headers =
                headers.iter().fold(String::new(), |all, (name, value)| format!("{all}{name}: {value}\r\n"));
            let head = format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
            if stream.write_all((head + &body).as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// As Keystone refuses.
pub(super) fn refusal(status: u16) -> Does {
    let body = json!({"error": {"code": status, "message": "no", "title": "No"}});
    Does::Answers(status, Vec::new(), body.to_string())
}

/// What Keystone says of a valid token.
pub(super) fn body() -> Value {
    json!({"token": {"methods": ["password"], "audit_ids": ["TGw"],
        "user": {"id": "u1", "name": "alice", "domain": {"id": "default", "name": "Default"}},
        "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2026-01-01T01:00:00.000000Z",
        "project": {"id": "p1", "name": "ops", "domain": {"id": "default", "name": "Default"}},
        "roles": [{"id": "r1", "name": "member"}]}})
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_lowercase(), value.trim().to_owned())
    };
    let headers: HashMap<String, String> = lines.map(header).collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = serde_json::from_slice(&bytes[head + 4..]).unwrap_or_default();
    Some(Request { method, path, headers, body })
}
