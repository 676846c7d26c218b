//! What a stream was opened with: it is asked again and again whether it still counts.

use super::identity::Identity;
use super::rights::{Needs, Rights};
use super::store::Store;
use crate::routes::{Line, line_of};
use actix_web::{HttpMessage, HttpRequest, web};
use gatherd_api_types::Role;
use std::sync::Arc;

/// The credential of a stream.
pub(crate) struct Pass {
    told: Role,
    /// The policy, and the route that it may speak of.
    route: Option<(web::Data<Rights>, &'static Line)>,
    by: By,
}

enum By {
    /// A token, and who judges it.
    Token(web::Data<Store>, Arc<str>),
    /// The unix socket, as long as the connection is there.
    Peer(Role),
    /// Nothing that counts.
    Nothing,
}

impl Pass {
    /// The credential of a request, for what needs this role where the policy does not say otherwise.
    pub(crate) fn of(request: &HttpRequest, told: Role) -> Self {
        let store = request.app_data::<web::Data<Store>>();
        let by = match (request.extensions().get::<Identity>(), store) {
            (Some(Identity::Token { token, .. }), Some(store)) => By::Token(store.clone(), token.clone()),
            (Some(Identity::Peer(caller)), _) => By::Peer(caller.role),
            _ => By::Nothing,
        };
        let route = request.app_data::<web::Data<Rights>>().cloned().zip(line_of(request));
        Self { told, route, by }
    }

    /// Whether it counts at `now`, in seconds since 1970: not expired, not taken back, and the user still has a
    /// role that is enough.
    pub(crate) fn holds_at(&self, now: u64) -> bool {
        match &self.by {
            By::Token(store, token) => store.verify(token, now).is_some_and(|facts| self.admits(facts.role)),
            By::Peer(role) => self.admits(*role),
            By::Nothing => false,
        }
    }

    /// Whether a role is enough by the policy of this moment.
    fn admits(&self, role: Role) -> bool {
        let said = self.route.as_ref().and_then(|(rights, line)| rights.said_of(line));
        said.unwrap_or(Needs::Role(self.told)).met_by(role)
    }
}
