//! The port, implemented: what is asked, what is remembered, and what counts when nobody can be asked.

use crate::account::Trouble;
use crate::allowance::Allowance;
use crate::config::{Config, Times};
use crate::flight::Flights;
use crate::http::HttpError;
use crate::memory::{Memory, Moment, Print, Recalled};
use crate::offline::{KeyRepository, RepositoryError, Signed};
use crate::online::{Online, Told};
use crate::shape::Shape;
use crate::vitals::Vitals;
use async_trait::async_trait;
use aws_lc_rs::{hmac, rand};
use gatherd_api::auth::{IdentityService, TokenFacts, Verdict};
use gatherd_api::types::{IdentityHealth, IdentityState};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Most questions that Keystone is asked at one time.
const AT_ONE_TIME: usize = 32;

/// Why Keystone cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is neither asked nor done without.
    #[error(
        "Keystone has neither an endpoint with a credential nor a repository of keys; configure one of them"
    )]
    Nothing,
    /// No client can be made.
    #[error("cannot speak with Keystone")]
    Http(#[source] HttpError),
    /// The keys cannot be used.
    #[error("cannot use the keys of Keystone")]
    Repository(#[source] RepositoryError),
}

/// Keystone as this daemon knows it. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Keystone(Arc<Inner>);

struct Inner {
    /// Made for this life of the daemon: what is remembered is worth nothing elsewhere.
    key: hmac::Key,
    memory: Mutex<Memory>,
    allowance: Mutex<Allowance>,
    flights: Arc<Flights>,
    slots: Semaphore,
    online: Option<Online>,
    offline: Option<KeyRepository>,
    /// Whether a checked signature is enough for changes while Keystone cannot be asked.
    offline_changes: bool,
    times: Times,
    /// How long a question may take in all.
    patience: Duration,
    vitals: Vitals,
    began: Instant,
    runtime: Handle,
}

impl fmt::Debug for Keystone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystone").finish_non_exhaustive()
    }
}

impl Keystone {
    /// Keystone as configured; asks nothing yet. Questions run on the Tokio runtime from which this is called.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        let online = Online::new(config).map_err(OpenError::Http)?;
        let offline =
            config.offline.as_ref().map(KeyRepository::open).transpose().map_err(OpenError::Repository)?;
        let state = match (&online, &offline) {
            (None, None) => return Err(OpenError::Nothing),
            (Some(_), _) => IdentityState::Idle,
            (None, Some(_)) => IdentityState::Offline,
        };
        let mut key = [0; 32];
        rand::fill(&mut key).expect("the system's random source does not fail after boot");
        Ok(Self(Arc::new(Inner {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            memory: Mutex::new(Memory::new(config.remembered)),
            allowance: Mutex::new(Allowance::new()),
            flights: Arc::default(),
            slots: Semaphore::new(AT_ONE_TIME),
            online,
            offline,
            offline_changes: config.offline.as_ref().is_some_and(|offline| offline.changes),
            times: config.times,
            patience: config.timeout * 2,
            vitals: Vitals::new(state, now()),
            began: Instant::now(),
            runtime: Handle::current(),
        })))
    }
}

#[async_trait]
impl IdentityService for Keystone {
    async fn judge(&self, token: &str, peer: &str, now: u64) -> Verdict {
        let Some(shape) = Shape::of(token) else {
            return Verdict::Refused;
        };
        let inner = &self.0;
        let print = inner.print(token);
        let recalled = inner.memory().recall(&print, inner.moment(now));
        let is_known = match recalled {
            Recalled::Fresh(facts) => return Verdict::Known { facts, unsure: None },
            Recalled::Refused => return Verdict::Refused,
            Recalled::Stale { .. } => true,
            Recalled::Nothing => false,
        };
        let flight = inner.flights.join(print, &inner.runtime, || {
            let charged = (!is_known).then(|| peer.to_owned());
            if charged.is_some() {
                inner.charge(peer)?;
            }
            let question =
                Question { shape, token: token.to_owned(), print, charged, asked: Instant::now(), now };
            let inner = Arc::clone(inner);
            Ok(async move { inner.answer(question).await })
        });
        match flight {
            Ok(flight) => flight.await,
            Err(refused) => refused,
        }
    }

    fn forget(&self, token: &str) {
        let print = self.0.print(token);
        self.0.memory().forget(&print);
    }

    fn was(&self, token: &str) -> Option<Arc<TokenFacts>> {
        self.0.memory().was(&self.0.print(token))
    }

    fn health(&self) -> IdentityHealth {
        let keys = self.0.offline.as_ref().map_or(0, KeyRepository::count);
        self.0.vitals.health(self.0.memory().len(), keys)
    }
}

/// A token that must be asked about.
struct Question {
    shape: Shape,
    token: String,
    print: Print,
    /// The peer whose allowance it took from.
    charged: Option<String>,
    /// When it came, by both clocks.
    asked: Instant,
    now: u64,
}

