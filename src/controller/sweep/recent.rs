//! What users of the realm have written in the last minute, and which of it is to be judged once more.
//!
//! Must not know a client, nor how it is judged.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt};
use tokio::sync::Notify;

use crate::domain::change::Change;
use crate::domain::group::GroupName;
use crate::domain::membership::Role;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::objects::demand::Demand;
use crate::resources::authorship::{changer, is_as_made, maker};
use crate::resources::membership::MembershipContent;
use crate::resources::{Group, Membership, OAuthClient, User, group, membership, user};

/// How old an object may be to be judged once more, in seconds: far more than a request takes.
const WINDOW: i64 = 60;
/// Most objects that are remembered.
const MOST: usize = 10_000;

/// Something that a user of the realm has just written: all of it is theirs.
#[derive(Clone, Debug)]
pub(in crate::controller) struct Written {
    pub(super) author: UserId,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) at: Timestamp,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    NewGroup(GroupName),
    NewMembership(Box<MembershipContent>),
    /// Users who came to a Membership that was there.
    Newcomers(Box<MembershipContent>),
    /// A client, at this generation: made, or made another one of.
    NewClient(i64),
    ChangedClient(i64),
}

impl Written {
    /// Whether it puts a user on a roster.
    pub(super) fn puts(&self, user: &UserId) -> bool {
        match &self.what {
            What::NewGroup(_) | What::NewClient(_) | What::ChangedClient(_) => false,
            What::NewMembership(content) | What::Newcomers(content) => content.users.contains(user),
        }
    }

    /// What the policy must allow still.
    pub(super) fn demand(&self) -> Demand {
        match &self.what {
            What::NewGroup(group) => Demand::Change(Change::CreateGroup {
                group: group.clone(),
                creator: Some(self.author.clone()),
            }),
            What::NewMembership(content) | What::Newcomers(content) => {
                Demand::of(None, Some(content))
            }
            What::NewClient(_) | What::ChangedClient(_) => Demand::RootStaff,
        }
    }
}

/// What is to be judged, each once however often it is asked for.
#[derive(Clone, Default)]
pub(in crate::controller) struct Due(Arc<(Mutex<BTreeMap<u64, Written>>, Notify)>);

impl Due {
    fn push(&self, number: u64, written: Written) {
        let (waiting, news) = &*self.0;
        waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(number, written);
        news.notify_one();
    }

    /// Waits until there is something.
    pub(super) async fn news(&self) {
        self.0.1.notified().await;
    }

    pub(super) fn take(&self) -> Vec<Written> {
        let mut waiting = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *waiting).into_values().collect()
    }
}

/// How a Membership came to be known.
#[derive(Debug)]
pub(in crate::controller) enum Came {
    /// By a list, which does not tell what came before.
    Listed,
    /// By news that it was made.
    Made,
    /// By news that it differs from what it was, at that version.
    Changed { difference: Difference, version: Option<String> },
}

/// How an OAuthClient came to be known.
#[derive(Clone, Debug)]
pub(in crate::controller) enum ClientCame {
    /// By a list, which does not tell what came before.
    Listed,
    /// By news that it was made.
    Made,
    /// By news of one that was there at this version.
    Changed(Option<String>),
}

/// How a Membership differs from what it was.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Who was not on it.
    pub newcomers: Vec<UserId>,
    /// Whether anybody who was on it may have lost by it.
    pub takes_away: bool,
}

/// What was written in the last minute, and whether somebody lost something in it.
pub(in crate::controller) struct Recent {
    written: VecDeque<(u64, Written)>,
    count: u64,
    last_withdrawal: Option<Timestamp>,
    due: Due,
    clock: fn() -> Timestamp,
}

impl Recent {
    /// Of nothing yet; what is to be judged goes there.
    pub(in crate::controller) fn new(due: Due, clock: fn() -> Timestamp) -> Self {
        Self { written: VecDeque::new(), count: 0, last_withdrawal: None, due, clock }
    }

    /// A Group is there. Of one that was listed nobody knows what happened before.
    pub(in crate::controller) fn group(&mut self, object: &Group, seen: Seen) {
        if object.metadata.deletion_timestamp.is_some() {
            return self.withdrawn();
        }
        let Some((author, at)) = self.made(&object.metadata) else { return };
        let Ok(content) = group::parse(object) else { return };
        self.note(object, (author, at), What::NewGroup(content.group), seen);
    }

    /// A Group is gone: whoever was its staff is not any more, whatever is made of that name.
    pub(in crate::controller) fn group_gone(&mut self) {
        self.withdrawn();
    }

