//! How far each watch has come, for those who wait for their own write, and as of when what it has shown is all there was.
//!
//! That something comes on a watch proves nothing of the kind: an API server that has lost etcd goes on sending bookmarks
//! from its cache. What proves it is a consistent read, which says how far the state went when it began, together with a
//! watch that has come so far. One that says less than a watch has shown before tells that etcd was restored from an older
//! copy: nothing that is known holds then, and all is to be read anew. Must not know what was shown.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::object::Kind;

/// Where the watches are.
#[derive(Debug)]
pub(super) struct ResourceVersions([Watched; Kind::COUNT]);

#[derive(Debug)]
struct Watched {
    /// The resource version up to which the index knows; empty before the first list, and while all is to be read anew.
    version: watch::Sender<String>,
    progress: Mutex<Progress>,
    /// A list is to be made that begins from now on.
    anew: Notify,
}

#[derive(Debug)]
struct Progress {
    /// What was the case then is known.
    as_of: Instant,
    /// Consistent reads that the watch has not come to yet, in order: when each began, and what it said.
    reads: VecDeque<(Instant, String)>,
    /// Since when what is known does not hold any more.
    void_since: Option<Instant>,
}

impl ResourceVersions {
    pub(super) fn new() -> Self {
        Self(Kind::ALL.map(|_| Watched {
            version: watch::Sender::new(String::new()),
            progress: Mutex::new(Progress {
                as_of: Instant::now(),
                reads: VecDeque::new(),
                void_since: None,
            }),
            anew: Notify::new(),
        }))
    }

    /// Notes that the index knows everything up to this version, as a watch says; to be called after it does.
    pub(super) fn advance(&self, kind: Kind, version: &str) {
        let watched = self.of(kind);
        let mut progress = watched.progress();
        if progress.void_since.is_some() {
            return;
        }
        progress.come_to(version);
        watched.show(version);
    }

    /// Notes that the index shows a list, which was begun then and says that it is of this version; to be called after it
    /// does.
    pub(super) fn listed(&self, kind: Kind, version: &str, begun: Instant) {
        let watched = self.of(kind);
        let mut progress = watched.progress();
        if progress.void_since.is_some_and(|since| begun < since) {
            return;
        }
        *progress = Progress { as_of: begun, reads: VecDeque::new(), void_since: None };
        watched.show(version);
    }

    /// Takes in what a consistent read said that was begun then, when the watch was there.
    pub(super) fn read(&self, kind: Kind, version: &str, begun: Instant, shown: &str) {
        if compare(version, shown).is_lt() {
            return self.went_back(kind, version, shown);
        }
        let watched = self.of(kind);
        let mut progress = watched.progress();
        let shown = self.shown(kind);
        if progress.void_since.is_none() && !shown.is_empty() {
            progress.reads.push_back((begun, version.to_owned()));
            progress.come_to(&shown);
        }
    }

    /// Nothing that was shown of any kind holds: the API server has said a version that was left behind already.
    pub(super) fn went_back(&self, kind: Kind, version: &str, shown: &str) {
        tracing::warn!(
            ?kind,
            version,
            shown,
            "the state of Kubernetes went back, as etcd does that is restored from a copy: all is read anew"
        );
        self.read_anew();
    }

    /// Has all be read anew: until then nothing that was shown counts for those who wait for their writes.
    pub(super) fn read_anew(&self) {
        for watched in &self.0 {
            let mut progress = watched.progress();
            progress.void_since = Some(Instant::now());
            progress.reads.clear();
            watched.show("");
            watched.anew.notify_one();
        }
    }

    /// Has a kind be listed, though what was shown of it may well hold.
    pub(super) fn list_again(&self, kind: Kind) {
        let watched = self.of(kind);
        watched.progress().reads.clear();
        watched.anew.notify_one();
    }

    /// Waits until a kind is to be listed anew.
    pub(super) async fn until_list(&self, kind: Kind) {
        self.of(kind).anew.notified().await;
    }

    /// Where a watch is; empty when nothing is known.
    pub(super) fn shown(&self, kind: Kind) -> String {
        self.of(kind).version.borrow().clone()
    }

