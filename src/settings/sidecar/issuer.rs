//! From `[[issuers]]` to whose bearer tokens are believed.
//!
//! Owns that no two issuers can name the same user or group. Must not fetch a key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::{Host, Url};

use crate::domain::token::{Audience, Issuer};
use crate::jose::key::PublicKey;
use crate::settings::ProxyChoice;
use crate::settings::keys::public_key;
use crate::settings::outbound::proxy;
use crate::settings::reader::{Item, Table};
use crate::settings::tokens::duration;

/// Longest name of a claim, in bytes.
const MAX_CLAIM: usize = 255;

/// Somebody whose tokens are believed.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// `issuer`: `iss` of its tokens, to the letter.
    pub issuer: Issuer,
    /// `kind`: `pasee`, `kubernetes` or `oidc`; default `pasee`.
    pub kind: IssuerKind,
    /// `audience`: whom its tokens have to be for.
    pub audience: Audience,
    /// `prefix`: what stands before its users and groups here, such as `ci:`; default nothing. No two issuers can name the same.
    pub prefix: String,
    /// `jwks_url`, `jwks_file` or `public_keys`: the keys of its tokens; default where the issuer publishes them.
    pub keys: PublishedKeys,
    /// `jwks_token_file`: a file with a token that is shown to whoever publishes the keys, read at each fetch; default none.
    pub jwks_token_file: Option<PathBuf>,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// `proxy` or `proxy_file`: through which proxy it is asked; default as `[outbound]` says.
    pub proxy: ProxyChoice,
    /// `timeout`: how long a fetch may take, 1 to 60 s, default 5 s.
    pub timeout: Duration,
    /// `jwks_cooldown`: between two fetches that tokens by unknown keys cause, 1 s to 10 m, default 30 s.
    pub cooldown: Duration,
}

/// What tokens of an issuer say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerKind {
    /// A Pasee: access tokens with groups.
    Pasee,
    /// A cluster: its ServiceAccounts.
    Kubernetes,
    /// Any other issuer of JWTs.
    Oidc {
        /// `user_claim`: the claim that names the user; default `sub`.
        user: String,
        /// `groups_claim`: the claim that lists the groups; default `groups`.
        groups: String,
    },
}

/// Where the keys of an issuer come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishedKeys {
    /// What the issuer's own metadata names.
    Discovered,
    /// A JWK Set at this place.
    At(Url),
    /// A JWK Set in this file, read again when it changes.
    File(PathBuf),
    /// These alone, of a Pasee.
    Pinned(Vec<PublicKey>),
}

pub(super) fn issuers(root: &Table<'_>, base: &Path) -> Option<Vec<IssuerSettings>> {
    let tables = root.tables("issuers");
    if tables.is_empty() {
        root.missing(
            "issuers",
            "[[issuers]] with issuer = \"https://pasee.example.com\" and audience = \"…\" below",
        );
        return None;
    }
    let read: Vec<_> = tables.iter().map(|table| (table, issuer(table, base))).collect();
    for (at, (table, one)) in read.iter().enumerate() {
        let Some(one) = one else { continue };
        let before = read[..at].iter().filter_map(|(_, other)| other.as_ref());
        refuse_clash(table, one, before.clone());
        if before.clone().any(|other| other.issuer == one.issuer)
            && let Some(item) = table.get("issuer")
        {
            item.error("stands twice; a right file has each issuer once");
        }
    }
    for table in &tables {
        if let Some(item) = table.text("prefix") {
            check_prefix(&item);
        }
    }
    let issuers = read.into_iter().map(|(_, one)| one).collect();
    tables.into_iter().for_each(Table::finish);
    issuers
}

/// With a colon at its end and none before, no prefix begins another, nor a user id of a Pasee.
fn check_prefix(item: &Item<'_, &str>) {
    let name = item.value.strip_suffix(':').unwrap_or_default();
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > 32 || !name.bytes().all(is_letter) || name == "system" {
        item.error(
            "is no prefix; a right one is \"ci:\": 1 to 32 of a-z, 0-9 and _, then a colon, and not system:, which is the clusters'",
        );
    }
}

/// Says that another issuer could name the same user.
fn refuse_clash<'i>(
    table: &Table<'_>,
    one: &IssuerSettings,
    mut before: impl Iterator<Item = &'i IssuerSettings>,
) {
    let is_open = |one: &IssuerSettings| matches!(one.kind, IssuerKind::Oidc { .. });
    let is_cluster = |one: &IssuerSettings| one.kind == IssuerKind::Kubernetes;
    let clashes = |other: &IssuerSettings| match (&*one.prefix, &*other.prefix) {
        // Users of a Pasee and of a cluster look different; another issuer's may look like anything.
        ("", "") => is_open(one) || is_open(other) || is_cluster(one) == is_cluster(other),
        ("", _) => is_open(one),
        (_, "") => is_open(other),
        (own, others) => own == others,
    };
    if before.any(clashes) {
        let message = "names its users and groups as another issuer could: give each but one a prefix of its own, such as \
                       prefix = \"ci:\", and one of kind oidc always";
        table.report.error(table.at, &table.path("prefix"), message);
    }
}

