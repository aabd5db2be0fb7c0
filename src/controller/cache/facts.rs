//! The facts of single objects, as far as others depend on them.
//!
//! Must not know the other objects.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use kube::ResourceExt;

use crate::controller::strangers::Strangers;
use crate::domain::group::parent_of;
use crate::domain::membership::Role;
use crate::domain::provider::{CLIENTS, ProviderNames};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::objects::effect::Soundness;
use crate::objects::owner::Owners;
use crate::resources::group::{self, GroupContent};
pub use crate::resources::labels_annotations::ENROLS;
use crate::resources::membership::{LeftOut, Understood};
use crate::resources::{Group, Invalid, Membership, membership};

/// The facts of a Group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedGroup {
    /// Its UID, by which a new object of the same name differs.
    pub uid: String,
    /// When it was made, as the API server says.
    pub made_at: Option<Timestamp>,
    /// Whether its deletion has begun.
    pub is_deleting: bool,
    /// Whom it belongs to, by the name of its parent.
    pub owners: Owners,
    /// What it says.
    pub content: Result<GroupContent, Invalid>,
    /// Whether its creator counts by a Membership.
    pub is_creator_enrolled: bool,
}

impl CachedGroup {
    pub(super) fn of(object: &Group) -> Self {
        Self {
            uid: object.uid().unwrap_or_default(),
            made_at: made_at(object),
            is_deleting: object.metadata.deletion_timestamp.is_some(),
            owners: Owners::of(
                object.owner_references(),
                parent_of(&object.name_any()).unwrap_or_default(),
            ),
            content: group::parse(object),
            is_creator_enrolled: group::is_creator_enrolled(object),
        }
    }

    /// Whether nothing about the group itself speaks against its being in effect.
    pub(super) fn soundness(&self) -> Soundness {
        Soundness::of(&self.content, self.is_deleting)
    }
}

/// When an object was made, as the API server says.
#[must_use]
pub fn made_at(object: &impl ResourceExt) -> Option<Timestamp> {
    Timestamp::from_unix(object.creation_timestamp()?.0.as_second())
}

/// The facts of a Membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedMembership {
    /// Whether its deletion has begun.
    pub is_deleting: bool,
    /// Whom it belongs to, by the name of its group.
    pub owners: Owners,
    /// The name of the Group it is of, whether or not the rest is right.
    pub group: Option<String>,
    /// What it says.
    pub content: Result<Content, Invalid>,
    /// The UID of the Group whose creator it enrols, as its annotation says.
    pub(super) enrols: Option<String>,
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
    /// Who is named there and counts for nobody.
    pub left_out: Option<LeftOut>,
    /// Whom no identity provider could ever prove, though they are in the group.
    pub strangers: Option<Strangers>,
    /// Who acts for themselves, should there be such clients: those come and go.
    pub programs: Box<[UserId]>,
}

impl CachedMembership {
    pub(super) fn of(
        object: &Membership,
        hasher: &RandomState,
        providers: Option<&ProviderNames>,
    ) -> Self {
        let content =
            membership::understand(object).map(|Understood { content, left_out }| Content {
                role: content.roster.role(),
                people: content.users.iter().map(|user| hash(user, hasher)).collect(),
                expires_at: content.expires_at,
                left_out,
                strangers: Strangers::among(
                    providers,
                    content.users.iter().filter(|user| !is_program(user)),
                ),
                programs: content.users.iter().filter(|user| is_program(user)).cloned().collect(),
            });
        Self {
            is_deleting: object.metadata.deletion_timestamp.is_some(),
            owners: Owners::of(
                object.owner_references(),
                object.spec.group.as_deref().unwrap_or_default(),
            ),
            group: object.spec.group.clone(),
            content,
            enrols: object.annotations().get(ENROLS).cloned(),
        }
    }

    /// Whether nothing about the Membership itself speaks against its being in effect.
    pub(super) fn soundness(&self) -> Soundness {
        Soundness::of(&self.content, self.is_deleting)
    }
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

/// Whether it is a client that acts for itself, if anybody.
pub(super) fn is_program(user: &UserId) -> bool {
    user.split().0 == CLIENTS
}

/// Whether a group is the other or below it.
pub(super) fn is_within(group: &str, top: &str) -> bool {
    group.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
