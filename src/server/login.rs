//! Logins in a browser: out to a provider, and back with an answer.
//!
//! What is remembered between the two travels in a cookie that only this realm's replicas can read and that only the
//! browser which began holds, so that any replica ends what another began. Must not know any protocol.
//!
//! | File | Owns |
//! |---|---|
//! | `flow` | the two requests |
//! | `cookie` | what the browser carries |
//! | `replay` | that none ends twice |

mod cookie;
mod flow;
mod replay;

use std::time::Duration;

pub(super) use cookie::LoginCookie;
pub(super) use replay::ReplayGuard;

/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_secs(600);
