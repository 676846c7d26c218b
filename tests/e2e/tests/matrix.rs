//! Every operation of the document with every kind of token that a real Keystone gives.

use gatherd_e2e::{Daemon, Document, Operation, Setup, Stage, TokenKind};
use serde_json::{Value, json};

use crate::keystone::Cloud;
use crate::token::{ask, needed};

const ROLES: [&str; 3] = ["reader", "member", "admin"];

/// The status that an operation promises to somebody with this role at Keystone, where the project counts; 0 for one who
/// is let in.
fn promised(operation: &Operation, role: Option<&str>) -> u16 {
    let Some(needed) = needed(operation) else { return 0 };
    let strength = |role: &str| ROLES.iter().position(|it| *it == role);
    match role {
        Some(role) if strength(role) >= strength(needed) => 0,
        _ => 403,
    }
}

#[tokio::test]
async fn every_operation_is_for_whom_keystone_gives_its_role_and_for_nobody_else() {
    let Some(stage) = Stage::find() else { return };
    let Some(cloud) = Cloud::start(&stage, TokenKind::Fernet, 3_600).await else { return };
    let keystone = &cloud.keystone;
    let other = keystone.project("other").await;
    keystone.user("olga", "admin", &other).await;
    keystone.user("eve", "service", &cloud.project).await;
    // Many bad tokens of one peer would be limited.
    let section = cloud.section("").replace("refused_cache = 0.5", "refused_cache = 60");
    let daemon =
        Daemon::start(Setup::new(&stage).config(format!("{section}[api]\nmetrics_open = false\n"))).await;
    let token = async |user: &str, project: Option<&str>| {
        keystone.token(&keystone.password(user, "secret", project)).await
    };
    let ops = Some("ops");
    let revoked = token("ada", ops).await;
    keystone.revoke(&revoked).await;
    let mut cut = token("ada", ops).await;
    cut.truncate(cut.len() - 4);
    let refused = [("revoked", revoked), ("cut short", cut), ("none", "gAAAAAgarbage".to_owned())];
    let known = [
        ("a reader", Some("reader"), token("rita", ops).await),
        ("a member", Some("member"), token("mona", ops).await),
        ("an admin", Some("admin"), token("ada", ops).await),
        ("without a role of ours", None, token("eve", ops).await),
        ("an admin of another project", None, token("olga", Some("other")).await),
        ("an admin without a scope", None, token("ada", None).await),
    ];
    let client = daemon.tcp();
    let mut tried = 0;
    for operation in Document::committed().operations() {
        let Some(needed) = needed(&operation) else { continue };
        if operation.method == "DELETE" && operation.path == "/v1/auth/tokens" {
            continue; // It is not the daemon's to take back.
        }
        for (who, role, token) in &known {
            let answer = client.send(ask(&operation).token(token)).await;
            let promised = promised(&operation, *role);
            let kept = if promised == 0 {
                ![401, 403].contains(&answer.status) && answer.status < 500
            } else {
                answer.status == promised
            };
            let (method, path) = (&operation.method, &operation.path);
            assert!(kept, "{method} {path} ({needed}) for {who}: {}", answer.text());
            tried += 1;
        }
        let mut bodies: Vec<Value> = Vec::new();
        for (which, token) in &refused {
            let answer = client.send(ask(&operation).token(token)).await;
            assert_eq!(answer.refusal(), (401, "unauthorized".to_owned()), "{operation:?} with {which}");
            let challenge = format!("Keystone uri=\"{}\"", keystone.url());
            assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()));
            let mut body = answer.json();
            body["request_id"] = json!(null);
            bodies.push(body);
            tried += 1;
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{operation:?}");
    }
    assert!(tried > 500, "{tried} cells were tried");
}
