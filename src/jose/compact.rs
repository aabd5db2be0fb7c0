//! Compact JWS (RFC 7515 section 7.1): one reader for all of them, whoever issued them.
//!
//! Owns the form of a token: its length, its three parts, its header. What was read is not believed: its claims come out
//! only of [`Unverified::verified`], with a signature that holds. No header parameter leads anywhere: `jku`, `x5u` and
//! `x5c` are never looked at, and `jwk` only of what is signed to show that very key (RFC 8725 section 3.10). Must not know keys, nor what the claims have to say.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::error::VerifyError;
use super::json::strict_object;
use crate::domain::time::Timestamp;

/// Longest token that is looked at, in bytes, where its kind does not say less.
pub const MAX_TOKEN: usize = 16 * 1024;

/// Header parameters that make something else of a token than claims in the clear under a signature of all of it. Whoever
/// writes one is no issuer of what is read here.
const REFUSED: [&str; 12] = [
    "crit", // RFC 7515 section 4.1.11: there is no extension that is understood
    "b64",  // RFC 7797 section 3: another signing input
    "cty",  // RFC 7519 section 5.2: a token in a token
    "enc", "zip", // RFC 7516 sections 4.1.2 and 4.1.3: a JWE
    "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", // RFC 7518 section 4: its keys
];

/// A token taken apart, not believed.
pub(super) struct Unverified<'a> {
    header: Header,
    signing_input: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

/// What the header says of how to verify the token (RFC 7515 section 4.1). Not believed either.
pub(super) struct Header {
    algorithm: Option<String>,
    key_id: Option<String>,
    token_type: Option<String>,
    own_key: Option<Value>,
}

/// The claims of a token whose signature holds (RFC 7519 section 4). What they say is for the token's kind to judge.
#[derive(Clone, Debug)]
pub(super) struct ClaimSet(Map<String, Value>);

impl<'a> Unverified<'a> {
    /// Takes a token of at most [`MAX_TOKEN`] bytes apart.
    pub(super) fn parse(compact: &'a str) -> Result<Self, VerifyError> {
        Self::parse_within(compact, MAX_TOKEN)
    }

    /// Takes a token of at most so many bytes apart.
    pub(super) fn parse_within(compact: &'a str, max_length: usize) -> Result<Self, VerifyError> {
        if compact.len() > max_length {
            return Err(VerifyError::TooLong);
        }
        let (signing_input, signature) = compact.rsplit_once('.').ok_or(VerifyError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(VerifyError::Malformed)?;
        if payload.contains('.') {
            return Err(VerifyError::Malformed);
        }
        let header = Header::read(object(header)?)?;
        Ok(Self { header, signing_input, payload, signature: decoded(signature)? })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The claims, if the signature (second) over the signing input (first, RFC 7515 section 5.2) holds. What is not
    /// signed is not even decoded.
    pub(super) fn verified(
        &self,
        holds: impl FnOnce(&[u8], &[u8]) -> bool,
    ) -> Result<ClaimSet, VerifyError> {
        if !holds(self.signing_input.as_bytes(), &self.signature) {
            return Err(VerifyError::Signature);
        }
        object(self.payload).map(ClaimSet)
    }
}

impl Header {
    /// A parameter that is read and no text is as wrong as a text that nobody knows.
    fn read(mut header: Map<String, Value>) -> Result<Self, VerifyError> {
        if header.keys().any(|name| REFUSED.contains(&name.as_str())) {
            return Err(VerifyError::Header);
        }
        let mut text = |name: &str, error| match header.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(error),
        };
        Ok(Self {
            token_type: text("typ", VerifyError::Kind)?,
            key_id: text("kid", VerifyError::UnknownKey)?,
            algorithm: text("alg", VerifyError::Algorithm)?,
            own_key: header.remove("jwk"),
        })
    }

    /// `alg`.
    pub(super) fn algorithm(&self) -> Option<&str> {
        self.algorithm.as_deref()
    }

    /// `kid`.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// `jwk`: the key that it says it is signed by. It tells who signed, and never that they may (RFC 9449 section 4.2).
    pub(super) fn own_key(&self) -> Option<&Value> {
        self.own_key.as_ref()
    }

    /// Refuses a token of another `typ` than this one (RFC 8725 section 3.11).
    pub(super) fn demand_type(&self, expected: &str) -> Result<(), VerifyError> {
        if self.token_type.as_deref() == Some(expected) { Ok(()) } else { Err(VerifyError::Kind) }
    }

    /// Refuses a token whose `typ` says that it is something else than a JWT: most issuers write `JWT`, or nothing, for
    /// every kind of theirs (RFC 7519 section 5.1; a media type has no case, RFC 2045 section 5.1).
    pub(super) fn demand_plain_jwt(&self) -> Result<(), VerifyError> {
        self.demand_any(&["JWT"])
    }

    /// The same, of an identity provider, which may write the whole media type (RFC 7515 section 4.1.9).
    pub(super) fn demand_providers_jwt(&self) -> Result<(), VerifyError> {
        self.demand_any(&["JWT", "application/jwt"])
    }

    /// Refuses a token whose `typ` says that it is no access token (RFC 9068 section 4); most issuers write `JWT`, or nothing.
    pub(super) fn demand_access_token(&self) -> Result<(), VerifyError> {
        self.demand_any(&["at+jwt", "application/at+jwt", "JWT", "application/jwt"])
    }

    fn demand_any(&self, types: &[&str]) -> Result<(), VerifyError> {
        let is_one = |typ: &str| types.iter().any(|one| typ.eq_ignore_ascii_case(one));
        if self.token_type.as_deref().is_none_or(is_one) { Ok(()) } else { Err(VerifyError::Kind) }
    }
}

impl ClaimSet {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A claim that is a text.
    pub(super) fn text(&self, name: &'static str) -> Result<&str, VerifyError> {
        self.get(name).and_then(Value::as_str).ok_or(VerifyError::Claim(name))
    }

