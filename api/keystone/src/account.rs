//! Our own account at Keystone: a token to ask with, got once, renewed in time, by one flight at a time.

use crate::Secret;
use crate::answer::{Place, read_with_catalogue};
use crate::config::{Catalogue, Credential, versioned};
use crate::endpoints::{Endpoints, whole_seconds};
use crate::http::{Http, LONGEST_CATALOGUE, NoReply, Reply, SUBJECT_TOKEN, tokens_of};
use crate::is_safe_url;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::Url;

/// How long before its end a token is renewed at most.
const MARGIN: Duration = Duration::from_secs(30);

/// Longest pause after our own credential was refused, in seconds: Keystone may lock accounts that insist.
const LONGEST_PAUSE: u64 = 60;

/// Why there is no token of our own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Trouble {
    /// No endpoint answers; seconds until one may be asked again.
    Away { reason: String, wait: u64 },
    /// Keystone refuses our own credential, or does not let us ask.
    Denied { reason: String, wait: u64 },
}

/// A token of our own.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) token: Secret<String>,
    renew_at: Instant,
    ends: Instant,
    /// Where tokens are validated, as the catalogue says; empty where it is not asked.
    pub(crate) places: Vec<Url>,
}

/// Our account.
#[derive(Debug)]
pub(crate) struct OwnAccount {
    credential: Credential,
    catalogue: Option<Catalogue>,
    insecure: bool,
    /// Held while a token is got, so that one flight does it and the others wait for it.
    state: Mutex<State>,
    began: Instant,
}

#[derive(Debug, Default)]
struct State {
    own: Option<Arc<Own>>,
    /// How often our credential was refused in a row.
    refusals: u32,
    /// Not before then.
    pause: Option<Instant>,
}

impl OwnAccount {
    pub(crate) fn new(credential: Credential, catalogue: Option<Catalogue>, insecure: bool) -> Self {
        Self { credential, catalogue, insecure, state: Mutex::default(), began: Instant::now() }
    }

    /// A token that is good for now.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    pub(crate) async fn token(&self, http: &Http, endpoints: &Endpoints) -> Result<Arc<Own>, Trouble> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(own) = state.own.as_ref().filter(|own| now < own.renew_at) {
            return Ok(Arc::clone(own));
        }
        match self.renew(&mut state, http, endpoints).await {
            Ok(own) => Ok(own),
            // The one before is good for a while yet.
            Err(trouble) => state.own.as_ref().filter(|own| now < own.ends).cloned().ok_or(trouble),
        }
    }

    /// Forgets a token that Keystone does not take any more, unless another flight did so already.
    pub(crate) async fn drop_token(&self, own: &Arc<Own>) {
        let mut state = self.state.lock().await;
        if state.own.as_ref().is_some_and(|known| Arc::ptr_eq(known, own)) {
            state.own = None;
        }
    }

    async fn renew(
        &self,
        state: &mut State,
        http: &Http,
        endpoints: &Endpoints,
    ) -> Result<Arc<Own>, Trouble> {
        let now = Instant::now();
        if let Some(left) = state.pause.and_then(|pause| pause.checked_duration_since(now)) {
            let reason = "Keystone refused the daemon's own credential".to_owned();
            return Err(Trouble::Denied { reason, wait: whole_seconds(left) });
        }
        match self.log_in(http, endpoints).await {
            Ok(own) => {
                let own = Arc::new(own);
                *state = State { own: Some(Arc::clone(&own)), ..State::default() };
                Ok(own)
            }
            Err(Trouble::Denied { reason, wait: _ }) => {
                let wait = (1_u64 << state.refusals.min(6)).min(LONGEST_PAUSE);
                state.refusals = state.refusals.saturating_add(1);
                state.pause = Some(Instant::now() + Duration::from_secs(wait));
                Err(Trouble::Denied { reason, wait })
            }
            Err(away) => Err(away),
        }
    }

    async fn log_in(&self, http: &Http, endpoints: &Endpoints) -> Result<Own, Trouble> {
        let query = if self.catalogue.is_some() { None } else { Some("nocatalog") };
        let mut reason = "no endpoint may be asked yet".to_owned();
        for place in endpoints.awake(self.began.elapsed()) {
            let body = body_of(&self.credential);
            let asked = Instant::now();
            let reply =
                http.send(Method::POST, tokens_of(place, query), &[], Some(&body), LONGEST_CATALOGUE).await;
            match reply.and_then(|reply| self.own(&reply, asked)) {
                Ok(Ok(own)) => {
                    endpoints.answered(place);
                    return Ok(own);
                }
                Ok(Err(status)) => {
                    endpoints.answered(place);
                    let reason = format!("Keystone answers {status} to the daemon's own credential");
                    return Err(Trouble::Denied { reason, wait: 1 });
                }
                Err(NoReply(why)) => {
                    endpoints.failed(place, self.began.elapsed());
                    reason = why;
                }
            }
        }
        Err(Trouble::Away { reason, wait: endpoints.wait(self.began.elapsed()) })
    }

    /// The token in a reply; the status where Keystone itself refuses.
    fn own(&self, reply: &Reply, asked: Instant) -> Result<Result<Own, u16>, NoReply> {
        match reply.status {
            201 => {}
            401 | 403 if reply.is_keystone_error() => return Ok(Err(reply.status)),
            status => return Err(NoReply(format!("status {status} when the daemon logs in"))),
        }
        let (facts, places) = read_with_catalogue(&reply.body).map_err(|error| NoReply(error.to_string()))?;
        let token = reply.headers.get(SUBJECT_TOKEN).and_then(|token| token.to_str().ok());
        let token = token.filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| NoReply("the answer has no X-Subject-Token".to_owned()))?;
        // By Keystone's clock alone, so that ours may be off.
        let lifetime = Duration::from_secs(facts.expires_at - facts.issued_at);
        Ok(Ok(Own {
            token: Secret::new(token.to_owned()),
            renew_at: asked + lifetime.saturating_sub(MARGIN.min(lifetime / 5)),
            ends: asked + lifetime,
            places: self.wanted(places),
        }))
    }

    /// The places of the catalogue that are meant, and to which tokens may travel.
    fn wanted(&self, places: Vec<Place>) -> Vec<Url> {
        let Some(Catalogue { interface, region }) = &self.catalogue else {
            return Vec::new();
        };
        let is_meant =
            |place: &Place| place.interface == *interface && (region.is_none() || place.region == *region);
        let (meant, others): (Vec<Place>, Vec<Place>) =
            places.into_iter().filter(is_meant).partition(|place| self.insecure || is_safe_url(&place.url));
        if !others.is_empty() {
            tracing::warn!("the catalogue names an endpoint of Keystone without TLS; it is not asked");
        }
        meant.iter().map(|place| versioned(&place.url)).collect()
    }
}

/// The request for a token.
fn body_of(credential: &Credential) -> Value {
    match credential {
        Credential::Password { user, password, project } => json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": user.name, "domain": {"name": user.domain}, "password": password.reveal()}}},
            "scope": {"project": {"name": project.name, "domain": {"name": project.domain}}}}}),
        Credential::Application { id, secret } => json!({"auth": {"identity": {
            "methods": ["application_credential"],
            "application_credential": {"id": id, "secret": secret.reveal()}}}}),
    }
}
