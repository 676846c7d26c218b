//! Changes of the daemon's own users.
//!
//! ```text
//!  hash (slow, few at one time) ─► one change at a time ─► on disk ─► counts from here on, and earlier tokens do not
//! ```
//!
//! Users are no part of the desired state: they have no revision, no dry run, and none of them is ever shown with what
//! its password is made of.

use super::file::{FileError, read_private, write_private};
use super::store::{MAX_TEXT, Store, UserError};
use super::user::{MAX_USERS, User, Users};
use crate::random::{hex, random};
use argon2::Argon2;
use gatherd_api_types::Role;
use std::path::{Path, PathBuf};

/// Name of the first user, and of who is recovered.
pub(super) const ADMIN: &str = "admin";

/// What a user shall be; what is left out stays as it is.
#[derive(Clone, Default)]
pub(crate) struct UserWish {
    /// The strongest role.
    pub(crate) role: Option<Role>,
    /// The password; a secret.
    pub(crate) password: Option<String>,
}

/// A user, as everybody may know it who may know of users.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Known {
    /// Its name.
    pub(crate) name: String,
    /// The strongest role.
    pub(crate) role: Role,
    /// When its password was made, in seconds since 1970; `None` where nobody noted it.
    pub(crate) since: Option<u64>,
}

/// What became of a wish.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Put {
    /// There was no such user.
    Made(Known),
    /// There was one.
    Changed(Known),
}

impl Store {
    /// At most `most` users by name, behind `after`; and whether there are more.
    pub(crate) fn users(&self, after: Option<&str>, most: usize) -> (Vec<Known>, bool) {
        let users = self.all();
        let mut found =
            users.users.iter().filter(|(name, _)| after.is_none_or(|after| name.as_str() > after));
        let page = found.by_ref().take(most).map(|(name, user)| known(name, user)).collect();
        (page, found.next().is_some())
    }

    /// One user; `None` when there is none.
    pub(crate) fn known_user(&self, name: &str) -> Option<Known> {
        self.user(name).map(|user| known(name, &user))
    }

    /// Makes a user, or changes one. Another password ends its tokens; another role counts for them at once.
    ///
    /// # Errors
    ///
    /// [`UserError`]; nothing changed then.
    pub(crate) async fn change_user(&self, name: &str, wish: UserWish) -> Result<Put, UserError> {
        let store = self.clone();
        let name = name.to_owned();
        self.slowly(move || store.put(&name, &wish)).await
    }

    /// Gives a user a new password at random, and says it.
    ///
    /// # Errors
    ///
    /// [`UserError`]; nothing changed then.
    pub(crate) async fn rotate_user(&self, name: &str) -> Result<(Known, String), UserError> {
        if self.user(name).is_none() {
            return Err(UserError::Unknown);
        }
        let store = self.clone();
        let name = name.to_owned();
        let rotated = move || {
            let password = fresh_password();
            let user = User::new(Role::Reader, &password, store.hasher());
            let rotated = store.edit(|users| {
                let found = users.users.get_mut(&name).ok_or(UserError::Unknown)?;
                *found = User { role: found.role, ..user };
                Ok(known(&name, found))
            })?;
            store.forget_credential(&name);
            Ok((rotated, password))
        };
        self.slowly(rotated).await
    }

    /// Removes a user; its tokens end.
    ///
    /// # Errors
    ///
    /// [`UserError`]; nothing changed then.
    pub(crate) async fn remove_user(&self, name: &str) -> Result<(), UserError> {
        let store = self.clone();
        let name = name.to_owned();
        let removed = move || {
            store.edit(|users| users.users.remove(&name).map(drop).ok_or(UserError::Unknown))?;
            store.forget_credential(&name);
            Ok(())
        };
        self.slowly(removed).await
    }

    /// Adds a user, or gives it another role and password; its earlier tokens end. Slow on purpose.
    ///
    /// # Errors
    ///
    /// [`UserError`] when name or password is not one, nobody would be admin any more, or it cannot be stored; nothing
    /// changed then.
    pub fn put_user(&self, name: &str, role: Role, password: &str) -> Result<(), UserError> {
        let wish = UserWish { role: Some(role), password: Some(password.to_owned()) };
        self.put(name, &wish).map(|_made_or_changed| ())
    }

