//! What has ended within the time that an access token lasts, for those who verify tokens themselves: kept as it is heard of,
//! signed when it is asked for.
//!
//! What is kept is bounded, however large the realm is and however much ends: past the bounds the list says up to when tokens
//! were issued that are worth nothing, instead of naming the oldest entries. Whatever is named for longer than it had to be does no
//! harm, as it has ended. So a server that starts names all that it finds for the time of one token. Must not know how a request came.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::Service;
use crate::domain::directory::{Directory, Ending, Hearing};
use crate::domain::time::Timestamp;
use crate::domain::token::{Issuer, SessionId};
use crate::jose::revocations::{Ended, Good, RevocationList, UserDigest};
use crate::jose::sign::SignError;

/// Most users and sessions that are named.
const MOST_USERS: usize = 20_000;
const MOST_SESSIONS: usize = 100_000;
/// How much longer than an access token lasts something is named: for the clocks of those who verify.
const SKEW: Duration = Duration::from_secs(60);
/// How old a signature may be, in seconds: whoever reads it wants to see that it is of now.
const FRESH: i64 = 60;
/// How far ahead of our clock the number of a list may be that was had elsewhere, in seconds.
const AHEAD: i64 = 24 * 3600;

/// What has ended of late.
#[derive(Debug)]
pub struct Revocations {
    kept: Arc<Kept>,
    waiting: Semaphore,
}

#[derive(Debug)]
struct Kept {
    issuer: Issuer,
    lifetime: Duration,
    heard: Mutex<Heard>,
    /// Counts what was heard; closed when nobody is to wait any more.
    changes: watch::Sender<u64>,
    clock: fn() -> Timestamp,
}

#[derive(Debug, Default)]
struct Heard {
    users: Recent<UserDigest, Good>,
    sessions: Recent<SessionId, ()>,
    issued_until: Option<Timestamp>,
    /// Whether what was so at the start has been heard.
    has_begun: bool,
    is_over: bool,
    seq: u64,
    /// As long as it is what is so.
    content: Option<Content>,
    signed: Option<Signed>,
}

#[derive(Clone, Debug)]
struct Content {
    tag: Arc<str>,
    list: Arc<RevocationList>,
}

#[derive(Clone, Debug)]
struct Signed {
    token: Bytes,
    seq: u64,
    signed_at: Timestamp,
}

/// What is known to whoever asks.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The number of the list that was had last.
    pub after: Option<u64>,
    /// Its entity tag, as in `If-None-Match`.
    pub tags: Option<&'a str>,
    /// Whether they wait for the next: whoever names no tag and does not wait wants a list, whatever they have.
    pub is_waiting: bool,
}

/// The list, for whoever asks.
#[derive(Clone, Debug)]
pub struct Look {
    /// What it says, as an entity tag: the same wherever the same has ended.
    pub tag: Arc<str>,
    /// The list, compact, if it is another than they know.
    pub news: Option<Bytes>,
}

/// Why no list is given.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// No list has that number.
    #[error(
        "after is no number of a list that can be: a right one is the seq of the last list, and none the first time"
    )]
    Ahead,
    /// It could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl Revocations {
    /// Hears what ends in a realm from now on, and what has ended in it.
    pub(super) fn new(
        directory: &dyn Directory,
        (issuer, lifetime): (Issuer, Duration),
        most_waiting: usize,
        clock: fn() -> Timestamp,
    ) -> Self {
        let kept = Arc::new(Kept {
            issuer,
            lifetime,
            heard: Mutex::default(),
            changes: watch::Sender::new(0),
            clock,
        });
        let hearing = Arc::clone(&kept);
        directory.tell_of_endings(Hearing::new(move |endings| hearing.hear(endings)));
        let most = most_waiting.min(Semaphore::MAX_PERMITS);
        Self { kept, waiting: Semaphore::new(most) }
    }

    /// Learns of what is heard from now on.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.kept.changes.subscribe()
    }

    /// A place among those who wait, if there is one.
    #[must_use]
    pub fn wait(&self) -> Option<SemaphorePermit<'_>> {
        self.waiting.try_acquire().ok()
    }

    /// Nobody is to wait any more, as the server stops.
    pub fn end_waits(&self) {
        self.waiting.close();
        self.kept.lock().is_over = true;
        self.kept.changes.send_modify(|count| *count += 1);
    }

    /// Whether nobody is to wait any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.kept.lock().is_over
    }
}

impl Kept {
    fn hear(&self, endings: &[Ending]) {
        let now = (self.clock)();
        // Most of them come at the start; those that can matter longest are kept.
        let mut endings: Vec<&Ending> = endings.iter().collect();
        if endings.len() > MOST_USERS {
            endings.sort_by_key(|ending| match ending {
                Ending::OfUser(_, standing) => standing.not_before,
                Ending::OfSession(_) => None,
            });
        }
        let mut heard = self.lock();
        let is_first = !std::mem::replace(&mut heard.has_begun, true);
        for ending in endings {
            let gone = match ending {
                Ending::OfUser(user, standing) => {
                    let user = UserDigest::of(self.issuer.as_str(), user.as_str());
                    let former = standing.not_before.filter(|former| is_first && *former < now);
                    let at = former.unwrap_or(now);
                    heard.users.put(user, (*standing).into(), (now, at), MOST_USERS)
                }
                Ending::OfSession(session) => {
                    heard.sessions.put(*session, (), (now, now), MOST_SESSIONS)
                }
            };
            // What ended before any token that is good now was made needs no word.
            let oldest = now.as_unix() - seconds(self.lifetime + SKEW);
            let gone = gone.filter(|gone| gone.as_unix() > oldest);
            heard.issued_until = heard.issued_until.max(gone);
        }
        heard.change();
        drop(heard);
        self.changes.send_modify(|count| *count += 1);
    }

