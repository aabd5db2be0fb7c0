//! OAuthClient: that an application logs people in through Pasee. The object's name is the client id.
//!
//! The same fields as `[[clients]]` of the settings, and the same rules: those of [`Client`]. The schema bounds what it can; how a
//! redirect URI is spelled it leaves to `parse`, as no pattern says it. Must not know which identity providers or other clients
//! there are.

use std::fmt::Display;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::condition::Reason;
use super::{condition, crd_schema};
use crate::domain::client::{Client, ClientError, ClientMetadata, MAX_NAME};
use crate::domain::membership::Roster;
use crate::domain::token::{MAX_SCOPE, Scope};

/// What is written down of an application.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "pasee.meltylab.fr",
    version = "v1",
    kind = "OAuthClient",
    plural = "oauthclients",
    singular = "oauthclient",
    namespaced,
    doc = "An application that logs people in through Pasee, by OpenID Connect and OAuth 2. The name of this object is the client id. A \
           client of that id in the settings of Pasee comes before it.",
    status = "OAuthClientStatus",
    derive = "PartialEq",
    shortname = "poc",
    category = "pasee",
    printcolumn(name = "Title", type_ = "string", json_path = ".spec.name"),
    printcolumn(name = "Enabled", type_ = "boolean", json_path = ".spec.enabled"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 100")
        .message("a client id has at most 100 characters"),
    validation = Rule::new(
        "self.metadata.name != 'pasee-http' && !self.metadata.name.startsWith('client-') && !self.metadata.name.startsWith('k8s-')"
    )
    .message("pasee-http is the client of POST /tokens/, and what begins with client- or k8s- could be taken for a user id")
)]
#[x_kube(validation = Rule::new(
        "(has(self.grantTypes) && !('authorization_code' in self.grantTypes)) || (has(self.redirectUris) && self.redirectUris.size() > 0)"
    )
    .message("authorization_code, which is a default, needs a redirect URI to send codes to; a client without one has other grantTypes")
    .field_path(".redirectUris"))]
#[x_kube(validation = Rule::new(
        "!has(self.grantTypes) || !('client_credentials' in self.grantTypes) || (has(self.secretHashes) && self.secretHashes.size() > 0)"
    )
    .message("client_credentials is for clients that can prove who they are: pasee client-secret makes a secret and its hash"))]
#[serde(rename_all = "camelCase")]
pub struct OAuthClientSpec {
    /// What people are shown; without it the client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_NAME))]
    pub name: Option<String>,
    /// Hashes of its secret, as `pasee client-secret` prints them: one, and while the secret changes several. Without one the client is
    /// public: a program that can keep no secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crd_schema::secret_hashes")]
    pub secret_hashes: Vec<String>,
    /// Where browsers are sent back to with a code: compared to the letter, but for the port on the user's own machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crd_schema::uris")]
    pub redirect_uris: Vec<String>,
    /// Where browsers may be sent after a logout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crd_schema::uris")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Pages whose scripts may call the token, revocation and UserInfo endpoints, as browsers write them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crd_schema::uris")]
    pub allowed_origins: Vec<String>,
    /// How it may come by tokens, spelled as in requests. Without this `authorization_code` and `refresh_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::grant_types")]
    pub grant_types: Option<Vec<String>>,
    /// What it may name by `resource`, besides its own id: whom its tokens may be for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crd_schema::audiences")]
    pub audiences: Vec<String>,
    /// The groups that reach its tokens: these, what is below them, and their staff. Without this all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::limit")]
    pub groups: Option<Vec<String>>,
    /// Who may log in to it: whoever is on one of these, such as `articles` or `articles.staff`. Without this everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crd_schema::rosters")]
    pub require_groups: Vec<String>,
    /// How the login must have been done, every one of these, as the identity provider says it in `amr`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crd_schema::methods")]
    pub require_amr: Vec<String>,
    /// What it may be told of people, of what the settings of the identity providers let pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crd_schema::claims")]
    pub claims: Vec<String>,
    /// What its ID tokens are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::id_token_alg")]
    pub id_token_alg: Option<IdTokenAlg>,
    /// The identity providers whose tokens it may exchange.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crd_schema::provider_names")]
    pub exchange_providers: Vec<String>,
    /// Whether a page asks people once in each session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<bool>,
    /// Whether its tokens are bound to a key of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::demanded")]
    pub dpop: Option<Demanded>,
    /// Whether a request for a code needs a challenge; that of a public client always does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::demanded")]
    pub pkce: Option<Demanded>,
    /// Whether it is served; if not, its sessions do not refresh. Without this it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// An algorithm for ID tokens.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdTokenAlg {
    /// RSA; what every client understands.
    #[serde(rename = "RS256")]
    Rs256,
    /// P-256.
    #[serde(rename = "ES256")]
    Es256,
}

