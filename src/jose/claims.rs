//! Claims as JSON: ours written and read, a provider's let through.
//!
//! Must not know signatures.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::verify::VerifyError;
use crate::domain::claim::{ClaimName, ClaimValue, ExtraClaims};
use crate::domain::evidence::{Evidence, Fact, MAX_FACTS};
use crate::domain::membership::Roster;
use crate::domain::time::Timestamp;
use crate::domain::token::{AccessClaims, Audience, Issuer, RefreshClaims, Scope, Token};
use crate::domain::user::UserId;

/// How far the clocks of two of our replicas may differ, in seconds.
const CLOCK_SKEW: i64 = 60;
/// The longest a token may be good for, in seconds: 400 days.
const MAX_LIFETIME: i64 = 400 * 24 * 60 * 60;

/// Who issues the tokens and whom they are for: what we write, and what we demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// `iss`.
    pub issuer: Issuer,
    /// `aud`; `None` = none is written, and tokens with one are refused.
    pub audience: Option<Audience>,
}

#[derive(Serialize)]
struct Common<'a> {
    iss: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: &'a str,
    auth_time: i64,
    idp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl<'a> Common<'a> {
    fn new(party: &'a Party, token: &'a Token) -> Self {
        Self {
            iss: party.issuer.as_str(),
            sub: token.subject.as_str(),
            aud: party.audience.as_ref().map(Audience::as_str),
            iat: token.issued_at.as_unix(),
            nbf: token.issued_at.as_unix(),
            exp: token.expires_at.as_unix(),
            jti: token.id.as_str(),
            auth_time: token.authenticated_at.as_unix(),
            idp: token.subject.split().0,
            scope: match &token.scope {
                Scope::Unlimited => None,
                limited @ Scope::Limited(_) => Some(limited.to_string()),
            },
        }
    }
}

#[derive(Serialize)]
struct Access<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    #[serde(serialize_with = "rosters")]
    groups: &'a [Roster],
    #[serde(flatten, serialize_with = "extra")]
    extra: &'a ExtraClaims,
}

#[derive(Serialize)]
struct Refresh<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    refresh_token: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<&'a str>,
}

pub(super) fn write_access(
    party: &Party,
    claims: &AccessClaims,
) -> Result<Vec<u8>, serde_json::Error> {
    let common = Common::new(party, &claims.token);
    serde_json::to_vec(&Access { common, groups: &claims.groups, extra: &claims.extra })
}

pub(super) fn write_refresh(
    party: &Party,
    claims: &RefreshClaims,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Refresh {
        common: Common::new(party, &claims.token),
        refresh_token: true,
        evidence: claims.evidence.iter().map(Fact::as_str).collect(),
    })
}

fn rosters<S: Serializer>(groups: &&[Roster], serializer: S) -> Result<S::Ok, S::Error> {
    /// A roster as its text, written without a copy.
    struct Text<'a>(&'a Roster);
    impl Serialize for Text<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self.0)
        }
    }
    serializer.collect_seq(groups.iter().map(Text))
}

fn extra<S: Serializer>(claims: &&ExtraClaims, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (name, value) in claims.iter() {
        match value {
            ClaimValue::Bool(value) => map.serialize_entry(name.as_str(), value)?,
            ClaimValue::Integer(value) => map.serialize_entry(name.as_str(), value)?,
            ClaimValue::Text(value) => map.serialize_entry(name.as_str(), value)?,
            ClaimValue::Texts(value) => map.serialize_entry(name.as_str(), value)?,
        }
    }
    map.end()
}

/// The claims every token of ours has.
const COMMON: [&str; 10] =
    ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "auth_time", "idp", "scope"];

pub(super) fn read_access(
    party: &Party,
    mut claims: Map<String, Value>,
    now: Timestamp,
) -> Result<AccessClaims, VerifyError> {
    let token = read_common(party, &claims, now)?;
    let groups = claims.remove("groups");
    let groups = groups.as_ref().and_then(Value::as_array).ok_or(VerifyError::Claim("groups"))?;
    let groups: Option<Vec<Roster>> =
        groups.iter().map(|name| name.as_str()?.parse().ok()).collect();
    let groups = groups.ok_or(VerifyError::Claim("groups"))?;
    claims.retain(|name, _| !COMMON.contains(&name.as_str()));
    let extra: Option<Vec<(ClaimName, ClaimValue)>> =
        claims.iter().map(|(name, value)| Some((name.parse().ok()?, flat(value)?))).collect();
    let extra = extra.ok_or(VerifyError::Claim("of no kind we write"))?.into_iter().collect();
    Ok(AccessClaims { token, groups, extra })
}

pub(super) fn read_refresh(
    party: &Party,
    claims: &Map<String, Value>,
    now: Timestamp,
) -> Result<RefreshClaims, VerifyError> {
    let token = read_common(party, claims, now)?;
    let known = |name: &String| {
        COMMON.contains(&name.as_str()) || matches!(name.as_str(), "refresh_token" | "evidence")
    };
    if claims.get("refresh_token") != Some(&Value::Bool(true)) || !claims.keys().all(known) {
        return Err(VerifyError::Claim("refresh_token"));
    }
    let evidence = claims.get("evidence").map_or(Some(Evidence::default()), evidence);
    Ok(RefreshClaims { token, evidence: evidence.ok_or(VerifyError::Claim("evidence"))? })
}

