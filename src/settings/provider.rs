//! From `[[identity_providers]]` to [`IdentityProvider`]s. One file below per protocol, with its values and their reader.
//!
//! Must not know how providers are asked.
//!
//! | File | Owns |
//! |---|---|
//! | `kisee`, `kubernetes`, `ldap`, `local`, `oauth1`, `oauth2`, `oidc`, `pasee` | a protocol |
//! | `preset`, `dialect` | the well-known providers of OAuth 2.0; in what they differ |
//! | `departure` | what ends the sessions of who has left |
//! | `mapping` | who may log in, what passes, which groups are added |
//! | `authorization` | what else a provider is told |
//! | `expiry` | client secrets that end |
//! | `from_file` | secrets and keys that may stand in files of their own |
//! | `place` | URLs of providers, and whether the way there is safe |
//! | `callback` | where browsers come back, and how they bring the answer |
//! | `network` | where a provider is called, and through which proxy |

mod authorization;
mod callback;
mod departure;
mod dialect;
mod expiry;
mod from_file;
mod kisee;
mod kubernetes;
mod ldap;
mod local;
mod mapping;
mod network;
mod oauth1;
mod oauth2;
mod oidc;
mod pasee;
mod place;
mod preset;

use std::collections::HashSet;
use std::path::Path;

use super::reader::{Item, Table, quoted};
use crate::domain::provider::{CLIENTS, SERVICE_ACCOUNTS, Subjects};
use crate::domain::user::{ProviderName, Subject};

pub use self::pasee::Pasee;
use self::pasee::another_pasee;
pub(super) use self::pasee::refuse_ourselves;
pub use callback::{Callback, CallbackPlace, ResponseMode};
pub use departure::Departure;
pub(super) use departure::warn_of_cut;
pub use dialect::{ClientAuth, Dialect, Pkce};
pub use from_file::{FromFile, Look, Stamp as FileStamp};
pub use kisee::Kisee;
pub use kubernetes::{Kubernetes, Offline};
pub use ldap::{
    FilterNode, FilterValue, Hole, Ldap, LdapAccount, LdapFilter, LdapGroups, LdapPlace,
    LdapSecurity, Matching, Names, Nesting, Substrings, is_attribute,
};
pub use local::{Local, LocalUser};
pub use mapping::{ClaimSource, GroupRule, Mapping, PassedClaim, RequiredClaim};
pub use oauth1::OAuth1;
pub use oauth2::OAuth2;
pub use oidc::{ClientKey, ClientProof, Oidc, SecretUse};
pub use place::Transport;

/// What a provider can be chosen for.
const CAPABILITIES: [(&str, ()); 1] = [("register_user", ())];
/// Longest name of an input field, in bytes.
const MAX_FIELD_NAME: usize = 64;

/// An entry of `[[identity_providers]]`.
#[derive(Debug)]
pub struct IdentityProvider {
    /// `name`: what its users' ids begin with.
    pub name: ProviderName,
    /// `protocol` and what belongs to it.
    pub protocol: Protocol,
    /// `title`: what people read instead of the name.
    pub title: Option<String>,
    /// `description`: what people read below the title.
    pub description: Option<String>,
    /// Whether `capabilities` has `register_user`; at most one provider has.
    pub registers_users: bool,
    /// What becomes of what it says of a user.
    pub mapping: Mapping,
    /// What ends the sessions of its users who have left.
    pub departure: Departure,
    /// `input_fields`: what a login takes, beside login and password; each name once.
    pub input_fields: Vec<InputField>,
    /// `enabled`: false leaves the provider out; default true.
    pub enabled: bool,
}

impl IdentityProvider {
    /// Who could come from there, as far as the settings tell.
    pub(super) fn subjects(&self) -> Subjects {
        let allowed = self.mapping.allowed_subjects.as_deref();
        match (&self.protocol, allowed) {
            (Protocol::Local(local), allowed) => {
                let users = local.users.iter().map(|user| &user.username);
                let may = |subject: &&Subject| allowed.is_none_or(|some| some.contains(subject));
                Subjects::These(users.filter(may).cloned().collect())
            }
            (_, Some(some)) => Subjects::These(some.iter().cloned().collect()),
            (_, None) => Subjects::Any,
        }
    }
}

/// One field of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputField {
    /// The field's name, 1 to 64 bytes without control characters.
    pub name: String,
    /// Whether it must be given; default false.
    pub required: bool,
}

/// How a provider is spoken to.
#[derive(Debug)]
pub enum Protocol {
    /// A Kisee server.
    Kisee(Kisee),
    /// Users in the settings file.
    Local(Local),
    /// An OAuth 1.0a provider, such as Twitter in its old flow.
    OAuth1(OAuth1),
    /// An OAuth 2.0 provider, such as GitHub.
    OAuth2(OAuth2),
    /// An OpenID provider.
    Oidc(Box<Oidc>),
    /// Another Pasee.
    Pasee(Pasee),
    /// The ServiceAccounts of a Kubernetes cluster.
    Kubernetes(Kubernetes),
    /// A directory that is asked over LDAP.
    Ldap(Box<Ldap>),
}

