//! Origins: the pages whose scripts may call us for a client.
//!
//! Must not know of headers.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::redirect_uri::is_loopback;

/// The origin of a page (RFC 6454 section 6.2), spelled as browsers send it: `https://`, a host, and a port unless it is 443. On
/// the user's own machine also `http://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| OriginError)?;
        let is_trusted = match url.scheme() {
            "https" => true,
            "http" => url.host_str().is_some_and(is_loopback),
            _ => false,
        };
        // What a browser would spell otherwise would never be what one sends. A host may be written with a *, and is no pattern.
        if is_trusted && url.origin().ascii_serialization() == text && !text.contains('*') {
            Ok(Self(text.to_owned()))
        } else {
            Err(OriginError)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is https:// and a host as browsers write it, with its port unless that is 443, and nothing behind (no *, no / at the end), \
     such as https://grafana.example.com; http:// on localhost, 127.0.0.1 and [::1] alone"
)]
pub struct OriginError;
