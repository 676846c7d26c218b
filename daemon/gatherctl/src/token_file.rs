//! Tokens of earlier logins, by the place they are for.
//!
//! One JSON file, `ctl-token` in the user's state directory. It is made with mode 0600 under another name,
//! written to disk and then put in place, so that at no time anybody else can read it or half of it is
//! there.

use gatherd_api_types::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// The file of tokens.
#[derive(Clone, Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
}

/// A token that is kept. Its debug form hides the token.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Kept {
    /// The token; a secret.
    pub(crate) token: String,
    /// Whose it is.
    pub(crate) user: String,
    /// When it ends, if it does.
    pub(crate) expires_at: Option<Timestamp>,
    /// The cloud that gave it; `None` for one of the daemon itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cloud: Option<KeptCloud>,
}

/// The cloud that gave a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct KeptCloud {
    /// What people call it.
    pub(crate) label: String,
    /// Where its Keystone is.
    pub(crate) url: String,
    /// The certificates that are believed there; those of the system for `None`.
    pub(crate) cacert: Option<PathBuf>,
    /// Whether the token was made for us, so that a logout may take it back.
    pub(crate) is_ours: bool,
    /// Whether the daemon was found in the cloud's catalogue.
    pub(crate) by_catalogue: bool,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token: _, user, expires_at, cloud } = self;
        let mut shown = f.debug_struct("Kept");
        shown
            .field("user", user)
            .field("expires_at", expires_at)
            .field("cloud", cloud)
            .finish_non_exhaustive()
    }
}

impl Kept {
    /// Whether it is worth showing at `now`, to the second.
    pub(crate) fn lives(&self, now: &Timestamp) -> bool {
        self.expires_at.as_ref().is_none_or(|end| end > now)
    }
}

/// Tokens by place.
type Tokens = BTreeMap<String, Kept>;

/// Why tokens are not kept or not found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenFileError {
    /// There is no place for it.
    #[error("no place to keep a token: set HOME or XDG_STATE_HOME to an absolute path")]
    Nowhere,
    /// It cannot be read.
    #[error("cannot read the tokens of earlier logins in {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others may read it.
    #[error("others may read the tokens in {} (mode {mode:o}): remove the file, and log in again", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is not what was written.
    #[error("the tokens in {} are damaged in line {line}: remove the file, and log in again", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where it goes wrong, from 1. What stands there may be secret.
        line: usize,
    },
    /// It cannot be written.
    #[error("cannot keep the token in {}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl TokenFile {
    /// The file in the state directory of a user.
    ///
    /// # Errors
    ///
    /// [`TokenFileError::Nowhere`] without such a directory.
    pub(crate) fn within(state: Option<PathBuf>) -> Result<Self, TokenFileError> {
        state.map(|state| Self { path: state.join("ctl-token") }).ok_or(TokenFileError::Nowhere)
    }

    /// The token for `place` that still lives at `now`.
    ///
    /// # Errors
    ///
    /// [`TokenFileError::Read`], [`TokenFileError::Open`] or [`TokenFileError::Damaged`]; a file that is
    /// not there is none.
    pub(crate) fn find(&self, place: &str, now: &Timestamp) -> Result<Option<Kept>, TokenFileError> {
        Ok(self.look(place)?.filter(|kept| kept.lives(now)))
    }

    /// The token for `place`, also one that has ended.
    ///
    /// # Errors
    ///
    /// As [`TokenFile::find`].
    pub(crate) fn look(&self, place: &str) -> Result<Option<Kept>, TokenFileError> {
        Ok(self.read()?.remove(place))
    }

    /// The place that was found in the catalogue of a cloud.
    ///
    /// # Errors
    ///
    /// As [`TokenFile::find`].
    pub(crate) fn place_of(&self, label: &str) -> Result<Option<String>, TokenFileError> {
        let is_of = |kept: &Kept| kept.cloud.as_ref().is_some_and(|it| it.by_catalogue && it.label == label);
        Ok(self.read()?.into_iter().find(|(_, kept)| is_of(kept)).map(|(place, _)| place))
    }

    /// Keeps a token for `place`; those that have ended go, but for those of clouds, which can be renewed.
    ///
    /// # Errors
    ///
    /// As [`TokenFile::find`], and [`TokenFileError::Write`].
    pub(crate) fn keep(&self, place: &str, kept: Kept, now: &Timestamp) -> Result<(), TokenFileError> {
        let mut tokens = self.read()?;
        tokens.retain(|_, kept| kept.lives(now) || kept.cloud.is_some());
        tokens.insert(place.to_owned(), kept);
        self.write(&tokens)
    }

    /// Forgets the token for `place`.
    ///
    /// # Errors
    ///
    /// As [`TokenFile::keep`].
    pub(crate) fn forget(&self, place: &str) -> Result<(), TokenFileError> {
        let mut tokens = self.read()?;
        if tokens.remove(place).is_some() { self.write(&tokens) } else { Ok(()) }
    }

    fn read(&self) -> Result<Tokens, TokenFileError> {
        let unreadable = |source| TokenFileError::Read { path: self.path.clone(), source };
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tokens::new()),
            other => other.map_err(unreadable)?,
        };
        let mode = file.metadata().map_err(unreadable)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokenFileError::Open { path: self.path.clone(), mode });
        }
        let mut text = Vec::new();
        file.take(LONGEST).read_to_end(&mut text).map_err(unreadable)?;
        serde_json::from_slice(&text)
            .map_err(|error| TokenFileError::Damaged { path: self.path.clone(), line: error.line() })
    }

    fn write(&self, tokens: &Tokens) -> Result<(), TokenFileError> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        replace(folder, &self.path, tokens)
            .map_err(|source| TokenFileError::Write { path: self.path.clone(), source })
    }
}

