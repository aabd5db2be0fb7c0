//! What of a client does not go together.
//!
//! Must not know where it is written, but how the fields are spelled there: [`Spelled`].

use super::grant_type::GrantType;
use super::id::BUILT_IN;
use super::metadata::{ClientMetadata, MAX_LISTED, MAX_METHODS, MAX_NAME, MAX_SECRETS};

/// Why what is written down is no client. The field that is wrong is named by [`ClientError::field`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// What people are shown is empty, too long, or has characters that move others.
    #[error(
        "what people are shown has 1 to {MAX_NAME} characters, none of them a control character"
    )]
    Name,
    /// A code would go nowhere.
    #[error(
        "authorization_code needs a redirect URI to send codes to, such as https://grafana.example.com/callback; a client without one leaves it \
         out of its grant types"
    )]
    NoRedirect,
    /// Anybody could say that they are this client.
    #[error(
        "{} is for clients that can prove who they are: give this one a secret (`pasee client-secret` makes it), or leave the grant out",
        .0.as_str()
    )]
    Public(GrantType),
    /// A resource is a URI without a fragment (RFC 8707 section 2).
    #[error(
        "an audience has no #, which is for tokens of Pasee's own; a right one is https://api.example.com or kubernetes"
    )]
    Audience,
    /// A list is longer than one of its kind may be.
    #[error("this list has at most {1} entries")]
    TooMany(Spelled, usize),
}

/// A field of a client, by its name in the settings. In objects of Kubernetes the same name is in camelCase.
pub type Spelled = &'static str;

impl ClientError {
    /// Which field is wrong.
    #[must_use]
    pub fn field(&self) -> Spelled {
        match self {
            Self::Name => "name",
            Self::NoRedirect => "redirect_uris",
            Self::Public(_) => "grant_types",
            Self::Audience => "audiences",
            Self::TooMany(field, _) => field,
        }
    }
}

pub(super) fn errors_of(client: &ClientMetadata) -> Vec<ClientError> {
    let mut errors = Vec::new();
    let length = client.name.chars().count();
    if !(1..=MAX_NAME).contains(&length)
        || client.name.chars().any(char::is_control)
        || client.name.trim() != client.name
    {
        errors.push(ClientError::Name);
    }
    if client.grant_types.contains(&GrantType::AuthorizationCode) && client.redirect_uris.is_empty()
    {
        errors.push(ClientError::NoRedirect);
    }
    if client.secret_hashes.is_empty() {
        errors.extend(beyond_public(client).map(ClientError::Public));
    }
    if client.audiences.iter().any(|audience| audience.as_str().contains('#')) {
        errors.push(ClientError::Audience);
    }
    let too_long = lengths(client).into_iter().filter(|(_, length, most)| length > most);
    errors.extend(too_long.map(|(field, _, most)| ClientError::TooMany(field, most)));
    errors
}

/// The grants that a client needs a secret for: RFC 6749 section 4.4, and exchanges (RFC 8693), but for a person's own tools.
fn beyond_public(client: &ClientMetadata) -> impl Iterator<Item = GrantType> {
    let is_own = client.id.as_str() == BUILT_IN;
    client.grant_types.iter().copied().filter(move |grant| match grant {
        GrantType::ClientCredentials => true,
        GrantType::TokenExchange => !is_own,
        GrantType::AuthorizationCode | GrantType::RefreshToken | GrantType::DeviceCode => false,
    })
}

fn lengths(client: &ClientMetadata) -> [(Spelled, usize, usize); 9] {
    [
        ("secret_hashes", client.secret_hashes.len(), MAX_SECRETS),
        ("redirect_uris", client.redirect_uris.len(), MAX_LISTED),
        ("post_logout_redirect_uris", client.post_logout_redirect_uris.len(), MAX_LISTED),
        ("allowed_origins", client.allowed_origins.len(), MAX_LISTED),
        ("audiences", client.audiences.len(), MAX_LISTED),
        ("require_groups", client.require_groups.len(), MAX_LISTED),
        ("require_amr", client.require_amr.len(), MAX_METHODS),
        ("claims", client.claims.len(), MAX_LISTED),
        ("exchange_providers", client.exchange_providers.len(), MAX_LISTED),
    ]
}
