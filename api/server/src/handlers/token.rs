//! Tokens: get one, look at one, take one back.

use crate::audit::Made;
use crate::auth::{
    DomainName, Foreign, Identity, Issued, Judged, LoginError, Named, Reader, RevokeError, Rights, Scope,
    Store, TokenFacts, Verified, Vouched, place_of,
};
use crate::clock::now;
use crate::input::{JsonBody, NoParams, Params};
use crate::management::Caller;
use crate::problem::ApiError;
use crate::routes::{Line, TABLE};
use crate::tls::ClientCertificate;
use actix_web::http::header::HeaderName;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use gatherd_api_types::token::{Domain, TokenProject, TokenRole, TokenUser};
use gatherd_api_types::{
    FieldError, KeystoneToken, ProblemCode, Role, Timestamp, Token, TokenAnswer, TokenRequest, TokenVouched,
};
use std::sync::Arc;

const SUBJECT: HeaderName = HeaderName::from_static("x-subject-token");

/// Gets a token.
///
/// With name and password of a user of the daemon, in the shape that Keystone takes. The token is in the
/// header `X-Subject-Token`. Attempts are limited.
#[utoipa::path(post, path = "/v1/auth/tokens", operation_id = "create_token", tag = "tokens",
    request_body = TokenRequest,
    responses((status = 201, description = "The token is made.", body = TokenAnswer,
        headers(("X-Subject-Token" = String, description = "The token.")))))]
pub(crate) async fn create_token(
    store: web::Data<Store>,
    rights: web::Data<Rights>,
    request: HttpRequest,
    _params: Params<NoParams>,
    body: JsonBody<TokenRequest>,
) -> Result<HttpResponse, ApiError> {
    let identity = body.0.auth.identity;
    if identity.methods != ["password"] {
        let detail = "must be exactly [\"password\"]".to_owned();
        return Err(ApiError::invalid(vec![FieldError { pointer: "/auth/identity/methods".into(), detail }]));
    }
    let user = identity.password.user;
    let name = if is_local(user.domain.as_ref()) { user.name.as_str() } else { "" }; // No user has no name.
    let made = store.login(&place_of(&request), (name, &user.password), now()).await;
    let Issued { token, facts } = made.map_err(refused)?;
    let caller = Caller { user: facts.user.clone(), role: facts.role, peer: place_of(&request) };
    let mut answer = HttpResponse::Created()
        .insert_header((SUBJECT, token))
        .json(TokenAnswer { token: shown(&facts, &rights) });
    answer.extensions_mut().insert(Made { revision: None, caller: Some(caller) });
    Ok(answer)
}

/// Shows a token.
///
/// The one in `X-Subject-Token`, or the caller's own. Another user's is shown to admins only. Tokens of Keystone are
/// shown as well where they count here.
#[utoipa::path(get, path = "/v1/auth/tokens", operation_id = "get_token", tag = "tokens",
    params(("X-Subject-Token" = Option<String>, Header, description = "The token to look at.")),
    responses((status = 200, description = "What the token says.", body = TokenAnswer)))]
pub(crate) async fn get_token(
    proof: Reader,
    store: web::Data<Store>,
    rights: web::Data<Rights>,
    foreign: Option<web::Data<Foreign>>,
    request: HttpRequest,
    _params: Params<NoParams>,
) -> Result<web::Json<TokenAnswer>, ApiError> {
    let token = match (subject(&request)?, foreign) {
        (Some(token), Some(foreign)) if !store.is_own(&token) => {
            of_service(&foreign, &request, proof.caller(), &token, &rights).await?
        }
        (Some(token), _) => shown(&judged(&store, proof.caller(), &token)?, &rights),
        (None, _) => own(&request, proof.caller(), &rights),
    };
    Ok(web::Json(TokenAnswer { token }))
}

/// Takes a token back.
///
/// The one in `X-Subject-Token`, or the caller's own. It is worthless from now on, also after a restart. One of
/// Keystone can be taken back by Keystone alone; what is remembered of it here is forgotten.
#[utoipa::path(delete, path = "/v1/auth/tokens", operation_id = "delete_token", tag = "tokens",
    params(("X-Subject-Token" = Option<String>, Header, description = "The token to take back.")),
    responses((status = 204, description = "The token is worthless now.")))]
