//! The state as this replica sees it: what the objects say, the index that follows from it, and how far it goes.
//!
//! Must not know a client.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as StdInstant};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::error::StoreError;
use super::object::{Event, Kind, Object, Says};
use super::resource_version::{ResourceVersions, compare};
use super::state::State;
use super::tallies::Tallies;
use crate::cluster::Outage;
use crate::domain::bounds::Tally;
use crate::domain::user::UserId;
use crate::index::{Index, Sweep, Update};

/// Time for readers between two slices of sweeping the index.
const PAUSE: Duration = Duration::from_millis(1);

/// What the watches feed.
#[derive(Debug)]
pub(super) struct View {
    pub(super) index: Arc<Index>,
    pub(super) versions: ResourceVersions,
    /// What is wrong with the way to the API server.
    pub(super) outage: Outage,
    inner: Mutex<Inner>,
    /// Whether every kind was listed once; apart, since who asks must not wait for a list that is taken in.
    complete: AtomicBool,
    /// There is something to sweep.
    untidy: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    tallies: Tallies,
    listed: [bool; Kind::COUNT],
}

impl View {
    pub(super) fn new() -> Self {
        Self {
            index: Arc::new(Index::default()),
            versions: ResourceVersions::new(),
            outage: Outage::default(),
            inner: Mutex::default(),
            complete: AtomicBool::new(false),
            untidy: Notify::new(),
        }
    }

    /// Takes in a list, which was begun then.
    pub(super) fn take_in_list(
        &self,
        kind: Kind,
        objects: Vec<Object>,
        version: &str,
        begun: StdInstant,
    ) {
        self.show(Event::Listed(kind, objects));
        self.versions.listed(kind, version, begun);
    }

    /// Takes in news of a watch, up to a version.
    pub(super) fn take_in(&self, event: Event, version: &str) {
        let kind = self.show(event);
        self.versions.advance(kind, version);
    }

    /// The index shows nothing before every kind was listed, since a ban that is not read yet must not be missed.
    fn show(&self, event: Event) -> Kind {
        let kind = match &event {
            Event::Applied(object) => object.says.kind(),
            Event::Gone(kind, _) | Event::Listed(kind, _) => *kind,
        };
        let is_list = matches!(event, Event::Listed(..));
        {
            let mut inner = self.lock();
            inner.tallies.apply(&event);
            show_clients(&self.index, &event);
            let updates = inner.state.apply(event);
            let before = inner.is_complete();
            inner.listed[kind.place()] |= is_list;
            if before {
                self.index.apply(&updates);
            } else if inner.is_complete() {
                self.index.replace(inner.state.contents());
                self.complete.store(true, Ordering::Release);
            }
            if updates.iter().any(|update| matches!(update, Update::Deleted(_))) {
                self.untidy.notify_one();
            }
        }
        kind
    }

    /// Notes that there is no news up to a version.
    pub(super) fn confirm(&self, kind: Kind, version: &str) {
        self.versions.advance(kind, version);
    }

    /// Makes objects small that wait for the rest of their list.
    pub(super) fn compact(&self, objects: impl Iterator<Item = Object>) -> Vec<Object> {
        objects
            .map(|mut object| {
                self.lock().state.compact(&mut object);
                object
            })
            .collect()
    }

    /// Gives up objects that were made small.
    pub(super) fn discard(&self, objects: Vec<Object>) {
        self.lock().state.discard(objects);
    }

    /// Whether every kind was listed once.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Whether a kind was listed once.
    pub(super) fn is_listed(&self, kind: Kind) -> bool {
        self.lock().listed[kind.place()]
    }

    /// Asks what the objects say.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&State) -> T) -> T {
        question(&self.lock().state)
    }

    /// How much of what is there a user has made.
    pub(super) fn made_by(&self, user: &UserId) -> Tally {
        let inner = self.lock();
        inner.tallies.of(user, &inner.state)
    }

    /// Waits until the index shows a version of a kind.
    pub(super) async fn until_version(
        &self,
        kind: Kind,
        version: &str,
        most: Duration,
    ) -> Result<(), StoreError> {
        let reached = |shown: &str| compare(shown, version).is_ge();
        self.until(kind, most, reached).await
    }

    /// Waits until the index does not show an object any more.
    pub(super) async fn until_gone(
        &self,
        kind: Kind,
        name: &str,
        uid: &str,
        most: Duration,
    ) -> Result<(), StoreError> {
        self.until(kind, most, |_| self.ask(|state| !state.has(kind, name, uid))).await
    }

    /// Waits until something holds, which is asked after each event of a kind.
    pub(super) async fn until(
        &self,
        kind: Kind,
        most: Duration,
        holds: impl Fn(&str) -> bool,
    ) -> Result<(), StoreError> {
        let mut shown = self.versions.subscribe(kind);
        let end = Instant::now() + most;
        match timeout_at(end, shown.wait_for(|shown| holds(shown))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(StoreError::Closed),
            Err(_) => Err(StoreError::Unseen(most)),
        }
    }

    /// Frees what deleted groups took up, for good.
    pub(super) async fn sweep(&self) {
        loop {
            self.untidy.notified().await;
            while self.index.sweep() == Sweep::More {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clients hang on nothing else, and are shown as they come: an object says all of one, or that it is none.
fn show_clients(index: &Index, event: &Event) {
    let client = |object: &Object| match &object.says {
        Says::OAuthClient(client) => Some((**client).clone()),
        _ => None,
    };
    match event {
        Event::Listed(Kind::OAuthClient, objects) => {
            index.replace_clients(objects.iter().filter_map(client).collect());
        }
        Event::Gone(Kind::OAuthClient, name) => index.take_client(name),
        Event::Applied(object) => match (&object.says, client(object)) {
            (_, Some(client)) => index.put_client(client),
            (Says::Nothing(Kind::OAuthClient), None) => index.take_client(&object.name),
            _ => {}
        },
        Event::Gone(..) | Event::Listed(..) => {}
    }
}

impl Inner {
    fn is_complete(&self) -> bool {
        self.listed.iter().all(|listed| *listed)
    }
}
