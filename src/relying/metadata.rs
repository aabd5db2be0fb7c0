//! What an issuer says of itself (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2, RFC 9207 section 3).
//!
//! Must not fetch anything.

use serde_json::{Map, Value};
use url::Url;

use super::error::{RelyingError, shown};
use super::issuer::IssuerUrl;
use crate::jose::algorithm::JwsAlgorithm;

/// The only way to make a challenge that nobody can turn back (RFC 7636 section 4.2).
const S256: &str = "S256";

/// An issuer's places and abilities.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub authorization: Option<Url>,
    pub token: Option<Url>,
    pub keys: Option<Url>,
    pub device: Option<Url>,
    pub revocation: Option<Url>,
    /// Whether its answers say who gives them.
    pub names_issuer: bool,
    /// What its ID tokens may be signed with.
    pub algorithms: Vec<JwsAlgorithm>,
    /// Whether challenges of PKCE can be read there; who does not say may.
    pub reads_challenges: bool,
}

impl Metadata {
    /// Reads a document, which must be of the issuer that was asked, to the letter (Discovery section 4.3). A place that may not
    /// be called spoils all of it.
    pub(super) fn read(
        document: &Map<String, Value>,
        issuer: &IssuerUrl,
    ) -> Result<Self, RelyingError> {
        match document.get("issuer").and_then(Value::as_str) {
            Some(named) if named == issuer.as_str() => {}
            Some(other) => return Err(RelyingError::OtherIssuer(shown(other))),
            None => return Err(RelyingError::Metadata("it does not say what it is called")),
        }
        let place = |name: &str, wrong| match document.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(named) => {
                let url = named.as_str().and_then(|named| named.parse().ok());
                let url = url.filter(|url| issuer.may_name(url));
                url.map(Some).ok_or(RelyingError::Metadata(wrong))
            }
        };
        let names_issuer = document.get("authorization_response_iss_parameter_supported");
        Ok(Self {
            authorization: place("authorization_endpoint", "a bad authorization_endpoint")?,
            token: place("token_endpoint", "a bad token_endpoint")?,
            keys: place("jwks_uri", "a bad jwks_uri")?,
            device: place("device_authorization_endpoint", "a bad device_authorization_endpoint")?,
            revocation: place("revocation_endpoint", "a bad revocation_endpoint")?,
            names_issuer: names_issuer == Some(&Value::Bool(true)),
            algorithms: algorithms(document),
            reads_challenges: texts(document, "code_challenge_methods_supported")
                .is_none_or(|methods| methods.contains(&S256)),
        })
    }

    /// A place that has to be there.
    pub(super) fn needed<'a>(
        place: Option<&'a Url>,
        what: &'static str,
    ) -> Result<&'a Url, RelyingError> {
        place.ok_or(RelyingError::NotOffered(what))
    }
}

fn texts<'a>(document: &'a Map<String, Value>, name: &str) -> Option<Vec<&'a str>> {
    let list = document.get(name)?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).collect())
}

/// Those it lists that are believed at all; RS256, which everybody has (Core section 15.1), when it lists none.
fn algorithms(document: &Map<String, Value>) -> Vec<JwsAlgorithm> {
    let listed = texts(document, "id_token_signing_alg_values_supported");
    let listed = listed.unwrap_or_else(|| vec!["RS256"]);
    listed.into_iter().filter_map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(change: Value) -> Result<Metadata, RelyingError> {
        let mut document = json!({
            "issuer": "https://example.com",
            "authorization_endpoint": "https://example.com/a",
            "token_endpoint": "https://example.com/t",
        });
        for (name, value) in change.as_object().unwrap() {
            document[name] = value.clone();
        }
        Metadata::read(document.as_object().unwrap(), &"https://example.com".parse().unwrap())
    }

    #[test]
    fn the_issuer_to_the_letter() {
        for other in ["https://example.com/", "https://EXAMPLE.com", "https://example.com:443", ""]
        {
            let error = read(json!({ "issuer": other })).unwrap_err();
            assert!(
                matches!(&error, RelyingError::OtherIssuer(named) if named == other),
                "{error}"
            );
        }
        for none in [json!(null), json!(1), json!(["https://example.com"])] {
            let error = read(json!({ "issuer": none })).unwrap_err();
            assert!(matches!(error, RelyingError::Metadata(_)), "{error}");
        }
        assert!(read(json!({})).is_ok());
    }

    #[test]
    fn places_that_may_not_be_called() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint"]
        {
            for bad in [
                "http://example.com/x",
                "http://127.0.0.1/x",
                "file:///x",
                "javascript:x",
                "/x",
                "",
            ] {
                let error = read(json!({ name: bad })).unwrap_err();
                assert!(matches!(error, RelyingError::Metadata(_)), "{name} {bad}: {error}");
            }
            assert!(read(json!({ name: 1 })).is_err());
            assert!(read(json!({ name: null })).is_ok());
        }
    }

    #[test]
    fn algorithms_that_are_believed() {
        for (listed, expected) in [
            (json!(null), vec!["RS256"]),
            (json!(["none", "HS256", "ES256", "ES256K", 1]), vec!["ES256"]),
            (json!(["none"]), vec![]),
        ] {
            let read = read(json!({ "id_token_signing_alg_values_supported": listed })).unwrap();
            let read: Vec<String> = read.algorithms.iter().map(ToString::to_string).collect();
            assert_eq!(read, expected);
        }
        for (methods, reads) in
            [(json!(null), true), (json!(["plain", "S256"]), true), (json!(["plain"]), false)]
        {
            let read = read(json!({ "code_challenge_methods_supported": methods })).unwrap();
            assert_eq!(read.reads_challenges, reads);
        }
    }
}
