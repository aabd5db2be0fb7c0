//! `--explain`: which rule is about a request, and why it may pass or not.
//!
//! Must not judge anything itself: it asks what a sidecar judges by.

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use http::{Method, Uri};

use super::parts::authenticator;
use crate::cli::print;
use crate::settings::sidecar::SidecarSettings;
use crate::sidecar::identity::Identity;
use crate::sidecar::path::RequestPath;
use crate::sidecar::rules::{Asked, Decision, Rules};

/// Longest token that is read from standard input, in bytes.
const MAX_TOKEN: u64 = 64 * 1024;

/// Ends with 0 when the request may pass, and with 1 when it may not.
pub(super) async fn explain(
    settings: &SidecarSettings,
    (method, url): (&str, &str),
    token: Option<String>,
) -> anyhow::Result<ExitCode> {
    let method = Method::from_bytes(method.as_bytes())
        .with_context(|| format!("{method:?} is no method; a right one is GET"))?;
    let (host, target) = split(url)?;
    let identity = match token {
        Some(token) => Some(known(settings, &token_of(token)?).await?),
        None => None,
    };
    match &identity {
        Some(identity) => {
            let groups = match identity.groups.as_slice() {
                [] => "no group".to_owned(),
                groups => groups.join(", "),
            };
            print(format_args!("user: {} ({groups}), by {}\n", identity.user, identity.issuer))?;
        }
        None => print("user: nobody is known\n")?,
    }
    let path = match RequestPath::of(target) {
        Ok(path) => path,
        Err(why) => {
            print(format_args!("refused before any rule: {why}\n"))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let asked = Asked { method: &method, host, path: &path };
    let decision = Rules::new(settings.rules.clone()).decide(&asked, identity.as_deref());
    print(format_args!("{decision}\n"))?;
    Ok(match decision {
        Decision::Allow { .. } => ExitCode::SUCCESS,
        Decision::LogIn { .. } | Decision::Refuse { .. } => ExitCode::FAILURE,
    })
}

/// The host and the target, to the byte as a client would send it: nothing of it is normalised.
fn split(url: &str) -> anyhow::Result<(&str, &str)> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(at);
    if host.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned()).is_none() {
        anyhow::bail!("{url:?} is no URL; a right one is https://app.example.com/articles/1");
    }
    Ok((host, if target.is_empty() { "/" } else { target }))
}

fn token_of(token: String) -> anyhow::Result<String> {
    if token != "-" {
        return Ok(token);
    }
    let mut read = String::new();
    std::io::stdin()
        .take(MAX_TOKEN)
        .read_to_string(&mut read)
        .context("no token can be read from standard input")?;
    Ok(read.trim().to_owned())
}

async fn known(settings: &SidecarSettings, token: &str) -> anyhow::Result<Arc<Identity>> {
    let authenticator = authenticator(settings)?;
    let failed = authenticator.fetch().await;
    authenticator.identify(token).await.map_err(|error| {
        let why: Vec<String> =
            failed.iter().map(|(issuer, error)| format!("; keys of {issuer}: {error}")).collect();
        anyhow::anyhow!("the token makes nobody known: {error}{}", why.concat())
    })
}