/// Puts a new file in the place of `path`, all of it or none.
fn replace(folder: &Path, path: &Path, tokens: &Tokens) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?; // Mode 0600.
    serde_json::to_writer(&mut file, tokens)?;
    file.as_file_mut().flush()?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds, 0)
    }

    fn kept(token: &str, end: i64) -> Kept {
        Kept { token: token.to_owned(), user: "admin".to_owned(), expires_at: Some(at(end)), cloud: None }
    }

    fn file(folder: &tempfile::TempDir) -> TokenFile {
        TokenFile::within(Some(folder.path().join("deep/gatherd"))).unwrap()
    }

    #[test]
    fn a_token_is_found_for_its_place_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        assert_eq!(file.find("a", &at(0)).unwrap(), None);
        file.keep("a", kept("one", 10), &at(0)).unwrap();
        file.keep("b", kept("two", 20), &at(0)).unwrap();
        assert_eq!(file.find("a", &at(9)).unwrap(), Some(kept("one", 10)));
        assert_eq!(file.find("a", &at(10)).unwrap(), None);
        assert_eq!(file.find("b", &at(10)).unwrap(), Some(kept("two", 20)));
        assert_eq!(file.find("c", &at(0)).unwrap(), None);
    }

    #[test]
    fn a_token_is_forgotten_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.keep("a", kept("one", 10), &at(0)).unwrap();
        file.keep("b", kept("two", 10), &at(0)).unwrap();
        file.forget("a").unwrap();
        file.forget("a").unwrap();
        assert_eq!(file.read().unwrap(), Tokens::from([("b".to_owned(), kept("two", 10))]));
    }

    #[test]
    fn tokens_that_ended_leave_with_the_next_login() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.keep("a", kept("one", 10), &at(0)).unwrap();
        file.keep("b", kept("two", 20), &at(10)).unwrap();
        assert_eq!(file.read().unwrap(), Tokens::from([("b".to_owned(), kept("two", 20))]));
    }

    #[test]
    fn the_daemon_of_a_cloud_is_remembered_also_when_its_token_ended() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        let of_cloud = |by_catalogue| {
            let (label, url) = ("ours".to_owned(), "http://k/v3".to_owned());
            let cloud = KeptCloud { label, url, cacert: None, is_ours: true, by_catalogue };
            Kept { cloud: Some(cloud), ..kept("one", 10) }
        };
        file.keep("http://named", of_cloud(false), &at(0)).unwrap();
        assert_eq!(file.place_of("ours").unwrap(), None);
        file.keep("http://found", of_cloud(true), &at(0)).unwrap();
        file.keep("b", kept("two", 30), &at(20)).unwrap();
        assert_eq!(file.place_of("ours").unwrap().as_deref(), Some("http://found"));
        assert_eq!(file.place_of("theirs").unwrap(), None);
        assert_eq!(file.find("http://found", &at(20)).unwrap(), None);
        assert_eq!(file.look("http://found").unwrap(), Some(of_cloud(true)));
    }

    #[test]
    fn a_file_of_before_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.keep("a", kept("one", 10), &at(0)).unwrap();
        let text = r#"{"a": {"token": "one", "user": "admin", "expires_at": "1970-01-01T00:00:10Z"}}"#;
        fs::write(&file.path, text).unwrap();
        assert_eq!(file.look("a").unwrap(), Some(kept("one", 10)));
    }

    #[test]
    fn the_file_and_its_folder_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.keep("a", kept("one", 10), &at(0)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&file.path), mode(file.path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(file.path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.keep("a", kept("one", 10), &at(0)).unwrap();
        fs::set_permissions(&file.path, Permissions::from_mode(0o640)).unwrap();
        let error = file.find("a", &at(0)).unwrap_err();
        assert!(matches!(error, TokenFileError::Open { mode: 0o640, .. }), "{error}");
    }

    #[test]
    fn a_damaged_file_is_named_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.keep("a", kept("one", 10), &at(0)).unwrap();
        fs::write(&file.path, "{").unwrap();
        let error = file.find("a", &at(0)).unwrap_err();
        assert!(matches!(error, TokenFileError::Damaged { line: 1, .. }), "{error}");
    }

    #[test]
    fn a_place_that_can_not_be_written_or_read_is_named() {
        let file = TokenFile::within(Some("/dev/null/x".into())).unwrap();
        let error = file.keep("a", kept("one", 10), &at(0)).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the tokens of earlier logins in /dev/null/x/ctl-token");
        let error = file.write(&Tokens::new()).unwrap_err();
        assert_eq!(error.to_string(), "cannot keep the token in /dev/null/x/ctl-token");
        assert!(matches!(TokenFile::within(None), Err(TokenFileError::Nowhere)));
    }

    #[test]
    fn the_debug_form_hides_the_token() {
        let text = format!("{:?}", kept("s3cret", 10));
        assert!(!text.contains("s3cret"), "{text}");
    }
}