/// Whether something is demanded.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Demanded {
    /// Not.
    Optional,
    /// Always.
    Required,
}

/// What is known of an OAuthClient.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct OAuthClientStatus {
    /// The generation of the spec that this status tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::count")]
    pub observed_generation: Option<i64>,
    /// Ready: whether the client is as it should be: served, or switched off by `spec.enabled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
}

/// Why an object is no client: what its condition says then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct InvalidClient {
    place: String,
    why: String,
}

impl InvalidClient {
    fn new(place: impl Into<String>, why: impl Display) -> Self {
        Self { place: place.into(), why: why.to_string() }
    }

    /// The reason for the condition `Ready`.
    #[must_use]
    pub fn reason(&self) -> Reason {
        if self.place == NAME { Reason::InvalidName } else { Reason::InvalidSpec }
    }
}

/// Where the client id stands.
const NAME: &str = "metadata.name";

/// Reads an OAuthClient.
///
/// # Errors
/// The first field that is wrong, or the first that does not go together with others.
pub fn parse(object: &OAuthClient) -> Result<Client, InvalidClient> {
    let spec = &object.spec;
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let id = name.parse().map_err(|error| InvalidClient::new(NAME, error))?;
    let unsaid = ClientMetadata::new(id);
    let metadata = ClientMetadata {
        name: spec.name.clone().unwrap_or_else(|| unsaid.name.clone()),
        secret_hashes: list("secretHashes", &spec.secret_hashes)?,
        redirect_uris: list("redirectUris", &spec.redirect_uris)?,
        post_logout_redirect_uris: list("postLogoutRedirectUris", &spec.post_logout_redirect_uris)?,
        allowed_origins: list("allowedOrigins", &spec.allowed_origins)?,
        grant_types: match &spec.grant_types {
            Some(grants) => list("grantTypes", grants)?.into_iter().collect(),
            None => unsaid.grant_types.clone(),
        },
        audiences: list("audiences", &spec.audiences)?,
        groups: limit(spec.groups.as_deref())?,
        require_groups: list("requireGroups", &spec.require_groups)?,
        require_amr: list("requireAmr", &spec.require_amr)?,
        claims: list("claims", &spec.claims)?,
        id_token_alg: match spec.id_token_alg {
            Some(IdTokenAlg::Es256) => crate::domain::client::IdTokenAlg::Es256,
            Some(IdTokenAlg::Rs256) | None => crate::domain::client::IdTokenAlg::Rs256,
        },
        exchange_providers: list("exchangeProviders", &spec.exchange_providers)?,
        consent: match spec.consent {
            Some(true) => crate::domain::client::Consent::Asked,
            Some(false) | None => crate::domain::client::Consent::Implied,
        },
        dpop: match spec.dpop {
            Some(Demanded::Required) => crate::domain::client::Dpop::Required,
            Some(Demanded::Optional) | None => crate::domain::client::Dpop::Optional,
        },
        pkce: match spec.pkce {
            Some(Demanded::Required) => crate::domain::client::Pkce::Required,
            Some(Demanded::Optional) | None => crate::domain::client::Pkce::Optional,
        },
        enabled: spec.enabled.unwrap_or(true),
        id: unsaid.id,
    };
    Client::new(metadata).map_err(|errors| match errors.first() {
        Some(error) => InvalidClient::new(spelled(error), error),
        None => InvalidClient::new("spec", "is no client"),
    })
}

