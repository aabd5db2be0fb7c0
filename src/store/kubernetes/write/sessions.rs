//! Single sessions that end: written in objects of up to a thousand, by the day by which they would be over anyway.
//!
//! Those that are to end while others are being written are written together: a flood of them costs few writes. Must not know
//! who may end a session.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::Patch;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::{ATTEMPTS, Author, MANAGED_BY, PASEE, PREFIX, Writer, is_own, patching};
use crate::domain::bounds::has_room_for_ended;
use crate::domain::directory::Directory;
use crate::domain::realm::WriteError;
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;
use crate::resources::session_revocations::{
    MAX_SESSIONS, SessionRevocationsContent, UserMark, parse, write,
};
use crate::resources::{Received, SessionRevocations, rfc3339};
use crate::store::kubernetes::error::StoreError;
use crate::store::kubernetes::object::Kind;

/// Between the beginnings of two writes.
const PACE: Duration = Duration::from_millis(200);
const DAY: i64 = 86_400;

/// Sessions that this replica is to end.
#[derive(Default)]
pub(super) struct Ending {
    waiting: Mutex<Vec<Waiting>>,
    /// Whoever has it writes, for all that wait; when it was last done.
    pen: tokio::sync::Mutex<Option<Instant>>,
}

struct Waiting {
    user: UserMark,
    session: SessionId,
    until: Timestamp,
    tell: oneshot::Sender<Result<(), WriteError>>,
}

