//! What an object of the realm says, as far as the index cares: no full object is kept anywhere.
//!
//! Must not know how objects come here, nor which of them count.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::Resource;

use crate::domain::client::Client;
use crate::domain::description::Description;
use crate::domain::directory::Standing;
use crate::domain::group::GroupName;
use crate::domain::membership::Roster;
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;
use crate::objects::effect::Soundness;
use crate::objects::owner::Owners;
use crate::resources::session_revocations::UserMark;
use crate::resources::{Group, Membership, OAuthClient, SessionRevocations, User};

/// A name or a uid.
pub(super) type Name = Arc<str>;

/// The kinds of objects that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Group,
    Membership,
    User,
    SessionRevocations,
    OAuthClient,
}

impl Kind {
    /// How many there are.
    pub(super) const COUNT: usize = 5;
    pub(super) const ALL: [Self; Self::COUNT] =
        [Self::Group, Self::Membership, Self::User, Self::SessionRevocations, Self::OAuthClient];

    /// As paths and people name its objects.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Group => "groups",
            Self::Membership => "memberships",
            Self::User => "users",
            Self::SessionRevocations => "sessionrevocations",
            Self::OAuthClient => "oauthclients",
        }
    }

    /// Where its objects are.
    pub(super) fn path(self, namespace: &str) -> String {
        match self {
            Self::Group => Group::url_path(&(), Some(namespace)),
            Self::Membership => Membership::url_path(&(), Some(namespace)),
            Self::User => User::url_path(&(), Some(namespace)),
            Self::SessionRevocations => SessionRevocations::url_path(&(), Some(namespace)),
            Self::OAuthClient => OAuthClient::url_path(&(), Some(namespace)),
        }
    }

    /// A place for each in an array of all.
    pub(super) fn place(self) -> usize {
        match self {
            Self::Group => 0,
            Self::Membership => 1,
            Self::User => 2,
            Self::SessionRevocations => 3,
            Self::OAuthClient => 4,
        }
    }
}

/// News of the realm.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// An object is there and says this now.
    Applied(Object),
    /// An object is gone.
    Gone(Kind, Name),
    /// These are all objects of a kind.
    Listed(Kind, Vec<Object>),
}

/// An object: its name, which no other of its kind has now, and its uid, which no other ever had.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) name: Name,
    pub(super) uid: Name,
    pub(super) says: Says,
}

/// What an object says.
#[derive(Clone, Debug)]
pub(super) enum Says {
    Group(Declared),
    Membership(Granted),
    User(Stated),
    SessionRevocations(Ended),
    OAuthClient(Box<Client>),
    /// Nothing that can be understood: it counts as gone.
    Nothing(Kind),
}

impl Says {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Group(_) => Kind::Group,
            Self::Membership(_) => Kind::Membership,
            Self::User(_) => Kind::User,
            Self::SessionRevocations(_) => Kind::SessionRevocations,
            Self::OAuthClient(_) => Kind::OAuthClient,
            Self::Nothing(kind) => *kind,
        }
    }
}

/// Whether an object was made by this program, which alone changes it then, or by somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    Pasee,
    Other,
}

/// What a Group says.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) group: GroupName,
    /// Whom it belongs to, by the name of its parent.
    pub(super) owners: Owners,
    pub(super) soundness: Soundness,
    /// Its creator, while they are staff by that alone.
    pub(super) creator: Option<UserId>,
    /// Its creator, for ever.
    pub(super) made_by: Option<UserId>,
    pub(super) maker: Maker,
    pub(super) description: Option<Description>,
}

/// What a Membership says.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) roster: Roster,
    /// Whom it belongs to, by the name of its group.
    pub(super) owners: Owners,
    pub(super) crowd: Crowd,
    pub(super) until: Option<Timestamp>,
    pub(super) maker: Maker,
    pub(super) soundness: Soundness,
    /// Whether it says of itself, by its name and an annotation that agree, that it enrols the creator of a group.
    pub(super) enrols: bool,
    /// The user who has put there whoever is in it, if it was one.
    pub(super) author: Option<UserId>,
    /// Whether it says what some of them are called.
    pub(super) names: bool,
}

/// Users, as text or as numbers.
#[derive(Clone, Debug)]
pub(super) enum Crowd {
    Ids(Vec<UserId>),
    /// In order, each once.
    Numbers(Box<[u32]>),
}

/// What a User says.
#[derive(Clone, Debug)]
pub(super) struct Stated {
    pub(super) user: UserId,
    pub(super) standing: Standing,
    pub(super) maker: Maker,
}

/// What SessionRevocations say.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) sessions: Vec<SessionId>,
    pub(super) users: BTreeMap<UserMark, u64>,
    pub(super) until: Timestamp,
    pub(super) maker: Maker,
}
