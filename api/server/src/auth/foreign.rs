//! Tokens of others, as this server meets them: who judges them, and what that means here.

use super::policy::RolePolicy;
use super::service::{IdentityService, TokenFacts, Verdict};
use actix_web::http::header::HeaderValue;
use gatherd_api_types::{IdentityHealth, Role};
use std::fmt;
use std::sync::Arc;

/// An identity service whose tokens count here, with the roles that they have. Cheap to clone.
#[derive(Clone)]
pub struct Foreign {
    service: Arc<dyn IdentityService>,
    policy: Arc<RolePolicy>,
    challenge: HeaderValue,
}

/// Why tokens of an identity service cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error(
    "{url:?} cannot be told to clients as the address of Keystone: take one of printable ASCII without quotes"
)]
pub struct ChallengeError {
    /// What should be told.
    pub url: String,
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreign").field("challenge", &self.challenge).finish_non_exhaustive()
    }
}

impl PartialEq for Foreign {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.service, &other.service)
            && self.policy == other.policy
            && self.challenge == other.challenge
    }
}

impl Eq for Foreign {}

/// What a token of an identity service comes to.
#[derive(Clone, Debug)]
pub(crate) enum Judged {
    /// Somebody with a role here.
    Known {
        /// What the service says.
        facts: Arc<TokenFacts>,
        /// The strongest role.
        role: Role,
        /// As [`Verdict::Known`] has it.
        unsure: Option<u64>,
    },
    /// Somebody without a role here.
    Stranger {
        /// What the service says.
        facts: Arc<TokenFacts>,
        /// As [`Verdict::Known`] has it.
        unsure: Option<u64>,
    },
    /// Nobody; whose the token was while it was valid, where that is remembered.
    Refused(Option<Arc<TokenFacts>>),
    /// Nobody can tell now; seconds after which to try again.
    Unreachable(u64),
    /// Too many bad tokens; seconds after which to try again.
    Limited(u64),
}

impl Foreign {
    /// Takes tokens of `service`; `url` is where clients get one, and is told with each 401.
    ///
    /// # Errors
    ///
    /// [`ChallengeError`] when the address cannot stand in a header.
    pub fn new(
        service: Arc<dyn IdentityService>,
        policy: RolePolicy,
        url: &str,
    ) -> Result<Self, ChallengeError> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        let refused = || ChallengeError { url: url.to_owned() };
        if url.is_empty() || !url.bytes().all(is_plain) {
            return Err(refused());
        }
        let challenge = HeaderValue::from_str(&format!("Keystone uri=\"{url}\"")).map_err(|_| refused())?;
        Ok(Self { service, policy: Arc::new(policy), challenge })
    }

    /// What a 401 says in `WWW-Authenticate`.
    pub(crate) fn challenge(&self) -> &HeaderValue {
        &self.challenge
    }

    /// What a token comes to.
    pub(crate) async fn judge(&self, token: &str, peer: &str, now: u64) -> Judged {
        match self.service.judge(token, peer, now).await {
            Verdict::Known { facts, unsure } => match self.policy.role_of(&facts) {
                Some(role) => Judged::Known { facts, role, unsure },
                None => Judged::Stranger { facts, unsure },
            },
            Verdict::Refused => Judged::Refused(self.service.was(token)),
            Verdict::Unreachable { retry_after } => Judged::Unreachable(retry_after.max(1)),
            Verdict::Limited { retry_after } => Judged::Limited(retry_after.max(1)),
        }
    }

    /// Forgets what was said of a token.
    pub(crate) fn forget(&self, token: &str) {
        self.service.forget(token);
    }

    /// How the service fares.
    pub(crate) fn health(&self) -> IdentityHealth {
        self.service.health()
    }
}

/// How somebody of an identity service is called here. No user of the daemon and no account of the machine can have
/// such a name, whatever names the service gives.
pub(super) fn name_of(facts: &TokenFacts) -> String {
    let user = &facts.user;
    match &user.domain {
        Some(domain) => format!("keystone:{}/{}", domain.name, user.name),
        None => format!("keystone:{}", user.id),
    }
}
