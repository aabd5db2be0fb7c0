//! Client ids: what an application calls itself towards us, such as `grafana`.
//!
//! Must not know which clients there are.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::domain::provider::{CLIENTS, SERVICE_ACCOUNTS};
use crate::domain::user::ProviderName;

/// The id of the client that is there without being written down: a person's tools.
pub const BUILT_IN: &str = "pasee";

/// Longest client id, in characters (all ASCII, so bytes too).
pub const MAX_CLIENT_ID: usize = 100;

/// What tokens of `POST /tokens/` name as their client; no client is called so.
const OF_THE_HTTP_API: &str = "pasee-http";

/// What user ids begin with that no identity provider of the settings makes: a client's own, and those of ServiceAccounts. A client
/// that was called so could be taken for one of them (RFC 9700 section 4.15).
const OF_USERS: [&str; 2] = [CLIENTS, SERVICE_ACCOUNTS];

/// The id of a client (RFC 6749 section 2.2), as objects of Kubernetes are named: 1 to [`MAX_CLIENT_ID`] characters of a-z, 0-9, `-`
/// and `.`, a letter or digit at each end of what is between the dots.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the id could be a user's of this identity provider: `kisee-john` of `kisee`. Such a client is refused where the provider is
    /// there (RFC 9700 section 4.15), for the same reason as those of ServiceAccounts are everywhere.
    #[must_use]
    pub fn is_like_users_of(&self, provider: &ProviderName) -> bool {
        self.0.strip_prefix(provider.as_str()).is_some_and(|rest| rest.starts_with('-'))
    }
}

/// An id is looked up by its text: both have one order and one hash.
impl Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = ClientIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !(1..=MAX_CLIENT_ID).contains(&text.len()) || !text.split('.').all(is_label) {
            return Err(ClientIdError::Shape);
        }
        if text == OF_THE_HTTP_API {
            return Err(ClientIdError::HttpApi);
        }
        if text.split_once('-').is_some_and(|(provider, _)| OF_USERS.contains(&provider)) {
            return Err(ClientIdError::LikeUsers);
        }
        Ok(Self(text.into()))
    }
}

/// Whether the text is `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, a label of RFC 1123.
fn is_label(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().copied().is_some_and(is_word)
        && bytes.last().copied().is_some_and(is_word)
        && bytes.iter().all(|byte| is_word(*byte) || *byte == b'-')
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why a text is no client id. The text itself is left out: it may be hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdError {
    /// Other characters, none, or too many.
    #[error(
        "a client id has 1 to {MAX_CLIENT_ID} characters of a-z, 0-9, - and ., with a letter or digit at both ends and beside each ., such as \
         grafana"
    )]
    Shape,
    /// That of the HTTP API.
    #[error(
        "{OF_THE_HTTP_API} is the client of POST /tokens/; call yours otherwise, such as grafana"
    )]
    HttpApi,
    /// What could be a user id.
    #[error(
        "what begins with client- or k8s- could be taken for a user id; call the client otherwise, such as grafana"
    )]
    LikeUsers,
}
