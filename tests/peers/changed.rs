//! Keys that another Pasee or a cluster changes, also under their names and twice in a short while, seen through a whole Pasee.

use std::fs;
use std::sync::{Arc, Mutex};

use pasee::jose::key::Algorithm;
use serde_json::{Value, json};

use super::support::forge::Forger;
use super::support::pasee::{Pasee, Setup, now};
use super::support::raw_server::{RawServer, Request, Script, answer};
use super::{INNER, json_answer, set};

const AUDIENCE: &str = "outer.example.com";
const CLUSTER: &str = "https://kubernetes.default.svc";

/// Who signs from now on.
type Signs = Arc<Mutex<Arc<Forger>>>;

fn signs() -> Signs {
    Arc::new(Mutex::new(Arc::new(Forger::new(Algorithm::Es256))))
}

/// Changes the key; the one that signed before.
fn change(signs: &Signs) -> Arc<Forger> {
    std::mem::replace(&mut signs.lock().unwrap(), Arc::new(Forger::new(Algorithm::Es256)))
}

fn current(signs: &Signs) -> Arc<Forger> {
    Arc::clone(&signs.lock().unwrap())
}

async fn log_in(pasee: &Pasee, idp: &str, token: &str) -> u16 {
    let place = format!("/tokens/?idp={idp}");
    pasee.ask("POST", &place).json(&json!({ "token": token })).await.status.as_u16()
}

/// Each key is believed as soon as it signs, and the one before it no more.
async fn changes(pasee: &Pasee, idp: &str, signs: &Signs, token: impl Fn(&Forger) -> String) {
    assert_eq!(log_in(pasee, idp, &token(&current(signs))).await, 201, "{}", pasee.log());
    for round in 0..3 {
        let before = change(signs);
        let newest = token(&current(signs));
        assert_eq!(log_in(pasee, idp, &newest).await, 201, "{round}: {}", pasee.log());
        assert_eq!(log_in(pasee, idp, &token(&before)).await, 403, "{round}");
        assert_eq!(log_in(pasee, idp, &newest).await, 201, "{round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_another_pasee() {
    let signs = signs();
    let known = Arc::clone(&signs);
    let script: Script = Arc::new(move |request: &Request| match request.line.as_str() {
        "GET /.well-known/jwks.json" => json_answer(&set(Algorithm::Es256, &[&current(&known)])),
        "GET /.well-known/jwks-es256k.json" => json_answer(&json!({ "keys": [] })),
        _ => answer("404 Not Found", "text/plain", ""),
    });
    let server = RawServer::start(script).await;
    let tables = format!(
        "[[identity_providers]]\nname = \"externals\"\nprotocol = \"pasee\"\nendpoint = \"http://{}/\"\n\
         [identity_providers.settings]\nissuer = \"{INNER}\"\nproviders = [\"internals\"]\n",
        server.address
    );
    let pasee = Setup::default().tables(&tables).start().await;
    changes(&pasee, "externals", &signs, |forger| {
        let mut claims = super::claims("internals-ada");
        for (name, at) in [("iat", -10), ("nbf", -10), ("exp", 890), ("auth_time", -100)] {
            claims[name] = json!(now() + at);
        }
        super::token(forger, &claims)
    })
    .await;
}

/// A cluster's keys have names of their own: here always the same one.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_cluster() {
    let signs = signs();
    let known = Arc::clone(&signs);
    let script: Script = Arc::new(move |request: &Request| match request.line.as_str() {
        "GET /.well-known/openid-configuration" => json_answer(&json!({ "issuer": CLUSTER })),
        "GET /openid/v1/jwks" => {
            let mut keys: Value = set(Algorithm::Es256, &[&current(&known)]);
            keys["keys"][0]["kid"] = json!("always");
            json_answer(&keys)
        }
        _ => answer("404 Not Found", "text/plain", ""),
    });
    let server = RawServer::start(script).await;
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": format!("http://{}", server.address)}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "users": [{"name": "it", "user": {"token": "throw-away"}}],
    });
    fs::write(&kubeconfig, config.to_string()).unwrap();
    let tables = format!(
        "[[identity_providers]]\nname = \"k8s\"\nprotocol = \"kubernetes\"\n[identity_providers.settings]\n\
         audience = \"{AUDIENCE}\"\noffline = true\nkubeconfig = \"{}\"\n",
        kubeconfig.display()
    );
    let pasee = Setup::default().tables(&tables).start().await;
    changes(&pasee, "k8s", &signs, |forger| {
        let claims = json!({
            "iss": CLUSTER, "sub": "system:serviceaccount:ci:deployer", "aud": [AUDIENCE], "jti": "x",
            "iat": now() - 5, "nbf": now() - 5, "exp": now() + 3600,
            "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "deployer", "uid": "0b5a" } },
        });
        forger.token(&json!({ "alg": "ES256", "kid": "always" }), &claims)
    })
    .await;
}