pub(crate) async fn delete_token(
    proof: Reader,
    store: web::Data<Store>,
    foreign: Option<web::Data<Foreign>>,
    request: HttpRequest,
    _params: Params<NoParams>,
) -> Result<HttpResponse, ApiError> {
    let token = match (subject(&request)?, request.extensions().get::<Identity>()) {
        (Some(token), _) => token,
        (None, Some(Identity::Token { token, .. } | Identity::Foreign { token, .. })) => token.to_string(),
        (None, _) => return Err(ApiError::bad_request("Name the token in X-Subject-Token.")),
    };
    if let Some(foreign) = foreign.filter(|_| !store.is_own(&token)) {
        foreign.forget(&token);
        return Err(ApiError::new(
            ProblemCode::Conflict,
            "Only Keystone takes its tokens back (DELETE /v3/auth/tokens there). What was remembered of this one is \
             forgotten: its next use asks Keystone.",
        ));
    }
    judged(&store, proof.caller(), &token)?;
    let revoking = web::block(move || store.revoke(&token, now())).await;
    match revoking {
        Ok(Ok(())) => Ok(HttpResponse::NoContent().finish()),
        Ok(Err(RevokeError::Unknown)) => Err(no_such_token()),
        Ok(Err(error @ RevokeError::Full)) => {
            Err(ApiError::new(ProblemCode::Unavailable, format!("The token stays valid: {error}.")))
        }
        Ok(Err(RevokeError::Store(source))) => {
            tracing::error!(error = %source, "cannot store the list of revoked tokens");
            Err(ApiError::of(ProblemCode::Storage))
        }
        Err(_ended) => Err(ApiError::of(ProblemCode::Unavailable)),
    }
}

/// The token that the request is about.
fn subject(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let mut values = request.headers().get_all(SUBJECT);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.to_owned())).map_err(|_| no_such_token()),
        (Some(_), Some(_)) => Err(ApiError::bad_request("X-Subject-Token is given twice.")),
    }
}

/// What a token says, if the caller may know.
fn judged(store: &Store, caller: &Caller, token: &str) -> Result<Verified, ApiError> {
    let facts = store.verify(token, now()).ok_or_else(no_such_token)?;
    if facts.user != caller.user && !caller.role.covers(Role::Admin) {
        return Err(ApiError::forbidden(Role::Admin, caller.role));
    }
    Ok(facts)
}

/// What a token of the identity service says, if the caller may know.
async fn of_service(
    foreign: &Foreign,
    request: &HttpRequest,
    caller: &Caller,
    token: &str,
    rights: &Rights,
) -> Result<Token, ApiError> {
    let (facts, role, unsure) = match foreign.judge(token, &place_of(request), now()).await {
        Judged::Known { facts, role, unsure } => (facts, Some(role), unsure),
        Judged::Stranger { facts, unsure } => (facts, None, unsure),
        Judged::Refused(_) => return Err(no_such_token()),
        Judged::Unreachable(wait) => return Err(ApiError::identity_unreachable(wait)),
        Judged::Limited(wait) => return Err(ApiError::too_many(wait)),
    };
    let asking = request.extensions().get::<Identity>().and_then(Identity::facts).map(Arc::clone);
    let is_same = asking.is_some_and(|asking| asking.user.id == facts.user.id);
    if !is_same && !caller.role.covers(Role::Admin) {
        return Err(ApiError::forbidden(Role::Admin, caller.role));
    }
    Ok(of_keystone(&facts, role, unsure, rights))
}

fn no_such_token() -> ApiError {
    ApiError::new(ProblemCode::NotFound, "X-Subject-Token is not a valid token.")
}

fn refused(error: LoginError) -> ApiError {
    match error {
        LoginError::Wrong => ApiError::wrong_password(),
        LoginError::TooMany { wait } => ApiError::too_many(wait),
        LoginError::Unavailable => ApiError::of(ProblemCode::Unavailable),
        LoginError::Off => ApiError::new(
            ProblemCode::Forbidden,
            "This daemon takes no passwords of its own: its configuration says api.local = false.",
        ),
    }
}

