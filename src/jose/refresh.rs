//! Refresh tokens: compact JWS under HMAC-SHA-256 (RFC 7518 section 3.2), with a key that nobody but Pasee has.
//!
//! Many verifiers look at neither `typ` nor what a token says of itself, and would take one that a published key verifies
//! for an identity. No published key verifies these, and their audience is nobody else. Owns how they are written and read,
//! and how much they hold. Must not know who may have one.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;

use super::claims::{
    COMMON, Common, Confirmation, REFRESH, extra, read_client, read_common, read_extra,
};
use super::compact::{ClaimSet, Unverified};
use super::error::VerifyError;
use super::secret::{Purpose, Secret};
use super::sign::{SignError, signing_input, token_id};
use crate::domain::auth_time::AuthTime;
use crate::domain::authorization::ClientGrant;
use crate::domain::claim::{self, ExtraClaims};
use crate::domain::client::ClientId;
use crate::domain::evidence::{Evidence, Fingerprint};
use crate::domain::time::Timestamp;
use crate::domain::token::{Audience, Issuer, RefreshClaims, Scope, SessionId, Token};
use crate::domain::user::UserId;

/// Longest refresh token, in bytes.
pub const MAX_REFRESH: usize = 2048;

/// `alg` of refresh tokens.
const ALGORITHM: &str = "HS256";
/// Length of an HMAC-SHA-256 in base64url.
const MAC: usize = 43;

/// Writes refresh tokens and believes them, for one issuer.
pub struct RefreshTokens {
    issuer: Issuer,
    audience: String,
    current: MacKey,
    former: Vec<MacKey>,
}

struct MacKey {
    id: String,
    header: String,
    key: hmac::Key,
}

impl MacKey {
    fn new(secret: &Secret) -> Self {
        let id = secret.id().to_string();
        let header = format!(r#"{{"typ":"{REFRESH}","alg":"{ALGORITHM}","kid":"{id}"}}"#);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*secret.derive(Purpose::RefreshTokens));
        Self { id, header: URL_SAFE_NO_PAD.encode(header), key }
    }
}

#[derive(Serialize)]
struct Refresh<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    aud: &'a str,
    refresh_token: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    evidence: String,
    #[serde(skip_serializing_if = "is_empty", serialize_with = "extra")]
    claims: &'a ExtraClaims,
}

fn is_empty(claims: &&ExtraClaims) -> bool {
    claims.is_empty()
}

/// The bytes that a refresh token has left for rules and claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room(usize);

