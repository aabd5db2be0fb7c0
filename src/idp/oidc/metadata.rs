//! What an OpenID provider says of itself (OpenID Connect Discovery 1.0 section 3, RFC 8414, RFC 9207 section 3).
//!
//! Must not fetch anything.

use oauth2::AuthType;
use serde_json::{Map, Value};
use url::{Host, Url};

use super::super::error::ProviderError;
use crate::outbound::loggable;
use crate::settings::{self, ClientProof, Transport};

/// A provider's places and abilities.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    /// `authorization_endpoint`.
    pub authorization: Url,
    /// `token_endpoint`.
    pub token: Url,
    /// `jwks_uri`.
    pub keys: Url,
    /// `userinfo_endpoint`.
    pub user_info: Option<Url>,
    /// `authorization_response_iss_parameter_supported`: its answers say who gives them.
    pub names_issuer: bool,
    /// `claims_parameter_supported`: it can be asked for single claims.
    pub takes_claims: bool,
    /// `prompt_values_supported` lacks `login` (Initiating User Registration via OpenID Connect 1.0 section 4).
    pub lacks_prompt_login: bool,
    /// Where the token endpoint takes a client's secret.
    pub secrets: AuthType,
}

impl Metadata {
    /// Reads a document, which must be of the issuer that was asked, to the letter.
    pub(super) fn read(
        document: &Map<String, Value>,
        settings: &settings::Oidc,
    ) -> Result<Self, ProviderError> {
        let document = Document(document);
        let issuer = settings.issuer.as_str();
        if document.get("issuer").and_then(Value::as_str) != Some(issuer) {
            document.complain("issuer", Some(issuer));
            return Err(ProviderError::InvalidResponse(
                "a discovery document of another issuer; the settings have to have its issuer to the letter",
            ));
        }
        let place = |name: &str| {
            let url: Option<Url> = document.get(name).and_then(|url| url.as_str()?.parse().ok());
            let url = url.filter(|url| is_callable(url, settings));
            if url.is_none() {
                document.complain(name, None);
            }
            url
        };
        let user_info = match document.get("userinfo_endpoint") {
            None => None,
            Some(_) => Some(
                place("userinfo_endpoint")
                    .ok_or(ProviderError::InvalidResponse("a bad userinfo_endpoint"))?,
            ),
        };
        let prompts = document.get("prompt_values_supported").and_then(Value::as_array);
        let names_issuer = document.get("authorization_response_iss_parameter_supported");
        Ok(Self {
            authorization: place("authorization_endpoint")
                .ok_or(ProviderError::InvalidResponse("no good authorization_endpoint"))?,
            token: place("token_endpoint")
                .ok_or(ProviderError::InvalidResponse("no good token_endpoint"))?,
            keys: place("jwks_uri").ok_or(ProviderError::InvalidResponse("no good jwks_uri"))?,
            user_info,
            takes_claims: document.get("claims_parameter_supported") == Some(&Value::Bool(true)),
            lacks_prompt_login: prompts
                .is_some_and(|prompts| prompts.iter().all(|prompt| prompt != "login")),
            names_issuer: names_issuer == Some(&Value::Bool(true)),
            secrets: secrets(&document, &settings.client_proof)?,
        })
    }
}

/// A discovery document. A member that is `null` is absent.
struct Document<'a>(&'a Map<String, Value>);

impl<'a> Document<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Says in the log what stands in a member that is of no use.
    fn complain(&self, member: &str, expected: Option<&str>) {
        let found = self.get(member).map(ToString::to_string).unwrap_or_default();
        let found = loggable(&found);
        tracing::warn!(member, %found, expected, "a discovery document has a member that is of no use");
    }
}

/// A provider may have its places on other hosts, as large ones do, but only behind TLS, unless the settings say otherwise. On
/// this machine in the clear, and only if the document itself is here: none of elsewhere makes us call what listens here.
pub(super) fn is_callable(url: &Url, settings: &settings::Oidc) -> bool {
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let is_safe = match url.scheme() {
        "https" => url.has_host(),
        "http" if is_here(url) => {
            settings.discovery.scheme() == "http" && is_here(&settings.discovery)
        }
        "http" => settings.transport == Transport::Clear && url.has_host(),
        _ => false,
    };
    is_bare && is_safe
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Basic where it is taken or nothing is said, as it is the default, else in the body. Where the settings say how this client
/// proves itself, it is not asked.
fn secrets(document: &Document<'_>, proof: &ClientProof) -> Result<AuthType, ProviderError> {
    let is_asked = matches!(proof, ClientProof::Nothing | ClientProof::Secret { how: None, .. });
    let methods = document.get("token_endpoint_auth_methods_supported");
    let (Some(methods), true) = (methods, is_asked) else { return Ok(AuthType::BasicAuth) };
    let methods = methods.as_array().map(Vec::as_slice).unwrap_or_default();
    let takes = |name: &str| methods.iter().any(|method| method == name);
    if takes("client_secret_basic") {
        Ok(AuthType::BasicAuth)
    } else if takes("client_secret_post") || takes("none") {
        Ok(AuthType::RequestBody)
    } else {
        document.complain("token_endpoint_auth_methods_supported", None);
        Err(ProviderError::InvalidResponse(
            "a token_endpoint that takes no client_secret: see client_auth",
        ))
    }
}
