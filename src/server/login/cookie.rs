//! The cookie in which a browser carries its login while it is at a provider.
//!
//! Owns what is sealed in it, its name and its attributes. Must not know how a login begins or ends.

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use super::PATIENCE;
use crate::domain::time::Timestamp;
use crate::domain::token::{Scope, ScopeError};
use crate::domain::user::ProviderName;
use crate::idp::browser::PendingLogin;
use crate::jose::seal::{SealError, Sealer};
use crate::server::error::ApiError;
use crate::web::respond::Scheme;

/// Longest cookie that every browser keeps, with its name and attributes (RFC 6265 section 6.1).
const MAX_COOKIE: usize = 4096;

/// What the cookie holds, sealed.
#[derive(Serialize, Deserialize)]
pub(crate) struct LoginCookie {
    pub pending: PendingLogin,
    scope: String,
    until: i64,
}

impl LoginCookie {
    /// A login that has begun now and is to give tokens of this scope.
    pub(crate) fn new(pending: PendingLogin, scope: &Scope, now: Timestamp) -> Self {
        Self { pending, scope: scope.to_string(), until: now.after(PATIENCE).as_unix() }
    }

    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        now.as_unix() >= self.until
    }

    pub(crate) fn scope(&self) -> Result<Scope, ScopeError> {
        if self.scope.is_empty() { Ok(Scope::Unlimited) } else { self.scope.parse() }
    }

    /// The header that makes the browser carry it.
    ///
    /// # Errors
    /// When the scope makes it longer than browsers keep, or it cannot be sealed.
    pub(crate) fn set(
        &self,
        provider: &ProviderName,
        scheme: Scheme,
        sealer: &Sealer,
    ) -> Result<HeaderValue, ApiError> {
        let value = serde_json::to_vec(self).map_err(|_| SealError)?;
        let sealed = sealer.seal(provider.as_str(), &value)?;
        let cookie = header(provider, scheme, &sealed, PATIENCE)?;
        if cookie.len() > MAX_COOKIE {
            return Err(ApiError::Malformed(
                "the scope is too long for a login in a browser".to_owned(),
            ));
        }
        Ok(cookie)
    }

    /// The header that makes the browser forget it.
    pub(crate) fn unset(provider: &ProviderName, scheme: Scheme) -> Result<HeaderValue, ApiError> {
        header(provider, scheme, "", Duration::ZERO)
    }

    /// The one that the browser carries of a login through this provider; a second of that name makes both worth nothing.
    pub(crate) fn read(
        headers: &HeaderMap,
        provider: &ProviderName,
        scheme: Scheme,
        sealer: &Sealer,
    ) -> Option<Self> {
        let name = name(provider, scheme);
        // Octets: what other cookies of the host hold is none of our business (RFC 6265 section 5.4).
        let pairs = headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii));
        let mut values =
            pairs.filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        let (value, None) = (values.next()?, values.next()) else { return None };
        let value = str::from_utf8(value).ok()?;
        serde_json::from_slice(&sealer.open(provider.as_str(), value)?).ok()
    }
}

/// RFC 6265bis section 4.1.3.2: such a name keeps other hosts below the domain from setting the cookie. It takes https.
fn name(provider: &ProviderName, scheme: Scheme) -> String {
    let prefix = match scheme {
        Scheme::Https => "__Host-",
        Scheme::Http => "",
    };
    format!("{prefix}pasee-login-{provider}")
}

/// Lax: the browser comes back by a link from another site.
fn header(
    provider: &ProviderName,
    scheme: Scheme,
    value: &str,
    lasts: Duration,
) -> Result<HeaderValue, ApiError> {
    let (name, age) = (name(provider, scheme), lasts.as_secs());
    let secure = match scheme {
        Scheme::Https => "; Secure",
        Scheme::Http => "",
    };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    let mut cookie = HeaderValue::from_str(&cookie).map_err(|_| SealError)?;
    cookie.set_sensitive(true);
    Ok(cookie)
}
