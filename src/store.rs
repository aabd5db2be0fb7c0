//! Stores: each feeds an [`index`](crate::index) and implements [`Realm`](crate::domain::realm::Realm).
//!
//! Which change that waits is next, in both, say the `turns`. Must not know who may do what, nor HTTP.

pub mod embedded;
pub mod kubernetes;
mod turns;
