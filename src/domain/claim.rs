//! Claims that an identity provider says of a user and that the settings let pass into access tokens.
//!
//! Owns which names can never pass and what a value may be. Must not know JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Longest claim name, in bytes.
pub const MAX_NAME: usize = 64;
/// Longest text in a claim's value, in bytes.
pub const MAX_TEXT: usize = 1024;
/// Most texts in a claim that is a list.
pub const MAX_LIST: usize = 64;
/// Most bytes of all claims of one user together, as JSON writes them.
pub const MAX_TOTAL: usize = 1024;
/// Most claims of one user.
pub const MAX_CLAIMS: usize = 32;

/// Names that decide what a token is, whom it is for or what it opens: the registered ones of RFC 7519 section 4.1,
/// those of RFC 9068, RFC 8693, RFC 7800, RFC 8417, RFC 9396 and OpenID Connect that verifiers act on, and Pasee's own.
const RESERVED: [&str; 40] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "auth_time",
    "logged_in_at",
    "idp",
    "groups",
    "groups_truncated",
    "group",
    "scope",
    "scp",
    "scopes",
    "refresh_token",
    "access_token",
    "token_use",
    "typ",
    "rev",
    "at_hash",
    "azp",
    "nonce",
    "client_id",
    "cnf",
    "act",
    "may_act",
    "roles",
    "role",
    "entitlements",
    "permissions",
    "sid",
    "token_type",
    "authorization_details",
    "events",
    "sub_id",
    "sub_jwk",
    "_claim_names",
    "_claim_sources",
];

/// How somebody proved who they are, in the identity provider's words (OpenID Connect Core 1.0 section 2): where the settings let
/// them pass, spelled so and in no other case of letters. Pasee decides nothing by them.
const OF_A_LOGIN: [&str; 2] = ["acr", "amr"];

/// A claim name that may pass: 1 to 64 bytes of `[A-Za-z0-9_.:/-]`, not reserved in any case of letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimName(String);

impl ClaimName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClaimName {
    type Err = ClaimNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte);
        if !(1..=MAX_NAME).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(ClaimNameError::Shape);
        }
        let is_like = |name: &str| name.eq_ignore_ascii_case(text);
        let is_odd = |name: &str| is_like(name) && name != text;
        if OF_A_LOGIN.iter().any(|name| is_odd(name)) || RESERVED.iter().any(|name| is_like(name)) {
            return Err(ClaimNameError::Reserved);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no claim name that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimNameError {
    /// Empty, too long, or with other characters.
    #[error("a claim name has 1 to 64 characters of A-Z, a-z, 0-9, _ . : / and -, such as email")]
    Shape,
    /// One of the names that only Pasee writes.
    #[error(
        "this claim is reserved: it can never come from an identity provider; a right one looks like email"
    )]
    Reserved,
}

/// What a claim may say: flat and bounded, so that no value can be taken for a structure of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValue {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// At most [`MAX_TEXT`] bytes, no control characters.
    Text(String),
    /// At most [`MAX_LIST`] such texts.
    Texts(Vec<String>),
}

impl ClaimValue {
    /// Whether the value keeps its bounds.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let text_fits =
            |text: &String| text.len() <= MAX_TEXT && !text.chars().any(char::is_control);
        match self {
            Self::Bool(_) | Self::Integer(_) => true,
            Self::Text(text) => text_fits(text),
            Self::Texts(texts) => texts.len() <= MAX_LIST && texts.iter().all(text_fits),
        }
    }

    /// How long the value is in JSON, in bytes.
    fn length(&self) -> usize {
        match self {
            Self::Bool(value) => 5 - usize::from(*value),
            Self::Integer(value) => value.to_string().len(),
            Self::Text(text) => quoted(text),
            Self::Texts(texts) => listed(texts.iter().map(|text| quoted(text))),
        }
    }
}

