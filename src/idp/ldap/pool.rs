//! Connections to a directory: so many logins at once, some connections kept for the next search, and none made for a while
//! after one could not be.
//!
//! Must not know what is looked for, nor who logs in.

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::connection::{Connection, Trouble};
use super::introduction::Introduction;
use crate::outbound::TlsClient;
use crate::settings::LdapPlace;

/// How long a connection is kept for the next search, and how many are.
const IDLE: Duration = Duration::from_secs(30);
const MAX_IDLE: usize = 8;

/// How long none is made after one could not be: at first, and at most.
const SHORT_PAUSE: Duration = Duration::from_millis(100);
const LONG_PAUSE: Duration = Duration::from_secs(2);

/// The connections to one directory.
pub(super) struct Pool {
    place: LdapPlace,
    tls: Option<TlsClient>,
    introduction: Introduction,
    /// How long it may take until a connection is made.
    patience: Duration,
    turns: Semaphore,
    idle: Mutex<Vec<(Connection, Instant)>>,
    pause: Mutex<Pause>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Until when no connection is made.
#[derive(Debug, Default)]
struct Pause {
    until: Option<Instant>,
    next: Option<Duration>,
}

/// A connection for searches.
pub(super) struct Searcher {
    pub connection: Connection,
    /// Whether it was used before: then its server may have closed it meanwhile.
    pub age: Age,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    New,
    Kept,
}

impl Pool {
    pub(super) fn new(settings: &crate::settings::Ldap, tls: Option<TlsClient>) -> Self {
        Self {
            place: settings.place.clone(),
            tls,
            introduction: Introduction::new(settings.account.clone()),
            patience: settings.timeout / 2,
            turns: Semaphore::new(settings.connections),
            idle: Mutex::new(Vec::new()),
            pause: Mutex::new(Pause::default()),
        }
    }

    /// Waits for a turn: a login has at most two connections at a time while it has one.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Trouble> {
        self.turns.acquire().await.map_err(|_| Trouble::Closed)
    }

    /// A connection that searches as the settings say.
    pub(super) async fn searcher(&self) -> Result<Searcher, Trouble> {
        while let Some(mut connection) = self.kept() {
            if connection.is_quiet() {
                return Ok(Searcher { connection, age: Age::Kept });
            }
        }
        self.new_searcher().await
    }

    /// One that nobody has used.
    pub(super) async fn new_searcher(&self) -> Result<Searcher, Trouble> {
        self.introduction.check()?;
        let introduce = async |connection: &mut Connection| self.introduction.of(connection).await;
        let connection = self.made(introduce).await?;
        Ok(Searcher { connection, age: Age::New })
    }

    /// A connection as nobody in particular, for somebody to log in on.
    pub(super) async fn stranger(&self) -> Result<Connection, Trouble> {
        self.made(async |_| Ok(())).await
    }

    /// Keeps a connection that is as good as new.
    pub(super) fn give_back(&self, connection: Connection) {
        if connection.is_worn() {
            return;
        }
        let mut idle = locked(&self.idle);
        if idle.len() < MAX_IDLE {
            idle.push((connection, Instant::now()));
        }
    }

    fn kept(&self) -> Option<Connection> {
        let mut idle = locked(&self.idle);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    /// Makes a connection, unless one could not be made a moment ago. A wait that somebody gives up says nothing of the server.
    async fn made(
        &self,
        prepare: impl AsyncFnOnce(&mut Connection) -> Result<(), Trouble>,
    ) -> Result<Connection, Trouble> {
        self.check_pause()?;
        let work = async {
            let mut connection =
                Connection::open(&self.place, self.tls.as_ref(), self.patience).await?;
            prepare(&mut connection).await?;
            Ok(connection)
        };
        let made = timeout(self.patience, work).await;
        let made = made.unwrap_or_else(|_| Err(Trouble::Away(io::ErrorKind::TimedOut.into())));
        self.note(made.as_ref().err());
        made
    }

    fn check_pause(&self) -> Result<(), Trouble> {
        let mut pause = locked(&self.pause);
        match pause.until {
            Some(until) if Instant::now() < until => {
                Err(Trouble::Away(io::Error::other("it was away a moment ago")))
            }
            // Whoever tries now tries for all who come while it is not known how that goes.
            Some(_) => {
                pause.until = Some(Instant::now() + SHORT_PAUSE);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn note(&self, trouble: Option<&Trouble>) {
        let mut pause = locked(&self.pause);
        // One that does not take our own password is there.
        if matches!(trouble, None | Some(Trouble::Refused(_))) {
            *pause = Pause::default();
            return;
        }
        let length = pause.next.unwrap_or(SHORT_PAUSE);
        *pause = Pause {
            until: Some(Instant::now() + length),
            next: Some((length * 2).min(LONG_PAUSE)),
        };
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
