//! Who may use a route now: what the policy file says of it, else what the table of routes says.

use super::route_policy::RoutePolicy;
use crate::routes::{Line, line_of};
use actix_web::{HttpRequest, web};
use arc_swap::ArcSwap;
use gatherd_api_types::Role;
use std::sync::Arc;

/// The policy in force. Cheap to clone; clones are the same, so that whoever reads the file again can put another
/// policy in the place of this one while requests are served.
#[derive(Clone, Debug, Default)]
pub struct Rights(Arc<ArcSwap<RoutePolicy>>);

/// What a request must show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    /// A role that covers this one.
    Role(Role),
    /// Nothing helps: the route is closed.
    Nobody,
}

impl PartialEq for Rights {
    /// Whether they are the same, not whether they say the same.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Rights {}

impl Rights {
    /// Begins with a policy.
    pub fn new(policy: RoutePolicy) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(policy)))
    }

    /// Puts another policy in force, for every request that is judged from now on and for streams under way.
    pub fn replace(&self, policy: RoutePolicy) {
        self.0.store(Arc::new(policy));
    }

    /// What the policy says of a route; `None` where it says nothing.
    pub(crate) fn said_of(&self, line: &Line) -> Option<Needs> {
        let policy = self.0.load();
        policy.said_of(line)
    }

    /// Whether who has this role may use a route. `/metrics` counts as guarded: who has a role may know it needs one.
    pub(crate) fn admits(&self, line: &Line, role: Role) -> bool {
        match (self.said_of(line), line.access) {
            (Some(needs), _) => needs.met_by(role),
            (None, access) => access.admits(role),
        }
    }
}

impl Needs {
    /// Whether a role is enough.
    pub(crate) fn met_by(self, role: Role) -> bool {
        match self {
            Self::Role(needed) => role.covers(needed),
            Self::Nobody => false,
        }
    }

    /// What the policy says of the route of a request; `None` where it says nothing.
    pub(super) fn said_of(request: &HttpRequest) -> Option<Self> {
        let rights = request.app_data::<web::Data<Rights>>()?;
        // The table is only searched where there is something to be found.
        if rights.0.load().is_empty() {
            return None;
        }
        rights.said_of(line_of(request)?)
    }
}
