//! Every route with every credential, made from the table of routes: G8 of the reliability promises.
//!
//! ```text
//!  each policy  ×  each credential  ×  each line of the table  ─►  the promised status, and one 401 for all
//! ```

use super::access::{SPARE, check, request, same};
use super::foreign::guarded;
use super::{Answer, Site};
use crate::auth::{Rights, RoutePolicy, Store};
use crate::clock::now;
use crate::routes::{Access, Line, TABLE};
use actix_web::test::TestRequest;
use gatherd_api_types::Role;
use std::path::Path;

/// What a request shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    Nothing,
    Garbage,
    Expired,
    Revoked,
    /// A good token of another daemon.
    OfAnother,
    /// A token whose user has another password by now.
    OfEarlier,
    /// Two good tokens.
    Two,
    Good(Role),
}

const ALL: [Shown; 10] = [
    Shown::Nothing,
    Shown::Garbage,
    Shown::Expired,
    Shown::Revoked,
    Shown::OfAnother,
    Shown::OfEarlier,
    Shown::Two,
    Shown::Good(Role::Reader),
    Shown::Good(Role::Member),
    Shown::Good(Role::Admin),
];

impl Shown {
    fn put(self, site: &Site, request: TestRequest) -> TestRequest {
        let admin = || site.token(Role::Admin);
        let token = match self {
            Self::Nothing => return request,
            Self::Two => {
                let other = format!("Bearer {}", site.token(Role::Reader));
                return request
                    .insert_header(("X-Auth-Token", admin()))
                    .insert_header(("Authorization", other));
            }
            Self::Garbage => "garbage".to_owned(),
            Self::Expired => site.store.token_of("admin", 1_000),
            Self::Revoked => {
                let token = admin();
                site.store.revoke(&token, now()).unwrap();
                token
            }
            Self::OfAnother => another(site.directory.path()).token_of("admin", now()),
            Self::OfEarlier => {
                let token = site.token(Role::Admin);
                site.store.put_user("admin", Role::Admin, "correct horse").unwrap();
                token
            }
            Self::Good(role) => site.token(role),
        };
        request.insert_header(("X-Auth-Token", token))
    }
}

/// The store of another daemon, whose users have the same names.
fn another(directory: &Path) -> Store {
    Store::open_cheaply(&directory.join("another"))
}

/// The status that a route promises; 0 for a success. `word` is what the policy says of all routes, if it says anything.
fn promised(access: Access, word: Option<&str>, shown: Shown, metrics_open: bool) -> u16 {
    let told = match access {
        Access::Open => return 0,
        Access::Configured(_) if metrics_open && word.is_none() => return 0,
        Access::Configured(role) | Access::Needs(role) => role,
    };
    let Shown::Good(role) = shown else {
        return if shown == Shown::Two { 400 } else { 401 };
    };
    let roles = [Role::Reader, Role::Member, Role::Admin];
    let is_enough = match word {
        None => role.covers(told),
        Some(word) => roles.iter().find(|it| it.as_str() == word).is_some_and(|needed| role.covers(*needed)),
    };
    if is_enough { 0 } else { 403 }
}

/// A policy that says one word of every route that needs a role.
fn everywhere(word: &str) -> RoutePolicy {
    let guarded = TABLE.iter().filter(|line| line.access != Access::Open);
    let lines: Vec<String> = guarded.map(|line| format!("\"{}\" = \"{word}\"\n", line.name())).collect();
    let lines = lines.concat();
    RoutePolicy::parse(&format!("[routes]\n{lines}")).unwrap()
}

/// Asks some routes of a fresh server, each with the same kind of credential, and holds the answers against the promise.
async fn try_all(word: Option<&str>, shown: Shown, metrics_open: bool, lines: &[&Line]) -> Vec<Answer> {
    let rights = word.map(|word| Rights::new(everywhere(word))).unwrap_or_default();
    let site = Site { metrics_open, rights, ..Site::new() };
    site.store.put_user(SPARE, Role::Reader, "correct horse").unwrap();
    let requests: Vec<TestRequest> = lines.iter().map(|line| shown.put(&site, request(line))).collect();
    let answers = site.call_all(requests).await;
    for (line, answer) in lines.iter().zip(&answers) {
        let what = format!("{shown:?} under a policy of {word:?}");
        check(line, &what, answer, promised(line.access, word, shown, metrics_open));
    }
    answers
}

#[actix_web::test]
async fn every_route_lets_in_exactly_whom_table_and_policy_say() {
    let lines: Vec<&Line> = TABLE.iter().collect();
    for word in [None, Some("reader"), Some("member"), Some("admin"), Some("nobody")] {
        let plain = try_all(word, Shown::Nothing, false, &lines).await;
        for shown in ALL {
            let answers = try_all(word, shown, false, &lines).await;
            for ((line, answer), plain) in lines.iter().zip(&answers).zip(&plain) {
                if answer.status == 401 {
                    assert_eq!(same(answer), same(plain), "{} with {shown:?} and {word:?}", line.name());
                }
            }
        }
    }
}

/// The status that a guarded route promises to a token of an identity service under a policy that says `word` of all.
fn promised_to(token: &str, word: &str) -> u16 {
    let roles = [Role::Reader, Role::Member, Role::Admin];
    let named = |name: &str| roles.into_iter().find(|role| role.as_str() == name);
    match (token, named(token), named(word)) {
        (_, Some(role), Some(needed)) if role.covers(needed) => 0,
        (_, Some(_), _) | ("auditor" | "elsewhere" | "unscoped" | "system", ..) => 403,
        ("unreachable", ..) => 503,
        ("limited", ..) => 429,
        _ => 401,
    }
}

