//! Clouds, as OpenStack people name them: variables `OS_*` and files `clouds.yaml`.
//!
//! ```text
//! --os-cloud, OS_CLOUD ─► clouds.yaml + secure.yaml ─┐
//! OS_AUTH_URL, OS_USERNAME, … ───────────────────────┴─► Settings ─► Account ─► Keystone ─► token, endpoint of the daemon
//! ```
//!
//! A named cloud is what its files say; only what they leave out is taken from the variables. Nothing is read before a
//! token is needed, and no secret has a debug form.

mod account;
mod error;
mod files;
mod keystone;
mod settings;

pub(crate) use account::Account;
pub(crate) use error::CloudError;
pub(crate) use keystone::{Granted, revoke};

use crate::place::Surroundings;
use settings::Settings;
use std::path::PathBuf;

/// The cloud that was asked for.
pub(crate) struct Cloud {
    /// Its name in the files; `None` when the variables say all.
    name: Option<String>,
    /// What the variables say.
    variables: Settings,
    /// The folders that files are looked for in, the first that has one counts.
    folders: Vec<PathBuf>,
    /// The file, where a variable names it.
    file: Option<PathBuf>,
}

impl Cloud {
    /// The cloud that an option or the environment names; `None` when none is.
    pub(crate) fn find(option: Option<&str>, surroundings: &Surroundings<'_>) -> Option<Self> {
        let text = |name: &str| surroundings.set(name).and_then(|value| value.into_string().ok());
        let name = option.map(str::to_owned).or_else(|| text("OS_CLOUD"));
        let variables = Settings::of_variables(&text);
        if name.is_none() && variables.get("auth_url").is_none() {
            return None;
        }
        let home = || Some(surroundings.absolute("HOME")?.join(".config"));
        let own =
            surroundings.absolute("XDG_CONFIG_HOME").or_else(home).map(|folder| folder.join("openstack"));
        let folders = [Some(PathBuf::from(".")), own, Some(PathBuf::from("/etc/openstack"))];
        let file = surroundings.set("OS_CLIENT_CONFIG_FILE").map(PathBuf::from);
        Some(Self { name, variables, folders: folders.into_iter().flatten().collect(), file })
    }

    /// What people call it: its name, else the address of its Keystone.
    pub(crate) fn label(&self) -> &str {
        let url = || self.variables.get("auth_url");
        self.name.as_deref().or_else(url).expect("`find` makes no cloud without")
    }

    /// Who is to log in, and where.
    ///
    /// # Errors
    ///
    /// [`CloudError`] when the files cannot be used, or do not say enough.
    pub(crate) fn account(&self) -> Result<Account, CloudError> {
        let settings = match &self.name {
            Some(name) => files::read(name, &self.folders, self.file.as_deref())?.or(&self.variables),
            None => self.variables.clone(),
        };
        Account::of(&settings, self.label())
    }
}

#[cfg(test)]
mod tests;
