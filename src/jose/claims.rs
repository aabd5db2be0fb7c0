//! Claims as JSON: ours written and read, a provider's let through.
//!
//! Must not know signatures, nor when a token is good.

use std::io;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::compact::ClaimSet;
use super::error::VerifyError;
use super::window::{self, Window};
use crate::domain::auth_time::AuthTime;
use crate::domain::authorization::{ClientGrant, KeyThumbprint, MAX_ACTORS, OAuthScopes};
use crate::domain::claim::{ClaimName, ClaimValue, ExtraClaims};
use crate::domain::client::ClientId;
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

impl Party {
    /// `aud` of what `POST /tokens/` hands out.
    fn audiences(&self) -> Vec<&str> {
        let others = self.audiences.iter().map(Audience::as_str);
        let others = others.filter(|audience| *audience != self.issuer.as_str());
        std::iter::once(self.issuer.as_str()).chain(others).collect()
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logged_in_at: Option<i64>,
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
            auth_time: token.proved_at().map(Timestamp::as_unix),
            logged_in_at: match token.auth_time {
                AuthTime::AtLogin => None,
                AuthTime::Before(_) | AuthTime::Unproved => Some(token.authenticated_at.as_unix()),
            },
            sid: token.session.to_string(),
            idp: token.subject.split().0,
            scope: scope(token),
            rev: token.revocation.map(Timestamp::as_unix),
        }
    }
}

/// OAuth scopes, then the limit of groups; `None` when there is nothing to say.
fn scope(token: &Token) -> Option<String> {
    let limit = match &token.scope {
        Scope::Unlimited => None,
        limited @ Scope::Limited(_) => Some(limited.to_string()),
    };
    let scopes = token.client.as_ref().map(|client| client.scopes.to_string());
    match (scopes.filter(|scopes| !scopes.is_empty()), limit) {
        (Some(scopes), Some(limit)) => Some(format!("{scopes} {limit}")),
        (scopes, limit) => scopes.or(limit),
    }
}

/// The key that whoever shows the token has to have (RFC 9449 section 6.1).
#[derive(Serialize)]
pub(super) struct Confirmation<'a> {
    jkt: &'a str,
}

impl<'a> Confirmation<'a> {
    pub(super) fn of(client: &'a ClientGrant) -> Option<Self> {
        client.confirmation.as_ref().map(|key| Self { jkt: key.as_str() })
    }
}

/// Who acts, and for whom they do (RFC 8693 section 4.1).
#[derive(Serialize)]
struct Actor<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Box<Self>>,
}

impl<'a> Actor<'a> {
    fn chain(actors: &'a [ClientId]) -> Option<Self> {
        let (first, others) = actors.split_first()?;
        Some(Self { sub: first.as_str(), act: Self::chain(others).map(Box::new) })
    }
}

#[derive(Serialize)]
struct Access<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    aud: Vec<&'a str>,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Actor<'a>>,
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
    let AccessClaims { token, groups, groups_truncated, extra } = claims;
    let client = token.client.as_deref();
    let access = Access {
        common: Common::new(&party.issuer, token),
        aud: match client {
            None => party.audiences(),
            Some(client) => client.audiences.iter().map(Audience::as_str).collect(),
        },
        client_id: client.map_or(HTTP_CLIENT, |client| client.client.as_str()),
        cnf: client.and_then(Confirmation::of),
        act: client.and_then(|client| Actor::chain(&client.actors)),
        groups,
        groups_truncated: *groups_truncated,
        extra,
    };
    serde_json::to_writer(writer, &access)
}

pub(super) fn rosters<S: Serializer>(groups: &&[Roster], serializer: S) -> Result<S::Ok, S::Error> {
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

/// The names of the claims that tokens of ours may have, of either kind.
pub(super) const COMMON: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "iat",
    "nbf",
    "exp",
    "jti",
    "auth_time",
    "logged_in_at",
    "sid",
    "idp",
    "scope",
    "rev",
    "client_id",
    "cnf",
];

/// Reads an access token of an issuer, which is for this audience, if one is demanded.
pub(super) fn read_access(
    (issuer, audience): (&Issuer, Option<&str>),
    claims: ClaimSet,
    now: Timestamp,
) -> Result<AccessClaims, VerifyError> {
    let audiences = claims.audiences()?;
    if audience.is_some_and(|audience| !audiences.contains(&audience)) {
        return Err(VerifyError::Audience);
    }
    let client = match claims.text("client_id")? {
        // What was granted to no client is bound to no key, and passed on by nobody.
        HTTP_CLIENT => match ["cnf", "act"].into_iter().find(|name| claims.get(name).is_some()) {
            Some(name) => return Err(VerifyError::Claim(name)),
            None => None,
        },
        client => {
            let audiences: Result<Vec<Audience>, _> =
                audiences.iter().map(|one| one.parse()).collect();
            Some(read_client(&claims, client, audiences.map_err(|_| VerifyError::Audience)?)?)
        }
    };
    let token = read_common(issuer, &claims, client, now)?;
    let mut claims = claims.into_map();
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
    claims.retain(|name, _| !COMMON.contains(&name.as_str()) && name != "act");
    let extra = read_extra(&claims).ok_or(VerifyError::Claim("of no kind we write"))?;
    Ok(AccessClaims { token, groups, groups_truncated, extra })
}

