//! The daemon's own users and tokens, on disk in one directory.
//!
//! ```text
//! token.key          signs tokens
//! credentials.json   users with hashed passwords; written last on the first start
//! admin.credential   name and password of the first user; may be read and removed by the operator
//! revoked.json       tokens that were taken back
//! ```

use super::change::{CREDENTIAL, add_admin};
use super::file::{FileError, prepare_directory};
use super::key::load_or_create;
use super::login::{Limiter, LoginError};
use super::revoked::{RevokeError, Revoked};
use super::token::{Claims, Issued, Signer, Verified};
use super::user::{MAX_USERS, User, Users};
use crate::random::{hex, random};
use argon2::Argon2;
use gatherd_api_types::Role;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::Semaphore;

/// Most passwords that are hashed at one time; each takes 19 MiB.
const MAX_HASHING: usize = 2;

/// Longest name or password, in bytes.
pub(super) const MAX_TEXT: usize = 1_024;

/// Why the credentials cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the credentials in {}", directory.display())]
pub struct OpenError {
    /// Where they are.
    pub directory: PathBuf,
    /// Which file, and what is wrong with it.
    #[source]
    pub source: FileError,
}

/// Why a user cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The name is not one.
    #[error("a user's name has 1 to 64 characters of a-z, A-Z, 0-9, '.', '_', '-' and '@'")]
    Name,
    /// The password is not one.
    #[error("a password has 8 characters at least and {MAX_TEXT} bytes at most")]
    Password,
    /// There is no such user.
    #[error("there is no such user")]
    Unknown,
    /// A new user has no role.
    #[error("a new user needs a role")]
    NeedsRole,
    /// A new user has no password.
    #[error("a new user needs a password")]
    NeedsPassword,
    /// Nobody would be admin any more.
    #[error("this is the last user with the role admin; make another one admin first")]
    LastAdmin,
    /// There are too many.
    #[error("there are {MAX_USERS} users already")]
    Full,
    /// The daemon goes down.
    #[error("passwords cannot be changed now")]
    Unavailable,
    /// It cannot be written.
    #[error("cannot store the user")]
    Store(#[source] FileError),
}

