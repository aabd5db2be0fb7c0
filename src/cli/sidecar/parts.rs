//! What the settings of a sidecar make, before anything is served: whatever cannot be made is told here.
//!
//! Must not listen, nor call anybody.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;

use crate::cli::now;
use crate::jose::revocations::MAX_LIST;
use crate::outbound::ProxyVariables;
use crate::settings::sidecar::{
    IssuerSettings, ProxySettings, RevocationsSettings, SidecarSettings,
};
use crate::sidecar::bearer::{Authenticator, Lists, client_for};
use crate::sidecar::check::CheckEndpoint;
use crate::sidecar::gate::{Counted, Gatekeeper};
use crate::sidecar::identity::{NotFollowed, Revocations};
use crate::sidecar::identity_headers::IdentityHeaders;
use crate::sidecar::login::BrowserLogin;
use crate::sidecar::proxy::{Endings, Proxy};
use crate::sidecar::revocations::{CALL_TIMEOUT, Follower, Known};
use crate::sidecar::rules::Rules;
use crate::telemetry::sidecar::SidecarMetrics;
use crate::web::tls::{self, Certified};

/// The proxy in front of the application, as it judges here.
pub(super) type Front = Proxy<Counted<Arc<Gatekeeper>>>;

/// What a sidecar is made of.
pub(super) struct Parts {
    pub(super) authenticator: Arc<Authenticator>,
    /// Follows what has ended, once it runs.
    pub(super) follower: Option<Follower<Lists>>,
    /// What it has heard.
    pub(super) known: Option<Arc<Known>>,
    /// The proxy, with the certificate of its listener.
    pub(super) front: Option<(Arc<Front>, Option<Certified>)>,
    pub(super) check: Option<CheckEndpoint>,
    pub(super) metrics: SidecarMetrics,
}

impl Parts {
    /// Everything that the settings name.
    ///
    /// # Errors
    /// What of it cannot be made, and why.
    pub(super) fn new(settings: &SidecarSettings) -> anyhow::Result<Self> {
        let authenticator = Arc::new(authenticator(settings)?);
        let follower = settings.revocations.as_ref();
        let follower = follower.map(|asked| follower_of(asked, settings, &authenticator));
        let follower = follower.transpose()?;
        let known = follower.as_ref().map(Follower::known);
        let endings = endings(known.as_ref());
        let login = login(settings, &authenticator, &endings.revocations)?;
        let headers = IdentityHeaders::new(&settings.headers);
        let headers = match &login {
            Some(login) => headers.without_cookies(&login.cookie_names()),
            None => headers,
        };
        let rules = Rules::new(settings.rules.clone());
        let heard = Arc::clone(&endings.revocations);
        let gate = Gatekeeper::new(Arc::clone(&authenticator), rules, heard, now);
        let gate = Arc::new(gate.with_login(login));
        let metrics = SidecarMetrics::default();
        let front = settings.proxy.as_ref().map(|proxy| {
            let judge = Counted::new(Arc::clone(&gate), metrics.clone());
            let trusted = settings.trusted_proxies.clone();
            let front = Proxy::new(proxy, trusted, judge, headers.clone(), endings);
            let front = front.context("the application could never be called")?;
            anyhow::Ok((Arc::new(front), certificate(proxy)?))
        });
        let check = settings.check.as_ref().map(|check| {
            CheckEndpoint::new(gate, headers, check.allowed_peers.clone(), metrics.clone())
        });
        Ok(Self { authenticator, follower, known, front: front.transpose()?, check, metrics })
    }
}

/// What believes tokens of the issuers.
pub(super) fn authenticator(settings: &SidecarSettings) -> anyhow::Result<Authenticator> {
    let variables = ProxyVariables::of_this_process();
    Authenticator::new(&settings.issuers, &settings.outbound, &variables, now)
        .context("an issuer could never be asked for its keys")
}

/// Where browsers log in, if the settings say so.
fn login(
    settings: &SidecarSettings,
    authenticator: &Arc<Authenticator>,
    revocations: &Arc<dyn Revocations>,
) -> anyhow::Result<Option<Arc<BrowserLogin>>> {
    let Some(asked) = &settings.login else { return Ok(None) };
    let trusted = trusted(settings, asked.issuer.as_str(), "[login]")?;
    let variables = ProxyVariables::of_this_process();
    let calls = (&settings.outbound, &variables);
    let judges = (Arc::clone(authenticator), Arc::clone(revocations));
    let login = BrowserLogin::new(asked, trusted, calls, judges, now);
    login.map(|login| Some(Arc::new(login))).context("nobody could ever log in")
}

/// Who follows the list of the settings.
fn follower_of(
    asked: &RevocationsSettings,
    settings: &SidecarSettings,
    authenticator: &Authenticator,
) -> anyhow::Result<Follower<Lists>> {
    let issuer = asked.issuer.as_str();
    let trusted = trusted(settings, issuer, "[revocations]")?;
    let lists = authenticator.lists(issuer).context("issuer of [revocations] is unknown")?;
    let variables = ProxyVariables::of_this_process();
    let call = (Some(asked.url.clone()), CALL_TIMEOUT);
    let http = client_for(trusted, call, &settings.outbound, &variables)
        .context("it could never be asked which sessions have ended")?;
    Ok(Follower::new(asked, http.reading_at_most(MAX_LIST), lists, now))
}

fn trusted<'s>(
    settings: &'s SidecarSettings,
    issuer: &str,
    table: &str,
) -> anyhow::Result<&'s IssuerSettings> {
    let found = settings.issuers.iter().find(|one| one.issuer.as_str() == issuer);
    found.with_context(|| format!("issuer of {table} is none of [[issuers]]"))
}

/// Where it is heard that somebody's session was ended: nowhere, where nothing is followed.
fn endings(known: Option<&Arc<Known>>) -> Endings {
    match known {
        Some(known) => Endings { revocations: Arc::clone(known) as _, changes: known.changes() },
        None => Endings { revocations: Arc::new(NotFollowed), changes: watch::channel(0).1 },
    }
}

fn certificate(proxy: &ProxySettings) -> anyhow::Result<Option<Certified>> {
    let loaded = proxy.tls.as_ref().map(|files| tls::load(&files.certificate, &files.key));
    loaded.transpose().context("nothing can be served over TLS")
}
