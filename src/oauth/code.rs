//! What a code stands for, and who may redeem it (RFC 6749 section 4.1.3).
//!
//! Must not know where codes are kept.

use super::error::OAuthError;
use super::pkce::{self, Challenge};
use crate::domain::authorization::{KeyThumbprint, OAuthScopes};
use crate::domain::client::ClientId;
use crate::domain::token::{Audience, RefreshClaims, Scope};

/// What a client was granted for a person, until it comes to fetch the tokens.
#[derive(Clone, Debug)]
pub struct Authorized {
    /// Which client.
    pub client: ClientId,
    /// Where it was told so; of a login on a device, nowhere.
    pub redirect_uri: Option<String>,
    /// What the verifier is to fit.
    pub challenge: Option<Challenge>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// Which OAuth scopes.
    pub scopes: OAuthScopes,
    /// Which groups at most.
    pub limit: Scope,
    /// For which resource.
    pub resource: Option<Audience>,
    /// To which key, if that was said beforehand (RFC 9449 section 10).
    pub dpop_key: Option<KeyThumbprint>,
    /// The session.
    pub memory: RefreshClaims,
}

/// How a code is redeemed.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    /// By whom.
    pub client: &'a ClientId,
    /// `redirect_uri`.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`.
    pub verifier: Option<&'a str>,
    /// The key that a proof came with.
    pub dpop_key: Option<&'a KeyThumbprint>,
}

impl Authorized {
    /// That this client redeems it as it was asked for: what differs is another's code.
    ///
    /// # Errors
    /// `invalid_grant`.
    pub fn redeemed(self, by: Redemption<'_>) -> Result<Self, OAuthError> {
        if self.client != *by.client {
            return Err(OAuthError::grant("this code is another client's"));
        }
        if self.redirect_uri.as_deref() != by.redirect_uri {
            return Err(OAuthError::grant(
                "the redirect_uri is not the one that the code was asked for with (RFC 6749 section 4.1.3)",
            ));
        }
        pkce::redeem(self.challenge, by.verifier)?;
        if self.dpop_key.is_some() && self.dpop_key.as_ref() != by.dpop_key {
            return Err(OAuthError::grant(
                "the DPoP proof is not by the key that the code was asked for with (RFC 9449 section 10)",
            ));
        }
        Ok(self)
    }
}
