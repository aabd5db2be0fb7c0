//! Which client asks, and whether it is the one it says.
//!
//! Must not know how the request came.

use std::sync::Arc;

use super::OAuthFailure;
use crate::domain::client::Client;
use crate::oauth::client_auth::ClientCredentials;
use crate::oauth::error::ErrorCode;
use crate::service::Service;

/// A client that has shown who it is: with a secret, or by its name where it has none.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient(Arc<Client>);

impl AuthenticatedClient {
    /// Which.
    #[must_use]
    pub fn client(&self) -> &Arc<Client> {
        &self.0
    }
}

impl Service {
    /// The client that shows this.
    ///
    /// # Errors
    /// `invalid_client`, in the same words whether or not there is such a client.
    pub async fn authenticate(
        &self,
        credentials: &ClientCredentials,
    ) -> Result<AuthenticatedClient, OAuthFailure> {
        let wrong = || {
            OAuthFailure::new(
                ErrorCode::InvalidClient,
                "no client of this id has this secret; one without a secret shows none (RFC 6749 section 2.3.1)",
            )
        };
        let client = self.client(credentials.id()).ok_or_else(wrong)?;
        let is_right = match credentials.secret() {
            Some(secret) => self.is_known_by(&client, secret).await,
            None => client.is_public(),
        };
        if is_right { Ok(AuthenticatedClient(client)) } else { Err(wrong()) }
    }
}
