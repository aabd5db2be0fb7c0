//! From a provider's table to [`Ldap`]: a directory that is asked over LDAP.
//!
//! Must not call anybody.
//!
//! | File | Owns |
//! |---|---|
//! | `claims` | which attributes can be claims |
//! | `filter` | search filters, and what fills their holes |
//! | `groups` | how a user's groups are found |

mod claims;
mod filter;
mod groups;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

pub use self::filter::{
    FilterNode, FilterValue, Hole, LdapFilter, Matching, Names, Substrings, is_attribute,
};
pub use self::groups::{LdapGroups, Nesting};
use super::from_file::{FromFile, from_file};
use crate::settings::outbound::refuse_proxy;
use crate::settings::reader::{Item, Table};
use crate::settings::tokens::duration;

/// Longest name of an entry, in bytes.
const MAX_DN: usize = 1024;
/// Longest password of the account that searches, in bytes.
const MAX_PASSWORD: usize = 1024;
/// Attributes that somebody may change, or that may pass to somebody else.
const UNSTABLE: [&str; 14] = [
    "cn",
    "displayName",
    "dn",
    "distinguishedName",
    "entryDN",
    "krbPrincipalName",
    "mail",
    "mailNickname",
    "name",
    "sAMAccountName",
    "telephoneNumber",
    "uid",
    "uidNumber",
    "userPrincipalName",
];
/// Attributes whose values have the form of a UUID.
const UUIDS: [&str; 3] = ["entryUUID", "objectGUID", "ipaUniqueID"];

/// A directory, such as OpenLDAP or Active Directory.
#[derive(Clone, Debug)]
pub struct Ldap {
    /// `endpoint`: `ldaps://HOST`, or `ldap://HOST` with StartTLS; in the clear with `plaintext_passwords = true` alone.
    pub place: LdapPlace,
    /// `bind_dn` with `bind_password` or `bind_password_file`: who searches; nobody in particular when absent.
    pub account: Option<LdapAccount>,
    /// `base`: below which entry users are looked for.
    pub base: String,
    /// `filter`: which entry is the user's; exactly one may match.
    pub filter: LdapFilter,
    /// `recheck_filter`: what the entry must match of somebody who still may log in, when they are asked about; all do when absent.
    pub recheck_filter: Option<LdapFilter>,
    /// `subject`: the attribute that is the user's subject; default `entryUUID`.
    pub subject: String,
    /// `username`: the attribute with the readable name; default `uid`.
    pub username: String,
    /// How groups are found; not at all when absent.
    pub groups: Option<LdapGroups>,
    /// `connections`: how many logins speak with it at once, 1 to 256, default 16.
    pub connections: usize,
    /// `timeout`: for a whole login, 1 to 60 s, default 5 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl Ldap {
    /// Why nobody can have this subject: an operator who writes a name where an id stands finds nobody.
    #[must_use]
    pub fn impossible(&self, subject: &str) -> Option<String> {
        let is_uuid = UUIDS.iter().any(|name| name.eq_ignore_ascii_case(&self.subject));
        (is_uuid && !is_uuid_text(subject)).then(|| {
            format!(
                "its users are known by {}, such as 7c9e6679-7425-40de-944b-e07fc1f90ae7",
                self.subject
            )
        })
    }
}

/// Whether a text has the form of a UUID in lower case (RFC 9562 section 4).
fn is_uuid_text(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => is_hex(byte),
        })
}

/// Where a directory is, and what keeps others from listening in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapPlace {
    /// Its name or address.
    pub host: Host<String>,
    /// Its port; 636, or 389.
    pub port: u16,
    /// How it is spoken with.
    pub security: LdapSecurity,
}

