//! Claims as JSON: ours written and read, a provider's let through.
//!
//! Must not know signatures, nor when a token is good.

use std::io;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::compact::ClaimSet;
use super::error::VerifyError;
use super::window::{self, Window};
use crate::domain::claim::{ClaimName, ClaimValue, ExtraClaims};
use crate::domain::membership::Roster;
use crate::domain::time::Timestamp;
use crate::domain::token::{AccessClaims, Audience, Issuer, Scope, Token};
use crate::domain::user::UserId;

/// `typ` of access tokens (RFC 9068 section 2.1).
pub(super) const ACCESS: &str = "at+jwt";
/// `typ` of refresh tokens.
pub(super) const REFRESH: &str = "rt+jwt";

/// That not all groups are named; never written as false.
const TRUNCATED: &str = "groups_truncated";
/// How long that is in the claims.
pub(super) const TRUNCATED_LENGTH: usize = r#","groups_truncated":true"#.len();

/// Who issues access tokens, and whom they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// `iss`, and the first in `aud`: the HTTP API takes tokens that are for their issuer, and no others.
    pub issuer: Issuer,
    /// Whom they are for besides.
    pub audiences: Vec<Audience>,
}

/// `client_id` of tokens that `POST /tokens/` hands out (RFC 9068 section 2.2). No client may be called so.
pub const HTTP_CLIENT: &str = "pasee-http";

/// The claims that every token of ours has, as JSON.
#[derive(Serialize)]
pub(super) struct Common<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: &'a str,
    auth_time: i64,
    sid: String,
    idp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rev: Option<i64>,
}

impl<'a> Common<'a> {
    pub(super) fn new(issuer: &'a Issuer, token: &'a Token) -> Self {
        Self {
            iss: issuer.as_str(),
            sub: token.subject.as_str(),
            iat: token.issued_at.as_unix(),
            nbf: token.issued_at.as_unix(),
            exp: token.expires_at.as_unix(),
            jti: token.id.as_str(),
            auth_time: token.authenticated_at.as_unix(),
            sid: token.session.to_string(),
            idp: token.subject.split().0,
            scope: match &token.scope {
                Scope::Unlimited => None,
                limited @ Scope::Limited(_) => Some(limited.to_string()),
            },
            rev: token.revocation.map(Timestamp::as_unix),
        }
    }
}

#[derive(Serialize)]
struct Access<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    aud: Vec<&'a str>,
    client_id: &'static str,
    #[serde(serialize_with = "rosters")]
    groups: &'a [Roster],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    groups_truncated: bool,
    #[serde(flatten, serialize_with = "extra")]
    extra: &'a ExtraClaims,
}

pub(super) fn write_access(
    party: &Party,
    claims: &AccessClaims,
) -> Result<Vec<u8>, serde_json::Error> {
    // Most are shorter.
    let mut written = Vec::with_capacity(1024);
    write_access_to(&mut written, party, claims)?;
    Ok(written)
}

/// How long that is, in bytes.
pub(super) fn access_length(
    party: &Party,
    claims: &AccessClaims,
) -> Result<usize, serde_json::Error> {
    let mut length = Length(0);
    write_access_to(&mut length, party, claims)?;
    Ok(length.0)
}

/// Counts what is written, and keeps nothing of it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_access_to(
    writer: impl io::Write,
    party: &Party,
    claims: &AccessClaims,
) -> Result<(), serde_json::Error> {
    let common = Common::new(&party.issuer, &claims.token);
    let others = party.audiences.iter().map(Audience::as_str);
    let others = others.filter(|audience| *audience != party.issuer.as_str());
    let aud = std::iter::once(party.issuer.as_str()).chain(others).collect();
    let (client_id, AccessClaims { groups, groups_truncated, extra, .. }) = (HTTP_CLIENT, claims);
    let groups_truncated = *groups_truncated;
    let access = Access { common, aud, client_id, groups, groups_truncated, extra };
    serde_json::to_writer(writer, &access)
}

