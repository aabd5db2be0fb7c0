//! What somebody logs in with, and who they are then.
//!
//! Must not know any protocol.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::password::PasswordCredential;
use crate::domain::auth_time::AuthTime;
use crate::domain::claim::ExtraClaims;
use crate::domain::evidence::Evidence;
use crate::domain::group::GroupName;
use crate::domain::time::Timestamp;
use crate::domain::user::{Subject, UserId};

/// How somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMethod {
    /// With login and password, in fields of these names.
    Password,
    /// With a token of somebody else's, in the field `token`.
    Token,
    /// In a browser, which is sent to the provider and comes back.
    Redirect,
}

/// What somebody logs in with.
#[derive(Debug)]
pub enum Credential {
    /// A name and a password.
    Password(PasswordCredential),
    /// A token that somebody else issued.
    Token(SecretString),
}

/// What a provider says of somebody who is not there, when it is asked about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// They have an account.
    There,
    /// They have an account, and it says that they may not use it.
    Disabled(&'static str),
    /// They have none.
    Gone,
}

/// Who a provider says somebody is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Whom tokens will name.
    pub user: UserId,
    /// What the settings let pass of what else the provider says.
    pub claims: ExtraClaims,
    /// What it says that decides something again at each refresh.
    pub evidence: Evidence,
    /// The groups that what it says adds.
    pub mapped: MappedGroups,
    /// When they proved it, where that was before now: to another who issues tokens, whose word is taken.
    pub authenticated_at: Option<Timestamp>,
    /// When they showed who they are, which may be before they came here.
    pub auth_time: AuthTime,
}

/// The groups that a provider adds to what the state says of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappedGroups {
    /// In the order of the settings.
    pub groups: Vec<GroupName>,
    /// How long after the login they last.
    pub lifetime: Duration,
}

/// What a protocol has proved, before the settings' mapping judges it.
#[derive(Clone, Debug)]
pub(super) struct Authenticated {
    pub subject: Subject,
    /// All that the provider says of the user; nothing of it has passed yet.
    pub claims: Map<String, Value>,
    /// When the user showed who they are.
    pub auth_time: AuthTime,
}