/// A text in quotes. It holds no control characters, so nothing else is escaped.
fn quoted(text: &str) -> usize {
    2 + text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

/// Members of these lengths in brackets, with commas between.
fn listed(members: impl Iterator<Item = usize>) -> usize {
    members.fold(1, |length, member| length + member + 1).max(2)
}

/// The claims that pass, by name. Claims out of bounds are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraClaims(BTreeMap<ClaimName, ClaimValue>);

impl ExtraClaims {
    /// The claim's value.
    #[must_use]
    pub fn get(&self, name: &ClaimName) -> Option<&ClaimValue> {
        self.0.get(name)
    }

    /// The claims in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&ClaimName, &ClaimValue)> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long the claims are as a JSON object, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        listed(self.0.iter().map(|(name, value)| length_of(name, value)))
    }

    /// Keeps only claims of which this is true.
    pub fn retain(&mut self, keep: impl Fn(&ClaimName) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// Leaves out the longest, one after the other, until the claims are at most so many bytes long; the names of those
    /// that are left out.
    pub fn shorten(&mut self, most: usize) -> Vec<ClaimName> {
        let mut left_out = Vec::new();
        while !self.is_empty() && self.length() > most {
            let longest = self.0.iter().max_by_key(|(name, value)| length_of(name, value));
            let Some(name) = longest.map(|(name, _)| name.clone()) else { break };
            self.0.remove(&name);
            left_out.push(name);
        }
        left_out
    }
}

/// A claim as a member of a JSON object.
fn length_of(name: &ClaimName, value: &ClaimValue) -> usize {
    name.0.len() + 3 + value.length()
}

impl FromIterator<(ClaimName, ClaimValue)> for ExtraClaims {
    fn from_iter<I: IntoIterator<Item = (ClaimName, ClaimValue)>>(claims: I) -> Self {
        Self(claims.into_iter().filter(|(_, value)| value.is_bounded()).take(MAX_CLAIMS).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reserved_names_never_parse() {
        for name in RESERVED {
            assert_eq!(name.parse::<ClaimName>(), Err(ClaimNameError::Reserved), "{name}");
            assert_eq!(
                name.to_uppercase().parse::<ClaimName>(),
                Err(ClaimNameError::Reserved),
                "{name}"
            );
        }
        for name in ["", " email", "é", "a\0", "groups ", &"x".repeat(65)] {
            assert_eq!(name.parse::<ClaimName>(), Err(ClaimNameError::Shape), "{name:?}");
        }
        assert!("https://example.com/name".parse::<ClaimName>().is_ok());
        for (name, odd) in [("acr", "ACR"), ("acr", "Acr"), ("amr", "aMr")] {
            assert!(name.parse::<ClaimName>().is_ok(), "{name}");
            assert_eq!(odd.parse::<ClaimName>(), Err(ClaimNameError::Reserved), "{odd}");
        }
    }

    #[test]
    fn values_out_of_bounds_are_left_out() {
        let name = |text: &str| text.parse::<ClaimName>().unwrap();
        let claims: ExtraClaims = [
            (name("a"), ClaimValue::Text("x".repeat(MAX_TEXT + 1))),
            (name("b"), ClaimValue::Text("line\nbreak".into())),
            (name("c"), ClaimValue::Texts(vec!["x".into(); MAX_LIST + 1])),
            (name("d"), ClaimValue::Text("fine".into())),
        ]
        .into_iter()
        .collect();
        assert_eq!(claims.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["d"]);
        assert_eq!(claims.get(&name("d")), Some(&ClaimValue::Text("fine".into())));
        assert_eq!(claims.get(&name("a")), None);
    }

    #[test]
    fn only_what_is_kept_stays() {
        let name = |text: &str| text.parse::<ClaimName>().unwrap();
        let claim = |text: &str| (name(text), ClaimValue::Bool(true));
        let mut claims: ExtraClaims = [claim("a"), claim("b")].into_iter().collect();
        claims.retain(|name| name.as_str() == "b");
        assert_eq!(claims, [claim("b")].into_iter().collect());
    }

    #[test]
    fn lengths_are_those_of_json() {
        let text = r#"a "quoted" \ and é"#.to_owned();
        for (value, json) in [
            (ClaimValue::Bool(true), json!(true)),
            (ClaimValue::Bool(false), json!(false)),
            (ClaimValue::Integer(-12), json!(-12)),
            (ClaimValue::Text(text.clone()), json!(text)),
            (ClaimValue::Texts(vec![]), json!([])),
            (ClaimValue::Texts(vec![text.clone()]), json!([text])),
            (ClaimValue::Texts(vec![text.clone(), String::new()]), json!([text, ""])),
        ] {
            assert_eq!(value.length(), json.to_string().len(), "{json}");
            let claim = |name: &str| (name.parse::<ClaimName>().unwrap(), value.clone());
            let claims: ExtraClaims = [claim("one"), claim("another")].into_iter().collect();
            let json = json!({ "one": json, "another": json }).to_string();
            assert_eq!(claims.length(), json.len(), "{json}");
        }
        assert_eq!(ExtraClaims::default().length(), "{}".len());
    }

    #[test]
    fn the_longest_goes_first() {
        let claim = |name: &str, length| {
            (name.parse::<ClaimName>().unwrap(), ClaimValue::Text("x".repeat(length)))
        };
        let all: ExtraClaims = [claim("a", 500), claim("b", 600), claim("c", 100), claim("d", 501)]
            .into_iter()
            .collect();
        let shortened = |most| {
            let mut claims = all.clone();
            let left_out = claims.shorten(most);
            assert!(claims.is_empty() || claims.length() <= most);
            left_out.iter().map(ClaimName::to_string).collect::<Vec<_>>()
        };
        assert_eq!(shortened(all.length()), [""; 0]);
        assert_eq!(shortened(MAX_TOTAL), ["b", "d"]);
        assert_eq!(shortened(10), ["b", "d", "a", "c"]);
        assert_eq!(shortened(0), ["b", "d", "a", "c"]);
    }
}
