//! From a provider's table to [`OAuth2`]: what the settings say, over what a preset knows.
//!
//! Must not call anybody.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::authorization::parameters;
use super::callback::{Callback, callback_with_mode};
use super::dialect::{ClientAuth, Dialect, Pkce};
use super::expiry::warn_of_end;
use super::from_file::{FromFile, from_file};
use super::mapping::{ClaimSource, source};
use super::oidc::{max_answer_length, plain_http};
use super::place::{Transport, provider_url};
use super::preset::{self, Preset};
use crate::domain::claim::ClaimName;
use crate::settings::outbound::{ProxyChoice, proxy};
use crate::settings::reader::{Item, Table};
use crate::settings::tokens::duration;

/// Most places that are asked about a user beside the first.
const MAX_EXTRA: usize = 4;
/// Most scopes that are asked for.
const MAX_SCOPES: usize = 16;
/// Longest client id, secret and scope, in bytes.
pub(super) const MAX_TEXT: usize = 512;

/// An OAuth 2.0 provider with a user-info place (RFC 6749 section 4.1, RFC 6750).
#[derive(Clone, Debug)]
pub struct OAuth2 {
    /// `client_id` or `app_id`: 1 to 512 printable ASCII characters.
    pub client_id: String,
    /// `client_secret` or `app_secret`, or a file of one.
    pub client_secret: FromFile<SecretString>,
    /// `authorization_url`: where browsers are sent.
    pub authorization_url: Url,
    /// `token_url`: where a code becomes an access token.
    pub token_url: Url,
    /// `user_info_url`: what says, to an access token, who its user is.
    pub user_info_url: Url,
    /// `extra_user_info`: more such places, at most 4, each with the claim that its whole answer becomes.
    pub extra_user_info: Vec<(String, Url)>,
    /// `scopes`: what is asked for, at most 16.
    pub scopes: Vec<String>,
    /// `subject`: where the stable id of a user stands in the answer.
    pub subject: ClaimSource,
    /// `username`: where the name stands that people read; it becomes the claim `preferred_username`.
    pub username: Option<ClaimSource>,
    /// `client_auth`: how this client proves itself.
    pub client_auth: ClientAuth,
    /// `pkce`: default on.
    pub pkce: Pkce,
    /// What else the provider is asked in a way of its own.
    pub dialect: Dialect,
    /// Where browsers come back to.
    pub callback: Callback,
    /// `authorization_parameters`: what the provider is told beside; never what makes a login this one.
    pub authorization_parameters: Vec<(String, String)>,
    /// `plain_http`: whether the provider may be called in the clear on another machine; default never.
    pub transport: Transport,
    /// `max_answer_length`: how much of an answer is read, 64 KiB to 4 MiB, default 1 MiB.
    pub max_answer_length: usize,
    /// `timeout`: for all calls of one login together, 1 to 60 s, default 10 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// `proxy` or `proxy_file`: through which proxy it is called; default as `[outbound]` or the environment says.
    pub proxy: ProxyChoice,
}

pub(super) fn oauth2(table: &Table<'_>, name: &str, base: &Path) -> Option<OAuth2> {
    let right = "[identity_providers.settings] with client_id and client_secret";
    if table.get("settings").is_none() {
        table.missing("settings", right);
    }
    for key in ["host", "port", "endpoint"] {
        table.get(key);
    }
    let settings = table.table("settings")?;
    let transport = plain_http(&settings);
    let preset = preset::preset(table, &settings, transport);
    let client_id = client_id(&settings, ["client_id", "app_id"]);
    let client_secret = client_secret(&settings, base);
    let known = preset.clone().flatten();
    let places = places(&settings, preset.as_ref(), transport);
    let extra_user_info = extra(&settings, transport);
    let dialect = dialect(&settings, known.as_ref());
    let scopes = scopes(&settings, known.as_ref(), dialect);
    let subject = place(&settings, "subject", known.as_ref().map(|preset| preset.subject));
    let username = place(&settings, "username", known.as_ref().map(|preset| preset.username));
    if let (None, Some(None)) = (&subject, &preset)
        && settings.get("subject").is_none()
    {
        settings.missing("subject", "\"sub\", or \"/data/id\" for what stands deeper");
    }
    let client_auth = client_auth(&settings, known.as_ref());
    let pkce = pkce(&settings);
    let callback = callback_with_mode(&settings, name);
    let authorization_parameters = parameters(&settings, &[]);
    let max_answer_length = max_answer_length(&settings);
    let timeout = duration(&settings, "timeout", 1..=60, Duration::from_secs(10));
    let ca_file = settings.file("ca_file", base);
    let proxy = proxy(&settings, base);
    settings.finish();
    preset?;
    let [authorization_url, token_url, user_info_url] = places;
    Some(OAuth2 {
        client_id: client_id?,
        client_secret: client_secret?,
        authorization_url: authorization_url?,
        token_url: token_url?,
        user_info_url: user_info_url?,
        extra_user_info,
        scopes,
        subject: subject?,
        username,
        client_auth: client_auth?,
        pkce,
        dialect,
        callback,
        authorization_parameters,
        transport,
        max_answer_length,
        timeout: timeout?,
        ca_file,
        proxy,
    })
}