    /// Where a watch is, and what comes.
    pub(super) fn subscribe(&self, kind: Kind) -> watch::Receiver<String> {
        self.of(kind).version.subscribe()
    }

    /// How old what is known may be, of the kind of which that is longest.
    pub(super) fn age(&self) -> Duration {
        let age = |watched: &Watched| watched.progress().as_of.elapsed();
        self.0.iter().map(age).max().unwrap_or_default()
    }

    /// For how long a watch has not come to what a consistent read said; none when it has.
    pub(super) fn behind_for(&self, kind: Kind) -> Option<Duration> {
        self.of(kind).progress().reads.front().map(|(begun, _)| begun.elapsed())
    }

    fn of(&self, kind: Kind) -> &Watched {
        &self.0[kind.place()]
    }
}

impl Watched {
    fn show(&self, version: &str) {
        self.version.send_modify(|shown| version.clone_into(shown));
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn come_to(&mut self, version: &str) {
        while let Some((begun, _)) =
            self.reads.pop_front_if(|(_, read)| compare(read, version).is_le())
        {
            self.as_of = begun;
        }
    }
}

/// The order of two resource versions of one kind: decimal numbers of any length without leading zeros.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let mut versions = ["100", "99", "7", "340282366920938463463374607431768211455", "", "10"];
        versions.sort_by(|one, other| compare(one, other));
        assert_eq!(
            versions,
            ["", "7", "10", "99", "100", "340282366920938463463374607431768211455"]
        );
    }

    fn as_of(versions: &ResourceVersions) -> Instant {
        versions.of(Kind::User).progress().as_of
    }

    /// Bookmarks and events may come from a cache: they prove that what is known is new only by a read that was consistent.
    #[test]
    fn a_watch_alone_proves_nothing() {
        let versions = ResourceVersions::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        versions.listed(Kind::User, "10", at(0));
        assert_eq!(as_of(&versions), at(0));
        versions.advance(Kind::User, "11");
        assert_eq!(as_of(&versions), at(0), "a bookmark");
        versions.read(Kind::User, "12", at(20), "11");
        versions.read(Kind::User, "14", at(40), "11");
        assert_eq!(as_of(&versions), at(0), "the watch is not there yet");
        versions.advance(Kind::User, "13");
        assert_eq!(as_of(&versions), at(20));
        versions.advance(Kind::User, "14");
        assert_eq!(as_of(&versions), at(40));
        assert_eq!(versions.behind_for(Kind::User), None);
        versions.read(Kind::User, "14", at(60), "14");
        assert_eq!(as_of(&versions), at(60), "nothing happened since");
    }

    #[tokio::test]
    async fn what_went_back_does_not_count() {
        let versions = ResourceVersions::new();
        let begun = Instant::now();
        for kind in Kind::ALL {
            versions.listed(kind, "10", begun);
        }
        versions.read(Kind::Group, "9", Instant::now(), "10");
        for kind in Kind::ALL {
            versions.until_list(kind).await;
            assert_eq!(versions.shown(kind), "", "nobody's write counts as shown");
            versions.advance(kind, "11");
            assert_eq!(versions.shown(kind), "", "from before");
            versions.listed(kind, "12", begun);
            assert_eq!(versions.shown(kind), "", "begun before");
            versions.listed(kind, "9", Instant::now());
            assert_eq!(versions.shown(kind), "9");
            versions.advance(kind, "10");
            assert_eq!(versions.shown(kind), "10");
        }
    }

    /// A read that was under way while the watch went on says less than the watch by now, and that is right.
    #[test]
    fn a_read_is_held_to_where_the_watch_was_when_it_began() {
        let versions = ResourceVersions::new();
        versions.listed(Kind::Group, "10", Instant::now());
        let (begun, shown) = (Instant::now(), versions.shown(Kind::Group));
        versions.advance(Kind::Group, "20");
        versions.read(Kind::Group, "15", begun, &shown);
        assert_eq!(versions.shown(Kind::Group), "20");
        assert_eq!(versions.of(Kind::Group).progress().as_of, begun);
    }
}
