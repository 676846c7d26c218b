//! Keystone as the document wants it: secrets are read, and the parts put together.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gatherd_api::auth::{FileError, Foreign, OfflineRoles, RolePolicy, read_private};
use gatherd_api::types::Role;
use gatherd_engine::desired::Document;
use gatherd_engine::desired::document::{Keystone as Section, OfflineEntry, RoleWord};
use gatherd_keystone::{
    Account, Catalogue, Config, Credential, Keystone, Offline, ProjectOf, Secret, Times, is_safe_url,
};
use url::Url;

/// Longest secret, in bytes.
const LONGEST_SECRET: usize = 4_096;

/// Why the section cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SectionError {
    /// The secret's file cannot be used.
    #[error("the secret for Keystone cannot be read")]
    SecretFile(#[source] FileError),
    /// There is no such file.
    #[error("there is no file {}; write the secret for Keystone into it, with mode 0600", path.display())]
    NoSecretFile {
        /// The file.
        path: PathBuf,
    },
    /// The variable is not there.
    #[error("the environment has no variable {name}, which should hold the secret for Keystone")]
    NoVariable {
        /// Its name.
        name: String,
    },
    /// It is no secret.
    #[error("the secret for Keystone is empty, longer than {LONGEST_SECRET} bytes, or no text of one line")]
    Secret {
        /// Where it stands.
        pointer: &'static str,
    },
    /// The certificates cannot be read.
    #[error("cannot read the certificates in {}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Nothing is encrypted.
    #[error(
        "{url} would get passwords and tokens over the network without TLS: take https, or say `insecure = true`"
    )]
    Unsafe {
        /// The address.
        url: Url,
    },
    /// What was checked before does not hold any more.
    #[error("the section is not one: {detail}")]
    Form {
        /// What is wrong.
        detail: String,
    },
}

impl SectionError {
    /// The key that is wrong.
    pub(crate) fn pointer(&self) -> &'static str {
        match self {
            Self::SecretFile(_) | Self::NoSecretFile { .. } => "/keystone/secret_file",
            Self::NoVariable { .. } => "/keystone/secret_variable",
            Self::Secret { pointer } => pointer,
            Self::Certificates { .. } => "/keystone/ca_file",
            Self::Unsafe { .. } => "/keystone/auth_urls",
            Self::Form { .. } => "/keystone",
        }
    }
}

/// Keystone for the API; `None` where the document has no such section. Asks nothing yet.
///
/// # Errors
///
/// When a secret, a certificate or the keys cannot be used.
pub(crate) fn open(document: &Document) -> anyhow::Result<Option<Foreign>> {
    let Some(section) = &document.keystone else { return Ok(None) };
    let config = config(section).context("the section keystone cannot be used")?;
    let keystone = Keystone::open(&config)?;
    let url = section.public_url.as_ref().or(section.auth_urls.first());
    let url = url.context("the section keystone names no address for clients")?;
    let foreign = Foreign::new(Arc::new(keystone), policy(section), url)?;
    tracing::info!(places = section.auth_urls.len(), "tokens of Keystone count");
    Ok(Some(foreign))
}

/// How Keystone is asked.
///
/// # Errors
///
/// [`SectionError`].
pub(crate) fn config(section: &Section) -> Result<Config, SectionError> {
    let form = |detail: &dyn std::fmt::Display| SectionError::Form { detail: detail.to_string() };
    let span = |seconds: f64| Duration::try_from_secs_f64(seconds).map_err(|error| form(&error));
    let endpoints = section.auth_urls.iter().map(|text| Url::parse(text).map_err(|error| form(&error)));
    let endpoints = endpoints.collect::<Result<Vec<Url>, _>>()?;
    if let Some(url) = endpoints.iter().find(|url| !section.insecure && !is_safe_url(url)) {
        return Err(SectionError::Unsafe { url: url.clone() });
    }
    if let Some(path) = &section.ca_file {
        std::fs::read(path).map_err(|source| SectionError::Certificates { path: path.clone(), source })?;
    }
    let credential = if endpoints.is_empty() { None } else { credential(section)? };
    let catalogue = section.interface.map(|interface| Catalogue {
        interface: interface.as_str().to_owned(),
        region: section.region.clone(),
    });
    Ok(Config {
        endpoints,
        credential,
        catalogue,
        ca_file: section.ca_file.clone(),
        insecure: section.insecure,
        timeout: span(section.timeout)?,
        times: Times {
            valid: span(section.cache)?,
            refused: span(section.refused_cache)?,
            grace: span(section.grace)?,
        },
        remembered: section.remembered as usize,
        offline: section.offline.as_ref().map(offline),
    })
}

fn offline(entry: &OfflineEntry) -> Offline {
    let OfflineEntry { repository, leeway, changes, users: _, projects: _, default: _ } = entry;
    Offline { repository: repository.clone(), leeway: u64::from(*leeway), changes: *changes }
}

