//! Who asks, and what may they do.
//!
//! ```text
//! headers ─► presented ─┬─ made like ours ─► Store (tokens, users)         ─┐
//!                       └─ any other ─► IdentityService ─► RolePolicy      ─┤
//! unix socket ─► Peer (root, group, own user)                              ─┤
//! TLS ─► ClientCertificate (a name with a role)                            ─┴─► Identity in the request ─► proof ─► handler
//! ```
//!
//! Which role a route needs says the table of routes, or before it the policy file ([`Rights`]).
//!
//! A proof (`Reader`, `Member`, `Admin`) can be made here only, so a handler that takes one cannot
//! be reached without. Everything that is not a valid credential ends in one and the same 401.

mod change;
mod credential;
mod file;
mod foreign;
mod identity;
mod key;
mod login;
mod pass;
mod peer;
mod policy;
mod proof;
mod revoked;
mod rights;
mod route_policy;
mod service;
mod store;
mod token;
mod user;

#[cfg(test)]
mod tests;

pub use change::{RecoverError, recover_admin};
pub use file::{FileError, read_private};
pub use foreign::{ChallengeError, Foreign};
pub use peer::OwnUser;
pub use policy::{OfflineRoles, RolePolicy};
pub use rights::Rights;
pub use route_policy::{RouteFault, RoutePolicy, RoutePolicyError};
pub use service::{DomainName, IdentityService, Named, Scope, TokenFacts, Verdict, Vouched};
pub use store::{OpenError, Store, UserError};

pub(crate) use change::{Known, Put, UserWish};
pub(crate) use file::{prepare_directory, write_private};
pub(crate) use foreign::Judged;
pub(crate) use identity::{Identity, authenticate};
pub(crate) use login::LoginError;
pub(crate) use pass::Pass;
pub(crate) use peer::{Peer, PeerPolicy};
pub(crate) use proof::{Admin, Member, Reader, Scraper, place as place_of};
pub(crate) use revoked::RevokeError;
pub(crate) use token::{Issued, Verified};
