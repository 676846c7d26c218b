//! The daemon's own users: names, roles and hashed passwords.

use super::file::{FileError, read_private, write_private};
use crate::clock::now;
use crate::random::{hex, random};
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use gatherd_api_types::Role;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Most users of one daemon.
pub(super) const MAX_USERS: usize = 1_000;

/// One user, as stored.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    /// The strongest role.
    pub(super) role: Role,
    /// Argon2id in PHC form.
    pub(super) hash: String,
    /// Changes with the password; a token names the one it was made under.
    pub(super) epoch: String,
    /// When the password was made, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<u64>,
}

impl User {
    /// A user with a fresh hash and a fresh epoch. Slow on purpose.
    pub(super) fn new(role: Role, password: &str, hasher: &Argon2<'_>) -> Self {
        let hash = hasher
            .hash_password(password.as_bytes())
            .expect("argon2 hashes every password up to 4 GiB with valid parameters");
        Self { role, hash: hash.to_string(), epoch: hex(&random::<8>()), since: Some(now()) }
    }

    /// Whether this is its password. Slow on purpose.
    pub(super) fn admits(&self, password: &str) -> bool {
        PasswordHash::new(&self.hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }
}

/// All users by name, as stored.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Users {
    /// At most [`MAX_USERS`].
    pub(super) users: BTreeMap<String, User>,
}

impl Users {
    /// Reads the file; `None` when there is none.
    pub(super) fn load(path: &Path) -> Result<Option<Self>, FileError> {
        let Some(content) = read_private(path)? else {
            return Ok(None);
        };
        let damaged = |detail| FileError::Damaged { path: path.to_owned(), detail };
        let users: Self =
            serde_json::from_slice(&content).map_err(|_| damaged("it is not a list of users in JSON"))?;
        if users.users.values().any(|user| PasswordHash::new(&user.hash).is_err()) {
            return Err(damaged("a password hash is not one"));
        }
        Ok(Some(users))
    }

    /// Writes the file.
    pub(super) fn save(&self, path: &Path) -> Result<(), FileError> {
        let content = serde_json::to_vec_pretty(self).expect("maps of text are always JSON");
        write_private(path, &content)
    }
}
