//! What a client is told of a person: the claims of ID tokens (OpenID Connect Core 1.0 section 2) and of UserInfo (section 5.3).
//!
//! Both say the same of a person, by the scopes that were granted and by what the settings let the client know. Must not know how a
//! token is signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::domain::authorization::{OAuthScope, OAuthScopes};
use crate::domain::claim::{ClaimName, ExtraClaims};
use crate::domain::client::Client;
use crate::domain::token::AccessClaims;
use crate::jose::claims::unflattened;

/// How somebody proved who they are, in the identity provider's words: told whatever the scopes are (section 2).
const OF_THE_LOGIN: [&str; 2] = ["acr", "amr"];
/// What goes with the mail address.
const OF_MAIL: [&str; 2] = ["email", "email_verified"];

/// Whether a client may know this of what an identity provider said.
#[must_use]
pub fn may_know(client: &Client, name: &ClaimName) -> bool {
    let is_listed = |name: &str| client.claims.iter().any(|listed| listed.as_str() == name);
    let name = name.as_str();
    // Whether an address was verified is no more than what the address is worth.
    OF_THE_LOGIN.contains(&name)
        || is_listed(name)
        || (name == "email_verified" && is_listed("email"))
}

/// Whether tokens of these scopes may say this of what an identity provider said: how somebody proved who they are always.
#[must_use]
pub fn is_within(scopes: &OAuthScopes, name: &ClaimName) -> bool {
    match name.as_str() {
        name if OF_THE_LOGIN.contains(&name) => true,
        name if OF_MAIL.contains(&name) => scopes.has(OAuthScope::Email),
        _ => scopes.has(OAuthScope::Profile),
    }
}

/// What the client is told of the person, by the scopes of this access token.
#[must_use]
pub fn told(access: &AccessClaims, client: &Client) -> Map<String, Value> {
    let granted = access.token.client.as_deref().map(|grant| &grant.scopes);
    let has = |scope| granted.is_some_and(|scopes| scopes.has(scope));
    let is_told = |name: &ClaimName| {
        !OF_THE_LOGIN.contains(&name.as_str())
            && granted.is_some_and(|scopes| is_within(scopes, name))
            && may_know(client, name)
    };
    let mut told = unflattened(&kept(&access.extra, is_told));
    told.insert("sub".to_owned(), access.token.subject.as_str().into());
    if has(OAuthScope::Profile) {
        told.insert("preferred_username".to_owned(), access.token.subject.as_str().into());
    }
    if has(OAuthScope::Groups) {
        let groups: Vec<String> = access.groups.iter().map(ToString::to_string).collect();
        told.insert("groups".to_owned(), groups.into());
        if access.groups_truncated {
            told.insert("groups_truncated".to_owned(), true.into());
        }
    }
    told
}

fn kept(claims: &ExtraClaims, is_kept: impl Fn(&ClaimName) -> bool) -> ExtraClaims {
    let mut kept = claims.clone();
    kept.retain(is_kept);
    kept
}

/// The claims of an ID token that comes with this access token. `nonce` is that of the request whose code was redeemed; what a
/// refresh brings has none (section 12.2).
#[must_use]
pub fn id_token(
    issuer: &str,
    (access, compact): (&AccessClaims, &str),
    client: &Client,
    nonce: Option<&str>,
) -> Map<String, Value> {
    let token = &access.token;
    let of_login = |name: &ClaimName| OF_THE_LOGIN.contains(&name.as_str());
    let mut claims = told(access, client);
    claims.extend(unflattened(&kept(&access.extra, of_login)));
    for (name, value) in [
        ("iss", issuer.into()),
        ("aud", client.id.as_str().into()),
        ("azp", client.id.as_str().into()),
        ("exp", token.expires_at.as_unix().into()),
        ("iat", token.issued_at.as_unix().into()),
        ("sid", Value::from(token.session.to_string())),
        ("at_hash", half_hash(compact).into()),
    ] {
        claims.insert(name.to_owned(), value);
    }
    // Of a login by way of others it may be that nobody says it.
    if let Some(proved_at) = token.proved_at() {
        claims.insert("auth_time".to_owned(), proved_at.as_unix().into());
    }
    if let Some(nonce) = nonce {
        claims.insert("nonce".to_owned(), nonce.into());
    }
    claims
}

