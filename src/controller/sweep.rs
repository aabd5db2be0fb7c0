//! Takes back what was admitted a moment before its author lost what entitled them, and was stored after it.
//!
//! Whoever loses a standing or is banned has what they wrote in the last minute judged once more, by consistent reads. Objects
//! of this program's server are not among them: many users share one. Nor is what others wrote into the same object, and what
//! nobody knows whose it is: all that stays as it is. `recent` finds which are to be judged;
//! [`Sweeper`] judges them and takes back what is not allowed any more. Must not know how objects come here.

mod recent;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

pub use self::recent::Difference;
pub(super) use self::recent::{Came, ClientCame, Due, Recent, Seen};
use self::recent::{What, Written};
use super::apply::MANAGER;
use super::lease::Tenure;
use crate::cluster::live::{LiveError, LiveRealm};
use crate::cluster::root_staff::{GuardError, RootStaffGuard};
use crate::domain::membership::Roster;
use crate::domain::policy::{self, Actor, Grant, Login};
use crate::domain::provider::PossibleUsers;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::objects::excerpt::Excerpt;
use crate::objects::root_staff::Loss;
use crate::resources::{Group, Membership, OAuthClient, Received};

/// How many are judged at once.
const AT_ONCE: usize = 8;
/// How often what others change at the same time is tried.
const ATTEMPTS: u32 = 5;
/// Between two attempts, and after a fault.
const PAUSE: Duration = Duration::from_millis(500);
/// The policy asks how long sessions last; here somebody only is who the annotation says.
const SESSION: Duration = Duration::from_secs(60);

/// Those of what was written whose authors are not entitled but by each other's, or their own. What is judged counts for
/// nothing until its author is entitled without it: whoever was put on a staff by somebody entitled is, and whoever put
/// themselves there is not.
fn unentitled<'w>(
    all: &'w [Written],
    excerpts: &HashMap<(&UserId, Vec<Roster>), Excerpt>,
    now: Timestamp,
) -> Vec<&'w Written> {
    let mut doubtful: Vec<&Written> = all.iter().collect();
    loop {
        let is_entitled = |written: &Written| {
            let (demand, author) = (written.demand(), &written.author);
            let rosters = demand.deciding();
            let left_out = doubtful.iter().filter(|other| other.puts(author));
            let left_out: HashSet<&str> = left_out.map(|other| &*other.uid).collect();
            let Some(excerpt) = excerpts.get(&(author, rosters.clone())) else { return false };
            let record = excerpt.record_without(&left_out, &rosters, now);
            let grant = Grant::Login(Login::of(author.clone()));
            let admitted = policy::admit(grant, record.standing, SESSION, now);
            admitted.is_ok_and(|admission| {
                demand.judge(&Actor::user(&admission, record.holdings)).is_ok()
            })
        };
        let (entitled, rest): (Vec<&Written>, Vec<&Written>) =
            doubtful.iter().partition(|written| is_entitled(written));
        doubtful = rest;
        if entitled.is_empty() {
            return doubtful;
        }
    }
}

/// Judges and takes back, as long as this process leads.
pub(super) struct Sweeper<'a> {
    pub(super) client: &'a Client,
    pub(super) namespace: &'a str,
    pub(super) tenure: &'a Tenure,
    /// Who could log in, as servers have said; where none has, everybody stays on the root staff who is there.
    pub(super) possible: Option<&'a PossibleUsers>,
    pub(super) clock: fn() -> Timestamp,
}

