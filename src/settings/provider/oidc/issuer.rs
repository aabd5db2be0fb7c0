//! `issuer`, `tenants`, `discovery_url` and `plain_http`: whose ID tokens are believed, and where their document is.
//!
//! Must not call anybody.

use url::Url;

use super::super::place::{Transport, is_here};
use crate::jose::issuer::{TENANT_PLACE, TenantId, TrustedIssuer};
use crate::settings::reader::{Item, Table};

/// Most tenants.
const MAX_TENANTS: usize = 256;
/// The document of all organizations stands where a tenant's own does, with this in the place of its id.
const ALL_ORGANIZATIONS: &str = "organizations";
/// The tenant of everybody's own accounts (Entra ID: "ID token claims reference", `tid`).
const PERSONAL_ACCOUNTS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// `plain_http`.
pub(in crate::settings::provider) fn transport(settings: &Table<'_>) -> Transport {
    if !settings.flag("plain_http").unwrap_or(false) {
        return Transport::Safe;
    }
    if let Some(item) = settings.get("plain_http") {
        item.warn(
            "whoever is between here and this provider may read its client's secret and write whose login it is; only for a \
             network that is nobody else's",
        );
    }
    Transport::Clear
}

/// Who is believed, and where its document is.
pub(super) fn issuer(settings: &Table<'_>, transport: Transport) -> Option<(TrustedIssuer, Url)> {
    let item = settings.needed("issuer", "\"https://accounts.example.com\"");
    let discovery = settings.text("discovery_url");
    let tenants = tenants(settings);
    let item = item?;
    let is_template = item.value.contains(['{', '}']);
    // Nobody is called at an issuer whose document is elsewhere.
    let is_issuer = match discovery {
        Some(_) => parsed(item.value).is_some_and(|url| url.query().is_none()),
        None => parsed(item.value)
            .is_some_and(|url| url.query().is_none() && is_callable(&url, transport)),
    };
    if !is_issuer
        || (is_template && !parsed(item.value).is_some_and(|url| is_sound(item.value, &url)))
    {
        item.error(
            "is no issuer; a right one is \"https://accounts.example.com\", as the provider writes it, without user, query or \
             fragment, or with {tenantid} once in its path and tenants beside it; http is for this machine only, such as \
             \"http://127.0.0.1:3000\", or beside plain_http",
        );
        return None;
    }
    let trusted = trusted(settings, &item, tenants)?;
    let place = match &discovery {
        Some(discovery) => discovery_url(discovery, transport),
        None => {
            let issuer = item.value.replacen(TENANT_PLACE, ALL_ORGANIZATIONS, 1);
            let issuer = issuer.strip_suffix('/').unwrap_or(&issuer);
            format!("{issuer}/.well-known/openid-configuration").parse().ok()
        }
    };
    Some((trusted, place?))
}

/// Whether a template has the place of the tenant once, in its path, and no other: a host that follows from a token is whoever
/// registered it.
fn is_sound(template: &str, url: &Url) -> bool {
    url.host_str().is_some_and(|host| !host.contains(['{', '}', '%']))
        && !template.replacen(TENANT_PLACE, "", 1).contains(['{', '}'])
}

fn trusted(
    settings: &Table<'_>,
    item: &Item<'_, &str>,
    tenants: Option<Vec<TenantId>>,
) -> Option<TrustedIssuer> {
    match (item.value.contains(TENANT_PLACE), settings.get("tenants")) {
        (false, None) => Some(TrustedIssuer::One(item.value.to_owned())),
        (false, Some(tenants)) => {
            tenants.error(
                "stands beside an issuer without {tenantid}; a right one of several tenants is \
                 \"https://login.microsoftonline.com/{tenantid}/v2.0\"",
            );
            None
        }
        (true, None) => {
            settings.missing("tenants", "a list of the ids of those whose users log in");
            None
        }
        (true, Some(_)) => {
            Some(TrustedIssuer::Tenants { template: item.value.to_owned(), tenants: tenants? })
        }
    }
}

fn tenants(settings: &Table<'_>) -> Option<Vec<TenantId>> {
    let item = settings.get("tenants")?;
    let list = item.list()?;
    let given: Vec<Item<'_, &str>> = list.iter().filter_map(Item::text).collect();
    if given.len() < list.len() {
        return None;
    }
    if given.is_empty() || given.len() > MAX_TENANTS {
        item.error("has no tenant, or more than 256; a right one lists the ids of those whose users log in");
        return None;
    }
    if let Some(item) = given.iter().find(|item| item.value == PERSONAL_ACCOUNTS) {
        item.warn("is the tenant of everybody's own accounts: whoever has one logs in; see allowed_subjects and required_claims");
    }
    given.iter().map(Item::parse).collect()
}

fn discovery_url(item: &Item<'_, &str>, transport: Transport) -> Option<Url> {
    let url = parsed(item.value).filter(|url| is_callable(url, transport));
    if url.is_none() {
        item.error(
            "is no place of a document; a right one is \"https://id.example.com/.well-known/openid-configuration\", without user \
             or fragment; http is for this machine only, or beside plain_http",
        );
    }
    url
}

fn parsed(text: &str) -> Option<Url> {
    text.parse::<Url>().ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

fn is_callable(url: &Url, transport: Transport) -> bool {
    url.scheme() == "https" || transport == Transport::Clear || is_here(url)
}
