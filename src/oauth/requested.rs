//! The parameter `claims` (OpenID Connect Core 1.0 section 5.5): single claims that a client asks for.
//!
//! Each belongs to a scope and is told as that is, in the ID token and in UserInfo alike; so to ask for one is to ask for its
//! scope. Must not know who may be told what.

use serde_json::{Map, Value};

use super::error::OAuthError;
use crate::domain::authorization::{OAuthScope, OAuthScopes};
use crate::jose::json::strict_object;

/// What of the parameter counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedClaims {
    scopes: OAuthScopes,
    /// Whom the client means, and nobody else: the value that `sub` is to have.
    pub subject: Option<String>,
}

impl RequestedClaims {
    /// Reads the parameter.
    ///
    /// # Errors
    /// `invalid_request` when it is no JSON object with objects in it.
    pub fn read(text: Option<&str>) -> Result<Self, OAuthError> {
        let Some(text) = text else { return Ok(Self::default()) };
        let wrong = || {
            OAuthError::request(
                "the parameter claims is a JSON object such as {'id_token': {'email': null}} (OpenID Connect Core section 5.5)",
            )
        };
        let asked = strict_object(text.as_bytes()).map_err(|_| wrong())?;
        let mut requested = Self::default();
        let mut scopes = Vec::new();
        for place in ["id_token", "userinfo"] {
            let claims = match asked.get(place) {
                None | Some(Value::Null) => continue,
                Some(Value::Object(claims)) => claims,
                Some(_) => return Err(wrong()),
            };
            scopes.extend(claims.keys().filter_map(|name| scope_of(name)));
            if let Some(subject) = meant(claims) {
                if requested.subject.as_ref().is_some_and(|known| *known != subject) {
                    return Err(OAuthError::request(
                        "the parameter claims asks for two values of sub",
                    ));
                }
                requested.subject = Some(subject);
            }
        }
        requested.scopes = scopes.into_iter().collect();
        Ok(requested)
    }

    /// These scopes, and those of the claims.
    #[must_use]
    pub fn added_to(&self, scopes: &OAuthScopes) -> OAuthScopes {
        let has = |scope: &OAuthScope| scopes.has(*scope) || self.scopes.has(*scope);
        OAuthScope::ALL.into_iter().filter(has).collect()
    }
}

fn scope_of(claim: &str) -> Option<OAuthScope> {
    match claim {
        "name" | "preferred_username" => Some(OAuthScope::Profile),
        "email" | "email_verified" => Some(OAuthScope::Email),
        "groups" => Some(OAuthScope::Groups),
        _ => None,
    }
}

fn meant(claims: &Map<String, Value>) -> Option<String> {
    claims.get("sub")?.as_object()?.get("value")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RequestedClaims, OAuthError> {
        RequestedClaims::read(Some(text))
    }

    #[test]
    fn claims_and_their_scopes() {
        let openid = std::iter::once(OAuthScope::Openid).collect();
        for (text, scopes) in [
            ("{}", "openid"),
            (r#"{"id_token":{"groups":{"essential":true}}}"#, "openid groups"),
            (
                r#"{"id_token":null,"userinfo":{"email":null,"name":{"value":"x"}}}"#,
                "openid profile email",
            ),
            (r#"{"userinfo":{"address":null,"https://x":{}},"x":1}"#, "openid"),
        ] {
            assert_eq!(read(text).unwrap().added_to(&openid).to_string(), scopes, "{text}");
        }
        for wrong in [
            "",
            "x",
            "[]",
            r#"{"id_token":[]}"#,
            r#"{"id_token":{},"id_token":{}}"#,
            r#"{"userinfo":1}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn whom_the_client_means() {
        let one = r#"{"id_token":{"sub":{"value":"k-ada"}}}"#;
        assert_eq!(read(one).unwrap().subject.as_deref(), Some("k-ada"));
        let two = r#"{"id_token":{"sub":{"value":"k-ada"}},"userinfo":{"sub":{"value":"k-bob"}}}"#;
        assert!(read(two).is_err());
        for none in [r#"{"id_token":{"sub":null}}"#, r#"{"id_token":{"sub":{"value":1}}}"#] {
            assert_eq!(read(none).unwrap().subject, None);
        }
    }
}
