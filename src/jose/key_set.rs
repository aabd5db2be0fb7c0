//! JWK Sets of others (RFC 7517 section 5): one reader, whoever's they are. Those of ours are written by [`super::jwks`].
//!
//! Owns how many keys a set may have, and which of them a token means. Must not know where a set comes from, nor what tokens
//! have to say.

use serde_json::{Map, Value};

use super::algorithm::JwsAlgorithm;
use super::compact::{ClaimSet, Unverified};
use super::error::VerifyError;
use super::json::strict_object;
use super::jwk::{Jwk, is_secret};
use super::key::{Algorithm, PublicKey};

/// Most keys of a set that are of use to whoever reads it; a set with more is nobody's. What is of no use does not count.
const MAX_KEYS: usize = 100;
/// Most keys that a token without `kid` is tried with; where more fit, none is meant.
const MAX_TRIED: usize = 8;
/// Longest token of an identity provider that is looked at, in bytes: as long as an answer of its may ever be, for it may
/// name hundreds of groups. How long an answer is read is up to whoever asks.
pub const MAX_PROVIDER_TOKEN: usize = 4 * 1024 * 1024;

/// A document is no set of keys, or has too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no JWK Set; a right one is a JSON object with a list of at most 100 keys in keys, each name once"
)]
pub struct SetError;

/// The public keys of an identity provider or a cluster.
#[derive(Clone, Debug)]
pub struct KeySet(Vec<Jwk>);

/// A token whose signature holds. What it says is not judged yet.
#[derive(Clone, Debug)]
pub struct Signed {
    pub(super) claims: ClaimSet,
    pub(super) algorithm: JwsAlgorithm,
    /// Whose tokens the key is for that made it, where the set says so.
    pub(super) key_issuer: Option<String>,
}

impl KeySet {
    /// Reads a set of an identity provider. What is no key of use here (another kind, a private key, for encryption, off its
    /// curve) is left out and spoils nothing, as RFC 7517 section 5 asks.
    ///
    /// # Errors
    /// [`SetError`].
    pub fn read(document: &Map<String, Value>) -> Result<Self, SetError> {
        read(document, Jwk::is_of_others).map(Self)
    }

    /// Reads a set for these algorithms alone. A key that stands there twice is one: a cluster lists each of its files.
    pub(super) fn parse(set: &[u8], algorithms: &[JwsAlgorithm]) -> Result<Self, SetError> {
        let document = strict_object(set).map_err(|_| SetError)?;
        let keys = read(&document, |key| algorithms.iter().any(|one| key.fits(*one)))?;
        let mut each_once: Vec<Jwk> = Vec::new();
        for key in keys {
            if !each_once.iter().any(|one| one.is_same(&key)) {
                each_once.push(key);
            }
        }
        Ok(Self(each_once))
    }

    /// How many keys are of use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the keys that have one.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(Jwk::id)
    }

    /// Takes a token apart and believes its signature, if it is by the one key that the header names and by an allowed
    /// algorithm. A token without `kid` is by one of the keys that its algorithm fits, of which there are 8 at most.
    ///
    /// # Errors
    /// [`VerifyError`]; [`VerifyError::UnknownKey`] when no key is meant, so that a newer set may help.
    pub fn verify(&self, compact: &str, allowed: &[JwsAlgorithm]) -> Result<Signed, VerifyError> {
        let token = Unverified::parse_within(compact, MAX_PROVIDER_TOKEN)?;
        token.header().demand_providers_jwt()?;
        self.verify_signature(&token, allowed)
    }

    /// Believes the signature of a token, by the same rules.
    pub(super) fn verify_signature(
        &self,
        token: &Unverified<'_>,
        allowed: &[JwsAlgorithm],
    ) -> Result<Signed, VerifyError> {
        let algorithm = token.header().algorithm().and_then(|name| name.parse().ok());
        let algorithm = algorithm.filter(|algorithm| allowed.contains(algorithm));
        let algorithm = algorithm.ok_or(VerifyError::Algorithm)?;
        let meant = self.meant(token.header().key_id(), algorithm)?;
        for key in meant {
            let signed =
                token.verified(|message, signature| key.verifies(algorithm, message, signature));
            match signed {
                Err(VerifyError::Signature) => {}
                signed => {
                    let key_issuer = key.issuer().map(str::to_owned);
                    return signed.map(|claims| Signed { claims, algorithm, key_issuer });
                }
            }
        }
        Err(VerifyError::Signature)
    }

    /// The keys that a token may be by: the one of its `kid`, or those that fit where it names none.
    fn meant(&self, id: Option<&str>, algorithm: JwsAlgorithm) -> Result<Vec<&Jwk>, VerifyError> {
        let is_meant = |key: &&Jwk| id.is_none() || key.id() == id;
        let meant = self.0.iter().filter(is_meant).filter(|key| key.fits(algorithm));
        let meant: Vec<&Jwk> = meant.collect();
        let most = if id.is_some() { 1 } else { MAX_TRIED };
        match meant.len() {
            0 if id.is_some() && self.0.iter().any(|key| is_meant(&key)) => {
                Err(VerifyError::Algorithm)
            }
            0 => Err(VerifyError::UnknownKey),
            number if number > most => Err(VerifyError::UnknownKey),
            _ => Ok(meant),
        }
    }
}

/// The keys on the algorithm's curve in the set of a Pasee, each once. They go by their thumbprints, whatever the set calls
/// them.
///
/// # Errors
/// [`SetError`].
pub fn published(algorithm: Algorithm, set: &[u8]) -> Result<Vec<PublicKey>, SetError> {
    let document = strict_object(set).map_err(|_| SetError)?;
    let on_curve = |key: &Jwk| key.of_pasee().is_some_and(|key| key.algorithm() == algorithm);
    let mut keys: Vec<PublicKey> = Vec::new();
    for key in read(&document, on_curve)? {
        keys.extend(key.of_pasee().filter(|key| !keys.contains(key)).cloned());
    }
    Ok(keys)
}

/// The keys of a set that are wanted.
fn read(
    document: &Map<String, Value>,
    is_wanted: impl Fn(&Jwk) -> bool,
) -> Result<Vec<Jwk>, SetError> {
    let members = document.get("keys").and_then(Value::as_array).ok_or(SetError)?;
    if members.iter().any(is_secret) {
        tracing::warn!("a JWK Set holds a private or symmetric key: nobody should believe it");
    }
    let keys = members.iter().filter_map(Jwk::read).filter(is_wanted);
    let keys: Vec<Jwk> = keys.take(MAX_KEYS + 1).collect();
    if keys.len() > MAX_KEYS { Err(SetError) } else { Ok(keys) }
}

#[cfg(test)]
mod tests;
