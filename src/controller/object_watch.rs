//! The watch of objects that feeds the controller: keeps the [`Cache`] and the stores up to date, and queues the objects
//! that a change concerns, in this order. What is told comes from `told`; what is to be looked at waits in a `queue` of its kind.
//!
//! One task takes in everything, so a queued object is never looked at with facts older than what queued it. Nothing is
//! queued before all kinds are known: what is not there yet would be taken for missing. Must not know what is done about
//! an object.

mod queue;
mod told;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{StreamExt, select_all};
use kube::runtime::watcher::Event;
use kube::{Client, ResourceExt};

pub use self::queue::Queue;
use self::queue::QueueSender;
use self::told::{Readable, Told, is_away, watch};
use super::cache::{Cache, CachedGroup, CachedMembership, Concerned};
use super::sweep::{Came, ClientCame, Recent, Seen};
use crate::cluster::Outage;
use crate::domain::provider::CLIENTS;
use crate::objects::client::Beside;
use crate::resources::{
    Group, GroupSpec, Membership, MembershipSpec, OAuthClient, OAuthClientSpec, User, UserSpec,
};

/// Who asks, in the log.
const WHO: &str = "watching";

/// The cache, as the watch and the reconcilers share it.
#[derive(Clone, Debug, Default)]
pub struct SharedCache(Arc<Mutex<Cache>>);

impl SharedCache {
    /// An empty one that judges users and clients by what servers have said.
    #[must_use]
    pub fn knowing(beside: Option<Beside>) -> Self {
        Self(Arc::new(Mutex::new(Cache::knowing(beside))))
    }

    /// The cache, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Cache> {
        // A panic under the lock would be a defect that must not take the rest down with it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue of each kind.
pub struct Queues {
    /// Of Groups.
    pub groups: Queue<Group>,
    /// Of Memberships.
    pub memberships: Queue<Membership>,
    /// Of Users.
    pub users: Queue<User>,
    /// Of OAuthClients.
    pub clients: Queue<OAuthClient>,
}

/// Watches a realm.
pub struct ObjectWatch {
    cache: SharedCache,
    groups: QueueSender<Group>,
    memberships: QueueSender<Membership>,
    users: QueueSender<User>,
    clients: QueueSender<OAuthClient>,
    arriving_groups: BTreeMap<String, CachedGroup>,
    arriving_memberships: HashMap<String, CachedMembership>,
    recent: Option<Recent>,
}

impl ObjectWatch {
    /// A watch, and the queues that it fills.
    #[must_use]
    pub fn new(namespace: &str, cache: SharedCache) -> (Self, Queues) {
        let (groups, of_groups) = QueueSender::new(namespace);
        let (memberships, of_memberships) = QueueSender::new(namespace);
        let (users, of_users) = QueueSender::new(namespace);
        let (clients, of_clients) = QueueSender::new(namespace);
        let (arriving_groups, arriving_memberships) = (BTreeMap::new(), HashMap::new());
        let watch = Self {
            cache,
            groups,
            memberships,
            users,
            clients,
            arriving_groups,
            arriving_memberships,
            recent: None,
        };
        let queues = Queues {
            groups: of_groups,
            memberships: of_memberships,
            users: of_users,
            clients: of_clients,
        };
        (watch, queues)
    }

    /// Tells of what was just written, too.
    #[must_use]
    pub(super) fn telling(mut self, recent: Recent) -> Self {
        self.recent = Some(recent);
        self
    }

    /// Watches; faults are logged and waited out. Ends when the API server comes back that was away, as another state may be
    /// behind it by then, and everything is to be read anew.
    pub async fn run(mut self, client: &Client, outage: &Outage) {
        let namespace = self.groups.namespace().to_owned();
        let mut told = select_all([
            watch(client, &namespace, || Group::new("", GroupSpec::default()), Told::Group),
            watch(
                client,
                &namespace,
                || Membership::new("", MembershipSpec::default()),
                Told::Membership,
            ),
            watch(client, &namespace, || User::new("", UserSpec::default()), Told::User),
            watch(
                client,
                &namespace,
                || OAuthClient::new("", OAuthClientSpec::default()),
                Told::OAuthClient,
            ),
        ]);
        let mut was_away = false;
        while let Some(told) = told.next().await {
            match told {
                Ok(_) if was_away => return outage.over(WHO),
                Ok(told) => {
                    outage.over(WHO);
                    self.hear(told);
                }
                Err(error) => {
                    was_away |= is_away(&error);
                    outage.met(WHO, &error);
                }
            }
        }
    }

