//! Tokens that were taken back before they ended.

use super::file::{FileError, read_private, write_private};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most tokens that can be revoked at one time; each leaves the list when it would have ended.
const MAX_REVOKED: usize = 10_000;

/// Why a token cannot be revoked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RevokeError {
    /// It is not valid (any more).
    #[error("there is no such valid token")]
    Unknown,
    /// The list is full.
    #[error("{MAX_REVOKED} tokens are revoked already; wait until the oldest ends")]
    Full,
    /// The list cannot be stored, so the token stays valid.
    #[error("cannot store the list of revoked tokens")]
    Store(#[source] FileError),
}

/// Audit ids of revoked tokens, with the second at which each ends.
#[derive(Debug)]
pub(super) struct Revoked {
    path: PathBuf,
    list: List,
}

/// The file's content.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct List {
    revoked: BTreeMap<String, u64>,
}

impl Revoked {
    /// Reads the list of an earlier life.
    pub(super) fn load(path: &Path) -> Result<Self, FileError> {
        let list = match read_private(path)? {
            None => List::default(),
            Some(content) => serde_json::from_slice(&content).map_err(|_| FileError::Damaged {
                path: path.to_owned(),
                detail: "it is not a list of revoked tokens in JSON",
            })?,
        };
        Ok(Self { path: path.to_owned(), list })
    }

    /// Whether this token was taken back.
    pub(super) fn contains(&self, audit_id: &str) -> bool {
        self.list.revoked.contains_key(audit_id)
    }

    /// Takes a token back, for good: on disk before this returns.
    pub(super) fn insert(&mut self, audit_id: &str, ends: u64, now: u64) -> Result<(), RevokeError> {
        let mut next = self.list.clone();
        next.revoked.retain(|_, end| *end > now);
        if next.revoked.len() >= MAX_REVOKED {
            return Err(RevokeError::Full);
        }
        next.revoked.insert(audit_id.to_owned(), ends);
        let content = serde_json::to_vec(&next).expect("maps of text are always JSON");
        write_private(&self.path, &content).map_err(RevokeError::Store)?;
        self.list = next;
        Ok(())
    }
}
