//! The state in memory: a compact [`Directory`] that stores feed with updates.
//!
//! Users and groups are numbers, a membership is eight bytes at its user and four at its roster. What a user is in is
//! found through the user, however large the realm is; pages are found by searching sorted lists. Readers wait for
//! writers no longer than one batch of updates or one slice of sweeping takes. Must not know where updates come from,
//! nor read a clock.
//!
//! | File | Owns |
//! |---|---|
//! | `contents` | the state as numbers, and the updates it takes |
//! | `clients` | applications, apart from all that |
//! | `users` | users as numbers |
//! | `groups` | groups as a tree of slots |
//! | `edge` | a membership in eight bytes |
//! | `run` | a sorted list that is cheap to change in the middle |

mod clients;
mod contents;
mod edge;
mod groups;
mod run;
mod users;

use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use contents::{Contents, Sweep, Update};

use crate::domain::client::Client;
use crate::domain::description::Description;
use crate::domain::directory::{Directory, Hearing, Page, Record};
use crate::domain::group::GroupName;
use crate::domain::membership::Roster;
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;

/// Memberships and groups swept in one go: far below a millisecond.
const SLICE: usize = 200;

/// The state as it is now.
#[derive(Debug, Default)]
pub struct Index {
    contents: RwLock<Contents>,
    clients: clients::Clients,
    /// Called while the contents are locked, so that what is heard last is so.
    hearing: OnceLock<Hearing>,
}

impl Index {
    /// An index that starts with these contents.
    #[must_use]
    pub fn new(contents: Contents) -> Self {
        Self { contents: RwLock::new(contents), ..Self::default() }
    }

    /// Takes in facts; readers see all of them or none.
    pub fn apply(&self, updates: &[Update]) {
        if updates.is_empty() {
            return;
        }
        let mut contents = self.write();
        let Some(hearing) = self.hearing.get() else {
            return updates.iter().for_each(|update| contents.apply(update));
        };
        let mut endings = Vec::new();
        for update in updates {
            endings.extend(contents.ending(update));
            contents.apply(update);
        }
        hearing.hear(&endings);
    }

    /// Puts other contents in place of all there is; readers see the old or the new.
    pub fn replace(&self, contents: Contents) {
        let mut locked = self.write();
        let old = std::mem::replace(&mut *locked, contents);
        if let Some(hearing) = self.hearing.get() {
            hearing.hear(&locked.endings_since(&old));
        }
        drop(locked);
        drop(old); // long, and not under the lock
    }

    /// A client is written down so now.
    pub fn put_client(&self, client: Client) {
        self.clients.put(client);
    }

    /// A client is not written down any more.
    pub fn take_client(&self, id: &str) {
        self.clients.take(id);
    }

    /// Puts other clients in place of all there are.
    pub fn replace_clients(&self, clients: Vec<Client>) {
        self.clients.replace(clients);
    }

    /// Frees one slice of what deleted groups took up. To be called until it is done, with a pause after each slice:
    /// readers that wait get their turn then.
    pub fn sweep(&self) -> Sweep {
        self.write().sweep(SLICE)
    }

    // A panic under the lock cannot happen in what readers do, and a writer's would be a defect that must not take
    // reading down with it: the poison is ignored.
    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Contents> {
        self.contents.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directory for Index {
    fn record(&self, user: &UserId, now: Timestamp) -> Record {
        let mut record = self.read().record(user, now);
        record.holdings.sort_unstable_by(|one, two| one.roster.cmp(&two.roster));
        record
    }

    fn has_ended(&self, session: SessionId) -> bool {
        self.read().has_ended(session)
    }

    fn has_group(&self, group: &GroupName) -> bool {
        self.read().has_group(group)
    }

    fn description(&self, group: &GroupName) -> Option<Description> {
        self.read().description(group)
    }

    fn rosters(&self, page: Page<'_, Roster>) -> Vec<Roster> {
        self.read().rosters(page)
    }

    fn members(
        &self,
        roster: &Roster,
        page: Page<'_, UserId>,
        now: Timestamp,
    ) -> Option<Vec<UserId>> {
        self.read().members(roster, page, now)
    }

    fn until(&self, user: &UserId, roster: &Roster, now: Timestamp) -> Option<Option<Timestamp>> {
        self.read().until(user, roster, now)
    }

    fn users(&self, page: Page<'_, UserId>, now: Timestamp) -> Vec<UserId> {
        self.read().users(page, now)
    }

    fn client(&self, id: &str) -> Option<Arc<Client>> {
        self.clients.get(id)
    }

    fn clients(&self) -> Vec<Arc<Client>> {
        self.clients.all()
    }

    fn tell_of_endings(&self, hearing: Hearing) {
        let contents = self.write();
        if self.hearing.set(hearing).is_ok()
            && let Some(hearing) = self.hearing.get()
        {
            hearing.hear(&contents.endings_since(&Contents::default()));
        }
    }
}

#[cfg(test)]
mod tests;
