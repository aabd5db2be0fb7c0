//! Clients: the applications that log people in through us, and what each may ask for.
//!
//! Owns what a client may; a [`Client`] has passed all rules, whether it came from the settings or from an object of Kubernetes. Must not
//! know either, nor how a request reaches us.
//!
//! | File | Owns |
//! |---|---|
//! | `metadata` | what is written down of a client ([`ClientMetadata`], the word of RFC 7591), and how much |
//! | `error` | what of that does not go together |
//! | `id` | client ids |
//! | `redirect_uri` | where a browser is sent back to, and which address is which |
//! | `origin` | the pages whose scripts may call us |
//! | `secret` | hashes of secrets |
//! | `grant_type` | how a client comes by tokens |
//! | `method` | methods of authentication |
//! | `serving` | whether one that the state holds is served |

mod error;
mod grant_type;
mod id;
mod metadata;
mod method;
mod origin;
mod redirect_uri;
mod secret;
mod serving;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::str::FromStr;

use super::membership::Roster;
use super::party::{Audience, Issuer};

pub use error::{ClientError, Spelled};
pub use grant_type::{GrantType, GrantTypeError};
pub use id::{BUILT_IN, ClientId, ClientIdError, MAX_CLIENT_ID};
pub use metadata::{
    ClientMetadata, Consent, Dpop, IdTokenAlg, MAX_LISTED, MAX_METHODS, MAX_NAME, MAX_SECRETS, Pkce,
};
pub use method::{AuthenticationMethod, AuthenticationMethodError};
pub use origin::{Origin, OriginError};
pub use redirect_uri::{MAX_REDIRECT_URI, RedirectUri, RedirectUriError};
pub use secret::{SecretHash, SecretHashError};
pub use serving::Serving;

/// A client whose parts go together. Reads as its [`ClientMetadata`]; nothing of it changes any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client(ClientMetadata);

impl Deref for Client {
    type Target = ClientMetadata;

    fn deref(&self) -> &ClientMetadata {
        &self.0
    }
}

impl Client {
    /// A client of what is written down.
    ///
    /// # Errors
    /// Everything that does not go together.
    pub fn new(metadata: ClientMetadata) -> Result<Self, Vec<ClientError>> {
        let errors = error::errors_of(&metadata);
        if errors.is_empty() { Ok(Self(metadata)) } else { Err(errors) }
    }

    /// The client of a person's tools, where none of its id is written down. It has the realm's own audiences: its tokens open the HTTP
    /// API.
    #[must_use]
    pub fn built_in_pasee(issuer: &Issuer, audiences: &[Audience]) -> Self {
        let parsed = |text: &str| text.parse().expect("a place on this machine");
        let own = Audience::from_str(issuer.as_str()).expect("issuers and audiences are alike");
        let others = audiences.iter().filter(|audience| **audience != own).cloned();
        let id = BUILT_IN.parse().expect("a client id");
        Self(ClientMetadata {
            name: "Pasee".to_owned(),
            redirect_uris: ["http://127.0.0.1/callback", "http://[::1]/callback"]
                .map(parsed)
                .into(),
            grant_types: BTreeSet::from([
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::DeviceCode,
                GrantType::TokenExchange,
            ]),
            audiences: std::iter::once(own.clone()).chain(others).collect(),
            ..ClientMetadata::new(id)
        })
    }

    /// Whether it has no secret (RFC 6749 section 2.1): anybody can say that they are this client.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.secret_hashes.is_empty()
    }

    /// Whether a request for a code needs a challenge: always of a public client (RFC 9700 section 2.1.1).
    #[must_use]
    pub fn requires_pkce(&self) -> bool {
        self.is_public() || self.pkce == Pkce::Required
    }

    /// Whether it may come by tokens so.
    #[must_use]
    pub fn allows(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Which of its places `asked` is. The browser is sent to `asked`, whose port may be another one on this machine.
    #[must_use]
    pub fn redirect(&self, asked: &str) -> Option<&RedirectUri> {
        self.redirect_uris.iter().find(|redirect| redirect.matches(asked))
    }

    /// Whether whoever listens at that place could be this client: a program on a person's own machine, without a secret. It cannot show
    /// that it is what it says (RFC 8252 section 8.6).
    #[must_use]
    pub fn is_anybody_at(&self, asked: &str) -> bool {
        let is_local = |place: &RedirectUri| place.is_on_loopback() || place.is_private_use();
        self.is_public() && self.redirect(asked).is_some_and(is_local)
    }

    /// Which of its places after a logout `asked` is.
    #[must_use]
    pub fn post_logout_redirect(&self, asked: &str) -> Option<&RedirectUri> {
        self.post_logout_redirect_uris.iter().find(|redirect| redirect.matches(asked))
    }

    /// Whether a page of this origin, as the header `Origin` says it, may call for this client.
    #[must_use]
    pub fn allows_origin(&self, asked: &str) -> bool {
        self.allowed_origins.iter().any(|origin| origin.as_str() == asked)
    }

    /// Whether this is a secret of it. Takes as long whichever it is, and whichever it is not.
    #[must_use]
    pub fn knows_secret(&self, secret: &str) -> bool {
        self.secret_hashes.iter().fold(false, |known, hash| hash.fits(secret) | known)
    }

    /// Whether tokens for it may name this audience: its own id, and what is listed.
    #[must_use]
    pub fn has_audience(&self, asked: &str) -> bool {
        self.id.as_str() == asked
            || self.audiences.iter().any(|audience| audience.as_str() == asked)
    }

    /// Whether somebody who is on these rosters may log in to it.
    #[must_use]
    pub fn admits<'a>(&self, mut rosters: impl Iterator<Item = &'a Roster>) -> bool {
        self.require_groups.is_empty() || rosters.any(|held| self.require_groups.contains(held))
    }

    /// Whether a login that used these methods (`amr`) is enough for it.
    #[must_use]
    pub fn is_satisfied_by<S: AsRef<str>>(&self, methods: &[S]) -> bool {
        let is_used = |wanted: &AuthenticationMethod| {
            methods.iter().any(|method| method.as_ref() == wanted.as_str())
        };
        self.require_amr.iter().all(is_used)
    }
}
