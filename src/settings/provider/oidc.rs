//! From a provider's table to [`Oidc`].
//!
//! Must not call anybody.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use crate::jose::algorithm::JwsAlgorithm;
use crate::settings::keys::secret;
use crate::settings::reader::{Item, Table};
use crate::settings::tokens::duration;

/// Longest id or secret of a client, scope or name of a claim, in bytes.
const MAX_TEXT: usize = 1024;
/// What is asked for when the settings do not say.
const SCOPES: [&str; 2] = ["profile", "email"];
/// What is believed when the settings do not say.
const ALGORITHMS: [&str; 5] = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];
/// Claims that somebody may change, or that may pass to somebody else.
const UNSTABLE: [&str; 5] = ["email", "name", "nickname", "preferred_username", "phone_number"];

const DAY: u64 = 24 * 60 * 60;

/// An OpenID provider.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// `issuer`: as the provider writes it; https, or http on this machine.
    pub issuer: String,
    /// Where the issuer's document is.
    pub discovery: Url,
    /// `client_id`: 1 to 1024 bytes.
    pub client_id: String,
    /// `client_secret` or `client_secret_file`: a client without one is a public client.
    pub client_secret: Option<SecretString>,
    /// `scopes`: `openid` first; default with `profile` and `email`.
    pub scopes: Vec<String>,
    /// `subject_claim`: whose value is the user's subject, default `sub`.
    pub subject_claim: String,
    /// `callback_url`: where the provider sends browsers back to, when that is not `<hostname>/tokens/?idp=NAME`.
    pub callback_url: Option<Url>,
    /// `algorithms`: what an ID token may be signed with; never symmetric.
    pub algorithms: Vec<JwsAlgorithm>,
    /// `user_info`: whether what the UserInfo endpoint says is taken too; default false.
    pub user_info: bool,
    /// `max_age`: how long ago the user may have shown the provider who they are, 1 s to 365 days; any time when absent.
    pub max_age: Option<Duration>,
    /// `prompt`: what the provider is to ask the user for.
    pub prompt: Option<String>,
    /// `timeout`: for all calls of a step together, 1 to 60 s, default 5 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

pub(super) fn oidc(table: &Table<'_>, base: &Path) -> Option<Oidc> {
    if table.get("settings").is_none() {
        table.missing("settings", "[identity_providers.settings] with issuer and client_id");
    }
    let settings = table.table("settings")?;
    let issuer = settings.needed("issuer", "\"https://accounts.example.com\"");
    let issuer = issuer.and_then(|item| Some((discovery(&item)?, item.value.to_owned())));
    let client_id = settings.needed("client_id", "what the provider calls this Pasee");
    let client_id = client_id.and_then(|item| bounded(&item, "a client_id").map(str::to_owned));
    let max_age = settings.get("max_age").is_some();
    let max_age = max_age.then(|| duration(&settings, "max_age", 1..=365 * DAY, Duration::ZERO));
    let oidc = Oidc {
        client_secret: client_secret(&settings, base),
        scopes: scopes(&settings),
        subject_claim: subject_claim(&settings),
        callback_url: settings.text("callback_url").and_then(|item| callback(&item)),
        algorithms: algorithms(&settings),
        user_info: settings.flag("user_info").unwrap_or(false),
        max_age: max_age.flatten(),
        prompt: settings.text("prompt").and_then(|item| prompt(&item)),
        timeout: duration(&settings, "timeout", 1..=60, Duration::from_secs(5)).unwrap_or_default(),
        ca_file: settings.file("ca_file", base),
        discovery: issuer.as_ref().map(|(discovery, _)| discovery.clone())?,
        issuer: issuer.map(|(_, issuer)| issuer)?,
        client_id: client_id?,
    };
    settings.finish();
    Some(oidc)
}

