//! What a realm's objects say at this moment of one user, asked of the API server by consistent reads: by what decides, and
//! not by what a watch has told, so that a process that was paused is as right as any other.
//!
//! A read without a version is answered from a quorum, or from a cache that has caught up with it ("Resource Versions" in
//! the Kubernetes documentation). Must not know what the answer decides.

mod sessions;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::iter::successors;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select, try_join, try_join3};
use futures::stream::{self, StreamExt};
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use self::sessions::EndedSessions;
use crate::domain::directory::{Record, Standing};
use crate::domain::group::GroupName;
use crate::domain::membership::{Role, Roster};
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;
use crate::objects::excerpt::Excerpt;
use crate::objects::root_staff::RootStaff;
use crate::resources::object_name::ObjectName;
use crate::resources::{Group, Membership, Received, User};

/// Longest wait for all answers together: less than the API server waits for a webhook.
const PATIENCE: Duration = Duration::from_secs(4);
/// Objects in one answer, and most answers to one question: 10,000 Memberships of one roster may decide.
const PAGE: u32 = 200;
const PAGES: usize = 50;
/// Groups asked for at once, of a chain of parents.
const AT_ONCE: usize = 8;

/// Reads the objects of one realm.
#[derive(Clone)]
pub struct LiveRealm {
    client: Client,
    namespace: String,
    sessions: EndedSessions,
}

/// Why nobody knows what is the case. Whoever asked must not go on as if it were known.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// It did not answer, or said something unexpected.
    #[error("the Kubernetes API server cannot be asked: {0}")]
    Unreachable(#[source] Box<kube::Error>),
    /// It may not be asked for this.
    #[error("the Kubernetes API server refuses: {0}; does the service account have Pasee's Role?")]
    Forbidden(String),
    /// The definitions in the cluster are too old to be asked by what decides.
    #[error(
        "the definitions in the cluster cannot be asked by their fields ({0}); apply what pasee crd prints, on Kubernetes 1.31 or later"
    )]
    Unselectable(String),
    /// It took too long.
    #[error("the Kubernetes API server did not answer within {} s", PATIENCE.as_secs())]
    Slow,
    /// There are more objects of a roster, or about a user, than can be looked through.
    #[error("of {0} there are more objects than can be looked through; say the same in fewer")]
    TooMany(String),
}