fn issuer(table: &Table<'_>, base: &Path) -> Option<IssuerSettings> {
    let named = table.needed("issuer", "\"https://pasee.example.com\", as iss of its tokens");
    let issuer = named.as_ref().and_then(Item::parse::<Issuer>);
    let right = "\"https://app.example.com\": whom its tokens have to be for";
    let audience = table.needed("audience", right).and_then(|item| item.parse());
    let kind = kind(table);
    let keys = keys(table, base, kind.as_ref(), named.as_ref());
    let token = table.file("jwks_token_file", base);
    if token.is_some() && !matches!(keys, Some(PublishedKeys::At(_)) | None) {
        table.report.error(
            table.at,
            &table.path("jwks_token_file"),
            "stands without jwks_url; a right file has both, or neither",
        );
    }
    let prefix = table.text("prefix").map(|item| item.value.to_owned()).unwrap_or_default();
    let (ca_file, proxy) = (table.file("ca_file", base), proxy(table, base));
    let timeout = duration(table, "timeout", 1..=60, Duration::from_secs(5));
    let cooldown = duration(table, "jwks_cooldown", 1..=600, Duration::from_secs(30));
    Some(IssuerSettings {
        issuer: issuer?,
        kind: kind?,
        audience: audience?,
        prefix,
        keys: keys?,
        jwks_token_file: token,
        ca_file,
        proxy,
        timeout: timeout?,
        cooldown: cooldown?,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Pasee,
    Kubernetes,
    Oidc,
}

fn kind(table: &Table<'_>) -> Option<IssuerKind> {
    let names = [("pasee", Name::Pasee), ("kubernetes", Name::Kubernetes), ("oidc", Name::Oidc)];
    let name = match table.get("kind") {
        Some(_) => table.text("kind")?.one_of(&names)?,
        None => Name::Pasee,
    };
    let claim = |key, default: &str| {
        let Some(item) = table.text(key) else { return Some(default.to_owned()) };
        if name != Name::Oidc {
            item.error("is known of kind oidc alone: tokens of a Pasee and of a cluster are read as they are; leave it out");
            return None;
        }
        let is_one =
            (1..=MAX_CLAIM).contains(&item.value.len()) && !item.value.contains(char::is_control);
        if !is_one {
            item.error("is no claim's name; a right one is \"groups\"");
        }
        is_one.then(|| item.value.to_owned())
    };
    let (user, groups) = (claim("user_claim", "sub"), claim("groups_claim", "groups"));
    Some(match name {
        Name::Pasee => IssuerKind::Pasee,
        Name::Kubernetes => IssuerKind::Kubernetes,
        Name::Oidc => IssuerKind::Oidc { user: user?, groups: groups? },
    })
}

fn keys(
    table: &Table<'_>,
    base: &Path,
    kind: Option<&IssuerKind>,
    issuer: Option<&Item<'_, &str>>,
) -> Option<PublishedKeys> {
    let (place, file) = (table.text("jwks_url"), table.text("jwks_file"));
    let pinned = table.get("public_keys");
    let given = [place.is_some(), file.is_some(), pinned.is_some()];
    if given.iter().filter(|given| **given).count() > 1 {
        table.report.error(
            table.at,
            &table.path("jwks_url"),
            "stands beside another of jwks_url, jwks_file and public_keys; a right file has one of them at most",
        );
        return None;
    }
    if let Some(item) = place {
        return at(&item).map(PublishedKeys::At);
    }
    if let Some(item) = file {
        return item.path(base).map(PublishedKeys::File);
    }
    if let Some(item) = pinned {
        if !matches!(kind, Some(IssuerKind::Pasee) | None) {
            item.error("is known of a Pasee alone; a right file has jwks_file, a JWK Set");
            return None;
        }
        let given = table.texts("public_keys");
        if given.is_empty() {
            item.error("is empty; a right one lists the PEM of the issuer's public key; leave it out to fetch those it publishes");
        }
        let keys: Vec<PublicKey> = given.iter().filter_map(public_key).collect();
        return (!keys.is_empty()).then_some(PublishedKeys::Pinned(keys));
    }
    let issuer = issuer?;
    let url: Option<Url> = issuer.value.parse().ok();
    match url.filter(|url| url.scheme() == "https" || is_near(url)) {
        Some(_) => Some(PublishedKeys::Discovered),
        None => {
            issuer.error(
                "is no https URL, so that its keys are not found by it; a right file has jwks_url, jwks_file or public_keys besides",
            );
            None
        }
    }
}

fn at(item: &Item<'_, &str>) -> Option<Url> {
    let url: Option<Url> = item.value.parse().ok();
    let is_right = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let Some(url) = url.filter(is_right) else {
        item.error("is no place of keys; a right one is \"https://pasee.example.com/.well-known/jwks.json\"");
        return None;
    };
    if url.scheme() == "http" && !is_near(&url) {
        item.warn("is not https: whoever sits between can answer with keys of their own; use https, or jwks_file");
    }
    Some(url)
}

fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
