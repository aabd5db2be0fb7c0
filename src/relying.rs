//! Our own OpenID client: how we log somebody in at an issuer and keep their tokens fresh, as whoever relies on it does.
//!
//! Owns the protocol's side of a relying party: discovery, the code flow with PKCE and a loopback redirect, the device flow,
//! refreshes, exchanges for other audiences, revocation, and proofs of possession. Must not know a command line, a terminal
//! or a file, nor what a token is for. Time comes in as a clock.
//!
//! | File | Owns |
//! |---|---|
//! | `issuer` | which URLs are issuers, and where each is asked |
//! | `metadata` | what an issuer says of itself |
//! | `party` | the client at one issuer, and its calls |
//! | `authorization` | the code flow: the request, the answer, the code |
//! | `loopback` | where a browser comes back to |
//! | `device` | the device flow |
//! | `renewal` | tokens for tokens: refreshes, exchanges, revocation |
//! | `token` | what a token endpoint gives |
//! | `possession` | proofs that the client has its key |
//! | `error` | why there are no tokens |

mod authorization;
mod device;
mod error;
mod issuer;
mod loopback;
mod metadata;
mod party;
mod possession;
mod renewal;
mod token;

pub use authorization::{AuthorizationAnswer, KeptAuthorization, Login, PendingAuthorization};
pub use device::{DeviceLogin, Patience};
pub use error::{Refusal, RelyingError};
pub use issuer::{IssuerError, IssuerUrl};
pub use loopback::Loopback;
pub use party::{Clock, RelyingParty, Wish, http_client, keys_place};
pub use possession::ProofKey;
pub use token::{AccessToken, Token, TokenScheme, Tokens};
