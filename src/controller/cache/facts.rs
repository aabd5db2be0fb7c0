//! The facts of single objects, as far as others depend on them.
//!
//! Must not know the other objects.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use kube::ResourceExt;

use crate::controller::owner::{Owner, owners};
use crate::domain::membership::Role;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::resources::group::{self, GroupContent};
pub use crate::resources::labels_annotations::ENROLS;
use crate::resources::{Group, Invalid, Membership, membership};

/// The facts of a Group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFacts {
    /// Its UID.
    pub uid: String,
    /// Whether its deletion has begun.
    pub is_deleting: bool,
    /// The Groups it belongs to.
    pub owners: Vec<Owner>,
    /// What it says.
    pub content: Result<GroupContent, Invalid>,
    /// Whether its creator counts by a Membership.
    pub is_creator_enrolled: bool,
}

impl GroupFacts {
    pub(super) fn of(object: &Group) -> Self {
        Self {
            uid: object.uid().unwrap_or_default(),
            is_deleting: object.metadata.deletion_timestamp.is_some(),
            owners: owners(&object.metadata),
            content: group::parse(object),
            is_creator_enrolled: group::is_creator_enrolled(object),
        }
    }

    /// Whether nothing about the group itself speaks against its being in effect.
    pub(super) fn could_be_in_effect(&self) -> bool {
        !self.is_deleting && self.content.is_ok()
    }
}

/// The facts of a Membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipFacts {
    /// Whether its deletion has begun.
    pub is_deleting: bool,
    /// The Groups it belongs to.
    pub owners: Vec<Owner>,
    /// The name of the Group it is of, whether or not the rest is right.
    pub group: Option<String>,
    /// What it says.
    pub content: Result<Content, Invalid>,
    enrols: Option<String>,
}

/// What a Membership says, in few bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What the users are to the group.
    pub role: Role,
    /// The users' hashes, each user once.
    pub people: Arc<[u64]>,
    /// The first second it no longer counts; `None` = no end.
    pub expires_at: Option<Timestamp>,
}

impl MembershipFacts {
    pub(super) fn of(object: &Membership, hasher: &RandomState) -> Self {
        let content = membership::parse(object).map(|content| Content {
            role: content.roster.role(),
            people: content.users.iter().map(|user| hash(user, hasher)).collect(),
            expires_at: content.expires_at,
        });
        Self {
            is_deleting: object.metadata.deletion_timestamp.is_some(),
            owners: owners(&object.metadata),
            group: object.spec.group.clone(),
            content,
            enrols: object.annotations().get(ENROLS).cloned(),
        }
    }

    /// Whether this is the Membership that the controller made for the creator of a group, whoever is on it by now.
    pub(super) fn enrolment(&self, group: &str, uid: &str) -> Enrolment {
        let is_of_group = self.group.as_deref() == Some(group);
        let is_staff = self.content.as_ref().is_ok_and(|content| content.role == Role::Staff);
        if is_of_group && is_staff && self.enrols.as_deref() == Some(uid) {
            Enrolment::Ours
        } else {
            Enrolment::Taken
        }
    }
}

/// What is at the place of the Membership that enrols a creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// Nothing.
    Free,
    /// What the controller has made.
    Ours,
    /// Something that somebody else has made.
    Taken,
    /// Nothing, and the API server has just refused what the controller would make.
    Refused,
}

/// How many there are in effect in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Members, each once.
    pub members: usize,
    /// Staff, each once.
    pub staff: usize,
    /// Groups one level below.
    pub subgroups: usize,
}

/// A number for a user. Its 64 bits are the same for two of a million users once in thirty million caches, and nobody
/// outside can choose them.
pub(super) fn hash(user: &UserId, hasher: &RandomState) -> u64 {
    hasher.hash_one(user)
}

/// Whether a group is the other or below it.
pub(super) fn is_within(group: &str, top: &str) -> bool {
    group.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
