//! ID tokens: what one has to say to prove a login (OpenID Connect Core 1.0 sections 2 and 3.1.3.7).
//!
//! Must not know how a token came here, nor what becomes of its claims.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::algorithm::JwsAlgorithm;
use super::compact::ClaimSet;
use super::error::VerifyError;
use super::issuer::TrustedIssuer;
use super::key_set::Signed;
use super::window;
use crate::domain::time::Timestamp;

/// Longest `sub`, in bytes (section 2).
const MAX_SUBJECT: usize = 255;

/// What an ID token has to agree with.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who may have issued it.
    pub issuer: &'a TrustedIssuer,
    /// Who it is for: us.
    pub client_id: &'a str,
    /// The login it belongs to; none where a login has no nonce to repeat, as by the device flow (RFC 8628 section 3.1).
    pub nonce: Option<&'a str>,
    /// The access token that came with it.
    pub access_token: &'a str,
    /// How long ago the user may have shown who they are.
    pub max_age: Option<Duration>,
    /// How far the issuer's clock may be from ours.
    pub clock_skew: Duration,
}

impl Expected<'_> {
    /// The claims of a token whose signature holds, if it proves this login.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing.
    pub fn prove(&self, token: Signed, now: Timestamp) -> Result<Map<String, Value>, VerifyError> {
        let Signed { claims, algorithm, key_issuer } = token;
        let claims = claims.without_nulls();
        self.issuer.judge(&claims, key_issuer.as_deref())?;
        self.check_audience(&claims)?;
        let rules = window::ID_TOKEN.with_skew(self.clock_skew).with_login_within(self.max_age);
        rules.judge(&claims, now)?;
        if let Some(expected) = self.nonce {
            let nonce = claims.text("nonce")?;
            verify_slices_are_equal(nonce.as_bytes(), expected.as_bytes())
                .map_err(|_| VerifyError::Claim("nonce"))?;
        }
        if claims.get("at_hash").is_some()
            && claims.text("at_hash")? != half_hash(algorithm, self.access_token)
        {
            return Err(VerifyError::Claim("at_hash"));
        }
        if !(1..=MAX_SUBJECT).contains(&claims.text("sub")?.len()) {
            return Err(VerifyError::Claim("sub"));
        }
        Ok(claims.into_map())
    }

    /// One audience is us; of several, we are one and the one that the token was made for.
    fn check_audience(&self, claims: &ClaimSet) -> Result<(), VerifyError> {
        let audiences = claims.audiences()?;
        let party = claims.get("azp");
        let is_ours = audiences.contains(&self.client_id)
            && party.is_none_or(|party| party.as_str() == Some(self.client_id))
            && (audiences.len() == 1 || party.is_some());
        if is_ours { Ok(()) } else { Err(VerifyError::Audience) }
    }
}

/// The claims of UserInfo that is signed (section 5.3.2), for whom the issuer (first) made it: for this client (second). What
/// it need not say is judged where it does. Whose claims they are is not judged here.
///
/// # Errors
/// [`VerifyError`]: they are worth nothing.
pub fn user_info_claims(
    token: Signed,
    (issuer, client_id): (&TrustedIssuer, &str),
    clock_skew: Duration,
    now: Timestamp,
) -> Result<Map<String, Value>, VerifyError> {
    let claims = token.claims.without_nulls();
    if claims.get("iss").is_some() && !issuer.answers_as(claims.text("iss")?) {
        return Err(VerifyError::Issuer);
    }
    if claims.get("aud").is_some() && !claims.audiences()?.contains(&client_id) {
        return Err(VerifyError::Audience);
    }
    if claims.get("exp").is_some() {
        window::USER_INFO.with_skew(clock_skew).judge(&claims, now)?;
    }
    Ok(claims.into_map())
}

/// The left half of the hash of an access token (section 3.1.3.6).
fn half_hash(algorithm: JwsAlgorithm, access_token: &str) -> String {
    let hash = match algorithm.hash_bits() {
        384 => Sha384::digest(access_token).to_vec(),
        512 => Sha512::digest(access_token).to_vec(),
        _ => Sha256::digest(access_token).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests;
