//! A login in a browser that is sent to a provider and comes back: what is remembered between, and what comes back.
//!
//! Must not know where that is kept, nor how a provider is called.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

use super::error::ProviderError;
use crate::domain::auth_time::Freshness;
use crate::outbound::SentSecrets;

pub use crate::settings::{CallbackPlace, ResponseMode};

/// Most parameters that a browser may bring back.
const MAX_PARAMETERS: usize = 32;

/// Longest code that is taken to a provider, in bytes.
const MAX_CODE: usize = 4096;

/// Where a login in a browser begins.
#[derive(Debug)]
pub struct AuthorizationRequest {
    /// Where to send the browser.
    pub authorize_url: Url,
    /// What to remember of it until the browser comes back; only that browser may bring it back.
    pub pending: PendingLogin,
}

/// What whoever asks for a login demands of it, beside that somebody logs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginDemand {
    /// Whether a login of before is enough.
    pub freshness: Freshness,
    /// How long ago the user may have shown who they are; any time when absent.
    pub max_age: Option<Duration>,
    /// `acr_values`: in which ways, the best first.
    pub acr_values: Option<String>,
    /// By which methods, as `amr` has them.
    pub methods: Vec<String>,
}

/// What is remembered of a login that has begun, by protocol. All of it is random or secret: it never shows in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingLogin {
    /// OAuth 1.0a.
    OAuth1 {
        /// The request token, which the provider sends back with the browser as `oauth_token` (RFC 5849 section 2.2).
        request_token: String,
        /// Its secret (RFC 5849 section 2.1).
        token_secret: String,
    },
    /// OAuth 2.0.
    OAuth2 {
        /// What the provider sends back with the browser (RFC 6749 section 4.1.1).
        state: String,
        /// The PKCE verifier (RFC 7636 section 4.1), of a provider that has PKCE.
        verifier: Option<String>,
    },
    /// OpenID Connect.
    Oidc {
        /// What the provider sends back with the browser (RFC 6749 section 4.1.1).
        state: String,
        /// The PKCE verifier (RFC 7636 section 4.1).
        verifier: String,
        /// The `nonce` of the ID token (OpenID Connect Core 1.0 section 3.1.2.1).
        nonce: String,
    },
}

impl PendingLogin {
    /// What the provider sends back with the browser: `state`, or the `oauth_token` of OAuth 1.0a.
    #[must_use]
    pub fn state(&self) -> &str {
        match self {
            Self::OAuth1 { request_token, .. } => request_token,
            Self::OAuth2 { state, .. } | Self::Oidc { state, .. } => state,
        }
    }

    /// Whether this is the state, compared in constant time.
    #[must_use]
    pub fn is_state(&self, text: &str) -> bool {
        !text.is_empty()
            && verify_slices_are_equal(self.state().as_bytes(), text.as_bytes()).is_ok()
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLogin").finish_non_exhaustive()
    }
}

/// What a browser brought back in its query: each parameter once (RFC 6749 section 3.1). Holds codes: it never shows in
/// `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackParams(Vec<(String, String)>);

impl CallbackParams {
    /// Reads the query.
    ///
    /// # Errors
    /// [`ProviderError::NotConfirmed`] when a parameter stands twice or there are more than 32.
    pub fn parse(query: &str) -> Result<Self, ProviderError> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let is_new = parameters.iter().all(|(known, _)| *known != name);
            if !is_new || parameters.len() == MAX_PARAMETERS {
                return Err(ProviderError::NotConfirmed);
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(parameters))
    }

    /// Whether this answers the login that is remembered: it brings back the state, or with OAuth 1.0a the request token
    /// (as `denied` when Twitter's user said no).
    #[must_use]
    pub fn belongs_to(&self, pending: &PendingLogin) -> bool {
        let mut brought =
            ["state", "oauth_token", "denied"].iter().filter_map(|name| self.get(name)).peekable();
        brought.peek().is_some() && brought.all(|state| pending.is_state(state))
    }

    /// The code of an answer that says yes (RFC 6749 section 4.1.2). One that also has an error says nothing.
    ///
    /// # Errors
    /// [`ProviderError::Unreachable`] for an error that passes (section 4.1.2.1), [`ProviderError::Misconfigured`] for one that no
    /// user can mend, else [`ProviderError::NotConfirmed`].
    pub(super) fn code(&self) -> Result<&str, ProviderError> {
        if let Some(error) = self.get("error") {
            // Good once, and for this browser alone: some providers say it again.
            let own = ["code", "state"].iter().filter_map(|name| self.get(name));
            let own: SentSecrets = own.collect();
            let description = own.loggable(self.get("error_description").unwrap_or_default());
            let error = own.loggable(error);
            tracing::info!(%error, error_description = %description, "the provider did not confirm a login");
        }
        match (self.get("error"), self.get("code")) {
            (Some("temporarily_unavailable" | "server_error"), None) => {
                Err(ProviderError::Unreachable)
            }
            // Section 4.1.2.1: how it was asked, and who asked, is not of the user's choosing.
            (
                Some(
                    "invalid_request"
                    | "unauthorized_client"
                    | "unsupported_response_type"
                    | "invalid_scope",
                ),
                None,
            ) => Err(ProviderError::Misconfigured(
                "it refuses what it is asked for: see client_id, scopes and pkce, and what is registered there for this client",
            )),
            (None, Some(code)) if (1..=MAX_CODE).contains(&code.len()) => Ok(code),
            _ => Err(ProviderError::NotConfirmed),
        }
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for CallbackParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_tuple("CallbackParams").field(&names).finish()
    }
}

/// 256 random bits as text: a state, a verifier (RFC 7636 section 4.1) or a nonce that nobody can guess.
///
/// # Errors
/// [`ProviderError::Unreachable`] when the system gives no random numbers.
pub fn random() -> Result<String, ProviderError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "the system gives no random numbers");
        ProviderError::Unreachable
    })?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}