impl Sweeper<'_> {
    /// Works through what is to be judged, without end.
    pub(super) async fn run(&self, due: &Due) {
        let realm = LiveRealm::new(self.client.clone(), self.namespace);
        loop {
            due.news().await;
            let all = due.take();
            for _ in 0..ATTEMPTS {
                match self.judge(&realm, &all).await {
                    Ok(lost) => {
                        let lost = stream::iter(lost);
                        lost.for_each_concurrent(AT_ONCE, |written| self.see_to(&realm, written))
                            .await;
                        break;
                    }
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(
                            error,
                            "what was just written is not judged once more; to be tried again"
                        );
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    /// Those of what was written whose authors may not write it now.
    async fn judge<'w>(
        &self,
        realm: &LiveRealm,
        all: &'w [Written],
    ) -> Result<Vec<&'w Written>, LiveError> {
        let now = (self.clock)();
        let asked: HashSet<(&UserId, Vec<Roster>)> =
            all.iter().map(|written| (&written.author, written.demand().deciding())).collect();
        let mut reads = Vec::new();
        for (author, rosters) in asked {
            reads.push(async move {
                // Both apart, as the one does not make up for the other here: see `unentitled`.
                let (root, rest): (Vec<Roster>, Vec<Roster>) =
                    rosters.iter().cloned().partition(|roster| *roster == Roster::RootStaff);
                let root = realm.look(author, &root, None, now).await?;
                let rest = realm.look(author, &rest, None, now).await?;
                Ok::<_, LiveError>(((author, rosters), root.and(rest)))
            });
        }
        let excerpts = stream::iter(reads).buffer_unordered(AT_ONCE);
        let excerpts: HashMap<(&UserId, Vec<Roster>), Excerpt> = excerpts.try_collect().await?;
        Ok(unentitled(all, &excerpts, now))
    }

    async fn see_to(&self, realm: &LiveRealm, written: &Written) {
        let Written { name, author, .. } = written;
        for _ in 0..ATTEMPTS {
            if self.tenure.permit().is_err() {
                return;
            }
            match self.take_back(realm, written).await {
                Ok(()) => {
                    let why = "taken back: its author had just lost what entitled them";
                    return tracing::warn!(name, %author, "{why}");
                }
                Err(NotTaken::LastRootStaff) => {
                    let why = "stays, though its author has just lost what entitled them: nobody else is root staff";
                    return tracing::warn!(name, %author, "{why}");
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(name, %author, error, "not taken back; to be tried again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn take_back(&self, realm: &LiveRealm, written: &Written) -> Result<(), NotTaken> {
        let Written { name, uid, .. } = written;
        match &written.what {
            What::NewGroup(_) => self.delete::<Group>(name, uid, None).await,
            What::NewClient(_) | What::ChangedClient(_) => self.take_back_client(written).await,
            What::NewMembership(_) | What::Newcomers(_) => {
                // Others may have written into it meanwhile.
                let memberships: Api<Received<Membership>> =
                    Api::namespaced(self.client.clone(), self.namespace);
                let found = memberships.get_opt(name).await?;
                let Some(Received::Readable(object)) = found else { return Ok(()) };
                if object.metadata.uid.as_deref() != Some(uid) {
                    return Ok(());
                }
                let after = left(&object, &written.what);
                self.keep_root_staff(realm, &object, after.as_ref()).await?;
                match after {
                    None => self.delete::<Membership>(name, uid, object.resource_version()).await,
                    Some(after) => self.take_off(&after).await,
                }
            }
        }
    }

    /// A client that was made goes; one that was there is not served any more until somebody has looked at it, as nobody knows what it was
    /// before. What others have written since is theirs.
    async fn take_back_client(&self, written: &Written) -> Result<(), NotTaken> {
        let Written { name, uid, .. } = written;
        let clients: Api<Received<OAuthClient>> =
            Api::namespaced(self.client.clone(), self.namespace);
        let Some(found) = clients.get_opt(name).await? else { return Ok(()) };
        let metadata = found.meta();
        let (What::NewClient(generation) | What::ChangedClient(generation)) = written.what else {
            return Ok(());
        };
        if metadata.uid.as_deref() != Some(uid) || metadata.generation != Some(generation) {
            return Ok(());
        }
        let version = metadata.resource_version.clone();
        if matches!(written.what, What::NewClient(_)) {
            return self.delete::<OAuthClient>(name, uid, version).await;
        }
        let patch = json!({
            "metadata": { "uid": uid, "resourceVersion": version }, "spec": { "enabled": false },
        });
        let params =
            PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        Ok(clients.patch(name, &params, &Patch::Merge(&patch)).await.map(drop)?)
    }

    /// What is taken back leaves somebody on the root staff, like all else.
    async fn keep_root_staff(
        &self,
        realm: &LiveRealm,
        before: &Membership,
        after: Option<&Membership>,
    ) -> Result<(), NotTaken> {
        let Some(loss) = Loss::between(before, after) else { return Ok(()) };
        // That it is written at once, or not at all, says its version.
        let guard = RootStaffGuard::new(realm.clone());
        let announced = guard.announce(&loss, self.possible, (self.clock)()).await;
        announced.map(drop).map_err(|error| match error {
            GuardError::Last => NotTaken::LastRootStaff,
            error => NotTaken::Unguarded(error),
        })
    }

    /// Deletes an object, with a version only while it has that.
    async fn delete<K>(
        &self,
        name: &str,
        uid: &str,
        version: Option<String>,
    ) -> Result<(), NotTaken>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + std::fmt::Debug + DeserializeOwned,
    {
        let objects: Api<Received<K>> = Api::namespaced(self.client.clone(), self.namespace);
        let is_exact = version.is_some();
        let exactly = Preconditions { uid: Some(uid.to_owned()), resource_version: version };
        match objects.delete(name, &DeleteParams::background().preconditions(exactly)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 && !is_exact => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn take_off(&self, after: &Membership) -> Result<(), NotTaken> {
        let objects: Api<Received<Membership>> =
            Api::namespaced(self.client.clone(), self.namespace);
        let spec = &after.spec;
        let patch = json!({
            "metadata": { "uid": after.uid(), "resourceVersion": after.resource_version() },
            "spec": { "users": spec.users, "serviceAccounts": spec.service_accounts },
        });
        let params =
            PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        Ok(objects.patch(&after.name_any(), &params, &Patch::Merge(&patch)).await.map(drop)?)
    }
}

/// Why something was not taken back.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("nobody else is root staff")]
    LastRootStaff,
    #[error("who stays on the root staff cannot be found out")]
    Unguarded(#[source] GuardError),
    #[error("the API server did not do it")]
    Api(#[from] kube::Error),
}

/// What is left of a Membership when what somebody wrote is taken out of it; `None` when that is nothing.
fn left(object: &Membership, what: &What) -> Option<Membership> {
    let (What::NewMembership(content) | What::Newcomers(content)) = what else { return None };
    let left = without(object, &content.users);
    let is_empty = left.spec.users.is_empty() && left.spec.service_accounts.is_empty();
    // What was there before them is not theirs to end, with nobody in it.
    let is_theirs = matches!(what, What::NewMembership(_));
    if is_theirs && is_empty { None } else { Some(left) }
}

/// A Membership as it is, without these users.
fn without(object: &Membership, users: &[UserId]) -> Membership {
    let is_new = |user: &str| users.iter().any(|new| new.as_str() == user);
    let mut object = object.clone();
    object.spec.users.retain(|user| !is_new(user));
    object
        .spec
        .service_accounts
        .retain(|account| account.user().is_ok_and(|user| !is_new(user.as_str())));
    object
}

#[cfg(test)]
mod tests;
