//! What applications ask as clients of the OpenID provider: codes, tokens, who somebody is, and the end of a session.
//!
//! Owns in which order a client and a person are judged, and what is in memory meanwhile. Every token passes the same gate as a
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
//! | `end` | revocation, a code that is used twice |
//! | `failure` | why nothing is issued |

mod authenticate;
mod authorize;
mod device;
mod end;
mod exchange;
mod failure;
mod issue;
mod prove;
mod redeem;
mod tell;

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;
use crate::oauth::code::Authorized;
use crate::oauth::device::DeviceLogin;
use crate::oauth::once::{Bounds, OnceMap, ProcessId};
use crate::oauth::proofs::ShownProofs;

pub use authenticate::AuthenticatedClient;
pub use authorize::{Authorization, Consented, Interaction, LoginAge};
pub use device::{AskedDevice, BegunDevice, Said};
pub use end::Hint;
pub use failure::OAuthFailure;
pub use issue::{ClientTokens, TokenType};
pub use tell::Introspection;

/// Codes: as many as 100 logins a second make.
const CODES: Bounds = Bounds { most: 10_000, most_of_one: 20, lifetime: Duration::from_secs(60) };
/// Requests that clients push (RFC 9126) which have shown who they are.
const PUSHED: Bounds =
    Bounds { most: 1_000, most_of_one: 1_000, lifetime: Duration::from_secs(90) };
/// Those of clients without a secret, which are anybody: they have room of their own, and take none from others.
const PUSHED_BY_ANYBODY: Bounds = Bounds { most_of_one: 100, ..PUSHED };

/// Logins on a device, of which one address has 20 at once.
const DEVICES: Bounds = Bounds { most: 1_000, most_of_one: 20, lifetime: Duration::from_secs(600) };

/// What is good once and lives in this process's memory.
#[derive(Debug)]
pub(super) struct Once {
    codes: Mutex<OnceMap<Authorized, Spent>>,
    pushed: Mutex<OnceMap<Pushed, ()>>,
    pushed_by_anybody: Mutex<OnceMap<Pushed, ()>>,
    devices: Mutex<OnceMap<DeviceLogin, ()>>,
    proofs: Mutex<ShownProofs>,
}

/// What is left of a code that was redeemed: the session that ends when it is shown again.
#[derive(Clone, Debug)]
struct Spent {
    user: UserId,
    session: SessionId,
    until: Timestamp,
}

/// A request that a client has pushed: whose, and its parameters as a query.
#[derive(Debug)]
struct Pushed {
    client: String,
    query: String,
}

impl Default for Once {
    fn default() -> Self {
        // As random as the keys of hash maps are: it is a name and no secret.
        let process = RandomState::new().hash_one("process").to_be_bytes();
        let process = ProcessId::new(process);
        Self {
            codes: Mutex::new(OnceMap::new(process, CODES)),
            pushed: Mutex::new(OnceMap::new(process, PUSHED)),
            pushed_by_anybody: Mutex::new(OnceMap::new(process, PUSHED_BY_ANYBODY)),
            devices: Mutex::new(OnceMap::new(process, DEVICES)),
            proofs: Mutex::default(),
        }
    }
}

/// What a lock guards is whole whenever it is free.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn random<const N: usize>() -> Result<[u8; N], OAuthFailure> {
    let mut random = [0; N];
    getrandom::fill(&mut random)
        .map_err(|_| OAuthFailure::Inside("the system gives no random numbers"))?;
    Ok(random)
}