impl Protocol {
    /// `ca_file`: authorities that are trusted beside the system's, where it is called over TLS.
    #[must_use]
    pub fn authorities(&self) -> Option<&Path> {
        let file = match self {
            Self::Kisee(kisee) => &kisee.ca_file,
            Self::OAuth1(oauth1) => &oauth1.ca_file,
            Self::OAuth2(oauth2) => &oauth2.ca_file,
            Self::Oidc(oidc) => &oidc.ca_file,
            Self::Pasee(pasee) => &pasee.ca_file,
            Self::Ldap(ldap) => &ldap.ca_file,
            Self::Local(_) | Self::Kubernetes(_) => &None,
        };
        file.as_deref()
    }
}

impl IdentityProvider {
    /// Why hardly anybody has this subject: an operator who writes a name where a number stands finds nobody.
    #[must_use]
    pub fn unlikely(&self, subject: &str) -> Option<String> {
        let known_by = match &self.protocol {
            Protocol::OAuth2(oauth2) => oauth2.subject.as_str(),
            // Twitter's user_id.
            Protocol::OAuth1(_) => "id",
            Protocol::Oidc(oidc) if oidc.discovery.host_str() == Some(GOOGLE) => "id",
            _ => return None,
        };
        let of_google = |oauth2: &OAuth2| {
            oauth2.user_info_url.host_str().is_some_and(|host| host.ends_with(".googleapis.com"))
        };
        let is_google = matches!(&self.protocol, Protocol::OAuth2(oauth2) if of_google(oauth2));
        let is_by_number = is_google || known_by.rsplit('/').next() == Some("id");
        // A number, or what has the look of an id that no name has.
        let is_id = subject.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
            && subject.bytes().any(|byte| byte.is_ascii_digit());
        (is_by_number && !is_id).then(|| {
            format!(
                "{} knows its users by a number, such as 583231, and not by a name, which can pass to somebody else",
                self.name
            )
        })
    }
}

/// Whose `sub` is a number.
const GOOGLE: &str = "accounts.google.com";

impl Protocol {
    /// Where browsers come back to, of a provider that they are sent to.
    #[must_use]
    pub fn callback(&self) -> Option<&Callback> {
        match self {
            Self::OAuth1(oauth1) => Some(&oauth1.callback),
            Self::OAuth2(oauth2) => Some(&oauth2.callback),
            Self::Oidc(oidc) => Some(&oidc.callback),
            Self::Kisee(_)
            | Self::Local(_)
            | Self::Pasee(_)
            | Self::Kubernetes(_)
            | Self::Ldap(_) => None,
        }
    }
}

pub(super) fn providers(root: &Table<'_>, base: &Path) -> Vec<IdentityProvider> {
    let mut names = HashSet::new();
    let mut registering = false;
    let mut providers = Vec::new();
    let mut places = Vec::new();
    for table in root.tables("identity_providers") {
        let name = table.needed("name", "\"kisee\"");
        let capabilities = table.get("capabilities");
        let Some((provider, place)) = provider(table, name.as_ref(), base) else { continue };
        if let (false, Some(name)) = (names.insert(provider.name.clone()), name) {
            name.error("stands twice; every provider has a name of its own");
        }
        if let (true, Some(item)) = (provider.registers_users && provider.enabled, capabilities) {
            if registering {
                item.error("register_user stands twice; at most one provider registers users");
            }
            registering = true;
        }
        places.extend(place.map(|place| (providers.len(), place)));
        providers.push(provider);
    }
    for (number, item) in places {
        callback::refuse_shared(&providers, number, &item);
    }
    providers
}

/// A provider, and where its `callback_url` stands.
fn provider<'a>(
    table: Table<'a>,
    name: Option<&Item<'_, &str>>,
    base: &Path,
) -> Option<(IdentityProvider, Option<Item<'a, &'a str>>)> {
    let parsed = name.and_then(|item| item.parse::<ProviderName>());
    let title = table.text("title").map(|item| item.value.to_owned());
    let description = table.text("description").map(|item| item.value.to_owned());
    // The class that the Python Pasee loads; protocol says the same.
    table.text("implementation");
    let registers_users = registers_users(&table);
    let mapping = mapping::mapping(&table);
    let input_fields = input_fields(&table);
    let enabled = table.flag("enabled").unwrap_or(true);
    let protocol = protocol(&table, parsed.as_ref(), base);
    if let (Some(item), Some(parsed), Some(protocol)) = (name, &parsed, &protocol) {
        refuse_reserved(item, parsed, protocol);
    }
    if let (true, Some(item)) = (registers_users, table.get("capabilities")) {
        match &protocol {
            Some(Protocol::Kisee(_)) | None => {}
            Some(Protocol::Local(_)) => {
                item.error("a local provider registers nobody; leave it out");
            }
            Some(_) => item.error("nobody registers through this protocol; leave it out"),
        }
    }
    let departure = departure::departure(&table, protocol.as_ref());
    let provider = (|| {
        Some(IdentityProvider {
            name: parsed?,
            protocol: protocol?,
            title,
            description,
            registers_users,
            mapping: mapping?,
            departure: departure?,
            input_fields,
            enabled,
        })
    })();
    if let Some(provider) = &provider {
        network::refuse_detour(&table, provider);
    }
    let place = provider.as_ref().and_then(|provider| callback::said(&table, provider));
    table.finish();
    Some((provider?, place))
}

