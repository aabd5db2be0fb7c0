//! Stores: each feeds an [`index`](crate::index) and implements [`Realm`](crate::domain::realm::Realm). And
//! a realm as manifests, read into a store and written out of it.
//!
//! Must not know who may do what, nor HTTP.

pub mod embedded;
pub mod kubernetes;
pub mod manifests;
