//! `pasee kubectl-credential`: what kubectl runs to log in (client.authentication.k8s.io/v1).
//!
//! Owns how kubectl is answered, and that many of them at once, with a login that is over, open one browser at most. Must not
//! know how tokens are had.

use std::env;
use std::io::{IsTerminal, stdin};

use anyhow::{Context, Error, bail};
use clap::Args;
use serde_json::{Value, json};

use super::person::desk::{Desk, NoToken};
use super::person::issuer::IssuerOption;
use super::person::kept::{Kept, RefusedLogin};
use super::person::sign_in::{LoginBy, sign_in};
use super::person::state::{LockedPlace, Place};
use super::person::wait_for;
use super::token::bearer;
use super::{now, print, report};
use crate::domain::time::Timestamp;
use crate::domain::token::Audience;
use crate::relying::AccessToken;

/// The only version that is answered in.
pub(super) const API_VERSION: &str = "client.authentication.k8s.io/v1";
/// Where kubectl says what it wants.
const EXEC_INFO: &str = "KUBERNETES_EXEC_INFO";
/// How long kubectl keeps a token at most, in seconds: what it keeps it shows without asking whether the session goes on.
const MAX_KEPT: i64 = 300;
/// How long a login that came to nothing is remembered, in seconds: those who waited for it do not begin another.
const REMEMBERED: i64 = 10;

#[derive(Args, Debug)]
#[command(after_help = "`pasee kubeconfig` writes the entry of a kubeconfig that runs this.")]
pub(super) struct KubectlCredential {
    #[command(flatten)]
    issuer: IssuerOption,

    /// The audience that the API server wants, and that tokens for it are for alone
    #[arg(long, value_name = "AUDIENCE")]
    audience: Audience,
}

/// Whether somebody is there to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Somebody,
    Nobody,
}

impl KubectlCredential {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let presence = presence(env::var(EXEC_INFO).ok().as_deref())?;
        let place = self.issuer.place()?;
        let desk = Desk::new(&place)?;
        let audience = self.audience.as_str();
        let token = match desk.kept_for(audience)? {
            Some(token) => token,
            None => wait_for(had(&place, &desk, audience, presence))?,
        };
        print(format_args!("{}\n", credential(bearer(&token)?, &token, now())))
    }
}

/// A token that one process gets for all that ask.
async fn had(
    place: &Place,
    desk: &Desk<'_>,
    audience: &str,
    presence: Presence,
) -> anyhow::Result<AccessToken> {
    let locked = place.lock(|| ())?;
    match desk.token_with(&locked, audience).await {
        Err(NoToken::LogIn(why)) => {
            log_in(place, desk, &locked, (why, presence)).await?;
            let token = desk.token_with(&locked, audience).await;
            token.map_err(|none| none.into_error(place))
        }
        token => token.map_err(|none| none.into_error(place)),
    }
}

async fn log_in(
    place: &Place,
    desk: &Desk<'_>,
    locked: &LockedPlace<'_>,
    (why, presence): (String, Presence),
) -> anyhow::Result<()> {
    if let Some(refused) = locked.read()?.refused.filter(|refused| is_recent(refused, now())) {
        bail!(
            "a login came to nothing a moment ago, and is not tried again for {REMEMBERED} s: {}",
            refused.why
        );
    }
    if presence == Presence::Nobody {
        return Err(NoToken::LogIn(why).into_error(place));
    }
    match sign_in(place.issuer(), desk.http(), LoginBy::Browser).await {
        Ok(session) => locked.write(&Kept::of(session)),
        Err(error) => {
            let refused = RefusedLogin { at: now().as_unix(), why: report::tell(&error) };
            locked.write(&Kept { session: None, refused: Some(refused) })?;
            Err(error)
        }
    }
}

/// Whether a login has come to nothing just now. One in the future was written by another clock.
fn is_recent(refused: &RefusedLogin, now: Timestamp) -> bool {
    (0..REMEMBERED).contains(&(now.as_unix() - refused.at))
}

/// What kubectl says of who is there; without a word of it, whether somebody types.
fn presence(info: Option<&str>) -> anyhow::Result<Presence> {
    let is_there = match info {
        None => stdin().is_terminal(),
        Some(info) => {
            let wrong = || format!("{EXEC_INFO} is not what kubectl says there");
            let info: Value = serde_json::from_str(info).map_err(|_| Error::msg(wrong()))?;
            match info.get("apiVersion").and_then(Value::as_str) {
                Some(API_VERSION) => {}
                other => bail!(
                    "the kubeconfig asks in the version {:?}; a right one says apiVersion: {API_VERSION}",
                    super::person::shown(other.unwrap_or_default())
                ),
            }
            let spec = info.get("spec").with_context(wrong)?;
            spec.get("interactive").and_then(Value::as_bool).unwrap_or(false)
        }
    };
    Ok(if is_there { Presence::Somebody } else { Presence::Nobody })
}

/// What kubectl reads. It takes a token to be good to the second that it is told, so it is told early.
fn credential(shown: &str, token: &AccessToken, now: Timestamp) -> Value {
    let end = token.stale_at().min(now.as_unix() + MAX_KEPT);
    let end = jiff::Timestamp::from_second(end).map(|end| end.to_string()).unwrap_or_default();
    json!({
        "apiVersion": API_VERSION,
        "kind": "ExecCredential",
        "status": { "token": shown, "expirationTimestamp": end },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relying::{Token, TokenScheme};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).unwrap()
    }

    #[test]
    fn kubectl_is_told_early() {
        for (lifetime, end) in [
            (900, "2027-01-15T08:05:00Z"),
            (300, "2027-01-15T08:04:30Z"),
            (100, "2027-01-15T08:01:30Z"),
        ] {
            let now = at(1_800_000_000);
            let token = Token::read("t").unwrap();
            let token = AccessToken::new(token, TokenScheme::Bearer, lifetime, now);
            assert_eq!(
                credential("t", &token, now),
                json!({
                    "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                    "status": { "token": "t", "expirationTimestamp": end },
                })
            );
        }
    }

    #[test]
    fn who_is_there() {
        let said = |spec: Value| json!({ "apiVersion": API_VERSION, "spec": spec }).to_string();
        for (info, expected) in [
            (said(json!({ "interactive": true })), Some(Presence::Somebody)),
            (said(json!({ "interactive": false })), Some(Presence::Nobody)),
            (said(json!({})), Some(Presence::Nobody)),
            (json!({ "apiVersion": API_VERSION }).to_string(), None),
            (
                json!({ "apiVersion": "client.authentication.k8s.io/v1beta1", "spec": {} })
                    .to_string(),
                None,
            ),
            (String::new(), None),
            ("[]".to_owned(), None),
        ] {
            assert_eq!(presence(Some(&info)).ok(), expected, "{info}");
        }
    }

    #[test]
    fn what_was_refused_just_now() {
        let refused = RefusedLogin { at: 1000, why: String::new() };
        for (now, recent) in [(999, false), (1000, true), (1009, true), (1010, false)] {
            assert_eq!(is_recent(&refused, at(now)), recent, "{now}");
        }
    }
}
