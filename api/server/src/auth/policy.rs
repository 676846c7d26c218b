//! What somebody of an identity service may do here: a pure function of what the token says.
//!
//! ```text
//! scope admitted? ─ no ─► no role
//!     │ yes
//!     ├─ vouched for online  ─► the strongest of the mapped roles
//!     └─ vouched for offline ─► the strongest of user's, project's and default role; a reader at most
//!                               unless changes are allowed
//! ```

use super::service::{DomainName, Named, Scope, TokenFacts, Vouched};
use gatherd_api_types::Role;
use std::collections::BTreeMap;

/// How identities of a service become roles of this daemon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RolePolicy {
    /// Our role by the service's name of a role; a stronger one covers the weaker ones, as `admin` implies `member`
    /// and that `reader`. Names are compared without regard to case, as Keystone does.
    pub roles: BTreeMap<String, Role>,
    /// Projects whose tokens count: ids, `domain:name`, or `*` for all.
    pub projects: Vec<String>,
    /// Domains whose tokens count, by id or name, or `*` for all. Not those of projects in them.
    pub domains: Vec<String>,
    /// Whether tokens for the whole cloud count.
    pub system: bool,
    /// For tokens that nobody was asked about.
    pub offline: OfflineRoles,
}

/// Roles of tokens whose signature alone was checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OfflineRoles {
    /// Role by the id of the user.
    pub users: BTreeMap<String, Role>,
    /// Role by the id of the project.
    pub projects: BTreeMap<String, Role>,
    /// Role of all others.
    pub default: Role,
    /// Whether such a role may be more than `reader`.
    pub changes: bool,
}

impl Default for RolePolicy {
    /// The three roles by their own names, and no scope at all.
    fn default() -> Self {
        let own = [Role::Reader, Role::Member, Role::Admin];
        Self {
            roles: own.map(|role| (role.as_str().to_owned(), role)).into(),
            projects: Vec::new(),
            domains: Vec::new(),
            system: false,
            offline: OfflineRoles::default(),
        }
    }
}

impl Default for OfflineRoles {
    fn default() -> Self {
        Self { users: BTreeMap::new(), projects: BTreeMap::new(), default: Role::Reader, changes: false }
    }
}

impl RolePolicy {
    /// The role of whoever holds a valid token; `None` when it has none here.
    pub fn role_of(&self, facts: &TokenFacts) -> Option<Role> {
        if !self.admits(&facts.scope) {
            return None;
        }
        match facts.vouched {
            Vouched::Online => facts.roles.iter().filter_map(|name| self.mapped(name)).max(),
            Vouched::Offline => Some(self.offline.role_of(facts)),
        }
    }

    fn mapped(&self, name: &str) -> Option<Role> {
        let found = self.roles.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, role)| *role).max()
    }

    fn admits(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Unscoped => false,
            Scope::Project(project) => self.projects.iter().any(|rule| names_project(rule, project)),
            Scope::Domain(domain) => self.domains.iter().any(|rule| rule == "*" || names(rule, domain)),
            Scope::System => self.system,
        }
    }
}

impl OfflineRoles {
    fn role_of(&self, facts: &TokenFacts) -> Role {
        let project = match &facts.scope {
            Scope::Project(project) => self.projects.get(&project.id),
            Scope::Unscoped | Scope::Domain(_) | Scope::System => None,
        };
        let mapped = self.users.get(&facts.user.id).max(project).copied().unwrap_or(self.default);
        if self.changes { mapped } else { mapped.min(Role::Reader) }
    }
}

/// Whether a rule names a project: by its id, or by domain and name.
fn names_project(rule: &str, project: &Named) -> bool {
    let by_name = || {
        let (domain, name) = rule.split_once(':')?;
        Some(name == project.name && project.domain.as_ref().is_some_and(|known| names(domain, known)))
    };
    rule == "*" || rule == project.id || by_name().unwrap_or(false)
}

