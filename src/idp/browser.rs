//! A login in a browser that is sent to a provider and comes back: what is remembered between, and what comes back.
//!
//! Must not know where the memory is kept, nor any protocol.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

use super::ProviderError;

/// Most parameters that a browser may bring back.
const MAX_PARAMETERS: usize = 32;

/// A login that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where to send the browser.
    pub authorize_url: Url,
    /// What to remember of it until the browser comes back; only that browser may bring it back.
    pub memory: Memory,
}

/// What is remembered of a login that has begun. All of it is random or secret: it never shows in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What the provider sends back with the browser: `state` (RFC 6749 section 4.1.1) or the `oauth_token` of OAuth 1.0a.
    pub state: String,
    /// The PKCE verifier (RFC 7636 section 4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<String>,
    /// The `nonce` of the ID token (OpenID Connect Core 1.0 section 3.1.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The secret of the request token (RFC 5849 section 2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_secret: Option<String>,
}

impl Memory {
    /// Whether this is the state, compared in constant time.
    #[must_use]
    pub fn is_state(&self, shown: &str) -> bool {
        !shown.is_empty()
            && verify_slices_are_equal(self.state.as_bytes(), shown.as_bytes()).is_ok()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

/// What a browser brought back in its query: each parameter once (RFC 6749 section 3.1). Holds codes: it never shows in
/// `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Answered(Vec<(String, String)>);

impl Answered {
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
    pub fn belongs_to(&self, memory: &Memory) -> bool {
        let mut brought =
            ["state", "oauth_token", "denied"].iter().filter_map(|name| self.get(name)).peekable();
        brought.peek().is_some() && brought.all(|state| memory.is_state(state))
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_tuple("Answered").field(&names).finish()
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
