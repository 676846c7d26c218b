//! Who logs in to a cloud, how, and for what.

use super::error::CloudError;
use super::settings::Settings;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Who logs in, and where. It holds secrets, so that it has no debug form.
pub(crate) struct Account {
    /// What people call the cloud.
    pub(crate) label: String,
    /// Keystone's address, up to and with `/v3`.
    pub(crate) url: String,
    /// The certificates to believe; those of the system for `None`.
    pub(crate) cacert: Option<PathBuf>,
    /// Which endpoint of the catalogue is wanted: `public`, `internal` or `admin`.
    pub(super) interface: String,
    /// In which region.
    pub(super) region: Option<String>,
    /// The daemon's address, whatever the catalogue says.
    pub(super) address: Option<String>,
    method: Method,
    scope: Option<Value>,
}

/// How somebody shows who it is.
enum Method {
    /// By name and password; `None` when it has to be asked for.
    Password(Value, Option<String>),
    /// By an application credential.
    ApplicationCredential(Value),
    /// By a token that it has already.
    Token(String),
}

impl Account {
    /// The account that settings speak of.
    ///
    /// # Errors
    ///
    /// [`CloudError::Missing`], [`CloudError::AuthType`], [`CloudError::AuthUrl`].
    pub(super) fn of(settings: &Settings, label: &str) -> Result<Self, CloudError> {
        let missing = |what, variable, key| CloudError::Missing { what, variable, key };
        let given = |name: &str| settings.get(name).map(str::to_owned);
        let url = settings.get("auth_url");
        let url = url.ok_or_else(|| missing("the address of Keystone", "OS_AUTH_URL", "auth.auth_url"))?;
        let method = method(settings)?;
        // An application credential is for one project for ever, and says so itself.
        let scope = match method {
            Method::ApplicationCredential(_) => None,
            Method::Password(..) | Method::Token(_) => scope(settings)?,
        };
        Ok(Self {
            label: label.to_owned(),
            url: versioned(url)?,
            cacert: given("cacert").map(PathBuf::from),
            interface: given("interface").map_or_else(|| "public".to_owned(), |it| it.replace("URL", "")),
            region: given("region_name"),
            address: given("telemetry_agent_endpoint_override"),
            method,
            scope,
        })
    }

    /// Who logs in, as far as that is known before.
    pub(crate) fn user(&self) -> String {
        let named = |who: &Value| {
            let name = who.get("name").or_else(|| who.get("id")).and_then(Value::as_str);
            name.unwrap_or("somebody").to_owned()
        };
        match &self.method {
            Method::Password(user, _) => named(user),
            Method::ApplicationCredential(it) => format!("application credential {}", named(it)),
            Method::Token(_) => "the owner of the token".to_owned(),
        }
    }

    /// Whether a password has to be asked for.
    pub(crate) fn needs_password(&self) -> bool {
        matches!(self.method, Method::Password(_, None))
    }

    /// Whether another token can be had without asking anybody.
    pub(crate) fn renews(&self) -> bool {
        !self.needs_password() && !matches!(self.method, Method::Token(_))
    }

    /// The token that is shown as it is, because nobody says what another one should be for.
    pub(crate) fn borrowed(&self) -> Option<&str> {
        match (&self.method, &self.scope) {
            (Method::Token(token), None) => Some(token),
            _ => None,
        }
    }

    /// With a password that was asked for.
    pub(crate) fn with_password(mut self, answer: String) -> Self {
        if let Method::Password(_, password) = &mut self.method {
            *password = Some(answer);
        }
        self
    }

    /// What Keystone is sent for a token.
    ///
    /// # Errors
    ///
    /// [`CloudError::NoPassword`].
    pub(super) fn request(&self) -> Result<Value, CloudError> {
        let identity = match &self.method {
            Method::Password(user, password) => {
                let mut user = user.clone();
                user["password"] = password.clone().ok_or(CloudError::NoPassword)?.into();
                json!({"methods": ["password"], "password": {"user": user}})
            }
            Method::ApplicationCredential(credential) => {
                json!({"methods": ["application_credential"], "application_credential": credential})
            }
            Method::Token(token) => json!({"methods": ["token"], "token": {"id": token}}),
        };
        let mut auth = json!({"identity": identity});
        if let Some(scope) = &self.scope {
            auth["scope"] = scope.clone();
        }
        Ok(json!({"auth": auth}))
    }
}

