//! Invitations: a mark on the Group, which they name while they count, and those who take one up.
//!
//! The mark is read from the API server at that moment. Must not know how an invitation travels.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{ATTEMPTS, Author, Writer, unconfirmed};
use crate::domain::group::GroupName;
use crate::domain::invitation::{GroupMark, Joining};
use crate::domain::membership::Roster;
use crate::domain::realm::{Names, WriteError};
use crate::domain::user::UserId;
use crate::resources::labels_annotations::INVITATIONS;
use crate::resources::object_name::ObjectName;
use crate::resources::{Group, Membership, names};
use crate::store::kubernetes::error::StoreError;

/// Most Memberships that are read for the names on one page.
const MAX_NAMED: usize = 64;
/// So many of them at a time.
const AT_ONCE: usize = 8;
/// Longest wait for names: whoever looks at a list wants it without them rather than late.
const PATIENCE: Duration = Duration::from_secs(3);

impl Writer {
    /// Makes the mark that invitations to a group name, if there is none.
    pub(super) async fn invite(
        &self,
        group: &GroupName,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        self.uid_of(group).ok_or(WriteError::GroupMissing)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(StoreError::Randomness)?;
        let new: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.put_mark(group, author, |there| match there {
            Some(_) => None,
            None => Some(json!(new)),
        })
        .await
    }

    /// Takes back what was made of invitations to a group: by hand, and where somebody is taken off, given an end, or leaves before
    /// theirs, who may hold one and would come back by it without an end.
    pub(super) async fn void(
        &self,
        group: &GroupName,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        self.put_mark(group, author, |there| there.map(|_| Value::Null)).await
    }

    /// Writes another mark, if there is to be one in the place of that which is there.
    async fn put_mark(
        &self,
        group: &GroupName,
        author: Author<'_>,
        change: impl Fn(Option<&str>) -> Option<Value>,
    ) -> Result<(), WriteError> {
        for attempt in 0..ATTEMPTS {
            let object = self.live_group(group).await?.ok_or(WriteError::GroupMissing)?;
            self.judge(author).await?;
            let Some(mark) = change(annotation(&object)) else { return Ok(()) };
            let patch = json!({ "metadata": { "annotations": { INVITATIONS: mark } } });
            if self.patch_group(&object.metadata, patch).await? {
                return Ok(());
            }
            Self::pause(attempt).await;
        }
        Err(StoreError::Contended.into())
    }

    /// Puts somebody onto a roster who was invited there, while the invitation counts: also when they are there. Whoever takes it back
    /// at another replica meanwhile finds nobody there afterwards.
    pub(super) async fn join(
        &self,
        joining: &Joining,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        let Joining { membership, mark, name } = joining;
        let group = membership.roster.group().ok_or(WriteError::InvitationVoid)?;
        self.check_mark(group, mark).await?;
        self.add(membership, name.as_ref(), author).await?;
        match self.check_mark(group, mark).await {
            Ok(()) => Ok(()),
            Err(WriteError::InvitationVoid) => {
                let taken_off =
                    self.take_off(&membership.roster, &membership.user, |_| true, author);
                taken_off.await.map_err(unconfirmed)?;
                Err(WriteError::InvitationVoid)
            }
            Err(error) => Err(unconfirmed(error)),
        }
    }

    async fn check_mark(&self, group: &GroupName, mark: &GroupMark) -> Result<(), WriteError> {
        match self.mark(group).await? {
            Some(now) if now == *mark => Ok(()),
            _ => Err(WriteError::InvitationVoid),
        }
    }

    /// The mark of a group, which is of this Group alone, by its uid.
    pub(in crate::store::kubernetes) async fn mark(
        &self,
        group: &GroupName,
    ) -> Result<Option<GroupMark>, StoreError> {
        let Some(object) = self.live_group(group).await? else { return Ok(None) };
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        Ok(annotation(&object).and_then(|mark| format!("{uid}/{mark}").parse().ok()))
    }

    async fn live_group(&self, group: &GroupName) -> Result<Option<Group>, StoreError> {
        let object = self.read::<Group>(ObjectName::from(group).as_str()).await?;
        Ok(object.filter(|object| object.metadata.deletion_timestamp.is_none()))
    }

    /// What these users were called when they came onto a roster, as the Memberships say that put them there.
    pub(in crate::store::kubernetes) async fn names(
        &self,
        roster: &Roster,
        users: &[UserId],
    ) -> Result<Names, StoreError> {
        let objects = self.view.ask(|state| state.naming(roster, users, MAX_NAMED));
        let reading =
            stream::iter(objects).map(|name| async move { self.read::<Membership>(&name).await });
        let read = reading.buffer_unordered(AT_ONCE).collect::<Vec<_>>();
        let read = timeout(PATIENCE, read).await.map_err(|_| StoreError::Slow(PATIENCE))?;
        let mut all = Names::new();
        for object in read {
            let said = object?.map(|object| names::read(&object.metadata)).unwrap_or_default();
            all.extend(said.into_iter().filter(|(user, _)| users.contains(user)));
        }
        Ok(all)
    }
}

fn annotation(object: &Group) -> Option<&str> {
    object.metadata.annotations.as_ref()?.get(INVITATIONS).map(String::as_str)
}
