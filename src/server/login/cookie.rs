//! What a browser carries of a login that is under way: what the login is for, and what is to be known when it comes back from a
//! provider.
//!
//! Owns what is sealed, and how much of it a browser carries. Must not know how a login begins or ends.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use super::cookies::{Cookies, LoginId, MAX_VALUE};
use super::{PATIENCE, PATIENCE_OF_PAGES};
use crate::domain::auth_time::Freshness;
use crate::domain::time::Timestamp;
use crate::domain::token::{Scope, ScopeError, SessionId};
use crate::domain::user::ProviderName;
use crate::idp::browser::{CallbackParams, PendingLogin};
use crate::jose::seal::{SealError, Sealer};
use crate::server::error::ApiError;
use crate::service::{FormToken, SsoSession};

/// Most that one browser carries of all logins under way, names included, in bytes. Past it the oldest goes.
const MAX_TOGETHER: usize = 4096;

/// Longest request of a client that a login can be for, in bytes: it leaves room for what a provider is to be asked.
pub(in crate::server) const MAX_TARGET: usize = 2300;

/// Where a browser goes on when it is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) enum Target {
    /// To the page of who one is.
    Home,
    /// To a client's request, which is this validated query.
    Authorize(String),
    /// To a device that is to be let in by this code.
    Device(String),
    /// To an invitation.
    Invitation(String),
}

impl Target {
    /// Where the browser finds it, of the login of this id.
    pub(super) fn path(&self, id: LoginId) -> String {
        match self {
            Self::Home => "/".to_owned(),
            Self::Authorize(_) => format!("/oauth2/authorize?login={id}"),
            Self::Device(_) => format!("/device?login={id}"),
            Self::Invitation(_) => format!("/invitation?login={id}"),
        }
    }
}

/// What a login was for, found again when the browser goes on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Continuation {
    /// Where to.
    pub target: Target,
    /// When the login began.
    pub begun_at: Timestamp,
    /// How fresh it was to be.
    pub freshness: Freshness,
    answered_by: Option<SessionId>,
}

impl Continuation {
    /// Whether this session came of this very login: then nobody has to be asked again, whatever the request says of how old a
    /// login may be.
    pub(in crate::server) fn is_answered_by(&self, session: &SsoSession) -> bool {
        self.answered_by == Some(session.id())
    }
}

/// What a login ends in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ending {
    /// In tokens of this scope, as a program reads them.
    Tokens(String),
    /// In a session of the browser, which goes on there.
    Session(Target),
}

/// What is to be known when the browser comes back from a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Away {
    provider: String,
    pending: PendingLogin,
    until: i64,
}

/// A login that is under way in a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoginCookie {
    begun_at: i64,
    /// Which one in its browser: of those that began in one second, the later has the higher.
    serial: u32,
    form_token: FormToken,
    /// Who asks for it, as people call that.
    application: Option<String>,
    ending: Ending,
    freshness: CarriedFreshness,
    away: Option<Away>,
    answered_by: Option<[u8; 16]>,
}

/// How fresh a login is to be, as it is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum CarriedFreshness {
    Any,
    Chosen,
    Now,
}

/// Longest name of an application that is carried, in bytes.
const MAX_NAME: usize = 60;

impl LoginCookie {
    /// A login that begins now, for an application.
    pub(super) fn new(
        ending: Ending,
        application: Option<&str>,
        form_token: FormToken,
        now: Timestamp,
    ) -> Self {
        let application =
            application.map(|name| name[..name.floor_char_boundary(MAX_NAME)].to_owned());
        let begun_at = now.as_unix();
        let freshness = CarriedFreshness::Any;
        let (away, answered_by, serial) = (None, None, 0);
        Self { begun_at, serial, form_token, application, ending, freshness, away, answered_by }
    }

    /// The same, begun after all of these.
    pub(super) fn after(self, others: impl Iterator<Item = Self>) -> Self {
        let last = others.map(|other| other.serial).max();
        Self { serial: last.map_or(0, |last| last.saturating_add(1)), ..self }
    }

    /// The same, which is to be so fresh.
    pub(super) fn with_freshness(self, freshness: Freshness) -> Self {
        let freshness = match freshness {
            Freshness::Any => CarriedFreshness::Any,
            Freshness::Chosen => CarriedFreshness::Chosen,
            Freshness::Now => CarriedFreshness::Now,
        };
        Self { freshness, ..self }
    }

    /// How fresh it is to be.
    pub(super) fn freshness(&self) -> Freshness {
        match self.freshness {
            CarriedFreshness::Any => Freshness::Any,
            CarriedFreshness::Chosen => Freshness::Chosen,
            CarriedFreshness::Now => Freshness::Now,
        }
    }

    /// The same, whose browser is sent to a provider now.
    pub(super) fn sent_to(
        self,
        provider: &ProviderName,
        pending: PendingLogin,
        now: Timestamp,
    ) -> Self {
        let until = now.after(PATIENCE).as_unix();
        Self { away: Some(Away { provider: provider.to_string(), pending, until }), ..self }
    }

