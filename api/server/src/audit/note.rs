//! What a record says: drafted before the handler, completed by what came of it.

use crate::auth::{Identity, Scope, TokenFacts, Vouched, place_of};
use crate::clock::timestamp;
use crate::management::Caller;
use crate::problem::ApiError;
use crate::random::uuid;
use crate::routes::Line;
use actix_web::body::MessageBody;
use actix_web::http::header::ETAG;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use gatherd_api_types::audit::{AuditCredential, AuditHost, AuditInitiator, AuditReason, AuditResource};
use gatherd_api_types::{AuditOutcome, AuditRecord, ProblemCode};
use std::time::SystemTime;

/// The version of CADF's event.
const EVENT: &str = "http://schemas.dmtf.org/cloud/audit/1.0/event";

/// A token of this daemon.
const OWN_TOKEN: &str = "token";

/// A token that Keystone vouched for.
const KEYSTONE_TOKEN: &str = "keystone";

/// A token of Keystone whose signature alone was checked.
const KEYSTONE_SIGNATURE: &str = "keystone/offline";

/// A token of Keystone that was valid before, and is refused now.
const KEYSTONE_FORMER: &str = "keystone/refused";

/// Most characters of a path or a name in a record.
const LONGEST: usize = 512;

/// The id of a request, as the envelope puts it into the request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// What a handler tells of its change beside the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    /// The revision, where no entity tag tells it.
    pub(crate) revision: Option<u64>,
    /// Who it turned out to be that asked.
    pub(crate) caller: Option<Caller>,
}

/// A record without what came of it.
#[derive(Debug)]
pub(super) struct Draft {
    action: String,
    caller: Option<Caller>,
    /// Somebody whom the identity service knows, and who has no role here.
    stranger: Option<String>,
    credential: Option<AuditCredential>,
    peer: String,
    target: AuditResource,
    request_path: String,
    request_id: String,
    revision: u64,
}

impl Draft {
    /// Of a request to `line`; the desired state is at `revision`.
    pub(super) fn new(line: &Line, request: &HttpRequest, revision: u64) -> Self {
        let extensions = request.extensions();
        let identity = extensions.get::<Identity>();
        let caller = identity.and_then(Identity::caller).cloned();
        let stranger = identity.and_then(Identity::stranger);
        let credential = identity.and_then(credential);
        let path = bounded(request.path());
        Self {
            action: action(&line.method, line.path),
            caller,
            stranger,
            credential,
            peer: place_of(request),
            target: AuditResource { type_uri: type_of(line.path), id: target(line, &path).to_owned() },
            request_path: format!("{} {path}", request.method()),
            request_id: extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.clone()),
            revision,
        }
    }

    /// Where the request comes from.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// The record, noted by the daemon on `host`; its number, and what binds it to others, is the trail's to say.
    pub(super) fn record(self, host: &str, verdict: &Verdict) -> AuditRecord {
        let Self { action, caller, stranger, credential, peer, target, request_path, request_id, revision } =
            self;
        let caller = caller.or_else(|| verdict.made.caller.clone());
        let name = caller.as_ref().map(|caller| caller.user.clone()).or(stranger);
        let code = verdict.status.map_or_else(String::new, |status| status.as_u16().to_string());
        let problem = verdict.problem.map(|problem| problem.as_str().to_owned());
        AuditRecord {
            number: 0,
            type_uri: EVENT.to_owned(),
            id: uuid(),
            event_type: "activity".to_owned(),
            event_time: timestamp(SystemTime::now()),
            action,
            outcome: verdict.outcome(),
            reason: AuditReason { reason_type: "HTTP".to_owned(), reason_code: code, problem },
            initiator: AuditInitiator {
                type_uri: "service/security/account/user".to_owned(),
                id: name.map_or_else(|| "unknown".to_owned(), |name| bounded(&name)),
                role: caller.as_ref().map(|caller| caller.role.as_str().to_owned()),
                host: AuditHost { address: peer },
                credential,
            },
            target,
            observer: AuditResource { type_uri: "service/telemetry".to_owned(), id: host.to_owned() },
            request_path,
            request_id,
            revision_before: revision,
            revision_after: verdict.made.revision.filter(|made| *made > revision),
            suppressed: 0,
            lost: 0,
            previous: String::new(),
        }
    }
}

/// What a token says of its owner; also of one who has no role here, or has none any more.
fn credential(identity: &Identity) -> Option<AuditCredential> {
    if let Identity::Token { facts, .. } = identity {
        let audit_ids = vec![facts.audit_id.clone()];
        return Some(AuditCredential {
            type_uri: OWN_TOKEN.to_owned(),
            audit_ids,
            ..AuditCredential::default()
        });
    }
    let (facts, is_former) = match identity {
        Identity::Former(facts) => (facts, true),
        identity => (identity.facts()?, false),
    };
    let TokenFacts {
        user,
        scope,
        roles,
        methods: _,
        application_credential,
        audit_ids,
        issued_at: _,
        expires_at: _,
        vouched,
    } = &**facts;
    let (project_id, project) = match scope {
        Scope::Project(project) => (Some(bounded(&project.id)), Some(bounded(&project.name))),
        Scope::Unscoped | Scope::Domain(_) | Scope::System => (None, None),
    };
    let (domain_id, system) = match scope {
        Scope::Domain(domain) => (Some(bounded(&domain.id)), false),
        scope => (None, *scope == Scope::System),
    };
    Some(AuditCredential {
        type_uri: match (is_former, vouched) {
            (true, _) => KEYSTONE_FORMER.to_owned(),
            (false, Vouched::Online) => KEYSTONE_TOKEN.to_owned(),
            (false, Vouched::Offline) => KEYSTONE_SIGNATURE.to_owned(),
        },
        audit_ids: audit_ids.iter().map(|id| bounded(id)).collect(),
        user_id: Some(bounded(&user.id)),
        user: Some(bounded(&user.name)),
        user_domain: user.domain.as_ref().map(|domain| bounded(&domain.name)),
        project_id,
        project,
        domain_id,
        system,
        roles: roles.iter().map(|role| bounded(role)).collect(),
        application_credential: application_credential.as_deref().map(bounded),
    })
}