impl Writer {
    /// Ends one session. When too many are remembered already, of its user or of all, all of its user's are ended instead.
    pub(super) async fn end_session(
        &self,
        user: &UserId,
        session: SessionId,
        until: Timestamp,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        self.judge(author).await?;
        if until <= (self.clock)() || self.view.index.has_ended(session) {
            return Ok(());
        }
        let mark = UserMark::from(user);
        let (of_user, of_all) = self.view.ask(|state| state.ended_sessions(mark));
        let (waiting, all_waiting) = self.ending.waiting(mark);
        if !has_room_for_ended(of_user + waiting, of_all + all_waiting) {
            return self.stand(user, author, |before| before.revoked((self.clock)())).await;
        }
        let (tell, mut told) = oneshot::channel();
        self.ending.add(Waiting { user: mark, session, until: end_of_day(until), tell });
        let mut written_at = self.ending.pen.lock().await;
        // Whoever had it before may have written this too.
        match told.try_recv() {
            Ok(result) => return result,
            Err(oneshot::error::TryRecvError::Closed) => return Err(StoreError::Closed.into()),
            Err(oneshot::error::TryRecvError::Empty) => {}
        }
        if let Some(before) = *written_at {
            sleep_until(before + PACE).await;
        }
        *written_at = Some(Instant::now());
        self.write_waiting().await;
        drop(written_at);
        told.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    async fn write_waiting(&self) {
        for (until, mut waiting) in self.ending.take() {
            while !waiting.is_empty() {
                let rest = waiting.split_off(waiting.len().min(MAX_SESSIONS));
                let sessions: Vec<(SessionId, UserMark)> =
                    waiting.iter().map(|one| (one.session, one.user)).collect();
                let result = self.write_sessions(until, &sessions).await;
                // Nobody may be waiting any more.
                waiting.into_iter().for_each(|one| drop(one.tell.send(result.clone())));
                waiting = rest;
            }
        }
    }

    async fn write_sessions(
        &self,
        until: Timestamp,
        sessions: &[(SessionId, UserMark)],
    ) -> Result<(), WriteError> {
        for attempt in 0..ATTEMPTS {
            let own =
                self.view.ask(|state| state.room_for_sessions(until, sessions.len()).cloned());
            let done = match own {
                Some(name) => self.add_sessions(&name, until, sessions).await?,
                None => self.make_sessions(until, sessions).await?,
            };
            if done {
                return Ok(());
            }
            Self::pause(attempt).await;
        }
        Err(StoreError::Contended.into())
    }

    /// Says whether it is done; if not, the object has changed.
    async fn add_sessions(
        &self,
        name: &str,
        until: Timestamp,
        sessions: &[(SessionId, UserMark)],
    ) -> Result<bool, WriteError> {
        let Some(object) = self.read::<SessionRevocations>(name).await? else { return Ok(false) };
        let Ok(mut content) = parse(&object) else { return Ok(false) };
        content.sessions.sort_unstable();
        let metadata = &object.metadata;
        add(&mut content, sessions);
        let is_full = content.sessions.len() > MAX_SESSIONS;
        if !is_own(metadata) || content.until != until || is_full {
            return Ok(false);
        }
        let spec = write("", &content).spec;
        let patch = json!({
            "metadata": { "uid": metadata.uid, "resourceVersion": metadata.resource_version },
            "spec": { "sessions": spec.sessions, "users": spec.users },
        });
        let objects = self.objects::<Received<SessionRevocations>>();
        let (parameters, patch) = (patching(), Patch::Merge(&patch));
        let call = objects.patch(name, &parameters, &patch);
        let kind = Kind::SessionRevocations;
        match self.written(kind, metadata.resource_version.as_deref(), call).await {
            Ok(written) => Ok(self.shown(kind, &written).await.map(|()| true)?),
            Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn make_sessions(
        &self,
        until: Timestamp,
        sessions: &[(SessionId, UserMark)],
    ) -> Result<bool, WriteError> {
        let mut content =
            SessionRevocationsContent { sessions: Vec::new(), users: BTreeMap::new(), until };
        add(&mut content, sessions);
        let mut object = write("", &content);
        let day = &rfc3339::write(until)[..10];
        // Whose sessions end is written nowhere in words.
        object.metadata = ObjectMeta {
            labels: Some(BTreeMap::from([(MANAGED_BY.to_owned(), PASEE.to_owned())])),
            generate_name: Some(format!("{PREFIX}{day}-")),
            ..ObjectMeta::default()
        };
        let written = self.create(Kind::SessionRevocations, &object).await?;
        self.shown(Kind::SessionRevocations, &written).await?;
        Ok(true)
    }
}

impl Ending {
    fn add(&self, waiting: Waiting) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
    }

    /// How many wait, of a user and of all.
    fn waiting(&self, user: UserMark) -> (u64, u64) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let of_user = waiting.iter().filter(|one| one.user == user).count();
        (of_user as u64, waiting.len() as u64)
    }

    /// All that wait, by the day of their end.
    fn take(&self) -> BTreeMap<Timestamp, Vec<Waiting>> {
        let all = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_day: BTreeMap<Timestamp, Vec<Waiting>> = BTreeMap::new();
        for waiting in all {
            by_day.entry(waiting.until).or_default().push(waiting);
        }
        by_day
    }
}

/// Has an object say that these were ended too; who said so before counts once.
fn add(content: &mut SessionRevocationsContent, sessions: &[(SessionId, UserMark)]) {
    for (session, user) in sessions {
        if let Err(place) = content.sessions.binary_search(session) {
            content.sessions.insert(place, *session);
            *content.users.entry(*user).or_default() += 1;
        }
    }
}

/// The first midnight (UTC) that is not before a moment.
fn end_of_day(moment: Timestamp) -> Timestamp {
    let days = (moment.as_unix() + DAY - 1) / DAY;
    Timestamp::from_unix(days * DAY).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_counts_once_for_its_user() {
        let [ada, bob] = ["k-ada", "k-bob"].map(|id| UserMark::from(&id.parse().unwrap()));
        let session = |number| SessionId::new([number; 16]);
        let (sessions, until) = (vec![session(2)], Timestamp::MAX);
        let mut content = SessionRevocationsContent { sessions, users: BTreeMap::new(), until };
        add(&mut content, &[(session(3), ada), (session(1), bob), (session(2), bob)]);
        add(&mut content, &[(session(3), ada), (session(4), ada)]);
        assert_eq!(content.sessions, [1, 2, 3, 4].map(session));
        assert_eq!(content.users, [(ada, 2), (bob, 1)].into());
    }

    #[test]
    fn days_end_at_midnight() {
        for (moment, end) in [(0, 0), (1, DAY), (DAY, DAY), (DAY + 1, 2 * DAY)] {
            let moment = Timestamp::from_unix(moment).unwrap();
            assert_eq!(end_of_day(moment).as_unix(), end);
        }
        assert_eq!(end_of_day(Timestamp::MAX), Timestamp::MAX);
    }
}
