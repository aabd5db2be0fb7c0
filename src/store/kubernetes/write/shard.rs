//! One Membership that this program made: read, changed by a condition on its version, deleted when nobody is left.

use kube::api::Patch;
use serde_json::json;

use super::{ACTOR, Author, Deleted, PATIENCE, Writer, is_own, patching};
use crate::domain::membership::Roster;
use crate::domain::name::PersonName;
use crate::domain::realm::WriteError;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::objects::enrolment::enrolled_uid;
use crate::resources::labels_annotations::NAMES;
use crate::resources::membership::{MAX_USERS, MembershipContent, understand};
use crate::resources::received::Received;
use crate::resources::{Membership, names};
use crate::store::kubernetes::error::StoreError;
use crate::store::kubernetes::object::Kind;

/// What a change of a Membership came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// It is done, and the index shows it.
    Done,
    /// The user was there, or was not, already.
    Already,
    /// The object has changed under our hands, or is not ours any more: look again.
    Changed,
}

impl Writer {
    /// Puts a user into a Membership with these terms.
    pub(super) async fn put_into(
        &self,
        name: &str,
        terms: (&Roster, Option<Timestamp>),
        (user, called): (&UserId, Option<&PersonName>),
        author: Author<'_>,
    ) -> Result<Edited, WriteError> {
        let Some((object, content)) = self.shard(name).await? else { return Ok(Edited::Changed) };
        if (&content.roster, content.expires_at) != terms || object.spec.users.len() >= MAX_USERS {
            return Ok(Edited::Changed);
        }
        if content.users.contains(user) {
            return Ok(Edited::Already);
        }
        self.judge(author).await?;
        let mut users = object.spec.users.clone();
        users.push(user.to_string());
        let named = called.map(|called| (user, called));
        Ok(self.rewrite(&object, &users, named, author).await?)
    }

    /// Takes a user out of a Membership of a roster.
    pub(super) async fn take_out(
        &self,
        name: &str,
        roster: &Roster,
        user: &UserId,
        author: Author<'_>,
    ) -> Result<Edited, WriteError> {
        let Some((object, content)) = self.shard(name).await? else { return Ok(Edited::Changed) };
        if content.roster != *roster {
            return Ok(Edited::Changed);
        }
        let is_other = |other: &&String| other.as_str() != user.as_str();
        let users: Vec<String> = object.spec.users.iter().filter(is_other).cloned().collect();
        if users.len() == object.spec.users.len() {
            return Ok(Edited::Already);
        }
        self.judge(author).await?;
        // An enrolment stays, empty, so that nobody enrols the creator again.
        let is_enrolment = enrolled_uid(name).is_some();
        if users.is_empty() && object.spec.service_accounts.is_empty() && !is_enrolment {
            Ok(self.drop_empty(&object).await?)
        } else {
            Ok(self.rewrite(&object, &users, None, author).await?)
        }
    }

    async fn shard(
        &self,
        name: &str,
    ) -> Result<Option<(Membership, MembershipContent)>, StoreError> {
        let object = self.read::<Membership>(name).await?;
        let object = object.filter(|object| {
            is_own(&object.metadata) && object.metadata.deletion_timestamp.is_none()
        });
        let content = |object: &Membership| Some(understand(object).ok()?.content);
        Ok(object.and_then(|object| content(&object).map(|content| (object, content))))
    }

    async fn rewrite(
        &self,
        object: &Membership,
        users: &[String],
        named: Option<(&UserId, &PersonName)>,
        author: Author<'_>,
    ) -> Result<Edited, StoreError> {
        let metadata = &object.metadata;
        let mut patch = json!({
            "metadata": {
                "uid": metadata.uid,
                "resourceVersion": metadata.resource_version,
                "annotations": { ACTOR: author.name() },
            },
            "spec": { "users": users },
        });
        let before = names::read(metadata);
        let mut after = before.clone();
        after.retain(|user, _| users.iter().any(|there| there == user.as_str()));
        if let Some((user, name)) = named {
            after = names::with(after, user, Some(name));
        }
        if after != before {
            patch["metadata"]["annotations"][NAMES] = json!(names::write(&after));
        }
        let (name, patch) = (metadata.name.as_deref().unwrap_or_default(), Patch::Merge(&patch));
        let patching = patching();
        let (memberships, before) =
            (self.objects::<Received<Membership>>(), metadata.resource_version.as_deref());
        let call = memberships.patch(name, &patching, &patch);
        match self.written(Kind::Membership, before, call).await {
            Ok(written) => {
                self.shown(Kind::Membership, &written).await?;
                Ok(Edited::Done)
            }
            Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(Edited::Changed),
            Err(error) => Err(error),
        }
    }

    async fn drop_empty(&self, object: &Membership) -> Result<Edited, StoreError> {
        let metadata = &object.metadata;
        let name = metadata.name.as_deref().unwrap_or_default();
        let uid = metadata.uid.as_deref().unwrap_or_default();
        let version = metadata.resource_version.clone();
        if self.delete::<Membership>(name, uid, version).await? != Deleted::Now {
            return Ok(Edited::Changed);
        }
        self.view.until_gone(Kind::Membership, name, uid, PATIENCE).await?;
        Ok(Edited::Done)
    }
}
