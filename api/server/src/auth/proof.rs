//! Proofs that a caller may: what a handler takes, and only this room makes.

use super::foreign::Foreign;
use super::identity::Identity;
use super::peer::Peer;
use super::rights::Needs;
use crate::management::Caller;
use crate::problem::ApiError;
use crate::routes::{Line, line_of};
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

/// The caller, if its role covers what the policy says of the route, or else `told`, and if it is sure enough who it is.
fn require(request: &HttpRequest, told: Role) -> Result<Caller, ApiError> {
    let needs = Needs::said_of(request).unwrap_or(Needs::Role(told));
    let extensions = request.extensions();
    let identity = extensions.get::<Identity>().unwrap_or(&Identity::Unknown);
    let caller = match identity {
        Identity::Token { caller, .. } | Identity::Peer(caller) => caller,
        Identity::Foreign { caller, unsure, .. } => {
            // What the service would say of the role is not known either.
            if let Some(wait) = unsure
                && (changes(request) || !needs.met_by(caller.role))
            {
                return Err(ApiError::identity_unreachable(*wait));
            }
            caller
        }
        Identity::Stranger { unsure: Some(wait), .. } | Identity::Unreachable(wait) => {
            return Err(ApiError::identity_unreachable(*wait));
        }
        Identity::Stranger { unsure: None, .. } => {
            return Err(match needs {
                Needs::Role(needed) => ApiError::no_role(needed),
                Needs::Nobody => ApiError::closed(),
            });
        }
        Identity::Limited(wait) => return Err(ApiError::too_many(*wait)),
        Identity::Ambiguous => return Err(ApiError::ambiguous_credentials()),
        Identity::Unknown | Identity::Former(_) => return Err(unauthorized(request)),
    };
    match needs {
        Needs::Role(needed) if caller.role.covers(needed) => Ok(caller.clone()),
        Needs::Role(needed) => Err(ApiError::forbidden(needed, caller.role)),
        Needs::Nobody => Err(ApiError::closed()),
    }
}

/// Whether a request may change something; also where nobody says.
fn changes(request: &HttpRequest) -> bool {
    line_of(request).is_none_or(Line::changes)
}

/// The one answer to everybody who is not known, which says where tokens are to be had.
fn unauthorized(request: &HttpRequest) -> ApiError {
    let foreign = request.app_data::<web::Data<Foreign>>();
    ApiError::unauthorized(foreign.map(|foreign| foreign.challenge().clone()))
}

/// Where a request comes from: an IP address, or `unix:` and the user id.
pub(crate) fn place(request: &HttpRequest) -> String {
    match (request.conn_data::<Arc<Peer>>(), request.peer_addr()) {
        (Some(peer), _) => peer.place(),
        (None, Some(address)) => address.ip().to_string(),
        (None, None) => "unknown".to_owned(),
    }
}
