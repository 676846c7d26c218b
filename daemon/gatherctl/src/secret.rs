//! Name and password of a user: from a file, from standard input, or asked for.

use crate::prompt;
use serde::Deserialize;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Longest file with a secret, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;

/// Who logs in, and how it is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Proof {
    /// A file that the daemon made: `{"user": …, "password": …}`.
    CredentialFile(PathBuf),
    /// A user, whose password is the first line of a file.
    PasswordFile(String, PathBuf),
    /// A user, whose password comes from standard input.
    Input(String),
}

/// A user and its password. Its debug form hides the password.
#[derive(Deserialize, Eq, PartialEq)]
pub(crate) struct Credential {
    /// Name of the user.
    pub(crate) user: String,
    /// The password; a secret.
    pub(crate) password: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, password: _ } = self;
        f.debug_struct("Credential").field("user", user).finish_non_exhaustive()
    }
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is no credential.
    #[error("{} is no credential file (see line {line}): it must hold {{\"user\": …, \"password\": …}}", path.display())]
    NoCredential {
        /// Which.
        path: PathBuf,
        /// Where it goes wrong, from 1. What stands there may be secret.
        line: usize,
    },
    /// Standard input fails.
    #[error("cannot read the password from standard input")]
    Input(#[source] io::Error),
    /// The terminal fails.
    #[error("cannot ask for the password on the terminal; use --password-file")]
    Terminal(#[source] io::Error),
    /// The user changed their mind.
    #[error("no password was given, so nothing was done")]
    Stopped,
    /// It was not typed twice.
    #[error("the two passwords differ, so nothing was done")]
    Differ,
    /// It is longer than any password.
    #[error("a password has at most {} bytes", prompt::LONGEST)]
    TooLong,
    /// It is not text.
    #[error("a password must be UTF-8")]
    NotText,
}

impl Proof {
    /// Name and password.
    ///
    /// # Errors
    ///
    /// [`SecretError`], as its variants say.
    pub(crate) fn read(self) -> Result<Credential, SecretError> {
        match self {
            Self::CredentialFile(path) => credential(&path),
            Self::PasswordFile(user, path) => {
                let password = first_line(&contents(&path)?)?;
                Ok(Credential { user, password })
            }
            Self::Input(user) => {
                let password =
                    if io::stdin().is_terminal() { asked("Password", &user) } else { piped(io::stdin()) }?;
                Ok(Credential { user, password })
            }
        }
    }
}

/// A password that `user` shall have: the first line of a file or of standard input, or asked for twice.
///
/// # Errors
///
/// [`SecretError`], as its variants say.
pub(crate) fn new_password(user: &str, file: Option<&Path>) -> Result<String, SecretError> {
    match file {
        Some(path) => first_line(&contents(path)?),
        None if io::stdin().is_terminal() => {
            let first = asked("New password", user)?;
            let again = asked("Once more, the new password", user)?;
            if first == again { Ok(first) } else { Err(SecretError::Differ) }
        }
        None => piped(io::stdin()),
    }
}

fn credential(path: &Path) -> Result<Credential, SecretError> {
    serde_json::from_slice(&contents(path)?)
        .map_err(|error| SecretError::NoCredential { path: path.to_owned(), line: error.line() })
}

fn contents(path: &Path) -> Result<Vec<u8>, SecretError> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut text));
    read.map_err(|source| SecretError::Read { path: path.to_owned(), source })?;
    Ok(text)
}

fn piped(input: impl Read) -> Result<String, SecretError> {
    let mut text = Vec::new();
    let mut input = BufReader::new(input.take(LONGEST_FILE));
    input.read_until(b'\n', &mut text).map_err(SecretError::Input)?;
    first_line(&text)
}

fn asked(what: &str, user: &str) -> Result<String, SecretError> {
    let terminal = File::options().read(true).write(true).open("/dev/tty").map_err(SecretError::Terminal)?;
    prompt::ask(&terminal, &format!("{what} of {}: ", crate::escape::text(user)))
}

fn first_line(text: &[u8]) -> Result<String, SecretError> {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.len() {
        0 => Err(SecretError::Stopped),
        length if length > prompt::LONGEST => Err(SecretError::TooLong),
        _ => String::from_utf8(line.to_vec()).map_err(|_| SecretError::NotText),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn from_file(text: &[u8]) -> Result<String, SecretError> {
        let file = file(text);
        let proof = Proof::PasswordFile("ann".to_owned(), file.path().to_owned());
        proof.read().map(|credential| {
            assert_eq!(credential.user, "ann");
            credential.password
        })
    }

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        for text in ["horse", "horse\n", "horse\r\n", "horse\nmore\n"] {
            assert_eq!(from_file(text.as_bytes()).unwrap(), "horse", "{text:?}");
        }
        assert_eq!(from_file(b" horse ").unwrap(), " horse ");
    }

    #[test]
    fn what_no_password_is_is_refused() {
        assert!(matches!(from_file(b"\nhorse"), Err(SecretError::Stopped)));
        assert!(matches!(from_file(b"\xff"), Err(SecretError::NotText)));
        assert!(matches!(from_file(&[b'x'; 1025]), Err(SecretError::TooLong)));
    }

    #[test]
    fn standard_input_is_read_like_a_file() {
        assert_eq!(piped(&b"horse\n"[..]).unwrap(), "horse");
    }

    #[test]
    fn the_daemon_s_credential_file_is_understood() {
        let file = file(br#"{"user":"admin","password":"horse"}"#);
        let expected = Credential { user: "admin".to_owned(), password: "horse".to_owned() };
        assert_eq!(Proof::CredentialFile(file.path().to_owned()).read().unwrap(), expected);
        assert!(!format!("{expected:?}").contains("horse"));
    }

    #[test]
    fn files_that_do_not_fit_are_named() {
        let file = file(b"horse");
        let error = Proof::CredentialFile(file.path().to_owned()).read().unwrap_err();
        assert!(
            matches!(&error, SecretError::NoCredential { path, line: 1 } if path == file.path()),
            "{error}"
        );
        let error = Proof::PasswordFile("ann".to_owned(), "/nonexistent".into()).read().unwrap_err();
        assert_eq!(error.to_string(), "cannot read /nonexistent");
    }
}
