//! Tokens of a cloud: got, renewed, taken back.

use super::token::{status, welcome};
use super::{Desk, now};
use crate::cloud::{self, Account, CloudError, Granted};
use crate::failure::{Failure, chain};
use crate::figures;
use crate::output::Human;
use crate::place::Place;
use crate::secret::Proof;
use crate::token_file::{Kept, KeptCloud, TokenFile, TokenFileError};
use gatherd_client::types::{Timestamp, TokenAnswer};
use std::time::{SystemTime, UNIX_EPOCH};

/// How long before its end a token is renewed, in seconds, so that it does not end on the way.
const EARLY: u64 = 30;

impl Desk<'_> {
    /// Gets a token of the cloud, shows it to the daemon, and keeps it when the daemon knows it.
    pub(super) async fn log_in_by_cloud(&mut self) -> Result<(), Failure> {
        let (file, Some(cloud)) = (self.tokens()?, &self.cloud) else {
            return Ok(());
        };
        let mut account = cloud.account()?;
        if account.needs_password() {
            let password = Proof::Input(account.user()).read()?.password;
            account = account.with_password(password);
        }
        let granted = Granted::get(&account).await?;
        let (client, is_private) = if self.is_named {
            (self.stranger.clone(), self.is_private)
        } else {
            let place = Place::at(granted.endpoint(&account)?);
            (place.client(&self.trust)?, place.is_private())
        };
        let place = client.place().to_owned();
        if !is_private {
            self.output.note(&format!("the token travels to {place} as it is: nothing is encrypted"));
        }
        let asked = client.with_token(&granted.token)?.whoami().await;
        let facts = asked.map_err(|error| match status(&error) {
            Some(401) => Failure::NotKnown { place: place.clone(), cloud: account.label.clone() },
            _ => error.into(),
        })?;
        let by_catalogue = !self.is_named;
        file.keep(&place, kept(granted, &account, by_catalogue), &now())?;
        Ok(self
            .output
            .one(&TokenAnswer { token: facts }, |answer| Human::Line(welcome(&answer.token, &place)))?)
    }

    /// Gets another token where the kept one has ended or soon will, and the cloud gives one without asking anybody.
    /// What keeps it from that is said, and the command goes on without a token, which the daemon may not need.
    pub(super) async fn renew(&mut self) -> Result<(), Failure> {
        let file = match self.tokens() {
            Err(TokenFileError::Nowhere) => return Ok(()),
            file => file?,
        };
        let place = self.stranger.place();
        let Some(old) = file.look(place)? else { return Ok(()) };
        if old.lives(&in_seconds(EARLY)) {
            return Ok(());
        }
        match self.another(&file, &old).await {
            Ok(()) => {}
            Err(_) if old.lives(&now()) => {}
            Err(why) => {
                let end = figures::known(old.expires_at.as_ref(), figures::time);
                let why = why.map_or_else(String::new, |why| format!(" and was not renewed ({why})"));
                self.output
                    .note(&format!("the login of {} ended at {end}{why}: run `gatherctl login`", old.user));
            }
        }
        Ok(())
    }

    /// Gets and keeps another token in place of `old`; otherwise why not, unless nobody expects it.
    async fn another(&self, file: &TokenFile, old: &Kept) -> Result<(), Option<String>> {
        let (Some(before), Some(cloud)) = (&old.cloud, &self.cloud) else { return Err(None) };
        if cloud.label() != before.label {
            return Err(None);
        }
        let why = |error: CloudError| Some(chain(&error));
        let account = cloud.account().map_err(why)?;
        if !account.renews() {
            return Err(None);
        }
        let granted = Granted::get(&account).await.map_err(why)?;
        let kept = kept(granted, &account, before.by_catalogue);
        file.keep(self.stranger.place(), kept, &now()).map_err(|error| Some(chain(&error)))
    }

    /// Takes a token of a cloud back where it was made for us, and forgets it in any case.
    pub(super) async fn log_out_of_cloud(
        &mut self,
        file: &TokenFile,
        cloud: &KeptCloud,
        kept: &Kept,
    ) -> Result<(), Failure> {
        let place = self.stranger.place();
        file.forget(place)?;
        if !cloud.is_ours {
            self.output
                .note("the token is forgotten here; it was not made by `gatherctl login`, so it stays good");
            return Ok(());
        }
        if let Err(error) = cloud::revoke(&cloud.url, cloud.cacert.as_deref(), &kept.token).await {
            let end = figures::known(kept.expires_at.as_ref(), figures::time);
            self.output.note(&format!("the token is forgotten here, but stays good until {end}"));
            return Err(error.into());
        }
        self.output.note(&format!("logged out of {place}"));
        Ok(())
    }
}

fn kept(granted: Granted, account: &Account, by_catalogue: bool) -> Kept {
    let Granted { token, user, expires_at, .. } = granted;
    let cloud = KeptCloud {
        label: account.label.clone(),
        url: account.url.clone(),
        cacert: account.cacert.clone(),
        is_ours: account.borrowed().is_none(),
        by_catalogue,
    };
    Kept { token, user, expires_at: Some(expires_at), cloud: Some(cloud) }
}

/// So many seconds from now, to the second.
fn in_seconds(seconds: u64) -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs() + seconds).unwrap_or(i64::MAX), 0)
}
