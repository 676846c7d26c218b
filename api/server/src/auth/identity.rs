//! Who a request comes from: found out once, before any handler.

use super::credential::{Presented, presented};
use super::foreign::{self, Foreign, Judged};
use super::peer::{Peer, PeerPolicy};
use super::service::TokenFacts;
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
    /// Somebody with a valid token of this daemon.
    Token {
        /// Who.
        caller: Caller,
        /// What the token says.
        facts: Verified,
        /// The token itself; a secret.
        token: Arc<str>,
    },
    /// Somebody with a valid token of the identity service, and a role here.
    Foreign {
        /// Who.
        caller: Caller,
        /// What the token says.
        facts: Arc<TokenFacts>,
        /// When set, the service cannot be asked now, so that nothing may be changed; seconds until the next try.
        unsure: Option<u64>,
        /// The token itself; a secret.
        token: Arc<str>,
    },
    /// Somebody with a valid token of the identity service, and no role here.
    Stranger {
        /// What the token says.
        facts: Arc<TokenFacts>,
        /// As for [`Identity::Foreign`].
        unsure: Option<u64>,
    },
    /// Somebody whom the connection itself shows: a trusted peer of the unix socket, or a client certificate.
    Peer(Caller),
    /// Nobody that we know: no token, or one that is not valid.
    Unknown,
    /// As [`Identity::Unknown`] to whoever asks; records tell whose the token was while it was valid.
    Former(Arc<TokenFacts>),
    /// Two different tokens.
    Ambiguous,
    /// The identity service alone could tell, and cannot be asked; seconds until the next try.
    Unreachable(u64),
    /// Too many bad tokens came from there; seconds until the next try.
    Limited(u64),
}

impl Identity {
    /// Who it is, where that is known and has a role.
    pub(crate) fn caller(&self) -> Option<&Caller> {
        match self {
            Self::Token { caller, .. } | Self::Foreign { caller, .. } | Self::Peer(caller) => Some(caller),
            Self::Stranger { .. }
            | Self::Unknown
            | Self::Former(_)
            | Self::Ambiguous
            | Self::Unreachable(_)
            | Self::Limited(_) => None,
        }
    }

    /// The name of somebody whom the identity service knows, and who has no role here.
    pub(crate) fn stranger(&self) -> Option<String> {
        match self {
            Self::Stranger { facts, .. } => Some(foreign::name_of(facts)),
            _ => None,
        }
    }

    /// What the identity service said.
    pub(crate) fn facts(&self) -> Option<&Arc<TokenFacts>> {
        match self {
            Self::Foreign { facts, .. } | Self::Stranger { facts, .. } => Some(facts),
            _ => None,
        }
    }
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
        Presented::Token(token) => by_token(request, token).await,
    }
}

/// A token that is made like ours is judged by us alone; any other by the identity service alone, where there is one.
async fn by_token(request: &ServiceRequest, token: &str) -> Identity {
    let Some(store) = request.app_data::<web::Data<Store>>() else {
        return Identity::Unknown;
    };
    if store.is_own(token) {
        return own(request, store, token);
    }
    match request.app_data::<web::Data<Foreign>>() {
        Some(foreign) => of_service(request, foreign, token).await,
        None => Identity::Unknown,
    }
}

fn own(request: &ServiceRequest, store: &Store, token: &str) -> Identity {
    match store.verify(token, now()) {
        Some(facts) => {
            let (user, role) = (facts.user.clone(), facts.role);
            let caller = Caller { user, role, peer: place(request) };
            Identity::Token { caller, facts, token: Arc::from(token) }
        }
        None => Identity::Unknown,
    }
}

async fn of_service(request: &ServiceRequest, foreign: &Foreign, token: &str) -> Identity {
    let peer = place(request);
    match foreign.judge(token, &peer, now()).await {
        Judged::Known { facts, role, unsure } => {
            let caller = Caller { user: foreign::name_of(&facts), role, peer };
            Identity::Foreign { caller, facts, unsure, token: Arc::from(token) }
        }
        Judged::Stranger { facts, unsure } => Identity::Stranger { facts, unsure },
        Judged::Refused(Some(facts)) => Identity::Former(facts),
        Judged::Refused(None) => Identity::Unknown,
        Judged::Unreachable(wait) => Identity::Unreachable(wait),
        Judged::Limited(wait) => Identity::Limited(wait),
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
