//! A Kisee that behaves, to be spoiled one piece at a time, and Pasee's side of it.
//!
//! Must not know how it is spoiled.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pasee::domain::claim::ClaimName;
use pasee::domain::time::Timestamp;
use pasee::idp::{Credential, Identity, PasswordCredential, Provider, ProviderError, Providers};
use pasee::jose::key::PublicKey;
use pasee::settings::{
    Departure, IdentityProvider, Kisee, Mapping, PassedClaim, Protocol, ProxyChoice,
};
use serde_json::{Value, json};

use super::forge::Forger;
use super::raw_server::{Request, Script, Step, answer};

/// The second all these tests happen in.
pub const NOW: i64 = 1_800_000_000;

/// [`NOW`].
pub fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

/// The settings of one Kisee.
pub fn settings(
    name: &str,
    endpoint: &str,
    keys: Vec<PublicKey>,
    timeout: Duration,
) -> IdentityProvider {
    IdentityProvider {
        name: name.parse().unwrap(),
        protocol: Protocol::Kisee(Kisee {
            endpoint: endpoint.parse().unwrap(),
            public_keys: keys,
            issuer: Some("example.com".into()),
            timeout,
            ca_file: None,
            proxy: ProxyChoice::Unsaid,
        }),
        title: None,
        description: None,
        registers_users: true,
        mapping: Mapping {
            claims: ["email", "tags"]
                .map(|name| PassedClaim::from(name.parse::<ClaimName>().unwrap()))
                .to_vec(),
            ..Mapping::default()
        },
        departure: Departure::default(),
        input_fields: Vec::new(),
        enabled: true,
    }
}

/// One Kisee at an address, with a key it is believed by.
pub fn at(address: SocketAddr, forger: &Forger, timeout: Duration) -> Providers {
    let keys = vec![forger.key.public().clone()];
    Providers::new(&[settings("kisee", &format!("http://{address}/"), keys, timeout)]).unwrap()
}

/// A login as ada.
pub async fn log_in(provider: &Provider) -> Result<Identity, ProviderError> {
    let credential = PasswordCredential {
        login: "ada".into(),
        password: "s3cret-Passw0rd".into(),
        client: std::net::Ipv4Addr::LOCALHOST.into(),
    };
    provider.identify(Credential::Password(credential), now()).await
}

/// The claims of a Kisee's JWT.
pub fn claims() -> Value {
    json!({"iss": "example.com", "sub": "ada", "exp": NOW + 3600, "jti": "x", "email": "ada@example.com"})
}

/// A Kisee's JWT.
pub fn jwt(forger: &Forger, claims: &Value) -> String {
    forger.token(&json!({"typ": "JWT", "alg": "ES256"}), claims)
}

/// Where a Kisee says its resources are.
pub fn home(jwt: &str) -> Vec<Step> {
    let document = json!({"api": {"title": "Identification Provider"}, "resources": {
        "jwt": {"href": jwt, "hints": {"allow": ["GET", "POST"]}},
        "users": {"href": "http://kisee.example.com/users/"},
        "password_recoveries": {"href": "http://kisee.example.com/password_recoveries/"},
    }});
    answer("200 OK", "application/json-home", document.to_string())
}

/// A Kisee's answer to a right password.
pub fn tokens(tokens: &Value) -> Vec<Step> {
    let document = json!({"_type": "document", "_meta": {"url": "/jwt/", "title": "JSON Web Tokens"}, "tokens": tokens});
    answer("201 Created", "application/vnd.coreapi+json", document.to_string())
}

/// A Kisee that behaves.
pub fn good(forger: &Forger) -> Script {
    let token = tokens(&json!([jwt(forger, &claims())]));
    let home = home("http://kisee.example.com/jwt/");
    Arc::new(move |request: &Request| match request.line.as_str() {
        "GET /" => home.clone(),
        "POST /jwt/" => token.clone(),
        _ => answer("404 Not Found", "text/plain", "nothing here"),
    })
}

/// A Kisee with one piece spoiled: its home or its answer to a login.
pub fn spoiled(forger: &Forger, home: Option<Vec<Step>>, login: Option<Vec<Step>>) -> Script {
    let good = good(forger);
    Arc::new(move |request: &Request| match (request.line.as_str(), &home, &login) {
        ("GET /", Some(home), _) => home.clone(),
        ("POST /jwt/", _, Some(login)) => login.clone(),
        _ => good(request),
    })
}