    fn hear(&mut self, told: Told) {
        let was_complete = self.is_complete();
        let is_listed = matches!(
            told,
            Told::Group(Event::InitDone, _)
                | Told::Membership(Event::InitDone, _)
                | Told::User(Event::InitDone, _)
        );
        let (concerned, user) = match told {
            Told::Group(event, readable) => (self.hear_group(event, &readable), None),
            Told::Membership(event, readable) => (self.hear_membership(event, &readable), None),
            Told::User(event, readable) => (Concerned::default(), self.hear_user(event, &readable)),
            Told::OAuthClient(event, readable) => {
                self.hear_client(event, &readable);
                (Concerned::default(), None)
            }
        };
        if !self.is_complete() {
            return;
        }
        if is_listed {
            tracing::info!(is_first = !was_complete, "the realm is known");
            self.queue_everything();
        }
        concerned.groups.iter().for_each(|name| self.groups.queue(name));
        concerned.memberships.iter().for_each(|name| self.memberships.queue(name));
        user.iter().for_each(|name| self.users.queue(name));
    }

    fn hear_group(&mut self, event: Event<Group>, readable: &Readable) -> Concerned {
        let mut cache = self.cache.lock();
        let facts_of = |cache: &Cache, object: &Group| {
            let mut facts = cache.read_group(object);
            facts.content = readable.and(facts.content);
            facts
        };
        if let Some(recent) = &mut self.recent {
            match &event {
                Event::InitApply(group) => recent.group(group, Seen::Listed),
                Event::Apply(group) => recent.group(group, Seen::News),
                Event::Delete(_) => recent.group_gone(),
                Event::Init | Event::InitDone => {}
            }
        }
        let concerned = match &event {
            Event::Init => {
                self.arriving_groups.clear();
                Concerned::default()
            }
            Event::InitApply(group) => {
                self.arriving_groups.insert(group.name_any(), facts_of(&cache, group));
                Concerned::default()
            }
            Event::InitDone => {
                cache.replace_groups(std::mem::take(&mut self.arriving_groups));
                Concerned::default()
            }
            Event::Apply(group) => {
                let facts = facts_of(&cache, group);
                cache.put_group(&group.name_any(), Some(facts))
            }
            Event::Delete(group) => cache.put_group(&group.name_any(), None),
        };
        drop(cache);
        self.groups.take_in(&event);
        concerned
    }

    fn hear_membership(&mut self, event: Event<Membership>, readable: &Readable) -> Concerned {
        let mut cache = self.cache.lock();
        let facts_of = |cache: &Cache, object: &Membership| {
            let mut facts = cache.read_membership(object);
            facts.content = readable.and(facts.content);
            facts
        };
        if let Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) = &event {
            cache.hear(object.metadata.resource_version.as_deref());
        }
        if let Some(recent) = &mut self.recent {
            match &event {
                Event::InitApply(object) => recent.membership(object, Came::Listed),
                Event::Apply(object) => {
                    let came = cache.difference(object).map_or(Came::Made, |difference| {
                        let version = self.memberships.version(&object.name_any());
                        Came::Changed { difference, version }
                    });
                    recent.membership(object, came);
                }
                Event::Delete(object) => recent.membership_gone(object),
                Event::Init | Event::InitDone => {}
            }
        }
        let concerned = match &event {
            Event::Init => {
                self.arriving_memberships.clear();
                Concerned::default()
            }
            Event::InitApply(object) => {
                let facts = facts_of(&cache, object);
                self.arriving_memberships.insert(object.name_any(), facts);
                Concerned::default()
            }
            Event::InitDone => {
                cache.replace_memberships(std::mem::take(&mut self.arriving_memberships));
                Concerned::default()
            }
            Event::Apply(object) => {
                let facts = facts_of(&cache, object);
                cache.put_membership(&object.name_any(), Some(facts))
            }
            Event::Delete(object) => cache.put_membership(&object.name_any(), None),
        };
        drop(cache);
        // The cache has what they say, in far fewer bytes.
        self.memberships.take_in(&event.modify(|object| {
            object.spec.users = Vec::new();
            object.spec.service_accounts = Vec::new();
        }));
        concerned
    }

