//! What is odd, or unsafe, about a client that is right.
//!
//! Must not know what makes a client wrong.

use super::fields::Fields;
use crate::domain::client::{Client, GrantType};
use crate::domain::user::ProviderName;
use crate::settings::IdentityProvider;

pub(super) fn remark(fields: &Fields<'_, '_>, client: &Client, providers: &[IdentityProvider]) {
    of_use(fields, client);
    of_redirects(fields, client);
    of_claims(fields, client, providers);
}

/// What does nothing.
fn of_use(fields: &Fields<'_, '_>, client: &Client) {
    let allows = |grant| client.allows(grant);
    let has_logins = allows(GrantType::AuthorizationCode) || allows(GrantType::DeviceCode);
    if client.grant_types.is_empty() && client.is_public() {
        fields.warn(
            "grant_types",
            "nobody can use this client: it may get no tokens, and without a secret it may ask about none; a right one is \
             [\"authorization_code\", \"refresh_token\"], which is the default",
        );
    }
    if allows(GrantType::RefreshToken) && !has_logins {
        fields.warn(
            "grant_types",
            "has refresh_token, and nothing that gives a refresh token; a right one has authorization_code or \
             urn:ietf:params:oauth:grant-type:device_code too, or no refresh_token",
        );
    }
    if !allows(GrantType::AuthorizationCode) && !client.redirect_uris.is_empty() {
        fields.warn(
            "redirect_uris",
            "does nothing without authorization_code in grant_types; leave one of them out",
        );
    }
    if !allows(GrantType::TokenExchange) && !client.exchange_providers.is_empty() {
        fields.warn(
            "exchange_providers",
            "does nothing without urn:ietf:params:oauth:grant-type:token-exchange in grant_types; leave one of them out",
        );
    }
}

/// Codes that a program on somebody's own machine may get, for a client that proves itself elsewhere.
fn of_redirects(fields: &Fields<'_, '_>, client: &Client) {
    let is_local = client.redirect_uris.iter().any(|uri| uri.is_on_loopback());
    if is_local && !client.requires_pkce() {
        fields.warn(
            "redirect_uris",
            "has an http address on the user's own machine, where any program can take the code: right for a program there; add \
             pkce = \"required\", and to an application on a server give https",
        );
    }
}

/// What no identity provider says, nobody is told.
fn of_claims(fields: &Fields<'_, '_>, client: &Client, providers: &[IdentityProvider]) {
    let offered = || providers.iter().filter(|provider| provider.enabled);
    let passes = |name: &str| {
        offered()
            .any(|provider| provider.mapping.claims.iter().any(|claim| claim.name.as_str() == name))
    };
    if offered().next().is_none() {
        return;
    }
    let missing = client.claims.iter().filter(|claim| !passes(claim.as_str()));
    let missing: Vec<&str> = missing.map(|claim| claim.as_str()).collect();
    if !missing.is_empty() {
        fields.warn(
            "claims",
            format_args!(
                "names {}, which no identity provider lets pass; a right one stands in claims of a provider too, such as {}",
                missing.join(", "),
                example(offered().next().map(|provider| &provider.name))
            ),
        );
    }
    if !client.require_amr.is_empty() && !passes("amr") {
        fields.warn(
            "require_amr",
            "nobody can log in to this client: no identity provider says how somebody logged in; a right provider has \"amr\" among its claims",
        );
    }
}

fn example(provider: Option<&ProviderName>) -> String {
    provider.map_or_else(|| "another".to_owned(), ToString::to_string)
}