impl LdapPlace {
    /// Whether what is said to it stays on this machine.
    fn is_near(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for LdapPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.security == LdapSecurity::Tls { "ldaps" } else { "ldap" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// What keeps others from listening in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LdapSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything is said but that.
    StartTls,
    /// Nothing.
    Nothing,
}

/// Who searches.
#[derive(Clone, Debug)]
pub struct LdapAccount {
    /// The name of its entry, or whatever the directory takes for one.
    pub dn: String,
    /// Its password, never empty.
    pub password: FromFile<SecretString>,
}

/// What is usual in one kind of directory.
struct Preset {
    filter: Option<&'static str>,
    subject: &'static str,
    username: &'static str,
}

const USUAL: Preset = Preset { filter: None, subject: "entryUUID", username: "uid" };
const ACTIVE_DIRECTORY: Preset = Preset {
    filter: Some("(&(objectCategory=person)(objectClass=user)(sAMAccountName={login}))"),
    subject: "objectGUID",
    username: "sAMAccountName",
};

pub(super) fn ldap(table: &Table<'_>, base: &Path) -> Option<Ldap> {
    for key in ["host", "port"] {
        if let Some(item) = table.get(key) {
            item.error("is not known here; a right provider has endpoint = \"ldaps://ldap.example.com\" alone");
        }
    }
    let endpoint = table.needed("endpoint", "\"ldaps://ldap.example.com\"");
    if table.get("settings").is_none() {
        table.missing("settings", "[identity_providers.settings] with base and filter");
    }
    let settings = table.table("settings")?;
    let place = endpoint.and_then(|item| place(&item, &settings));
    let preset = preset(&settings);
    let below =
        settings.needed("base", "\"ou=people,dc=example,dc=com\"").and_then(|item| dn(&item));
    let filter = user_filter(&settings, &preset);
    let recheck_filter = recheck_filter(&settings, table);
    let account = account(&settings, base);
    let subject = subject(&settings, &preset);
    let username = attribute(&settings, "username", preset.username);
    let is_active_directory = preset.subject == ACTIVE_DIRECTORY.subject;
    let groups = groups::groups(&settings, is_active_directory);
    let connections = settings.number("connections", 1..257);
    let timeout = duration(&settings, "timeout", 1..=60, Duration::from_secs(5));
    let ca_file = settings.file("ca_file", base);
    refuse_proxy(&settings, "LDAP is no HTTP, and a directory is called through no proxy");
    claims::check(table);
    settings.finish();
    Some(Ldap {
        place: place?,
        account: account?,
        base: below?,
        filter: filter?,
        recheck_filter,
        subject: subject?,
        username: username?,
        groups: groups?,
        connections: connections.and_then(|number| number.try_into().ok()).unwrap_or(16),
        timeout: timeout?,
        ca_file,
    })
}

fn preset(settings: &Table<'_>) -> Preset {
    match settings.text("preset") {
        Some(item) if item.value != "active_directory" => {
            item.error("is not known; a right one is \"active_directory\"; leave it out for any other LDAP directory");
            USUAL
        }
        Some(_) => ACTIVE_DIRECTORY,
        None => USUAL,
    }
}

fn place(item: &Item<'_, &str>, settings: &Table<'_>) -> Option<LdapPlace> {
    let plain = settings.get("plaintext_passwords");
    let is_plain = settings.flag("plaintext_passwords") == Some(true);
    let url = item.value.parse::<Url>().ok().filter(|url| {
        matches!(url.scheme(), "ldap" | "ldaps")
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.port() != Some(0)
    });
    let host = url.as_ref().and_then(Url::host_str).and_then(|host| Host::parse(host).ok());
    let (Some(url), Some(host)) = (url, host) else {
        item.error(
            "is no place of an LDAP directory; right ones are \"ldaps://ldap.example.com\" and \"ldap://ldap.example.com\", which \
             means StartTLS, perhaps with a port, without anything else",
        );
        return None;
    };
    let (usual, security) = match (url.scheme(), is_plain) {
        ("ldaps", _) => (636, LdapSecurity::Tls),
        (_, false) => (389, LdapSecurity::StartTls),
        (_, true) => (389, LdapSecurity::Nothing),
    };
    let place = LdapPlace { host, port: url.port().unwrap_or(usual), security };
    match (plain, is_plain) {
        (Some(plain), true) if security == LdapSecurity::Tls => {
            plain.error("stands beside ldaps, which is never in the clear; leave it out");
        }
        (Some(plain), true) if !place.is_near() => plain.warn(
            "every password goes over the wire for everybody on the way to read, and whoever sits between can log in as \
             anybody; leave it out, and ldap:// means StartTLS",
        ),
        _ => {}
    }
    Some(place)
}

/// The name of an entry, as far as it can be told without a directory.
fn dn(item: &Item<'_, &str>) -> Option<String> {
    let fits = (1..=MAX_DN).contains(&item.value.len()) && item.value.contains('=');
    if !fits || item.value.chars().any(char::is_control) {
        item.error("is no name of an entry; a right one is \"ou=people,dc=example,dc=com\", of 1 to 1024 bytes");
        return None;
    }
    Some(item.value.to_owned())
}

fn user_filter(settings: &Table<'_>, preset: &Preset) -> Option<LdapFilter> {
    let right = "\"(&(objectClass=inetOrgPerson)(uid={login}))\"";
    let Some(item) = settings.text("filter") else {
        match preset.filter {
            Some(usual) if settings.get("filter").is_none() => {
                return LdapFilter::parse(usual, &[Hole::Login]).ok();
            }
            Some(_) => {}
            None if settings.get("filter").is_none() => settings.missing("filter", right),
            None => {}
        }
        return None;
    };
    let filter = LdapFilter::parse(item.value, &[Hole::Login]);
    let filter =
        filter.map_err(|error| item.error(format_args!("{error}; a right one is {right}"))).ok()?;
    if !filter.asks_for(Hole::Login) {
        item.error(format_args!(
            "does not ask for {{login}}, what somebody typed; a right one is {right}"
        ));
    }
    Some(filter)
}

fn recheck_filter(settings: &Table<'_>, provider: &Table<'_>) -> Option<LdapFilter> {
    let right = "\"(&(objectClass=inetOrgPerson)(!(employeeType=former)))\"";
    let item = settings.text("recheck_filter")?;
    if provider.get("recheck").is_none() {
        item.error("stands without recheck beside name, so nobody would be asked about; a right file has both, such as recheck = \"15m\"");
    }
    let filter = LdapFilter::parse(item.value, &[]);
    filter.map_err(|error| item.error(format_args!("{error}; a right one is {right}"))).ok()
}

/// `None` when something is wrong, `Some(None)` for nobody in particular.
#[expect(clippy::option_option, reason = "a mistake is not the same as nothing")]
fn account(settings: &Table<'_>, base: &Path) -> Option<Option<LdapAccount>> {
    let name = settings.text("bind_dn");
    let given =
        ["bind_password", "bind_password_file"].into_iter().find_map(|key| settings.get(key));
    let password = from_file(settings, "bind_password", "bind_password_file", base, bind_password);
    match (name, given) {
        (None, None) => Some(None),
        (Some(_), None) => {
            settings.missing(
                "bind_password",
                "the password of bind_dn, or bind_password_file = \"corp.secret\"",
            );
            None
        }
        (None, Some(given)) => {
            given.error("stands without bind_dn; a right file has both, or neither to search as nobody in particular");
            None
        }
        (Some(name), Some(_)) => {
            let password = password?;
            let fits = (1..=MAX_DN).contains(&name.value.len());
            if !fits || name.value.chars().any(char::is_control) {
                name.error("is no name of an account; a right one is \"cn=pasee,dc=example,dc=com\", of 1 to 1024 bytes");
            }
            Some(Some(LdapAccount { dn: name.value.to_owned(), password }))
        }
    }
}

fn bind_password(password: SecretString) -> Result<SecretString, String> {
    if (1..=MAX_PASSWORD).contains(&password.expose_secret().len()) {
        return Ok(password);
    }
    let wrong = "is no password; a right one has 1 to 1024 bytes: LDAP directories take an empty one for no login at all, and say \
                 yes";
    Err(wrong.to_owned())
}

/// The name of an attribute.
fn attribute(settings: &Table<'_>, key: &'static str, usual: &str) -> Option<String> {
    if settings.get(key).is_none() {
        return Some(usual.to_owned());
    }
    let item = settings.text(key)?;
    if !is_attribute(item.value) || item.value.contains(';') {
        item.error(format_args!("names no attribute; a right one is \"{usual}\""));
        return None;
    }
    if claims::is_secret(item.value) {
        item.error("is somebody's password; leave it to the LDAP directory");
    }
    Some(item.value.to_owned())
}

fn subject(settings: &Table<'_>, preset: &Preset) -> Option<String> {
    let subject = attribute(settings, "subject", preset.subject)?;
    if let Some(item) = settings.get("subject")
        && UNSTABLE.iter().any(|name| name.eq_ignore_ascii_case(&subject))
    {
        item.warn(format_args!(
            "can change or pass to somebody else, who then has this user's groups; {}, the default, cannot",
            preset.subject
        ));
    }
    Some(subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_uuids() {
        assert!(is_uuid_text("7c9e6679-7425-40de-944b-e07fc1f90ae7"));
        for not in [
            "",
            "ada",
            "7C9E6679-7425-40de-944b-e07fc1f90ae7",
            "7c9e6679742540de944be07fc1f90ae7aaaa",
            "7c9e6679-7425-40de-944b-e07fc1f90ae",
        ] {
            assert!(!is_uuid_text(not), "{not}");
        }
    }
}
