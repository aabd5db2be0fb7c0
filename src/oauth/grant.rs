//! Token requests: which grant, and its parameters (RFC 6749 section 4.1.3 and after).
//!
//! Must not know whether the grant is worth anything.

use super::error::{ErrorCode, OAuthError};
use super::exchange::ExchangeRequest;
use super::params::Params;
use super::request::resource;
use super::scope::AskedScope;
use crate::domain::client::{Client, GrantType};
use crate::domain::token::Audience;

/// Longest code, verifier or token that is looked at, in bytes.
const MAX_GRANT: usize = 16 * 1024;

/// What a client shows for tokens.
#[derive(Debug)]
pub enum TokenRequest {
    /// A code (RFC 6749 section 4.1.3).
    Code {
        /// `code`.
        code: String,
        /// `redirect_uri`.
        redirect_uri: Option<String>,
        /// `code_verifier`.
        verifier: Option<String>,
        /// `resource`.
        resource: Option<Audience>,
    },
    /// A refresh token (section 6).
    Refresh {
        /// `refresh_token`.
        token: String,
        /// `scope`; `None` asks for what there was.
        scope: Option<AskedScope>,
        /// `resource`.
        resource: Option<Audience>,
    },
    /// Itself (section 4.4).
    ClientCredentials {
        /// `scope`.
        scope: AskedScope,
        /// `resource`.
        resource: Option<Audience>,
    },
    /// A login on another device (RFC 8628 section 3.4).
    Device {
        /// `device_code`.
        code: String,
    },
    /// Another token (RFC 8693 section 2.1).
    Exchange(ExchangeRequest),
}

impl TokenRequest {
    /// Reads the request of a client.
    ///
    /// # Errors
    /// What is wrong with it, or that the client has no such grant.
    pub fn read(params: &Params, client: &Client) -> Result<Self, OAuthError> {
        params.once()?;
        let grant = params.needed("grant_type")?;
        let grant: GrantType = grant.parse().map_err(|_| {
            OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "the grant_type is authorization_code, refresh_token, client_credentials, or the URN of a device code or a token exchange",
            )
        })?;
        if !client.allows(grant) {
            return Err(OAuthError::new(
                ErrorCode::UnauthorizedClient,
                format!("this client may not use {grant}: it is not in its grant_types"),
            ));
        }
        let text = |name| Ok::<_, OAuthError>(params.bounded(name, MAX_GRANT)?.map(str::to_owned));
        let needed =
            |name| params.needed(name).and_then(|_| text(name)).map(Option::unwrap_or_default);
        Ok(match grant {
            GrantType::AuthorizationCode => Self::Code {
                code: needed("code")?,
                redirect_uri: text("redirect_uri")?,
                verifier: text("code_verifier")?,
                resource: resource(params, client)?,
            },
            GrantType::RefreshToken => {
                let scope = params.get("scope").map(|scope| AskedScope::read(Some(scope)));
                Self::Refresh {
                    token: needed("refresh_token")?,
                    scope: scope.transpose()?,
                    resource: resource(params, client)?,
                }
            }
            GrantType::ClientCredentials => Self::ClientCredentials {
                scope: AskedScope::read(params.get("scope"))?,
                resource: resource(params, client)?,
            },
            GrantType::DeviceCode => Self::Device { code: needed("device_code")? },
            GrantType::TokenExchange => Self::Exchange(ExchangeRequest::read(params, client)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::{ClientMetadata, SecretHash};

    fn client() -> Client {
        let mut metadata = ClientMetadata::new("app".parse().unwrap());
        metadata.redirect_uris = vec!["https://app.example.com/back".parse().unwrap()];
        metadata.secret_hashes = vec![SecretHash::of("secret")];
        metadata.grant_types.insert(GrantType::ClientCredentials);
        Client::new(metadata).unwrap()
    }

    fn refused(query: &str) -> ErrorCode {
        TokenRequest::read(&Params::parse(query).unwrap(), &client()).unwrap_err().code()
    }

    #[test]
    fn grants() {
        use ErrorCode::{
            InvalidRequest, InvalidScope, InvalidTarget, UnauthorizedClient, UnsupportedGrantType,
        };
        for (query, code) in [
            ("", InvalidRequest),
            ("grant_type=password&username=a&password=b", UnsupportedGrantType),
            ("grant_type=implicit", UnsupportedGrantType),
            ("grant_type=Authorization_Code&code=x", UnsupportedGrantType),
            (
                "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=x",
                UnauthorizedClient,
            ),
            ("grant_type=urn:ietf:params:oauth:grant-type:token-exchange", UnauthorizedClient),
            ("grant_type=authorization_code", InvalidRequest),
            ("grant_type=authorization_code&code=x&code=y", InvalidRequest),
            ("grant_type=refresh_token", InvalidRequest),
            ("grant_type=refresh_token&refresh_token=x&scope=groups:A", InvalidScope),
            ("grant_type=refresh_token&refresh_token=x&resource=y", InvalidTarget),
        ] {
            assert_eq!(refused(query), code, "{query}");
        }
        let long = format!("grant_type=authorization_code&code={}", "x".repeat(MAX_GRANT + 1));
        assert_eq!(refused(&long), InvalidRequest);
        let read =
            |query: &str| TokenRequest::read(&Params::parse(query).unwrap(), &client()).unwrap();
        assert!(matches!(
            read("grant_type=client_credentials"),
            TokenRequest::ClientCredentials { .. }
        ));
        let TokenRequest::Refresh { scope: None, resource: None, .. } =
            read("grant_type=refresh_token&refresh_token=x")
        else {
            panic!("no refresh")
        };
    }
}
