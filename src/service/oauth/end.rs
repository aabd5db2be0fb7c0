//! Sessions that clients end: by a revocation, by a logout, or by showing a code twice.
//!
//! Must not know how the request came.

use super::{OAuthFailure, Spent};
use crate::domain::change::Change;
use crate::domain::client::Client;
use crate::domain::policy::{Actor, permit};
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;
pub use crate::jose::verify::IdTokenHint as Hint;
use crate::oauth::error::ErrorCode;
use crate::service::Service;

impl Service {
    /// Ends the session of a refresh token of this client (RFC 7009). What is no token of ours, or is over, is ended already.
    ///
    /// # Errors
    /// `unsupported_token_type` for an access token, which ends by itself within minutes; `invalid_grant` for another client's.
    pub async fn revoke_token(
        &self,
        client: &Client,
        token: &str,
        now: Timestamp,
    ) -> Result<(), OAuthFailure> {
        let keys = self.0.keys.current();
        let Ok(claims) = keys.refresh_tokens().issued(token, now) else {
            return match keys.verifier().issued(token, now) {
                Ok(_) => Err(OAuthFailure::new(
                    ErrorCode::UnsupportedTokenType,
                    "an access token ends by itself; revoke the refresh token, which ends the session with all its tokens",
                )),
                Err(_) => Ok(()),
            };
        };
        let granted_to = claims.token.client.as_ref().map(|grant| &grant.client);
        if granted_to != Some(&client.id) {
            return Err(OAuthFailure::new(
                ErrorCode::InvalidGrant,
                "this refresh token is another client's (RFC 7009 section 2.1)",
            ));
        }
        let token = claims.token;
        let until = token.authenticated_at.after(self.session_lifetime(token.subject.split().0));
        self.end_session_of(token.subject, token.session, until).await
    }

    /// Ends the session of a code that was shown again. That nobody gets tokens for it does not depend on this.
    pub(super) async fn end_spent(&self, spent: Spent) {
        let Spent { user, session, until } = spent;
        tracing::warn!(%user, %session, "a code was shown twice: its session is ended");
        // What went wrong is in the log.
        let _ = self.end_session_of(user, session, until).await;
    }

    /// Of whom an ID token was that a client shows as a hint, if it is one of ours.
    #[must_use]
    pub fn hinted(&self, id_token: &str) -> Option<Hint> {
        self.0.keys.current().verifier().id_token_hint(id_token).ok()
    }

    /// Ends the session that an ID token of ours is of.
    ///
    /// # Errors
    /// When that cannot be written.
    pub async fn end_hinted(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<(), OAuthFailure> {
        // When it began, the hint does not say.
        let until = now.after(self.session_lifetime(user.split().0));
        self.end_session_of(user, session, until).await
    }

    /// Ends one session, whoever acts in it: every token of it is worth nothing any more.
    ///
    /// # Errors
    /// When that cannot be written.
    pub async fn end_session_of(
        &self,
        user: UserId,
        session: SessionId,
        until: Timestamp,
    ) -> Result<(), OAuthFailure> {
        let change = Change::EndSession { user: user.clone(), session, until };
        let Ok(permit) = permit(&Actor::operator(), change) else {
            return Err(OAuthFailure::Inside("the operator may end a session"));
        };
        match self.0.realm.write(permit).await {
            Ok(()) => {
                tracing::info!(%user, %session, "a session was ended");
                Ok(())
            }
            Err(error) => {
                tracing::error!(%user, %error, "a session could not be ended");
                Err(OAuthFailure::Later)
            }
        }
    }
}
