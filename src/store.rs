//! Stores: each feeds an [`index`](crate::index) and implements [`Realm`](crate::domain::realm::Realm).
//!
//! Must not know who may do what, nor HTTP.

pub mod embedded;
pub mod kubernetes;
