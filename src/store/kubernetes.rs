//! The state in Group, Membership and User objects of one Kubernetes namespace, watched into the index.
//!
//! Reads never wait for the API server: while it is away they go on from the last state, whose age is known, and writes
//! are refused. A write is acknowledged when this replica's watch has brought it back. Must not know who may do what.
//!
//! `connect` makes the client. What the watches of `realm_watch` bring is read by `wire`, as an `object`; `state` says what
//! follows, `tallies` how much each user has made, and `view` shows it, as far as each `resource_version`, which `consistent_read` compares with
//! etcd. Waits have a `jitter`. An export has its objects `listed`, and `rename` has users called
//! otherwise. Writes have their turn by a `schedule` and fail with an
//! `error`; what they need is in [`permissions`].

mod connect;
mod consistent_read;
mod error;
mod jitter;
mod listed;
mod object;
pub mod permissions;
mod realm_watch;
mod rename;
mod resource_version;
mod schedule;
mod state;
mod tallies;
mod view;
mod wire;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

pub use connect::{OpenError, Options};
use consistent_read::ConsistentReads;
pub use error::StoreError;
pub use listed::{ListError, objects};
use object::Kind;
use realm_watch::RealmWatch;
pub use rename::{RenameError, Report, rename_users};
use schedule::Schedule;
use view::View;
use write::Writer;

use crate::domain::bounds::Tally;
use crate::domain::directory::Directory;
use crate::domain::group::GroupName;
use crate::domain::invitation::GroupMark;
use crate::domain::membership::Roster;
use crate::domain::policy::Permit;
use crate::domain::realm::{Asking, Names, Realm, Stale, WriteError, Writing};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;

/// What time it is.
pub type Clock = fn() -> Timestamp;

/// The store. Its watches run on the runtime it was opened on, until it is dropped.
pub struct Kubernetes {
    view: Arc<View>,
    schedule: Arc<Schedule>,
    tasks: Vec<AbortHandle>,
    max_staleness: Option<Duration>,
    writes: Arc<AtomicU64>,
    /// Whether the last change that was asked for could not be written, for reasons of the API server.
    is_unwritten: Arc<AtomicBool>,
}

impl Kubernetes {
    /// Starts to watch. Does not wait for the API server: `Kubernetes::fresh` says when the state was read.
    ///
    /// # Errors
    /// The credentials or the address of the API server cannot be read.
    pub async fn open(options: Options, clock: Clock) -> Result<Self, OpenError> {
        let max_staleness = options.max_staleness;
        let (client, namespace) = connect::client(options).await?;
        let view = Arc::new(View::new());
        let mut tasks = Vec::new();
        let (of_reads, namespaced) = (client.clone(), namespace.clone());
        let reads =
            ConsistentReads { client: of_reads, namespace: namespaced, view: Arc::clone(&view) };
        for kind in Kind::ALL {
            let watch = RealmWatch::new(kind, reads.clone());
            tasks.push(tokio::spawn(watch.run()).abort_handle());
        }
        tasks.push(tokio::spawn(reads.run()).abort_handle());
        let sweeping = Arc::clone(&view);
        tasks.push(tokio::spawn(async move { sweeping.sweep().await }).abort_handle());
        let writer = Writer::new(client, namespace, Arc::clone(&view), clock);
        Ok(Self {
            view,
            schedule: Arc::new(Schedule::new(writer, Handle::current())),
            tasks,
            max_staleness,
            writes: Arc::default(),
            is_unwritten: Arc::default(),
        })
    }

    /// Whether all of the state was read once. Stays so while the API server is away.
    #[must_use]
    pub fn was_read(&self) -> bool {
        self.view.is_complete()
    }

    /// Waits until all of the state was read.
    ///
    /// # Errors
    /// It was not within the time.
    pub async fn wait_until_ready(&self, most: Duration) -> Result<(), StoreError> {
        for kind in Kind::ALL {
            let listed = self.view.until(kind, most, |_| self.view.is_listed(kind)).await;
            listed.map_err(|error| match (error, self.view.outage.reason()) {
                (StoreError::Unseen(_), Some(reason)) => StoreError::Unread(reason),
                (StoreError::Unseen(_), None) => StoreError::NotReady,
                (error, _) => error,
            })?;
        }
        Ok(())
    }

    /// How much of what is there a user has made, as far as this replica sees.
    #[must_use]
    pub fn made_by(&self, user: &UserId) -> Tally {
        self.view.made_by(user)
    }

    /// Changes made since the store was opened.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Whether the API server can be read and written: whatever was tried last of each went well.
    ///
    /// # Errors
    /// What is wrong.
    pub fn health(&self) -> Result<(), StoreError> {
        match self.view.outage.reason() {
            Some(reason) => Err(StoreError::Unread(reason)),
            None if !self.was_read() => Err(StoreError::NotReady),
            None if self.is_unwritten.load(Ordering::Relaxed) => Err(StoreError::Unwritten),
            None => Ok(()),
        }
    }

    /// How old what is known may be: that the state was no other is proved by a consistent read, to which all watches have
    /// come since. In good health at most a minute and a half.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.view.versions.age()
    }
}

impl Realm for Kubernetes {
    fn directory(&self) -> &dyn Directory {
        &*self.view.index
    }

    fn write(&self, permit: Permit) -> Writing<'_> {
        let (writes, is_unwritten) = (Arc::clone(&self.writes), Arc::clone(&self.is_unwritten));
        let answer = self.schedule.make(permit, move |result| {
            let failed =
                matches!(result, Err(WriteError::Unavailable(_) | WriteError::Unconfirmed(_)));
            is_unwritten.store(failed, Ordering::Relaxed);
            if result.is_ok() {
                writes.fetch_add(1, Ordering::Relaxed);
            }
        });
        Box::pin(async move {
            answer?.await.unwrap_or_else(|_| Err(WriteError::from(StoreError::Closed)))
        })
    }

    fn mark<'a>(&'a self, group: &'a GroupName) -> Asking<'a, Option<GroupMark>> {
        Box::pin(async { Ok(self.schedule.writer().mark(group).await?) })
    }

    fn names<'a>(&'a self, roster: &'a Roster, users: &'a [UserId]) -> Asking<'a, Names> {
        Box::pin(async { Ok(self.schedule.writer().names(roster, users).await?) })
    }

    fn fresh(&self) -> Result<(), Stale> {
        if !self.was_read() {
            return Err(Stale::NeverRead);
        }
        let is_old = self.max_staleness.is_some_and(|most| self.age() > most);
        if is_old { Err(Stale::TooOld) } else { Ok(()) }
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

#[cfg(test)]
pub(crate) mod tests;