/// The daemon's own users and tokens. Cheap to clone; clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    fresh: bool,
    /// Whether passwords, and the tokens made for them, count.
    takes_passwords: AtomicBool,
    users: RwLock<Arc<Users>>,
    /// Held by who changes users, beside readers.
    turn: Mutex<()>,
    revoked: Mutex<Revoked>,
    signer: Signer,
    limiter: Limiter,
    hashing: Semaphore,
    hasher: Argon2<'static>,
    nobody: User,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("directory", &self.0.directory).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the credentials in `directory`; the first time, makes the directory, a signing key and the
    /// user `admin` with a random password, which is left in `admin.credential` (mode 0600).
    ///
    /// # Errors
    ///
    /// [`OpenError`] names the file that others may use, that somebody else owns, that cannot be read or
    /// written, or that is damaged.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with(directory, Argon2::default())
    }

    pub(super) fn open_with(directory: &Path, hasher: Argon2<'static>) -> Result<Self, OpenError> {
        let inner = Inner::open(directory, hasher)
            .map_err(|source| OpenError { directory: directory.to_owned(), source })?;
        Ok(Self(Arc::new(inner)))
    }

    /// Where name and password of the first user are, if this opening made them.
    pub fn fresh_credential(&self) -> Option<PathBuf> {
        self.0.fresh.then(|| self.0.directory.join(CREDENTIAL))
    }

    /// Where the credentials are.
    pub(crate) fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Whether passwords of the daemon's own users count from now on; without, nor do the tokens made for them.
    pub(crate) fn take_passwords(&self, take: bool) {
        self.0.takes_passwords.store(take, Ordering::Release);
    }

    fn takes_passwords(&self) -> bool {
        self.0.takes_passwords.load(Ordering::Acquire)
    }

    /// A token for who knows the password.
    ///
    /// # Errors
    ///
    /// [`LoginError`].
    pub(crate) async fn login(
        &self,
        peer: &str,
        (user, password): (&str, &str),
        now: u64,
    ) -> Result<Issued, LoginError> {
        if !self.takes_passwords() {
            return Err(LoginError::Off);
        }
        self.0.limiter.admit(peer)?;
        if user.len() > MAX_TEXT || password.len() > MAX_TEXT {
            return Err(LoginError::Wrong);
        }
        let permit = self.0.hashing.acquire().await.map_err(|_| LoginError::Unavailable)?;
        let (known, candidate) = match self.user(user) {
            Some(found) => (true, found),
            None => (false, self.0.nobody.clone()), // Costs the same, and never admits.
        };
        let password = password.to_owned();
        let checking = tokio::task::spawn_blocking(move || candidate.admits(&password).then_some(candidate));
        let admitted = checking.await.map_err(|_| LoginError::Unavailable)?;
        drop(permit);
        match admitted {
            Some(admitted) if known => Ok(self.issue(user, &admitted, now)),
            _ => Err(LoginError::Wrong),
        }
    }

    fn issue(&self, name: &str, user: &User, now: u64) -> Issued {
        let claims = Claims::new(name, user.role, &user.epoch, hex(&random::<16>()), now);
        Issued { token: self.0.signer.sign(&claims), facts: verified(claims, user.role) }
    }

    /// Whether a token is made like this daemon's own, valid or not: then nobody else judges it.
    pub(crate) fn is_own(&self, token: &str) -> bool {
        self.0.signer.is_own(token)
    }

    /// What a token says, if it is valid now.
    pub(crate) fn verify(&self, token: &str, now: u64) -> Option<Verified> {
        let claims = self.0.signer.check(token, now).filter(|_| self.takes_passwords())?;
        let user = self.user(&claims.sub)?;
        let revoked = self.0.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        if user.epoch != claims.epoch || revoked.contains(&claims.jti) {
            return None;
        }
        Some(verified(claims, user.role))
    }

    /// Takes a token back. Writes to disk: not for an async thread.
    ///
    /// # Errors
    ///
    /// [`RevokeError`]; the token is still valid then.
    pub(crate) fn revoke(&self, token: &str, now: u64) -> Result<(), RevokeError> {
        let facts = self.verify(token, now).ok_or(RevokeError::Unknown)?;
        let mut revoked = self.0.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.insert(&facts.audit_id, facts.expires_at, now)
    }

    pub(super) fn user(&self, name: &str) -> Option<User> {
        self.all().users.get(name).cloned()
    }

    /// All users as they are now.
    pub(super) fn all(&self) -> Arc<Users> {
        Arc::clone(&self.0.users.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets others count from now on; for who has the turn, and has stored them.
    pub(super) fn replace_all(&self, users: Users) {
        *self.0.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
    }

    /// The right to change users. Those who only look do not wait for it.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hasher(&self) -> &Argon2<'static> {
        &self.0.hasher
    }

    /// Does what hashes a password or writes to disk, on a thread that may wait and with memory for it.
    pub(super) async fn slowly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, UserError> + Send + 'static,
    ) -> Result<T, UserError> {
        let permit = self.0.hashing.acquire().await.map_err(|_| UserError::Unavailable)?;
        let done = tokio::task::spawn_blocking(work).await;
        drop(permit);
        done.map_err(|_| UserError::Unavailable)?
    }

    /// Opens with hashes that cost next to nothing.
    #[cfg(test)]
    pub(crate) fn open_cheaply(directory: &Path) -> Self {
        let cheap = argon2::Params::new(8, 1, 1, None).unwrap();
        Self::open_with(directory, Argon2::from(cheap)).unwrap()
    }

    /// A token of a user without its password.
    #[cfg(test)]
    pub(crate) fn token_of(&self, name: &str, now: u64) -> String {
        let user = self.user(name).unwrap();
        self.issue(name, &user, now).token
    }
}

impl Inner {
    fn open(directory: &Path, hasher: Argon2<'static>) -> Result<Self, FileError> {
        prepare_directory(directory)?;
        let signer = Signer::new(&load_or_create(&directory.join("token.key"))?);
        let revoked = Revoked::load(&directory.join("revoked.json"))?;
        let stored = Users::load(&directory.join("credentials.json"))?;
        let fresh = stored.is_none();
        let users = match stored {
            Some(users) => users,
            None => first_user(directory, &hasher)?,
        };
        // Whoever it is: a name that is not known costs one of our hashes too, and is refused after it.
        let anybody = users.users.values().next().cloned();
        let nobody = anybody.unwrap_or_else(|| User::new(Role::Reader, &hex(&random::<16>()), &hasher));
        Ok(Self {
            directory: directory.to_owned(),
            fresh,
            takes_passwords: AtomicBool::new(true),
            users: RwLock::new(Arc::new(users)),
            turn: Mutex::new(()),
            revoked: Mutex::new(revoked),
            signer,
            limiter: Limiter::new(),
            hashing: Semaphore::new(MAX_HASHING),
            nobody,
            hasher,
        })
    }
}

/// Makes the first user. Its hash is stored last: if we die before, the next start makes another one.
fn first_user(directory: &Path, hasher: &Argon2<'_>) -> Result<Users, FileError> {
    let mut users = Users::default();
    add_admin(directory, &mut users, hasher)?;
    users.save(&directory.join("credentials.json"))?;
    Ok(users)
}

fn verified(claims: Claims, role: Role) -> Verified {
    let Claims { iss: _, aud: _, sub, role: _, epoch: _, jti, iat, nbf: _, exp } = claims;
    Verified { user: sub, role, audit_id: jti, issued_at: iat, expires_at: exp }
}
