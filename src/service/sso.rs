//! The session that a browser has here (single sign-on): what a refresh token would know, carried by the browser.
//!
//! Owns when one is over, and that it is judged at each use as a refresh is; what the browser carries is in `carried`. Must not
//! know that this travels sealed in a cookie.

mod carried;

use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::tokens::fresh_ids;
use super::{Caller, GrantError, Service};
use crate::domain::directory::Holding;
use crate::domain::issue::{Ids, remember};
use crate::domain::policy::{Admission, Grant, Refusal};
use crate::domain::time::Timestamp;
use crate::domain::token::{AccessClaims, RefreshClaims, Scope, SessionId};
use crate::domain::user::UserId;
use crate::idp::{Credential, Identity, Provider, ProviderError};

pub(super) use self::carried::{memory_from_bytes, memory_to_bytes};

/// How long a browser may leave its session unused.
const IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// How old the note of the last use may get before the browser is given a newer one. It takes no more than a small part of
/// [`IDLE`] away.
const RENEWAL: Duration = Duration::from_secs(5 * 60);

/// A browser's session: who logged in, when, and by which rules. `issued_at` of what it remembers is its last use that was noted,
/// and `expires_at` where the browser has to log in again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoSession {
    memory: RefreshClaims,
    form_token: FormToken,
}

/// What every form of a session or of a login holds, and only its own pages know: 128 random bits. A form that another site sends,
/// or that was made for another browser, has another one.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormToken([u8; 16]);

impl FormToken {
    /// A new one.
    ///
    /// # Errors
    /// [`GrantError::Randomness`].
    pub fn random() -> Result<Self, GrantError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| GrantError::Randomness)?;
        Ok(Self(random))
    }

    /// Whether a form says the same, compared in constant time.
    #[must_use]
    pub fn is(&self, said: &str) -> bool {
        let said = URL_SAFE_NO_PAD.decode(said).unwrap_or_default();
        verify_slices_are_equal(&self.0, &said).is_ok()
    }
}

/// As a form holds it.
impl fmt::Display for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// It never shows in `Debug`.
impl fmt::Debug for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FormToken").finish_non_exhaustive()
    }
}

impl SsoSession {
    /// Whose.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.memory.token.subject
    }

    /// Which, as the tokens that are issued from it say too.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.memory.token.session
    }

    /// When the user proved who they are.
    #[must_use]
    pub fn authenticated_at(&self) -> Timestamp {
        self.memory.token.authenticated_at
    }

    /// What a refresh token of this session would say: tokens are issued from it as for one.
    #[must_use]
    pub fn memory(&self) -> &RefreshClaims {
        &self.memory
    }

    /// What forms of this session hold.
    #[must_use]
    pub fn form_token(&self) -> FormToken {
        self.form_token
    }

    /// The session as used now, if it is time to note that.
    #[must_use]
    pub fn used(&self, now: Timestamp) -> Option<Self> {
        let mut session = self.clone();
        session.memory.token.issued_at = now;
        (now >= self.memory.token.issued_at.after(RENEWAL)).then_some(session)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let token = &self.memory.token;
        now >= token.expires_at || now >= token.issued_at.after(IDLE)
    }
}

impl Service {
    /// A session for whom a provider knows by this credential.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn sign_in_with(
        &self,
        provider: &Provider,
        credential: Credential,
        now: Timestamp,
    ) -> Result<SsoSession, GrantError> {
        let identified = provider.identify(credential, now).await;
        self.sign_in(provider, identified)
    }

    /// A session for whom a provider has just proved.
    pub(super) fn sign_in(
        &self,
        provider: &Provider,
        identified: Result<Identity, ProviderError>,
    ) -> Result<SsoSession, GrantError> {
        let (keys, now) = (self.0.keys.current(), self.now());
        let (login, mapped) = self.login(&keys, provider, identified, Scope::Unlimited)?;
        let user = login.user.clone();
        let (admission, _) = self.admitted(&user, Grant::Login(login), &mapped, now)?;
        let ids = Ids { refresh: carried::no_token(), ..fresh_ids()? };
        let memory = remember(admission, self.0.lifetimes.browser, ids, now);
        Ok(SsoSession { memory, form_token: FormToken::random()? })
    }

    /// The session that a browser carries, if it still goes on: judged as a refresh would be now.
    ///
    /// # Errors
    /// [`GrantError`]: the browser has to log in again.
    pub fn session(&self, carried: &[u8], now: Timestamp) -> Result<SsoSession, GrantError> {
        let session = SsoSession::from_bytes(carried, self.0.lifetimes.browser);
        let mut session = session.ok_or(Refusal::SessionOver)?;
        self.judge_session(&mut session, now)?;
        self.recheck(session.user(), now);
        Ok(session)
    }

    /// Who acts in a session, as they stand now.
    ///
    /// # Errors
    /// [`GrantError`]: nobody any more.
    pub fn caller_in(&self, session: &SsoSession, now: Timestamp) -> Result<Caller, GrantError> {
        let mut session = session.clone();
        let (admission, holdings) = self.judge_session(&mut session, now)?;
        let RefreshClaims { token, extra, .. } = session.memory;
        let claims = AccessClaims { token, groups: Vec::new(), groups_truncated: false, extra };
        Ok(Caller::judged(admission, holdings, claims, now))
    }

    fn judge_session(
        &self,
        session: &mut SsoSession,
        now: Timestamp,
    ) -> Result<(Admission, Vec<Holding>), GrantError> {
        if session.is_over(now) {
            return Err(Refusal::SessionOver.into());
        }
        let (_, mapped) = self.judged_again(&mut session.memory)?;
        let grant = Grant::Refresh(&session.memory, Scope::Unlimited);
        self.admitted(session.user(), grant, &mapped, now)
    }
}
