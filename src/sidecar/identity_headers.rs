//! How an application is told who sends a request, under the names that it expects.
//!
//! Owns that nobody else can tell it: whatever a client sends that an application could take for one of these headers is taken out,
//! whether or not that set of names is in use. Must not know how somebody was believed.

use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::identity::Identity;
use crate::settings::sidecar::{HeaderSet, HeaderSettings, PassToken};

/// What shows the key of a token (RFC 9449).
pub const DPOP: HeaderName = HeaderName::from_static("dpop");
/// Folded beginnings of names that are ours alone.
const OWN_PREFIXES: [&str; 2] = ["x-pasee-", "x-auth-request-"];
/// Folded names beside them. What proxies say of a connection (`X-Forwarded-For` and the like) is not among them.
const OWN_NAMES: [&str; 12] = [
    "x-forwarded-user",
    "x-forwarded-groups",
    "x-forwarded-email",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
    "remote-user",
    "remote-groups",
    "remote-email",
    "remote-name",
    "x-remote-user",
    "x-remote-group",
    "x-remote-groups",
];

/// Writes who sends a request, and takes out what others wrote.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    settings: HeaderSettings,
    /// Each claim with its header.
    claims: Vec<(String, HeaderName)>,
    /// Cookies that no application gets.
    cookies: Vec<String>,
}

impl IdentityHeaders {
    /// By the settings.
    #[must_use]
    pub fn new(settings: &HeaderSettings) -> Self {
        let header = |claim: &String| {
            let name = folded(&format!("x-pasee-claims-{claim}"));
            HeaderName::try_from(name).ok().map(|name| (claim.clone(), name))
        };
        let claims = settings.claims.iter().filter_map(header).collect();
        Self { settings: settings.clone(), claims, cookies: Vec::new() }
    }

    /// The same, which keeps these cookies from the application.
    #[must_use]
    pub fn without_cookies(self, names: &[&str]) -> Self {
        Self { cookies: names.iter().map(|name| (*name).to_owned()).collect(), ..self }
    }

    /// Takes out of a request whatever an application could take for ours, then says who sends it. To be called when what
    /// belongs to the connection was removed: a client cannot name one of these in `Connection` then.
    pub fn dress(&self, headers: &mut HeaderMap, identity: Option<&Identity>) {
        strip(headers);
        self.strip_cookies(headers);
        for (name, value) in self.of(identity) {
            headers.insert(name, value);
        }
    }

    /// What the application is told, as the check endpoint answers it.
    #[must_use]
    pub fn of(&self, identity: Option<&Identity>) -> Vec<(HeaderName, HeaderValue)> {
        let Some(identity) = identity else { return Vec::new() };
        let mut told = Vec::new();
        for set in &self.settings.sets {
            for (name, what) in names(*set) {
                if let Some(value) = self.value(*what, identity) {
                    told.push((HeaderName::from_static(name), value));
                }
            }
            if *set == HeaderSet::Pasee {
                for (claim, header) in &self.claims {
                    if let Some(value) =
                        identity.claims.get(claim).and_then(text).and_then(header_value)
                    {
                        told.push((header.clone(), value));
                    }
                }
            }
        }
        if self.settings.token == PassToken::Always {
            let bearer = format!("Bearer {}", identity.token.expose_secret());
            told.extend(secret(&bearer).map(|value| (AUTHORIZATION, value)));
        }
        told
    }