/// What a client was granted, but for the scopes.
pub(super) fn read_client(
    claims: &ClaimSet,
    client: &str,
    audiences: Vec<Audience>,
) -> Result<ClientGrant, VerifyError> {
    let confirmation = match claims.get("cnf") {
        None => None,
        Some(key) => Some(read_confirmation(key).ok_or(VerifyError::Claim("cnf"))?),
    };
    Ok(ClientGrant {
        client: client.parse().map_err(|_| VerifyError::Claim("client_id"))?,
        scopes: OAuthScopes::default(),
        audiences,
        confirmation,
        actors: read_actors(claims.get("act")).ok_or(VerifyError::Claim("act"))?,
    })
}

/// A key by its thumbprint: another confirmation than this is not understood, and means more than nothing (RFC 7800 section 3.1).
fn read_confirmation(value: &Value) -> Option<KeyThumbprint> {
    let confirmation = value.as_object().filter(|members| members.len() == 1)?;
    confirmation.get("jkt")?.as_str()?.parse().ok()
}

fn read_actors(value: Option<&Value>) -> Option<Vec<ClientId>> {
    let (mut actors, mut next) = (Vec::new(), value);
    while let Some(actor) = next {
        let actor = actor.as_object().filter(|_| actors.len() < MAX_ACTORS)?;
        actors.push(actor.get("sub")?.as_str()?.parse().ok()?);
        next = actor.get("act");
        if actor.len() > 1 + usize::from(next.is_some()) {
            return None;
        }
    }
    Some(actors)
}

/// Claims as they are written here, and no others.
pub(super) fn read_extra(claims: &Map<String, Value>) -> Option<ExtraClaims> {
    claims.iter().map(|(name, value)| Some((name.parse().ok()?, flat(value)?))).collect()
}

/// What every token of ours says, but for whom it is.
pub(super) fn read_common(
    issuer: &Issuer,
    claims: &ClaimSet,
    client: Option<ClientGrant>,
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
    let (scopes, scope) = match claims.get("scope") {
        None => (OAuthScopes::default(), Scope::Unlimited),
        Some(_) => read_scope(claims.text("scope")?).ok_or(VerifyError::Claim("scope"))?,
    };
    let client = client.map(|client| Arc::new(ClientGrant { scopes: scopes.clone(), ..client }));
    if client.is_none() && !scopes.is_empty() {
        return Err(VerifyError::Claim("scope"));
    }
    let moment = |value: &Value| value.as_i64().and_then(Timestamp::from_unix);
    let revocation = claims.get("rev").map(|value| moment(value).ok_or(VerifyError::Claim("rev")));
    let authenticated_at = authenticated_at.ok_or(VerifyError::Claim("auth_time"))?;
    Ok(Token {
        subject,
        issued_at: issued_at.ok_or(VerifyError::Claim("iat"))?,
        expires_at,
        authenticated_at,
        auth_time: read_auth_time(claims, authenticated_at)?,
        id: claims.text("jti")?.parse().map_err(|_| VerifyError::Claim("jti"))?,
        scope,
        revocation: revocation.transpose()?,
        session: claims.text("sid")?.parse().map_err(|_| VerifyError::Claim("sid"))?,
        client,
    })
}

/// When the user showed who they are, as it is written here and no other way: another time than the login is before it.
fn read_auth_time(claims: &ClaimSet, login: Timestamp) -> Result<AuthTime, VerifyError> {
    match (claims.get("logged_in_at"), claims.get("auth_time")) {
        (None, _) => Ok(AuthTime::AtLogin),
        (Some(_), None) => Ok(AuthTime::Unproved),
        (Some(_), Some(moment)) => {
            let moment = moment.as_i64().and_then(Timestamp::from_unix);
            let moment = moment.filter(|moment| *moment < login);
            moment.map(AuthTime::Before).ok_or(VerifyError::Claim("auth_time"))
        }
    }
}

/// Scopes as they are written here, and no others: each word is an OAuth scope or a limit, and there is one.
fn read_scope(text: &str) -> Option<(OAuthScopes, Scope)> {
    let is_limit = |word: &&str| word.starts_with("groups:");
    let (limits, scopes): (Vec<&str>, Vec<&str>) = text.split(' ').partition(is_limit);
    let scopes: Result<OAuthScopes, _> = scopes.into_iter().map(str::parse).collect();
    let limit = match limits.as_slice() {
        [] => Scope::Unlimited,
        limits => limits.join(" ").parse().ok()?,
    };
    Some((scopes.ok()?, limit))
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