fn rosters<S: Serializer>(groups: &&[Roster], serializer: S) -> Result<S::Ok, S::Error> {
    /// A roster as its text, written without a copy.
    struct Text<'a>(&'a Roster);
    impl Serialize for Text<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                Roster::Members(group) => serializer.serialize_str(group.as_str()),
                other => serializer.collect_str(other),
            }
        }
    }
    serializer.collect_seq(groups.iter().map(Text))
}

pub(super) fn extra<S: Serializer>(
    claims: &&ExtraClaims,
    serializer: S,
) -> Result<S::Ok, S::Error> {
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

/// The names of the claims that every token of ours may have.
pub(super) const COMMON: [&str; 12] =
    ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "auth_time", "sid", "idp", "scope", "rev"];

pub(super) fn read_access(
    (issuer, audience): (&Issuer, &str),
    claims: ClaimSet,
    now: Timestamp,
) -> Result<AccessClaims, VerifyError> {
    if !claims.audiences()?.contains(&audience) {
        return Err(VerifyError::Audience);
    }
    let token = read_common(issuer, &claims, now)?;
    if claims.text("client_id")?.is_empty() {
        return Err(VerifyError::Claim("client_id"));
    }
    let mut claims = claims.into_map();
    claims.remove("client_id");
    let groups = claims.remove("groups");
    let groups = groups.as_ref().and_then(Value::as_array).ok_or(VerifyError::Claim("groups"))?;
    let groups: Option<Vec<Roster>> =
        groups.iter().map(|name| name.as_str()?.parse().ok()).collect();
    let groups = groups.ok_or(VerifyError::Claim("groups"))?;
    let groups_truncated = match claims.remove(TRUNCATED) {
        None => false,
        Some(Value::Bool(true)) => true,
        Some(_) => return Err(VerifyError::Claim(TRUNCATED)),
    };
    claims.retain(|name, _| !COMMON.contains(&name.as_str()));
    let extra = read_extra(&claims).ok_or(VerifyError::Claim("of no kind we write"))?;
    Ok(AccessClaims { token, groups, groups_truncated, extra })
}

/// Claims as they are written here, and no others.
pub(super) fn read_extra(claims: &Map<String, Value>) -> Option<ExtraClaims> {
    claims.iter().map(|(name, value)| Some((name.parse().ok()?, flat(value)?))).collect()
}

/// What every token of ours says, but for whom it is.
pub(super) fn read_common(
    issuer: &Issuer,
    claims: &ClaimSet,
    now: Timestamp,
) -> Result<Token, VerifyError> {
    if claims.text("iss")? != issuer.as_str() {
        return Err(VerifyError::Issuer);
    }
    let Window { issued_at, expires_at, authenticated_at } = window::PASEE.judge(claims, now)?;
    let subject: UserId = claims.text("sub")?.parse().map_err(VerifyError::Subject)?;
    if claims.text("idp")? != subject.split().0 {
        return Err(VerifyError::Claim("idp"));
    }
    let scope = match claims.get("scope") {
        None => Scope::Unlimited,
        Some(_) => claims.text("scope")?.parse().map_err(|_| VerifyError::Claim("scope"))?,
    };
    let moment = |value: &Value| value.as_i64().and_then(Timestamp::from_unix);
    let revocation = claims.get("rev").map(|value| moment(value).ok_or(VerifyError::Claim("rev")));
    Ok(Token {
        subject,
        issued_at: issued_at.ok_or(VerifyError::Claim("iat"))?,
        expires_at,
        authenticated_at: authenticated_at.ok_or(VerifyError::Claim("auth_time"))?,
        id: claims.text("jti")?.parse().map_err(|_| VerifyError::Claim("jti"))?,
        scope,
        revocation: revocation.transpose()?,
        session: claims.text("sid")?.parse().map_err(|_| VerifyError::Claim("sid"))?,
    })
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
