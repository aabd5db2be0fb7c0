//! Users of a namespace who are called otherwise: what `objects` says is to be written, written object by object.
//!
//! Stopped in the middle, it has given nobody more than they had, and is gone on with by the same map. Where that matters a
//! Lease remembers that it was begun and with what. Must not know who may do it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::connect::{self, OpenError, Options};
use super::error::StoreError;
use super::write::OPERATOR;
use super::{Clock, listed};
use crate::domain::policy::RenamingPermit;
use crate::domain::realm::{Names, WriteError};
use crate::domain::renaming::{Collision, Renamed, Trial};
use crate::domain::user::UserId;
use crate::objects::backup::Objects;
use crate::objects::enrolment::enrolment_name;
use crate::objects::owner::Owner;
use crate::objects::rename::{Begun, RenamePlan, Restated, Rewritten, banned_before, plan};
use crate::objects::statement::statement_name;
use crate::resources::labels_annotations::{
    ACTOR, AUTHOR, ENROLS, MANAGED_BY, NAMES, PASEE, RENAMED, RENAMING, RENAMING_LEASE,
};
use crate::resources::membership::{self, MembershipRole, MembershipSpec};
use crate::resources::user::{UserContent, parse, write};
use crate::resources::{Group, Membership, User, names, rfc3339};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most looks at what is there, while others change it.
const ROUNDS: u32 = 20;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// Users that are written about at once.
const AT_ONCE: usize = 8;

/// What has become of a renaming.
#[derive(Debug)]
pub struct Report {
    /// Of whom something is said, and what.
    pub renamed: Vec<Renamed>,
    /// What only others change, to be changed there.
    pub elsewhere: Vec<String>,
}

/// Why users are not called otherwise, or not all of them.
#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    /// The API server cannot be found.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Before anything was written, it did not do what it was asked for.
    #[error("nothing was changed")]
    Nothing(#[source] StoreError),
    /// The policy's guard.
    #[error("nothing was changed: {0}")]
    Refused(#[source] WriteError),
    /// Two people would be one.
    #[error("nothing was changed: {0}")]
    Collision(#[source] Collision),
    /// Another map was begun with.
    #[error(
        "nothing was changed: another map was begun with and is not done; run the command once more with that one, or, should it be lost, \
         look through the memberships of those who were in it and delete the Lease {RENAMING_LEASE}"
    )]
    Other,
    /// What the record says cannot be read.
    #[error(
        "nothing was changed: the annotation {RENAMING} of the Lease {RENAMING_LEASE} cannot be read"
    )]
    Unreadable,
    /// Objects of others name whom an id is taken from and given to somebody else.
    #[error(
        "nothing was changed: these objects, which Pasee does not change, name users whose id passes to somebody else, who would be in \
         their place; take them out there, run this, and then put in who is meant:\n{}", .0.join("\n")
    )]
    InTheWay(Vec<String>),
    /// Something was written, and then it failed.
    #[error(
        "it was stopped before all was done; nobody has more than before, and the same command goes on with it"
    )]
    Partly(#[source] StoreError),
}