    /// `aud`: one text, or a list of texts and nothing else (RFC 7519 section 4.1.3).
    pub(super) fn audiences(&self) -> Result<Vec<&str>, VerifyError> {
        let audiences = match self.get("aud") {
            Some(Value::String(one)) => Some(vec![one.as_str()]),
            Some(Value::Array(all)) => all.iter().map(Value::as_str).collect(),
            _ => None,
        };
        audiences.ok_or(VerifyError::Audience)
    }

    /// The same claims but those that are `null`, which some issuers write for what they do not say.
    pub(super) fn without_nulls(mut self) -> Self {
        self.0.retain(|_, value| !value.is_null());
        self
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Claims that nobody signed, to judge in a test.
    #[cfg(test)]
    pub(super) fn unsigned(claims: Value) -> Self {
        match claims {
            Value::Object(claims) => Self(claims),
            other => panic!("{other} is no object"),
        }
    }
}

/// The `typ` that a text has in its header, whether or not the rest is a token: enough to tell where it does not belong.
pub(super) fn claimed_type(compact: &str) -> Option<String> {
    let header = compact.split('.').next().and_then(|part| object(part).ok());
    match header?.remove("typ") {
        Some(Value::String(typ)) => Some(typ),
        _ => None,
    }
}

/// A claim of a text, whether or not the rest is a token: enough to tell whom to ask about it.
pub(super) fn claimed_text(compact: &str, name: &str) -> Option<String> {
    if compact.len() > MAX_TOKEN {
        return None;
    }
    match object(compact.split('.').nth(1)?).ok()?.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// When a text says that it ends, whether or not the rest is a token: of one that was verified elsewhere.
pub(super) fn claimed_end(compact: &str) -> Option<Timestamp> {
    let claims = object(compact.split('.').nth(1)?).ok()?;
    Timestamp::from_unix(claims.get("exp")?.as_i64()?)
}

/// The bytes of a part: base64url without padding, and of its spellings the one whose left-over bits are zero.
fn decoded(part: &str) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| VerifyError::Malformed)
}

/// A part that is a JSON object in UTF-8 with each key once.
fn object(part: &str) -> Result<Map<String, Value>, VerifyError> {
    strict_object(&decoded(part)?).map_err(|_| VerifyError::Malformed)
}

#[cfg(test)]
mod tests;
