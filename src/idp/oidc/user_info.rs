//! The UserInfo endpoint (OpenID Connect Core 1.0 section 5.3), and how what it says joins an ID token's claims.
//!
//! Must not know who asks for which claim.

use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use oauth2::AccessToken;
use serde_json::{Map, Value};
use url::Url;

use super::super::error::ProviderError;
use crate::jose::json::strict_object;
use crate::outbound::{HttpClient, Repeat};

/// Claims that speak of each other: one of a document says nothing of the other of another document.
const PAIRS: [[&str; 2]; 2] =
    [["email", "email_verified"], ["phone_number", "phone_number_verified"]];

/// What the endpoint answers.
#[derive(Debug)]
pub(super) enum UserInfo {
    /// Claims, as this provider says over TLS.
    Plain(Map<String, Value>),
    /// A token that is not believed yet, which has them (section 5.3.2).
    Signed(String),
}

/// Asks for the claims of the user whose access token this is.
pub(super) async fn ask(
    http: &HttpClient,
    place: &Url,
    token: &AccessToken,
) -> Result<UserInfo, ProviderError> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.secret()))
        .map_err(|_| ProviderError::InvalidResponse("a malformed access token"))?;
    bearer.set_sensitive(true);
    let request = http.get(place.clone());
    let request = request
        .header(AUTHORIZATION, bearer)
        .header(ACCEPT, "application/json, application/jwt;q=0.9");
    let answer = http.send(request, Repeat::Harmless).await?;
    if answer.is_away() {
        return Err(ProviderError::of_away(&answer));
    }
    if answer.status.is_redirection() {
        return Err(ProviderError::InvalidResponse("a redirect in place of UserInfo"));
    }
    if answer.status == StatusCode::OK && answer.is_jwt() {
        let token = std::str::from_utf8(&answer.body).map(|token| token.trim_ascii().to_owned());
        return token.map(UserInfo::Signed).map_err(|_| malformed());
    }
    if answer.status != StatusCode::OK || !answer.may_be_json() {
        tracing::warn!(status = %answer.status, "UserInfo that is neither JSON nor a token");
        return Err(ProviderError::InvalidResponse("no UserInfo in JSON"));
    }
    strict_object(answer.text()).map(UserInfo::Plain).map_err(|_| malformed())
}

fn malformed() -> ProviderError {
    ProviderError::InvalidResponse("malformed UserInfo")
}

/// The claims of an ID token and those that UserInfo adds. UserInfo must be of the same `sub` (section 5.3.2), and changes
/// nothing that the ID token says; of a pair, both are taken from the one document that has more of it.
pub(super) fn merged(
    mut signed: Map<String, Value>,
    mut told: Map<String, Value>,
) -> Result<Map<String, Value>, ProviderError> {
    told.retain(|_, value| !value.is_null());
    if told.get("sub") != signed.get("sub") {
        return Err(ProviderError::InvalidResponse("UserInfo of another user"));
    }
    for pair in PAIRS {
        let has = |document: &Map<String, Value>| {
            pair.iter().filter(|name| document.contains_key(**name)).count()
        };
        let loser = if has(&told) > has(&signed) { &mut signed } else { &mut told };
        for name in pair {
            loser.remove(name);
        }
    }
    for (name, value) in told {
        signed.entry(name).or_insert(value);
    }
    Ok(signed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::told::object;
    use super::*;

    #[test]
    fn pairs_stay_together() {
        let both = |email: &str, verified: bool| json!({"sub": "1", "email": email, "email_verified": verified});
        for (signed, told, expected) in [
            (both("a@x", false), both("b@x", true), both("a@x", false)),
            (json!({"sub": "1"}), both("b@x", true), both("b@x", true)),
            (both("a@x", true), json!({"sub": "1", "email": "b@x"}), both("a@x", true)),
            // An address there, a verification here: they do not meet.
            (
                json!({"sub": "1", "email": "a@x"}),
                json!({"sub": "1", "email_verified": true}),
                json!({"sub": "1", "email": "a@x"}),
            ),
            (
                json!({"sub": "1", "email_verified": true}),
                json!({"sub": "1", "email": "b@x"}),
                json!({"sub": "1", "email_verified": true}),
            ),
            (json!({"sub": "1", "email": "a@x"}), both("b@x", true), both("b@x", true)),
            (
                json!({"sub": "1", "iss": "a"}),
                json!({"sub": "1", "iss": "b", "name": "c"}),
                json!({"sub": "1", "iss": "a", "name": "c"}),
            ),
        ] {
            let merged = merged(object(signed.clone()), object(told.clone())).unwrap();
            assert_eq!(Value::Object(merged), expected, "{signed} and {told}");
        }
    }

    #[test]
    fn of_the_same_user() {
        for other in [
            json!({}),
            json!({"sub": "2"}),
            json!({"sub": 1}),
            json!({"sub": ["1"]}),
            json!({"sub": null}),
        ] {
            let merged = merged(object(json!({"sub": "1"})), object(other.clone()));
            assert!(merged.is_err(), "{other}");
        }
    }
}
