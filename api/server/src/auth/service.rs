//! The port to whoever knows tokens that are not this daemon's own: an identity service such as Keystone.
//!
//! It says who a token is. What that somebody may do here is not its matter: that is the policy's.

use async_trait::async_trait;
use gatherd_api_types::IdentityHealth;
use std::sync::Arc;

/// Judges tokens of others. One instance serves all workers, so it bounds what it keeps and whom it asks.
#[async_trait]
pub trait IdentityService: Send + Sync + 'static {
    /// Who a token is.
    ///
    /// `peer` is where it comes from, so that a flood of bad tokens holds up its sender first; `now` is in seconds
    /// since 1970. Answers within some seconds whatever happens to the service.
    async fn judge(&self, token: &str, peer: &str, now: u64) -> Verdict;

    /// Forgets what was said of a token; the next [`IdentityService::judge`] asks anew.
    fn forget(&self, token: &str);

    /// Whose a refused token was when it was valid last, where that is remembered: for records alone.
    fn was(&self, token: &str) -> Option<Arc<TokenFacts>>;

    /// How the service fares.
    fn health(&self) -> IdentityHealth;
}

/// What an identity service says of a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is valid.
    Known {
        /// Whose it is.
        facts: Arc<TokenFacts>,
        /// `None` when that is sure. Otherwise the service cannot be asked now and this is what it said before, or
        /// what the token itself proves: good for reads alone. Seconds after which to try again.
        unsure: Option<u64>,
    },
    /// It is not valid.
    Refused,
    /// Nobody can tell now.
    Unreachable {
        /// Seconds after which to try again.
        retry_after: u64,
    },
    /// There were too many bad tokens of this peer, or of all, to ask about another one.
    Limited {
        /// Seconds after which to try again.
        retry_after: u64,
    },
}

/// What a valid token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenFacts {
    /// Whose it is.
    pub user: Named,
    /// What it is for.
    pub scope: Scope,
    /// Names of the roles that it has there, as the service calls them; none where that was not asked.
    pub roles: Vec<String>,
    /// How its owner showed who it is, such as `password`.
    pub methods: Vec<String>,
    /// Id of the application credential that it was made with.
    pub application_credential: Option<String>,
    /// Names of the token in logs; not secret.
    pub audit_ids: Vec<String>,
    /// Made at, in seconds since 1970.
    pub issued_at: u64,
    /// Valid until just before, in seconds since 1970.
    pub expires_at: u64,
    /// Who vouches for it.
    pub vouched: Vouched,
}

/// Who vouches for what a token says.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Vouched {
    /// The identity service was asked: its roles count, and it would have told of a revocation.
    Online,
    /// The token's signature was checked here. It proves who, not what; roles come from a local mapping.
    Offline,
}

/// Something with an id and a name in a domain.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Named {
    /// Unlike all others of the service, for ever.
    pub id: String,
    /// For people; the same as the id where the token does not tell it.
    pub name: String,
    /// Where the name is known; `None` where the token does not tell it.
    pub domain: Option<DomainName>,
}

/// A domain.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DomainName {
    /// Unlike all others of the service.
    pub id: String,
    /// For people; the same as the id where the token does not tell it.
    pub name: String,
}

/// What a token is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// For nothing: it only says who somebody is.
    Unscoped,
    /// One project.
    Project(Named),
    /// One domain.
    Domain(DomainName),
    /// The whole cloud.
    System,
}
