//! The three ways to log in: a browser that comes back to this machine, a code that is typed elsewhere, a password.
//!
//! Owns what the person is told meanwhile, on standard error. Must not keep anything.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::api::{self, Api, encoded};
use super::desk::CLIENT_ID;
use super::kept::{Session, TokenClient};
use super::{browser, shown};
use crate::cli::{now, say};
use crate::outbound::HttpClient;
use crate::relying::{IssuerUrl, Login, Loopback, ProofKey, RelyingError, RelyingParty, Wish};

/// How long a browser is waited for.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often a login by a code is begun anew when Pasee does not know it any more, as after a restart.
const NEW_CODES: usize = 3;
const SCOPES: &[&str] = &["openid"];

/// How somebody wants to log in.
#[derive(Clone, Debug)]
pub(in crate::cli) enum LoginBy {
    /// In a browser on this machine.
    Browser,
    /// In a browser elsewhere.
    Device,
    /// By a password, at an identity provider that takes one.
    Password { provider: String, username: String, password: SecretString },
}

/// Logs in.
pub(in crate::cli) async fn sign_in(
    issuer: &IssuerUrl,
    http: &HttpClient,
    by: LoginBy,
) -> anyhow::Result<Session> {
    match by {
        LoginBy::Password { provider, username, password } => {
            by_password(issuer, http, (&provider, &username, &password)).await
        }
        LoginBy::Browser | LoginBy::Device => by_protocol(issuer, http, by).await,
    }
    .with_context(|| format!("you are not logged in to {issuer}"))
}

async fn by_protocol(
    issuer: &IssuerUrl,
    http: &HttpClient,
    by: LoginBy,
) -> anyhow::Result<Session> {
    let key = ProofKey::generate()?;
    let party = RelyingParty::discover(issuer, CLIENT_ID, Some(key.clone()), (http, now)).await?;
    let wish = Wish { scopes: SCOPES, resource: Some(issuer.as_str()) };
    let login = match by {
        LoginBy::Device => by_device(&party, wish).await?,
        _ => by_browser(&party, wish).await?,
    };
    let tokens = login.tokens;
    Session::new(login.subject, TokenClient::Pasee, tokens.access, tokens.refresh, Some(key))
}

async fn by_browser(party: &RelyingParty<'_>, wish: Wish<'_>) -> anyhow::Result<Login> {
    let loopback = Loopback::bind().await.map_err(RelyingError::Listen)?;
    let pending = party.begin(loopback.redirect_uri(), wish)?;
    say(format_args!(
        "log in in your browser, which opens this page, or open it yourself:\n  {}",
        pending.url
    ));
    browser::open(&pending.url);
    let answer = tokio::time::timeout(PATIENCE, loopback.answer(&pending)).await;
    let answer = answer.map_err(|_| RelyingError::TimedOut)?;
    Ok(party.finish(pending, &answer).await?)
}

async fn by_device(party: &RelyingParty<'_>, wish: Wish<'_>) -> anyhow::Result<Login> {
    for _ in 0..NEW_CODES {
        let login = party.begin_device(wish).await?;
        say(format_args!(
            "open {} in any browser and type this code there: {}",
            login.verification_uri,
            shown(&login.user_code)
        ));
        if let Some(complete) = &login.complete_uri {
            say(format_args!("or open {complete} and compare the code"));
        }
        match party.finish_device(login).await {
            Err(error) if error.is_refusal("invalid_grant") => {
                say("Pasee does not know that code any more, as after a restart; here is another");
            }
            login => return Ok(login?),
        }
    }
    Err(anyhow!("Pasee forgets each code before it is typed; try again in a while"))
}

async fn by_password(
    issuer: &IssuerUrl,
    http: &HttpClient,
    (provider, username, password): (&str, &str, &SecretString),
) -> anyhow::Result<Session> {
    let place = issuer.at(&format!("/tokens/?idp={}", encoded(provider)));
    let body = json!({ "login": username, "password": password.expose_secret() });
    let answer = api::send(http, (Method::POST, place), Vec::new(), Some(body.to_string())).await?;
    match answer.status {
        StatusCode::CREATED => {
            let (access, refresh) = api::pair(&answer)?;
            let session =
                Session::new(String::new(), TokenClient::PaseeHttp, access, refresh, None)?;
            let user = Api::new(issuer, session.clone())?.user().await?;
            Ok(Session { user, ..session })
        }
        // Such as a provider that is visited in a browser.
        status if status.is_success() => bail!(
            "{provider} takes no password; log in in a browser, with neither --idp nor --username"
        ),
        // There is nobody logged in whose login could be worth nothing.
        StatusCode::UNAUTHORIZED => bail!("{issuer} says: {}", answer.title()),
        _ => Err(answer.refusal(issuer)),
    }
}