    /// The same, whose browser has come back.
    pub(super) fn returned(self) -> Self {
        Self { away: None, ..self }
    }

    /// The same, which has ended in this session.
    pub(super) fn answered_by(self, session: &SsoSession) -> Self {
        Self { away: None, answered_by: Some(*session.id().bytes()), ..self }
    }

    /// What it is for, if it is one of a page.
    pub(super) fn continuation(&self) -> Option<Continuation> {
        let Ending::Session(target) = &self.ending else { return None };
        Some(Continuation {
            target: target.clone(),
            begun_at: Timestamp::from_unix(self.begun_at)?,
            freshness: self.freshness(),
            answered_by: self.answered_by.map(SessionId::new),
        })
    }

    pub(super) fn ending(&self) -> &Ending {
        &self.ending
    }

    pub(super) fn application(&self) -> Option<&str> {
        self.application.as_deref()
    }

    pub(super) fn form_token(&self) -> FormToken {
        self.form_token
    }

    /// What is remembered for this provider, if its browser is there, and this is the answer.
    pub(super) fn pending(
        &self,
        provider: &ProviderName,
        params: &CallbackParams,
        now: Timestamp,
    ) -> Option<&PendingLogin> {
        let away = self.away.as_ref()?;
        let is_under_way = away.provider == provider.as_str() && now.as_unix() < away.until;
        (is_under_way && params.belongs_to(&away.pending)).then_some(&away.pending)
    }

    fn lasts(&self) -> Duration {
        match self.ending {
            Ending::Tokens(_) => PATIENCE,
            Ending::Session(_) => PATIENCE_OF_PAGES,
        }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        Timestamp::from_unix(self.begun_at)
            .is_none_or(|begun_at| now >= begun_at.after(self.lasts()))
    }
}

impl Ending {
    /// In tokens of this scope.
    pub(super) fn tokens(scope: &Scope) -> Self {
        Self::Tokens(scope.to_string())
    }
}

/// A scope as a cookie has it.
pub(super) fn scope(text: &str) -> Result<Scope, ScopeError> {
    if text.is_empty() { Ok(Scope::Unlimited) } else { text.parse() }
}

/// The logins that a browser carries, and what seals them.
pub(super) struct LoginCookies<'a> {
    pub cookies: &'a Cookies,
    pub sealer: &'a Sealer,
    pub headers: &'a HeaderMap,
    pub now: Timestamp,
}

impl LoginCookies<'_> {
    /// Those that are under way.
    pub(super) fn all(&self) -> impl Iterator<Item = (LoginId, LoginCookie)> {
        let carried = self.cookies.logins(self.headers).into_iter();
        carried.filter_map(|(id, sealed)| Some((id, self.open(id, sealed)?)))
    }

    /// The one of this id.
    pub(super) fn get(&self, id: LoginId) -> Option<LoginCookie> {
        self.open(id, self.cookies.logins(self.headers).get(&id)?)
    }

    fn open(&self, id: LoginId, sealed: &str) -> Option<LoginCookie> {
        let opened = self.sealer.open(&self.cookies.login(id), sealed)?;
        let cookie: LoginCookie = postcard::from_bytes(&opened).ok()?;
        (!cookie.is_over(self.now)).then_some(cookie)
    }

    /// The headers that make the browser carry a login, and forget what there is no room for beside it: first what does not open
    /// any more, then the oldest.
    ///
    /// # Errors
    /// When it is longer than browsers keep, or cannot be sealed.
    pub(super) fn set(
        &self,
        id: LoginId,
        cookie: &LoginCookie,
    ) -> Result<Vec<HeaderValue>, ApiError> {
        let name = self.cookies.login(id);
        let value = postcard::to_allocvec(cookie).map_err(|_| SealError)?;
        let sealed = self.sealer.seal(&name, &value)?;
        if sealed.len() > MAX_VALUE {
            return Err(ApiError::Malformed(
                "this login is too long for a browser to carry: its scope, the request of the application, or what the identity \
                 provider wants remembered has to be shorter"
                    .to_owned(),
            ));
        }
        let mut headers = vec![self.cookies.set(&name, &sealed, Some(cookie.lasts()))?];
        let mut room = MAX_TOGETHER - name.len() - sealed.len() - 1;
        let others =
            self.cookies.logins(self.headers).into_iter().filter(|(other, _)| *other != id);
        let begun = |(id, sealed): (LoginId, &str)| {
            let opened = self.open(id, sealed);
            (opened.map(|cookie| (cookie.begun_at, cookie.serial)), id, sealed.len())
        };
        let mut others: Vec<_> = others.map(begun).collect();
        others.sort_unstable_by(|one, other| other.cmp(one));
        for (begun_at, id, length) in others {
            let name = self.cookies.login(id);
            let length = "; ".len() + name.len() + "=".len() + length;
            match room.checked_sub(length).filter(|_| begun_at.is_some()) {
                Some(left) => room = left,
                None => {
                    // Nothing older stays either.
                    room = 0;
                    headers.push(self.cookies.unset(&name)?);
                }
            }
        }
        Ok(headers)
    }
}
