//! POST `/oauth2/token`: codes, refresh tokens and more for tokens (RFC 6749 section 3.2).
//!
//! Must not know what any of them is worth.

use http::HeaderValue;

use super::answer::{DPOP_NONCE, Exchanged, exchanged, failed};
use super::asked::Asked;
use crate::domain::authorization::KeyThumbprint;
use crate::domain::time::Timestamp;
use crate::jose::dpop::ProvedRequest;
use crate::oauth::code::Redemption;
use crate::oauth::grant::TokenRequest;
use crate::oauth::metadata::TOKEN;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{ClientTokens, OAuthFailure};

impl Api {
    /// POST: tokens for a client.
    pub(in crate::server) async fn give_tokens(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let asked = match self.asked(call).await? {
            Ok(asked) => asked,
            Err(reply) => return Ok(reply),
        };
        let key = self.proved(&asked, TOKEN);
        let reply = match key {
            Ok(key) => {
                let given = self.given(&asked, key).await;
                given
                    .map_or_else(|failure| failed(&failure), |(given, kind)| exchanged(given, kind))
            }
            Err(failure) => failed(&failure),
        };
        // Whoever proves a key once, does so again.
        Ok(asked.shared(self.with_nonce(&asked, reply)))
    }

    /// The key that a proof came with, if one did.
    pub(super) fn proved(
        &self,
        asked: &Asked<'_>,
        place: &str,
    ) -> Result<Option<KeyThumbprint>, OAuthFailure> {
        let Some(proof) = asked.proof()? else { return Ok(None) };
        let url = self.url(place);
        let request = ProvedRequest { method: "POST", url: &url, access_token: None };
        self.service.prove(proof, request, asked.now).map(Some)
    }

    pub(super) fn with_nonce(&self, asked: &Asked<'_>, reply: Reply) -> Reply {
        if !asked.headers.contains_key("dpop") {
            return reply;
        }
        self.nonced(reply, asked.now)
    }

    /// An answer with the nonce for the next proof (RFC 9449 section 8.2).
    pub(in crate::server) fn nonced(&self, reply: Reply, now: Timestamp) -> Reply {
        let nonce = self.service.dpop_nonce(now).ok();
        let nonce = nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok());
        nonce.into_iter().fold(reply, |reply, nonce| reply.with(DPOP_NONCE, nonce))
    }

    async fn given(
        &self,
        asked: &Asked<'_>,
        key: Option<KeyThumbprint>,
    ) -> Result<(ClientTokens, Exchanged), OAuthFailure> {
        let (client, now) = (&asked.client, asked.now);
        let given = match TokenRequest::read(&asked.params, client)? {
            TokenRequest::Code { code, redirect_uri, verifier, resource } => {
                let by = Redemption {
                    client: &client.id,
                    redirect_uri: redirect_uri.as_deref(),
                    verifier: verifier.as_deref(),
                    dpop_key: key.as_ref(),
                };
                self.service.redeem_code(client, &code, by, resource, now).await
            }
            TokenRequest::Refresh { token, scope, resource } => {
                self.service.refresh_for(client, &token, (scope, resource), key, now)
            }
            TokenRequest::ClientCredentials { scope, resource } => {
                self.service.client_credentials(client, &scope, (resource, key), now)
            }
            TokenRequest::Exchange(request) => {
                let given = self.service.exchange(client, &request, key, now).await?;
                return Ok((given, Exchanged::Yes));
            }
            TokenRequest::Device { code } => {
                self.service.device_tokens(client, &code, key, now).await
            }
        };
        Ok((given?, Exchanged::No))
    }
}
