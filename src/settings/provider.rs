//! From `[[identity_providers]]` to [`IdentityProvider`]s.
//!
//! Must not know how providers are asked.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use toml::de::DeValue;
use url::Url;

use super::load::{duration, public_key};
use super::reader::{Item, Table};
use super::{IdentityProvider, InputField, Kisee, Local, LocalUser, Protocol};
use crate::domain::claim::{ClaimName, ClaimValue, ExtraClaims};

/// The most memory a password hash may take to check, in KiB: 1 GiB.
const MAX_HASH_MEMORY: u32 = 1024 * 1024;

pub(super) fn providers(root: &Table<'_>, base: &Path) -> Vec<IdentityProvider> {
    let mut names = HashSet::new();
    let mut registering = 0;
    let mut providers = Vec::new();
    for table in root.tables("identity_providers") {
        let at = table.at;
        let path = table.path("name");
        let report = table.report;
        let capabilities = table.path("capabilities");
        let Some(provider) = provider(table, base) else { continue };
        if !names.insert(provider.name.clone()) {
            report.error(
                at,
                &path,
                format_args!(
                    "{} stands twice; every provider has a name of its own",
                    provider.name
                ),
            );
        }
        registering += usize::from(provider.registers_users && provider.enabled);
        if registering > 1 && provider.registers_users {
            report.error(
                at,
                &capabilities,
                "register_user stands twice; at most one provider registers users",
            );
        }
        providers.push(provider);
    }
    providers
}

fn provider(table: Table<'_>, base: &Path) -> Option<IdentityProvider> {
    let name = table.text("name");
    if name.is_none() {
        table.missing("name", "\"kisee\"");
    }
    let name = name.and_then(|item| item.parse());
    let title = table.text("title").map(|item| item.value.to_owned());
    let description = table.text("description").map(|item| item.value.to_owned());
    table.get("implementation");
    let registers_users = registers_users(&table);
    let claims = claims(&table);
    let input_fields = table.tables("input_fields").into_iter().filter_map(input_field).collect();
    let enabled = table.flag("enabled").unwrap_or(true);
    let protocol = protocol(&table, base);
    table.finish();
    let (name, protocol) = (name?, protocol?);
    Some(IdentityProvider {
        name,
        protocol,
        title,
        description,
        registers_users,
        claims,
        input_fields,
        enabled,
    })
}

fn registers_users(table: &Table<'_>) -> bool {
    let capabilities = table.texts("capabilities").unwrap_or_default();
    for item in &capabilities {
        if !matches!(item.value, "register_user" | "register-user") {
            item.error("is not known; a right one is \"register_user\"");
        }
    }
    !capabilities.is_empty()
}

fn claims(table: &Table<'_>) -> Vec<ClaimName> {
    let items = table.texts("claims").unwrap_or_default();
    items.iter().filter_map(Item::parse).collect()
}

fn input_field(table: Table<'_>) -> Option<InputField> {
    let name = table.text("name").map(|item| item.value.to_owned());
    if name.is_none() {
        table.missing("name", "\"login\"");
    }
    let required = table.flag("required").unwrap_or(false);
    table.finish();
    Some(InputField { name: name?, required })
}

fn protocol(table: &Table<'_>, base: &Path) -> Option<Protocol> {
    let Some(item) = table.text("protocol") else {
        table.missing("protocol", "\"kisee\" or \"local\"");
        return None;
    };
    match item.value {
        "kisee" => kisee(table, base).map(Protocol::Kisee),
        "local" => Some(Protocol::Local(local(table))),
        "oauth1" => Some(not_yet(table, &item, "oauth1")),
        "oauth2" => Some(not_yet(table, &item, "oauth2")),
        "oidc" => Some(not_yet(table, &item, "oidc")),
        "pasee" => Some(not_yet(table, &item, "pasee")),
        "kubernetes" => Some(not_yet(table, &item, "kubernetes")),
        _ => {
            item.error("is not known; right ones are \"kisee\" and \"local\"");
            None
        }
    }
}

/// A provider that later versions speak to: named in a warning, its settings left unread.
fn not_yet(table: &Table<'_>, item: &Item<'_, &str>, protocol: &'static str) -> Protocol {
    for key in ["host", "port", "endpoint", "settings"] {
        table.get(key);
    }
    item.warn(format_args!(
        "{protocol} is not offered by this version: nobody can log in through this provider"
    ));
    Protocol::NotYet(protocol)
}

fn kisee(table: &Table<'_>, base: &Path) -> Option<Kisee> {
    let endpoint = endpoint(table);
    let Some(settings) = table.table("settings") else {
        table.missing("settings", "[identity_providers.settings] with public_keys = [\"…\"]");
        return None;
    };
    let keys = settings.texts("public_keys");
    if keys.as_ref().is_none_or(Vec::is_empty) {
        settings.missing("public_keys", "a list with the PEM of Kisee's public key");
    }
    let keys = keys.unwrap_or_default();
    let kisee = Kisee {
        public_keys: keys.iter().filter_map(public_key).collect(),
        issuer: settings.text("issuer").map(|item| item.value.to_owned()),
        timeout: timeout(&settings),
        ca_file: settings.text("ca_file").map(|item| base.join(item.value)),
        endpoint: endpoint?,
    };
    settings.finish();
    Some(kisee)
}

