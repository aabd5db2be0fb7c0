//! What User objects say: several may be about one user, and the strictest counts.

use super::{State, Telling};
use crate::domain::directory::Standing;
use crate::domain::user::UserId;
use crate::index::Update;
use crate::objects::effect::strictest;
use crate::store::kubernetes::object::{Maker, Name, Stated};

/// A User object.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) uid: Name,
    stated: Stated,
}

impl State {
    /// What all objects together say of a user: banned if one says so, and the latest revocation.
    pub(in crate::store::kubernetes) fn standing(&self, user: &UserId) -> Standing {
        strictest(self.statements_about(user).map(|(_, stated)| stated.standing))
    }

    /// The User object about a user that this program made, and what it says.
    pub(in crate::store::kubernetes) fn own_statement(
        &self,
        user: &UserId,
    ) -> Option<(&Name, Standing)> {
        self.statements_about(user)
            .find(|(_, stated)| stated.maker == Maker::Pasee)
            .map(|(name, stated)| (name, stated.standing))
    }

    /// The User objects of this program that ban a user.
    pub(in crate::store::kubernetes) fn own_bans(&self, user: &UserId) -> Vec<Name> {
        let own = |stated: &Stated| stated.maker == Maker::Pasee && stated.standing.banned;
        let bans = self.statements_about(user).filter(|(_, stated)| own(stated));
        bans.map(|(name, _)| name.clone()).collect()
    }

    /// Somebody else's User object that bans a user.
    pub(in crate::store::kubernetes) fn foreign_ban(&self, user: &UserId) -> Option<&Name> {
        self.statements_about(user)
            .find(|(_, stated)| stated.maker == Maker::Other && stated.standing.banned)
            .map(|(name, _)| name)
    }

    fn statements_about(&self, user: &UserId) -> impl Iterator<Item = (&Name, &Stated)> {
        let names = self.about.get(user).into_iter().flatten();
        names.filter_map(|name| Some((name, &self.statements.get(name)?.stated)))
    }

    pub(super) fn put_statement(
        &mut self,
        name: Name,
        uid: Name,
        stated: Stated,
        out: &mut Vec<Update>,
    ) {
        // Of another user, if the object was made anew.
        let other = self.statements.get(&name).map(|old| old.stated.user.clone());
        if other.is_some_and(|other| other != stated.user) {
            self.take_statement(&name, out);
        }
        let user = stated.user.clone();
        let before = self.standing(&user);
        if self.statements.insert(name.clone(), Statement { uid, stated }).is_none() {
            self.about.entry(user.clone()).or_default().push(name);
        }
        self.tell_standing(user, before, out);
    }

    pub(super) fn take_statement(&mut self, name: &str, out: &mut Vec<Update>) {
        let Some(Statement { stated, .. }) = self.statements.get(name) else { return };
        let user = stated.user.clone();
        let before = self.standing(&user);
        self.statements.remove(name);
        if let Some(names) = self.about.get_mut(&user) {
            names.retain(|other| &**other != name);
            if names.is_empty() {
                self.about.remove(&user);
            }
        }
        self.tell_standing(user, before, out);
    }

    fn tell_standing(&self, user: UserId, before: Standing, out: &mut Vec<Update>) {
        let standing = self.standing(&user);
        if standing != before && self.telling == Telling::Now {
            out.push(Update::Stands { user, standing });
        }
    }
}
