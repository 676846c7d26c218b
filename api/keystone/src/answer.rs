//! What Keystone says of a token, read with suspicion.

use gatherd_api::auth::{DomainName, Named, Scope, TokenFacts, Vouched};
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

/// Longest id or name that is taken, in bytes; Keystone's have at most 255 characters.
const LONGEST_NAME: usize = 1_024;

/// Most roles, methods and audit ids of one token.
const MOST: usize = 256;

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum AnswerError {
    /// It is not JSON of the form that Keystone has.
    #[error("the answer is not one of Keystone")]
    Form,
    /// A name or a list is longer than any of Keystone.
    #[error("the answer has a name or a list that is too long")]
    Long,
    /// It names more than one scope.
    #[error("the answer names several scopes")]
    Scopes,
    /// A time is none, or the token ends before it begins.
    #[error("the answer has a time that cannot be")]
    Time,
}

#[derive(Deserialize)]
struct Body {
    token: Told,
}

#[derive(Deserialize)]
struct Told {
    user: ToldNamed,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    audit_ids: Vec<String>,
    expires_at: String,
    issued_at: String,
    #[serde(default)]
    roles: Vec<ToldRole>,
    project: Option<ToldNamed>,
    domain: Option<ToldDomain>,
    system: Option<ToldSystem>,
    application_credential: Option<ToldId>,
    #[serde(default)]
    catalog: Vec<ToldService>,
}

#[derive(Deserialize)]
struct ToldNamed {
    id: String,
    name: String,
    domain: ToldDomain,
}

#[derive(Deserialize)]
struct ToldDomain {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct ToldRole {
    name: String,
}

#[derive(Deserialize)]
struct ToldSystem {
    all: bool,
}

#[derive(Deserialize)]
struct ToldId {
    id: String,
}

#[derive(Deserialize)]
struct ToldService {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<ToldEndpoint>,
}

#[derive(Deserialize)]
struct ToldEndpoint {
    #[serde(default)]
    interface: String,
    #[serde(default)]
    region: Option<String>,
    url: String,
}

/// The identity service in a catalogue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) interface: String,
    pub(crate) region: Option<String>,
    pub(crate) url: Url,
}

/// Reads an answer about a token.
///
/// # Errors
///
/// [`AnswerError`] for whatever Keystone would not say.
pub(crate) fn read(body: &[u8]) -> Result<TokenFacts, AnswerError> {
    read_with_catalogue(body).map(|(facts, _)| facts)
}

/// As [`read`], with the places of the identity service.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_with_catalogue(body: &[u8]) -> Result<(TokenFacts, Vec<Place>), AnswerError> {
    let Body { token } = serde_json::from_slice(body).map_err(|_| AnswerError::Form)?;
    let Told {
        user,
        methods,
        audit_ids,
        expires_at,
        issued_at,
        roles,
        project,
        domain,
        system,
        application_credential,
        catalog,
    } = token;
    let (issued_at, expires_at) = (seconds(&issued_at)?, seconds(&expires_at)?);
    if issued_at >= expires_at {
        return Err(AnswerError::Time);
    }
    let scope = match (project, domain, system) {
        (None, None, None) => Scope::Unscoped,
        (Some(project), None, None) => Scope::Project(named(project)?),
        (None, Some(domain), None) => Scope::Domain(domain_of(domain)?),
        (None, None, Some(ToldSystem { all: true })) => Scope::System,
        (None, None, Some(ToldSystem { all: false })) => return Err(AnswerError::Form),
        _ => return Err(AnswerError::Scopes),
    };
    let roles = roles.into_iter().map(|role| role.name).collect();
    let application_credential = application_credential.map(|it| short(it.id)).transpose()?;
    let facts = TokenFacts {
        user: named(user)?,
        scope,
        roles: few(roles)?,
        methods: few(methods)?,
        application_credential,
        audit_ids: few(audit_ids)?,
        issued_at,
        expires_at,
        vouched: Vouched::Online,
    };
    Ok((facts, catalog.into_iter().flat_map(places).collect()))
}

fn places(service: ToldService) -> Vec<Place> {
    let ToldService { kind, endpoints } = service;
    if kind != "identity" {
        return Vec::new();
    }
    let places = endpoints.into_iter().filter_map(|endpoint| {
        let ToldEndpoint { interface, region, url } = endpoint;
        Some(Place { interface, region, url: Url::parse(&url).ok()? })
    });
    places.collect()
}

fn named(told: ToldNamed) -> Result<Named, AnswerError> {
    let ToldNamed { id, name, domain } = told;
    Ok(Named { id: short(id)?, name: short(name)?, domain: Some(domain_of(domain)?) })
}

fn domain_of(told: ToldDomain) -> Result<DomainName, AnswerError> {
    let ToldDomain { id, name } = told;
    Ok(DomainName { id: short(id)?, name: short(name)? })
}

fn short(text: String) -> Result<String, AnswerError> {
    match text.len() {
        0 => Err(AnswerError::Form),
        1..=LONGEST_NAME => Ok(text),
        _ => Err(AnswerError::Long),
    }
}

fn few(list: Vec<String>) -> Result<Vec<String>, AnswerError> {
    let fits = list.len() <= MOST && list.iter().all(|text| text.len() <= LONGEST_NAME);
    if fits { Ok(list) } else { Err(AnswerError::Long) }
}

