//! From a provider's table to [`OAuth1`], whose defaults are Twitter's.
//!
//! Must not call anybody.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::callback::{Callback, callback};
use super::from_file::{FromFile, from_file};
use super::oauth2::{client_id, usable};
use super::place::{Transport, provider_url};
use crate::settings::outbound::{ProxyChoice, proxy};
use crate::settings::reader::Table;
use crate::settings::tokens::duration;

/// Twitter's servers.
const HOSTS: [&str; 6] =
    ["twitter.com", "www.twitter.com", "api.twitter.com", "x.com", "www.x.com", "api.x.com"];

/// An OAuth 1.0a provider (RFC 5849) that names the user beside the access token, as Twitter does.
#[derive(Clone, Debug)]
pub struct OAuth1 {
    /// `consumer_key`: 1 to 512 printable ASCII characters.
    pub consumer_key: String,
    /// `consumer_secret` or `consumer_secret_file`.
    pub consumer_secret: FromFile<SecretString>,
    /// `request_token_url`: where a login begins.
    pub request_token_url: Url,
    /// `authorize_url`: where browsers are sent.
    pub authorize_url: Url,
    /// `access_token_url`: where a login ends.
    pub access_token_url: Url,
    /// Where browsers come back to.
    pub callback: Callback,
    /// `timeout`: for all calls of one step together, 1 to 60 s, default 10 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// `proxy` or `proxy_file`: through which proxy it is called; default as `[outbound]` or the environment says.
    pub proxy: ProxyChoice,
}

pub(super) fn oauth1(table: &Table<'_>, name: &str, base: &Path) -> Option<OAuth1> {
    if let Some(host) = table.text("host")
        && !HOSTS.contains(&host.value.to_ascii_lowercase().as_str())
    {
        host.error("is not Twitter; leave it out and give request_token_url, authorize_url and access_token_url");
    }
    if let (Some(item), true) = (table.get("port"), table.number("port", 1..65536) != Some(443)) {
        item.error("is not where Twitter is; a right one is 443");
    }
    if let Some(item) = table.get("endpoint") {
        item.error("is not for oauth1; give request_token_url, authorize_url and access_token_url");
    }
    if table.get("settings").is_none() {
        table.missing(
            "settings",
            "[identity_providers.settings] with consumer_key and consumer_secret",
        );
    }
    let settings = table.table("settings")?;
    let consumer_key = client_id(&settings, ["consumer_key", "app_id"]);
    let consumer_secret =
        from_file(&settings, "consumer_secret", "consumer_secret_file", base, usable);
    let keys = ["consumer_secret", "consumer_secret_file"];
    if keys.iter().all(|key| settings.get(key).is_none()) {
        settings.missing(
            "consumer_secret",
            "what the provider gave beside the key, or consumer_secret_file",
        );
    }
    let place = |key: &'static str, known: &str| match settings.get(key) {
        Some(item) => provider_url(&item.text()?, Transport::Safe),
        None => known.parse().ok(),
    };
    let request_token_url =
        place("request_token_url", "https://api.twitter.com/oauth/request_token");
    let authorize_url = place("authorize_url", "https://api.twitter.com/oauth/authenticate");
    let access_token_url = place("access_token_url", "https://api.twitter.com/oauth/access_token");
    let callback = callback(&settings, name);
    let timeout = duration(&settings, "timeout", 1..=60, Duration::from_secs(10));
    let ca_file = settings.file("ca_file", base);
    let proxy = proxy(&settings, base);
    settings.finish();
    Some(OAuth1 {
        consumer_key: consumer_key?,
        consumer_secret: consumer_secret?,
        request_token_url: request_token_url?,
        authorize_url: authorize_url?,
        access_token_url: access_token_url?,
        callback,
        timeout: timeout?,
        ca_file,
        proxy,
    })
}
