//! The daemon's own users.

use super::Desk;
use crate::cli::user::{Add, Name, Passwd, SetRole, Users};
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use crate::secret::new_password;
use crate::table::Row;
use gatherd_client::types::{User, UserChange};
use gatherd_client::{Client, PageFilter};

impl Desk<'_> {
    pub(super) async fn users(&mut self, client: &Client, wish: Users) -> Result<(), Failure> {
        match wish {
            Users::List(limit) => {
                let first = client.users(&PageFilter { limit: limit.page() }).await?;
                self.list(client, first, limit).await
            }
            Users::Add(add) => self.add_user(client, add).await,
            Users::Role(SetRole { user: Name { name }, role }) => {
                let change = UserChange { role: Some(role), password: None };
                let user = client.put_user(&name, &change).await?;
                let line = |user: &User| Human::Line(format!("{} is {}", user.name, user.role));
                Ok(self.output.one(&user, line)?)
            }
            Users::Passwd(Passwd { user: Name { name }, password }) => {
                self.warn_of_listeners();
                let password = new_password(&name, password.password_file.as_deref())?;
                let change = UserChange { role: None, password: Some(password) };
                let user = client.put_user(&name, &change).await?;
                let line = |user: &User| Human::Line(format!("{} has a new password", user.name));
                Ok(self.output.one(&user, line)?)
            }
            Users::Remove(Name { name }) => {
                client.delete_user(&name).await?;
                self.output.note(&format!("{name} is no user any more"));
                Ok(())
            }
            Users::Rotate(Name { name }) => {
                self.warn_of_listeners();
                let rotated = client.rotate_user(&name).await?;
                self.output.note(&format!("the new password of {name}, which is kept nowhere:"));
                Ok(self.output.one(&rotated, |rotated| Human::Line(rotated.password.clone()))?)
            }
        }
    }

    async fn add_user(&mut self, client: &Client, add: Add) -> Result<(), Failure> {
        let Add { user: Name { name }, role, password } = add;
        // The API makes and changes with one and the same request; whoever adds does not want to change.
        if client.has_user(&name).await? {
            return Err(Failure::UserExists { name });
        }
        self.warn_of_listeners();
        let password = new_password(&name, password.password_file.as_deref())?;
        let change = UserChange { role: Some(role), password: Some(password) };
        let user = client.put_user(&name, &change).await?;
        let line = |user: &User| Human::Line(format!("{} is a user now ({})", user.name, user.role));
        Ok(self.output.one(&user, line)?)
    }
}

impl Row for User {
    const TITLES: &'static [&'static str] = &["NAME", "ROLE", "PASSWORD SINCE"];

    fn cells(&self) -> Vec<String> {
        let since = figures::known(self.password_changed_at.as_ref(), figures::time);
        vec![self.name.clone(), self.role.as_str().to_owned(), since]
    }
}