/// The values of a list, each once.
fn list<T: FromStr<Err: Display> + PartialEq>(
    field: &str,
    texts: &[String],
) -> Result<Vec<T>, InvalidClient> {
    let mut values = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        let value = text.parse::<T>();
        let value =
            value.map_err(|error| InvalidClient::new(format!("spec.{field}[{place}]"), error))?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

fn limit(groups: Option<&[String]>) -> Result<Scope, InvalidClient> {
    let Some(groups) = groups else { return Ok(Scope::Unlimited) };
    let mut rosters: Vec<Roster> = list("groups", groups)?;
    if !(1..=MAX_SCOPE).contains(&rosters.len()) {
        let why = format!("names 1 to {MAX_SCOPE} groups; without it all reach the tokens");
        return Err(InvalidClient::new("spec.groups", why));
    }
    rosters.sort();
    Ok(Scope::Limited(rosters))
}

/// A field by its name in objects: `redirect_uris` is `spec.redirectUris`.
fn spelled(error: &ClientError) -> String {
    let mut words = error.field().split('_');
    let first = words.next().unwrap_or_default().to_owned();
    let camel = words.fold(first, |mut name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name.push_str(&initial.to_uppercase());
        name.push_str(rest);
        name
    });
    format!("spec.{camel}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(name: &str, spec: Value) -> Result<Client, (Reason, String)> {
        let object = OAuthClient::new(name, serde_json::from_value(spec).unwrap());
        parse(&object).map_err(|error| (error.reason(), error.to_string()))
    }

    #[test]
    fn what_is_said_is_read() {
        let hash = crate::domain::client::SecretHash::of("secret").to_string();
        let client = read(
            "grafana",
            json!({
                "name": "Grafana", "secretHashes": [hash, hash], "redirectUris": ["https://grafana.example.com/login"],
                "postLogoutRedirectUris": ["https://grafana.example.com/"], "allowedOrigins": ["https://grafana.example.com"],
                "grantTypes": ["authorization_code"], "audiences": ["https://api.example.com"], "groups": ["b", "a.staff"],
                "requireGroups": ["a"], "requireAmr": ["mfa"], "claims": ["email"], "idTokenAlg": "ES256",
                "exchangeProviders": ["corp"], "consent": true, "dpop": "required", "pkce": "required", "enabled": false,
            }),
        )
        .unwrap();
        assert_eq!((client.id.as_str(), client.name.as_str()), ("grafana", "Grafana"));
        assert!(client.knows_secret("secret") && client.requires_pkce() && !client.enabled);
        assert_eq!((client.secret_hashes.len(), client.grant_types.len()), (1, 1), "each once");
        assert_eq!(client.groups.to_string(), "groups:a.staff groups:b");
        assert_eq!(client.id_token_alg, crate::domain::client::IdTokenAlg::Es256);
        assert_eq!(client.consent, crate::domain::client::Consent::Asked);
        assert_eq!(client.dpop, crate::domain::client::Dpop::Required);
    }

    #[test]
    fn what_is_left_out_is_as_in_the_settings() {
        let client = read("app", json!({ "redirectUris": ["https://a.example/"] })).unwrap();
        let redirect_uris = vec!["https://a.example/".parse().unwrap()];
        let unsaid =
            ClientMetadata { redirect_uris, ..ClientMetadata::new("app".parse().unwrap()) };
        assert_eq!(client, Client::new(unsaid).unwrap());
    }

    #[test]
    fn what_is_wrong_has_a_place_and_a_reason() {
        let uri = "https://a.example/";
        for (name, spec, reason, place) in [
            ("A", json!({}), Reason::InvalidName, "metadata.name: a client id has"),
            (
                "pasee-http",
                json!({ "redirectUris": [uri] }),
                Reason::InvalidName,
                "metadata.name: pasee-http",
            ),
            ("a", json!({}), Reason::InvalidSpec, "spec.redirectUris: authorization_code needs"),
            (
                "a",
                json!({ "redirectUris": [uri, "http://a.example/"] }),
                Reason::InvalidSpec,
                "spec.redirectUris[1]: a redirect URI is https",
            ),
            (
                "a",
                json!({ "redirectUris": [uri], "secretHashes": ["x"] }),
                Reason::InvalidSpec,
                "spec.secretHashes[0]: the hash",
            ),
            (
                "a",
                json!({ "redirectUris": [uri], "groups": [] }),
                Reason::InvalidSpec,
                "spec.groups: names 1 to 16",
            ),
            (
                "a",
                json!({ "grantTypes": ["client_credentials"] }),
                Reason::InvalidSpec,
                "spec.grantTypes: client_credentials is for",
            ),
            (
                "a",
                json!({ "redirectUris": [uri], "name": " " }),
                Reason::InvalidSpec,
                "spec.name: what people",
            ),
        ] {
            let (found, told) = read(name, spec).unwrap_err();
            assert!(found == reason && told.starts_with(place), "{found} {told}");
        }
    }
}
