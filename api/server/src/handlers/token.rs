//! Tokens: get one, look at one, take one back.

use crate::audit::Made;
use crate::auth::{Identity, Issued, LoginError, Reader, RevokeError, Rights, Store, Verified, place_of};
use crate::clock::now;
use crate::input::{JsonBody, NoParams, Params};
use crate::management::Caller;
use crate::problem::ApiError;
use crate::routes::{Line, TABLE};
use actix_web::http::header::HeaderName;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use gatherd_api_types::token::{Domain, TokenRole, TokenUser};
use gatherd_api_types::{FieldError, ProblemCode, Role, Timestamp, Token, TokenAnswer, TokenRequest};

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
/// The one in `X-Subject-Token`, or the caller's own. Another user's is shown to admins only.
#[utoipa::path(get, path = "/v1/auth/tokens", operation_id = "get_token", tag = "tokens",
    params(("X-Subject-Token" = Option<String>, Header, description = "The token to look at.")),
    responses((status = 200, description = "What the token says.", body = TokenAnswer)))]
pub(crate) async fn get_token(
    proof: Reader,
    store: web::Data<Store>,
    rights: web::Data<Rights>,
    request: HttpRequest,
    _params: Params<NoParams>,
) -> Result<web::Json<TokenAnswer>, ApiError> {
    let token = match subject(&request)? {
        Some(token) => shown(&judged(&store, proof.caller(), &token)?, &rights),
        None => own(&request, proof.caller(), &rights),
    };
    Ok(web::Json(TokenAnswer { token }))
}

/// Takes a token back.
///
/// The one in `X-Subject-Token`, or the caller's own. It is worthless from now on, also after a restart.
#[utoipa::path(delete, path = "/v1/auth/tokens", operation_id = "delete_token", tag = "tokens",
    params(("X-Subject-Token" = Option<String>, Header, description = "The token to take back.")),
    responses((status = 204, description = "The token is worthless now.")))]
pub(crate) async fn delete_token(
    proof: Reader,
    store: web::Data<Store>,
    request: HttpRequest,
    _params: Params<NoParams>,
) -> Result<HttpResponse, ApiError> {
    let token = match (subject(&request)?, request.extensions().get::<Identity>()) {
        (Some(token), _) => token,
        (None, Some(Identity::Token { token, .. })) => token.to_string(),
        (None, _) => return Err(ApiError::bad_request("Name the token in X-Subject-Token.")),
    };
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

fn no_such_token() -> ApiError {
    ApiError::new(ProblemCode::NotFound, "X-Subject-Token is not a valid token.")
}

fn refused(error: LoginError) -> ApiError {
    match error {
        LoginError::Wrong => ApiError::wrong_password(),
        LoginError::TooMany { wait } => ApiError::too_many(wait),
        LoginError::Unavailable => ApiError::of(ProblemCode::Unavailable),
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
    if let Some(Identity::Token { facts, .. }) = request.extensions().get::<Identity>() {
        return shown(facts, rights);
    }
    Token {
        methods: vec!["unix_socket".to_owned()],
        user: user(&caller.user),
        roles: roles(caller.role),
        may: may(caller.role, rights),
        issued_at: None,
        expires_at: None,
        audit_ids: Vec::new(),
    }
}

fn shown(facts: &Verified, rights: &Rights) -> Token {
    let Verified { user: name, role, audit_id, issued_at, expires_at } = facts;
    let moment = |seconds: u64| Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX), 0);
    Token {
        methods: vec!["password".to_owned()],
        user: user(name),
        roles: roles(*role),
        may: may(*role, rights),
        issued_at: Some(moment(*issued_at)),
        expires_at: Some(moment(*expires_at)),
        audit_ids: vec![audit_id.clone()],
    }
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
