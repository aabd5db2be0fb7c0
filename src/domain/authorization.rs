//! What a client was granted for a user, as its tokens say it: which client, for whom, how far.
//!
//! Must not know how a client asks for it, nor what clients there are.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::client::ClientId;
use super::party::Audience;

/// Most clients that act one for the other.
pub const MAX_ACTORS: usize = 4;

/// An OAuth scope that is known here (RFC 6749 section 3.3; OpenID Connect Core 1.0 section 5.4). Limits of groups are no such
/// scopes: [`Scope`](super::scope::Scope).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OAuthScope {
    /// An ID token, and UserInfo.
    Openid,
    /// Names.
    Profile,
    /// The mail address.
    Email,
    /// Groups.
    Groups,
}

impl OAuthScope {
    /// All there are, in the order in which they are written.
    pub const ALL: [Self; 4] = [Self::Openid, Self::Profile, Self::Email, Self::Groups];

    /// As requests name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openid => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::Groups => "groups",
        }
    }
}

impl FromStr for OAuthScope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// A text is no OAuth scope that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scopes are openid, profile, email, groups, and groups: with a group's name")]
pub struct UnknownScope;

/// OAuth scopes, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OAuthScopes(BTreeSet<OAuthScope>);

impl OAuthScopes {
    /// Whether this is one of them.
    #[must_use]
    pub fn has(&self, scope: OAuthScope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether all of these are among them.
    #[must_use]
    pub fn holds(&self, others: &Self) -> bool {
        others.0.is_subset(&self.0)
    }

    /// Those that are among these and the others.
    #[must_use]
    pub fn intersection(&self, others: &Self) -> Self {
        Self(self.0.intersection(&others.0).copied().collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<OAuthScope> for OAuthScopes {
    fn from_iter<I: IntoIterator<Item = OAuthScope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// With spaces between.
impl fmt::Display for OAuthScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.0.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{}", scope.as_str())?;
        }
        Ok(())
    }
}

/// The SHA-256 thumbprint of the key that a token is bound to (`cnf.jkt`, RFC 9449 section 6.1): 43 characters of base64url.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyThumbprint(Arc<str>);

impl KeyThumbprint {
    /// The thumbprint as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyThumbprint {
    type Err = ThumbprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_right = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.len() == 43 && text.bytes().all(is_right) {
            Ok(Self(text.into()))
        } else {
            Err(ThumbprintError)
        }
    }
}

/// A text is no thumbprint of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the thumbprint of a key is its SHA-256 in base64url: 43 characters (RFC 7638)")]
pub struct ThumbprintError;

/// What a client was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientGrant {
    /// `client_id`.
    pub client: ClientId,
    /// The OAuth scopes in `scope`.
    pub scopes: OAuthScopes,
    /// `aud` of the access token: a resource (RFC 8707), or the client's own id.
    pub audiences: Vec<Audience>,
    /// `cnf`: the key that whoever shows the token has to have.
    pub confirmation: Option<KeyThumbprint>,
    /// `act`: who acts for the user, the latest first (RFC 8693 section 4.1); at most [`MAX_ACTORS`].
    pub actors: Vec<ClientId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes() {
        let scopes: OAuthScopes =
            ["groups", "openid", "groups"].map(|text| text.parse().unwrap()).into_iter().collect();
        assert_eq!(scopes.to_string(), "openid groups");
        assert!(scopes.has(OAuthScope::Groups) && !scopes.has(OAuthScope::Email));
        let openid: OAuthScopes = std::iter::once(OAuthScope::Openid).collect();
        assert!(scopes.holds(&openid) && !openid.holds(&scopes));
        assert_eq!(scopes.intersection(&openid), openid);
        for unknown in ["", "OpenID", "offline_access", "groups:a", "address"] {
            assert_eq!(unknown.parse::<OAuthScope>(), Err(UnknownScope), "{unknown}");
        }
    }

    #[test]
    fn thumbprints() {
        let right = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        assert_eq!(right.parse::<KeyThumbprint>().unwrap().as_str(), right);
        for wrong in ["", &right[1..], &format!("{right}="), &right.replace('-', "+")] {
            assert_eq!(wrong.parse::<KeyThumbprint>(), Err(ThumbprintError), "{wrong}");
        }
    }
}
