//! The Core JSON API: tokens, users and groups as documents that link to each other.
//!
//! Owns what each handler reads and answers, and where a caller's token stands in a request. What is asked is done by
//! `service`.
//!
//! | File | Owns |
//! |---|---|
//! | `home` | where clients of Core API begin |
//! | `tokens` | logins and refreshes |
//! | `me` | whom a token speaks for |
//! | `users` | who there is, bans, revocations |
//! | `groups` | groups and their rosters |
//! | `invitations` | links into a group |
//! | `forward` | what is passed on to identity providers untouched |
//! | `person` | whom a request names, as far as limits go |
//! | `translated` | what they answer, with our links |
//! | `proof` | what somebody shows to change a password there |
//! | `urls` | where users and groups are found |

mod forward;
mod groups;
mod home;
mod invitations;
mod me;
mod person;
mod proof;
mod tokens;
mod translated;
mod urls;
mod users;

pub(super) use me::names;
pub(super) use person::person;
pub(super) use tokens::pair_frame;

use http::header::WWW_AUTHENTICATE;

use super::Api;
use super::error::ApiError;
use super::reply::Reply;
use super::request::{Call, Fields};
use crate::domain::authorization::KeyThumbprint;
use crate::service::{Caller, ShownToken};
use crate::web::bearer::{Scheme, shown};

impl Api {
    /// The user the access token speaks for, as they stand now.
    fn caller(&self, call: &Call<'_>) -> Result<Caller, ApiError> {
        let (token, key) = self.shown_token(call)?;
        let shown = ShownToken { token, key: key.as_ref() };
        Ok(self.service.caller(shown, call.now)?)
    }

    /// The access token of a request, and the key of which a proof came with it.
    fn shown_token<'c>(
        &self,
        call: &Call<'c>,
    ) -> Result<(&'c str, Option<KeyThumbprint>), ApiError> {
        let parts = call.parts;
        let (scheme, token) = shown(&parts.headers)?.ok_or(ApiError::TokenMissing)?;
        let key = match scheme {
            Scheme::Bearer => None,
            Scheme::Dpop => {
                let path = self.config.base.below(parts.uri.path()).unwrap_or_default();
                let place = (parts.method.as_str(), self.url(path));
                Some(self.proved_with(&parts.headers, place, token, call.now)?)
            }
        };
        Ok((token, key))
    }

    /// The answer for a stranger, who is told by `WWW-Authenticate` that a token would show more (RFC 9110 section 11.6.1), and
    /// what is wrong with the one that they showed.
    fn for_stranger(reply: Reply, refused: &ApiError) -> Reply {
        match refused.answer().header {
            Some((WWW_AUTHENTICATE, challenge)) => reply.with(WWW_AUTHENTICATE, challenge),
            _ => reply,
        }
    }

    /// The caller, as they stand when all of the body is there, and the body.
    async fn caller_with_fields(&self, call: Call<'_>) -> Result<(Caller, Fields), ApiError> {
        let (token, key) = self.shown_token(&call)?;
        let shown = ShownToken { token, key: key.as_ref() };
        self.service.caller_after(shown, call.now, call.fields()).await
    }
}