impl Room {
    /// How many rules fit.
    #[must_use]
    pub fn rules(self) -> usize {
        self.0.saturating_sub(r#","evidence":"""#.len()) * 3 / 4 / Fingerprint::LENGTH
    }

    /// Whether so many rules fit, and these claims beside them.
    #[must_use]
    pub fn holds(self, rules: usize, claims: &ExtraClaims) -> bool {
        let fits = claims.is_empty() || claims.length() <= self.claims_beside(rules);
        rules <= self.rules() && fits
    }

    /// How long claims may be beside so many rules, in bytes of JSON.
    #[must_use]
    pub fn claims_beside(self, rules: usize) -> usize {
        let evidence = match rules {
            0 => 0,
            rules => r#","evidence":"""#.len() + (rules * Fingerprint::LENGTH * 4).div_ceil(3),
        };
        self.0.saturating_sub(evidence + r#","claims":"#.len()).min(claim::MAX_TOTAL)
    }
}

impl RefreshTokens {
    /// The refresh tokens of this issuer: written under the current secret, believed under any of these.
    #[must_use]
    pub fn new(issuer: Issuer, current: &Secret, former: &[Secret]) -> Self {
        let former = former.iter().map(MacKey::new).collect();
        let audience = format!("{}#refresh", issuer.as_str());
        Self { issuer, audience, current: MacKey::new(current), former }
    }

    /// A refresh token.
    ///
    /// # Errors
    /// [`SignError::NoRoom`] when it gets longer than [`MAX_REFRESH`].
    pub fn write(&self, claims: &RefreshClaims) -> Result<String, SignError> {
        let input = signing_input(&self.current.header, &self.payload(claims)?);
        let mac = hmac::sign(&self.current.key, input.as_bytes());
        let token = [&*input, ".", &URL_SAFE_NO_PAD.encode(mac)].concat();
        if token.len() > MAX_REFRESH { Err(SignError::NoRoom) } else { Ok(token) }
    }

    /// What is left for rules and claims in a refresh token of this user that reaches so far and is a client's, or none's.
    ///
    /// # Errors
    /// [`SignError::NoRoom`] when there is not even room for that.
    pub fn room(
        &self,
        user: &UserId,
        scope: &Scope,
        client: Option<&Arc<ClientGrant>>,
    ) -> Result<Room, SignError> {
        // No time is longer, and every id of ours is as long.
        let latest = Timestamp::MAX;
        let token = Token {
            subject: user.clone(),
            issued_at: latest,
            expires_at: latest,
            authenticated_at: latest,
            auth_time: AuthTime::Before(latest),
            id: token_id([0; 16]),
            scope: scope.clone(),
            revocation: Some(latest),
            session: SessionId::new([0; 16]),
            client: client.cloned(),
        };
        let (evidence, extra) = (Evidence::default(), ExtraClaims::default());
        let bare = RefreshClaims { token, evidence, extra };
        let most = (MAX_REFRESH - self.current.header.len() - MAC - 2) * 3 / 4;
        let used = self.payload(&bare)?.len();
        most.checked_sub(used).map(Room).ok_or(SignError::NoRoom)
    }

    fn payload(&self, claims: &RefreshClaims) -> Result<Vec<u8>, serde_json::Error> {
        let rules: Vec<u8> = claims.evidence.rules().iter().flat_map(|rule| rule.0).collect();
        let client = claims.token.client.as_deref();
        let refresh = Refresh {
            common: Common::new(&self.issuer, &claims.token),
            aud: &self.audience,
            refresh_token: true,
            client_id: client.map(|client| client.client.as_str()),
            resource: client.and_then(|client| client.audiences.first()).map(Audience::as_str),
            cnf: client.and_then(Confirmation::of),
            evidence: URL_SAFE_NO_PAD.encode(rules),
            claims: &claims.extra,
        };
        // Most are shorter.
        let mut written = Vec::with_capacity(512);
        serde_json::to_writer(&mut written, &refresh)?;
        Ok(written)
    }

    /// The claims of a refresh token that a client shows, or somebody to the HTTP API (`None`): it has to be theirs.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing.
    pub fn read(
        &self,
        compact: &str,
        shown_by: Option<&ClientId>,
        now: Timestamp,
    ) -> Result<RefreshClaims, VerifyError> {
        let claims = self.issued(compact, now)?;
        let client = claims.token.client.as_ref().map(|client| &client.client);
        if client == shown_by { Ok(claims) } else { Err(VerifyError::OtherClient) }
    }

    /// The claims of a refresh token, whosever it is: to tell what it says, and to end its session, never to refresh.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing.
    pub fn issued(&self, compact: &str, now: Timestamp) -> Result<RefreshClaims, VerifyError> {
        let token = Unverified::parse(compact)?;
        let header = token.header();
        header.demand_type(REFRESH)?;
        match header.algorithm() {
            Some(ALGORITHM) => {}
            Some("ES256" | "ES256K") => return Err(VerifyError::Outdated),
            _ => return Err(VerifyError::Algorithm),
        }
        if compact.len() > MAX_REFRESH {
            return Err(VerifyError::TooLong);
        }
        let is_meant = |key: &&MacKey| Some(key.id.as_str()) == header.key_id();
        let mut keys = std::iter::once(&self.current).chain(&self.former);
        let MacKey { key, .. } = keys.find(is_meant).ok_or(VerifyError::UnknownKey)?;
        let claims = token.verified(|message, mac| hmac::verify(key, message, mac).is_ok())?;
        if claims.text("aud").ok() != Some(&self.audience) {
            return Err(VerifyError::Audience);
        }
        let token = read_common(&self.issuer, &claims, read_grant(&claims)?, now)?;
        let is_known = |name: &str| {
            COMMON.contains(&name)
                || matches!(name, "refresh_token" | "evidence" | "claims" | "resource")
        };
        let is_one = claims.get("refresh_token") == Some(&Value::Bool(true));
        if !is_one || !claims.names().all(is_known) {
            return Err(VerifyError::Claim("refresh_token"));
        }
        let evidence = claims.get("evidence").map_or(Some(Evidence::default()), evidence);
        let extra = claims.get("claims").map_or(Some(ExtraClaims::default()), |claims| {
            claims.as_object().filter(|claims| !claims.is_empty()).and_then(read_extra)
        });
        Ok(RefreshClaims {
            token,
            evidence: evidence.ok_or(VerifyError::Claim("evidence"))?,
            extra: extra.ok_or(VerifyError::Claim("claims"))?,
        })
    }
}

/// What the client was granted whose token it is; `None` for the HTTP API's.
fn read_grant(claims: &ClaimSet) -> Result<Option<ClientGrant>, VerifyError> {
    let resource = match claims.get("resource") {
        None => Vec::new(),
        Some(_) => {
            vec![claims.text("resource")?.parse().map_err(|_| VerifyError::Claim("resource"))?]
        }
    };
    match claims.get("client_id") {
        None if resource.is_empty() && claims.get("cnf").is_none() => Ok(None),
        _ => read_client(claims, claims.text("client_id")?, resource).map(Some),
    }
}

/// The rules of a refresh token, as they are written here and no other way: in order, each once, at least one.
fn evidence(value: &Value) -> Option<Evidence> {
    let bytes = URL_SAFE_NO_PAD.decode(value.as_str()?).ok()?;
    let (rules, []) = bytes.as_chunks() else { return None };
    let is_in_order = !rules.is_empty() && rules.windows(2).all(|pair| pair[0] < pair[1]);
    is_in_order.then(|| rules.iter().map(|rule| Fingerprint(*rule)).collect())
}

impl fmt::Debug for RefreshTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokens").field("current", &self.current.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