fn timeout(settings: &Table<'_>) -> Duration {
    duration(settings, "timeout", 1, 60).unwrap_or(Duration::from_secs(5))
}

/// `endpoint`, or `http://host:port/`.
fn endpoint(table: &Table<'_>) -> Option<Url> {
    let (endpoint, host) = (table.text("endpoint"), table.text("host"));
    let port = table.number("port", 1..65536);
    match (endpoint, host) {
        (Some(item), None) if port.is_none() => {
            let right = "is no place to call; a right one is \"http://127.0.0.1:8140/\", without user, query or fragment";
            let url = item.value.parse::<Url>().ok().filter(|url| {
                let bare =
                    url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
                matches!(url.scheme(), "http" | "https")
                    && url.has_host()
                    && bare
                    && url.password().is_none()
            });
            if url.is_none() {
                item.error(right);
            }
            url
        }
        (Some(item), _) => {
            item.error(
                "stands beside host or port; a right provider has endpoint alone, or host and port",
            );
            None
        }
        (None, Some(item)) => {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let address = item.value.parse::<std::net::IpAddr>();
            let host = match address {
                Ok(std::net::IpAddr::V6(address)) => format!("[{address}]"),
                _ => item.value.to_owned(),
            };
            let url = format!("http://{host}{port}/").parse::<Url>().ok();
            let url = url.filter(|url| url.host_str() == Some(host.as_str()) && url.path() == "/");
            if url.is_none() {
                item.error("is no host; a right one is \"127.0.0.1\" or \"kisee.example.com\"");
            }
            url
        }
        (None, None) => {
            table.missing("endpoint", "\"http://127.0.0.1:8140/\"");
            None
        }
    }
}

fn local(table: &Table<'_>) -> Local {
    for key in ["host", "port", "endpoint"] {
        if let Some(item) = table.get(key) {
            item.error("a local provider is not called; leave it out");
        }
    }
    let Some(settings) = table.table("settings") else {
        table.missing(
            "settings",
            "[[identity_providers.settings.users]] with username and password_hash",
        );
        return Local { users: Vec::new() };
    };
    let mut names = HashSet::new();
    let mut users = Vec::new();
    for table in settings.tables("users") {
        let (at, path, report) = (table.at, table.path("username"), table.report);
        let Some(user) = user(table) else { continue };
        if !names.insert(user.username.clone()) {
            report.error(at, &path, "stands twice; every user has a name of their own");
        }
        users.push(user);
    }
    settings.finish();
    Local { users }
}

fn user(table: Table<'_>) -> Option<LocalUser> {
    let username = table.text("username");
    if username.is_none() {
        table.missing("username", "\"ada\"");
    }
    let hash = table.text("password_hash");
    if hash.is_none() {
        table.missing("password_hash", "what pasee hash-password prints");
    }
    let hash = hash.filter(|item| {
        let usable = is_usable_hash(item.value);
        if !usable {
            item.error("is no Argon2id hash; a right one is what pasee hash-password prints: $argon2id$v=19$…");
        }
        usable
    });
    let claims = table.table("claims").map(user_claims).unwrap_or_default();
    table.finish();
    Some(LocalUser { username: username?.parse()?, password_hash: hash?.value.into(), claims })
}

fn is_usable_hash(text: &str) -> bool {
    PasswordHash::new(text).is_ok_and(|hash| {
        let cost = Params::try_from(&hash);
        hash.algorithm.as_str() == "argon2id"
            && hash.hash.is_some()
            && cost.is_ok_and(|cost| cost.m_cost() <= MAX_HASH_MEMORY)
    })
}

fn user_claims(table: Table<'_>) -> ExtraClaims {
    let mut claims = Vec::new();
    for (name, item) in table.entries() {
        let value = match item.value {
            DeValue::Boolean(value) => Some(ClaimValue::Bool(*value)),
            DeValue::Integer(number) => number.as_str().parse().ok().map(ClaimValue::Integer),
            DeValue::String(text) => Some(ClaimValue::Text(text.clone().into_owned())),
            DeValue::Array(_) => item
                .list()
                .and_then(|items| {
                    items.iter().map(|item| item.text().map(|text| text.value.to_owned())).collect()
                })
                .map(ClaimValue::Texts),
            _ => None,
        };
        let value = value.filter(ClaimValue::is_bounded);
        if value.is_none() {
            item.error(
                "is no claim; a right one is true, a whole number, a text or a list of texts",
            );
        }
        let name = name.parse::<ClaimName>().map_err(|error| item.error(error));
        if let (Ok(name), Some(value)) = (name, value) {
            claims.push((name, value));
        }
    }
    claims.into_iter().collect()
}