/// Seconds since 1970 of a time such as `2026-01-01T00:00:00.000000Z`.
fn seconds(text: &str) -> Result<u64, AnswerError> {
    let moment: Timestamp = text.parse().map_err(|_| AnswerError::Time)?;
    u64::try_from(moment.as_second()).map_err(|_| AnswerError::Time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn good() -> Value {
        json!({"token": {"methods": ["password"], "audit_ids": ["TGw"],
            "user": {"id": "u1", "name": "alice", "domain": {"id": "default", "name": "Default"},
                "password_expires_at": null},
            "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2026-01-01T01:00:00.000000Z",
            "project": {"id": "p1", "name": "ops", "domain": {"id": "default", "name": "Default"}}, "is_domain": false,
            "roles": [{"id": "r1", "name": "member"}, {"id": "r2", "name": "reader"}]}})
    }

    fn with(pointer: &str, value: Value) -> Result<TokenFacts, AnswerError> {
        let mut body = good();
        let (around, key) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(&format!("/token{around}")).unwrap()[key] = value;
        read(body.to_string().as_bytes())
    }

    #[test]
    fn who_where_what_and_how_long_are_read() {
        let facts = read(good().to_string().as_bytes()).unwrap();
        let domain = DomainName { id: "default".to_owned(), name: "Default".to_owned() };
        let named = |id: &str, name: &str| Named {
            id: id.to_owned(),
            name: name.to_owned(),
            domain: Some(domain.clone()),
        };
        assert_eq!(facts.user, named("u1", "alice"));
        assert_eq!(facts.scope, Scope::Project(named("p1", "ops")));
        assert_eq!(facts.roles, ["member", "reader"]);
        assert_eq!((facts.issued_at, facts.expires_at), (1_767_225_600, 1_767_229_200));
        assert_eq!((facts.methods, facts.audit_ids), (vec!["password".to_owned()], vec!["TGw".to_owned()]));
        assert_eq!((facts.application_credential, facts.vouched), (None, Vouched::Online));
    }

    #[test]
    fn every_scope_is_told_from_the_others() {
        let scoped = |pointer: &str, value: Value| {
            let mut body = good();
            body["token"].as_object_mut().unwrap().remove("project");
            if !pointer.is_empty() {
                body["token"][pointer] = value;
            }
            read(body.to_string().as_bytes()).map(|facts| facts.scope)
        };
        assert_eq!(scoped("", Value::Null), Ok(Scope::Unscoped));
        assert_eq!(scoped("system", json!({"all": true})), Ok(Scope::System));
        assert_eq!(scoped("system", json!({"all": false})), Err(AnswerError::Form));
        let ops = DomainName { id: "d".to_owned(), name: "Ops".to_owned() };
        assert_eq!(scoped("domain", json!({"id": "d", "name": "Ops"})), Ok(Scope::Domain(ops)));
        assert_eq!(with("/system", json!({"all": true})), Err(AnswerError::Scopes));
    }

    #[test]
    fn what_keystone_would_not_say_is_no_answer() {
        for (pointer, value, expected) in [
            ("/user", Value::Null, AnswerError::Form),
            ("/user/id", json!(""), AnswerError::Form),
            ("/user/id", json!(7), AnswerError::Form),
            ("/user/name", json!("x".repeat(2_000)), AnswerError::Long),
            ("/roles", json!("admin"), AnswerError::Form),
            ("/roles", json!(vec![json!({"name": "x"}); 257]), AnswerError::Long),
            ("/expires_at", json!("soon"), AnswerError::Time),
            ("/expires_at", json!(1_767_229_200), AnswerError::Form),
            ("/expires_at", json!("2025-01-01T00:00:00Z"), AnswerError::Time),
            ("/expires_at", Value::Null, AnswerError::Form),
        ] {
            assert_eq!(with(pointer, value.clone()), Err(expected), "{pointer}: {value:.60}");
        }
        for body in ["", "{}", "[]", "null", "{\"token\": []}", "<html>", "{\"token\": {}}"] {
            assert_eq!(read(body.as_bytes()), Err(AnswerError::Form), "{body}");
        }
        assert_eq!(read("[".repeat(200_000).as_bytes()), Err(AnswerError::Form));
        let twice = good().to_string().replace("\"user\":", "\"user\":{},\"user\":");
        assert_eq!(read(twice.as_bytes()), Err(AnswerError::Form));
    }

    #[test]
    fn a_catalogue_tells_the_places_of_the_identity_service_alone() {
        let mut body = good();
        body["token"]["catalog"] = json!([
            {"type": "compute", "endpoints": [{"interface": "public", "url": "https://nova"}]},
            {"type": "identity", "endpoints": [
                {"interface": "internal", "region": "R1", "url": "https://in/v3"},
                {"interface": "public", "url": "no url"}]}]);
        let (_, places) = read_with_catalogue(body.to_string().as_bytes()).unwrap();
        let url = Url::parse("https://in/v3").unwrap();
        assert_eq!(places, [Place { interface: "internal".to_owned(), region: Some("R1".to_owned()), url }]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _read = read(&body);
        }
    }
}