/// Renames users in a namespace.
///
/// # Errors
/// Why nothing was changed, or not all.
pub async fn rename_users(
    options: Options,
    clock: Clock,
    permit: &RenamingPermit,
    trial: Trial,
) -> Result<Report, RenameError> {
    let (client, namespace) = connect::client(options).await?;
    let run = Run { client, namespace, clock, permit };
    let objects = run.objects().await.map_err(RenameError::Nothing)?;
    let map = fingerprint(permit);
    let (lease, begun) = run.begun().await?;
    if begun.as_ref().is_some_and(|begun| begun.map != map) {
        return Err(RenameError::Other);
    }
    let is_new = begun.is_none();
    let begun = begun.unwrap_or_else(|| {
        let banned = banned_before(&objects, permit.renaming());
        Begun { map, mark: mark(lease.as_ref(), clock), banned }
    });
    let first = plan(&objects, permit.renaming(), &begun, permit.possible(), clock());
    let report = Report { renamed: first.renamed.clone(), elsewhere: first.elsewhere.clone() };
    if let Some(collision) = first.collision {
        return Err(RenameError::Collision(collision));
    }
    if !first.in_the_way.is_empty() {
        return Err(RenameError::InTheWay(first.in_the_way));
    }
    if first.takes_the_last {
        return Err(RenameError::Refused(WriteError::LastRootStaff));
    }
    let is_nothing = is_new && first.is_empty();
    drop(first);
    if trial == Trial::Dry || is_nothing {
        return Ok(report);
    }
    let has_chains = permit.renaming().has_chains();
    // In other maps no id is both left and taken, so that doing something twice is doing it once.
    let begun = if has_chains { begun } else { Begun::default() };
    if has_chains && is_new {
        run.remember(lease, Some(&begun)).await.map_err(RenameError::Nothing)?;
    }
    run.carry_out(&begun).await.map_err(RenameError::Partly)?;
    if has_chains {
        run.forget().await.map_err(RenameError::Partly)?;
    }
    Ok(report)
}

struct Run<'a> {
    client: Client,
    namespace: String,
    clock: Clock,
    permit: &'a RenamingPermit,
}

/// Whether an object was written as it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// It was.
    Now,
    /// It was changed meanwhile.
    Changed,
}

