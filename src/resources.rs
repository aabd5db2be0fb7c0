//! The custom resources Group, Membership, User, OAuthClient and SessionRevocations (`pasee.meltylab.fr/v1`): how they look on the wire, their schemas,
//! and the one function for each that turns an object into the words of `domain`.
//!
//! Owns the schemas with their bounds and rules (`crd_schema`, `form`, [`definition`]), the spelling of group names as object
//! names, dates ([`rfc3339`]), [`service_account`]s as users, what can be wrong (`invalid`), the reasons of conditions, what
//! Pasee writes on its own objects ([`labels_annotations`]), who wrote what of others' ([`authorship`]), what people are called ([`names`]), what the admission [`webhook`] is called, what identity [`providers`] are published as, objects that may be unreadable ([`received`]), and how a
//! [`permission`] is named. Must not know who reads or writes objects: neither a client nor a clock is used here.
//!
//! What an API server with these schemas takes, `parse` takes, and the other way round; only Unicode normalization,
//! which no schema can demand, is checked by `parse` alone.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct, with its visibility, where nobody reaches it"
)]

pub mod authorship;
pub mod condition;
pub mod definition;
pub mod group;
pub mod labels_annotations;
pub mod manifest;
pub mod membership;
pub mod names;
pub mod oauth_client;
pub mod object_name;
pub mod permission;
pub mod providers;
pub mod received;
pub mod rfc3339;
pub mod service_account;
pub mod session_revocations;
pub mod user;
pub mod webhook;

mod crd_schema;
mod form;
mod invalid;

pub use crd_schema::USER_ID as USER_ID_PATTERN;
pub use group::{Group, GroupSpec, GroupStatus};
pub use invalid::Invalid;
pub use membership::{Membership, MembershipSpec, MembershipStatus};
pub use oauth_client::{OAuthClient, OAuthClientSpec, OAuthClientStatus};
pub use received::Received;
pub use session_revocations::{SessionRevocations, SessionRevocationsSpec};
pub use user::{User, UserSpec, UserStatus};

/// The API group of every resource.
pub const API_GROUP: &str = "pasee.meltylab.fr";
/// The one version there is.
pub const API_VERSION: &str = "v1";