fn credential(section: &Section) -> Result<Option<Credential>, SectionError> {
    let secret = secret(section)?;
    if let Some(id) = &section.application_credential {
        return Ok(Some(Credential::Application { id: id.clone(), secret }));
    }
    let (Some(user), Some(project)) = (&section.user, &section.project) else { return Ok(None) };
    Ok(Some(Credential::Password {
        user: Account { name: user.clone(), domain: section.user_domain.clone() },
        password: secret,
        project: ProjectOf { name: project.clone(), domain: section.project_domain.clone() },
    }))
}

fn secret(section: &Section) -> Result<Secret<String>, SectionError> {
    let (bytes, pointer) = match (&section.secret_file, &section.secret_variable) {
        (Some(path), _) => {
            let found = read_private(path).map_err(SectionError::SecretFile)?;
            (found.ok_or_else(|| SectionError::NoSecretFile { path: path.clone() })?, "/keystone/secret_file")
        }
        (None, Some(name)) => {
            let found =
                std::env::var_os(name).ok_or_else(|| SectionError::NoVariable { name: name.clone() })?;
            (found.into_encoded_bytes(), "/keystone/secret_variable")
        }
        (None, None) => return Err(SectionError::Secret { pointer: "/keystone" }),
    };
    let text = String::from_utf8(bytes).map_err(|_| SectionError::Secret { pointer })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if text.is_empty() || text.len() > LONGEST_SECRET || text.contains(char::is_control) {
        return Err(SectionError::Secret { pointer });
    }
    Ok(Secret::new(text.to_owned()))
}

/// What somebody of Keystone may do here.
fn policy(section: &Section) -> RolePolicy {
    let map = |words: &std::collections::BTreeMap<String, RoleWord>| {
        words.iter().map(|(name, word)| (name.clone(), role(*word))).collect()
    };
    let offline = section.offline.as_ref().map_or_else(OfflineRoles::default, |entry| OfflineRoles {
        users: map(&entry.users),
        projects: map(&entry.projects),
        default: role(entry.default),
        changes: entry.changes,
    });
    RolePolicy {
        roles: map(&section.roles),
        projects: section.projects.clone(),
        domains: section.domains.clone(),
        system: section.system,
        offline,
    }
}

fn role(word: RoleWord) -> Role {
    match word {
        RoleWord::Reader => Role::Reader,
        RoleWord::Member => Role::Member,
        RoleWord::Admin => Role::Admin,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn section(place: &Path) -> Section {
        Section {
            auth_urls: vec!["https://keystone.example.org:5000".to_owned()],
            user: Some("gatherd".to_owned()),
            project: Some("service".to_owned()),
            secret_file: Some(place.join("secret")),
            projects: vec!["*".to_owned()],
            ..Section::default()
        }
    }

    fn write(place: &Path, text: &str, mode: u32) {
        let path = place.join("secret");
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_secret_is_the_file_s_line_and_shown_nowhere() {
        let place = tempfile::tempdir().unwrap();
        write(place.path(), "s3cret\n", 0o600);
        let config = config(&section(place.path())).unwrap();
        let Some(Credential::Password { password, .. }) = &config.credential else { panic!("{config:?}") };
        assert_eq!(password.reveal(), "s3cret");
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_wrong_names_the_key_and_what_to_do() {
        let place = tempfile::tempdir().unwrap();
        let said = |section: &Section| {
            let error = config(section).unwrap_err();
            (error.pointer(), format!("{:#}", anyhow::Error::new(error)))
        };
        let (pointer, text) = said(&section(place.path()));
        assert!(pointer == "/keystone/secret_file" && text.contains("mode 0600"), "{text}");
        write(place.path(), "s3cret\n", 0o644);
        let (pointer, text) = said(&section(place.path()));
        assert!(pointer == "/keystone/secret_file" && text.contains("chmod 600"), "{text}");
        for bad in ["", "\n", "two\nlines\n"] {
            write(place.path(), bad, 0o600);
            assert_eq!(said(&section(place.path())).0, "/keystone/secret_file", "{bad:?}");
        }
        write(place.path(), "s3cret\n", 0o600);
        let bare = Section { auth_urls: vec!["http://keystone:5000".to_owned()], ..section(place.path()) };
        let (pointer, text) = said(&bare);
        assert!(pointer == "/keystone/auth_urls" && text.contains("insecure = true"), "{text}");
        assert!(config(&Section { insecure: true, ..bare }).is_ok());
        let variable = Section {
            secret_file: None,
            secret_variable: Some("NO_SUCH_VARIABLE_AT_ALL".to_owned()),
            ..section(place.path())
        };
        assert_eq!(said(&variable).0, "/keystone/secret_variable");
        let certificates = Section { ca_file: Some(place.path().join("ca.pem")), ..section(place.path()) };
        assert_eq!(said(&certificates).0, "/keystone/ca_file");
    }
}