/// The left half of the SHA-256 (section 3.1.3.6): the hash of RS256 and of ES256.
fn half_hash(compact: &str) -> String {
    let hash = Sha256::digest(compact);
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::domain::auth_time::AuthTime;
    use crate::domain::authorization::ClientGrant;
    use crate::domain::client::ClientMetadata;
    use crate::domain::time::Timestamp;
    use crate::domain::token::{Scope, SessionId, Token};
    use crate::jose::claims::passed;

    fn client(claims: &[&str]) -> Client {
        let mut metadata = ClientMetadata::new("app".parse().unwrap());
        metadata.redirect_uris = vec!["https://app.example.com/back".parse().unwrap()];
        metadata.claims = claims.iter().map(|name| name.parse().unwrap()).collect();
        Client::new(metadata).unwrap()
    }

    fn access(scopes: &str) -> AccessClaims {
        let at = |seconds: i64| Timestamp::from_unix(1_800_000_000 + seconds).unwrap();
        let grant = ClientGrant {
            client: "app".parse().unwrap(),
            scopes: scopes.split_whitespace().map(|scope| scope.parse().unwrap()).collect(),
            audiences: vec!["app".parse().unwrap()],
            confirmation: None,
            actors: Vec::new(),
        };
        let token = Token {
            subject: "k-ada".parse().unwrap(),
            issued_at: at(10),
            expires_at: at(910),
            authenticated_at: at(0),
            auth_time: AuthTime::AtLogin,
            id: "x".parse().unwrap(),
            scope: Scope::Unlimited,
            revocation: None,
            session: SessionId::new([0; 16]),
            client: Some(Arc::new(grant)),
        };
        let said = json!({
            "name": "Ada", "email": "ada@example.com", "email_verified": true, "amr": ["pwd", "mfa"], "acr": "2", "phone": "1",
        });
        let names = ["name", "email", "email_verified", "amr", "acr", "phone"];
        let names = names.map(|name| name.parse().unwrap());
        let extra = passed(&names, said.as_object().unwrap());
        let groups = vec!["a".parse().unwrap(), "a.staff".parse().unwrap()];
        AccessClaims { token, groups, groups_truncated: false, extra }
    }

    #[test]
    fn by_scopes_and_by_what_the_client_may_know() {
        let all = &["name", "email"];
        for (scopes, claims, expected) in [
            ("openid", &all[..], json!({ "sub": "k-ada" })),
            (
                "openid profile",
                &all[..],
                json!({ "sub": "k-ada", "name": "Ada", "preferred_username": "k-ada" }),
            ),
            ("openid profile", &[], json!({ "sub": "k-ada", "preferred_username": "k-ada" })),
            (
                "openid email",
                &all[..],
                json!({ "sub": "k-ada", "email": "ada@example.com", "email_verified": true }),
            ),
            ("openid email", &["name"], json!({ "sub": "k-ada" })),
            ("openid groups", &[], json!({ "sub": "k-ada", "groups": ["a", "a.staff"] })),
        ] {
            let told = told(&access(scopes), &client(claims));
            assert_eq!(Value::Object(told), expected, "{scopes} {claims:?}");
        }
        let mut truncated = access("openid groups");
        truncated.groups_truncated = true;
        assert_eq!(told(&truncated, &client(&[]))["groups_truncated"], true);
    }

    #[test]
    fn an_id_token() {
        let access = access("openid");
        // Core appendix A.3 has this pair.
        let compact = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        let claims =
            id_token("https://id.example.com", (&access, compact), &client(&[]), Some("n"));
        assert_eq!(
            Value::Object(claims.clone()),
            json!({
                "iss": "https://id.example.com", "sub": "k-ada", "aud": "app", "azp": "app",
                "exp": 1_800_000_910, "iat": 1_800_000_010, "auth_time": 1_800_000_000,
                "sid": "0".repeat(32), "nonce": "n", "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
                "amr": ["pwd", "mfa"], "acr": "2",
            })
        );
        let refreshed = id_token("https://id.example.com", (&access, compact), &client(&[]), None);
        assert!(!refreshed.contains_key("nonce"));
    }
}