/// Where an issuer's document is (OpenID Connect Discovery 1.0 section 4).
fn discovery(item: &Item<'_, &str>) -> Option<Url> {
    let url = item.value.parse::<Url>().ok().filter(|url| {
        (url.scheme() == "https" || is_loopback(url))
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    let text = item.value.strip_suffix('/').unwrap_or(item.value);
    let document =
        url.and_then(|_| format!("{text}/.well-known/openid-configuration").parse().ok());
    if document.is_none() {
        item.error(
            "is no issuer; a right one is \"https://accounts.example.com\", as the provider writes it, without user, \
             query or fragment; http is for this machine only, such as \"http://127.0.0.1:3000\"",
        );
    }
    document
}

/// Whether calls in the clear to it stay on this machine.
fn is_loopback(url: &Url) -> bool {
    let stays = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && stays
}

fn bounded<'a>(item: &Item<'a, &'a str>, what: &str) -> Option<&'a str> {
    let fits = (1..=MAX_TEXT).contains(&item.value.len());
    if !fits || item.value.chars().any(char::is_control) {
        item.error(format_args!(
            "is no {what}; a right one has 1 to 1024 bytes, none of them a control character",
            what = what.trim_start_matches("a ")
        ));
        return None;
    }
    Some(item.value)
}

fn client_secret(settings: &Table<'_>, base: &Path) -> Option<SecretString> {
    let (found, item) = secret(settings, "client_secret", "client_secret_file", base)?;
    if !(1..=MAX_TEXT).contains(&found.expose_secret().len()) {
        item.error(
            "is no secret; a right one has 1 to 1024 bytes; a client without one leaves it out",
        );
        return None;
    }
    Some(found)
}

/// `openid` first, each scope once.
fn scopes(settings: &Table<'_>) -> Vec<String> {
    let mut scopes = vec!["openid".to_owned()];
    if settings.get("scopes").is_none() {
        scopes.extend(SCOPES.map(str::to_owned));
    }
    for item in settings.texts("scopes") {
        // RFC 6749 section 3.3.
        let is_token = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        let fits = (1..=MAX_TEXT).contains(&item.value.len()) && item.value.bytes().all(is_token);
        if !fits {
            item.error("is no scope; right ones are \"email\" and \"https://example.com/read\", each in quotes of its own");
        } else if !scopes.iter().any(|known| known == item.value) {
            scopes.push(item.value.to_owned());
        }
    }
    scopes
}

fn subject_claim(settings: &Table<'_>) -> String {
    let Some(item) = settings.text("subject_claim") else { return "sub".to_owned() };
    if UNSTABLE.contains(&item.value) {
        item.warn(
            "can change or pass to somebody else, who then has this user's groups; sub, the default, cannot",
        );
    }
    bounded(&item, "a claim").unwrap_or("sub").to_owned()
}

fn callback(item: &Item<'_, &str>) -> Option<Url> {
    let url = item.value.parse::<Url>().ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none()
    });
    if url.is_none() {
        item.error(
            "is no place to come back to; a right one is \"https://pasee.example.com/tokens/?idp=NAME\", which is the \
             default",
        );
    }
    url
}

fn algorithms(settings: &Table<'_>) -> Vec<JwsAlgorithm> {
    let Some(item) = settings.get("algorithms") else {
        return ALGORITHMS.iter().filter_map(|name| name.parse().ok()).collect();
    };
    let given = settings.texts("algorithms");
    if given.is_empty() {
        item.error("names no algorithm; a right one is [\"RS256\"]");
    }
    given.iter().filter_map(Item::parse).collect()
}

fn prompt(item: &Item<'_, &str>) -> Option<String> {
    let is_known = |word: &str| matches!(word, "login" | "consent" | "select_account");
    if item.value.is_empty() || !item.value.split(' ').all(is_known) {
        item.error("is not known; right ones are \"login\", \"consent\" and \"select_account\"");
        return None;
    }
    Some(item.value.to_owned())
}
