//! ID tokens: what one has to say to prove a login (OpenID Connect Core 1.0 sections 2 and 3.1.3.7).
//!
//! Must not know how a token came here, nor what becomes of its claims.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::claims;
use super::foreign::{ForeignAlgorithm, Signed};
use super::verify::VerifyError;
use crate::domain::time::Timestamp;

/// How far a provider's clock may be from ours, in seconds.
const LEEWAY: i64 = 60;
/// Longest `sub`, in bytes (section 2).
const MAX_SUBJECT: usize = 255;

/// What an ID token has to agree with.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer, to the letter.
    pub issuer: &'a str,
    /// Who it is for: us.
    pub client_id: &'a str,
    /// The login it belongs to.
    pub nonce: &'a str,
    /// The access token that came with it.
    pub access_token: &'a str,
    /// How long ago the user may have shown who they are.
    pub max_age: Option<Duration>,
}

impl Expected<'_> {
    /// The claims of a token whose signature holds, if it proves this login.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing.
    pub fn prove(&self, token: Signed, now: Timestamp) -> Result<Map<String, Value>, VerifyError> {
        let Signed { header, claims, algorithm } = token;
        match header.get("typ").map(Value::as_str) {
            None => {}
            Some(Some(kind)) if kind.eq_ignore_ascii_case("JWT") => {}
            Some(_) => return Err(VerifyError::Kind),
        }
        if text(&claims, "iss")? != self.issuer {
            return Err(VerifyError::Issuer);
        }
        self.check_audience(&claims)?;
        self.check_times(&claims, now)?;
        let nonce = text(&claims, "nonce")?;
        verify_slices_are_equal(nonce.as_bytes(), self.nonce.as_bytes())
            .map_err(|_| VerifyError::Claim("nonce"))?;
        if claims.contains_key("at_hash")
            && text(&claims, "at_hash")? != half_hash(algorithm, self.access_token)
        {
            return Err(VerifyError::Claim("at_hash"));
        }
        if !(1..=MAX_SUBJECT).contains(&text(&claims, "sub")?.len()) {
            return Err(VerifyError::Claim("sub"));
        }
        Ok(claims)
    }

    /// One audience is us; of several, we are one and the one that the token was made for.
    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), VerifyError> {
        let is_us = |name: &Value| name.as_str() == Some(self.client_id);
        let audiences = match claims.get("aud") {
            Some(Value::Array(all)) if all.iter().all(Value::is_string) => all.as_slice(),
            Some(one @ Value::String(_)) => std::slice::from_ref(one),
            _ => return Err(VerifyError::Audience),
        };
        let party = claims.get("azp");
        let is_ours = audiences.iter().any(is_us)
            && party.is_none_or(is_us)
            && (audiences.len() == 1 || party.is_some());
        if is_ours { Ok(()) } else { Err(VerifyError::Audience) }
    }

    fn check_times(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<(), VerifyError> {
        let now = now.as_unix();
        let (expires_at, issued_at) = (time(claims, "exp")?, time(claims, "iat")?);
        if expires_at + LEEWAY <= now {
            return Err(VerifyError::Expired);
        }
        if issued_at > now + LEEWAY
            || (claims.contains_key("nbf") && time(claims, "nbf")? > now + LEEWAY)
        {
            return Err(VerifyError::NotYet);
        }
        if expires_at <= issued_at {
            return Err(VerifyError::Claim("exp"));
        }
        if let Some(max_age) = self.max_age {
            let authenticated_at = time(claims, "auth_time")?;
            let oldest = now - i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX) - LEEWAY;
            if authenticated_at < oldest || authenticated_at > now + LEEWAY {
                return Err(VerifyError::Claim("auth_time"));
            }
        }
        Ok(())
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, VerifyError> {
    claims.get(name).and_then(Value::as_str).ok_or(VerifyError::Claim(name))
}

fn time(claims: &Map<String, Value>, name: &'static str) -> Result<i64, VerifyError> {
    claims::time(claims, name).map(Timestamp::as_unix)
}

/// The left half of the hash of an access token (section 3.1.3.6).
fn half_hash(algorithm: ForeignAlgorithm, access_token: &str) -> String {
    let hash = match algorithm.hash_bits() {
        384 => Sha384::digest(access_token).to_vec(),
        512 => Sha512::digest(access_token).to_vec(),
        _ => Sha256::digest(access_token).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests;
