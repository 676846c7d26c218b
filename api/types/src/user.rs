//! The daemon's own users.

use crate::{Role, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A user of the daemon. What its password is made of is never shown.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct User {
    /// Its name.
    #[schema(example = "ann")]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When its password was made; `null` where nobody noted it.
    #[schema(required)]
    pub password_changed_at: Option<Timestamp>,
}

/// What a user shall be; what is left out stays as it is. A new user needs both. Its debug form hides the password.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// What it may do; counts at once, also for tokens that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Its password; a new one ends its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(write_only, format = Password, min_length = 8, max_length = 1024)]
    pub password: Option<String>,
}

impl fmt::Debug for UserChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, password } = self;
        let password = password.as_ref().map(|_| "…");
        f.debug_struct("UserChange").field("role", role).field("password", &password).finish()
    }
}

/// A user with its new password, which is shown this once. Its debug form hides the password.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct RotatedUser {
    /// The user.
    pub user: User,
    /// The password; kept nowhere.
    #[schema(format = Password)]
    pub password: String,
}

impl fmt::Debug for RotatedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, password: _ } = self;
        f.debug_struct("RotatedUser").field("user", user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_forms_hide_passwords() {
        let change = UserChange { role: Some(Role::Reader), password: Some("s3cret horse".to_owned()) };
        let user = User { name: "ann".to_owned(), role: Role::Reader, password_changed_at: None };
        let rotated = RotatedUser { user, password: "s3cret horse".to_owned() };
        let text = format!("{change:?} {rotated:?}");
        assert!(text.contains("ann") && !text.contains("s3cret"), "{text}");
    }

    #[test]
    fn what_is_left_out_is_not_sent_and_what_is_unknown_is_refused() {
        assert_eq!(serde_json::to_string(&UserChange::default()).unwrap(), "{}");
        assert!(serde_json::from_str::<UserChange>(r#"{"hash": "x"}"#).is_err());
    }
}
