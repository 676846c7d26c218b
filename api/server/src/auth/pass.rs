//! What a stream was opened with: it is asked again and again whether it still counts.

use super::foreign::{Foreign, Judged};
use super::identity::Identity;
use super::proof::place;
use super::store::Store;
use actix_web::{HttpMessage, HttpRequest, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use gatherd_api_types::Role;
use std::sync::Arc;

/// The credential of a stream.
pub(crate) struct Pass {
    needed: Role,
    by: By,
}

enum By {
    /// A token of ours, and who judges it.
    Token(web::Data<Store>, Arc<str>),
    /// A token of the identity service.
    Foreign(Asked),
    /// The unix socket, as long as the connection is there.
    Peer,
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
    /// The credential of a request, for what needs this role.
    pub(crate) fn of(request: &HttpRequest, needed: Role) -> Self {
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
            (Some(Identity::Peer(caller)), ..) if caller.role.covers(needed) => By::Peer,
            _ => By::Nothing,
        };
        Self { needed, by }
    }

    /// Whether it counts at `now`, in seconds since 1970: not expired, not taken back, and the user still has the
    /// role. Never waits: while the identity service is asked, what it said before counts.
    pub(crate) fn holds_at(&mut self, now: u64) -> bool {
        match &mut self.by {
            By::Token(store, token) => {
                store.verify(token, now).is_some_and(|facts| facts.role.covers(self.needed))
            }
            By::Foreign(asked) => asked.look(now).is_none_or(|judged| match judged {
                Judged::Known { role, .. } => role.covers(self.needed),
                Judged::Stranger { .. }
                | Judged::Refused(_)
                | Judged::Unreachable(_)
                | Judged::Limited(_) => false,
            }),
            By::Peer => true,
            By::Nothing => false,
        }
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
