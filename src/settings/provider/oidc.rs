//! From a provider's table to [`Oidc`].
//!
//! Must not call anybody.
//!
//! | File | Owns |
//! |---|---|
//! | `issuer` | who is believed, and where their document is |
//! | `client` | how this client proves itself |

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use self::client::proof;
use self::issuer::{issuer, transport};
use super::authorization::parameters;
use super::callback::{Callback, callback_anywhere};
use super::place::Transport;
use crate::jose::algorithm::JwsAlgorithm;
use crate::jose::issuer::TrustedIssuer;
use crate::settings::outbound::{ProxyChoice, proxy};
use crate::settings::reader::{Item, Table, quoted};
use crate::settings::tokens::duration;

mod client;
mod issuer;

pub use self::client::{ClientKey, ClientProof, SecretUse};
pub(super) use self::issuer::transport as plain_http;

/// Longest id or secret of a client, scope or name of a claim, in bytes.
const MAX_TEXT: usize = 1024;
/// What is asked for when the settings do not say.
const SCOPES: [&str; 2] = ["profile", "email"];
/// What is believed when the settings do not say.
const ALGORITHMS: [&str; 6] = ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"];
/// How much of an answer is read, in bytes: when the settings do not say, and what they may say.
const ANSWER: usize = 1024 * 1024;
const ANSWERS: std::ops::Range<u64> = 64 * 1024..4 * 1024 * 1024 + 1;
/// What has a key of its own.
const OWN_PARAMETERS: [&str; 2] = ["max_age", "prompt"];
/// Claims that somebody may change, or that may pass to somebody else.
const UNSTABLE: [&str; 5] = ["email", "name", "nickname", "preferred_username", "phone_number"];

/// What a provider can be told to ask the user for.
const PROMPTS: [&str; 3] = ["login", "consent", "select_account"];

const DAY: u64 = 24 * 60 * 60;

/// An OpenID provider.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// `issuer` and `tenants`: as the provider writes it; https, or http on this machine or with `plain_http`.
    pub issuer: TrustedIssuer,
    /// `discovery_url`: where the issuer's document is, when that is not below the issuer.
    pub discovery: Url,
    /// `plain_http`: whether the provider may be called in the clear on another machine; default never.
    pub transport: Transport,
    /// `client_id`: 1 to 1024 bytes.
    pub client_id: String,
    /// `client_auth` and the secret or the key for it: a client without one is a public client.
    pub client_proof: ClientProof,
    /// `scopes`: `openid` first; default with `profile` and `email`.
    pub scopes: Vec<String>,
    /// `subject_claim`: whose value is the user's subject, default `sub`.
    pub subject_claim: String,
    /// Where browsers come back to.
    pub callback: Callback,
    /// `algorithms`: what an ID token may be signed with; never symmetric.
    pub algorithms: Vec<JwsAlgorithm>,
    /// `user_info`: whether what the UserInfo endpoint says is taken too; default false.
    pub user_info: bool,
    /// `claim_sources`: the servers that are asked for claims which the provider leaves out and says to be there, as host or
    /// host and port, at most 4; none when absent.
    pub claim_sources: Vec<String>,
    /// `max_age`: how long ago the user may have shown the provider who they are, 1 s to 365 days; any time when absent.
    pub max_age: Option<Duration>,
    /// `prompt`: what the provider is to ask the user for.
    pub prompt: Option<String>,
    /// `authorization_parameters`: what the provider is told beside; never what makes a login this one.
    pub authorization_parameters: Vec<(String, String)>,
    /// `clock_skew`: how far its clock may be from ours, 0 to 300 s, default 60 s.
    pub clock_skew: Duration,
    /// `max_answer_length`: how much of an answer is read, an ID token with all in it, 64 KiB to 4 MiB, default 1 MiB.
    pub max_answer_length: usize,
    /// `timeout`: for all calls of a step together, 1 to 60 s, default 5 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// `proxy` or `proxy_file`: through which proxy it is called; default as `[outbound]` or the environment says.
    pub proxy: ProxyChoice,
}

pub(super) fn oidc(table: &Table<'_>, name: &str, base: &Path) -> Option<Oidc> {
    if table.get("settings").is_none() {
        table.missing("settings", "[identity_providers.settings] with issuer and client_id");
    }
    let settings = table.table("settings")?;
    let transport = transport(&settings);
    let issuer = issuer(&settings, transport);
    let client_id = settings.needed("client_id", "what the provider calls this Pasee");
    let client_id = client_id.and_then(|item| bounded(&item, "a client_id").map(str::to_owned));
    let max_age = settings.get("max_age").is_some();
    let max_age = max_age.then(|| duration(&settings, "max_age", 1..=365 * DAY, Duration::ZERO));
    let client_proof = proof(&settings, base);
    let skew = duration(&settings, "clock_skew", 0..=300, Duration::from_secs(60));
    let answer = max_answer_length(&settings);
    let authorization_parameters = parameters(&settings, &OWN_PARAMETERS);
    let oidc = Oidc {
        authorization_parameters,
        clock_skew: skew.unwrap_or_default(),
        max_answer_length: answer,
        transport,
        scopes: scopes(&settings),
        subject_claim: subject_claim(&settings),
        callback: callback_anywhere(&settings, name),
        algorithms: algorithms(&settings),
        user_info: settings.flag("user_info").unwrap_or(false),
        claim_sources: claim_sources(&settings),
        max_age: max_age.flatten(),
        prompt: settings.text("prompt").and_then(|item| prompt(&item)),
        timeout: duration(&settings, "timeout", 1..=60, Duration::from_secs(5)).unwrap_or_default(),
        ca_file: settings.file("ca_file", base),
        proxy: proxy(&settings, base),
        discovery: issuer.as_ref().map(|(_, discovery)| discovery.clone())?,
        issuer: issuer.map(|(issuer, _)| issuer)?,
        client_id: client_id?,
        client_proof: client_proof?,
    };
    settings.finish();
    Some(oidc)
}

/// `max_answer_length`.
pub(super) fn max_answer_length(settings: &Table<'_>) -> usize {
    let most = settings.number("max_answer_length", ANSWERS);
    most.and_then(|most| usize::try_from(most).ok()).unwrap_or(ANSWER)
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
    let is_known = |word: &str| PROMPTS.contains(&word);
    if item.value.is_empty() || !item.value.split(' ').all(is_known) {
        item.error(format_args!("is not known; right ones are {}", quoted(PROMPTS, "and")));
        return None;
    }
    Some(item.value.to_owned())
}

/// Hosts, each perhaps with a port: a claim's source is one of these to the letter, whatever the provider says.
fn claim_sources(settings: &Table<'_>) -> Vec<String> {
    let mut sources = Vec::new();
    for item in settings.texts("claim_sources") {
        let url = format!("https://{}/", item.value).parse::<Url>().ok();
        let is_bare = |url: &Url| {
            url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
                && url.authority() == item.value
        };
        if url.as_ref().is_some_and(is_bare) {
            sources.push(item.value.to_owned());
        } else {
            item.error("is no server; a right one is \"graph.microsoft.com\", in small letters, perhaps with a port, without scheme and path");
        }
    }
    if let (Some(item), true) = (settings.get("claim_sources"), sources.len() > 4) {
        item.error("has more than 4 servers");
    }
    sources
}
