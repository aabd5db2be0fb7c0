//! Logins in a browser: pages for people, out to a provider and back with an answer, and the session that comes of it.
//!
//! What is remembered of a login travels in a cookie that only this realm's replicas can read and that only the browser which began
//! holds, so that any replica ends what another began. Nothing is kept here. Must not know any protocol.
//!
//! | File | Owns |
//! |---|---|
//! | `page` | the page on which people choose how to log in, and their password |
//! | `choices` | what that page shows |
//! | `home` | the page of who one is |
//! | `invitation` | an invitation to a group, and the yes to it |
//! | `leave` | out of a group |
//! | `logout` | the end of a session |
//! | `demand` | what a client's request demands of a login |
//! | `flow` | the two requests by way of a provider |
//! | `under_way` | a login from its beginning to where its browser goes on |
//! | `session` | the session's cookie |
//! | `loopback` | one name for this machine |
//! | `cookie` | what the browser carries of a login |
//! | `device` | who has logged in on a device before |
//! | `cookies` | names and attributes of both |
//! | `form` | answers that come in a form |
//! | `replay` | that none ends twice |

mod choices;
mod cookie;
mod cookies;
mod demand;
mod device;
mod flow;
mod form;
mod home;
mod invitation;
mod leave;
mod logout;
mod loopback;
mod page;
mod replay;
mod session;
mod under_way;

use std::time::Duration;

use crate::server::error::ApiError;

pub(super) use cookie::{Continuation, MAX_TARGET, Target};
pub(super) use cookies::Cookies;
pub(super) use page::{LoginWishes, PlaceOfPage, is_from_elsewhere};
pub(super) use replay::ReplayGuard;

/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long somebody may look at the page before they log in.
const PATIENCE_OF_PAGES: Duration = Duration::from_secs(3600);

/// What is said of an answer that cannot be read; it came in the query, or in a form.
fn malformed_answer(place: &str) -> ApiError {
    ApiError::Malformed(format!("the {place} has a parameter twice, or more than 32 of them"))
}
