//! From a provider's table to [`Pasee`]: another Pasee.
//!
//! Must not call anybody.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::{Host, Url};

use super::kisee::endpoint;
use super::{IdentityProvider, Protocol};
use crate::domain::token::{Audience, Issuer};
use crate::domain::user::ProviderName;
use crate::jose::key::PublicKey;
use crate::settings::Jwt;
use crate::settings::keys::public_key;
use crate::settings::outbound::{ProxyChoice, proxy};
use crate::settings::reader::{Item, Table};
use crate::settings::tokens::duration;

/// Most providers of another Pasee that are let in.
const MAX_PROVIDERS: usize = 64;

/// Another Pasee, whose users are let in.
#[derive(Clone, Debug)]
pub struct Pasee {
    /// `endpoint`, or made from `host` and `port` as for a Kisee; with a slash at the end.
    pub endpoint: Url,
    /// `public_keys`: what it signs with; those that it publishes when absent.
    pub public_keys: Option<Vec<PublicKey>>,
    /// `issuer`: what its tokens must say; never our own.
    pub issuer: Issuer,
    /// `audience`: what its tokens must say; its issuer when absent.
    pub audience: Option<Audience>,
    /// `idp`: its provider to which names and passwords are forwarded; none are when absent.
    pub idp: Option<ProviderName>,
    /// `providers`: its providers whose users are let in, 1 to 64; default `idp` alone.
    pub providers: Vec<ProviderName>,
    /// `timeout`: for a whole login, 1 to 60 s, default 5 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// `proxy` or `proxy_file`: through which proxy it is called; default as `[outbound]` or the environment says.
    pub proxy: ProxyChoice,
}

pub(super) fn another_pasee(table: &Table<'_>, base: &Path) -> Option<Pasee> {
    let endpoint = endpoint(table).map(with_slash);
    if table.get("settings").is_none() {
        table.missing(
            "settings",
            "[identity_providers.settings] with issuer = \"pasee.example.com\"",
        );
    }
    let settings = table.table("settings")?;
    let issuer = settings.needed("issuer", "\"pasee.example.com\", its iss");
    let issuer = issuer.and_then(|item| item.parse());
    let audience = settings.get("audience").map(|_| settings.parsed("audience"));
    let idp = settings.get("idp").map(|_| settings.parsed::<ProviderName>("idp"));
    let providers = providers(&settings, idp.as_ref().and_then(Option::as_ref));
    let public_keys = public_keys(&settings);
    let timeout = duration(&settings, "timeout", 1..=60, Duration::from_secs(5));
    let ca_file = settings.file("ca_file", base);
    let proxy = proxy(&settings, base);
    if let Some(endpoint) = &endpoint {
        warn_of_the_clear(table, endpoint, public_keys.is_none(), idp.is_some());
    }
    settings.finish();
    Some(Pasee {
        endpoint: endpoint?,
        public_keys,
        issuer: issuer?,
        audience: audience.map_or(Some(None), |audience| audience.map(Some))?,
        idp: idp.map_or(Some(None), |idp| idp.map(Some))?,
        providers: providers?,
        timeout: timeout?,
        ca_file,
        proxy,
    })
}

/// A token of our own is no login: its issuer may not be ours.
pub(in crate::settings) fn refuse_ourselves(
    root: &Table<'_>,
    jwt: Option<&Jwt>,
    providers: &[IdentityProvider],
) {
    let Some(ours) = jwt.map(|jwt| jwt.issuer.as_str()) else { return };
    let is_ours = |provider: &IdentityProvider| match &provider.protocol {
        Protocol::Pasee(pasee) => pasee.issuer.as_str() == ours,
        _ => false,
    };
    if !providers.iter().any(is_ours) {
        return;
    }
    let issuers = root.tables("identity_providers").into_iter().filter_map(|table| {
        let is_pasee = table.text("protocol").is_some_and(|item| item.value == "pasee");
        is_pasee.then(|| table.table("settings")?.text("issuer"))?
    });
    for item in issuers.filter(|item| item.value == ours) {
        item.error(
            "is the iss of [jwt]: a token of our own is no login; a right one is the iss of another Pasee",
        );
    }
}

/// Which of its users are let in. To be named: this is what keeps logins from going in circles.
fn providers(settings: &Table<'_>, idp: Option<&ProviderName>) -> Option<Vec<ProviderName>> {
    let Some(item) = settings.get("providers") else {
        if let Some(idp) = idp {
            return Some(vec![idp.clone()]);
        }
        settings.missing(
            "providers",
            "[\"internals\"], those of its providers whose users are let in; with idp it may be left out",
        );
        return None;
    };
    let given = settings.texts("providers");
    let names: Vec<ProviderName> = given.iter().filter_map(Item::parse).collect();
    if !(1..=MAX_PROVIDERS).contains(&names.len()) {
        item.error("has no provider or more than 64; a right one is [\"internals\"]");
        return None;
    }
    if let (Some(idp), Some(item)) = (idp, settings.text("idp"))
        && !names.contains(idp)
    {
        item.error("is not among providers; add it there, or nobody could log in through it");
    }
    Some(names)
}

/// Pinned keys; `None` when those are to be fetched that are published.
fn public_keys(settings: &Table<'_>) -> Option<Vec<PublicKey>> {
    let item = settings.get("public_keys")?;
    let given = settings.texts("public_keys");
    if given.is_empty() {
        item.error(
            "is empty; a right one lists the PEM of the other Pasee's public key; leave it out to fetch those it publishes",
        );
    }
    Some(given.iter().filter_map(public_key).collect())
}

fn with_slash(mut endpoint: Url) -> Url {
    if !endpoint.path().ends_with('/') {
        let path = format!("{}/", endpoint.path());
        endpoint.set_path(&path);
    }
    endpoint
}

/// Whoever sits between could answer with keys of their own, or read passwords.
fn warn_of_the_clear(table: &Table<'_>, endpoint: &Url, fetches: bool, forwards: bool) {
    let is_near = match endpoint.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let exposed = match (fetches, forwards) {
        _ if is_near || endpoint.scheme() == "https" => return,
        (true, _) => {
            "whoever sits between can answer with keys of their own; use https, or pin public_keys"
        }
        (false, true) => "whoever sits between can read passwords; use https",
        (false, false) => return,
    };
    if let Some(item) = table.get("endpoint").or_else(|| table.get("host")) {
        item.warn(format_args!("is not https: {exposed}"));
    }
}