/// A public name of this client, under either of two keys.
pub(super) fn client_id(settings: &Table<'_>, keys: [&'static str; 2]) -> Option<String> {
    let [first, second] = keys.map(|key| settings.text(key));
    let item = match (first, second) {
        (Some(_), Some(second)) => {
            second.error(format_args!("stands beside {}; a right file has one of them", keys[0]));
            return None;
        }
        (Some(item), None) | (None, Some(item)) => item,
        (None, None) => {
            if keys.iter().all(|key| settings.get(key).is_none()) {
                settings.missing(keys[0], "what the provider calls this client");
            }
            return None;
        }
    };
    let is_printable = |byte: u8| (0x21..=0x7e).contains(&byte);
    if !(1..=MAX_TEXT).contains(&item.value.len()) || !item.value.bytes().all(is_printable) {
        item.error("is no id of a client; a right one has 1 to 512 printable ASCII characters without space");
        return None;
    }
    Some(item.value.to_owned())
}

fn client_secret(settings: &Table<'_>, base: &Path) -> Option<FromFile<SecretString>> {
    let first = from_file(settings, "client_secret", "client_secret_file", base, usable);
    warn_of_end(settings, first.as_ref());
    let second = from_file(settings, "app_secret", "app_secret_file", base, usable);
    let given = |keys: [&'static str; 2]| keys.into_iter().find_map(|key| settings.get(key));
    let one = given(["client_secret", "client_secret_file"]);
    match (one, given(["app_secret", "app_secret_file"])) {
        (Some(_), Some(item)) => {
            item.error("stands beside client_secret; a right file has one of them");
            None
        }
        (None, None) => {
            settings.missing(
                "client_secret",
                "the secret that the provider gave this client, or client_secret_file",
            );
            None
        }
        _ => first.or(second),
    }
}

/// A secret that can be sent; never shown.
pub(super) fn usable(secret: SecretString) -> Result<SecretString, String> {
    let text = secret.expose_secret();
    let fits = (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits {
        return Ok(secret);
    }
    Err("is no secret of a client; a right one has 1 to 512 bytes on one line".to_owned())
}

/// Where to send browsers, get tokens and ask about users.
fn places(
    settings: &Table<'_>,
    preset: Option<&Option<Preset>>,
    transport: Transport,
) -> [Option<Url>; 3] {
    let known = preset.and_then(Option::as_ref).map(|preset| {
        [&preset.authorization_url, &preset.token_url, &preset.user_info_url].map(Url::clone)
    });
    let [authorization, token, user_info] = match known {
        Some(known) => known.map(Some),
        None => [None, None, None],
    };
    let given = |key: &'static str, known: Option<Url>, right: &str| match settings.get(key) {
        Some(item) => provider_url(&item.text()?, transport),
        None if known.is_some() => known,
        // Which preset is meant is the mistake then.
        None if preset.is_none() => None,
        None => {
            settings.missing(key, right);
            None
        }
    };
    [
        given("authorization_url", authorization, "\"https://id.example.com/authorize\""),
        given("token_url", token, "\"https://id.example.com/token\""),
        given("user_info_url", user_info, "\"https://id.example.com/userinfo\""),
    ]
}

/// `extra_user_info`: from claims of ours to places.
fn extra(settings: &Table<'_>, transport: Transport) -> Vec<(String, Url)> {
    let Some(item) = settings.get("extra_user_info") else { return Vec::new() };
    let Some(table) = item.table() else { return Vec::new() };
    let places: Vec<_> = table
        .entries()
        .filter_map(|(name, item)| {
            let name = name.parse::<ClaimName>().map_err(|error| item.error(error)).ok()?;
            Some((name.as_str().to_owned(), provider_url(&item.text()?, transport)?))
        })
        .collect();
    if places.len() > MAX_EXTRA {
        item.error("has more than 4 places; a right one has 1 to 4, such as { emails = \"https://id.example.com/emails\" }");
    }
    places
}

fn scopes(settings: &Table<'_>, preset: Option<&Preset>, dialect: Dialect) -> Vec<String> {
    let mut scopes: Vec<String> = match settings.get("scopes") {
        None => preset.map(|preset| preset.scopes.iter().copied().map(str::to_owned).collect()),
        Some(_) => Some(settings.texts("scopes").iter().filter_map(scope).collect()),
    }
    .unwrap_or_default();
    let asks_more = matches!(
        dialect,
        Dialect::GitHub { organizations: true, .. } | Dialect::GitHub { teams: true, .. }
    );
    let is_enough =
        |scope: &String| matches!(scope.as_str(), "read:org" | "write:org" | "admin:org");
    if asks_more && !scopes.iter().any(is_enough) {
        scopes.push("read:org".to_owned());
    }
    let asks_groups = dialect == Dialect::GitLab { groups: true };
    if asks_groups && !scopes.iter().any(|scope| scope == "openid") {
        scopes.push("openid".to_owned());
    }
    if let (Some(item), true) = (settings.get("scopes"), scopes.len() > MAX_SCOPES) {
        item.error("has more than 16 scopes");
    }
    scopes
}

/// RFC 6749 section 3.3.
fn scope(item: &Item<'_, &str>) -> Option<String> {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    if (1..=MAX_TEXT).contains(&item.value.len()) && item.value.bytes().all(allowed) {
        return Some(item.value.to_owned());
    }
    item.error("is no scope; a right one is one word, such as \"email\"");
    None
}