/// Whether a domain is the one of the daemon's own users.
fn is_local(domain: Option<&Domain>) -> bool {
    let Some(Domain { id, name }) = domain else {
        return true;
    };
    id.as_deref().is_none_or(|id| id == "default")
        && name.as_deref().is_none_or(|name| name.eq_ignore_ascii_case("default"))
}

fn own(request: &HttpRequest, caller: &Caller, rights: &Rights) -> Token {
    match request.extensions().get::<Identity>() {
        Some(Identity::Token { facts, .. }) => return shown(facts, rights),
        Some(Identity::Foreign { facts, unsure, .. }) => {
            return of_keystone(facts, Some(caller.role), *unsure, rights);
        }
        _ => {}
    }
    let is_certified = request.conn_data::<Arc<ClientCertificate>>().is_some();
    let method = if is_certified { "client_certificate" } else { "unix_socket" };
    Token {
        methods: vec![method.to_owned()],
        user: user(&caller.user),
        roles: roles(caller.role),
        may: may(caller.role, rights),
        keystone: None,
        issued_at: None,
        expires_at: None,
        audit_ids: Vec::new(),
    }
}

fn shown(facts: &Verified, rights: &Rights) -> Token {
    let Verified { user: name, role, audit_id, issued_at, expires_at } = facts;
    Token {
        methods: vec!["password".to_owned()],
        user: user(name),
        roles: roles(*role),
        may: may(*role, rights),
        keystone: None,
        issued_at: Some(moment(*issued_at)),
        expires_at: Some(moment(*expires_at)),
        audit_ids: vec![audit_id.clone()],
    }
}

fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX), 0)
}

/// A token of Keystone; `None` where it has no role here.
fn of_keystone(facts: &TokenFacts, role: Option<Role>, unsure: Option<u64>, rights: &Rights) -> Token {
    let TokenFacts {
        user,
        scope,
        roles: named,
        methods,
        application_credential,
        audit_ids,
        issued_at,
        expires_at,
        vouched,
    } = facts;
    let (project, domain) = match scope {
        Scope::Project(project) => (Some(project), None),
        Scope::Domain(domain) => (None, Some(domain)),
        Scope::Unscoped | Scope::System => (None, None),
    };
    let vouched = match vouched {
        Vouched::Online => TokenVouched::Online,
        Vouched::Offline => TokenVouched::Offline,
    };
    let Named { id, name, domain: home } = user;
    Token {
        methods: methods.clone(),
        user: TokenUser {
            id: id.clone(),
            name: name.clone(),
            domain: home.as_ref().map(domain_of).unwrap_or_default(),
        },
        roles: role.map(roles).unwrap_or_default(),
        may: role.map(|role| may(role, rights)).unwrap_or_default(),
        keystone: Some(KeystoneToken {
            vouched,
            unsure: unsure.is_some(),
            roles: named.clone(),
            project: project.map(project_of),
            domain: domain.map(domain_of),
            system: *scope == Scope::System,
            application_credential: application_credential.clone(),
        }),
        issued_at: Some(moment(*issued_at)),
        expires_at: Some(moment(*expires_at)),
        audit_ids: audit_ids.clone(),
    }
}

fn project_of(project: &Named) -> TokenProject {
    let Named { id, name, domain } = project;
    TokenProject { id: id.clone(), name: name.clone(), domain: domain.as_ref().map(domain_of) }
}

fn domain_of(domain: &DomainName) -> Domain {
    let DomainName { id, name } = domain;
    Domain { id: Some(id.clone()), name: Some(name.clone()) }
}

fn user(name: &str) -> TokenUser {
    let domain = Domain { id: Some("default".to_owned()), name: Some("Default".to_owned()) };
    TokenUser { id: name.to_owned(), name: name.to_owned(), domain }
}

/// The role and all that it covers, the strongest first.
fn roles(strongest: Role) -> Vec<TokenRole> {
    let all = [Role::Admin, Role::Member, Role::Reader];
    all.into_iter()
        .filter(|role| strongest.covers(*role))
        .map(|role| TokenRole { id: role, name: role })
        .collect()
}

/// The operations that a role may use now.
fn may(role: Role, rights: &Rights) -> Vec<String> {
    let lines = TABLE.iter().filter(|line| line.documented && rights.admits(line, role));
    lines.map(Line::name).collect()
}