impl Run<'_> {
    /// Looks and writes until there is nothing left to write.
    async fn carry_out(&self, begun: &Begun) -> Result<(), StoreError> {
        let mut stated = BTreeSet::new();
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let objects = self.objects().await?;
            let mut plan = self.plan(&objects, begun);
            plan.standings.retain(|restated| !stated.contains(&restated.user));
            if plan.is_empty() {
                return Ok(());
            }
            self.write(&plan, begun, &mut stated).await?;
        }
        Err(StoreError::Contended)
    }

    fn plan<'b>(&'b self, objects: &'b Objects, begun: &'b Begun) -> RenamePlan<'b> {
        plan(objects, self.permit.renaming(), begun, self.permit.possible(), (self.clock)())
    }

    /// Writes what is to be written, as far as nobody else does meanwhile.
    async fn write(
        &self,
        plan: &RenamePlan<'_>,
        begun: &Begun,
        stated: &mut BTreeSet<UserId>,
    ) -> Result<(), StoreError> {
        self.state(&plan.standings, stated).await?;
        if plan.standings.iter().any(|restated| !stated.contains(&restated.user)) {
            return Ok(()); // nobody gets anything before that
        }
        let mut is_all = true;
        for rewritten in &plan.memberships {
            is_all &= self.rewrite(rewritten, begun).await? == Written::Now;
        }
        for (group, creator) in &plan.creators {
            is_all &= self.enrol(group, creator, begun).await? == Written::Now;
        }
        if is_all {
            for restated in &plan.lifted {
                for object in &restated.own {
                    self.restate(object, restated).await?;
                }
            }
        }
        Ok(())
    }

    async fn state(
        &self,
        standings: &[Restated<'_>],
        stated: &mut BTreeSet<UserId>,
    ) -> Result<(), StoreError> {
        // Bans first, all of them.
        for banned in [true, false] {
            let these = standings.iter().filter(|it| it.standing.banned == banned);
            let mut writing = stream::iter(these)
                .map(|restated| async move {
                    let written = match restated.own.first() {
                        Some(object) => self.restate(object, restated).await,
                        None => self.state_anew(restated).await,
                    };
                    (restated, written)
                })
                .buffer_unordered(AT_ONCE);
            while let Some((restated, written)) = writing.next().await {
                if written? == Written::Now {
                    stated.insert(restated.user.clone());
                }
            }
        }
        Ok(())
    }

    async fn restate(&self, object: &User, restated: &Restated<'_>) -> Result<Written, StoreError> {
        let standing = restated.standing;
        let own = parse(object).ok().and_then(|content| content.standing.not_before);
        let not_before = own.max(standing.not_before).map(rfc3339::write);
        let spec = json!({ "banned": standing.banned, "notBefore": not_before });
        self.patch::<User>(&object.metadata, json!({ ACTOR: OPERATOR }), spec).await
    }

    async fn state_anew(&self, restated: &Restated<'_>) -> Result<Written, StoreError> {
        let Restated { user, standing, .. } = restated;
        let name = statement_name(user);
        let mut object = write(&name, &UserContent { user: user.clone(), standing: *standing });
        object.metadata = made(&name, BTreeMap::new());
        if self.create(&object).await? == Written::Now {
            return Ok(Written::Now);
        }
        // Either one of our own was just made, or somebody else's has the name.
        let there = Self::call(self.api::<User>().get_opt(&name)).await?;
        let is_own = |it: &User| it.labels().get(MANAGED_BY).is_some_and(|it| it == PASEE);
        if there.as_ref().is_none_or(is_own) {
            return Ok(Written::Changed);
        }
        object.metadata.name = None;
        object.metadata.generate_name = Some(format!("{name}-"));
        self.create(&object).await
    }

    async fn rewrite(
        &self,
        rewritten: &Rewritten<'_>,
        begun: &Begun,
    ) -> Result<Written, StoreError> {
        let mut annotations = marked(begun);
        annotations.insert(ACTOR.to_owned(), OPERATOR.to_owned());
        if let Some(author) = &rewritten.author {
            annotations.insert(AUTHOR.to_owned(), author.to_string());
        }
        let named = self.renamed(names::read(&rewritten.object.metadata));
        annotations.extend(names::write(&named).map(|named| (NAMES.to_owned(), named)));
        let spec = json!({ "users": rewritten.users });
        self.patch::<Membership>(&rewritten.object.metadata, json!(annotations), spec).await
    }

    /// What people are called, by their new ids.
    fn renamed(&self, named: Names) -> Names {
        let renaming = self.permit.renaming();
        let now = |user: UserId| renaming.new_name(&user).unwrap_or(user);
        named.into_iter().map(|(user, name)| (now(user), name)).collect()
    }

    /// Makes what makes the creator of a group its staff, with their new name: from then on the former one gives nothing.
    async fn enrol(
        &self,
        group: &Group,
        creator: &UserId,
        begun: &Begun,
    ) -> Result<Written, StoreError> {
        let (name, uid) = (group.name_any(), group.uid().unwrap_or_default());
        let spec = MembershipSpec {
            group: Some(name.clone()),
            role: MembershipRole::Staff,
            users: vec![creator.to_string()],
            ..MembershipSpec::default()
        };
        let enrolment = enrolment_name(&uid);
        let mut annotations = marked(begun);
        annotations.insert(ENROLS.to_owned(), uid.clone());
        let mut object = Membership::new(&enrolment, spec);
        object.metadata = made(&enrolment, annotations);
        object.metadata.owner_references = Some(vec![Owner { name, uid }.reference()]);
        debug_assert!(membership::parse(&object).is_ok());
        self.create(&object).await
    }

    async fn patch<K>(
        &self,
        metadata: &ObjectMeta,
        annotations: Value,
        spec: Value,
    ) -> Result<Written, StoreError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + serde::de::DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let patch = json!({
            "metadata": {
                "uid": metadata.uid,
                "resourceVersion": metadata.resource_version,
                "annotations": annotations,
            },
            "spec": spec,
        });
        let name = metadata.name.as_deref().unwrap_or_default();
        let parameters =
            PatchParams { field_manager: Some(PASEE.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(&patch);
        unless_changed(Self::call(self.api::<K>().patch(name, &parameters, &patch)).await)
    }

    async fn create<K>(&self, object: &K) -> Result<Written, StoreError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + serde::Serialize
            + serde::de::DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let parameters = PostParams { field_manager: Some(PASEE.to_owned()), dry_run: false };
        unless_changed(Self::call(self.api::<K>().create(&parameters, object)).await)
    }

    async fn objects(&self) -> Result<Objects, StoreError> {
        listed::of(&self.client, &self.namespace).await
    }

    /// What was begun and is not done.
    async fn begun(&self) -> Result<(Option<Lease>, Option<Begun>), RenameError> {
        let leases = self.api::<Lease>();
        let lease = Self::call(leases.get_opt(RENAMING_LEASE)).await;
        let lease = lease.map_err(RenameError::Nothing)?;
        let text = lease.as_ref().and_then(|lease| lease.annotations().get(RENAMING));
        let begun = text.map(|text| serde_json::from_str(text)).transpose();
        let begun = begun.map_err(|_| RenameError::Unreadable)?;
        Ok((lease, begun))
    }

    /// Writes down what is begun; nobody else begins at the same time.
    async fn remember(
        &self,
        lease: Option<Lease>,
        begun: Option<&Begun>,
    ) -> Result<(), StoreError> {
        let leases = self.api::<Lease>();
        let parameters = PostParams::default();
        let is_new = lease.is_none();
        let mut lease = lease.unwrap_or_default();
        lease.metadata.name = Some(RENAMING_LEASE.to_owned());
        match begun.map(|begun| json!(begun).to_string()) {
            Some(text) => drop(lease.annotations_mut().insert(RENAMING.to_owned(), text)),
            None => drop(lease.annotations_mut().remove(RENAMING)),
        }
        let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default().wrapping_add(1));
        if is_new {
            Self::call(leases.create(&parameters, &lease)).await?;
        } else {
            Self::call(leases.replace(RENAMING_LEASE, &parameters, &lease)).await?;
        }
        Ok(())
    }

    /// It is done, so that the same map may be begun with once more.
    async fn forget(&self) -> Result<(), StoreError> {
        let lease = Self::call(self.api::<Lease>().get_opt(RENAMING_LEASE)).await?;
        match lease {
            Some(lease) => self.remember(Some(lease), None).await,
            None => Ok(()),
        }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn call<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, StoreError> {
        let answered = tokio::time::timeout(PATIENCE, call).await;
        Ok(answered.map_err(|_| StoreError::Slow(PATIENCE))??)
    }
}