#[actix_web::test]
async fn a_policy_counts_for_tokens_of_an_identity_service_too() {
    let lines: Vec<&Line> = TABLE.iter().filter(|line| line.access != Access::Open).collect();
    // Only Keystone takes its own tokens back.
    let lines: Vec<&Line> =
        lines.into_iter().filter(|line| line.name() != "DELETE /v1/auth/tokens").collect();
    let tokens = [
        "garbage",
        "reader",
        "member",
        "admin",
        "auditor",
        "elsewhere",
        "unscoped",
        "system",
        "unreachable",
        "limited",
    ];
    for word in ["reader", "member", "admin", "nobody"] {
        for token in tokens {
            let (site, _) = guarded();
            let site = Site { rights: Rights::new(everywhere(word)), ..site };
            let requests: Vec<TestRequest> =
                lines.iter().map(|line| request(line).insert_header(("X-Auth-Token", token))).collect();
            for (line, answer) in lines.iter().zip(site.call_all(requests).await) {
                check(line, &format!("{token} under {word}"), &answer, promised_to(token, word));
            }
        }
    }
    let (site, _) = guarded();
    for line in lines {
        let both = request(line).insert_header(("X-Auth-Token", "admin"));
        let both = both.insert_header(("Authorization", format!("Bearer {}", site.token(Role::Admin))));
        let promised = if matches!(line.access, Access::Configured(_)) { 0 } else { 400 };
        check(line, "a token of each kind", &site.call(both).await, promised);
    }
}

#[actix_web::test]
async fn metrics_that_are_open_are_open_to_all_until_the_policy_speaks_of_them() {
    let lines: Vec<&Line> =
        TABLE.iter().filter(|line| matches!(line.access, Access::Configured(_))).collect();
    assert_eq!(lines.len(), 1);
    for word in [None, Some("reader"), Some("nobody")] {
        for shown in ALL {
            try_all(word, shown, true, &lines).await;
        }
    }
}

#[actix_web::test]
async fn a_policy_counts_from_the_next_request_on_and_may_can_be_read() {
    let site = Site::new();
    let restart = || TestRequest::post().uri("/v1/plugins/cpu/restart");
    let may = async || {
        let answer = site.get("/v1/auth/tokens").await.json();
        let may = answer["token"]["may"].as_array().unwrap().clone();
        may.contains(&"POST /v1/plugins/{id}/restart".into())
    };
    assert!(!may().await);
    assert_eq!(site.call_as(Role::Reader, restart()).await.refusal(), (403, "forbidden"));
    let policy = |word: &str| {
        let line = format!("[routes]\n\"POST /v1/plugins/{{id}}/restart\" = \"{word}\"\n");
        RoutePolicy::parse(&line).unwrap()
    };
    site.rights.replace(policy("reader"));
    assert!(may().await);
    assert_eq!(site.call_as(Role::Reader, restart()).await.status, 200);
    let caller = site.fake.last_caller.lock().unwrap().clone().unwrap();
    assert_eq!((caller.user.as_str(), caller.role), ("reader", Role::Reader), "it is still who it is");
    site.rights.replace(policy("nobody"));
    let answer = site.call_as(Role::Admin, restart()).await;
    assert_eq!(answer.refusal(), (403, "forbidden"));
    assert_eq!(answer.problem().detail, "The policy of this daemon closes this to everybody.");
    site.rights.replace(RoutePolicy::default());
    assert_eq!(site.call_as(Role::Member, restart()).await.status, 200);
}

#[actix_web::test]
async fn what_one_may_is_exactly_what_one_is_let_into() {
    let mixed = "[routes]\n\"* /v1/chains/{id}\" = \"member\"\n\"GET /v1/values\" = \"admin\"\n\
                 \"GET /v1/audit\" = \"reader\"\n\"POST /v1/flush\" = \"nobody\"\n";
    for policy in [RoutePolicy::default(), RoutePolicy::parse(mixed).unwrap()] {
        for role in [Role::Reader, Role::Member, Role::Admin] {
            let site = Site { rights: Rights::new(policy.clone()), ..Site::new() };
            let told = site.call_as(role, TestRequest::get().uri("/v1/auth/tokens")).await.json();
            let may: Vec<&str> =
                told["token"]["may"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
            let documented: Vec<&Line> = TABLE.iter().filter(|line| line.documented).collect();
            let requests: Vec<TestRequest> =
                documented.iter().map(|line| Shown::Good(role).put(&site, request(line))).collect();
            let answers = site.call_all(requests).await;
            let let_in: Vec<String> = documented
                .iter()
                .zip(&answers)
                .filter(|(_, answer)| answer.status != 403)
                .map(|(line, _)| line.name())
                .collect();
            assert_eq!(may, let_in, "{role}");
        }
    }
}

/// A route that is served without a line in the table would have no promised access. All is served by `install`, which
/// serves the table; so nobody else in this crate may name a resource, a scope or a service.
#[test]
fn nothing_is_served_but_the_table() {
    fn search(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_none_or(|name| name != "tests") {
                search(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let makers =
                    ["web::resource(", "web::scope(", ".service(", ".route(", "#[actix_web::get", "#[get("];
                let uses = makers.iter().filter(|maker| text.contains(**maker));
                found.extend(uses.map(|maker| format!("{} {maker}", path.file_name().unwrap().display())));
            }
        }
    }
    let mut found = Vec::new();
    search(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    assert_eq!(found, ["routes.rs .route(", "routes.rs .service(", "routes.rs web::resource("]);
}