/// Keystone's address with its version: who writes none, or the one of before, means version 3.
fn versioned(url: &str) -> Result<String, CloudError> {
    let refused = || CloudError::AuthUrl { url: url.to_owned() };
    let parsed = reqwest::Url::parse(url).map_err(|_| refused())?;
    if !["http", "https"].contains(&parsed.scheme()) || !parsed.has_host() || parsed.query().is_some() {
        return Err(refused());
    }
    let bare = url.trim_end_matches('/');
    let bare = bare.strip_suffix("/v2.0").or_else(|| bare.strip_suffix("/v3")).unwrap_or(bare);
    Ok(format!("{bare}/v3"))
}

fn method(settings: &Settings) -> Result<Method, CloudError> {
    let has = |name: &str| settings.get(name).is_some();
    let told = settings.get("auth_type").unwrap_or_else(|| {
        let by_credential = has("application_credential_id") || has("application_credential_name");
        match (by_credential, has("token") && !has("password")) {
            (true, _) => "v3applicationcredential",
            (false, true) => "token",
            (false, false) => "password",
        }
    });
    match told {
        "password" | "v3password" => {
            Ok(Method::Password(user(settings)?, settings.get("password").map(str::to_owned)))
        }
        "v3applicationcredential" => application_credential(settings).map(Method::ApplicationCredential),
        "token" | "v3token" => settings
            .get("token")
            .map(|token| Method::Token(token.to_owned()))
            .ok_or(CloudError::Missing { what: "the token", variable: "OS_TOKEN", key: "auth.token" }),
        other => Err(CloudError::AuthType { found: other.to_owned() }),
    }
}

/// A user by its id, or by its name and domain.
fn user(settings: &Settings) -> Result<Value, CloudError> {
    if let Some(id) = settings.get("user_id") {
        return Ok(json!({"id": id}));
    }
    let missing = CloudError::Missing { what: "the user", variable: "OS_USERNAME", key: "auth.username" };
    let name = settings.get("username").ok_or(missing)?;
    Ok(json!({"name": name, "domain": domain(settings, "user")}))
}

fn application_credential(settings: &Settings) -> Result<Value, CloudError> {
    let missing = |what, variable, key| CloudError::Missing { what, variable, key };
    let secret = settings.get("application_credential_secret").ok_or_else(|| {
        missing(
            "the secret of the application credential",
            "OS_APPLICATION_CREDENTIAL_SECRET",
            "auth.application_credential_secret",
        )
    })?;
    if let Some(id) = settings.get("application_credential_id") {
        return Ok(json!({"id": id, "secret": secret}));
    }
    let name = settings.get("application_credential_name").ok_or_else(|| {
        missing(
            "the application credential",
            "OS_APPLICATION_CREDENTIAL_ID",
            "auth.application_credential_id",
        )
    })?;
    Ok(json!({"name": name, "secret": secret, "user": user(settings)?}))
}

/// What the token shall be for; `None` for whatever is the user's default.
fn scope(settings: &Settings) -> Result<Option<Value>, CloudError> {
    let get = |name: &str| settings.get(name);
    Ok(if let Some(id) = get("trust_id") {
        Some(json!({"OS-TRUST:trust": {"id": id}}))
    } else if let Some(scope) = get("system_scope") {
        if scope != "all" {
            let (what, variable, key) =
                ("a system scope other than `all`", "OS_SYSTEM_SCOPE=all", "auth.system_scope: all");
            return Err(CloudError::Missing { what, variable, key });
        }
        Some(json!({"system": {"all": true}}))
    } else if let Some(id) = get("project_id") {
        Some(json!({"project": {"id": id}}))
    } else if let Some(name) = get("project_name") {
        Some(json!({"project": {"name": name, "domain": domain(settings, "project")}}))
    } else if let Some(id) = get("domain_id") {
        Some(json!({"domain": {"id": id}}))
    } else {
        get("domain_name").map(|name| json!({"domain": {"name": name}}))
    })
}

/// The domain of the user or the project; Keystone's own default where nobody says one.
fn domain(settings: &Settings, of: &str) -> Value {
    for (kind, key) in [("id", format!("{of}_domain_id")), ("name", format!("{of}_domain_name"))] {
        if let Some(value) = settings.get(&key) {
            return json!({ kind: value });
        }
    }
    for (kind, key) in [("id", "default_domain_id"), ("name", "default_domain_name")] {
        if let Some(value) = settings.get(key) {
            return json!({ kind: value });
        }
    }
    json!({"id": "default"})
}
