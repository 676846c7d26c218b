//! Asking Keystone about one token.

use crate::Secret;
use crate::account::{Own, OwnAccount, Trouble};
use crate::answer;
use crate::config::Config;
use crate::endpoints::Endpoints;
use crate::http::{AUTH_TOKEN, Http, HttpError, LONGEST_TOKEN, NoReply, Reply, SUBJECT_TOKEN, tokens_of};
use crate::vitals::Vitals;
use gatherd_api::auth::TokenFacts;
use reqwest::Method;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use url::Url;

/// What Keystone says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    /// The token is valid.
    Valid(Box<TokenFacts>),
    /// It is not.
    Refused,
    /// Keystone is well, and says of this token what it never should.
    Odd(String),
    /// Nobody says anything that counts.
    Trouble(Trouble),
}

/// What one endpoint says.
enum Said {
    Valid(Box<TokenFacts>),
    Refused,
    /// Our own token is not good (any more).
    NotOurs,
    /// Our account may not ask.
    Forbidden,
    /// Nothing that counts.
    Nothing(String),
    /// Nothing that counts, though it is well.
    Odd(String),
}

/// Keystone, as it can be asked.
#[derive(Debug)]
pub(crate) struct Online {
    http: Http,
    account: OwnAccount,
    /// Where we log in, and where tokens are validated without a catalogue.
    endpoints: Endpoints,
    /// Where the catalogue says that tokens are validated.
    catalogued: Mutex<Arc<(Vec<Url>, Endpoints)>>,
    began: Instant,
}

impl Online {
    /// Keystone as configured; `None` where it is never asked.
    ///
    /// # Errors
    ///
    /// [`HttpError`].
    pub(crate) fn new(config: &Config) -> Result<Option<Self>, HttpError> {
        let Some(credential) = config.credential.clone().filter(|_| !config.endpoints.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            http: Http::new(config)?,
            account: OwnAccount::new(credential, config.catalogue.clone(), config.insecure),
            endpoints: Endpoints::new(config.places()),
            catalogued: Mutex::new(Arc::new((Vec::new(), Endpoints::new(Vec::new())))),
            began: Instant::now(),
        }))
    }

    /// Asks about a token. When our own is refused, it is renewed once and Keystone asked once more.
    pub(crate) async fn validate(&self, token: &str, vitals: &Vitals) -> Told {
        let token = Secret::new(token.to_owned());
        for renewed in [false, true] {
            let own = match self.account.token(&self.http, &self.endpoints).await {
                Ok(own) => own,
                Err(trouble) => return Told::Trouble(trouble),
            };
            match self.ask_all(&own, &token, vitals).await {
                Said::Valid(facts) => return Told::Valid(facts),
                Said::Refused => return Told::Refused,
                Said::Odd(why) => return Told::Odd(why),
                Said::Forbidden => {
                    let reason = "Keystone answers 403: the daemon's own account may not validate tokens; give it \
                                  the role service or admin";
                    return Told::Trouble(Trouble::Denied { reason: reason.to_owned(), wait: 5 });
                }
                Said::Nothing(reason) => {
                    let wait = self.endpoints_of(&own).wait(self.began.elapsed());
                    return Told::Trouble(Trouble::Away { reason, wait });
                }
                Said::NotOurs if renewed => {}
                Said::NotOurs => self.account.drop_token(&own).await,
            }
        }
        let reason = "Keystone refuses the daemon's own token, also a fresh one".to_owned();
        Told::Trouble(Trouble::Denied { reason, wait: 5 })
    }

    /// Asks one endpoint after the other until one says something that counts.
    async fn ask_all(&self, own: &Own, token: &Secret<String>, vitals: &Vitals) -> Said {
        let catalogued = self.endpoints_of(own);
        let mut last = "no endpoint may be asked yet".to_owned();
        for place in catalogued.awake(self.began.elapsed()) {
            vitals.count_request();
            let reply = self.ask(place, own, token).await;
            let is_reply = reply.is_ok();
            match reply.map_or_else(|NoReply(why)| Said::Nothing(why), |reply| said(&reply, token)) {
                Said::Nothing(why) => {
                    vitals.count_failure();
                    // A token that makes Keystone fail must not make it look away: our own is asked about.
                    if is_reply && self.is_well(place, own).await {
                        return Said::Odd(why);
                    }
                    catalogued.failed(place, self.began.elapsed());
                    last = why;
                }
                // Keystone also says 401 of a token whose owner lost all roles; ours need not be renewed for that.
                Said::NotOurs if self.is_well(place, own).await => return Said::Refused,
                counts => {
                    catalogued.answered(place);
                    return counts;
                }
            }
        }
        Said::Nothing(last)
    }

    async fn ask(&self, place: &Url, own: &Own, token: &Secret<String>) -> Result<Reply, NoReply> {
        let place = tokens_of(place, Some("nocatalog"));
        let tokens = [(AUTH_TOKEN, &own.token), (SUBJECT_TOKEN, token)];
        self.http.send(Method::GET, place, &tokens, None, LONGEST_TOKEN).await
    }

    /// Whether an endpoint knows our own token.
    async fn is_well(&self, place: &Url, own: &Own) -> bool {
        let reply = self.ask(place, own, &own.token).await;
        reply.is_ok_and(|reply| matches!(said(&reply, &own.token), Said::Valid(_)))
    }

    /// Where tokens are validated.
    fn endpoints_of(&self, own: &Own) -> Reached<'_> {
        if own.places.is_empty() {
            return Reached::Configured(&self.endpoints);
        }
        let mut known = self.catalogued.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != own.places {
            *known = Arc::new((own.places.clone(), Endpoints::new(own.places.clone())));
        }
        Reached::Catalogued(Arc::clone(&known))
    }
}

/// The endpoints that are asked.
enum Reached<'a> {
    Configured(&'a Endpoints),
    Catalogued(Arc<(Vec<Url>, Endpoints)>),
}

impl std::ops::Deref for Reached<'_> {
    type Target = Endpoints;

    fn deref(&self) -> &Endpoints {
        match self {
            Self::Configured(endpoints) => endpoints,
            Self::Catalogued(found) => &found.1,
        }
    }
}

/// What a reply says of `token`. Whatever Keystone itself would not say counts as nothing.
fn said(reply: &Reply, token: &Secret<String>) -> Said {
    match reply.status {
        200 => match (is_about(reply, token), answer::read(&reply.body)) {
            (false, _) => Said::Nothing("the answer is about another token".to_owned()),
            (true, Ok(facts)) => Said::Valid(Box::new(facts)),
            (true, Err(error)) => Said::Nothing(error.to_string()),
        },
        404 if reply.is_keystone_error() => Said::Refused,
        401 if reply.is_keystone_error() => Said::NotOurs,
        403 if reply.is_keystone_error() => Said::Forbidden,
        status => Said::Nothing(format!("status {status}")),
    }
}

/// Whether an answer is about this token: Keystone names it.
fn is_about(reply: &Reply, token: &Secret<String>) -> bool {
    let mut named = reply.headers.get_all(SUBJECT_TOKEN).iter();
    let is_named = named.next().is_some_and(|named| named.as_bytes() == token.reveal().as_bytes());
    is_named && named.next().is_none()
}
