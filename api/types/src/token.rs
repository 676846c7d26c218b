//! Who may come in: Keystone's request and answer shapes, for the daemon's own tokens.
//!
//! Source of the shapes: the Identity API v3, `POST /v3/auth/tokens`, password method.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// What a caller may do; each role may do all that the ones before it may.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Reader,
    /// Operate: enable, disable, restart.
    Member,
    /// Change configuration, load code.
    Admin,
}

impl Role {
    /// The word of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// Whether who has this role may do what `needed` may.
    pub fn covers(self, needed: Self) -> bool {
        self >= needed
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Asks for a token with a password.
///
/// A `scope` may be sent, as clients of Keystone do; the daemon's own users have no projects, so it is
/// not looked at.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {
    "name": "admin", "domain": {"id": "default"}, "password": "correct horse"}}}}}))]
pub struct TokenRequest {
    /// The whole request.
    pub auth: Auth,
}

impl TokenRequest {
    /// Asks for a token of `user` in the default domain.
    pub fn password(user: &str, password: &str) -> Self {
        let user = PasswordUser {
            name: user.to_owned(),
            domain: Some(Domain { id: Some("default".to_owned()), name: None }),
            password: password.to_owned(),
        };
        let identity = Identity { methods: vec!["password".to_owned()], password: PasswordMethod { user } };
        Self { auth: Auth { identity } }
    }
}

/// What is inside `auth`.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Auth {
    /// How the caller shows who it is.
    pub identity: Identity,
}

/// How the caller shows who it is.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Identity {
    /// Exactly `["password"]`.
    #[schema(example = json!(["password"]))]
    pub methods: Vec<String>,
    /// The password method.
    pub password: PasswordMethod,
}

/// The password method.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct PasswordMethod {
    /// Name and password.
    pub user: PasswordUser,
}

/// A user with its password. Its debug form hides the password.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub struct PasswordUser {
    /// Name of the user.
    #[schema(example = "admin")]
    pub name: String,
    /// Where the name is known; the daemon's own users are in the domain `default`.
    #[serde(default)]
    pub domain: Option<Domain>,
    /// The password.
    #[schema(write_only, format = Password)]
    pub password: String,
}

impl fmt::Debug for PasswordUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, domain, password: _ } = self;
        f.debug_struct("PasswordUser").field("name", name).field("domain", domain).finish_non_exhaustive()
    }
}

/// A domain, by id or by name.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Domain {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "default")]
    pub id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Default")]
    pub name: Option<String>,
}

/// What a token says; the token itself travels in the header `X-Subject-Token`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct TokenAnswer {
    /// The token's facts.
    pub token: Token,
}

/// Facts about a token, or about a caller that needs none.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Token {
    /// How the caller showed who it is: `password`, or `unix_socket` for a trusted local peer; for a token of Keystone
    /// what Keystone says.
    #[schema(example = json!(["password"]))]
    pub methods: Vec<String>,
    /// Who it is.
    pub user: TokenUser,
    /// What it may do here, the strongest role first.
    pub roles: Vec<TokenRole>,
    /// The operations that it may use, as method and path.
    #[schema(example = json!(["GET /v1/plugins", "GET /v1/plugins/{id}"]))]
    #[serde(default)]
    pub may: Vec<String>,
    /// What Keystone says of its own token; `null` for a token of this daemon, and for a caller without one.
    #[serde(default)]
    #[schema(required)]
    pub keystone: Option<KeystoneToken>,
    /// When it was made; `null` for a caller without a token.
    #[schema(required)]
    pub issued_at: Option<Timestamp>,
    /// When it ends; `null` for a caller without a token.
    #[schema(required)]
    pub expires_at: Option<Timestamp>,
    /// Names of this token in logs; not secret.
    pub audit_ids: Vec<String>,
}

/// What is known of a token of Keystone beside user, times and names.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct KeystoneToken {
    /// Who vouches for it.
    pub vouched: TokenVouched,
    /// Whether Keystone cannot be asked now, so that nothing can be changed with it.
    pub unsure: bool,
    /// Names of its roles at Keystone; empty where Keystone was not asked.
    #[schema(example = json!(["reader", "member"]))]
    pub roles: Vec<String>,
    /// The project that it is for; `null` for another scope.
    #[schema(required)]
    pub project: Option<TokenProject>,
    /// The domain that it is for; `null` for another scope.
    #[schema(required)]
    pub domain: Option<Domain>,
    /// Whether it is for the whole cloud.
    pub system: bool,
    /// Id of the application credential that it was made with; `null` for none.
    #[schema(required)]
    pub application_credential: Option<String>,
}

/// Who vouches for a token of Keystone.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenVouched {
    /// Keystone was asked.
    Online,
    /// Its signature was checked here; what it may do comes from the daemon's configuration.
    Offline,
}

/// The project of a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct TokenProject {
    /// Its id.
    pub id: String,
    /// Its name; the id where Keystone was not asked.
    #[schema(example = "ops")]
    pub name: String,
    /// Where the name is known; `null` where Keystone was not asked.
    #[schema(required)]
    pub domain: Option<Domain>,
}

/// The user of a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct TokenUser {
    /// Its id.
    #[schema(example = "admin")]
    pub id: String,
    /// Its name.
    #[schema(example = "admin")]
    pub name: String,
    /// Where the name is known.
    pub domain: Domain,
}

/// A role of a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct TokenRole {
    /// Its id; the same as the name.
    pub id: Role,
    /// Its name.
    pub name: Role,
}

#[cfg(test)]
mod tests {
    use super::{Role, TokenRequest};

    #[test]
    fn a_stronger_role_covers_a_weaker_one_and_not_the_reverse() {
        assert!(Role::Admin.covers(Role::Reader));
        assert!(Role::Member.covers(Role::Member));
        assert!(!Role::Reader.covers(Role::Member));
    }

    #[test]
    fn the_debug_form_of_a_request_hides_the_password() {
        let text = format!("{:?}", TokenRequest::password("admin", "s3cret"));
        assert!(!text.contains("s3cret"), "{text}");
    }
}