    fn put(&self, name: &str, UserWish { role, password }: &UserWish) -> Result<Put, UserError> {
        if !is_name(name) {
            return Err(UserError::Name);
        }
        if password.as_ref().is_some_and(|password| !is_password(password)) {
            return Err(UserError::Password);
        }
        if self.user(name).is_none() && password.is_none() {
            return Err(UserError::NeedsPassword);
        }
        let hashed = password.as_ref().map(|password| User::new(Role::Reader, password, self.hasher()));
        let has_password = hashed.is_some();
        let put = self.edit(|users| {
            let earlier = users.users.get(name);
            let is_new = earlier.is_none();
            let role = role.or_else(|| earlier.map(|user| user.role)).ok_or(UserError::NeedsRole)?;
            let user = hashed.as_ref().or(earlier).cloned().ok_or(UserError::NeedsPassword)?;
            let user = User { role, ..user };
            let known = known(name, &user);
            users.users.insert(name.to_owned(), user);
            Ok(if is_new { Put::Made(known) } else { Put::Changed(known) })
        })?;
        if has_password {
            self.forget_credential(name);
        }
        Ok(put)
    }

    /// Makes one change of all users: on disk before it counts.
    fn edit<T>(&self, change: impl FnOnce(&mut Users) -> Result<T, UserError>) -> Result<T, UserError> {
        let _turn = self.turn();
        let mut next = Users::clone(&self.all());
        let outcome = change(&mut next)?;
        if next.users.len() > MAX_USERS {
            return Err(UserError::Full);
        }
        if !next.users.values().any(|user| user.role == Role::Admin) {
            return Err(UserError::LastAdmin);
        }
        next.save(&self.directory().join("credentials.json")).map_err(UserError::Store)?;
        self.replace_all(next);
        Ok(outcome)
    }

    /// Removes what the first start left for `name`: it opens nothing any more, and whoever finds it would wonder.
    fn forget_credential(&self, name: &str) {
        let path = self.directory().join(CREDENTIAL);
        let told = read_private(&path).ok().flatten();
        let told = told.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
        if told.is_some_and(|told| told["user"] == name)
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(%error, "a credential that opens nothing any more cannot be removed: {}", path.display());
        }
    }
}

/// The file with name and password of the first user, or of who was recovered.
pub(super) const CREDENTIAL: &str = "admin.credential";

/// Why nobody is recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// There are no users.
    #[error("there are no users in {}: start the daemon, which makes the first one", directory.display())]
    Nobody {
        /// Where they would be.
        directory: PathBuf,
    },
    /// A file cannot be used.
    #[error("cannot give {ADMIN} a new password")]
    File(#[from] FileError),
    /// There are too many.
    #[error("there are {MAX_USERS} users, none of them {ADMIN}: remove one from credentials.json")]
    Full,
}

/// Gives the user `admin` a new password at random and the role of that name, while no daemon runs. Answers the file
/// that tells name and password (mode 0600). Earlier tokens of that user end.
///
/// # Errors
///
/// [`RecoverError`]; the users are as they were then.
pub fn recover_admin(directory: &Path) -> Result<PathBuf, RecoverError> {
    let stored = directory.join("credentials.json");
    let nobody = || RecoverError::Nobody { directory: directory.to_owned() };
    let mut users = Users::load(&stored)?.ok_or_else(nobody)?;
    let told = add_admin(directory, &mut users, &Argon2::default())?;
    if users.users.len() > MAX_USERS {
        return Err(RecoverError::Full);
    }
    users.save(&stored)?;
    Ok(told)
}

/// Puts an admin with a password at random among `users`, and writes both down; the users themselves are not stored.
pub(super) fn add_admin(
    directory: &Path,
    users: &mut Users,
    hasher: &Argon2<'_>,
) -> Result<PathBuf, FileError> {
    let password = fresh_password();
    users.users.insert(ADMIN.to_owned(), User::new(Role::Admin, &password, hasher));
    let path = directory.join(CREDENTIAL);
    let told = serde_json::json!({"user": ADMIN, "password": password});
    write_private(&path, format!("{told}\n").as_bytes())?;
    Ok(path)
}

/// 160 bits at random.
fn fresh_password() -> String {
    hex(&random::<20>())
}

/// 1 to 64 characters of `a-z`, `A-Z`, `0-9`, `.`, `_`, `-` and `@`. Dots alone would be taken for steps of a path.
fn is_name(name: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_known) && !matches!(name, "." | "..")
}

/// 8 characters at least, of however many bytes, and not more than a login takes.
fn is_password(password: &str) -> bool {
    password.chars().count() >= 8 && password.len() <= MAX_TEXT
}

fn known(name: &str, User { role, hash: _, epoch: _, since }: &User) -> Known {
    Known { name: name.to_owned(), role: *role, since: *since }
}
