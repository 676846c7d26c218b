//! Log in, log out, who am I.

use super::{Desk, now};
use crate::cli;
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use crate::secret::Proof;
use crate::token_file::Kept;
use gatherd_client::types::{Token, TokenAnswer};
use gatherd_client::{Client, ClientError, Session};

impl Desk<'_> {
    pub(super) async fn login(&mut self, login: cli::Login) -> Result<(), Failure> {
        if self.cloud.is_some() && login == cli::Login::default() {
            return self.log_in_by_cloud().await;
        }
        let file = self.tokens()?;
        let place = self.stranger.place();
        self.warn_of_listeners();
        let credential = proof(login).read()?;
        let session = self.stranger.login(&credential.user, &credential.password).await;
        let Session { token, facts } = session.map_err(|error| match status(&error) {
            Some(401) => Failure::Login { place: place.to_owned() },
            _ => error.into(),
        })?;
        let (user, expires_at) = (facts.user.name.clone(), facts.expires_at.clone());
        file.keep(place, Kept { token, user, expires_at, cloud: None }, &now())?;
        let line = |answer: &TokenAnswer| Human::Line(welcome(&answer.token, place));
        Ok(self.output.one(&TokenAnswer { token: facts }, line)?)
    }

    /// Says so where others can read the password along.
    pub(super) fn warn_of_listeners(&mut self) {
        if !self.is_private {
            let place = self.stranger.place();
            self.output.note(&format!("the password travels to {place} as it is: nothing is encrypted"));
        }
    }

    pub(super) async fn whoami(&mut self, client: &Client) -> Result<(), Failure> {
        let token = client.whoami().await?;
        Ok(self.output.one(&TokenAnswer { token }, |answer| Human::Sheet(sheet(&answer.token)))?)
    }

    pub(super) async fn logout(&mut self) -> Result<(), Failure> {
        let file = self.tokens()?;
        let place = self.stranger.place();
        let Some(kept) = file.find(place, &now())? else {
            file.forget(place)?;
            self.output.note(&format!("not logged in to {place}"));
            return Ok(());
        };
        let client = self.stranger.clone().with_token(&kept.token)?;
        if let Some(cloud) = &kept.cloud {
            // It only forgets what Keystone said of the token; whether it does is not told.
            let _refused = client.revoke(&kept.token).await;
            return self.log_out_of_cloud(&file, cloud, &kept).await;
        }
        let revoked = client.revoke(&kept.token).await;
        file.forget(place)?;
        match revoked {
            Err(error) if !matches!(status(&error), Some(401 | 404)) => {
                let end = figures::known(kept.expires_at.as_ref(), figures::time);
                self.output.note(&format!("the token is forgotten here, but stays good until {end}"));
                Err(error.into())
            }
            Ok(()) | Err(_) => {
                self.output.note(&format!("logged out of {place}"));
                Ok(())
            }
        }
    }
}

fn proof(login: cli::Login) -> Proof {
    let cli::Login { local: _, user, password_file, credential } = login;
    let user = user.unwrap_or_else(|| "admin".to_owned());
    match (credential, password_file) {
        (Some(path), _) => Proof::CredentialFile(path),
        (None, Some(path)) => Proof::PasswordFile(user, path),
        (None, None) => Proof::Input(user),
    }
}

pub(super) fn status(error: &ClientError) -> Option<u16> {
    error.problem().map(|problem| problem.status)
}

pub(super) fn welcome(token: &Token, place: &str) -> String {
    let role = token.roles.first().map_or("no role", |role| role.name.as_str());
    let end = token.expires_at.as_ref().map(|end| format!(" until {}", figures::time(end)));
    format!("logged in to {place} as {} ({role}){}", token.user.name, end.unwrap_or_default())
}

fn sheet(token: &Token) -> Vec<(&'static str, String)> {
    let roles: Vec<&str> = token.roles.iter().map(|role| role.name.as_str()).collect();
    vec![
        ("user", token.user.name.clone()),
        ("roles", if roles.is_empty() { "none".to_owned() } else { roles.join(", ") }),
        ("shown by", token.methods.join(", ")),
        ("until", figures::known(token.expires_at.as_ref(), figures::time)),
        ("may", format!("{} operations; -o json names them", token.may.len())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_login_says_who_one_is_and_until_when() {
        let token = json!({"methods": ["password"], "user": {"id": "1", "name": "admin", "domain": {}},
            "roles": [{"id": "admin", "name": "admin"}, {"id": "reader", "name": "reader"}],
            "issued_at": null, "expires_at": "2026-01-31T12:00:00Z", "audit_ids": []});
        let mut token: Token = serde_json::from_value(token).unwrap();
        let expected = "logged in to http://h as admin (admin) until 2026-01-31T12:00:00Z";
        assert_eq!(welcome(&token, "http://h"), expected);
        token.roles.clear();
        token.expires_at = None;
        assert_eq!(welcome(&token, "http://h"), "logged in to http://h as admin (no role)");
    }

    #[test]
    fn a_credential_file_comes_before_a_password_file() {
        let login = |password_file: Option<&str>, credential: Option<&str>| cli::Login {
            user: Some("ann".to_owned()),
            password_file: password_file.map(Into::into),
            credential: credential.map(Into::into),
            ..cli::Login::default()
        };
        assert_eq!(proof(login(Some("p"), Some("c"))), Proof::CredentialFile("c".into()));
        assert_eq!(proof(login(Some("p"), None)), Proof::PasswordFile("ann".to_owned(), "p".into()));
        assert_eq!(proof(login(None, None)), Proof::Input("ann".to_owned()));
        assert_eq!(proof(cli::Login::default()), Proof::Input("admin".to_owned()));
    }
}
