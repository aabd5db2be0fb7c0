//! What the provider says of itself: OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2, in one document for both.
//!
//! Must not know keys, but by which algorithms ID tokens are signed.

use serde_json::{Value, json};

use super::client_auth::METHODS;
use crate::domain::authorization::OAuthScope;
use crate::domain::base_url::BaseUrl;
use crate::domain::client::GrantType;
use crate::domain::party::Issuer;

/// Where the endpoints are, below the issuer.
pub const AUTHORIZE: &str = "/oauth2/authorize";
/// Codes and more for tokens (RFC 6749 section 3.2).
pub const TOKEN: &str = "/oauth2/token";
/// Who a token is of (OpenID Connect Core 1.0 section 5.3).
pub const USERINFO: &str = "/oauth2/userinfo";
/// RFC 7662.
pub const INTROSPECT: &str = "/oauth2/introspect";
/// RFC 7009.
pub const REVOKE: &str = "/oauth2/revoke";
/// RFC 9126.
pub const PAR: &str = "/oauth2/par";
/// RFC 8628 section 3.1.
pub const DEVICE_AUTHORIZATION: &str = "/oauth2/device_authorization";
/// OpenID Connect RP-Initiated Logout 1.0.
pub const LOGOUT: &str = "/oauth2/logout";

/// The document of an issuer whose endpoints are below `base`.
#[must_use]
pub fn document(issuer: &str, base: &BaseUrl, id_token_algorithms: &[&str]) -> Value {
    let url = |path: &str| base.url(path);
    json!({
        "issuer": issuer,
        "authorization_endpoint": url(AUTHORIZE),
        "token_endpoint": url(TOKEN),
        "userinfo_endpoint": url(USERINFO),
        "jwks_uri": url("/.well-known/jwks.json"),
        "scopes_supported": OAuthScope::ALL.map(OAuthScope::as_str),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": id_token_algorithms,
        "token_endpoint_auth_methods_supported": METHODS,
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "azp", "acr", "amr", "name",
            "preferred_username", "email", "email_verified", "groups",
        ],
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": ["en", "fr"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "pushed_authorization_request_endpoint": url(PAR),
        "device_authorization_endpoint": url(DEVICE_AUTHORIZATION),
        "introspection_endpoint": url(INTROSPECT),
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint": url(REVOKE),
        "revocation_endpoint_auth_methods_supported": METHODS,
        "end_session_endpoint": url(LOGOUT),
        "dpop_signing_alg_values_supported": [crate::jose::dpop::ALGORITHM],
    })
}

/// Whether an issuer is where the server is: there its document is looked for. That takes https, or this machine.
#[must_use]
pub fn is_here(issuer: &str, base: &BaseUrl) -> bool {
    issuer.parse::<Issuer>().is_ok_and(|issuer| issuer.is_found_at(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_is() {
        for (issuer, hostname, here) in [
            ("https://id.example.com", "https://id.example.com", true),
            ("https://id.example.com/", "https://id.example.com", true),
            ("https://id.example.com/pasee", "https://id.example.com/pasee", true),
            ("https://id.example.com//", "https://id.example.com", false),
            ("https://id.example.com", "https://other.example.com", false),
            ("http://id.example.com", "http://id.example.com", false),
            ("http://127.0.0.1:8150", "http://127.0.0.1:8150", true),
            ("http://127.0.0.1", "http://127.0.0.1", true),
            ("http://localhost:1/x", "http://localhost:1/x", true),
            ("http://[::1]:8150", "http://[::1]:8150", true),
            ("http://localhost.example.com", "http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", "http://127.0.0.1.example.com", false),
            ("pasee.example.com", "https://pasee.example.com", false),
        ] {
            assert_eq!(is_here(issuer, &hostname.parse().unwrap()), here, "{issuer}");
        }
    }

    /// Nothing is advertised that is refused: RFC 9700 sections 2.1.2 and 2.4.
    #[test]
    fn what_it_says() {
        let base = "https://id.example.com".parse().unwrap();
        let document = document("https://id.example.com", &base, &["RS256", "ES256"]);
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(document["token_endpoint"], "https://id.example.com/oauth2/token");
        let text = document.to_string();
        for refused in [
            "implicit",
            "password",
            "plain",
            "fragment",
            "\"none\":",
            "private_key_jwt",
            "id_token token",
        ] {
            assert!(!text.contains(refused), "{refused}");
        }
        assert_eq!(document["request_uri_parameter_supported"], false, "it is true by default");
    }
}