/// What an object carries that is rewritten.
fn marked(begun: &Begun) -> BTreeMap<String, String> {
    let mark = Some(&begun.mark).filter(|mark| !mark.is_empty());
    mark.map(|mark| (RENAMED.to_owned(), mark.clone())).into_iter().collect()
}

fn unless_changed<T>(written: Result<T, StoreError>) -> Result<Written, StoreError> {
    match written {
        Ok(_) => Ok(Written::Now),
        Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(Written::Changed),
        Err(error) => Err(error),
    }
}

/// The metadata of an object that this program makes.
fn made(name: &str, mut annotations: BTreeMap<String, String>) -> ObjectMeta {
    annotations.insert(ACTOR.to_owned(), OPERATOR.to_owned());
    ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some(BTreeMap::from([(MANAGED_BY.to_owned(), PASEE.to_owned())])),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    }
}

/// Which map it is.
fn fingerprint(permit: &RenamingPermit) -> String {
    let digest = Sha256::digest(permit.renaming().canonical().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the objects of this run carry, and of no other.
fn mark(lease: Option<&Lease>, clock: Clock) -> String {
    let uid = lease.and_then(|lease| lease.metadata.uid.as_deref()).unwrap_or("new");
    let spec = lease.and_then(|lease| lease.spec.as_ref());
    let number = spec.and_then(|spec| spec.lease_transitions).unwrap_or_default();
    format!("{uid}/{number}/{}", clock().as_unix())
}
