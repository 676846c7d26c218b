//! What a stream was opened with: it is asked again and again whether it still counts.

use super::foreign::{Foreign, Judged};
use super::identity::Identity;
use super::proof::place;
use super::rights::{Needs, Rights};
use super::store::Store;
use crate::routes::{Line, line_of};
use crate::tls::ClientCertificate;
use actix_web::{HttpMessage, HttpRequest, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
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
    /// A token of ours, and who judges it.
    Token(web::Data<Store>, Arc<str>),
    /// A token of the identity service.
    Foreign(Asked),
    /// The unix socket, as long as the connection is there.
    Peer(Role),
    /// A client certificate.
    Certificate(Arc<ClientCertificate>),
    /// Nothing that counts.
    Nothing,
}

/// A token that the identity service judges, which may take a while.
struct Asked {
    foreign: web::Data<Foreign>,
    token: Arc<str>,
    peer: String,
    /// A judgement that was not there at the last look; it goes on by itself.
    under_way: Option<LocalBoxFuture<'static, Judged>>,
}

impl Pass {
    /// The credential of a request, for what needs this role where the policy does not say otherwise.
    pub(crate) fn of(request: &HttpRequest, told: Role) -> Self {
        let store = request.app_data::<web::Data<Store>>();
        let foreign = request.app_data::<web::Data<Foreign>>();
        let by = match (request.extensions().get::<Identity>(), store, foreign) {
            (Some(Identity::Token { token, .. }), Some(store), _) => By::Token(store.clone(), token.clone()),
            (Some(Identity::Foreign { token, .. }), _, Some(foreign)) => By::Foreign(Asked {
                foreign: foreign.clone(),
                token: token.clone(),
                peer: place(request),
                under_way: None,
            }),
            (Some(Identity::Peer(caller)), ..) => {
                let certificate = request.conn_data::<Arc<ClientCertificate>>();
                certificate.map_or(By::Peer(caller.role), |shown| By::Certificate(shown.clone()))
            }
            _ => By::Nothing,
        };
        let route = request.app_data::<web::Data<Rights>>().cloned().zip(line_of(request));
        Self { told, route, by }
    }

    /// Whether it counts at `now`, in seconds since 1970: not expired, not taken back, and the user still has a
    /// role that is enough. Never waits: while the identity service is asked, what it said before counts.
    pub(crate) fn holds_at(&mut self, now: u64) -> bool {
        let role = match &mut self.by {
            By::Token(store, token) => store.verify(token, now).map(|facts| facts.role),
            By::Foreign(asked) => match asked.look(now) {
                None => return true,
                Some(Judged::Known { role, .. }) => Some(role),
                Some(
                    Judged::Stranger { .. }
                    | Judged::Refused(_)
                    | Judged::Unreachable(_)
                    | Judged::Limited(_),
                ) => None,
            },
            By::Peer(role) => Some(*role),
            By::Certificate(shown) => shown.identify(now).map(|(_, role)| role),
            By::Nothing => None,
        };
        role.is_some_and(|role| self.admits(role))
    }

    /// Whether a role is enough by the policy of this moment.
    fn admits(&self, role: Role) -> bool {
        let said = self.route.as_ref().and_then(|(rights, line)| rights.said_of(line));
        said.unwrap_or(Needs::Role(self.told)).met_by(role)
    }
}

impl Asked {
    /// The judgement of this look; `None` while it is under way. It has a deadline of its own.
    fn look(&mut self, now: u64) -> Option<Judged> {
        let mut judging = self.under_way.take().unwrap_or_else(|| {
            let (foreign, token, peer) = (self.foreign.clone(), self.token.clone(), self.peer.clone());
            async move { foreign.judge(&token, &peer, now).await }.boxed_local()
        });
        let judged = judging.as_mut().now_or_never();
        if judged.is_none() {
            self.under_way = Some(judging);
        }
        judged
    }
}
