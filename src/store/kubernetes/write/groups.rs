//! Groups: made and deleted.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::Patch;
use serde_json::{Value, json};

use super::{
    ACTOR, ATTEMPTS, Author, Deleted, PATIENCE, Writer, is_own, made, owned_by, patching,
    unconfirmed,
};
use crate::domain::change::Waiting;
use crate::domain::description::Description;
use crate::domain::group::GroupName;
use crate::domain::membership::Roster;
use crate::domain::realm::WriteError;
use crate::domain::user::UserId;
use crate::objects::enrolment::enrolment_name;
use crate::resources::group::{GroupContent, write};
use crate::resources::labels_annotations::{ENROLLED, TRUE};
use crate::resources::membership::{self, MembershipContent};
use crate::resources::object_name::ObjectName;
use crate::resources::received::Received;
use crate::resources::{Group, Membership};
use crate::store::kubernetes::error::StoreError;
use crate::store::kubernetes::object::Kind;
use crate::store::kubernetes::state::Presence;
use crate::store::kubernetes::wire::ENROLS;

impl Writer {
    pub(super) async fn create_group(
        &self,
        group: &GroupName,
        creator: Option<&UserId>,
        waiting: Waiting,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        let content =
            GroupContent { group: group.clone(), creator: creator.cloned(), description: None };
        let mut object = write(&content);
        for attempt in 0..ATTEMPTS {
            self.judge(author).await?;
            match self.view.ask(|state| state.presence(group)) {
                Presence::InEffect { .. } => return Err(WriteError::GroupExists),
                Presence::Remains { uid } => {
                    self.clear(group, &uid).await?;
                    continue;
                }
                Presence::Waits | Presence::Absent => {}
            }
            if waiting == Waiting::Forbids {
                let there = self.view.ask(|state| state.waiting_for(group));
                if !there.is_empty() {
                    return Err(WriteError::Awaited(shortened(&there)));
                }
            }
            let owner = match group.parent() {
                None => None,
                Some(parent) => Some(owned_by(
                    ObjectName::from(&parent).as_str(),
                    &self.uid_of(&parent).ok_or(WriteError::ParentMissing)?,
                )),
            };
            let name = object.metadata.name.take();
            object.metadata = ObjectMeta { name, ..made(author, owner) };
            match self.create(Kind::Group, &object).await {
                Ok(written) => return Ok(self.shown(Kind::Group, &written).await?),
                // Either the watch is about to show it, or something of an earlier group is in the way.
                Err(error) if error.status() == Some(409) => Self::pause(attempt).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(WriteError::GroupExists)
    }

    pub(super) async fn delete_group(
        &self,
        group: &GroupName,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        let uid = self.uid_of(group).ok_or(WriteError::GroupMissing)?;
        let name = ObjectName::from(group);
        self.judge(author).await?;
        // All that is below goes with it, and what somebody else has written would only be applied again.
        if let Some(object) = self.view.ask(|state| state.others_within(group)) {
            return Err(WriteError::ElsewhereOwned(object));
        }
        let deleted = self.delete::<Group>(name.as_str(), &uid, None).await?;
        let gone = |_: &str| {
            let presence = self.view.ask(|state| state.presence(group));
            presence != Presence::InEffect { uid: uid.as_str().into() }
        };
        self.view.until(Kind::Group, PATIENCE, gone).await?;
        match deleted {
            Deleted::Now => Ok(()),
            Deleted::Before | Deleted::NotThis => Err(WriteError::GroupMissing),
        }
    }

    /// Says what a group is for, unless somebody else's object says it.
    pub(super) async fn describe(
        &self,
        group: &GroupName,
        description: Option<&Description>,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        let name = ObjectName::from(group);
        let text = description.map(Description::as_str);
        for attempt in 0..ATTEMPTS {
            let uid = self.uid_of(group).ok_or(WriteError::GroupMissing)?;
            let object = self.read::<Group>(name.as_str()).await?;
            self.judge(author).await?;
            let is_it = |object: &Group| object.metadata.uid.as_deref() == Some(&*uid);
            let Some(object) = object.filter(is_it) else {
                Self::pause(attempt).await; // the watch is about to show it
                continue;
            };
            let (metadata, before) = (&object.metadata, object.spec.description.as_deref());
            if before.unwrap_or_default() == text.unwrap_or_default() {
                return Ok(());
            }
            if !is_own(metadata) {
                return Err(WriteError::ElsewhereOwned(format!("Group {}", name.as_str())));
            }
            let patch = json!({
                "metadata": { "annotations": { ACTOR: author.name() } },
                "spec": { "description": text },
            });
            if self.patch_group(metadata, patch).await? {
                return Ok(());
            }
            Self::pause(attempt).await;
        }
        Err(StoreError::Contended.into())
    }

    /// Changes a group as it was read; `false` when somebody was quicker, and it is to be read again.
    pub(super) async fn patch_group(
        &self,
        read: &ObjectMeta,
        mut patch: Value,
    ) -> Result<bool, WriteError> {
        patch["metadata"]["uid"] = json!(read.uid);
        patch["metadata"]["resourceVersion"] = json!(read.resource_version);
        let name = read.name.as_deref().unwrap_or_default();
        let groups = self.objects::<Received<Group>>();
        let (parameters, patch) = (patching(), Patch::Merge(&patch));
        let call = groups.patch(name, &parameters, &patch);
        match self.written(Kind::Group, read.resource_version.as_deref(), call).await {
            Ok(written) => {
                self.shown(Kind::Group, &written).await?;
                Ok(true)
            }
            Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes sure that the creator of a group is not its staff for having made it, now or ever again. What the controller
    /// would make to enrol them is made first, without them: of two who make it only one can, so that the controller
    /// does not enrol whom somebody has just taken off.
    pub(super) async fn retire_creator(
        &self,
        group: &GroupName,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        let Some(uid) = self.uid_of(group) else { return Ok(()) };
        let name = ObjectName::from(group);
        self.judge(author).await?;
        self.reserve_enrolment(group, &uid, author).await?;
        let annotations = json!({ ENROLLED: TRUE });
        let enrolled = json!({ "metadata": { "uid": uid, "annotations": annotations } });
        let groups = self.objects::<Received<Group>>();
        let (patching, patch) = (patching(), Patch::Merge(&enrolled));
        // The enrolment alone may be enough already.
        let doubtful = |error: StoreError| unconfirmed(error.into());
        let written = Self::call(groups.patch(name.as_str(), &patching, &patch));
        let written = written.await.map_err(doubtful)?;
        Ok(self.shown(Kind::Group, &written).await?)
    }

    async fn reserve_enrolment(
        &self,
        group: &GroupName,
        uid: &str,
        author: Author<'_>,
    ) -> Result<(), StoreError> {
        let roster = Roster::Staff(group.clone());
        let content = MembershipContent { roster, users: Vec::new(), expires_at: None };
        let object = membership::write(&enrolment_name(uid), &content);
        let mut object = object.expect("an enrolment names nobody");
        let owner = owned_by(object.spec.group.as_deref().unwrap_or_default(), uid);
        let mut metadata = made(author, Some(owner));
        metadata.annotations.get_or_insert_default().insert(ENROLS.to_owned(), uid.to_owned());
        object.metadata = ObjectMeta { name: object.metadata.name.take(), ..metadata };
        match self.create(Kind::Membership, &object).await {
            Ok(written) => self.shown(Kind::Membership, &written).await,
            // The controller was first: the creator stands there, and is taken out like anybody else.
            Err(error) if error.status() == Some(409) => {
                let there =
                    self.read::<Membership>(object.metadata.name.as_deref().unwrap_or_default());
                match there.await? {
                    Some(there) => self.shown(Kind::Membership, &there).await,
                    None => Ok(()),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The uid of a group that is in effect.
    pub(super) fn uid_of(&self, group: &GroupName) -> Option<String> {
        match self.view.ask(|state| state.presence(group)) {
            Presence::InEffect { uid } => Some(uid.to_string()),
            _ => None,
        }
    }

    /// Removes what is left of an earlier group, which the garbage collector may not have come to yet.
    async fn clear(&self, group: &GroupName, uid: &str) -> Result<(), StoreError> {
        let name = ObjectName::from(group);
        self.delete::<Group>(name.as_str(), uid, None).await?;
        // Nothing of what was asked for is done yet, whatever holds the old one.
        let gone = self.view.until_gone(Kind::Group, name.as_str(), uid, PATIENCE).await;
        gone.map_err(|_| StoreError::Lingers)
    }
}

/// The first few of them, and how many more there are.
fn shortened(names: &[String]) -> String {
    const FEW: usize = 5;
    let few = names.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(FEW) {
        0 => few,
        more => format!("{few} and {more} more"),
    }
}
