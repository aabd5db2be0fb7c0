//! Carries out changes on the API server, judged by what it says of their authors at that moment, and made by what this
//! replica sees and by what the API server says.
//!
//! In which order changes are judged and written is up to the `gates`; what authors are about to make is counted by `making`.
//! Only objects that carry this program's label are changed or deleted; each says who changed it last. `groups` are made and
//! deleted, `members` put on rosters and taken off, each in one of many Memberships (`shard`), and users banned and their
//! sessions ended (`standing`), all together or one (`sessions`); those who were invited come in by `invitations`. Must not know who may do what.

mod gates;
mod groups;
mod invitations;
mod making;
mod members;
mod sessions;
mod shard;
mod standing;

use std::collections::BTreeMap;
use std::future::Future;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join;
use hashbrown::DefaultHashBuilder;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use gates::Gates;
use making::Making;
use sessions::Ending;

use super::Clock;
use super::error::StoreError;
use super::jitter::jittered;
use super::object::{Kind, Maker};
use super::resource_version::compare;
use super::view::View;
use super::wire::{ENROLS, MANAGED_BY, PASEE, maker};
use crate::cluster::live::LiveRealm;
use crate::cluster::root_staff::{Announcement, GuardError, RootStaffGuard};
use crate::domain::bounds::Tally;
use crate::domain::change::{Ban, Change, Waiting};
use crate::domain::directory::{Directory, Standing};
use crate::domain::membership::Membership;
use crate::domain::policy::{Permit, Refusal, Withdrawn};
use crate::domain::realm::WriteError;
use crate::domain::user::UserId;
use crate::objects::root_staff::Loss;
use crate::resources::labels_annotations::ACTOR;
use crate::resources::received::Received;
use crate::resources::{API_GROUP, API_VERSION};

/// What [`ACTOR`] says of an operator at the command line; no user id, as it has no `-`.
pub(super) const OPERATOR: &str = "operator";
/// What generated names start with.
const PREFIX: &str = "pasee-";
/// Longest wait for one answer of the API server, and for the watch to bring a write back.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most attempts when others change the same objects: ten seconds or so.
const ATTEMPTS: u32 = 30;
/// Between the first two attempts; it grows by as much with each.
const PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Locks for changes of the same things by this replica.
const LOCKS: usize = 64;

/// The writing half of the store.
pub(super) struct Writer {
    client: Client,
    namespace: String,
    view: Arc<View>,
    clock: Clock,
    live: LiveRealm,
    guard: RootStaffGuard,
    ending: Ending,
    making: Making,
    gates: Gates,
    /// For changes of groups and their rosters, and for those of users, which wait for none of the former.
    turns: [[Mutex<()>; LOCKS]; 2],
    hasher: DefaultHashBuilder,
}

/// Who makes a change: by a permit that is judged again before each step.
#[derive(Clone, Copy)]
struct Author<'a> {
    permit: &'a Permit,
    /// That somebody of the root staff loses it, if they do.
    announcement: Option<&'a Announcement>,
}

impl<'a> Author<'a> {
    /// As the annotation says it.
    fn name(self) -> &'a str {
        self.permit.actor().map_or(OPERATOR, UserId::as_str)
    }
}

impl Writer {
    pub(super) fn new(client: Client, namespace: String, view: Arc<View>, clock: Clock) -> Self {
        let turns = std::array::from_fn(|_| std::array::from_fn(|_| Mutex::default()));
        let live = LiveRealm::new(client.clone(), &namespace);
        let guard = RootStaffGuard::new(live.clone());
        let ending = Ending::default();
        let (gates, hasher) = (Gates::default(), DefaultHashBuilder::default());
        let making = Making::default();
        Self { client, namespace, view, clock, live, guard, ending, making, gates, turns, hasher }
    }

    /// Carries out a change and waits until the index shows it.
    pub(super) async fn carry_out(&self, permit: &Permit) -> Result<(), WriteError> {
        if !self.view.is_complete() {
            return Err(StoreError::NotReady.into());
        }
        // First the turn among changes of the same thing, then the gates: whoever is in a gate waits for no turn.
        let _turn = self.turn(permit.change()).await;
        let _passage = self.gates.pass(permit).await;
        let _share = match permit.actor() {
            None => None,
            Some(user) => {
                let now = (self.clock)();
                let record = self.view.index.record(user, now);
                let made = || self.view.made_by(user);
                let judge = |made| permit.judge_again(record, made, now);
                let share = self.making.share(user, permit.change().adds(), made, judge)?;
                if permit.session().is_some_and(|session| self.view.index.has_ended(session)) {
                    return Err(Withdrawn::Refused(Refusal::SessionEnded).into());
                }
                share
            }
        };
        let announcement = self.announce(permit).await?;
        let author = Author { permit, announcement: announcement.as_ref() };
        let result = self.carry_out_by(author).await;
        if let Some(announcement) = announcement {
            // What may still be done stays announced.
            if !matches!(result, Err(WriteError::Unconfirmed(_) | WriteError::Partly { .. })) {
                self.guard.over(announcement).await;
            }
        }
        result
    }

