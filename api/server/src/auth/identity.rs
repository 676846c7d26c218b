//! Who a request comes from: found out once, before any handler.

use super::credential::{Presented, presented};
use super::peer::{Peer, PeerPolicy};
use super::store::Store;
use super::token::Verified;
use crate::clock::now;
use crate::management::Caller;
use crate::tls::ClientCertificate;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use std::sync::Arc;

/// Who a request comes from.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// Somebody with a valid token.
    Token {
        /// Who.
        caller: Caller,
        /// What the token says.
        facts: Verified,
        /// The token itself; a secret.
        token: Arc<str>,
    },
    /// Somebody whom the connection itself shows: a trusted peer of the unix socket, or a client certificate.
    Peer(Caller),
    /// Nobody that we know: no token, or one that is not valid.
    Unknown,
    /// Two different tokens.
    Ambiguous,
}

/// Puts the [`Identity`] into the request. Refuses nobody: that is what proofs are for.
///
/// # Errors
///
/// Those of the handler behind it.
pub(crate) async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let identity = identify(&request).await;
    request.extensions_mut().insert(identity);
    next.call(request).await
}

async fn identify(request: &ServiceRequest) -> Identity {
    match presented(request.headers()) {
        Presented::Nothing => match request.conn_data::<Arc<ClientCertificate>>() {
            Some(certificate) => certified(request, certificate),
            None => trusted_peer(request).await,
        },
        Presented::Garbage => Identity::Unknown,
        Presented::Ambiguous => Identity::Ambiguous,
        Presented::Token(token) => by_token(request, token),
    }
}

fn by_token(request: &ServiceRequest, token: &str) -> Identity {
    let store = request.app_data::<web::Data<Store>>();
    match store.and_then(|store| store.verify(token, now())) {
        Some(facts) => {
            let (user, role) = (facts.user.clone(), facts.role);
            let caller = Caller { user, role, peer: place(request) };
            Identity::Token { caller, facts, token: Arc::from(token) }
        }
        None => Identity::Unknown,
    }
}

/// A certificate goes along with whatever a browser asks for, so what another site made it ask for does not count.
fn certified(request: &ServiceRequest, certificate: &ClientCertificate) -> Identity {
    let site = request.headers().get("sec-fetch-site");
    let is_foreign = site.is_some_and(|site| site != "same-origin" && site != "none");
    match certificate.identify(now()).filter(|_| !is_foreign) {
        Some((user, role)) => Identity::Peer(Caller { user, role, peer: place(request) }),
        None => Identity::Unknown,
    }
}

async fn trusted_peer(request: &ServiceRequest) -> Identity {
    let peer = request.conn_data::<Arc<Peer>>().cloned();
    let (Some(peer), Some(policy)) = (peer, request.app_data::<web::Data<PeerPolicy>>()) else {
        return Identity::Unknown;
    };
    match peer.identify(policy).await {
        Some((user, role)) => Identity::Peer(Caller { user, role, peer: peer.place() }),
        None => Identity::Unknown,
    }
}

/// Where a request comes from: an IP address, or `unix:` and the user id.
fn place(request: &ServiceRequest) -> String {
    super::proof::place(request.request())
}
