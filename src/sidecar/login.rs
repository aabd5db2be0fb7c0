//! Browsers that log in: as a client of a Pasee, for an application that knows nothing of it.
//!
//! Owns our own paths and what a browser carries: a refresh token, sealed, so that any replica serves any session. Must not know
//! what somebody may do.
//!
//! | File | Owns |
//! |---|---|
//! | `cookies` | what a browser carries, sealed |
//! | `destination` | where a browser may be sent, and whose page asks |
//! | `pages` | our own paths: sign in, come back, sign out, who one is |
//! | `session` | access tokens of sessions, refreshed once however many ask |

mod cookies;
mod destination;
mod pages;
mod session;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use quick_cache::sync::Cache;

use self::cookies::Cookies;
use self::session::Session;
use super::bearer::{Authenticator, Clock, issuer_client};
use super::identity::{Identity, Revocations, Standing};
use super::reply::Reply;
use super::target::Target;
use crate::outbound::{Cached, ClientError, DEFAULT_AGE, Fetched, HttpClient, ProxyVariables};
use crate::relying::{IssuerError, IssuerUrl, RelyingError, RelyingParty};
use crate::settings::Outbound;
use crate::settings::sidecar::{IssuerSettings, LoginSettings};

/// Between two looks for what the issuer says of itself that something wrong causes.
const COOLDOWN: Duration = Duration::from_secs(30);
/// How long a browser waits before it tries again, in seconds, while it is not known which sessions have ended.
const RETRY: u32 = 5;
/// Most sessions whose access tokens are held in memory; the others are refreshed when they are seen again.
const MAX_SESSIONS: usize = 16 * 1024;

/// Why nobody could ever log in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// It cannot be asked.
    #[error("issuer of [login] {0}")]
    Issuer(#[from] IssuerError),
    /// It cannot be called.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Logs browsers in.
pub struct BrowserLogin {
    settings: LoginSettings,
    issuer: IssuerUrl,
    resource: Option<String>,
    /// There as long as the process: whoever logs in borrows it.
    http: &'static HttpClient,
    party: Cached<RelyingParty<'static>>,
    cookies: Cookies,
    sessions: Cache<[u8; 32], Arc<Session>>,
    authenticator: Arc<Authenticator>,
    revocations: Arc<dyn Revocations>,
    clock: Clock,
}

impl fmt::Debug for BrowserLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrowserLogin({} at {})", self.settings.client_id, self.issuer)
    }
}

impl BrowserLogin {
    /// By the settings, at an issuer of theirs.
    ///
    /// # Errors
    /// [`LoginError`].
    pub fn new(
        settings: &LoginSettings,
        trusted: &IssuerSettings,
        calls: (&Outbound, &ProxyVariables),
        (authenticator, revocations): (Arc<Authenticator>, Arc<dyn Revocations>),
        clock: Clock,
    ) -> Result<Self, LoginError> {
        let http = Box::leak(Box::new(issuer_client(trusted, calls.0, calls.1)?));
        let audience = trusted.audience.as_str();
        // A client's tokens are for itself; for another they are asked for by name (RFC 8707).
        let resource = (audience != settings.client_id).then(|| audience.to_owned());
        Ok(Self {
            settings: settings.clone(),
            issuer: settings.issuer.as_str().parse()?,
            resource,
            http,
            party: Cached::new(COOLDOWN),
            cookies: Cookies::new(settings),
            sessions: Cache::new(MAX_SESSIONS),
            authenticator,
            revocations,
            clock,
        })
    }

    /// The names of the cookies that are ours: no application gets them.
    #[must_use]
    pub fn cookie_names(&self) -> [&str; 2] {
        self.cookies.names()
    }

    /// Who is logged in in a browser; nobody where it carries no session, or one that is over or was ended.
    ///
    /// # Errors
    /// [`Reply`]: that cannot be found out at the moment.
    pub async fn known(
        self: &Arc<Self>,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Identity>>, Reply> {
        let Some(refresh) = self.cookies.session(headers) else { return Ok(None) };
        let Some(identity) = self.identity(refresh).await? else { return Ok(None) };
        match self.revocations.standing(&identity, (self.clock)()) {
            Standing::Good => Ok(Some(identity)),
            Standing::Ended => Ok(None),
            Standing::Unknown => Err(Reply::Unavailable(RETRY)),
        }
    }

    /// What a browser is to carry whose session has another token by now.
    #[must_use]
    pub fn renewed_cookie(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let newest = self.renewed(&self.cookies.session(headers)?)?;
        self.cookies.keep_session(&newest)
    }

    /// What is answered at one of our own paths; nothing at others.
    pub async fn page(self: &Arc<Self>, target: &Target, headers: &HeaderMap) -> Option<Reply> {
        let below = target.path.path().strip_prefix(self.settings.path.as_str())?;
        let page = below.strip_prefix('/')?;
        Some(self.answer(page, target, headers).await)
    }

    /// Where a browser logs in to come back to what it asked for.
    #[must_use]
    pub fn sign_in_url(&self, target: &Target) -> String {
        let back = destination::back_to(&self.settings.url, target);
        let mut url = self.settings.url.clone();
        url.set_path(&format!("{}/sign_in", self.settings.path));
        url.query_pairs_mut().append_pair("rd", &back);
        url.into()
    }

    async fn party(&self) -> Result<Arc<RelyingParty<'static>>, RelyingError> {
        let (issuer, client) = (self.issuer.clone(), self.settings.client_id.clone());
        let (secret, calls) = (self.settings.client_secret.clone(), (self.http, self.clock));
        let discover = || async move {
            let party = RelyingParty::discover(&issuer, &client, None, calls).await?;
            Ok(Fetched { value: party.with_secret(secret), fresh_for: DEFAULT_AGE })
        };
        self.party.get(discover).await
    }
}

pub use destination::{is_navigation, is_own_page};
