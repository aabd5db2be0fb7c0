//! Keys, signatures and JSON Web Tokens (RFC 7515, 7517, 7518, 7519, 8812).
//!
//! Owns how a token is written, and whether one is believed. Must not know sockets, settings, or who may have which
//! token; time and randomness come in as parameters.

pub mod algorithm;
pub mod claims;
pub mod compact;
pub mod error;
pub mod id_token;
pub mod json;
mod jwk;
pub mod jwks;
pub mod key;
pub mod key_set;
pub mod kisee;
mod pem;
pub mod refresh;
pub mod seal;
pub mod secret;
pub mod service_account;
pub mod sign;
pub mod verify;
mod window;

#[cfg(test)]
mod tests;
