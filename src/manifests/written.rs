//! What a realm holds, as manifests: the same realm always gives the same ones.
//!
//! The names of Memberships follow from the roster and the end: `admin`, `admin.staff`, `staff` for the root staff,
//! `on--call---until-2027-01-31t00-00-00z`, and with a number from the second on, `admin---2`. No group's name has three
//! dashes in a row, and none of its segments is `staff`, so that no two meet. Must not know where they are written to.

use sha2::{Digest, Sha256};

use super::wanted::End;
use crate::domain::description::Description;
use crate::domain::group::GroupName;
use crate::domain::membership::Roster;
use crate::domain::user::UserId;
use crate::resources::group::GroupContent;
use crate::resources::labels_annotations::{MANAGED_BY, PASEE};
use crate::resources::membership::{
    MAX_SERVICE_ACCOUNTS, MAX_USERS, MembershipSpec, ServiceAccount,
};
use crate::resources::object_name::{MAX_OBJECT_NAME, ObjectName, is_object_name};
use crate::resources::user::UserContent;
use crate::resources::{Group, Membership, User, group, rfc3339, user as user_resource};

/// What parts a name from what is added to it.
const ADDED: &str = "---";
/// Bytes of the hash in the name of what cannot be called as it is.
const HASH: usize = 16;
/// Most text in the users of one Membership, in bytes of JSON: `kubectl apply` keeps a copy of the object in an
/// annotation, and those have at most 256 KiB together.
const MAX_TEXT: usize = 200 << 10;

/// Who is to change the objects once they are in Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Whoever applies manifests.
    Manifests,
    /// Pasee, when it is asked to over HTTP.
    Pasee,
}

impl Keeper {
    fn sign<K: kube::Resource>(self, object: &mut K) {
        if self == Self::Pasee {
            let label = (MANAGED_BY.to_owned(), PASEE.to_owned());
            object.meta_mut().labels = Some([label].into());
        }
    }
}

/// A Group, which says nothing of its creator.
#[must_use]
pub fn group(name: &GroupName, description: Option<&Description>) -> Group {
    let (group, description) = (name.clone(), description.cloned());
    group::write(&GroupContent { group, creator: None, description })
}

/// Memberships of one roster that is read user by user, those without an end first, then by end.
#[derive(Debug)]
pub struct Filling {
    roster: Roster,
    keeper: Keeper,
    group: Option<ObjectName>,
    until: End,
    part: usize,
    users: Vec<String>,
    accounts: Vec<ServiceAccount>,
    text: usize,
}

impl Filling {
    /// Nobody yet.
    #[must_use]
    pub fn new(roster: Roster, keeper: Keeper) -> Self {
        Self {
            group: roster.group().map(ObjectName::from),
            roster,
            keeper,
            until: None,
            part: 1,
            users: Vec::new(),
            accounts: Vec::new(),
            text: 0,
        }
    }

    /// One more user; gives the Membership that is full by now, if one is.
    pub fn add(&mut self, user: &UserId, until: End) -> Option<Membership> {
        // Those that Pasee is to change have users only: it takes no service account out of the other list.
        let account = match self.keeper {
            Keeper::Manifests => ServiceAccount::of(user),
            Keeper::Pasee => None,
        };
        let is_full = match account {
            Some(_) => self.accounts.len() == MAX_SERVICE_ACCOUNTS,
            None => self.users.len() == MAX_USERS,
        };
        let text = length_in_json(user.as_str());
        let full = if self.until != until {
            let full = self.finish();
            (self.until, self.part) = (until, 1);
            full
        } else if is_full || self.text + text > MAX_TEXT {
            self.finish()
        } else {
            None
        };
        self.text += text;
        match account {
            Some(account) => self.accounts.push(account),
            None => self.users.push(user.to_string()),
        }
        full
    }

    /// The Membership of those that were added since the last one; `None` when nobody was.
    pub fn finish(&mut self) -> Option<Membership> {
        if self.users.is_empty() && self.accounts.is_empty() {
            return None;
        }
        let spec = MembershipSpec {
            group: self.group.as_ref().map(ToString::to_string),
            role: self.roster.role().into(),
            users: std::mem::take(&mut self.users),
            service_accounts: std::mem::take(&mut self.accounts),
            expires_at: self.until.map(rfc3339::write),
        };
        let mut name = self.roster.to_string().replace('_', "--");
        if let Some(until) = self.until {
            let until = rfc3339::write(until).to_ascii_lowercase().replace(':', "-");
            name = format!("{name}{ADDED}until-{until}");
        }
        if self.part > 1 {
            name = format!("{name}{ADDED}{}", self.part);
        }
        self.part += 1;
        self.text = 0;
        let mut membership = Membership::new(&fitting(name), spec);
        self.keeper.sign(&mut membership);
        Some(membership)
    }
}

/// The User that says something about a user.
#[must_use]
pub fn user(content: &UserContent, keeper: Keeper) -> User {
    let id = content.user.as_str();
    // A name with an addition is never taken as it is: it might be the one that stands for another user.
    let name = if is_object_name(id) && !id.contains(ADDED) {
        id.to_owned()
    } else {
        hashed(&id.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"), id)
    };
    let mut user = user_resource::write(&name, content);
    keeper.sign(&mut user);
    user
}

/// The name, or if it is too long for an object, its start and a hash of all of it.
fn fitting(name: String) -> String {
    if name.len() <= MAX_OBJECT_NAME { name } else { hashed(&name, &name) }
}

/// A readable start, as far as there is room, and a hash of what is meant.
fn hashed(start: &str, meant: &str) -> String {
    let digest = Sha256::digest(meant.as_bytes());
    let hash: String = digest.iter().take(HASH).map(|byte| format!("{byte:02x}")).collect();
    let room = MAX_OBJECT_NAME - ADDED.len() - hash.len();
    let start: String = start.trim_start_matches('-').chars().take(room).collect();
    match start.trim_end_matches(['-', '.']) {
        "" => format!("user{ADDED}{hash}"),
        start => format!("{start}{ADDED}{hash}"),
    }
}

/// How long a text is in JSON as Go writes it.
fn length_in_json(text: &str) -> usize {
    let of_one = |c| match c {
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
        '"' | '\\' => 2,
        c => c.len_utf8(),
    };
    text.chars().map(of_one).sum::<usize>() + "\"\",".len()
}

#[cfg(test)]
mod tests;