    async fn carry_out_by(&self, author: Author<'_>) -> Result<(), WriteError> {
        match author.permit.change() {
            Change::CreateGroup { group, creator } => {
                self.create_group(group, creator.as_ref(), Waiting::Forbids, author).await
            }
            Change::AdoptGroup { group, creator } => {
                self.create_group(group, creator.as_ref(), Waiting::IsAdopted, author).await
            }
            Change::DeleteGroup(group) => self.delete_group(group, author).await,
            Change::Describe { group, description } => {
                self.describe(group, description.as_ref(), author).await
            }
            Change::AddMember(membership) => self.add(membership, None, author).await,
            Change::Invite(group) => self.invite(group, author).await,
            Change::VoidInvitations(group) => self.void(group, author).await,
            Change::Join(joining) => self.join(joining, author).await,
            Change::RemoveMember { roster, user } | Change::Leave { roster, user } => {
                self.remove(roster, user, author).await
            }
            Change::SetExpiry(membership) => self.set_expiry(membership, author).await,
            Change::SetBanned { user, banned: Ban::Impose } => {
                self.stand(user, author, |before| before.banned((self.clock)())).await
            }
            Change::SetBanned { user, banned: Ban::Lift } => self.lift(user, author).await,
            Change::Revoke(user) => {
                self.stand(user, author, |before| before.revoked((self.clock)())).await
            }
            Change::EndSession { user, session, until } => {
                self.end_session(user, *session, *until, author).await
            }
            Change::Declare { user, banned, not_before } => {
                let declare =
                    |before: Standing| before.declared(*banned, *not_before, (self.clock)());
                self.stand(user, author, declare).await
            }
            Change::DeleteUser(user) => self.delete_user(user, author).await,
        }
    }

    /// Judges a change once more, by what the API server says of its author at this moment: right before each step. An object
    /// that is to be changed is read before, and changed only while it has that version, so that nothing comes in between
    /// that concerns it.
    async fn judge(&self, author: Author<'_>) -> Result<(), WriteError> {
        let Author { permit, announcement } = author;
        let Some(user) = permit.actor() else { return Ok(()) };
        let now = (self.clock)();
        let rosters = permit.deciding();
        let record = self.live.record(user, &rosters, now);
        let read = try_join(record, self.live.has_ended(permit.session())).await;
        let (record, has_ended) = read.map_err(StoreError::from)?;
        // How much the author has made was judged by what this replica sees.
        permit.judge_again(record, Tally::default(), now)?;
        if has_ended {
            return Err(Withdrawn::Refused(Refusal::SessionEnded).into());
        }
        if announcement.is_none_or(Announcement::is_trusted) {
            Ok(())
        } else {
            Err(StoreError::Contended.into())
        }
    }

    /// Announces what takes somebody from the root staff, unless nobody would be left who can act there. Nobody is asked
    /// about what an operator does.
    async fn announce(&self, permit: &Permit) -> Result<Option<Announcement>, WriteError> {
        let Some(user) = permit.change().weakens_root_staff() else { return Ok(None) };
        if permit.actor().is_none() {
            return Ok(None);
        }
        let (loss, now) = (Loss::Of(user.clone()), (self.clock)());
        let announced = self.guard.announce(&loss, permit.possible(), now).await;
        announced.map_err(|error| match error {
            GuardError::Last => WriteError::LastRootStaff,
            error => StoreError::Unguarded(error).into(),
        })
    }

    fn objects<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// One call, bounded.
    async fn call<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, StoreError> {
        Ok(timeout(PATIENCE, call).await.map_err(|_| StoreError::Slow(PATIENCE))??)
    }

    /// One call that writes an object of a kind, which had this version before if it was there. What is written comes after
    /// all that was shown; when it does not, the state went back, and nothing counts as shown before it is read anew.
    async fn written<K: Resource>(
        &self,
        kind: Kind,
        before: Option<&str>,
        call: impl Future<Output = kube::Result<K>>,
    ) -> Result<K, StoreError> {
        let shown = self.view.versions.shown(kind);
        let written = Self::call(call).await?;
        let version = written.resource_version().unwrap_or_default();
        // What changes nothing keeps its version.
        if compare(&version, &shown).is_le() && before != Some(&version) {
            self.view.versions.went_back(kind, &version, &shown);
        }
        Ok(written)
    }

