//! The one judge of a request: what the proxy and the check endpoint both ask.
//!
//! Owns the order: what is asked for, who asks, whether they may, whether they were sent away meanwhile. Must not forward
//! anything.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::bearer::{Authenticator, Clock, Disbelief};
use super::identity::{Identity, Revocations, Standing};
use super::login::{BrowserLogin, is_navigation, is_own_page};
use super::reply::Reply;
use super::rules::{Asked, Decision, Rules, Why};
use super::target::Target;
use crate::domain::time::Timestamp;
use crate::telemetry::sidecar::{Outcome, SidecarMetrics, Way};
use crate::web::bearer::{BearerError, Scheme, shown};

/// How long a client waits before it asks again, in seconds, while nobody can be known.
const RETRY: u32 = 5;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It reaches the application.
    Forward {
        /// Who sends it; nobody where it is for everybody and nobody is known.
        identity: Option<Arc<Identity>>,
        /// When a stream or socket that it opens is cut; never where it is for everybody.
        until: Option<Timestamp>,
        /// What the browser is to carry from now on in the place of what it carries, beside the application's answer.
        cookie: Option<HeaderValue>,
    },
    /// This is answered.
    Refuse(Reply),
}

/// Judges requests.
pub trait Judge: Send + Sync + 'static {
    /// What becomes of a request that came over a connection from `peer`.
    fn judge(&self, request: &Parts, peer: SocketAddr) -> impl Future<Output = Verdict> + Send;
}

/// Judges by tokens, rules and what is known of ended sessions.
pub struct Gatekeeper {
    authenticator: Arc<Authenticator>,
    rules: Rules,
    revocations: Arc<dyn Revocations>,
    login: Option<Arc<BrowserLogin>>,
    clock: Clock,
}

impl fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gatekeeper").finish_non_exhaustive()
    }
}

impl Gatekeeper {
    /// Puts them together.
    #[must_use]
    pub fn new(
        authenticator: Arc<Authenticator>,
        rules: Rules,
        revocations: Arc<dyn Revocations>,
        clock: Clock,
    ) -> Self {
        Self { authenticator, rules, revocations, login: None, clock }
    }

    /// What is answered at one of our own paths, such as where a browser signs in, that another proxy passes on.
    pub async fn own_page(&self, request: &Parts) -> Option<Reply> {
        let login = self.login.as_ref()?;
        let target = Target::of(request).ok()?;
        login.page(&target, &request.headers).await
    }

    /// The same, where browsers log in.
    #[must_use]
    pub fn with_login(self, login: Option<Arc<BrowserLogin>>) -> Self {
        Self { login, ..self }
    }

    /// What becomes of a request for this, with these headers.
    pub async fn judge_target(&self, target: &Target, headers: &HeaderMap) -> Verdict {
        if let Some(login) = &self.login
            && let Some(page) = login.page(target, headers).await
        {
            return Verdict::Refuse(page);
        }
        let known = self.known(target, headers).await;
        let Target { method, host, path, .. } = target;
        let identity = known.as_ref().ok().and_then(Option::as_ref);
        let asked = Asked { method, host, path };
        match self.rules.decide(&asked, identity.map(Arc::as_ref)) {
            Decision::Allow { why, .. } => {
                let identity = identity.cloned();
                let ends = identity.as_ref().map(|identity| identity.expires_at);
                let until = ends.filter(|_| why != Why::Public);
                Verdict::Forward { until, identity, cookie: self.renewed(target, headers) }
            }
            Decision::LogIn { .. } => {
                Verdict::Refuse(known.err().unwrap_or_else(|| self.log_in(target, headers)))
            }
            Decision::Refuse { .. } => Verdict::Refuse(Reply::Forbidden),
        }
    }

    /// Only what goes somewhere renews: of several answers to one page the last would count.
    fn renewed(&self, target: &Target, headers: &HeaderMap) -> Option<HeaderValue> {
        let login = self.login.as_ref()?;
        if is_navigation(&target.method, headers) { login.renewed_cookie(headers) } else { None }
    }

    /// To log in, for a browser that goes somewhere; all others are told that nobody knows who asks.
    fn log_in(&self, target: &Target, headers: &HeaderMap) -> Reply {
        match &self.login {
            Some(login) if is_navigation(&target.method, headers) => {
                Reply::LogIn(login.sign_in_url(target))
            }
            _ => Reply::Unauthenticated(None),
        }
    }

    /// Who is logged in in a browser. Of a page of another host it counts for what changes nothing alone.
    async fn in_browser(
        &self,
        target: &Target,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Identity>>, Reply> {
        let Some(login) = &self.login else { return Ok(None) };
        if !is_own_page(target, headers) {
            return Ok(None);
        }
        login.known(headers).await
    }

    /// Who asks, or why that is not known though a token came.
    async fn known(
        &self,
        target: &Target,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Identity>>, Reply> {
        let refused = |why: String| Err(Reply::Unauthenticated(Some(why)));
        let token = match shown(headers) {
            Ok(Some((Scheme::Bearer, token))) => token,
            Ok(Some((Scheme::Dpop, _))) => {
                return refused("tokens that are bound to a key are not taken here".to_owned());
            }
            // Another scheme is between the client and the application.
            Ok(None) | Err(BearerError::Scheme) => return self.in_browser(target, headers).await,
            Err(error) => return refused(error.to_string()),
        };
        let identity = match self.authenticator.identify(token).await {
            Ok(identity) => identity,
            Err(Disbelief::NoKeys) => return Err(Reply::Unavailable(RETRY)),
            Err(error) => return refused(error.to_string()),
        };
        match self.revocations.standing(&identity, (self.clock)()) {
            Standing::Good => Ok(Some(identity)),
            Standing::Ended => refused("its session was ended".to_owned()),
            Standing::Unknown => Err(Reply::Unavailable(RETRY)),
        }
    }
}

impl Judge for Gatekeeper {
    async fn judge(&self, request: &Parts, _: SocketAddr) -> Verdict {
        match Target::of(request) {
            Ok(target) => self.judge_target(&target, &request.headers).await,
            Err(why) => Verdict::Refuse(Reply::Ambiguous(why)),
        }
    }
}

/// The same judge, whose verdicts are counted.
#[derive(Debug)]
pub struct Counted<J> {
    judge: J,
    metrics: SidecarMetrics,
}

impl<J: Judge> Counted<J> {
    /// Counts what this one says.
    pub fn new(judge: J, metrics: SidecarMetrics) -> Self {
        Self { judge, metrics }
    }
}

impl<J: Judge> Judge for Counted<J> {
    async fn judge(&self, request: &Parts, peer: SocketAddr) -> Verdict {
        let verdict = self.judge.judge(request, peer).await;
        match &verdict {
            Verdict::Forward { .. } => self.metrics.judged(Way::Proxy, Outcome::Allowed),
            // Nothing of the application's was asked for.
            Verdict::Refuse(Reply::Page(_)) => {}
            Verdict::Refuse(reply) => {
                self.metrics.judged(Way::Proxy, Outcome::of(reply.status()));
            }
        }
        verdict
    }
}

impl<J: Judge> Judge for Arc<J> {
    fn judge(&self, request: &Parts, peer: SocketAddr) -> impl Future<Output = Verdict> + Send {
        self.as_ref().judge(request, peer)
    }
}