/// The list of facts of a refresh token, as it is written here and no other way.
fn evidence(value: &Value) -> Option<Evidence> {
    let facts = value.as_array().filter(|facts| (1..=MAX_FACTS).contains(&facts.len()))?;
    facts.iter().map(|fact| fact.as_str()?.parse().ok()).collect()
}

fn read_common(
    party: &Party,
    claims: &Map<String, Value>,
    now: Timestamp,
) -> Result<Token, VerifyError> {
    let text = |name: &'static str| {
        claims.get(name).and_then(Value::as_str).ok_or(VerifyError::Claim(name))
    };
    if text("iss")? != party.issuer.as_str() {
        return Err(VerifyError::Issuer);
    }
    check_audience(party, claims.get("aud"))?;
    let expires_at = expiry(claims, now)?;
    let issued_at = time(claims, "iat")?;
    let starts_at = time(claims, "nbf")?;
    let authenticated_at = time(claims, "auth_time")?;
    let latest = now.as_unix() + CLOCK_SKEW;
    if issued_at.as_unix() > latest || starts_at.as_unix() > latest {
        return Err(VerifyError::NotYet);
    }
    if authenticated_at > issued_at || expires_at <= issued_at {
        return Err(VerifyError::Claim("auth_time, iat or exp"));
    }
    if expires_at.as_unix() - issued_at.as_unix() > MAX_LIFETIME {
        return Err(VerifyError::Claim("exp"));
    }
    let subject: UserId = text("sub")?.parse().map_err(|_| VerifyError::Claim("sub"))?;
    if text("idp")? != subject.split().0 {
        return Err(VerifyError::Claim("idp"));
    }
    let scope = match claims.get("scope") {
        None => Scope::Unlimited,
        Some(_) => text("scope")?.parse().map_err(|_| VerifyError::Claim("scope"))?,
    };
    let id = text("jti")?.parse().map_err(|_| VerifyError::Claim("jti"))?;
    Ok(Token { subject, issued_at, expires_at, authenticated_at, id, scope })
}

fn check_audience(party: &Party, found: Option<&Value>) -> Result<(), VerifyError> {
    let matches = match (&party.audience, found) {
        (None, None) => true,
        (Some(ours), Some(Value::String(theirs))) => ours.as_str() == theirs,
        (Some(ours), Some(Value::Array(list))) => {
            list.iter().all(Value::is_string) && list.iter().any(|theirs| theirs == ours.as_str())
        }
        _ => false,
    };
    if matches { Ok(()) } else { Err(VerifyError::Audience) }
}

/// `exp`, still to come and not absurdly far.
pub(super) fn expiry(
    claims: &Map<String, Value>,
    now: Timestamp,
) -> Result<Timestamp, VerifyError> {
    let expires_at = time(claims, "exp")?;
    if expires_at <= now {
        return Err(VerifyError::Expired);
    }
    if expires_at.as_unix() - now.as_unix() > MAX_LIFETIME {
        return Err(VerifyError::Claim("exp"));
    }
    Ok(expires_at)
}

/// A claim in whole seconds, written as a JSON integer.
pub(super) fn time(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Timestamp, VerifyError> {
    claims
        .get(name)
        .and_then(Value::as_i64)
        .and_then(Timestamp::from_unix)
        .ok_or(VerifyError::Claim(name))
}

/// Of what a provider says, what the settings let pass: only names of the whitelist, only flat and bounded values.
#[must_use]
pub fn passed(whitelist: &[ClaimName], claims: &Map<String, Value>) -> ExtraClaims {
    let find = |name: &ClaimName| Some((name.clone(), flat(claims.get(name.as_str())?)?));
    whitelist.iter().filter_map(find).collect()
}

/// Flat values as the JSON they came from.
#[must_use]
pub fn unflattened(claims: &ExtraClaims) -> Map<String, Value> {
    let value = |value: &ClaimValue| match value {
        ClaimValue::Bool(value) => Value::from(*value),
        ClaimValue::Integer(value) => Value::from(*value),
        ClaimValue::Text(value) => Value::from(value.clone()),
        ClaimValue::Texts(value) => Value::from(value.clone()),
    };
    claims.iter().map(|(name, claim)| (name.to_string(), value(claim))).collect()
}

/// A value that is not a structure; `None` for everything else.
#[must_use]
pub fn flat(value: &Value) -> Option<ClaimValue> {
    let flat = match value {
        Value::Bool(value) => ClaimValue::Bool(*value),
        Value::Number(number) => ClaimValue::Integer(number.as_i64()?),
        Value::String(text) => ClaimValue::Text(text.clone()),
        Value::Array(items) => ClaimValue::Texts(
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?,
        ),
        Value::Null | Value::Object(_) => return None,
    };
    flat.is_bounded().then_some(flat)
}

#[cfg(test)]
mod tests;
