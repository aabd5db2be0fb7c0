//! Keys, signatures and JSON Web Tokens (RFC 7515, 7517, 7518, 7519, 8812).
//!
//! Owns how a token is written, and whether one is believed. Must not know sockets, settings, or who may have which
//! token; time and randomness come in as parameters.
//!
//! | File | Owns |
//! |---|---|
//! | `compact` | the one reader of compact tokens |
//! | `window` | when a token is good: the one judge of times |
//! | `jwk` | the one reader of others' keys |
//! | `key_set` | others' JWK Sets |
//! | `algorithm` | what others may sign with |
//! | `key` | our keys |
//! | `jwks` | our JWK Sets |
//! | `sign` | our tokens, written |
//! | `claims` | claims as JSON |
//! | `client_assertion` | what we sign to show a provider who we are |
//! | `dpop` | proofs that whoever sends a request has a key |
//! | `verify` | access tokens of a Pasee, believed or not |
//! | `access_token` | those of any other issuer |
//! | `refresh` | refresh tokens: written, and believed by nobody else |
//! | `revocations` | the list of what has ended: written, read |
//! | `kisee` | those of a Kisee |
//! | `id_token`, `issuer` | those of an OpenID provider; whose they are |
//! | `service_account` | those of a cluster |
//! | `secret` | secrets, and the keys that are derived from them |
//! | `seal` | values that only we can read |
//! | `json` | JSON, read strictly |
//! | `pem` | PEM, read generously |
//! | `error` | why a token is not believed |

pub mod access_token;
pub mod algorithm;
pub mod claims;
pub mod client_assertion;
pub mod compact;
pub mod dpop;
pub mod error;
pub mod id_token;
pub mod issuer;
pub mod json;
mod jwk;
pub mod jwks;
pub mod key;
pub mod key_set;
pub mod kisee;
mod pem;
pub mod refresh;
pub mod revocations;
pub mod seal;
pub mod secret;
pub mod service_account;
pub mod sign;
pub mod verify;
mod window;

#[cfg(test)]
mod tests;
