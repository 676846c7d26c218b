//! Proofs that a caller may: what a handler takes, and only this room makes.

use super::identity::Identity;
use super::peer::Peer;
use super::rights::Needs;
use crate::management::Caller;
use crate::problem::ApiError;
use crate::settings::Settings;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use gatherd_api_types::Role;
use std::future::{Ready, ready};
use std::sync::Arc;

/// Defines a proof of a role.
macro_rules! proof {
    ($(#[doc = $doc:literal])+ $name:ident, $role:expr) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub(crate) struct $name(Caller);

        impl $name {
            /// Who it is.
            #[allow(dead_code, reason = "reads do not say who asked")]
            pub(crate) fn caller(&self) -> &Caller {
                &self.0
            }
        }

        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready(require(request, $role).map(Self))
            }
        }
    };
}

proof! {
    /// The caller may look.
    Reader, Role::Reader
}
proof! {
    /// The caller may operate.
    Member, Role::Member
}
proof! {
    /// The caller may change configuration and load code.
    Admin, Role::Admin
}

/// The caller may fetch the exposition: everybody by configuration, otherwise who may look.
#[derive(Debug)]
pub(crate) struct Scraper(());

impl FromRequest for Scraper {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let settings = request.app_data::<web::Data<Settings>>();
        // Who writes a line about this route wants it to hold, also where it would be open.
        let is_open = settings.is_some_and(|settings| settings.metrics_open);
        if is_open && Needs::said_of(request).is_none() {
            return ready(Ok(Self(())));
        }
        ready(require(request, Role::Reader).map(|_| Self(())))
    }
}

/// The caller, if its role covers what the policy says of the route, or else `told`.
fn require(request: &HttpRequest, told: Role) -> Result<Caller, ApiError> {
    let extensions = request.extensions();
    let caller = match extensions.get::<Identity>() {
        Some(Identity::Token { caller, .. } | Identity::Peer(caller)) => caller,
        Some(Identity::Ambiguous) => return Err(ApiError::ambiguous_credentials()),
        Some(Identity::Unknown) | None => return Err(ApiError::unauthorized()),
    };
    match Needs::said_of(request).unwrap_or(Needs::Role(told)) {
        Needs::Role(needed) if caller.role.covers(needed) => Ok(caller.clone()),
        Needs::Role(needed) => Err(ApiError::forbidden(needed, caller.role)),
        Needs::Nobody => Err(ApiError::closed()),
    }
}

/// Where a request comes from: an IP address, or `unix:` and the user id.
pub(crate) fn place(request: &HttpRequest) -> String {
    match (request.conn_data::<Arc<Peer>>(), request.peer_addr()) {
        (Some(peer), _) => peer.place(),
        (None, Some(address)) => address.ip().to_string(),
        (None, None) => "unknown".to_owned(),
    }
}
