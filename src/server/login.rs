//! Logins in a browser: out to a provider, and back with an answer.
//!
//! What is remembered between the two travels in a cookie that only this realm's replicas can read and that only the
//! browser which began holds, so that any replica ends what another began. Must not know any protocol.
//!
//! | File | Owns |
//! |---|---|
//! | `flow` | the two requests |
//! | `cookie` | what the browser carries |
//! | `form` | answers that come in a form |
//! | `replay` | that none ends twice |

mod cookie;
mod flow;
mod form;
mod replay;

use std::time::Duration;

use crate::server::error::ApiError;

pub(super) use cookie::LoginCookie;
pub(super) use form::FORM;
pub(super) use replay::ReplayGuard;

/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is said of an answer that cannot be read; it came in the query, or in a form.
fn malformed_answer(place: &str) -> ApiError {
    ApiError::Malformed(format!("the {place} has a parameter twice, or more than 32 of them"))
}
