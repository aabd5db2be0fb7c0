//! The watch of objects that feeds the controller: keeps the [`Cache`] and the stores up to date, and queues the objects
//! that a change concerns, in this order.
//!
//! One task takes in everything, so a queued object is never looked at with facts older than what queued it. Nothing is
//! queued before all kinds are known: what is not there yet would be taken for missing. Must not know what is done about
//! an object.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::stream::{BoxStream, StreamExt, select_all};
use k8s_openapi::NamespaceResourceScope;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store, store};
use kube::runtime::watcher::{Config, Error, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cache::{Cache, CachedGroup, CachedMembership, Concerned};
use super::sweep::{Came, ClientCame, Recent, Seen};
use crate::cluster::Outage;
use crate::domain::provider::CLIENTS;
use crate::objects::client::Beside;
use crate::resources::{
    Group, GroupSpec, Invalid, Membership, MembershipSpec, OAuthClient, OAuthClientSpec, Received,
    User, UserSpec,
};

/// The longest that a watch goes on, in seconds: a connection that died unseen is noticed a little later.
const WATCH: u32 = 60;

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

/// The objects of one kind and the queue of those to look at.
pub struct Queue<K: Resource + Clone + 'static>
where
    K::DynamicType: std::hash::Hash + Eq + Clone,
{
    /// The objects, without what the controller has no use for.
    pub store: Store<K>,
    /// Which to look at; ends with the watch.
    pub due: UnboundedReceiver<ObjectRef<K>>,
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

/// The feeding end of a [`Queue`].
struct QueueSender<K: Resource + Clone + 'static>
where
    K::DynamicType: std::hash::Hash + Eq + Clone,
{
    writer: Writer<K>,
    queue: UnboundedSender<ObjectRef<K>>,
    namespace: String,
    is_listed: bool,
}

impl<K> QueueSender<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    fn new(namespace: &str) -> (Self, Queue<K>) {
        let ((store, writer), (sender, due)) = (store(), unbounded());
        let namespace = namespace.to_owned();
        (Self { writer, queue: sender, namespace, is_listed: false }, Queue { store, due })
    }

    fn take_in(&mut self, event: &Event<K>) {
        self.writer.apply_watcher_event(event);
        self.is_listed |= matches!(event, Event::InitDone);
    }

    /// The version of an object that was heard of last.
    fn version(&self, name: &str) -> Option<String> {
        let object = ObjectRef::new(name).within(&self.namespace);
        self.writer.as_reader().get(&object)?.resource_version()
    }

    /// Queues an object, if it exists.
    fn queue(&self, name: &str) {
        let object = ObjectRef::new(name).within(&self.namespace);
        if self.writer.as_reader().get(&object).is_some() {
            // Whoever stops reading the queue is about to end the watch too.
            let _ = self.queue.unbounded_send(object);
        }
    }
}

/// Something that a watch told, and whether the object in it can be read; one that cannot comes with a blank spec.
enum Told {
    Group(Event<Group>, Readable),
    Membership(Event<Membership>, Readable),
    User(Event<User>, Readable),
    OAuthClient(Event<OAuthClient>, Readable),
}

type Readable = Result<(), Invalid>;

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
        let namespace = self.groups.namespace.clone();
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
            let clients = self.clients.writer.as_reader().state();
            let names: BTreeSet<String> = clients.iter().map(|client| client.name_any()).collect();
            names.iter().for_each(|name| self.clients.queue(name));
            self.cache.lock().keep_clients(&names);
            self.queue_naming(None);
        } else if self.clients.is_listed {
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
        let users = self.users.writer.as_reader().state();
        users.iter().filter(is_named).for_each(|user| self.users.queue(&user.name_any()));
    }

    fn is_complete(&self) -> bool {
        self.groups.is_listed && self.memberships.is_listed && self.users.is_listed
    }

    fn queue_everything(&self) {
        let Concerned { groups, memberships } = self.cache.lock().everything();
        groups.iter().for_each(|name| self.groups.queue(name));
        memberships.iter().for_each(|name| self.memberships.queue(name));
        let users = self.users.writer.as_reader().state();
        users.iter().for_each(|user| self.users.queue(&user.name_any()));
    }
}

/// Whether a watch cannot go on since nobody is there: the API server, or etcd behind it.
fn is_away(error: &Error) -> bool {
    match error {
        Error::WatchStartFailed(kube::Error::Api(status)) => status.code >= 500,
        Error::WatchStartFailed(kube::Error::Service(_) | kube::Error::HyperError(_)) => true,
        _ => false,
    }
}

fn watch<K>(
    client: &Client,
    namespace: &str,
    blank: fn() -> K,
    told: fn(Event<K>, Readable) -> Told,
) -> BoxStream<'static, Result<Told, Error>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let api = Api::<Received<K>>::namespaced(client.clone(), namespace);
    let events = watcher(api, Config::default().timeout(WATCH)).default_backoff();
    let told = move |event: Event<Received<K>>| {
        let (event, readable) = make_out(event, blank)?;
        Some(told(event, readable))
    };
    events.filter_map(move |event| ready(event.map(told).transpose())).boxed()
}

/// What was received, as objects. One object that cannot be read must not stop the others from being worked on.
fn make_out<K>(event: Event<Received<K>>, blank: fn() -> K) -> Option<(Event<K>, Readable)>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Serialize,
{
    let object = |received: Received<K>| {
        let name = received.meta().name.clone();
        let (object, why) = received
            .or_blank(blank())
            .inspect_err(|error| tracing::error!(name, %error, "an object is passed over"))
            .ok()?;
        let readable = why.map_or(Ok(()), |why| {
            tracing::warn!(kind = %K::kind(&()), name, why, "an object cannot be read");
            Err(Invalid::Spec)
        });
        Some((object, readable))
    };
    Some(match event {
        Event::Init => (Event::Init, Ok(())),
        Event::InitDone => (Event::InitDone, Ok(())),
        Event::InitApply(received) => {
            let (object, readable) = object(received)?;
            (Event::InitApply(object), readable)
        }
        Event::Apply(received) => {
            let (object, readable) = object(received)?;
            (Event::Apply(object), readable)
        }
        Event::Delete(received) => {
            let (object, readable) = object(received)?;
            (Event::Delete(object), readable)
        }
    })
}

#[cfg(test)]
pub(crate) mod tests;