    /// All names that an application is told something under, whether or not there is something to tell.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let of_sets = own_names().map(|name| -> &str { name });
        of_sets.chain(self.claims.iter().map(|(_, header)| header.as_str()))
    }

    fn strip_cookies(&self, headers: &mut HeaderMap) {
        if self.cookies.is_empty() || !headers.contains_key(COOKIE) {
            return;
        }
        let is_ours = |pair: &&[u8]| {
            let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
            self.cookies.iter().any(|cookie| cookie.as_bytes() == name)
        };
        let lines: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
        headers.remove(COOKIE);
        for line in lines {
            let pairs = line.as_bytes().split(|byte| *byte == b';').filter(|pair| !is_ours(pair));
            let kept = pairs.collect::<Vec<_>>().join(&b';');
            if let Ok(kept) = HeaderValue::from_bytes(kept.trim_ascii())
                && !kept.is_empty()
            {
                headers.append(COOKIE, kept);
            }
        }
    }

    fn value(&self, what: What, identity: &Identity) -> Option<HeaderValue> {
        let claim =
            |name: &str| identity.claims.get(name).and_then(Value::as_str).map(str::to_owned);
        match what {
            What::User => header_value(identity.user.clone()),
            What::Groups => {
                // One with a comma would be read as two, of which the user is in neither.
                let groups = identity.groups.iter().filter(|group| !group.contains(','));
                let groups: Vec<&str> = groups.map(String::as_str).collect();
                header_value(groups.join(","))
            }
            What::Email => {
                let is_denied = identity.claims.get("email_verified") == Some(&Value::Bool(false));
                header_value(claim("email").filter(|_| !is_denied)?)
            }
            What::Username => header_value(claim("preferred_username")?),
            What::Name => header_value(claim("name")?),
            What::Token if self.settings.token == PassToken::Always => {
                secret(identity.token.expose_secret())
            }
            What::Token => None,
        }
    }
}

/// What a header tells.
#[derive(Clone, Copy)]
enum What {
    User,
    Groups,
    Email,
    Username,
    Name,
    Token,
}

fn names(set: HeaderSet) -> &'static [(&'static str, What)] {
    match set {
        HeaderSet::Pasee => &[("x-pasee-user", What::User), ("x-pasee-groups", What::Groups)],
        HeaderSet::Forwarded => &[
            ("x-forwarded-user", What::User),
            ("x-forwarded-groups", What::Groups),
            ("x-forwarded-email", What::Email),
            ("x-forwarded-preferred-username", What::Username),
            ("x-forwarded-access-token", What::Token),
        ],
        HeaderSet::AuthRequest => &[
            ("x-auth-request-user", What::User),
            ("x-auth-request-groups", What::Groups),
            ("x-auth-request-email", What::Email),
            ("x-auth-request-preferred-username", What::Username),
            ("x-auth-request-access-token", What::Token),
        ],
        HeaderSet::RemoteUser => &[
            ("remote-user", What::User),
            ("remote-groups", What::Groups),
            ("remote-email", What::Email),
            ("remote-name", What::Name),
        ],
    }
}

/// A name as the least careful application reads it: CGI and its heirs know no case, and no difference between what is
/// neither letter nor digit.
pub(super) fn folded(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    // CGI writes HTTP_ before each name, which some read a name with, and some without.
    name.strip_prefix("http-").map(str::to_owned).unwrap_or(name)
}

/// Whether an application could take a header for one of ours.
#[must_use]
pub fn is_ours(name: &HeaderName) -> bool {
    let name = folded(name.as_str());
    OWN_NAMES.contains(&name.as_str()) || OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// All names of all sets.
fn own_names() -> impl Iterator<Item = &'static str> {
    use HeaderSet::{AuthRequest, Forwarded, Pasee, RemoteUser};
    let of_set = |set| names(set).iter().map(|(name, _)| *name);
    [Pasee, Forwarded, AuthRequest, RemoteUser].into_iter().flat_map(of_set)
}

/// Whether a token is shown, or what begins as one: whatever else is wrong with it, it is meant for us and goes no further.
#[must_use]
pub fn shows_token(headers: &HeaderMap) -> bool {
    let is_token = |value: &HeaderValue| {
        let value = value.as_bytes();
        let end =
            value.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(value.len());
        matches!(value[..end].to_ascii_lowercase().as_slice(), b"bearer" | b"dpop")
    };
    headers.get_all(AUTHORIZATION).iter().any(is_token)
}

/// Takes out whatever an application could take for ours, and tokens that are meant for us.
fn strip(headers: &mut HeaderMap) {
    let ours: Vec<HeaderName> = headers.keys().filter(|name| is_ours(name)).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
    if shows_token(headers) {
        headers.remove(AUTHORIZATION);
    }
    headers.remove(DPOP);
}

/// A claim that is no structure, as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            Some(texts.filter(|texts| !texts.iter().any(|text| text.contains(',')))?.join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// UTF-8 as it is. What no header can carry, such as a line break, is not told.
fn header_value(text: String) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests;
