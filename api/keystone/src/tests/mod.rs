//! A scripted Keystone over TCP, and what becomes of tokens when it does as it should, and when it does not.

mod corpus;
mod fake;
mod misbehaving;
mod offline;
mod service;
mod signer;

use crate::{Account, Config, Credential, Keystone, Offline, ProjectOf, Secret, Times};
use fake::Fake;
use gatherd_api::auth::{IdentityService, TokenFacts, Verdict};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// In seconds since 1970; within the life of the fake's tokens.
const NOW: u64 = 1_767_225_700;

/// An hour, for what shall not end during a test.
const LONG: Duration = Duration::from_hours(1);

/// Asks `endpoints` with a password, and remembers for a long time.
fn config(endpoints: &[&Fake]) -> Config {
    Config {
        endpoints: endpoints.iter().map(|fake| fake.url()).collect(),
        credential: Some(Credential::Password {
            user: Account { name: "gatherd".to_owned(), domain: "Default".to_owned() },
            password: Secret::new("s3cret".to_owned()),
            project: ProjectOf { name: "service".to_owned(), domain: "Default".to_owned() },
        }),
        catalogue: None,
        ca_file: None,
        insecure: false,
        timeout: Duration::from_secs(5),
        times: Times { valid: LONG, refused: LONG, grace: Duration::ZERO },
        remembered: 1_000,
        offline: None,
    }
}

/// Checks signatures alone.
fn without_keystone(repository: &std::path::Path) -> Config {
    let offline = Offline { repository: repository.to_owned(), leeway: 0, changes: false };
    Config { endpoints: Vec::new(), credential: None, offline: Some(offline), ..config(&[]) }
}

fn open(config: &Config) -> Keystone {
    Keystone::open(config).unwrap()
}

/// A token that looks like one of Keystone.
fn fernet(name: &str) -> String {
    format!("gAAAAA{name:x<100}")
}

async fn judge(keystone: &Keystone, token: &str) -> Verdict {
    keystone.judge(token, "192.0.2.1", NOW).await
}

/// What a token says that is valid for sure.
async fn facts(keystone: &Keystone, token: &str) -> Arc<TokenFacts> {
    match judge(keystone, token).await {
        Verdict::Known { facts, unsure: None } => facts,
        other => panic!("{other:?}"),
    }
}

/// A place where nobody listens.
fn nowhere() -> Url {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}
