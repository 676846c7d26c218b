//! The daemon's own users: list, one, make or change, take away, new password.
//!
//! They are no resources of the document, and have no revisions, because nobody wants a password of before back. So there
//! is no `If-Match`, no dry run and no way to try a change.

use super::resource::PageParams;
use crate::auth::{Admin, Known, Put, Store, UserError, UserWish};
use crate::input::{JsonBody, ListParams, NoParams, Params};
use crate::management::Part;
use crate::output::{Walk, page};
use crate::problem::ApiError;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{FieldError, Page, ProblemCode, RotatedUser, Timestamp, User, UserChange};

/// Lists the daemon's own users, by name.
///
/// Without what their passwords are made of.
#[utoipa::path(get, path = "/v1/auth/users", operation_id = "list_users", tag = "users", params(PageParams),
    responses((status = 200, description = "A page of users.", body = Page<User>)))]
pub(crate) async fn list_users(
    _proof: Admin,
    store: web::Data<Store>,
    params: Params<PageParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let walk = Walk::new(ListParams::from(params.0).read()?, move |list| {
        let (users, is_more) = store.users(list.after.as_deref(), list.limit);
        let next = users.last().filter(|_| is_more).map(|last| last.name.clone());
        let items = users.into_iter().map(shown).collect();
        Box::pin(std::future::ready(Ok(Part { items, next })))
    });
    page(&request, walk).await
}

/// Shows one of the daemon's own users.
///
/// Without what its password is made of.
#[utoipa::path(get, path = "/v1/auth/users/{name}", operation_id = "get_user", tag = "users",
    params(("name" = String, Path, description = "Name of the user.", example = "ann")),
    responses((status = 200, description = "The user.", body = User)))]
pub(crate) async fn get_user(
    _proof: Admin,
    store: web::Data<Store>,
    name: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<User>, ApiError> {
    store.known_user(&name).map(|known| web::Json(shown(known))).ok_or_else(|| refused(&UserError::Unknown))
}

/// Makes one of the daemon's own users, or changes one.
///
/// What is left out stays as it is; a new user needs a role and a password. A new password ends the tokens of the user,
/// a new role counts for them at once. The last user with the role `admin` keeps it. There are no revisions of users, so
/// no `If-Match` is needed: the last change counts.
#[utoipa::path(put, path = "/v1/auth/users/{name}", operation_id = "put_user", tag = "users",
    params(("name" = String, Path, description = "Name of the user: 1 to 64 characters of a-z, A-Z, 0-9, '.', '_', '-' \
        and '@'.", example = "ann")),
    request_body = UserChange,
    responses((status = 200, description = "The user was changed.", body = User),
        (status = 201, description = "The user was made.", body = User,
            headers(("Location" = String, description = "Where it is.")))))]
pub(crate) async fn put_user(
    _proof: Admin,
    store: web::Data<Store>,
    name: web::Path<String>,
    _params: Params<NoParams>,
    change: JsonBody<UserChange>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let UserChange { role, password } = change.0;
    match store.change_user(&name, UserWish { role, password }).await.map_err(|error| refused(&error))? {
        Put::Changed(user) => Ok(HttpResponse::Ok().json(shown(user))),
        // Names have only characters that stand for themselves in a path.
        Put::Made(user) => {
            Ok(HttpResponse::Created().insert_header((LOCATION, request.path())).json(shown(user)))
        }
    }
}

/// Takes one of the daemon's own users away.
///
/// Its tokens end. The last user with the role `admin` stays.
#[utoipa::path(delete, path = "/v1/auth/users/{name}", operation_id = "delete_user", tag = "users",
    params(("name" = String, Path, description = "Name of the user.", example = "ann")),
    responses((status = 204, description = "There is no such user any more.")))]
pub(crate) async fn delete_user(
    _proof: Admin,
    store: web::Data<Store>,
    name: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<HttpResponse, ApiError> {
    store.remove_user(&name).await.map_err(|error| refused(&error))?;
    Ok(HttpResponse::NoContent().finish())
}

/// Gives one of the daemon's own users a new password.
///
/// At random, and shown in this answer alone. Its tokens end. The answer is not remembered, whatever key the request
/// has.
#[utoipa::path(post, path = "/v1/auth/users/{name}/rotate", operation_id = "rotate_user", tag = "users",
    params(("name" = String, Path, description = "Name of the user.", example = "ann")),
    responses((status = 200, description = "The user with its new password.", body = RotatedUser)))]
pub(crate) async fn rotate_user(
    _proof: Admin,
    store: web::Data<Store>,
    name: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<RotatedUser>, ApiError> {
    let (user, password) = store.rotate_user(&name).await.map_err(|error| refused(&error))?;
    Ok(web::Json(RotatedUser { user: shown(user), password }))
}

fn shown(Known { name, role, since }: Known) -> User {
    let moment = |seconds: u64| Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX), 0);
    User { name, role, password_changed_at: since.map(moment) }
}

fn refused(error: &UserError) -> ApiError {
    let invalid = |pointer: &str| {
        let detail = error.to_string();
        ApiError::invalid(vec![FieldError { pointer: pointer.to_owned(), detail }])
    };
    match error {
        UserError::Name => invalid(""),
        UserError::NeedsRole => invalid("/role"),
        UserError::Password | UserError::NeedsPassword => invalid("/password"),
        UserError::Unknown => ApiError::new(ProblemCode::NotFound, "There is no such user."),
        UserError::LastAdmin => ApiError::new(
            ProblemCode::Conflict,
            "This is the last user with the role admin; make another one admin first.",
        ),
        UserError::Full => ApiError::new(ProblemCode::Conflict, format!("The user is not made: {error}.")),
        UserError::Store(source) => {
            tracing::error!(error = %source, "cannot store the users");
            ApiError::of(ProblemCode::Storage)
        }
        UserError::Unavailable => ApiError::of(ProblemCode::Unavailable),
    }
}
