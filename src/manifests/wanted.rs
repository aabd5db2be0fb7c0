//! What manifests ask of a realm, all of them together.
//!
//! As in Kubernetes, Memberships of one roster add up, the latest end counting, and of several Users about one user the
//! strictest counts. Must not know what the realm holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::domain::change::Ban;
use crate::domain::description::Description;
use crate::domain::group::GroupName;
use crate::domain::membership::{Role, Roster};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::resources::manifest::Manifest;
use crate::resources::membership::MembershipContent;
use crate::resources::object_name::{MAX_OBJECT_NAME, is_object_name};
use crate::resources::{Invalid, group, membership, user};

/// Until when somebody is on a roster; `None` = no end.
pub(super) type End = Option<Timestamp>;

/// All that manifests say.
#[derive(Debug, Default)]
pub struct Wanted {
    /// With the creator, unless a Membership has taken their place already.
    pub(super) groups: BTreeMap<GroupName, Option<UserId>>,
    /// Those of which something is said, and be it that nothing is to be said.
    pub(super) descriptions: BTreeMap<GroupName, Option<Description>>,
    pub(super) rosters: BTreeMap<Roster, BTreeMap<UserId, End>>,
    pub(super) standings: BTreeMap<UserId, Wish>,
    pub(super) objects: Vec<Object>,
    names: HashMap<Named, Place>,
    namespaces: Vec<String>,
}

/// What is asked for of a user's standing; what no manifest says stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) ban: Option<Ban>,
    pub(super) not_before: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct Object {
    pub(super) named: Named,
    pub(super) place: Place,
    pub(super) says: Says,
}

/// What there are objects of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// That a group exists.
    Group,
    /// Who is on a roster.
    Membership,
    /// What is said of a user.
    User,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Group => "Group",
            Self::Membership => "Membership",
            Self::User => "User",
        })
    }
}

/// What an object says.
#[derive(Debug)]
pub(super) enum Says {
    Group(GroupName),
    Membership(MembershipContent),
    User(UserId),
}

/// An object by kind and name, as `group/articles`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Named {
    kind: &'static str,
    name: String,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// Where an object stands, as `groups.yaml: object 3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as people know it.
    pub file: Arc<str>,
    /// Which object of it, from 1.
    pub number: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: object {}", self.file, self.number)
    }
}

/// Why an object cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// It has no name, or one that no object can have.
    #[error(
        "metadata.name is no object's name; a right one has 1 to {MAX_OBJECT_NAME} characters of a-z, 0-9, - and ., \
         such as articles-staff"
    )]
    Name,
    /// Some field is out of its bounds or has another form.
    #[error("{0}: {1}")]
    Field(Named, #[source] Invalid),
    /// An application, of which a file of groups keeps nothing.
    #[error(
        "oauthclient/{0}: applications stand in the settings where groups are kept in a file: there as [[clients]] with id = \"{0}\", \
         the other fields as here and spelled with underscores (redirectUris is redirect_uris there); take this object out"
    )]
    Client(String),
    /// Another object has its kind and name.
    #[error("{0} stands here a second time; the first is {1}")]
    Twice(Named, Place),
}

/// Objects of several namespaces, which are several realms.
#[derive(Debug, thiserror::Error)]
#[error("the objects are of several namespaces, {0}; each is a realm of its own, and this is one")]
pub struct Clash(String);

impl Wanted {
    /// Takes in one more object.
    ///
    /// # Errors
    /// The object is not right, and nothing of it is taken in.
    pub fn add(&mut self, manifest: &Manifest, place: Place) -> Result<(), Wrong> {
        let (kind, metadata) = match manifest {
            Manifest::OAuthClient(object) => ("oauthclient", &object.metadata),
            Manifest::Group(object) => ("group", &object.metadata),
            Manifest::Membership(object) => ("membership", &object.metadata),
            Manifest::User(object) => ("user", &object.metadata),
        };
        let name = metadata.name.as_deref().filter(|name| is_object_name(name));
        let named = Named { kind, name: name.ok_or(Wrong::Name)?.to_owned() };
        if let Some(first) = self.names.get(&named) {
            return Err(Wrong::Twice(named, first.clone()));
        }
        let says = self.take(manifest, &named)?;
        if let Some(namespace) = &metadata.namespace
            && !self.namespaces.contains(namespace)
        {
            self.namespaces.push(namespace.clone());
        }
        self.names.insert(named.clone(), place.clone());
        self.objects.push(Object { named, place, says });
        Ok(())
    }

    fn take(&mut self, manifest: &Manifest, named: &Named) -> Result<Says, Wrong> {
        let wrong = |invalid| Wrong::Field(named.clone(), invalid);
        Ok(match manifest {
            Manifest::OAuthClient(_) => return Err(Wrong::Client(named.name.clone())),
            Manifest::Group(object) => {
                let content = group::parse(object).map_err(wrong)?;
                let creator = content.creator.filter(|_| !group::is_creator_enrolled(object));
                self.groups.insert(content.group.clone(), creator);
                if object.spec.description.is_some() {
                    self.descriptions.insert(content.group.clone(), content.description);
                }
                Says::Group(content.group)
            }
            Manifest::Membership(object) => {
                let content = membership::parse(object).map_err(wrong)?;
                let roster = self.rosters.entry(content.roster.clone()).or_default();
                for user in &content.users {
                    let end = roster.entry(user.clone()).or_insert(content.expires_at);
                    *end = later(*end, content.expires_at);
                }
                Says::Membership(content)
            }
            Manifest::User(object) => {
                let content = user::parse(object).map_err(wrong)?;
                let wish = self.standings.entry(content.user.clone()).or_default();
                match object.spec.banned {
                    Some(true) => wish.ban = Some(Ban::Impose),
                    Some(false) => wish.ban = wish.ban.or(Some(Ban::Lift)),
                    None => {}
                }
                wish.not_before = wish.not_before.max(content.standing.not_before);
                Says::User(content.user)
            }
        })
    }

    /// Whether any object is a Group, a Membership, a User: of other kinds nothing is said, not that there be none.
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.objects.iter().any(|object| match object.says {
            Says::Group(_) => kind == Kind::Group,
            Says::Membership(_) => kind == Kind::Membership,
            Says::User(_) => kind == Kind::User,
        })
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The one namespace that objects name, if any does.
    ///
    /// # Errors
    /// They name several.
    pub fn namespace(&self) -> Result<Option<&str>, Clash> {
        match self.namespaces.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            several => Err(Clash(several.join(", ").escape_debug().to_string())),
        }
    }

    /// Whom something is said about, in order, each once.
    #[must_use]
    pub fn users(&self) -> BTreeSet<&UserId> {
        let members = self.rosters.values().flat_map(BTreeMap::keys);
        let creators = self.groups.values().flatten();
        members.chain(creators).chain(self.standings.keys()).collect()
    }

    /// Whether a user is the creator of a group, and so may be its staff without a Membership that says it.
    pub(super) fn is_creator(&self, roster: &Roster, user: &UserId) -> bool {
        let group = roster.group().filter(|_| roster.role() == Role::Staff);
        group.is_some_and(|group| self.groups.get(group).and_then(Option::as_ref) == Some(user))
    }
}

/// The later of two ends.
pub(super) fn later(one: End, two: End) -> End {
    one.zip(two).map(|(one, two)| one.max(two))
}

#[cfg(test)]
mod tests;
