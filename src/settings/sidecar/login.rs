//! From `[login]` to how browsers log in.
//!
//! Must not open a cookie.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use super::pattern::HostPattern;
use crate::domain::token::Issuer;
use crate::settings::keys::{secret, secret_file};
use crate::settings::reader::{Item, Table};

/// Shortest secret that cookies are sealed with, in bytes.
const MIN_SECRET: usize = 32;
/// Most secrets of cookies.
const MAX_SECRETS: usize = 8;
/// Most scopes.
const MAX_SCOPES: usize = 32;

/// How browsers log in, as a client of a Pasee.
#[derive(Clone, Debug)]
pub struct LoginSettings {
    /// `issuer`: the Pasee, one of `[[issuers]]`.
    pub issuer: Issuer,
    /// `client_id`: who we are there.
    pub client_id: String,
    /// `client_secret` or `client_secret_file`: how we show it.
    pub client_secret: SecretString,
    /// `cookie_secrets` or `cookie_secret_files`: 1 to 8, of at least 32 characters each; the first seals, all of them open.
    pub cookie_secrets: Vec<SecretString>,
    /// `url`: what browsers reach us at, scheme, host and port; the callback is below.
    pub url: Url,
    /// `path`: what our own paths begin with; default `/.pasee`.
    pub path: String,
    /// `scopes`: what is asked for besides `openid`; default `offline_access`.
    pub scopes: Vec<String>,
    /// `cookie_domain`: for which domain the cookie is, where one sign-in serves several hosts; default the one host.
    pub cookie_domain: Option<String>,
    /// `redirect_hosts`: where a browser may be sent back to besides the host it asks at; default nowhere.
    pub redirect_hosts: Vec<HostPattern>,
}

pub(super) fn login(table: Table<'_>, base: &Path) -> Option<LoginSettings> {
    let issuer = table.needed("issuer", "\"https://pasee.example.com\", one of [[issuers]]");
    let issuer = issuer.and_then(|item| item.parse());
    let client_id = table.needed("client_id", "the id of a client of that Pasee, such as \"app\"");
    let client_secret = secret(&table, "client_secret", "client_secret_file", base);
    if table.get("client_secret").is_none() && table.get("client_secret_file").is_none() {
        table.missing("client_secret_file", "the path of a file with the client's secret alone");
    }
    let cookie_secrets = cookie_secrets(&table, base);
    let right = "\"https://app.example.com\", what browsers reach the application at";
    let url = table.needed("url", right).and_then(|item| url(&item));
    let path = match table.text("path") {
        Some(item) => path(&item),
        None => Some("/.pasee".to_owned()),
    };
    let scopes = scopes(&table);
    let cookie_domain = match table.text("cookie_domain") {
        Some(item) => cookie_domain(&item, url.as_ref()).map(Some),
        None => Some(None),
    };
    let hosts: Vec<Option<HostPattern>> =
        table.texts("redirect_hosts").iter().map(Item::parse).collect();
    table.finish();
    Some(LoginSettings {
        issuer: issuer?,
        client_id: client_id?.value.to_owned(),
        client_secret: client_secret?.0,
        cookie_secrets: cookie_secrets?,
        url: url?,
        path: path?,
        scopes: scopes?,
        cookie_domain: cookie_domain?,
        redirect_hosts: hosts.into_iter().collect::<Option<_>>()?,
    })
}

fn cookie_secrets(table: &Table<'_>, base: &Path) -> Option<Vec<SecretString>> {
    let inline = table.texts("cookie_secrets");
    let files = table.texts("cookie_secret_files");
    let read = inline
        .iter()
        .map(|item| (item, Some(SecretString::from(item.value))))
        .chain(files.iter().map(|item| (item, secret_file(item, base))));
    let mut secrets = Vec::new();
    for (item, secret) in read {
        let secret = secret?;
        if secret.expose_secret().len() < MIN_SECRET {
            item.error(
                "has less than 32 characters; a right one is what `openssl rand -base64 32` prints",
            );
        }
        secrets.push(secret);
    }
    if secrets.is_empty() {
        table.missing("cookie_secret_files", "the paths of files with 32 random characters or more each, such as [\"cookie.secret\"]");
        return None;
    }
    if secrets.len() > MAX_SECRETS {
        table.report.error(
            table.at,
            &table.path("cookie_secrets"),
            "has more than 8; a right list has the one that seals, and those before it",
        );
    }
    Some(secrets)
}

fn url(item: &Item<'_, &str>) -> Option<Url> {
    let url: Option<Url> = item.value.parse().ok();
    let is_near = |url: &Url| match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let is_right = |url: &Url| {
        (url.scheme() == "https" && url.has_host() || url.scheme() == "http" && is_near(url))
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    let url = url.filter(is_right);
    if url.is_none() {
        item.error(
            "is no place that browsers log in at; a right one is \"https://app.example.com\" (http for this machine alone), without \
             path, query and user",
        );
    }
    url
}

/// Where our own paths are: nothing that an application has.
fn path(item: &Item<'_, &str>) -> Option<String> {
    let rest = item.value.strip_prefix('/').unwrap_or_default();
    let is_one = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !matches!(part, "" | "." | "..") && part.bytes().all(allowed)
    };
    if rest.len() > 200 || !rest.split('/').all(is_one) {
        item.error("is no path; a right one is \"/.pasee\", without a slash at the end");
        return None;
    }
    Some(item.value.to_owned())
}

fn scopes(table: &Table<'_>) -> Option<Vec<String>> {
    if table.get("scopes").is_none() {
        return Some(vec!["offline_access".to_owned()]);
    }
    let items = table.texts("scopes");
    let is_one = |item: &&Item<'_, &str>| {
        let is_graphic = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        let right = !item.value.is_empty() && item.value.bytes().all(is_graphic);
        if !right {
            item.error("is no scope; a right one is \"offline_access\"");
        }
        right
    };
    let scopes: Vec<String> =
        items.iter().filter(is_one).map(|item| item.value.to_owned()).collect();
    (scopes.len() <= MAX_SCOPES).then_some(scopes)
}

fn cookie_domain(item: &Item<'_, &str>, url: Option<&Url>) -> Option<String> {
    let domain = item.value.trim_start_matches('.').to_ascii_lowercase();
    let is_domain = matches!(Host::parse(&domain), Ok(Host::Domain(same)) if same == domain);
    let host = url.and_then(Url::host_str);
    let is_ours = host.is_none_or(|host| {
        host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
    });
    if !is_domain || !domain.contains('.') || !is_ours {
        item.error(
            "is no domain of url; a right one is \"example.com\" for https://app.example.com",
        );
        return None;
    }
    Some(domain)
}