/// What came of a request.
#[derive(Debug)]
pub(super) struct Verdict {
    status: Option<StatusCode>,
    problem: Option<ProblemCode>,
    made: Made,
}

impl Verdict {
    /// Of an answer that did not go out yet.
    pub(super) fn of<B: MessageBody>(answer: &HttpResponse<B>) -> Self {
        let error = answer.error().and_then(|error| error.as_error::<ApiError>());
        let mut made = answer.extensions().get::<Made>().cloned().unwrap_or_default();
        let tag = || answer.headers().get(ETAG)?.to_str().ok()?.trim_matches('"').parse().ok();
        made.revision = made.revision.or_else(tag);
        Self { status: Some(answer.status()), problem: error.map(ApiError::code), made }
    }

    /// Of a request that has no answer.
    pub(super) fn unknown() -> Self {
        Self { status: None, problem: None, made: Made::default() }
    }

    /// Whether it was refused for who asks, or for what it showed of that.
    pub(super) fn refuses_credential(&self) -> bool {
        let by_code = matches!(
            self.problem,
            Some(ProblemCode::Unauthorized | ProblemCode::Forbidden | ProblemCode::AmbiguousCredentials)
        );
        by_code || matches!(self.status, Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }

    /// Whether the caller is to blame.
    pub(super) fn is_refusal(&self) -> bool {
        self.status.is_some_and(|status| status.is_client_error())
    }

    /// Whether it was done.
    pub(super) fn is_success(&self) -> bool {
        self.outcome() == AuditOutcome::Success
    }

    fn outcome(&self) -> AuditOutcome {
        match self.status {
            None => AuditOutcome::Unknown,
            Some(status) if status.is_client_error() || status.is_server_error() => AuditOutcome::Failure,
            Some(_) => AuditOutcome::Success,
        }
    }
}

/// What a request asks for, in CADF's words where it has one, otherwise the verb of the path.
fn action(method: &Method, path: &str) -> String {
    let verb = path.rsplit('/').next().unwrap_or_default();
    let is_verb = ends_with_verb(method, path);
    let word = match *method {
        Method::POST if path == "/v1/auth/tokens" => "authenticate",
        Method::POST if verb == "preview" => "read",
        Method::POST if is_verb => verb,
        Method::POST => "create",
        Method::PUT | Method::PATCH => "update",
        Method::DELETE => "delete",
        _ => "read",
    };
    word.to_owned()
}

/// Whether the last word of a path tells what is to be done.
fn ends_with_verb(method: &Method, path: &str) -> bool {
    let alone = ["/v1/flush", "/v1/time/sync", "/v1/daemon/reload"];
    *method == Method::POST && (path.contains("}/") || alone.contains(&path))
}

/// The path of what a request is about.
fn target<'a>(line: &Line, path: &'a str) -> &'a str {
    let before = path.rsplit_once('/').map(|(before, _)| before);
    before.filter(|_| ends_with_verb(&line.method, line.path)).unwrap_or(path)
}

/// What a path is about: its words without the ids and the verb.
fn type_of(path: &str) -> String {
    let words = path.trim_start_matches("/v1").split('/').filter(|word| !word.is_empty());
    let words = words.filter(|word| !word.starts_with('{')).take(2);
    words.fold("service/telemetry".to_owned(), |all, word| all + "/" + word)
}

fn bounded(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::{action, type_of};
    use actix_web::http::Method;

    #[test]
    fn actions_are_words_of_cadf_or_the_verb_of_the_path() {
        let of = |method: Method, path| action(&method, path);
        assert_eq!(of(Method::POST, "/v1/auth/tokens"), "authenticate");
        assert_eq!(of(Method::POST, "/v1/plugins"), "create");
        assert_eq!(of(Method::POST, "/v1/plugins/{id}/disable"), "disable");
        assert_eq!(of(Method::POST, "/v1/time/sync"), "sync");
        assert_eq!(of(Method::POST, "/v1/flush"), "flush");
        assert_eq!(of(Method::PATCH, "/v1/config"), "update");
        assert_eq!(of(Method::DELETE, "/v1/cache/{identifier:.+}"), "delete");
        assert_eq!(of(Method::POST, "/v1/blacklist/preview"), "read");
        assert_eq!(of(Method::GET, "/v1/plugins"), "read");
    }

    #[test]
    fn a_target_has_the_kind_of_its_path() {
        assert_eq!(type_of("/v1/plugins/{id}/config"), "service/telemetry/plugins/config");
        assert_eq!(type_of("/v1/blacklist"), "service/telemetry/blacklist");
    }
}
