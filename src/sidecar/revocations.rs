//! What has ended before its time, as a Pasee says: its list, followed by waiting for the next.
//!
//! Owns how old what is known may be, and that nothing is taken back that was said a moment ago: of several replicas one may know
//! a few seconds less than another. Must not know how a list's signature is believed, nor what becomes of whoever has ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{AUTHORIZATION, ETAG, HeaderValue, IF_NONE_MATCH, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use url::{Url, form_urlencoded};

use super::identity::{Identity, Revocations, Standing};
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::jose::error::VerifyError;
use crate::jose::revocations::{Ended, Good, RevocationList, UserDigest};
use crate::outbound::{CallError, HttpClient, Repeat};
use crate::settings::sidecar::{RevocationsSettings, Staleness};

/// How long a wait is, in seconds.
const WAIT: u64 = 30;
/// How long a call may take: the wait, and what a list takes to come.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(WAIT + 15);
/// How old what is known may be before it is told that it is old.
pub const STALE: Duration = Duration::from_secs(60);
/// How long nothing is taken back that was said.
const KEPT: Duration = Duration::from_secs(10);
/// How long to wait after a list, so that no number of changes makes more than so many calls.
const PAUSE: Duration = Duration::from_millis(250);
/// After a failure: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// How often it is looked whether what is known is too old.
const LOOK: Duration = Duration::from_secs(1);

/// Believes the lists of one issuer.
pub trait ReadList: Send + Sync + 'static {
    /// What a list says.
    fn read(
        &self,
        list: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<RevocationList, VerifyError>> + Send;
}

/// Why nothing new is known.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Nothing was answered.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Something else was.
    #[error("{0} was answered in the place of a list of what has ended{hint}", hint = hint(*.0))]
    Status(StatusCode),
    /// It is not believed.
    #[error("the list is not believed: {0}")]
    List(#[from] VerifyError),
    /// It has another number than lists can have that come after the last.
    #[error("the list is an old one: its number is {0}, and {1} was known")]
    Old(u64, u64),
}

impl FollowError {
    /// Whether a list came, and was wrong: what was had before is as good as ever after any other fault.
    fn is_of_list(&self) -> bool {
        match self {
            Self::List(_) | Self::Old(..) => true,
            Self::Call(_) | Self::Status(_) => false,
        }
    }
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => {
            "; client_id and client_secret are to be those of a client with a secret"
        }
        StatusCode::NOT_FOUND => "; url is to be that of /revocations of a Pasee",
        _ => "",
    }
}

/// Follows the list of one Pasee.
pub struct Follower<R> {
    url: Url,
    authorization: HeaderValue,
    http: HttpClient,
    reader: R,
    shared: Arc<Known>,
    clock: fn() -> Timestamp,
}

/// What is known, for whoever judges.
#[derive(Debug)]
pub struct Known {
    issuer: String,
    staleness: Staleness,
    max_age: Duration,
    ended: ArcSwap<Ended>,
    /// When it was last heard that this is so.
    heard: Mutex<Option<Instant>>,
    changes: watch::Sender<u64>,
}

impl Known {
    /// How long ago it was heard that what is known is so; never, at first.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.heard().map(|heard| heard.elapsed())
    }

    /// Why requests should be sent elsewhere, or somebody should look.
    ///
    /// # Errors
    /// What readiness says.
    pub fn readiness(&self) -> Result<(), &'static str> {
        match (self.is_too_old(), self.staleness) {
            (true, Staleness::Refuses) => Err("it is not known which sessions have ended"),
            _ => Ok(()),
        }
    }

    /// Whether it should be told that what is known is old.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.age().is_none_or(|age| age > STALE)
    }

    /// Told when something has ended, or when that is not known any more.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn is_too_old(&self) -> bool {
        self.age().is_none_or(|age| age > self.max_age)
    }

    fn heard(&self) -> MutexGuard<'_, Option<Instant>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Revocations for Known {
    fn standing(&self, identity: &Identity, _: Timestamp) -> Standing {
        if *identity.issuer != *self.issuer {
            return Standing::Good;
        }
        if self.staleness == Staleness::Refuses && self.is_too_old() {
            return Standing::Unknown;
        }
        let ended = self.ended.load();
        let user = UserDigest::of(&identity.issuer, &identity.subject);
        let session = identity.session.as_ref().and_then(|session| session.parse().ok());
        let issued_at = identity.issued_at.unwrap_or(Timestamp::MIN);
        let has_ended = ended.has(&user, identity.revocation, session, issued_at);
        if has_ended { Standing::Ended } else { Standing::Good }
    }
}

/// Where the follower stands.
#[derive(Default)]
struct Place {
    seq: Option<u64>,
    tag: Option<HeaderValue>,
    memory: Memory,
}

impl<R: ReadList> Follower<R> {
    /// Follows as the settings say, with a client whose calls may take [`CALL_TIMEOUT`] and whose answers may be as long as lists are.
    pub fn new(
        settings: &RevocationsSettings,
        http: HttpClient,
        reader: R,
        clock: fn() -> Timestamp,
    ) -> Self {
        let authorization = authorization(&settings.client_id, &settings.client_secret);
        let shared = Arc::new(Known {
            issuer: settings.issuer.as_str().to_owned(),
            staleness: settings.staleness,
            max_age: settings.max_age,
            ended: ArcSwap::default(),
            heard: Mutex::default(),
            changes: watch::Sender::new(0),
        });
        Self { url: settings.url.clone(), authorization, http, reader, shared, clock }
    }