    /// What is over long enough is not named any more.
    fn forget(&self, heard: &mut Heard, now: Timestamp) {
        let oldest = now.as_unix() - seconds(self.lifetime + SKEW);
        let mut is_less = heard.users.forget(oldest) | heard.sessions.forget(oldest);
        if heard.issued_until.is_some_and(|until| until.as_unix() < oldest) {
            heard.issued_until = None;
            is_less = true;
        }
        if is_less {
            heard.change();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 2)
}

impl Service {
    /// What has ended of late.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.3
    }

    /// The list as it is now; its number is greater than that of the list that the asker has.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn revocation_list(&self, known: Known<'_>, now: Timestamp) -> Result<Look, ListError> {
        let most = u64::try_from(now.as_unix().saturating_add(AHEAD) * 1000).unwrap_or(u64::MAX);
        if known.after.is_some_and(|after| after > most) {
            return Err(ListError::Ahead);
        }
        let kept = &*self.3.kept;
        let mut heard = kept.lock();
        kept.forget(&mut heard, now);
        let Content { tag, list } = heard.content(kept);
        let is_known = match (known.tags, &heard.signed) {
            (Some(tags), _) => tags.split(',').any(|one| one.trim() == &*tag),
            (None, Some(signed)) => {
                known.is_waiting && known.after.is_some_and(|after| after >= signed.seq)
            }
            (None, None) => false,
        };
        if is_known {
            return Ok(Look { tag, news: None });
        }
        let after = known.after.unwrap_or_default();
        if let Some(signed) = &heard.signed
            && signed.seq > after
            && now.as_unix() - signed.signed_at.as_unix() < FRESH
        {
            return Ok(Look { tag, news: Some(signed.token.clone()) });
        }
        let by_clock = u64::try_from(now.as_unix()).unwrap_or_default() * 1000;
        let seq = by_clock.max(heard.seq + 1).max(after + 1);
        let list = RevocationList { seq, issued_at: now, ..RevocationList::clone(&list) };
        let token = Bytes::from(self.0.keys.current().signer().revocations(&list)?);
        heard.seq = seq;
        heard.signed = Some(Signed { token: token.clone(), seq, signed_at: now });
        Ok(Look { tag, news: Some(token) })
    }
}

impl Heard {
    fn change(&mut self) {
        self.content = None;
        self.signed = None;
    }

    fn content(&mut self, kept: &Kept) -> Content {
        let Self { users, sessions, issued_until, content, .. } = self;
        let made = content.get_or_insert_with(|| {
            let ended = Ended {
                users: users.entries().map(|(user, good)| (*user, *good)).collect(),
                sessions: sessions.entries().map(|(session, ())| *session).collect(),
                issued_until: *issued_until,
            };
            let list = RevocationList::new(&kept.issuer, kept.lifetime, ended);
            let tag = &Sha256::digest(list.content())[..16];
            let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(tag));
            Content { tag: tag.into(), list: Arc::new(list) }
        });
        made.clone()
    }
}

/// What was heard last of each, up to a number, the oldest first.
#[derive(Debug)]
struct Recent<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// In the order in which they were heard; those of what was heard again are void.
    order: VecDeque<(u64, K)>,
    next: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    number: u64,
    heard: Timestamp,
    /// When it came to pass.
    at: Timestamp,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), next: 0 }
    }
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    /// Keeps what was heard and when it came to pass; if there is too much, when that came to pass which is kept no more.
    fn put(
        &mut self,
        key: K,
        value: V,
        (heard, at): (Timestamp, Timestamp),
        most: usize,
    ) -> Option<Timestamp> {
        let number = self.next;
        self.next += 1;
        self.entries.insert(key, Entry { value, number, heard, at });
        self.order.push_back((number, key));
        if self.order.len() > 2 * most {
            let entries = &self.entries;
            self.order.retain(|(number, key)| is_of(entries, key, *number));
        }
        let mut gone = None;
        while self.entries.len() > most {
            gone = gone.max(self.pop().map(|entry| entry.at));
        }
        gone
    }

    /// Forgets what was heard before then; whether that was anything.
    fn forget(&mut self, oldest: i64) -> bool {
        let before = self.entries.len();
        while let Some((number, key)) = self.order.front() {
            let is_old = match self.entries.get(key) {
                Some(entry) if entry.number == *number => entry.heard.as_unix() < oldest,
                _ => true,
            };
            if !is_old {
                break;
            }
            self.pop_front();
        }
        self.entries.len() < before
    }

    fn entries(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.value))
    }

    /// Takes out the oldest.
    fn pop(&mut self) -> Option<Entry<V>> {
        while !self.order.is_empty() {
            if let Some(entry) = self.pop_front() {
                return Some(entry);
            }
        }
        None
    }

    fn pop_front(&mut self) -> Option<Entry<V>> {
        let (number, key) = self.order.pop_front()?;
        if is_of(&self.entries, &key, number) { self.entries.remove(&key) } else { None }
    }
}

fn is_of<K: Eq + Hash, V>(entries: &HashMap<K, Entry<V>>, key: &K, number: u64) -> bool {
    entries.get(key).is_some_and(|entry| entry.number == number)
}

#[cfg(test)]
mod tests;
