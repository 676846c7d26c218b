//! Members of sections of the configuration: all kinds are listed, shown, set, deleted and tried alike.

use super::Desk;
use crate::cli::Limit;
use crate::cli::section::{DeleteMember, Members, PreviewMember, SetMember};
use crate::document::{DocumentError, Wish};
use crate::failure::Failure;
use crate::output::Human;
use crate::table::Row;
use gatherd_client::{Changed, Client, PageFilter, Previewed, Section};
use serde_json::{Map, Value};

/// A kind of member that people look at.
pub(super) trait Kind: Section + Row {
    /// What one is called.
    const WORD: &'static str;
}

/// A kind whose effect people look at before it is made.
pub(super) trait Tried: Kind + Previewed {
    /// The effect, line by line.
    fn told(preview: &Self::Preview) -> Vec<String>;
}

impl Desk<'_> {
    /// Does what is asked of a kind.
    pub(super) async fn members<T: Tried>(&mut self, client: &Client, wish: Members) -> Result<(), Failure> {
        match wish {
            Members::List(limit) => self.list_members::<T>(client, limit).await,
            Members::Show(which) => self.show_member::<T>(client, &which.id).await,
            Members::Set(set) => self.set_member::<T>(client, &set).await,
            Members::Delete(delete) => self.delete_member::<T>(client, &delete).await,
            Members::Preview(preview) => self.preview_member::<T>(client, &preview).await,
        }
    }

    pub(super) async fn list_members<T: Kind>(
        &mut self,
        client: &Client,
        limit: Limit,
    ) -> Result<(), Failure> {
        let first = client.members::<T>(&PageFilter { limit: limit.page() }).await?;
        self.list(client, first, limit).await
    }

    pub(super) async fn show_member<T: Kind>(&mut self, client: &Client, id: &str) -> Result<(), Failure> {
        let found = client.member::<T>(id).await?;
        self.output.one(&found.value, |_| Human::Json)?;
        self.output.note(&format!("revision {}", found.etag.trim_matches('"')));
        Ok(())
    }

    /// Changes a member, or makes it where there is none.
    pub(super) async fn set_member<T: Kind>(
        &mut self,
        client: &Client,
        set: &SetMember,
    ) -> Result<(), Failure> {
        let (id, wish) = (&set.which.id, Wish::of(&set.edits)?);
        let found = match client.member::<T>(id).await {
            Ok(found) => Some(found.etag),
            Err(error) if error.problem().is_some_and(|problem| problem.status == 404) => None,
            Err(error) => return Err(error.into()),
        };
        let asked = set.change.asked(found.as_deref());
        let changed: Changed<T> = match (found, wish) {
            (_, Wish::Look) => return Err(DocumentError::Nothing.into()),
            (Some(_), Wish::Merge(patch)) => client.patch_member(id, &asked, &patch).await?,
            (Some(_), Wish::Whole(whole)) => client.replace_member(id, &asked, &whole).await?,
            (None, Wish::Merge(members) | Wish::Whole(members)) => {
                client.create_member(&asked, &with_id(members, id)).await?
            }
        };
        self.changed(&changed, |_| Human::Line(format!("{} {id} is set", T::WORD)))
    }

    pub(super) async fn delete_member<T: Kind>(
        &mut self,
        client: &Client,
        delete: &DeleteMember,
    ) -> Result<(), Failure> {
        let id = &delete.which.id;
        let changed = client.delete_member::<T>(id, &delete.change.asked(None)).await?;
        self.changed(&changed, |()| Human::Line(format!("{} {id} is gone", T::WORD)))
    }

    async fn preview_member<T: Tried>(
        &mut self,
        client: &Client,
        preview: &PreviewMember,
    ) -> Result<(), Failure> {
        let sent = Wish::of(&preview.edits)?.members()?;
        let seen = client.preview_member::<T>(&sent).await?;
        Ok(self.output.one(&seen, |seen| Human::Lines(T::told(seen)))?)
    }
}

/// What is sent, with the id of the command line.
fn with_id(mut members: Map<String, Value>, id: &str) -> Map<String, Value> {
    members.insert("id".to_owned(), id.into());
    members
}
