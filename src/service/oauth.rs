//! What applications ask as clients of the OpenID provider: codes, tokens, who somebody is, and the end of a session.
//!
//! Owns in which order a client and a person are judged, and what is in memory meanwhile, here or in another process. Every token passes the same gate as a
//! login and a refresh do. Must not know HTTP, nor what a client's settings look like.
//!
//! | File | Owns |
//! |---|---|
//! | `authenticate` | which client asks |
//! | `authorize` | whether a person's session is enough for a code |
//! | `issue` | the tokens of a client |
//! | `device` | logins on another device |
//! | `exchange` | a token for another |
//! | `prove` | that whoever asks has a key |
//! | `redeem` | for codes, refresh tokens, and a client itself |
//! | `tell` | UserInfo, introspection |
//! | `kept` | what is good once and in this process's memory |
//! | `elsewhere` | the same, where another process keeps it |
//! | `question` | what processes ask each other of it |
//! | `end` | revocation, a code that is used twice |
//! | `failure` | why nothing is issued |

mod authenticate;
mod authorize;
mod device;
mod elsewhere;
mod end;
mod exchange;
mod failure;
mod issue;
mod kept;
mod prove;
mod question;
mod redeem;
mod tell;

pub use authenticate::AuthenticatedClient;
pub use authorize::{Authorization, Consented, Interaction, LoginAge};
pub use device::{AskedDevice, BegunDevice, Said};
pub use elsewhere::Typed;
pub use end::Hint;
pub use failure::OAuthFailure;
pub use issue::{ClientTokens, TokenType};
pub use question::{CountGuess, Guess, Guesser};
pub use tell::Introspection;

pub(super) use kept::Once;
use kept::{DEVICES, PUSHED, Pushed, Pusher, Spent, locked};

fn random<const N: usize>() -> Result<[u8; N], OAuthFailure> {
    let mut random = [0; N];
    getrandom::fill(&mut random)
        .map_err(|_| OAuthFailure::Inside("the system gives no random numbers"))?;
    Ok(random)
}
