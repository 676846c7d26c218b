//! The whole server over a fake daemon: routes, access, errors, lists, conditions.

mod access;
mod audit;
mod config;
mod document;
mod errors;
mod fake;
mod foreign;
mod formats;
mod lists;
mod matrix;
mod operations;
mod replay;
mod sockets;
mod streams;
mod tls;
mod tokens;
mod users;
mod values;
mod versions;

use crate::app::{Shared, Waiting};
use crate::audit::Audit;
use crate::auth::{Foreign, OwnUser, PeerPolicy, Rights, Store};
use crate::clock::now;
use crate::operations::Operations;
use crate::replay::Answers;
use crate::settings::Settings;
use crate::streams::Streams;
use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::Service;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, init_service};
use fake::Fake;
use gatherd_api_types::{Problem, Role};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// One answer, read to its end.
#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    async fn read(response: HttpResponse<impl MessageBody>) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.map(|bytes| bytes.to_vec()).unwrap_or_default();
        Self { status, headers, body }
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The problem document, which must agree with the status line and the headers.
    fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        assert_eq!(Some(problem.request_id.as_str()), self.header("x-openstack-request-id"));
        assert_eq!(problem.type_uri, format!("urn:gatherd:problem:{}", problem.code));
        problem
    }

    /// Status and code of the problem.
    fn refusal(&self) -> (u16, &'static str) {
        let problem = self.problem();
        (problem.status, problem.code.as_str())
    }
}

/// A server without sockets, over a fake daemon and a fresh directory.
struct Site {
    store: Store,
    fake: Arc<Fake>,
    directory: TempDir,
    metrics_open: bool,
    rights: Rights,
    streams: Arc<Streams>,
    foreign: Option<Foreign>,
    operations: Arc<Operations>,
}

impl Site {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let store = Store::open_cheaply(directory.path());
        for role in [Role::Reader, Role::Member] {
            store.put_user(role.as_str(), role, "correct horse").unwrap();
        }
        store.put_user("admin", Role::Admin, "correct horse").unwrap();
        let streams = Arc::new(Streams::new(4));
        Self {
            store,
            fake: Arc::new(Fake::default()),
            directory,
            metrics_open: true,
            rights: Rights::default(),
            streams,
            foreign: None,
            operations: Arc::new(Operations::new()),
        }
    }

    fn token(&self, role: Role) -> String {
        self.store.token_of(role.as_str(), now())
    }

    /// Where the audit trail is.
    fn trail(&self) -> PathBuf {
        self.directory.path().join("audit")
    }

    fn shared(&self) -> Shared {
        let settings = Settings { metrics_open: self.metrics_open, ..Settings::default() };
        let peers = PeerPolicy { admin_group: "gatherd-admin".to_owned(), own_user: OwnUser::default() };
        let answers = Answers::open(&self.directory.path().join("answers")).unwrap();
        let waiting = Waiting { streams: self.streams.clone(), operations: self.operations.clone() };
        let audit = Audit::new(self.trail(), "testhost".to_owned(), self.fake.clone());
        Shared::new(self.fake.clone(), self.store.clone(), settings, peers, answers, waiting, audit)
            .with_rights(self.rights.clone())
            .with_foreign(self.foreign.clone())
    }

    /// As nobody.
    async fn call(&self, request: TestRequest) -> Answer {
        let [answer] = self.call_all([request]).await.try_into().expect("one request has one answer");
        answer
    }

    /// As nobody, one after the other to one and the same server.
    async fn call_all(&self, requests: impl IntoIterator<Item = TestRequest>) -> Vec<Answer> {
        let service = init_service(self.shared().app()).await;
        let mut answers = Vec::new();
        for request in requests {
            answers.push(match service.call(request.to_request()).await {
                Ok(response) => Answer::read(response.into_parts().1).await,
                // An error of the outermost layer carries its whole answer.
                Err(error) => Answer::read(HttpResponse::<BoxBody>::from_error(error)).await,
            });
        }
        answers
    }

    /// As the user with this role.
    async fn call_as(&self, role: Role, request: TestRequest) -> Answer {
        self.call(request.insert_header(("X-Auth-Token", self.token(role)))).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call_as(Role::Reader, TestRequest::get().uri(path)).await
    }
}
