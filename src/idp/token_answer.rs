//! What a provider answers to a code: tokens, or why there are none (RFC 6749 sections 5.1 and 5.2).
//!
//! Owns what is read of it, and how: only what is used, so that nothing else can make a login fail. Must not know how it
//! was asked, nor what a token is good for.

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::error::ProviderError;
use crate::jose::json::strict_object;
use crate::outbound::{Response, SentSecrets};

/// What a provider answered to a code.
#[derive(Debug)]
pub(super) enum TokenAnswer {
    /// Tokens.
    Given(Map<String, Value>),
    /// Why there are none.
    Refused(Refusal),
}

/// What a provider says instead of tokens, which may be what it was sent.
#[derive(Debug)]
pub(super) struct Refusal {
    /// `error`: a text, or what a provider has of its own kind.
    pub error: Value,
    description: String,
    sent: SentSecrets,
}

impl TokenAnswer {
    /// Reads an answer: JSON, whatever providers call it, or a form, as GitHub's is. A member that is `null` is absent, and
    /// one that nobody needs, such as `expires_in`, is never looked at.
    pub(super) fn read(answer: &Response, sent: &SentSecrets) -> Result<Self, ProviderError> {
        if answer.is_away() {
            return Err(ProviderError::of_away(answer));
        }
        if answer.status.is_redirection() {
            return Err(ProviderError::InvalidResponse(
                "a redirect in place of a token answer: see token_url or the discovery document",
            ));
        }
        if !answer.status.is_success() && !answer.status.is_client_error() {
            return Err(ProviderError::InvalidResponse("an unexpected status for a token"));
        }
        let mut members = members(answer)?;
        members.retain(|_, value| !value.is_null());
        match members.remove("error") {
            Some(error) => {
                let description = members.get("error_description").and_then(Value::as_str);
                let description = description.unwrap_or_default().to_owned();
                Ok(Self::Refused(Refusal { error, description, sent: sent.clone() }))
            }
            None if answer.status.is_success() => Ok(Self::Given(members)),
            None => Err(ProviderError::InvalidResponse("an unexpected status for a token")),
        }
    }
}

/// The members of an answer, each once.
fn members(answer: &Response) -> Result<Map<String, Value>, ProviderError> {
    if answer.may_be_json() {
        let members = strict_object(answer.text());
        return members.map_err(|_| {
            ProviderError::InvalidResponse(
                "a malformed token answer: it calls itself JSON and is not one object with each key once",
            )
        });
    }
    if !answer.is_form() {
        return Err(ProviderError::InvalidResponse("a token answer that is not JSON"));
    }
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(&answer.body) {
        if members.insert(name.into_owned(), value.into_owned().into()).is_some() {
            return Err(ProviderError::InvalidResponse(
                "a malformed token answer: a form in which a name stands twice",
            ));
        }
    }
    Ok(members)
}

/// What the crate `oauth2` is to read of tokens: those members that are used here, and nothing else. Without `token_type`
/// the token is what was asked for, a bearer token.
pub(super) fn needed(given: &Map<String, Value>) -> Result<Vec<u8>, ProviderError> {
    let is_bearer =
        |kind: &Value| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !given.get("token_type").is_none_or(is_bearer) {
        return Err(ProviderError::InvalidResponse("a token_type that is not Bearer"));
    }
    let Some(Value::String(token)) = given.get("access_token") else {
        return Err(ProviderError::InvalidResponse(
            "a token answer whose access_token is missing or no text",
        ));
    };
    let mut needed = json!({ "access_token": token, "token_type": "bearer" });
    if let Some(token) = given.get("id_token") {
        needed["id_token"] = token.clone();
    }
    Ok(needed.to_string().into_bytes())
}

impl Refusal {
    /// Whether the provider blames the proof of RFC 7636, which no user can mend.
    fn blames_pkce(&self) -> bool {
        let said = self.description.to_ascii_lowercase();
        ["pkce", "code_verifier", "code verifier", "code_challenge", "code challenge"]
            .iter()
            .any(|word| said.contains(word))
    }

    /// What it comes to, which the log says in the provider's own words. RFC 6749 section 5.2, and the names that GitHub has
    /// for the same.
    pub(super) fn into_error(self, invalid_request: ProviderError) -> ProviderError {
        let error = self.error.as_str().unwrap_or_default();
        tracing::warn!(
            error = %self.sent.loggable(error),
            error_description = %self.sent.loggable(&self.description),
            "an identity provider gives no token for a code"
        );
        match error {
            _ if self.blames_pkce() => ProviderError::Misconfigured(
                "it refuses the proof of PKCE: see pkce, and what is registered there for this client",
            ),
            "invalid_request" => invalid_request,
            "invalid_grant" | "bad_verification_code" | "access_denied" => {
                ProviderError::NotConfirmed
            }
            "temporarily_unavailable" | "server_error" | "slow_down" => ProviderError::Unreachable,
            "invalid_client" | "incorrect_client_credentials" | "unauthorized_client" => {
                ProviderError::Misconfigured(
                    "it does not know this client or its secret: see client_id and client_secret",
                )
            }
            "redirect_uri_mismatch" => ProviderError::Misconfigured(
                "it does not know the place to come back to: see hostname and callback_url",
            ),
            _ => ProviderError::InvalidResponse(
                "it refuses to redeem a code, by an error that is not the user's",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(members: Value) -> Result<Value, ProviderError> {
        let Value::Object(mut members) = members else { panic!("an object") };
        members.retain(|_, value| !value.is_null());
        needed(&members).map(|bytes| serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn only_what_is_used() {
        let plain = json!({ "access_token": "a", "token_type": "bearer" });
        for more in [
            json!({}),
            json!({"token_type": "BEARER"}),
            json!({"token_type": null}),
            json!({"token_type": "Bearer", "expires_in": "3600", "scope": ["a"], "refresh_token": 1}),
            json!({"expires_in": -1, "id_token": null}),
            json!({"expires_in": 3599.5}),
        ] {
            let mut members = more.clone();
            members["access_token"] = json!("a");
            assert_eq!(given(members).unwrap(), plain, "{more}");
        }
        for wrong in [
            json!({"access_token": "a", "token_type": "mac"}),
            json!({"access_token": "a", "token_type": ""}),
            json!({"access_token": "a", "token_type": ["bearer"]}),
            json!({"access_token": 1}),
            json!({"access_token": null}),
            json!({"token_type": "bearer"}),
        ] {
            assert!(given(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn whose_fault_it_is() {
        let refusal = |error: &str, said: &str| {
            let sent = SentSecrets::default();
            Refusal { error: error.into(), description: said.to_owned(), sent }
                .into_error(ProviderError::NotConfirmed)
        };
        for (error, said) in [
            ("invalid_grant", "PKCE verification failed: Invalid code verifier"),
            ("invalid_request", "code_verifier is not allowed"),
            ("invalid_client", ""),
            ("redirect_uri_mismatch", ""),
        ] {
            assert!(matches!(refusal(error, said), ProviderError::Misconfigured(_)), "{error}");
        }
        for (error, expected) in [
            ("invalid_grant", ProviderError::NotConfirmed),
            ("invalid_request", ProviderError::NotConfirmed),
            ("slow_down", ProviderError::Unreachable),
        ] {
            assert_eq!(refusal(error, "the code has expired"), expected, "{error}");
        }
    }
}