impl Question {
    fn wall(&self) -> u64 {
        self.now.saturating_add(self.asked.elapsed().as_secs())
    }
}

impl Inner {
    async fn answer(self: Arc<Self>, question: Question) -> Verdict {
        let (verdict, is_odd) = match &self.online {
            Some(online) => self.ask(online, &question).await,
            None => (self.by_signature(&question).await, false),
        };
        let is_bad = is_odd || verdict == Verdict::Refused;
        if let Some(peer) = question.charged.as_deref().filter(|_| !is_bad) {
            self.allowance().give_back(peer, self.began.elapsed());
        }
        verdict
    }

    /// What Keystone says, and whether the token made it say something odd.
    async fn ask(&self, online: &Online, question: &Question) -> (Verdict, bool) {
        let asking = async {
            let _slot = self.slots.acquire().await;
            online.validate(&question.token, &self.vitals).await
        };
        let told = tokio::time::timeout(self.patience, asking).await.unwrap_or_else(|_late| {
            let reason = "no answer in time".to_owned();
            Told::Trouble(Trouble::Away { reason, wait: 1 })
        });
        let wall = question.wall();
        let verdict = match told {
            Told::Odd(reason) => {
                tracing::warn!(reason, "Keystone answers oddly to a token, and is well otherwise");
                return (Verdict::Unreachable { retry_after: 1 }, true);
            }
            Told::Valid(facts) => {
                self.vitals.see(IdentityState::Reachable, None, wall);
                self.valid(question, *facts)
            }
            Told::Refused => {
                self.vitals.see(IdentityState::Reachable, None, wall);
                self.refused(question)
            }
            Told::Trouble(Trouble::Away { reason, wait }) => {
                self.vitals.see(IdentityState::Unreachable, Some(&reason), wall);
                self.without(question, wait).await
            }
            Told::Trouble(Trouble::Denied { reason, wait }) => {
                self.vitals.see(IdentityState::Denied, Some(&reason), wall);
                self.without(question, wait).await
            }
        };
        (verdict, false)
    }

    /// Keystone vouches for a token; what can be seen of the token itself must agree.
    fn valid(&self, question: &Question, facts: TokenFacts) -> Verdict {
        let wall = question.wall();
        if wall >= facts.expires_at {
            tracing::warn!(
                "Keystone calls a token valid that has ended by this machine's clock: one of both is off"
            );
            return self.refused(question);
        }
        if question.shape == Shape::Jws
            && !Signed::read(&question.token).is_some_and(|signed| signed.is_of(&facts))
        {
            tracing::error!("Keystone says of a signed token what does not stand in it; it is refused");
            return self.refused(question);
        }
        self.remember(question, facts)
    }

    fn remember(&self, question: &Question, facts: TokenFacts) -> Verdict {
        let facts = Arc::new(facts);
        let times = (self.times.valid, self.times.grace);
        self.memory().keep(question.print, Arc::clone(&facts), times, self.moment(question.wall()));
        Verdict::Known { facts, unsure: None }
    }

    fn refused(&self, question: &Question) -> Verdict {
        self.memory().refuse(question.print, self.times.refused, self.moment(question.wall()));
        Verdict::Refused
    }

    /// What counts when Keystone cannot be asked: what it said a short while ago, or the token's own signature.
    async fn without(&self, question: &Question, wait: u64) -> Verdict {
        let recalled = self.memory().recall(&question.print, self.moment(question.wall()));
        if let Recalled::Stale { facts, in_grace: true } = recalled {
            return Verdict::Known { facts, unsure: Some(wait) };
        }
        if question.shape == Shape::Jws
            && let Some(repository) = &self.offline
            && let Some(facts) = repository.verify(&question.token, question.wall()).await
        {
            let unsure = (!self.offline_changes).then_some(wait);
            return Verdict::Known { facts: Arc::new(facts), unsure };
        }
        Verdict::Unreachable { retry_after: wait }
    }

    /// The signature decides: Keystone is never asked.
    async fn by_signature(&self, question: &Question) -> Verdict {
        let verified = match (&self.offline, question.shape) {
            (Some(repository), Shape::Jws) => repository.verify(&question.token, question.wall()).await,
            _ => None,
        };
        match verified {
            Some(facts) => self.remember(question, facts),
            None => self.refused(question),
        }
    }

    /// Takes one from the allowance of a peer.
    fn charge(&self, peer: &str) -> Result<(), Verdict> {
        let taken = self.allowance().take(peer, self.began.elapsed());
        taken.map_err(|retry_after| {
            self.vitals.count_limited();
            Verdict::Limited { retry_after }
        })
    }

    fn print(&self, token: &str) -> Print {
        let mut print = [0; 32];
        print.copy_from_slice(hmac::sign(&self.key, token.as_bytes()).as_ref());
        print
    }

    fn moment(&self, wall: u64) -> Moment {
        Moment { since: self.began.elapsed(), wall }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allowance(&self) -> MutexGuard<'_, Allowance> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
