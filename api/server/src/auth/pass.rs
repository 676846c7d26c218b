//! What a stream was opened with: it is asked again and again whether it still counts.

use super::identity::Identity;
use super::store::Store;
use crate::tls::ClientCertificate;
use actix_web::{HttpMessage, HttpRequest, web};
use gatherd_api_types::Role;
use std::sync::Arc;

/// The credential of a stream.
pub(crate) struct Pass {
    needed: Role,
    by: By,
}

enum By {
    /// A token, and who judges it.
    Token(web::Data<Store>, Arc<str>),
    /// The unix socket, as long as the connection is there.
    Peer,
    /// A client certificate.
    Certificate(Arc<ClientCertificate>),
    /// Nothing that counts.
    Nothing,
}

impl Pass {
    /// The credential of a request, for what needs this role.
    pub(crate) fn of(request: &HttpRequest, needed: Role) -> Self {
        let store = request.app_data::<web::Data<Store>>();
        let by = match (request.extensions().get::<Identity>(), store) {
            (Some(Identity::Token { token, .. }), Some(store)) => By::Token(store.clone(), token.clone()),
            (Some(Identity::Peer(caller)), _) if caller.role.covers(needed) => {
                let certificate = request.conn_data::<Arc<ClientCertificate>>();
                certificate.map_or(By::Peer, |shown| By::Certificate(shown.clone()))
            }
            _ => By::Nothing,
        };
        Self { needed, by }
    }

    /// Whether it counts at `now`, in seconds since 1970: not expired, not taken back, and the user still has the
    /// role.
    pub(crate) fn holds_at(&self, now: u64) -> bool {
        match &self.by {
            By::Token(store, token) => {
                store.verify(token, now).is_some_and(|facts| facts.role.covers(self.needed))
            }
            By::Peer => true,
            By::Certificate(shown) => shown.identify(now).is_some_and(|(_, role)| role.covers(self.needed)),
            By::Nothing => false,
        }
    }
}