    /// A Membership is there. What somebody else than a user of the realm wrote, or may have, is not noted.
    pub(in crate::controller) fn membership(&mut self, object: &Membership, came: Came) {
        let Ok(content) = membership::parse(object) else { return };
        match came {
            Came::Listed if !is_as_made(&object.metadata) => {}
            Came::Listed | Came::Made => {
                let seen = if matches!(came, Came::Made) { Seen::News } else { Seen::Listed };
                let Some(made) = self.made(&object.metadata) else { return };
                self.note(object, made, What::NewMembership(Box::new(content)), seen);
            }
            Came::Changed { difference: Difference { newcomers: users, takes_away }, version } => {
                if takes_away && content.roster.role() == Role::Staff {
                    self.withdrawn();
                }
                let author = changer(&object.metadata, version.as_deref());
                let Some(author) = author.filter(|_| !users.is_empty()) else { return };
                let what = What::Newcomers(Box::new(MembershipContent { users, ..content }));
                self.note(object, (author, (self.clock)()), what, Seen::News);
            }
        }
    }

    /// A Membership is gone: of the staff, or of nobody knows whom.
    pub(in crate::controller) fn membership_gone(&mut self, object: &Membership) {
        if membership::parse(object).map_or(true, |content| content.roster.role() == Role::Staff) {
            self.withdrawn();
        }
    }

    /// A User is there, and perhaps bans somebody.
    pub(in crate::controller) fn user(&mut self, object: &User) {
        if user::parse(object).map_or(true, |content| content.standing.banned) {
            self.withdrawn();
        }
    }

    /// An OAuthClient is there. What somebody else than a user of the realm wrote, or may have, is not noted.
    pub(in crate::controller) fn client(&mut self, object: &OAuthClient, came: ClientCame) {
        let generation = object.metadata.generation.unwrap_or_default();
        match came {
            ClientCame::Listed if !is_as_made(&object.metadata) => {}
            ClientCame::Listed | ClientCame::Made => {
                let is_news = matches!(came, ClientCame::Made);
                let seen = if is_news { Seen::News } else { Seen::Listed };
                let Some(made) = self.made(&object.metadata) else { return };
                self.note(object, made, What::NewClient(generation), seen);
            }
            ClientCame::Changed(version) => {
                let author = changer(&object.metadata, version.as_deref());
                let Some(author) = author else { return };
                let changed = What::ChangedClient(generation);
                self.note(object, (author, (self.clock)()), changed, Seen::News);
            }
        }
    }

    /// Which user of the realm made an object within the last minute, and when.
    fn made(&self, metadata: &ObjectMeta) -> Option<(UserId, Timestamp)> {
        let made = metadata.creation_timestamp.as_ref()?.0.as_second();
        let made = Timestamp::from_unix(made)?;
        let age = (self.clock)().as_unix() - made.as_unix();
        if age > WINDOW { None } else { maker(metadata).map(|author| (author, made)) }
    }

    fn note<K>(&mut self, object: &K, (author, at): (UserId, Timestamp), what: What, seen: Seen)
    where
        K: Resource<DynamicType = ()>,
    {
        self.forget_old();
        let (name, uid) = (object.name_any(), object.uid().unwrap_or_default());
        let is_change = |what: &What| matches!(what, What::Newcomers(_) | What::ChangedClient(_));
        // Of one that was made, more news come, such as its status.
        let is_it = |(_, other): &(u64, Written)| other.uid == uid && !is_change(&other.what);
        if !is_change(&what) && self.written.iter().any(is_it) {
            return;
        }
        let written = Written { author, name, uid, at, what };
        let now = (self.clock)().as_unix();
        if self.written.len() == MOST {
            self.written.pop_front();
        }
        self.written.push_back((self.count, written));
        self.count += 1;
        let is_late = self.last_withdrawal.is_some_and(|at| now - at.as_unix() <= WINDOW);
        if is_late || seen == Seen::Listed {
            self.judge_all();
        }
    }

    /// Somebody may have lost something: everything is judged once more.
    fn withdrawn(&mut self) {
        self.forget_old();
        self.last_withdrawal = Some((self.clock)());
        self.judge_all();
    }

    /// All together: what is written by one may be what entitles another.
    fn judge_all(&self) {
        self.written.iter().for_each(|(number, written)| self.due.push(*number, written.clone()));
    }

    fn forget_old(&mut self) {
        let now = (self.clock)().as_unix();
        self.written.retain(|(_, written)| now - written.at.as_unix() <= WINDOW);
    }
}

/// How an object came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::controller) enum Seen {
    /// By a list, which does not tell what came before.
    Listed,
    /// By news of it.
    News,
}

#[cfg(test)]
mod tests;