fn names(rule: &str, domain: &DomainName) -> bool {
    rule == domain.id || rule == domain.name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn project(id: &str, name: &str, domain: &str) -> Scope {
        let domain = DomainName { id: format!("{domain}-id"), name: domain.to_owned() };
        Scope::Project(Named { id: id.to_owned(), name: name.to_owned(), domain: Some(domain) })
    }

    fn domain() -> Scope {
        Scope::Domain(DomainName { id: "d1".to_owned(), name: "Ops".to_owned() })
    }

    fn facts(scope: Scope, roles: &[&str], vouched: Vouched) -> TokenFacts {
        TokenFacts {
            user: Named { id: "u1".to_owned(), name: "alice".to_owned(), domain: None },
            scope,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            methods: Vec::new(),
            application_credential: None,
            audit_ids: Vec::new(),
            issued_at: 0,
            expires_at: 1,
            vouched,
        }
    }

    fn policy() -> RolePolicy {
        RolePolicy { projects: vec!["p1".to_owned(), "Default:ops".to_owned()], ..RolePolicy::default() }
    }

    #[test]
    fn of_several_roles_the_strongest_counts_and_unknown_ones_count_nothing() {
        let role = |roles: &[&str]| policy().role_of(&facts(project("p1", "x", "y"), roles, Vouched::Online));
        assert_eq!(role(&["reader"]), Some(Role::Reader));
        assert_eq!(role(&["member", "reader", "load-balancer_member"]), Some(Role::Member));
        assert_eq!(role(&["Admin"]), Some(Role::Admin), "Keystone compares names so");
        assert_eq!(role(&["service", "administrator", ""]), None);
        assert_eq!(role(&[]), None);
        let renamed = BTreeMap::from([("telemetry_operator".to_owned(), Role::Member)]);
        let renamed = RolePolicy { roles: renamed, ..policy() };
        let told = |role| renamed.role_of(&facts(project("p1", "x", "y"), &[role], Vouched::Online));
        assert_eq!((told("telemetry_operator"), told("admin")), (Some(Role::Member), None));
    }

    #[test]
    fn only_scopes_that_are_named_count() {
        let everywhere = RolePolicy {
            projects: vec!["*".to_owned()],
            domains: vec!["*".to_owned()],
            system: true,
            ..RolePolicy::default()
        };
        let by_domain = RolePolicy { domains: vec!["Ops".to_owned()], ..RolePolicy::default() };
        let of_system = RolePolicy { system: true, ..RolePolicy::default() };
        let admitted = |policy: &RolePolicy, scope: Scope| {
            policy.role_of(&facts(scope, &["admin"], Vouched::Online)).is_some()
        };
        for (scope, listed, domains, system) in [
            (project("p1", "any", "any"), true, false, false),
            (project("p2", "ops", "Default"), true, false, false),
            (project("p2", "ops", "Other"), false, false, false),
            (project("p2", "p1", "Default"), false, false, false), // An id is no name.
            (project("Default:ops", "x", "Other"), true, false, false),
            (project("p2", "x", "Ops"), false, false, false), // A project is not its domain.
            (domain(), false, true, false),
            (Scope::System, false, false, true),
            (Scope::Unscoped, false, false, false),
        ] {
            assert_eq!(admitted(&policy(), scope.clone()), listed, "{scope:?}");
            assert_eq!(admitted(&by_domain, scope.clone()), domains, "{scope:?}");
            assert_eq!(admitted(&of_system, scope.clone()), system, "{scope:?}");
            assert_eq!(admitted(&everywhere, scope.clone()), scope != Scope::Unscoped, "{scope:?}");
            assert!(!admitted(&RolePolicy::default(), scope.clone()), "{scope:?}");
        }
    }

    #[test]
    fn a_project_without_a_known_domain_is_admitted_by_its_id_alone() {
        let bare = Scope::Project(Named { id: "p9".to_owned(), name: "p9".to_owned(), domain: None });
        let by = |rule: &str| {
            let policy = RolePolicy { projects: vec![rule.to_owned()], ..RolePolicy::default() };
            policy.role_of(&facts(bare.clone(), &[], Vouched::Offline))
        };
        assert_eq!((by("p9"), by("Default:p9"), by(":p9")), (Some(Role::Reader), None, None));
    }

    #[test]
    fn offline_roles_are_the_mapped_ones_and_readers_unless_changes_are_allowed() {
        let mut policy = policy();
        policy.offline.users.insert("u1".to_owned(), Role::Member);
        policy.offline.projects.insert("p1".to_owned(), Role::Admin);
        let told = facts(project("p1", "x", "y"), &["admin"], Vouched::Offline);
        assert_eq!(policy.role_of(&told), Some(Role::Reader));
        policy.offline.changes = true;
        assert_eq!(policy.role_of(&told), Some(Role::Admin));
        policy.offline.projects.clear();
        assert_eq!(policy.role_of(&told), Some(Role::Member));
        policy.offline.users.clear();
        assert_eq!(policy.role_of(&told), Some(Role::Reader), "what the token claims counts for nothing");
        assert_eq!(policy.role_of(&facts(Scope::Unscoped, &[], Vouched::Offline)), None);
    }

    proptest! {
        #[test]
        fn no_name_of_a_role_gives_more_than_what_it_is_mapped_to(names in proptest::collection::vec(".{0,12}", 0..8)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let found = policy().role_of(&facts(project("p1", "x", "y"), &names, Vouched::Online));
            let expected = [Role::Reader, Role::Member, Role::Admin].into_iter().rfind(|role| {
                names.iter().any(|name| name.eq_ignore_ascii_case(role.as_str()))
            });
            prop_assert_eq!(found, expected);
        }
    }
}
