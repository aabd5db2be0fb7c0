//! That whoever sends a request has a key (DPoP, RFC 9449): proofs, each once, with a nonce of ours.
//!
//! Must not know how the request came.

use super::{OAuthFailure, locked};
use crate::domain::authorization::KeyThumbprint;
use crate::domain::client::{Client, Dpop};
use crate::domain::time::Timestamp;
use crate::jose::dpop::{Proof, ProvedRequest};
use crate::oauth::error::ErrorCode;
use crate::oauth::proofs;
use crate::service::Service;

/// What the nonce is sealed for.
const NONCE: &str = "dpop";

/// The key that a client's access token is bound to: that of its proof where its settings ask for one, else none.
pub(super) fn required_key(
    client: &Client,
    key: Option<KeyThumbprint>,
) -> Result<Option<KeyThumbprint>, OAuthFailure> {
    match (client.dpop, key) {
        (Dpop::Required, None) => Err(OAuthFailure::new(
            ErrorCode::InvalidDpopProof,
            "this client has dpop = 'required' in its settings: the request takes a proof in the header DPoP (RFC 9449 section 5)",
        )),
        (Dpop::Required, key) => Ok(key),
        (Dpop::Optional, _) => Ok(None),
    }
}

impl Service {
    /// A nonce for the proofs to come: it says to any replica when it was made, and nothing to anybody else.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn dpop_nonce(&self, now: Timestamp) -> Result<String, OAuthFailure> {
        let keys = self.0.keys.current();
        let sealed = keys.dpop_nonces().seal(NONCE, &now.as_unix().to_be_bytes());
        sealed.map_err(|_| OAuthFailure::Inside("a nonce could not be sealed"))
    }

    /// The key that a proof is by, which comes with a request.
    ///
    /// # Errors
    /// `invalid_dpop_proof`; `use_dpop_nonce` where the nonce is missing or over.
    pub fn prove(
        &self,
        proof: &str,
        request: ProvedRequest<'_>,
        now: Timestamp,
    ) -> Result<KeyThumbprint, OAuthFailure> {
        let wrong = |reason: String| OAuthFailure::new(ErrorCode::InvalidDpopProof, reason);
        let proof = Proof::read(proof, request, now).map_err(|error| {
            wrong(format!("the proof in the header DPoP does not hold: {error}"))
        })?;
        let keys = self.0.keys.current();
        let made_at =
            proof.nonce.as_deref().and_then(|nonce| keys.dpop_nonces().open(NONCE, nonce));
        let made_at = made_at.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes);
        if !made_at.is_some_and(|made_at| proofs::is_fresh(made_at, now)) {
            return Err(OAuthFailure::new(
                ErrorCode::UseDpopNonce,
                "a proof has the nonce of the header DPoP-Nonce, of the last minute (RFC 9449 section 8)",
            ));
        }
        if !locked(&self.2.proofs).is_first(&proof, now) {
            return Err(wrong("this proof was shown before".to_owned()));
        }
        Ok(proof.key)
    }
}
