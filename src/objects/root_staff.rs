//! Who is on the root staff, by the Memberships that say so, and who would be after something of that was lost.
//!
//! Must not know how objects were read, who is banned, nor who may take what from whom.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::effect::{Container, Soundness, has_ended, is_in_effect};
use super::owner::Owners;
use crate::domain::membership::Roster;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::resources::membership::{self, MembershipContent};
use crate::resources::{Membership, User, user};

/// The Memberships of the root staff, by their names.
#[derive(Debug, Default)]
pub struct RootStaff(BTreeMap<String, Places>);

/// What one of them says.
#[derive(Debug)]
struct Places {
    version: String,
    users: Vec<UserId>,
    expires_at: Option<Timestamp>,
}

/// What users are about to lose: their places on the root staff, or the time or the standing that makes something of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Of one user, whatever says that they are there.
    Of(UserId),
    /// Of users of one Membership, which is to be otherwise.
    In {
        /// Its name.
        membership: String,
        /// The version of it that they lose.
        version: String,
        /// Who.
        users: Vec<UserId>,
        /// What it is to say; `None` when it is to go.
        after: Option<MembershipContent>,
    },
}

impl Loss {
    /// What is lost when a Membership becomes another, or goes; `None` where nobody loses anything on the root staff.
    #[must_use]
    pub fn between(before: &Membership, after: Option<&Membership>) -> Option<Self> {
        let content = |object: &Membership| {
            let content = membership::understand(object).ok()?.content;
            Some(content).filter(|content| content.roster == Roster::RootStaff)
        };
        let old = content(before)?;
        // What is given an owner goes with it, or at once if there is none.
        let stays = |after: &&Membership| before.owner_references() == after.owner_references();
        let after = after.filter(stays).and_then(content);
        let is_less = |new: &MembershipContent| match (old.expires_at, new.expires_at) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(old), Some(new)) => new < old,
        };
        let loses = |user: &&UserId| {
            after.as_ref().is_none_or(|after| !after.users.contains(user) || is_less(after))
        };
        let users: Vec<UserId> = old.users.iter().filter(loses).cloned().collect();
        (!users.is_empty()).then(|| Self::In {
            membership: before.name_any(),
            version: before.resource_version().unwrap_or_default(),
            users,
            after,
        })
    }

    /// What is lost by what a User says, who said something else before or was not there.
    #[must_use]
    pub fn by(before: Option<&User>, after: &User) -> Option<Self> {
        let banned = |object: &User| {
            let content = user::parse(object).ok().filter(|content| content.standing.banned);
            content.map(|content| content.user)
        };
        let (old, new) = (before.and_then(banned), banned(after));
        new.filter(|new| old.as_ref() != Some(new)).map(Self::Of)
    }

    /// Who loses something.
    #[must_use]
    pub fn users(&self) -> &[UserId] {
        match self {
            Self::Of(user) => std::slice::from_ref(user),
            Self::In { users, .. } => users,
        }
    }
}

impl RootStaff {
    /// Takes a Membership in, if it is one of the root staff's.
    pub fn add(&mut self, object: &Membership) {
        let content = membership::understand(object).map(|understood| understood.content);
        let is_leaving = object.metadata.deletion_timestamp.is_some();
        let owners = Owners::of(object.owner_references(), "");
        let above = Container::Nothing.above(&owners);
        let is_in_effect = is_in_effect(Soundness::of(&content, is_leaving), above);
        let content = content.ok().filter(|content| content.roster == Roster::RootStaff);
        if let Some(MembershipContent { users, expires_at, .. }) = content.filter(|_| is_in_effect)
        {
            let version = object.resource_version().unwrap_or_default();
            self.0.insert(object.name_any(), Places { version, users, expires_at });
        }
    }

    /// The version of a Membership that counts.
    #[must_use]
    pub fn version(&self, membership: &str) -> Option<&str> {
        self.0.get(membership).map(|places| &*places.version)
    }

    /// Whether a user is on the root staff now.
    #[must_use]
    pub fn has(&self, user: &UserId, now: Timestamp) -> bool {
        let mut places = self.0.values();
        places.any(|places| places.users.contains(user) && !has_ended(places.expires_at, now))
    }