    /// What is known, now and from now on.
    #[must_use]
    pub fn known(&self) -> Arc<Known> {
        Arc::clone(&self.shared)
    }

    /// Follows, for ever.
    pub async fn run(self) {
        tokio::join!(self.follow(), self.look());
    }

    async fn follow(&self) {
        let (mut place, mut retry, mut is_told) = (Place::default(), RETRY.0, false);
        loop {
            match self.next(&mut place).await {
                Ok(pause) => {
                    if std::mem::take(&mut is_told) {
                        tracing::info!("it is known again which sessions have ended");
                    }
                    retry = RETRY.0;
                    sleep(pause).await;
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_told, true) {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, url = %self.url, "it is not known which sessions end");
                    }
                    if error.is_of_list() {
                        // With nothing the whole list is answered: of such a one nothing is relied on.
                        place.tag = None;
                    }
                    sleep(retry).await;
                    retry = (retry * 2).min(RETRY.1);
                }
            }
        }
    }

    /// One call. How long to pause after it.
    async fn next(&self, place: &mut Place) -> Result<Duration, FollowError> {
        let mut url = self.url.clone();
        // Without a tag a list is wanted, also the one that is known: nothing is said that may be answered by 304.
        if let (Some(_), Some(seq)) = (&place.tag, place.seq) {
            url.query_pairs_mut()
                .append_pair("wait", &WAIT.to_string())
                .append_pair("after", &seq.to_string());
        }
        let mut request = self.http.get(url).header(AUTHORIZATION, self.authorization.clone());
        if let Some(tag) = &place.tag {
            request = request.header(IF_NONE_MATCH, tag.clone());
        }
        let answer =
            self.http.limited(async { self.http.send(request, Repeat::Harmless).await }).await?;
        match answer.status {
            StatusCode::OK => {
                let list = String::from_utf8_lossy(&answer.body);
                let list = self.reader.read(&list, (self.clock)()).await?;
                // Whoever has named none may be answered by the very list that they had.
                let is_again = |known: &u64| place.tag.is_none() && list.seq == *known;
                let is_old = |known: &u64| list.seq <= *known && !is_again(known);
                if let Some(known) = place.seq.filter(is_old) {
                    return Err(FollowError::Old(list.seq, known));
                }
                place.seq = Some(list.seq);
                place.tag = answer.headers.get(ETAG).cloned();
                place.memory.said = list.ended;
                self.settle(&mut place.memory);
                Ok(PAUSE)
            }
            StatusCode::NOT_MODIFIED if place.tag.is_some() => {
                self.settle(&mut place.memory);
                let is_busy = answer.headers.contains_key(RETRY_AFTER);
                Ok(if is_busy { answer.retry_after().unwrap_or(STALE / 12) } else { PAUSE })
            }
            other => Err(FollowError::Status(other)),
        }
    }

    /// What the last list says is so now.
    fn settle(&self, memory: &mut Memory) {
        let now = Instant::now();
        *self.shared.heard() = Some(now);
        let ended = memory.settle(now);
        if **self.shared.ended.load() != ended {
            self.shared.ended.store(Arc::new(ended));
            self.shared.tell();
        }
    }

    /// Tells those who wait for news that there is none, when it has been so for too long.
    async fn look(&self) {
        let mut was_too_old = true;
        loop {
            sleep(LOOK).await;
            let is_too_old = self.shared.is_too_old();
            if std::mem::replace(&mut was_too_old, is_too_old) != is_too_old {
                self.shared.tell();
            }
        }
    }
}

fn authorization(id: &str, secret: &SecretString) -> HeaderValue {
    // Each encoded as in a form (RFC 6749 section 2.3.1).
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", part(id), part(secret.expose_secret()));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

/// What the last lists said: what is not said any more, or otherwise, is kept for a while.
#[derive(Debug, Default)]
struct Memory {
    /// The last list.
    said: Ended,
    users: HashMap<UserDigest, Said<Good>>,
    sessions: HashMap<SessionId, Said<()>>,
    issued_until: Option<Said<Timestamp>>,
}

#[derive(Clone, Copy, Debug)]
struct Said<V> {
    value: V,
    last: Instant,
}

impl Memory {
    /// What has ended, where the last list is what is so now.
    fn settle(&mut self, now: Instant) -> Ended {
        for (user, good) in &self.said.users {
            let said = Said { value: *good, last: now };
            let known = self.users.entry(*user).or_insert(said);
            // A replica that knows less says what was good before; one that knows more, what is.
            if *good >= known.value || now.duration_since(known.last) > KEPT {
                *known = said;
            }
        }
        for session in &self.said.sessions {
            self.sessions.insert(*session, Said { value: (), last: now });
        }
        if let Some(until) = self.said.issued_until {
            let value = self.issued_until.map_or(until, |known| known.value.max(until));
            self.issued_until = Some(Said { value, last: now });
        }
        let is_kept = |last: Instant| now.duration_since(last) <= KEPT;
        self.users.retain(|_, said| is_kept(said.last));
        self.sessions.retain(|_, said| is_kept(said.last));
        self.issued_until = self.issued_until.filter(|said| is_kept(said.last));
        Ended {
            users: self.users.iter().map(|(user, said)| (*user, said.value)).collect(),
            sessions: self.sessions.keys().copied().collect(),
            issued_until: self.issued_until.map(|said| said.value),
        }
    }
}

#[cfg(test)]
mod tests;
