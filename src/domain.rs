//! The words of Pasee and its policy, as plain values.
//!
//! Owns names, memberships, who may do what, what a token says, and the ports ([`directory::Directory`],
//! [`realm::Realm`]) that the stores implement. Must not know how anything is stored, signed, parsed from
//! JSON or sent: only std, thiserror and Unicode normalization are imported, and time and randomness come in as
//! parameters.

pub mod claim;
pub mod directory;
pub mod evidence;
pub mod group;
pub mod membership;
pub mod policy;
pub mod realm;
pub mod time;
pub mod token;
pub mod user;
