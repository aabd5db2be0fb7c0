//! Sessions of browsers: an access token in memory for each, refreshed by one request however many there are.
//!
//! Owns that a session ends by the issuer's word alone: who cannot be reached ends none. Must not know a cookie.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use tokio::sync::Mutex as Turn;

use super::BrowserLogin;
use crate::domain::time::Timestamp;
use crate::relying::{AccessToken, Token, Tokens};
use crate::sidecar::identity::Identity;
use crate::sidecar::reply::Reply;

/// Between two tries for one session, while the issuer is away.
const AGAIN: Duration = Duration::from_secs(1);

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    state: Mutex<State>,
    /// Who holds it refreshes.
    turn: Arc<Turn<()>>,
}

#[derive(Debug)]
struct State {
    refresh: Token,
    access: Option<(AccessToken, Arc<Identity>)>,
    failed: Option<Instant>,
    is_over: bool,
}

impl Session {
    pub(super) fn new(refresh: Token) -> Self {
        let state = State { refresh, access: None, failed: None, is_over: false };
        Self { state: Mutex::new(state), turn: Arc::default() }
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who it is, while nothing need be asked.
    fn fresh(&self, now: Timestamp) -> Option<Arc<Identity>> {
        self.with(|state| {
            let (access, identity) = state.access.as_ref()?;
            access.is_fresh(now).then(|| Arc::clone(identity))
        })
    }

    /// Who it is by a token that is not over yet.
    fn good(&self, now: Timestamp) -> Option<Arc<Identity>> {
        self.with(|state| {
            let (_, identity) = state.access.as_ref()?;
            (now < identity.expires_at).then(|| Arc::clone(identity))
        })
    }

    fn is_over(&self) -> bool {
        self.with(|state| state.is_over)
    }
}

/// What keeps sessions apart.
pub(super) fn name(refresh: &Token) -> [u8; 32] {
    let mut name = [0; 32];
    name.copy_from_slice(digest(&SHA256, refresh.expose().as_bytes()).as_ref());
    name
}

impl BrowserLogin {
    /// Who has this session; nobody when it is over.
    pub(super) async fn identity(
        self: &Arc<Self>,
        refresh: Token,
    ) -> Result<Option<Arc<Identity>>, Reply> {
        let name = name(&refresh);
        let made = || Ok::<_, std::convert::Infallible>(Arc::new(Session::new(refresh)));
        let Ok(session) = self.sessions.get_or_insert_with(&name, made);
        let now = (self.clock)();
        if let Some(identity) = session.fresh(now) {
            return Ok(Some(identity));
        }
        let turn = match Arc::clone(&session.turn).try_lock_owned() {
            Ok(turn) => turn,
            Err(_) => match session.good(now) {
                // Somebody refreshes it already, and it holds meanwhile.
                Some(identity) => return Ok(Some(identity)),
                None => Arc::clone(&session.turn).lock_owned().await,
            },
        };
        let is_new = session.fresh((self.clock)());
        if is_new.is_some() || session.is_over() {
            return Ok(is_new);
        }
        let failed = session.with(|state| state.failed);
        if failed.is_none_or(|failed| failed.elapsed() >= AGAIN) {
            // In a task of its own: a browser that goes away leaves no answer unread, as that may hold the only token that is good.
            let (login, asked) = (Arc::clone(self), Arc::clone(&session));
            let task = tokio::spawn(async move {
                let _one_at_a_time = turn;
                login.refresh(&asked).await;
            });
            // One that panicked has refreshed nothing.
            let _ = task.await;
        }
        match session.good((self.clock)()) {
            Some(identity) => Ok(Some(identity)),
            None if session.is_over() => Ok(None),
            None => Err(Reply::Unavailable(1)),
        }
    }

    async fn refresh(&self, session: &Session) {
        let refresh = session.with(|state| state.refresh.clone());
        let refreshed = async {
            let party = self.party().await?;
            party.refresh(&refresh, self.resource.as_deref()).await
        };
        match refreshed.await {
            Ok(tokens) => self.take(session, tokens).await,
            Err(error) if error.is_refusal("invalid_grant") => session.with(|state| {
                state.is_over = true;
                state.access = None;
            }),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a session cannot be refreshed at the moment");
                session.with(|state| state.failed = Some(Instant::now()));
            }
        }
    }

    /// Takes note of new tokens, if they hold here.
    pub(super) async fn take(&self, session: &Session, tokens: Tokens) {
        let Tokens { access, refresh, .. } = tokens;
        let identity = self.authenticator.identify(access.token.expose()).await;
        session.with(|state| {
            if let Some(refresh) = refresh {
                state.refresh = refresh;
            }
            match identity {
                Ok(identity) => {
                    state.access = Some((access, identity));
                    state.failed = None;
                }
                Err(error) => {
                    tracing::error!(%error, "the issuer of [login] gives tokens that are not taken here: does its audience match?");
                    state.failed = Some(Instant::now());
                }
            }
        });
    }

    /// Remembers a session that has just begun.
    pub(super) async fn begin(&self, tokens: Tokens) -> Option<Token> {
        let refresh = tokens.refresh.clone()?;
        let session = Arc::new(Session::new(refresh.clone()));
        self.take(&session, tokens).await;
        session.good((self.clock)())?;
        self.sessions.insert(name(&refresh), session);
        Some(refresh)
    }

    /// Forgets a session, and gives the newest token of it.
    pub(super) fn end(&self, refresh: Token) -> Token {
        match self.sessions.get(&name(&refresh)) {
            Some(session) => session.with(|state| {
                state.is_over = true;
                state.access = None;
                state.refresh.clone()
            }),
            None => refresh,
        }
    }

    /// The newest refresh token of a session, where it is another than the browser carries; the session is known by it, too.
    pub(super) fn renewed(&self, refresh: &Token) -> Option<Token> {
        let session = self.sessions.get(&name(refresh))?;
        let newest = session.with(|state| (!state.is_over).then(|| state.refresh.clone()))?;
        if newest.expose() == refresh.expose() {
            return None;
        }
        self.sessions.insert(name(&newest), session);
        Some(newest)
    }
}