    /// An object, if it is there and can be read.
    async fn read<K>(&self, name: &str) -> Result<Option<K>, StoreError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let read = Self::call(self.objects::<Received<K>>().get_opt(name)).await;
        match read.map_err(|error| StoreError::NotRead(Box::new(error)))? {
            Some(Received::Readable(object)) => Ok(Some(object)),
            Some(Received::Unreadable { .. }) | None => Ok(None),
        }
    }

    async fn create<K>(&self, kind: Kind, object: &K) -> Result<K, StoreError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + serde::Serialize
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let parameters = PostParams { field_manager: Some(PASEE.to_owned()), dry_run: false };
        self.written(kind, None, self.objects::<K>().create(&parameters, object)).await
    }

    /// Deletes exactly this object, if it is still there; with a version, only while nobody has changed it.
    async fn delete<K>(
        &self,
        name: &str,
        uid: &str,
        version: Option<String>,
    ) -> Result<Deleted, StoreError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let exactly = Preconditions { uid: Some(uid.to_owned()), resource_version: version };
        let parameters = DeleteParams::background().preconditions(exactly);
        match Self::call(self.objects::<K>().delete(name, &parameters)).await {
            Ok(_) => Ok(Deleted::Now),
            Err(error) if error.status() == Some(404) => Ok(Deleted::Before),
            Err(error) if error.status() == Some(409) => Ok(Deleted::NotThis),
            Err(error) => Err(error),
        }
    }

    /// Waits until the index shows an object that was written.
    async fn shown<K: Resource>(&self, kind: Kind, written: &K) -> Result<(), StoreError> {
        let version = written.resource_version().unwrap_or_default();
        self.view.until_version(kind, &version, PATIENCE).await
    }

    /// For the time that it is held, no other change of the same thing is made by this replica, so that its changes do
    /// not get in each other's way.
    async fn turn(&self, change: &Change) -> MutexGuard<'_, ()> {
        let (kind, hash) = match change {
            Change::CreateGroup { group, .. }
            | Change::AdoptGroup { group, .. }
            | Change::DeleteGroup(group)
            | Change::Describe { group, .. }
            | Change::Invite(group)
            | Change::VoidInvitations(group) => (0, self.hasher.hash_one(group)),
            Change::Join(joining) => (0, self.hasher.hash_one(&joining.membership.roster)),
            Change::AddMember(Membership { roster, .. })
            | Change::SetExpiry(Membership { roster, .. })
            | Change::RemoveMember { roster, .. }
            | Change::Leave { roster, .. } => (0, self.hasher.hash_one(roster)),
            Change::SetBanned { user, .. }
            | Change::Revoke(user)
            | Change::EndSession { user, .. }
            | Change::Declare { user, .. }
            | Change::DeleteUser(user) => (1, self.hasher.hash_one(user)),
        };
        let place = usize::try_from(hash % (LOCKS as u64)).unwrap_or_default();
        self.turns[kind][place].lock().await
    }

    async fn pause(attempt: u32) {
        let longer = PAUSE * (attempt + 1);
        tokio::time::sleep(jittered(longer.min(LONGEST_PAUSE))).await;
    }
}

/// What became of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deleted {
    /// It is deleted.
    Now,
    /// There was none by that name.
    Before,
    /// By that name there is another, or it was changed meanwhile.
    NotThis,
}

/// The same error, of a change of which something was done before it: that nothing was changed would not be true.
fn unconfirmed(error: WriteError) -> WriteError {
    match error {
        WriteError::Unavailable(reason) => WriteError::Unconfirmed(reason),
        error => error,
    }
}

fn patching() -> PatchParams {
    PatchParams { field_manager: Some(PASEE.to_owned()), ..PatchParams::default() }
}

/// The metadata of an object that this program makes.
fn made(author: Author<'_>, owner: Option<OwnerReference>) -> ObjectMeta {
    ObjectMeta {
        labels: Some(BTreeMap::from([(MANAGED_BY.to_owned(), PASEE.to_owned())])),
        annotations: Some(BTreeMap::from([(ACTOR.to_owned(), author.name().to_owned())])),
        owner_references: owner.map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

/// That something goes when a Group does.
fn owned_by(name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: format!("{API_GROUP}/{API_VERSION}"),
        kind: "Group".to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    }
}

/// Whether this program made an object that was read.
fn is_own(metadata: &ObjectMeta) -> bool {
    let name = metadata.name.as_deref().unwrap_or_default();
    let label = metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY));
    let enrols = metadata.annotations.as_ref().and_then(|annotations| annotations.get(ENROLS));
    maker(name, label.map(String::as_str), enrols.map(String::as_str)) == Maker::Pasee
}