/// Whoever has the name has the users: those that Memberships call ServiceAccounts, and programs that act for themselves.
fn refuse_reserved(item: &Item<'_, &str>, name: &ProviderName, protocol: &Protocol) {
    match (name.as_str(), protocol) {
        (SERVICE_ACCOUNTS, Protocol::Kubernetes(_)) => {}
        (SERVICE_ACCOUNTS, _) => item.error(
            "belongs to the protocol \"kubernetes\": its users are those that Memberships call serviceAccounts; a right name here is \
             another one, such as \"corp\"",
        ),
        (CLIENTS, _) => item.error(
            "is reserved for programs that act for themselves; a right name is another one, such as \"corp\"",
        ),
        _ => {}
    }
}

fn registers_users(table: &Table<'_>) -> bool {
    let capabilities = table.texts("capabilities");
    for item in &capabilities {
        // The Python Pasee's spelling.
        if item.value != "register-user" {
            item.one_of(&CAPABILITIES);
        }
    }
    !capabilities.is_empty()
}

fn input_fields(table: &Table<'_>) -> Vec<InputField> {
    let mut fields: Vec<InputField> = Vec::new();
    for table in table.tables("input_fields") {
        let name = table.needed("name", "\"login\"");
        let required = table.flag("required").unwrap_or(false);
        table.finish();
        let Some(name) = name else { continue };
        let fits = (1..=MAX_FIELD_NAME).contains(&name.value.len());
        if !fits || name.value.chars().any(char::is_control) {
            name.error("is no name of a field; a right one has 1 to 64 bytes, such as \"login\"");
        } else if fields.iter().any(|field| field.name == name.value) {
            name.error("stands twice; every field has a name of its own");
        }
        fields.push(InputField { name: name.value.to_owned(), required });
    }
    fields
}

fn protocol(table: &Table<'_>, name: Option<&ProviderName>, base: &Path) -> Option<Protocol> {
    let name = name.map(ProviderName::as_str).unwrap_or_default();
    let all = quoted(PROTOCOLS.iter().map(|(name, _)| *name), "or");
    let chosen = table.needed("protocol", &all).and_then(|item| item.one_of(&PROTOCOLS));
    let Some(chosen) = chosen else {
        leave_unread(table);
        return None;
    };
    match chosen {
        Chosen::Kisee => kisee::kisee(table, base).map(Protocol::Kisee),
        Chosen::Local => local::local(table).map(Protocol::Local),
        Chosen::OAuth1 => oauth1::oauth1(table, name, base).map(Protocol::OAuth1),
        Chosen::OAuth2 => oauth2::oauth2(table, name, base).map(Protocol::OAuth2),
        Chosen::Oidc => oidc::oidc(table, name, base).map(|oidc| Protocol::Oidc(Box::new(oidc))),
        Chosen::Pasee => another_pasee(table, base).map(Protocol::Pasee),
        Chosen::Kubernetes => kubernetes::kubernetes(table, base).map(Protocol::Kubernetes),
        Chosen::Ldap => ldap::ldap(table, base).map(|ldap| Protocol::Ldap(Box::new(ldap))),
    }
}

/// Which protocol is meant.
#[derive(Clone, Copy)]
enum Chosen {
    Kisee,
    Ldap,
    Local,
    OAuth1,
    OAuth2,
    Oidc,
    Pasee,
    Kubernetes,
}

/// What they are called, all of them.
const PROTOCOLS: [(&str, Chosen); 8] = [
    ("kisee", Chosen::Kisee),
    ("ldap", Chosen::Ldap),
    ("local", Chosen::Local),
    ("oauth1", Chosen::OAuth1),
    ("oauth2", Chosen::OAuth2),
    ("oidc", Chosen::Oidc),
    ("pasee", Chosen::Pasee),
    ("kubernetes", Chosen::Kubernetes),
];

/// Takes note of the keys that a protocol would read, so that they are not called unknown.
fn leave_unread(table: &Table<'_>) {
    for key in ["host", "port", "endpoint", "settings"] {
        table.get(key);
    }
}
