//! What is passed on to a provider untouched: registration and password recovery.
//!
//! Must not know which provider takes it.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

/// What is passed on to a provider untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward<'a> {
    /// Registration of a new user.
    Users,
    /// A change of one user's password, by their subject.
    User(&'a str),
    /// Password recovery.
    PasswordRecoveries,
}

/// A request to pass on: its method, the headers that matter (`Authorization`, `Content-Type`, `Accept`) and its body.
#[derive(Debug)]
pub struct ForwardedRequest {
    /// As it came.
    pub method: Method,
    /// `Authorization`, `Content-Type` and `Accept`; nothing else is passed on.
    pub headers: HeaderMap,
    /// As it came, unread.
    pub body: Bytes,
}

/// A provider's answer to what was passed on.
#[derive(Debug)]
pub struct ForwardedAnswer {
    /// As the server sent it.
    pub status: StatusCode,
    /// Its headers; the caller picks what to show.
    pub headers: HeaderMap,
    /// Its body, at most 256 KiB.
    pub body: Bytes,
    /// Where the provider has what is passed on.
    pub places: ForwardedPlaces,
}

/// Where a provider has what is passed on: by this its links are told apart.
#[derive(Clone, Debug, Default)]
pub struct ForwardedPlaces {
    users: Option<Url>,
    password_recoveries: Option<Url>,
}

/// What a link of a provider leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTarget {
    /// Registration.
    Users,
    /// One user: the last segment of the path, percent-encoded.
    User(String),
    /// Password recovery.
    PasswordRecoveries,
}

impl ForwardedPlaces {
    /// These places.
    #[must_use]
    pub fn new(users: Option<Url>, password_recoveries: Option<Url>) -> Self {
        Self { users, password_recoveries }
    }

    /// What a link leads to, absolute or not, by its path alone: whatever host the provider believes it has. `None` for
    /// what is not passed on.
    #[must_use]
    pub fn target(&self, link: &str) -> Option<LinkTarget> {
        let base = self.users.as_ref().or(self.password_recoveries.as_ref())?;
        let url = base.join(link).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let path = url.path().trim_end_matches('/');
        let is_at = |place: &Option<Url>| {
            place.as_ref().is_some_and(|place| place.path().trim_end_matches('/') == path)
        };
        if link.is_empty() {
            return None;
        } else if is_at(&self.users) {
            return Some(LinkTarget::Users);
        } else if is_at(&self.password_recoveries) {
            return Some(LinkTarget::PasswordRecoveries);
        }
        let users = self.users.as_ref()?.path().trim_end_matches('/');
        let segment = path.strip_prefix(users)?.strip_prefix('/')?;
        let is_one = !segment.is_empty() && !segment.contains('/');
        is_one.then(|| LinkTarget::User(segment.to_owned()))
    }
}
