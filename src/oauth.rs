//! The protocol of an OpenID provider, as plain values: OAuth 2.0 (RFC 6749) as RFC 9700 wants it, OpenID Connect Core 1.0, and
//! what stands on them.
//!
//! Owns what requests may say, what is answered, and which error is whose. No I/O: time and randomness come in as parameters.
//! Must not know HTTP, who may have tokens, nor where anything is kept.
//!
//! | File | Owns |
//! |---|---|
//! | `params` | the parameters of a request: each once, and bounded |
//! | `error` | errors, as the protocol names them |
//! | `destination` | where an authorization request is answered |
//! | `request`, `requested` | what an authorization request may say; which claims it asks for by name |
//! | `code` | what a code stands for, and who may redeem it |
//! | `grant`, `exchange` | what a client shows for tokens |
//! | `device` | logins on another device |
//! | `id_token` | what a client is told of a person |
//! | `pkce` | that who redeems a code is who asked for it |
//! | `client_auth` | how a client says who it is |
//! | `scope` | what is asked for |
//! | `proofs` | proofs of a key, each once |
//! | `once` | values that are good once, in bounded memory |
//! | `metadata` | what the provider says of itself |

pub mod client_auth;
pub mod code;
pub mod destination;
pub mod device;
pub mod error;
pub mod exchange;
pub mod grant;
pub mod id_token;
pub mod metadata;
pub mod once;
pub mod params;
pub mod pkce;
pub mod proofs;
pub mod request;
mod requested;
pub mod scope;
