//! Claims that a provider leaves out of the ID token and says to be elsewhere (OpenID Connect Core 1.0 section 5.6.2), as Entra ID
//! does with the groups of whoever is in more than 200 ("Groups overage claim").
//!
//! Followed only to servers that the settings name, with the access token of this very login, for lists of texts that the token
//! does not have. Must not know which rules look at them.

use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use oauth2::AccessToken;
use serde_json::{Map, Value};
use url::Url;

use super::super::error::ProviderError;
use super::metadata::is_callable;
use crate::jose::json::strict_object;
use crate::outbound::{HttpClient, Repeat, Response, loggable};
use crate::settings;

/// Most claims that are asked for elsewhere.
const MAX_CLAIMS: usize = 2;
/// Most texts of one of them: as many as Microsoft Graph gives.
const MAX_TEXTS: usize = 11_000;
/// The server that Entra's tokens still name, which is gone, and what Microsoft has to be asked in its place.
const GONE: &str = "graph.windows.net";
const GRAPH: &str = "graph.microsoft.com";
const ME: &str = "https://graph.microsoft.com/v1.0/me/getMemberObjects";
/// What asks Microsoft Graph for all groups, directory roles included.
const ALL: &str = r#"{"securityEnabledOnly":false}"#;

/// The claims with those that are elsewhere, as far as the settings let Pasee ask there.
///
/// # Errors
/// [`ProviderError`] while a server that is to be asked is not there: what it does not say would keep somebody out.
pub(super) async fn completed(
    http: &HttpClient,
    settings: &settings::Oidc,
    token: &AccessToken,
    mut claims: Map<String, Value>,
) -> Result<Map<String, Value>, ProviderError> {
    if settings.claim_sources.is_empty() {
        return Ok(claims);
    }
    for (claim, said) in places(&claims) {
        let host = said.host_str().unwrap_or_default().to_owned();
        let Some(place) = allowed(&said, settings) else {
            tracing::warn!(
                claim = %loggable(&claim),
                host = %loggable(&host),
                "the identity provider says that this claim is at a server which claim_sources does not name: rules about it do not hold"
            );
            continue;
        };
        let answer = ask(http, &place, token).await?;
        match told(&answer, &claim)? {
            Told::List(list) => {
                claims.insert(claim, list);
            }
            Told::Nothing(why) => tracing::warn!(
                claim = %loggable(&claim),
                host = %loggable(&host),
                status = %answer.status,
                why,
                "the server of this claim does not tell it: rules about it do not hold"
            ),
        }
    }
    Ok(claims)
}

/// Where which claims are, as the token says, that it does not have itself.
fn places(claims: &Map<String, Value>) -> Vec<(String, Url)> {
    let member = |name: &str| claims.get(name).and_then(Value::as_object);
    let (Some(names), Some(sources)) = (member("_claim_names"), member("_claim_sources")) else {
        return Vec::new();
    };
    let place = |(claim, source): (&String, &Value)| {
        let place = sources.get(source.as_str()?)?.get("endpoint")?.as_str()?.parse().ok()?;
        (!claims.contains_key(claim)).then(|| (claim.clone(), place))
    };
    names.iter().filter_map(place).take(MAX_CLAIMS).collect()
}

/// The place that is asked, if the settings let it be.
fn allowed(said: &Url, settings: &settings::Oidc) -> Option<Url> {
    let is_named = |server: &str| settings.claim_sources.iter().any(|named| named == server);
    if said.host_str() == Some(GONE) && is_named(GRAPH) {
        return ME.parse().ok();
    }
    (is_callable(said, settings) && is_named(said.authority())).then(|| said.clone())
}

async fn ask(
    http: &HttpClient,
    place: &Url,
    token: &AccessToken,
) -> Result<Response, ProviderError> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.secret()))
        .map_err(|_| ProviderError::InvalidResponse("a malformed access token"))?;
    bearer.set_sensitive(true);
    // What Graph calls a question is a POST.
    let request = if place.path().ends_with("/getMemberObjects") {
        http.post(place.clone()).header(CONTENT_TYPE, "application/json").body(ALL)
    } else {
        http.get(place.clone())
    };
    let request = request.header(AUTHORIZATION, bearer).header(ACCEPT, "application/json");
    Ok(http.send(request, Repeat::Harmless).await?)
}

/// What an answer tells of a claim.
enum Told {
    /// All of it, or as much as one answer has.
    List(Value),
    /// Nothing, and why.
    Nothing(&'static str),
}

/// The list in an answer: under the claim's name, or as Graph has it.
fn told(answer: &Response, claim: &str) -> Result<Told, ProviderError> {
    if answer.is_away() {
        return Err(ProviderError::of_away(answer));
    }
    let nothing = |why| Ok(Told::Nothing(why));
    match answer.status {
        StatusCode::OK if answer.may_be_json() => {}
        StatusCode::OK => return nothing("it is no JSON"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return nothing(
                "the access token of the login may not ask: see scopes, and what is granted to this client there",
            );
        }
        status if status.is_redirection() => return nothing("a redirect, which is not followed"),
        _ => return nothing("an unexpected status"),
    }
    let Ok(mut members) = strict_object(answer.text()) else {
        return nothing("it is no JSON object");
    };
    if members.contains_key("@odata.nextLink") {
        tracing::warn!(
            claim = %loggable(claim),
            "there is more of this claim than one answer has: the rest is left out"
        );
    }
    match members.remove(claim).or_else(|| members.remove("value")) {
        Some(Value::Array(texts))
            if texts.len() <= MAX_TEXTS && texts.iter().all(Value::is_string) =>
        {
            Ok(Told::List(Value::Array(texts)))
        }
        _ => nothing("it is no list of texts"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::told::object;
    use super::*;

    #[test]
    fn only_what_the_token_does_not_have() {
        let sources = json!({"src1": {"endpoint": "https://a.example/1"}, "src2": {"JWT": "x"}, "src3": {"endpoint": 1}});
        for (names, more, found) in [
            (json!({"groups": "src1"}), json!({}), 1),
            (json!({"groups": "src1"}), json!({"groups": []}), 0),
            (json!({"groups": "src1", "roles": "src1", "wids": "src1"}), json!({}), 2),
            (json!({"groups": "src2"}), json!({}), 0),
            (json!({"groups": "src3"}), json!({}), 0),
            (json!({"groups": "src4"}), json!({}), 0),
            (json!({"groups": ["src1"]}), json!({}), 0),
            (json!("groups"), json!({}), 0),
        ] {
            let mut claims = object(json!({"_claim_names": names, "_claim_sources": sources}));
            claims.extend(object(more));
            assert_eq!(places(&claims).len(), found, "{claims:?}");
        }
        assert!(places(&object(json!({"_claim_names": {"groups": "src1"}}))).is_empty());
    }
}
