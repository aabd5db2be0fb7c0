//! How this client shows a provider who it is when it redeems a code (OpenID Connect Core 1.0 section 9).
//!
//! Must not know what else is sent, nor what comes back.

use oauth2::AuthType;
use secrecy::{ExposeSecret as _, SecretString};

use super::super::browser::random;
use super::super::error::ProviderError;
use super::super::renewed::Renewed;
use super::metadata::Metadata;
use crate::domain::time::Timestamp;
use crate::jose::client_assertion::ClientAssertion;
use crate::jose::key::PrivateKey;
use crate::settings::{ClientProof, Oidc, SecretUse};

/// What this client has to show.
#[derive(Debug)]
pub(super) enum ClientCredential {
    /// Nothing.
    Nothing,
    /// A secret.
    Secret(Renewed<SecretString>, Option<SecretUse>),
    /// A key, the name that the provider has for it, and at Apple the team that it belongs to.
    Key(Box<Renewed<PrivateKey>>, Option<String>, Option<String>),
}

/// How one request shows it.
pub(super) struct ClientAuthentication {
    /// Where what stands in `secret` goes.
    pub auth: AuthType,
    /// What is sent as the client's secret.
    pub secret: Option<SecretString>,
    /// What is sent as `client_assertion`.
    pub assertion: Option<String>,
}

impl ClientCredential {
    pub(super) fn new(settings: &ClientProof) -> Self {
        match settings {
            ClientProof::Nothing => Self::Nothing,
            ClientProof::Secret { secret, how } => Self::Secret(Renewed::new(secret), *how),
            ClientProof::Key(key) => {
                Self::Key(Box::new(Renewed::new(&key.key)), key.id.clone(), None)
            }
            ClientProof::Apple { key, team } => {
                Self::Key(Box::new(Renewed::new(&key.key)), key.id.clone(), Some(team.clone()))
            }
        }
    }

    /// Shows it to the token endpoint of this provider, and to nobody else.
    pub(super) async fn show(
        &self,
        settings: &Oidc,
        metadata: &Metadata,
        now: Timestamp,
    ) -> Result<ClientAuthentication, ProviderError> {
        let id = random()?;
        let client = settings.client_id.as_str();
        let assertion = ClientAssertion {
            issuer: client,
            subject: client,
            audience: metadata.token.as_str(),
            id: &id,
        };
        let in_body = AuthType::RequestBody;
        Ok(match self {
            Self::Nothing => ClientAuthentication { auth: in_body, secret: None, assertion: None },
            Self::Secret(secret, Some(SecretUse::Mac)) => {
                let secret = secret.current().await;
                let assertion = assertion.keyed(secret.expose_secret().as_bytes(), now);
                ClientAuthentication { auth: in_body, secret: None, assertion: Some(assertion) }
            }
            Self::Secret(secret, how) => {
                let auth = match how {
                    Some(SecretUse::Basic) => AuthType::BasicAuth,
                    Some(_) => in_body,
                    None => metadata.secrets.clone(),
                };
                ClientAuthentication { auth, secret: Some(secret.current().await), assertion: None }
            }
            Self::Key(key, name, team) => {
                let key = key.current().await;
                let says = match team {
                    None => assertion,
                    // For Apple by its own name (developer.apple.com, "Creating a client secret"); sent to anybody else, it is worth
                    // nothing at Apple.
                    Some(team) => {
                        let audience = settings.issuer.as_str();
                        ClientAssertion { issuer: team, audience, ..assertion }
                    }
                };
                let signed = says.signed(&key, name.as_deref(), now).map_err(|error| {
                    tracing::error!(%error, "a key of this client does not sign");
                    ProviderError::Unreachable
                })?;
                match team {
                    None => ClientAuthentication {
                        auth: in_body,
                        secret: None,
                        assertion: Some(signed),
                    },
                    Some(_) => ClientAuthentication {
                        auth: in_body,
                        secret: Some(signed.into()),
                        assertion: None,
                    },
                }
            }
        })
    }
}