    /// Who would be on the root staff after a loss, each until the latest of their ends.
    #[must_use]
    pub fn after<'a>(&'a self, loss: &'a Loss) -> BTreeMap<&'a UserId, Option<Timestamp>> {
        let (replaced, whoever, places) = match loss {
            Loss::Of(user) => (None, Some(user), None),
            Loss::In { membership, after, .. } => (Some(membership), None, after.as_ref()),
        };
        let others = self.0.iter().filter(|(name, _)| Some(*name) != replaced);
        let others = others.map(|(_, places)| (&places.users, places.expires_at));
        let all = others.chain(places.map(|content| (&content.users, content.expires_at)));
        let mut ends: BTreeMap<&'a UserId, Option<Timestamp>> = BTreeMap::new();
        for (users, end) in all {
            for user in users.iter().filter(|user| Some(*user) != whoever) {
                let latest = |known: &mut Option<Timestamp>| {
                    *known = known.zip(end).map(|(one, other)| one.max(other));
                };
                ends.entry(user).and_modify(latest).or_insert(end);
            }
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::user::{UserContent, write};

    fn object(name: &str, users: &[&str], end: Option<i64>) -> Membership {
        let content = MembershipContent {
            roster: Roster::RootStaff,
            users: users.iter().map(|user| user.parse().unwrap()).collect(),
            expires_at: end.map(|end| Timestamp::from_unix(end).unwrap()),
        };
        let mut object = membership::write(name, &content).unwrap();
        object.metadata.resource_version = Some("7".to_owned());
        object
    }

    fn losers(before: &Membership, after: Option<&Membership>) -> Vec<String> {
        let loss = Loss::between(before, after);
        loss.iter().flat_map(Loss::users).map(ToString::to_string).collect()
    }

    #[test]
    fn whoever_has_less_than_before_loses() {
        let both = object("m", &["k-ada", "k-bob"], None);
        assert_eq!(losers(&both, None), ["k-ada", "k-bob"]);
        assert_eq!(losers(&both, Some(&object("m", &["k-bob"], None))), ["k-ada"]);
        assert_eq!(losers(&both, Some(&object("m", &["k-bob", "k-ada", "k-x"], None))), [""; 0]);
        assert_eq!(losers(&both, Some(&object("m", &["k-bob", "k-ada"], Some(9)))).len(), 2);
        let (soon, later) = (object("m", &["k-ada"], Some(8)), object("m", &["k-ada"], Some(9)));
        assert_eq!(losers(&soon, Some(&later)), [""; 0]);
        assert_eq!(losers(&soon, Some(&soon)), [""; 0], "nothing was to be otherwise");
        assert_eq!(losers(&later, Some(&soon)), ["k-ada"]);
        let mut owned = both.clone();
        let owner = super::super::owner::Owner { name: "g".to_owned(), uid: "u".to_owned() };
        owned.metadata.owner_references = Some(vec![owner.reference()]);
        assert_eq!(losers(&both, Some(&owned)).len(), 2, "the garbage collector takes it");
        let mut elsewhere = both.clone();
        elsewhere.spec.group = Some("g".to_owned());
        assert_eq!(losers(&elsewhere, None), [""; 0], "of the root staff alone");
    }

    #[test]
    fn bans_are_losses() {
        let user = |id: &str, banned| {
            let mut content = UserContent { user: id.parse().unwrap(), standing: <_>::default() };
            content.standing.banned = banned;
            write("u", &content)
        };
        let (ada, banned) = (user("k-ada", false), user("k-ada", true));
        let loss = Some(Loss::Of("k-ada".parse().unwrap()));
        assert_eq!(Loss::by(None, &banned), loss);
        assert_eq!(Loss::by(Some(&ada), &banned), loss);
        assert_eq!(Loss::by(Some(&user("k-bob", true)), &banned), loss);
        assert_eq!(Loss::by(Some(&banned), &banned), None);
        assert_eq!(Loss::by(Some(&banned), &ada), None);
    }

    #[test]
    fn what_is_left_counts() {
        let mut staff = RootStaff::default();
        staff.add(&object("one", &["k-ada", "k-bob"], Some(9)));
        staff.add(&object("two", &["k-ada"], None));
        let moment = |second| Timestamp::from_unix(second).unwrap();
        let after = |loss: &Loss| -> Vec<String> {
            let end = |end: Option<Timestamp>| end.map_or(0, Timestamp::as_unix);
            let all = staff.after(loss);
            all.into_iter().map(|(user, until)| format!("{user} {}", end(until))).collect()
        };
        assert_eq!(after(&Loss::Of("k-bob".parse().unwrap())), ["k-ada 0"]);
        assert_eq!(after(&Loss::Of("k-ada".parse().unwrap())), ["k-bob 9"]);
        let gone = |name: &str| Loss::between(&object(name, &["k-ada"], None), None).unwrap();
        assert_eq!(after(&gone("two")), ["k-ada 9", "k-bob 9"]);
        assert_eq!(after(&gone("one")), ["k-ada 0"]);
        let user = |id: &str| id.parse::<UserId>().unwrap();
        assert!(staff.has(&user("k-bob"), moment(8)) && !staff.has(&user("k-bob"), moment(9)));
        assert_eq!(staff.version("two"), Some("7"));
    }
}
