//! The key that signs this daemon's tokens.

use super::file::{FileError, read_private, write_private};
use crate::random::random;
use std::path::Path;

/// Length of the key, in bytes: as long as the output of HMAC-SHA-256.
const LENGTH: usize = 32;

/// Reads the key, or makes one on the first start.
///
/// # Errors
///
/// [`FileError`]; [`FileError::Damaged`] when it has another length.
pub(super) fn load_or_create(path: &Path) -> Result<Vec<u8>, FileError> {
    if let Some(key) = read_private(path)? {
        return match key.len() {
            LENGTH => Ok(key),
            _ => Err(FileError::Damaged { path: path.to_owned(), detail: "it does not have 32 bytes" }),
        };
    }
    let key = random::<LENGTH>().to_vec();
    write_private(path, &key)?;
    Ok(key)
}
