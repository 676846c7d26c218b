//! Ranges of the section `keystone`, and what its keys mean together.

use std::path::Path;

use url::Url;

use super::Ranges;
use crate::desired::document::{Keystone, OfflineEntry};
use crate::port::ConfigProblem;

/// Most places of Keystone.
const MOST_PLACES: usize = 8;
/// Most roles, projects, domains and users of one list.
const MOST: usize = 10_000;
/// Longest name or id, in bytes; Keystone's have at most 255 characters.
const LONGEST: usize = 1_024;
/// Longest time for which nobody is asked about a token, in seconds.
const LONGEST_CACHE: f64 = 300.0;
/// Seconds of a day.
const DAY: f64 = 86_400.0;

impl Ranges<'_> {
    pub(super) fn keystone(&mut self, keystone: &Keystone) {
        self.say_if(
            keystone.auth_urls.len() > MOST_PLACES,
            "/keystone/auth_urls",
            format_args!("at most {MOST_PLACES} places are allowed"),
        );
        for (at, url) in keystone.auth_urls.iter().enumerate() {
            self.place(&format!("/keystone/auth_urls/{at}"), url);
        }
        if let Some(url) = &keystone.public_url {
            self.place("/keystone/public_url", url);
        }
        let names = [
            ("user", keystone.user.as_deref()),
            ("user_domain", Some(keystone.user_domain.as_str())),
            ("project", keystone.project.as_deref()),
            ("project_domain", Some(keystone.project_domain.as_str())),
            ("application_credential", keystone.application_credential.as_deref()),
            ("region", keystone.region.as_deref()),
        ];
        for (key, name) in names {
            self.name(&format!("/keystone/{key}"), name.unwrap_or("any"));
        }
        let files = [("secret_file", &keystone.secret_file), ("ca_file", &keystone.ca_file)];
        for (key, path) in files {
            self.absolute(&format!("/keystone/{key}"), path.as_deref());
        }
        let variable = keystone.secret_variable.as_deref().unwrap_or("any");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        self.say_if(
            variable.is_empty() || variable.starts_with("GATHERD_") || !variable.bytes().all(plain),
            "/keystone/secret_variable",
            format_args!(
                "the name of a variable is wanted, not its value, and not one that begins with GATHERD_, because those \
                 are keys of the configuration"
            ),
        );
        self.seconds("/keystone/timeout", keystone.timeout, 0.1, 60.0);
        self.seconds("/keystone/cache", keystone.cache, 0.0, LONGEST_CACHE);
        self.seconds("/keystone/refused_cache", keystone.refused_cache, 0.0, LONGEST_CACHE);
        self.seconds("/keystone/grace", keystone.grace, 0.0, DAY);
        self.count("/keystone/remembered", keystone.remembered, 1, 1_000_000);
        self.names("/keystone/roles", keystone.roles.keys());
        self.names("/keystone/projects", keystone.projects.iter());
        self.names("/keystone/domains", keystone.domains.iter());
        if let Some(offline) = &keystone.offline {
            self.offline(offline);
        }
    }

    fn offline(&mut self, offline: &OfflineEntry) {
        self.count("/keystone/offline/leeway", offline.leeway, 0, 5);
        self.names("/keystone/offline/users", offline.users.keys());
        self.names("/keystone/offline/projects", offline.projects.keys());
        let repository = &offline.repository;
        self.absolute(
            "/keystone/offline/repository",
            Some(repository).filter(|path| !path.as_os_str().is_empty()).map(AsRef::as_ref),
        );
    }

    fn place(&mut self, pointer: &str, text: &str) {
        let is_place = Url::parse(text).is_ok_and(|url| {
            ["http", "https"].contains(&url.scheme())
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
        self.say_if(
            !is_place || !is_plain,
            pointer,
            format_args!("a URL such as `https://keystone.example.org:5000/v3` is wanted"),
        );
    }

    fn name(&mut self, pointer: &str, name: &str) {
        self.say_if(
            name.is_empty() || name.len() > LONGEST || name.contains(char::is_control),
            pointer,
            format_args!("1 to {LONGEST} bytes without control characters are wanted"),
        );
    }

    fn names<'a>(&mut self, pointer: &str, names: impl ExactSizeIterator<Item = &'a String>) {
        self.say_if(names.len() > MOST, pointer, format_args!("at most {MOST} are allowed"));
        for name in names {
            self.name(pointer, name);
        }
    }

    fn absolute(&mut self, pointer: &str, path: Option<&Path>) {
        self.say_if(
            path.is_some_and(|path| !path.is_absolute() || path.to_string_lossy().contains('\0')),
            pointer,
            format_args!("an absolute path is wanted"),
        );
    }
}

