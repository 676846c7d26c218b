//! The examples of the document: each is sent to a real daemon and answered as the document shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use gatherd_e2e::{Answer, Ask, Checked, Daemon, Document, Libraries, Setup, Stage, within};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};

/// Where the examples are, one file per tag; their names are in the order of sending.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../api/server/src/examples");

/// All examples in their order.
pub(crate) fn examples() -> Vec<Value> {
    let mut files: Vec<_> = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path| serde_json::from_str::<Vec<Value>>(&fs::read_to_string(path).unwrap()).unwrap();
    files.into_iter().flat_map(read).collect()
}

/// Method, path and body's media type of each operation, by id.
pub(crate) fn operations() -> BTreeMap<String, (String, String, String)> {
    let document = Document::committed();
    let id = |operation: &gatherd_e2e::Operation| {
        let item = &document.value()["paths"][&operation.path][operation.method.to_lowercase()];
        item["operationId"].as_str().unwrap().to_owned()
    };
    let all = document.operations().into_iter();
    all.map(|it| (id(&it), (it.method, it.path, it.body.unwrap_or_default()))).collect()
}

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What only a running daemon knows, in the place of what the examples have there.
#[derive(Debug, Default)]
pub(crate) struct Known {
    password: String,
    token: String,
    /// The newest revision; which number it has depends on what was done before.
    revision: u64,
    /// The newest notification.
    notification: u64,
    /// The newest operation.
    operation: String,
}

impl Known {
    /// What a daemon that was just started knows.
    pub(crate) fn of(daemon: &Daemon) -> Self {
        Self { password: daemon.credential().1, ..Self::default() }
    }

    /// Looks for the newest of what has numbers.
    pub(crate) async fn look(&mut self, client: &Checked) {
        let all = client.get("/v1/notifications").await.ok();
        self.notification = all["items"][0]["id"].as_u64().unwrap_or(1);
    }

    fn fill(&self, text: &str) -> String {
        text.replace("$password", &self.password).replace("$token", &self.token)
    }

    /// The path of a request, query included.
    fn path(&self, template: &str, example: &Value) -> String {
        let mut path = template.to_owned();
        for (name, value) in members(&example["path"]) {
            let value = match (name.as_str(), template.starts_with("/v1/notifications/")) {
                ("revision", _) => self.revision.to_string(),
                ("number", true) => self.notification.to_string(),
                ("id", _) if !self.operation.is_empty() && template.starts_with("/v1/operations/") => {
                    self.operation.clone()
                }
                _ => text(&value),
            };
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        let query = members(&example["query"]);
        let escaped = |value: &Value| {
            let bytes = text(value).into_bytes();
            bytes.iter().fold(String::new(), |mut out, byte| {
                let _infallible = write!(out, "%{byte:02X}");
                out
            })
        };
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    pub(crate) fn learn(&mut self, answer: &Answer) {
        if let Some(token) = answer.header("x-subject-token") {
            token.clone_into(&mut self.token);
        }
        if let Some(id) = answer.header("location").and_then(|place| place.strip_prefix("/v1/operations/")) {
            id.clone_into(&mut self.operation);
        }
        let tag = answer.header("etag").and_then(|tag| tag.trim_matches('"').parse().ok());
        self.revision = self.revision.max(tag.unwrap_or(0));
    }
}

/// A daemon as the examples expect it.
pub(crate) async fn daemon(stage: &Stage, files: &Libraries) -> Daemon {
    let config = format!(
        "[plugins.cpu]\n[plugins.df]\n[plugins.disk]\n[plugins.interface]\n[plugins.load]\n[plugins.memory]\n\
         [plugins.csv.config]\ndata_dir = '{}'\n",
        files.path().join("csv").display()
    );
    let daemon = Daemon::start(Setup::new(stage).config(config).variable("GATHERD_HOSTNAME", "web1")).await;
    let client = daemon.unix();
    for identifier in ["web1/load/load", "web1/memory/memory-free"] {
        within(&format!("{identifier} is read"), async || {
            let answer = client.get(&format!("/v1/values/{identifier}")).await;
            if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
        })
        .await;
    }
    daemon
}

/// Sends one example; the client judges the answer by the document.
pub(crate) async fn send(
    client: &Checked,
    known: &Known,
    example: &Value,
    at: &(String, String, String),
) -> Answer {
    let (method, template, media_type) = at;
    let mut ask = Ask::new(method, known.path(template, example));
    for (name, value) in members(&example["headers"]) {
        ask = ask.header(&name, &known.fill(&text(&value)));
    }
    let mut body = example["body"].clone();
    if example["operation"] == "replace_config" {
        // The example shows a few keys; the daemon is sent all that it has, with these in their place.
        let mut whole = members(&client.get("/v1/config").await.ok());
        whole.extend(members(&body));
        body = whole.into();
    }
    if media_type.contains("json") && !body.is_null() {
        ask = ask.body(media_type, known.fill(&body.to_string()));
    } else if !body.is_null() {
        ask = ask.body(media_type, known.fill(&text(&body)));
    }
    client.send(ask).await
}

#[tokio::test]
async fn every_example_of_the_document_is_answered_by_a_daemon_as_it_says() {
    let Some(stage) = Stage::find() else { return };
    let files = Libraries::new();
    let daemon = daemon(&stage, &files).await;
    let client = daemon.unix();
    let operations = operations();
    let mut known = Known::of(&daemon);
    let mut sent = BTreeSet::new();
    for example in examples() {
        let operation = text(&example["operation"]);
        let at = operations.get(&operation).unwrap_or_else(|| panic!("there is no operation {operation}"));
        known.look(&client).await;
        within(&format!("{operation} is answered as its example"), async || {
            let answer = send(&client, &known, &example, at).await;
            known.learn(&answer);
            // What is flushed may take longer on a busy machine; it is asked again then.
            let is_open = answer.status == 202 && answer.json()["complete"] == false;
            if is_open && example["status"] == 200 {
                return Err(answer.text());
            }
            assert_eq!(example["status"], answer.status, "{example}\n{}", answer.text());
            Ok(())
        })
        .await;
        sent.insert(operation);
    }
    let documented: BTreeSet<String> = operations.into_keys().collect();
    assert_eq!(sent, documented);
}

#[test]
fn every_answer_that_the_document_shows_fits_its_schema() {
    let operations = operations();
    for example in examples() {
        let answer = &example["answer"];
        let (method, template, _) = &operations[&text(&example["operation"])];
        let path = Known::default().path(template, &example);
        let media_type = example["media_type"].as_str().unwrap_or("application/json");
        if answer.is_null() || !media_type.contains("json") || answer.is_string() {
            continue;
        }
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_str(media_type).unwrap());
        headers.insert("x-openstack-request-id", HeaderValue::from_static("req-1"));
        let status = u16::try_from(example["status"].as_u64().unwrap()).unwrap();
        let answer = Answer { status, headers, body: answer.to_string().into() };
        Document::committed().judge(method, &path, &answer);
    }
}
