//! Another Pasee and the ServiceAccounts of a cluster as ways to log in: what gets in, and all that does not.
#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod changed;
mod keys;
mod login;
mod tokens;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pasee::idp::{Credential, Identity, Provider, ProviderError, Providers};
use pasee::jose::key::{Algorithm, PublicKey};
use pasee::settings::{IdentityProvider, Protocol, parse};
use serde_json::{Value, json};

use support::forge::Forger;
use support::kisee::{NOW, now};
use support::raw_server::{Request, Script, Step, answer};

const TIMEOUT: Duration = Duration::from_millis(1500);
const INNER: &str = "inner.example.com";

/// A provider by the name of `externals` behind which another Pasee stands.
fn settings(endpoint: &str, pinned: Option<&PublicKey>) -> IdentityProvider {
    let pinned = pinned.map(PublicKey::to_pem);
    let pinned = pinned.map(|pem| format!("public_keys = [\"\"\"{pem}\"\"\"]")).unwrap_or_default();
    let text = format!(
        "[jwt]\niss = \"outer.example.com\"\n\
         [[identity_providers]]\nname = \"externals\"\nprotocol = \"pasee\"\nendpoint = \"{endpoint}\"\n\
         group_mapping_lifetime = \"1h\"\n\
         group_mapping = [{{ claim = \"groups\", value = \"writers\", group = \"articles\" }}]\n\
         [identity_providers.settings]\nissuer = \"{INNER}\"\nidp = \"internals\"\n\
         providers = [\"internals\", \"others\"]\n{pinned}\n"
    );
    let mut read = parse(Path::new("settings.toml"), &text).unwrap();
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
    let mut provider = read.identity_providers.remove(0);
    let Protocol::Pasee(pasee) = &mut provider.protocol else { panic!("a Pasee") };
    pasee.timeout = TIMEOUT;
    provider
}

fn at(address: SocketAddr) -> Providers {
    Providers::new(&[settings(&format!("http://{address}/"), None)]).unwrap()
}

fn pinned(key: &PublicKey) -> Providers {
    Providers::new(&[settings("http://127.0.0.1:1/", Some(key))]).unwrap()
}

async fn show(providers: &Providers, token: &str) -> Result<Identity, ProviderError> {
    let provider: &Provider = providers.get("externals").unwrap();
    provider.identify(Credential::Token(token.into()), now()).await
}

/// The claims of an access token of the other Pasee.
fn claims(user: &str) -> Value {
    let (idp, _) = user.split_once('-').unwrap();
    json!({
        "iss": INNER, "sub": user, "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 890, "jti": "x",
        "auth_time": NOW - 100, "idp": idp, "groups": ["writers", "admin.staff"], "email": "ada@example.com",
        "aud": [INNER], "client_id": "pasee-http", "sid": "0".repeat(32),
    })
}

fn token(forger: &Forger, claims: &Value) -> String {
    forger.token(&forger.header("at+jwt"), claims)
}

/// The published keys of some forgers, in the set of their curve.
fn set(algorithm: Algorithm, forgers: &[&Forger]) -> Value {
    let keys: Vec<PublicKey> = forgers.iter().map(|forger| forger.key.public().clone()).collect();
    match algorithm {
        Algorithm::Es256k => pasee::jose::jwks::es256k(&keys),
        Algorithm::Es256 | Algorithm::Rs256 => pasee::jose::jwks::common(&keys),
    }
}

fn json_answer(document: &Value) -> Vec<Step> {
    answer("200 OK", "application/json", document.to_string())
}

/// A Pasee that behaves: it publishes keys and gives tokens to `ada`.
fn good(forger: &Arc<Forger>) -> Script {
    let forger = Arc::clone(forger);
    Arc::new(move |request: &Request| match request.line.as_str() {
        "GET /.well-known/jwks.json" => json_answer(&set(Algorithm::Es256, &[&forger])),
        "GET /.well-known/jwks-es256k.json" => json_answer(&set(Algorithm::Es256k, &[&forger])),
        "POST /tokens/?idp=internals" => {
            let tokens = json!({
                "_type": "document", "access_token": token(&forger, &claims("internals-ada")), "refresh_token": "r",
            });
            answer("201 Created", "application/vnd.coreapi+json", tokens.to_string())
        }
        _ => answer("404 Not Found", "text/plain", "nothing here"),
    })
}
