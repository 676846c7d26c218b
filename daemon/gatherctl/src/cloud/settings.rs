//! What variables and files say of a cloud, under one set of names.

use std::collections::BTreeMap;

/// Everything that is looked at, as the files name it; the variable is `OS_` and the name in capitals.
pub(super) const KNOWN: &[&str] = &[
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "auth_type",
    "auth_url",
    "cacert",
    "default_domain_id",
    "default_domain_name",
    "domain_id",
    "domain_name",
    "interface",
    "password",
    "project_domain_id",
    "project_domain_name",
    "project_id",
    "project_name",
    "region_name",
    "system_scope",
    "telemetry_agent_endpoint_override",
    "token",
    "trust_id",
    "user_domain_id",
    "user_domain_name",
    "user_id",
    "username",
];

/// Older names of the same.
const FORMERLY: &[(&str, &str)] = &[
    ("auth_plugin", "auth_type"),
    ("default_domain", "default_domain_id"),
    ("endpoint_type", "interface"),
    ("tenant_id", "project_id"),
    ("tenant_name", "project_name"),
    ("user_name", "username"),
];

/// What is said, by name; secrets are among it, so that it has no debug form.
#[derive(Clone, Default)]
pub(super) struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    /// What the environment says.
    pub(super) fn of_variables(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut settings = Self::default();
        let formerly = FORMERLY.iter().map(|(name, _)| *name);
        for name in formerly.chain(KNOWN.iter().copied()) {
            if let Some(value) = variable(&format!("OS_{}", name.to_uppercase())) {
                settings.put(name, value);
            }
        }
        settings
    }

    /// Takes a setting under its name of today; what is not known, and what is empty, is not taken.
    pub(super) fn put(&mut self, name: &str, value: String) {
        let formerly = FORMERLY.iter().find(|(before, _)| *before == name);
        let name = formerly.map_or(name, |(_, today)| today);
        if let Some(known) = KNOWN.iter().find(|known| **known == name)
            && !value.is_empty()
        {
            self.0.insert(known, value);
        }
    }

    /// What is said of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// These settings, and for what they leave out those of `others`. Scope and user are each taken as a whole, so that
    /// the project of one is not joined with the domain of the other.
    pub(super) fn or(mut self, others: &Self) -> Self {
        const WHOLES: [&[&str]; 2] = [
            &[
                "project_id",
                "project_name",
                "project_domain_id",
                "project_domain_name",
                "domain_id",
                "domain_name",
                "system_scope",
                "trust_id",
            ],
            &[
                "username",
                "user_id",
                "user_domain_id",
                "user_domain_name",
                "application_credential_id",
                "application_credential_name",
                "token",
            ],
        ];
        let is_said = |name: &str| {
            WHOLES
                .iter()
                .any(|whole| whole.contains(&name) && whole.iter().any(|other| self.0.contains_key(other)))
        };
        let more: Vec<(&'static str, String)> = others
            .0
            .iter()
            .filter(|(name, _)| !self.0.contains_key(**name) && !is_said(name))
            .map(|(name, value)| (*name, value.clone()))
            .collect();
        self.0.extend(more);
        self
    }
}
