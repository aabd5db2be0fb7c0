//! Tokens for tokens: refreshes (RFC 6749 section 6), exchanges for another audience (RFC 8693), and the end of a session by
//! revocation (RFC 7009).
//!
//! Must not know when any of it is due.

use super::error::RelyingError;
use super::metadata::Metadata;
use super::party::RelyingParty;
use super::token::{AccessToken, Token, Tokens};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

impl RelyingParty<'_> {
    /// New tokens for a refresh token. An ID token that comes with them proves nothing new and is not looked at. Who gives no new
    /// refresh token means the old one.
    ///
    /// # Errors
    /// [`RelyingError`]; `invalid_grant` when the session is over.
    pub async fn refresh(
        &self,
        refresh: &Token,
        resource: Option<&str>,
    ) -> Result<Tokens, RelyingError> {
        let place = Metadata::needed(self.metadata.token.as_ref(), "tokens (token_endpoint)")?;
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("client_id", &self.client_id),
        ];
        form.extend(resource.map(|resource| ("resource", resource)));
        let tokens = Tokens::read(&self.post(place, &form).await?, (self.clock)())?;
        let kept = tokens.refresh.or_else(|| Some(refresh.clone()));
        Ok(Tokens { refresh: kept, ..tokens })
    }

    /// An access token for another audience alone.
    ///
    /// # Errors
    /// [`RelyingError`]; `invalid_target` when there are none for that.
    pub async fn exchange(
        &self,
        subject: &AccessToken,
        audience: &str,
    ) -> Result<AccessToken, RelyingError> {
        let place = Metadata::needed(self.metadata.token.as_ref(), "tokens (token_endpoint)")?;
        let form = [
            ("grant_type", EXCHANGE),
            ("subject_token", subject.token.expose()),
            ("subject_token_type", ACCESS_TOKEN),
            ("requested_token_type", ACCESS_TOKEN),
            ("audience", audience),
            ("client_id", &self.client_id),
        ];
        let given = self.post(place, &form).await?;
        if given.get("issued_token_type").and_then(|kind| kind.as_str()) != Some(ACCESS_TOKEN) {
            return Err(RelyingError::Answer("it gives another kind of token than was asked for"));
        }
        Ok(Tokens::read(&given, (self.clock)())?.access)
    }

    /// Ends the session of a refresh token.
    ///
    /// # Errors
    /// [`RelyingError`].
    pub async fn revoke(&self, refresh: &Token) -> Result<(), RelyingError> {
        let place = self.metadata.revocation.as_ref();
        let place = Metadata::needed(place, "end of sessions (revocation_endpoint)")?;
        let form = [
            ("token", refresh.expose()),
            ("token_type_hint", "refresh_token"),
            ("client_id", &self.client_id),
        ];
        self.post(place, &form).await.map(drop)
    }
}