/// Judges what the keys mean together, which different layers may say.
pub(super) fn together(keystone: Option<&Keystone>) -> Vec<ConfigProblem> {
    let Some(keystone) = keystone else { return Vec::new() };
    let asks = !keystone.auth_urls.is_empty();
    let (user, application) = (keystone.user.is_some(), keystone.application_credential.is_some());
    let secrets = u8::from(keystone.secret_file.is_some()) + u8::from(keystone.secret_variable.is_some());
    let admits = !keystone.projects.is_empty() || !keystone.domains.is_empty() || keystone.system;
    let has_keys =
        keystone.offline.as_ref().is_some_and(|offline| !offline.repository.as_os_str().is_empty());
    let rules = [
        (
            !asks && keystone.offline.is_none(),
            "",
            "name `auth_urls`, or `offline.repository` to do without Keystone",
        ),
        (
            keystone.offline.is_some() && !has_keys,
            "/offline/repository",
            "name the directory with the public keys of Keystone",
        ),
        (user && application, "", "name `user` or `application_credential`, not both"),
        (
            asks && !user && !application,
            "",
            "name the account as which Keystone is asked: `user` with `project`, or `application_credential`",
        ),
        (user && keystone.project.is_none(), "/user", "name `project` too: its roles let the user ask"),
        (asks && secrets == 0, "", "name `secret_file` or `secret_variable`"),
        (secrets > 1, "/secret_variable", "name `secret_file` or `secret_variable`, not both"),
        (
            !asks && keystone.public_url.is_none(),
            "",
            "name `public_url`: clients are told where to get a token, and there are no `auth_urls`",
        ),
        (
            !admits,
            "",
            "name whose tokens count: `projects`, `domains` or `system`; otherwise nobody could come in",
        ),
    ];
    let wrong = rules.into_iter().filter(|(is_wrong, ..)| *is_wrong);
    wrong
        .map(|(_, below, detail)| ConfigProblem {
            pointer: format!("/keystone{below}"),
            detail: detail.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{check, check_together};

    fn good() -> Value {
        json!({"auth_urls": ["https://keystone.example.org:5000"], "user": "gatherd", "project": "service",
            "secret_file": "/etc/gatherd/keystone.secret", "projects": ["Default:ops"]})
    }

    fn with(changes: &Value) -> Vec<(String, String)> {
        let mut section = good();
        for (key, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(section.as_object_mut().unwrap().remove(key)),
                value => section[key] = value.clone(),
            }
        }
        let (document, mut problems) = check(&json!({"keystone": section}));
        problems.extend(check_together(&document));
        problems.into_iter().map(|problem| (problem.pointer, problem.detail)).collect()
    }

    #[test]
    fn each_key_that_is_out_of_range_is_named() {
        assert_eq!(with(&json!({})), []);
        for (changes, pointer) in [
            (json!({"auth_urls": ["keystone"]}), "/keystone/auth_urls/0"),
            (json!({"auth_urls": ["https://me:secret@keystone"]}), "/keystone/auth_urls/0"),
            (json!({"auth_urls": ["ftp://keystone"]}), "/keystone/auth_urls/0"),
            (json!({"public_url": "https://keystone/\""}), "/keystone/public_url"),
            (json!({"user_domain": ""}), "/keystone/user_domain"),
            (json!({"secret_file": "secret"}), "/keystone/secret_file"),
            (json!({"secret_file": null, "secret_variable": "s3cret!"}), "/keystone/secret_variable"),
            (json!({"secret_file": null, "secret_variable": "GATHERD_SECRET"}), "/keystone/secret_variable"),
            (json!({"ca_file": "ca.pem"}), "/keystone/ca_file"),
            (json!({"timeout": 0}), "/keystone/timeout"),
            (json!({"cache": 301}), "/keystone/cache"),
            (json!({"refused_cache": -1}), "/keystone/refused_cache"),
            (json!({"grace": 86_401}), "/keystone/grace"),
            (json!({"remembered": 0}), "/keystone/remembered"),
            (json!({"roles": {"": "admin"}}), "/keystone/roles"),
            (json!({"roles": {"x": "owner"}}), "/keystone/roles/x"),
            (json!({"interface": "secret"}), "/keystone/interface"),
            (json!({"password": "s3cret"}), "/keystone/password"),
            (json!({"offline": {"repository": "/k", "leeway": 6}}), "/keystone/offline/leeway"),
            (json!({"offline": {"repository": "k"}}), "/keystone/offline/repository"),
        ] {
            let found = with(&changes);
            assert!(found.iter().any(|(at, _)| at == pointer), "{changes}: {found:?}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_said() {
        for (changes, pointer, word) in [
            (json!({"auth_urls": []}), "/keystone", "auth_urls"),
            (json!({"auth_urls": [], "offline": {"repository": "/keys"}}), "/keystone", "public_url"),
            (json!({"application_credential": "x"}), "/keystone", "not both"),
            (json!({"user": null}), "/keystone", "account"),
            (json!({"project": null}), "/keystone/user", "project"),
            (json!({"secret_file": null}), "/keystone", "secret_file"),
            (json!({"secret_variable": "PASSWORD"}), "/keystone/secret_variable", "not both"),
            (json!({"projects": null}), "/keystone", "whose tokens count"),
            (json!({"offline": {}}), "/keystone/offline/repository", "directory"),
        ] {
            let found = with(&changes);
            assert!(
                found.iter().any(|(at, detail)| at == pointer && detail.contains(word)),
                "{changes}: {found:?}"
            );
        }
        let alone = json!({"auth_urls": [], "user": null, "project": null, "secret_file": null,
            "public_url": "https://keystone", "offline": {"repository": "/keys", "default": "member"}});
        assert_eq!(with(&alone), []);
    }
}
