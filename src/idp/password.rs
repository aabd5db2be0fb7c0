//! Logins by name and password, which the provider checks.
//!
//! Must not know how it is asked.

use std::net::IpAddr;

use http::StatusCode;
use secrecy::SecretString;

use super::error::ProviderError;
use crate::outbound::Response;

/// A login and its password.
#[derive(Debug)]
pub struct PasswordCredential {
    /// What the user calls themselves at the provider.
    pub login: String,
    /// Their password there.
    pub password: SecretString,
    /// Where they ask from, as what counts as one client: it decides whose turn it is, and nothing else.
    pub client: IpAddr,
}

/// What the status of a provider's answer says of a login by name and password.
pub(super) fn accepted(answer: &Response) -> Result<(), ProviderError> {
    match answer.status {
        StatusCode::OK | StatusCode::CREATED => Ok(()),
        StatusCode::BAD_REQUEST
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::UNPROCESSABLE_ENTITY => Err(ProviderError::Refused),
        // So a Pasee speaks of an invalid answer of a provider of its own.
        StatusCode::BAD_GATEWAY => {
            Err(ProviderError::InvalidResponse("an invalid answer from behind it"))
        }
        _ if answer.is_away() => Err(ProviderError::of_away(answer)),
        status if status.is_redirection() => Err(ProviderError::InvalidResponse(
            "a redirect, which is not followed, in place of an answer to a login: see endpoint",
        )),
        _ => Err(ProviderError::InvalidResponse("an unexpected status")),
    }
}