    fn hear_user(&mut self, event: Event<User>, readable: &Readable) -> Option<String> {
        if let (Some(recent), Event::Apply(user)) = (&mut self.recent, &event) {
            recent.user(user);
        }
        match &event {
            Event::Apply(user) | Event::InitApply(user) => {
                self.cache.lock().put_user(&user.name_any(), readable);
            }
            Event::Delete(user) => self.cache.lock().put_user(&user.name_any(), &Ok(())),
            Event::Init | Event::InitDone => {}
        }
        self.users.take_in(&event);
        match &event {
            Event::Apply(user) => Some(user.name_any()),
            Event::Init | Event::InitApply(_) | Event::InitDone | Event::Delete(_) => None,
        }
    }

    /// On these nothing else waits: a cluster that was set up for a former Pasee does not know them.
    fn hear_client(&mut self, event: Event<OAuthClient>, readable: &Readable) {
        if let Some(recent) = &mut self.recent {
            match &event {
                Event::InitApply(client) => recent.client(client, ClientCame::Listed),
                Event::Apply(client) => {
                    let is_there = self.cache.lock().client(&client.name_any()).is_some();
                    let version = self.clients.version(&client.name_any());
                    let came =
                        if is_there { ClientCame::Changed(version) } else { ClientCame::Made };
                    recent.client(client, came);
                }
                Event::Init | Event::InitDone | Event::Delete(_) => {}
            }
        }
        let (queued, new) = match &event {
            Event::Apply(client) | Event::InitApply(client) => {
                let name = client.name_any();
                let mut cache = self.cache.lock();
                let is_new = cache.client(&name).is_none();
                cache.put_client(client, readable);
                (Some(name.clone()), Some(name).filter(|_| is_new))
            }
            Event::Delete(client) => {
                let name = client.name_any();
                self.cache.lock().drop_client(&name);
                (None, Some(name))
            }
            Event::Init | Event::InitDone => (None, None),
        };
        let is_listed = matches!(event, Event::InitDone);
        // The cache has what becomes of them, in far fewer bytes.
        self.clients.take_in(&event.modify(|object| object.spec = OAuthClientSpec::default()));
        if is_listed {
            let clients = self.clients.objects();
            let names: BTreeSet<String> = clients.iter().map(|client| client.name_any()).collect();
            names.iter().for_each(|name| self.clients.queue(name));
            self.cache.lock().keep_clients(&names);
            self.queue_naming(None);
        } else if self.clients.is_listed() {
            queued.iter().for_each(|name| self.clients.queue(name));
            new.iter().for_each(|name| self.queue_naming(Some(name)));
        }
    }

    /// Queues what names a client that has come or gone, or any.
    fn queue_naming(&self, client: Option<&str>) {
        if !self.is_complete() {
            return;
        }
        let memberships = self.cache.lock().naming(client);
        memberships.iter().for_each(|name| self.memberships.queue(name));
        let is_named = |user: &&Arc<User>| match user.spec.username.split_once('-') {
            Some((CLIENTS, id)) => client.is_none_or(|client| client == id),
            _ => false,
        };
        let users = self.users.objects();
        users.iter().filter(is_named).for_each(|user| self.users.queue(&user.name_any()));
    }

    fn is_complete(&self) -> bool {
        self.groups.is_listed() && self.memberships.is_listed() && self.users.is_listed()
    }

    fn queue_everything(&self) {
        let Concerned { groups, memberships } = self.cache.lock().everything();
        groups.iter().for_each(|name| self.groups.queue(name));
        memberships.iter().for_each(|name| self.memberships.queue(name));
        let users = self.users.objects();
        users.iter().for_each(|user| self.users.queue(&user.name_any()));
    }
}

#[cfg(test)]
pub(crate) mod tests;
