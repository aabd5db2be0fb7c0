//! The key ring: everything that tokens and sealed values are made and believed with, at one moment.
//!
//! Owns which key does what ([`Keys`]), the swap of all of them at once ([`KeyRing`]), and the files in which keys that were
//! made here are kept. Must not know who asks, what the settings look like, or any server; randomness comes in as a
//! parameter.

pub mod file;
mod ring;

pub use ring::{KeyNames, KeyParts, KeyRing, Keys};
