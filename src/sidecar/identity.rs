//! Who sends a request, as a token that was believed says.
//!
//! Must not know how it was believed, nor what they may do.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::domain::time::Timestamp;

/// Who sends a request.
#[derive(Clone)]
pub struct Identity {
    /// `iss`: who says so.
    pub issuer: Arc<str>,
    /// `sub`, as the issuer writes it.
    pub subject: String,
    /// The user's id here: the subject with the issuer's prefix.
    pub user: String,
    /// Their groups, with the issuer's prefix.
    pub groups: Vec<String>,
    /// What else the token says.
    pub claims: Map<String, Value>,
    /// `exp`: the first second at which they are nobody.
    pub expires_at: Timestamp,
    /// `iat`, where the token has it.
    pub issued_at: Option<Timestamp>,
    /// `rev`: the revocation that was in force when their session began.
    pub revocation: Option<Timestamp>,
    /// `sid`: their session, where the token has it.
    pub session: Option<String>,
    /// `auth_time`: when they last showed who they are.
    pub authenticated_at: Option<Timestamp>,
    /// The token itself, for an application that is to have it.
    pub token: SecretString,
}

impl Identity {
    /// How many bytes its texts take, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        let groups: usize = self.groups.iter().map(|group| group.len() + size_of::<String>()).sum();
        // Claims are no longer than the token, with what their tree takes.
        let token = self.token.expose_secret().len();
        self.subject.len() + self.user.len() + groups + 3 * token
    }
}

/// Shows who it is, and nothing of the token.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("issuer", &self.issuer)
            .field("user", &self.user)
            .field("groups", &self.groups)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Whether somebody whose token still holds was sent away meanwhile.
///
/// Asked at every request: must not wait, nor call anybody.
pub trait Revocations: Send + Sync + fmt::Debug {
    /// What is known of them at this moment.
    fn standing(&self, identity: &Identity, now: Timestamp) -> Standing;
}

/// What is known of somebody whose token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against them.
    Good,
    /// Their session was ended, or all of theirs.
    Ended,
    /// Nothing is known that is young enough, and it has to be.
    Unknown,
}

/// Nobody is followed: tokens count until they end.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotFollowed;

impl Revocations for NotFollowed {
    fn standing(&self, _: &Identity, _: Timestamp) -> Standing {
        Standing::Good
    }
}