fn place(settings: &Table<'_>, key: &'static str, known: Option<&str>) -> Option<ClaimSource> {
    match settings.get(key) {
        Some(item) => source(&item.text()?),
        None => known.map(|known| ClaimSource(known.to_owned())),
    }
}

fn client_auth(settings: &Table<'_>, preset: Option<&Preset>) -> Option<ClientAuth> {
    let Some(item) = settings.get("client_auth") else {
        return Some(preset.map_or(ClientAuth::Basic, |preset| preset.client_auth));
    };
    let item = item.text()?;
    match item.value {
        // As OpenID Connect calls them.
        "client_secret_basic" => Some(ClientAuth::Basic),
        "client_secret_post" => Some(ClientAuth::Post),
        _ => item.one_of(&[("basic", ClientAuth::Basic), ("post", ClientAuth::Post)]),
    }
}

fn pkce(settings: &Table<'_>) -> Pkce {
    if settings.flag("pkce").unwrap_or(true) {
        return Pkce::S256;
    }
    if let Some(item) = settings.get("pkce") {
        item.warn("a code that somebody else gets hold of can be used; leave it out unless the provider refuses PKCE");
    }
    Pkce::Off
}

fn dialect(settings: &Table<'_>, preset: Option<&Preset>) -> Dialect {
    let known = preset.map_or(Dialect::Plain, |preset| preset.dialect);
    let [organizations, teams] = ["organizations", "teams"].map(|key| {
        if let (Some(item), false) = (settings.get(key), matches!(known, Dialect::GitHub { .. })) {
            item.error("is for GitHub only; leave it out");
        }
        settings.flag(key).unwrap_or(false)
    });
    if let (Some(item), false) = (settings.get("groups"), matches!(known, Dialect::GitLab { .. })) {
        item.error("is for GitLab only; leave it out");
    }
    let groups = settings.flag("groups").unwrap_or(false);
    match known {
        Dialect::GitHub { .. } => Dialect::GitHub { organizations, teams },
        Dialect::GitLab { .. } => Dialect::GitLab { groups },
        other => other,
    }
}