impl LiveRealm {
    /// A reader of the realm that is this namespace.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        let sessions = EndedSessions::new(client.clone(), namespace);
        Self { client, namespace: namespace.to_owned(), sessions }
    }

    /// The namespace that is the realm.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What is said of a user now, and on which of these rosters they are. Of somebody who is banned, or root staff where the
    /// root staff is among the rosters, the rest may be left out: nothing else decides.
    ///
    /// # Errors
    /// A [`LiveError`]; then nothing is known.
    pub async fn record(
        &self,
        user: &UserId,
        rosters: &[Roster],
        now: Timestamp,
    ) -> Result<Record, LiveError> {
        Ok(self.look(user, rosters, None, now).await?.record(rosters, now))
    }

    /// Whether a session was ended by itself, if something is done in one.
    ///
    /// # Errors
    /// As [`LiveRealm::record`].
    pub async fn has_ended(&self, session: Option<SessionId>) -> Result<bool, LiveError> {
        let Some(session) = session else { return Ok(false) };
        timeout(PATIENCE, self.sessions.has_ended(session)).await.map_err(|_| LiveError::Slow)?
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Who is on the root staff now.
    ///
    /// # Errors
    /// As [`LiveRealm::record`].
    pub async fn root_staff(&self) -> Result<RootStaff, LiveError> {
        let mut staff = RootStaff::default();
        let what = || format!("the roster {}", Roster::RootStaff);
        self.each(&fields_of("", Role::Staff), what, |object: Membership| staff.add(&object))
            .await?;
        Ok(staff)
    }

    /// What is said of a user now.
    ///
    /// # Errors
    /// As [`LiveRealm::record`].
    pub async fn standing(&self, user: &UserId) -> Result<Standing, LiveError> {
        Ok(self.users(user).await?.standing())
    }

    /// The objects that [`LiveRealm::record`] goes by, and always those of one group besides and of its parents.
    ///
    /// # Errors
    /// As there.
    pub async fn look(
        &self,
        user: &UserId,
        rosters: &[Roster],
        group: Option<&GroupName>,
        now: Timestamp,
    ) -> Result<Excerpt, LiveError> {
        timeout(PATIENCE, self.read(user, rosters, group, now))
            .await
            .map_err(|_| LiveError::Slow)?
    }

    async fn read(
        &self,
        user: &UserId,
        rosters: &[Roster],
        group: Option<&GroupName>,
        now: Timestamp,
    ) -> Result<Excerpt, LiveError> {
        let (root, rest): (Vec<&Roster>, Vec<&Roster>) =
            rosters.iter().partition(|roster| **roster == Roster::RootStaff);
        let asked_for: BTreeSet<GroupName> = group.into_iter().flat_map(chain).collect();
        let groups = rest.iter().filter_map(|roster| roster.group()).flat_map(chain);
        let others = groups.filter(|group| !asked_for.contains(group)).collect();
        let first = try_join3(
            self.users(user),
            self.memberships(user, root),
            self.groups(user, asked_for.clone()),
        );
        let rest = try_join(self.groups(user, others), self.memberships(user, rest));
        // Each list may wait for a cache to catch up, so that all are asked for at once; what does not decide, because the
        // first do, is not waited for and cannot fail.
        let is_decided = |excerpt: &Excerpt| {
            let Record { standing, holdings } = excerpt.record(&[Roster::RootStaff], now);
            standing.banned || (!holdings.is_empty() && rosters.contains(&Roster::RootStaff))
        };
        let together =
            |(users, root, groups): (Excerpt, Excerpt, Excerpt)| users.and(root).and(groups);
        let (first, rest) = (pin!(first), pin!(rest));
        let (excerpt, rest) = match select(first, rest).await {
            Either::Left((first, rest)) => (together(first?), Either::Left(rest)),
            Either::Right((rest, first)) => {
                (together(first.await?), Either::Right(std::future::ready(rest)))
            }
        };
        if is_decided(&excerpt) {
            return Ok(excerpt);
        }
        let (groups, staff) = rest.await?;
        Ok(excerpt.and(groups).and(staff))
    }

    /// What all Users say of a user.
    async fn users(&self, user: &UserId) -> Result<Excerpt, LiveError> {
        let mut excerpt = Excerpt::of(user.clone());
        let fields = format!("spec.username={}", escaped(user.as_str()));
        let what = || format!("the user {user}");
        self.each(&fields, what, |object: User| excerpt.add_user(&object)).await?;
        Ok(excerpt)
    }

    /// The Memberships of rosters.
    async fn memberships(
        &self,
        user: &UserId,
        rosters: Vec<&Roster>,
    ) -> Result<Excerpt, LiveError> {
        let mut excerpt = Excerpt::of(user.clone());
        for roster in rosters {
            let group = roster.group().map(ObjectName::from);
            let group = group.as_ref().map_or("", ObjectName::as_str);
            let fields = fields_of(group, roster.role());
            let what = || format!("the roster {roster}");
            self.each(&fields, what, |object: Membership| excerpt.add_membership(&object)).await?;
        }
        Ok(excerpt)
    }

    async fn groups(
        &self,
        user: &UserId,
        groups: BTreeSet<GroupName>,
    ) -> Result<Excerpt, LiveError> {
        let mut excerpt = Excerpt::of(user.clone());
        let names: Vec<ObjectName> = groups.iter().map(ObjectName::from).collect();
        let api: Api<Received<Group>> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut reads = Vec::new();
        for name in names {
            let api = api.clone();
            reads.push(async move { api.get_opt(name.as_str()).await });
        }
        let mut answers = stream::iter(reads).buffer_unordered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            if let Some(Received::Readable(object)) = answer.map_err(LiveError::from)? {
                excerpt.add_group(&object);
            }
        }
        Ok(excerpt)
    }

    /// Every object whose fields are these. One that cannot be read says nothing, here as everywhere.
    async fn each<K>(
        &self,
        fields: &str,
        what: impl Fn() -> String,
        mut take: impl FnMut(K),
    ) -> Result<(), LiveError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned,
    {
        let api: Api<Received<K>> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut page = ListParams::default().fields(fields).limit(PAGE);
        for _ in 0..PAGES {
            let list = api.list(&page).await?;
            let readable = list.items.into_iter().filter_map(|received| match received {
                Received::Readable(object) => Some(object),
                Received::Unreadable { .. } => None,
            });
            readable.for_each(&mut take);
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(()),
            }
        }
        Err(LiveError::TooMany(what()))
    }
}

impl From<kube::Error> for LiveError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.is_forbidden() => Self::Forbidden(status.message),
            kube::Error::Api(status) if status.code == 400 => Self::Unselectable(status.message),
            error => Self::Unreachable(Box::new(error)),
        }
    }
}

/// A group and its parents, up to the root.
fn chain(group: &GroupName) -> impl Iterator<Item = GroupName> {
    successors(Some(group.clone()), GroupName::parent)
}

/// What selects the Memberships of a roster, by its group as objects are called, or none.
fn fields_of(group: &str, role: Role) -> String {
    let role = match role {
        Role::Member => "Member",
        Role::Staff => "Staff",
    };
    format!("spec.group={group},spec.role={role}")
}

/// A value as field selectors write it.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '\\' | ',' | '=') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_end_at_the_root() {
        let names: Vec<String> =
            chain(&"a.my_b.c".parse().unwrap()).map(|group| group.to_string()).collect();
        assert_eq!(names, ["a.my_b.c", "a.my_b", "a"]);
    }

    #[test]
    fn values_stay_one_value() {
        assert_eq!(escaped("k-ada"), "k-ada");
        assert_eq!(escaped(r"k-a,b=c\d"), r"k-a\,b\=c\\d");
    }
}
