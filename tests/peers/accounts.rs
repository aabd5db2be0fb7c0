//! ServiceAccounts: what an API server may say of a token, and tokens verified without it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::domain::token::Audience;
use pasee::idp::kubernetes::{ApiServer, ApiServerError, Asking, Published, Review};
use pasee::idp::{
    Clusters, Credential, Egress, HashingThreads, Identity, LoginMethod, PasswordCredential,
    Presence, ProviderError, Providers,
};
use pasee::jose::key::Algorithm;
use pasee::settings::{IdentityProvider, Protocol, parse};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::support::forge::Forger;
use super::support::kisee::{NOW, now};

const AUDIENCE: &str = "outer.example.com";
const ISSUER: &str = "https://kubernetes.default.svc";

/// A cluster that says what it is told to.
#[derive(Debug)]
struct Told {
    review: Mutex<Option<Result<Review, ApiServerError>>>,
    keys: Mutex<Result<Value, ApiServerError>>,
    fetches: AtomicUsize,
}

impl Told {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            review: Mutex::new(Some(Ok(review()))),
            keys: Mutex::new(Ok(json!({ "keys": [] }))),
            fetches: AtomicUsize::new(0),
        })
    }

    fn says(&self, review: Result<Review, ApiServerError>) {
        *self.review.lock().unwrap() = Some(review);
    }

    fn publishes(&self, keys: &[Value]) {
        *self.keys.lock().unwrap() = Ok(json!({ "keys": keys }));
    }
}

impl ApiServer for Told {
    fn review<'a>(&'a self, _: &'a SecretString, audience: &'a Audience) -> Asking<'a, Review> {
        assert_eq!(audience.as_str(), AUDIENCE, "always asked for ours");
        let review = self.review.lock().unwrap().clone();
        Box::pin(async move {
            match review {
                Some(review) => review,
                None => std::future::pending().await,
            }
        })
    }

    fn account<'a>(&'a self, _: &'a str, _: &'a str) -> Asking<'a, Presence> {
        Box::pin(async { Ok(Presence::There) })
    }

    fn published(&self) -> Asking<'_, Published> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let keys = self.keys.lock().unwrap().clone();
        Box::pin(async move {
            let keys = keys?.to_string().into();
            Ok(Published { issuer: ISSUER.to_owned(), keys })
        })
    }
}

/// What an API server says of the token of a pod of `ci:deployer`.
fn review() -> Review {
    let text = str::to_owned;
    Review {
        authenticated: true,
        username: text("system:serviceaccount:ci:deployer"),
        uid: text("0b5a"),
        groups: ["system:serviceaccounts", "system:serviceaccounts:ci", "system:authenticated"]
            .map(text)
            .to_vec(),
        audiences: vec![text(AUDIENCE)],
        extra: BTreeMap::from([
            (text("authentication.kubernetes.io/pod-name"), vec![text("deployer-1")]),
            (text("authentication.kubernetes.io/node-name"), vec![text("worker")]),
        ]),
        error: String::new(),
    }
}

fn settings(offline: bool) -> IdentityProvider {
    let text = format!(
        "[jwt]\niss = \"outer.example.com\"\n[[identity_providers]]\nname = \"k8s\"\nprotocol = \"kubernetes\"\n\
         claims = [\"namespace\", \"serviceaccount\", \"serviceaccount_uid\", \"pod\", \"pod_uid\", \"node\"]\n\
         [identity_providers.settings]\naudience = \"{AUDIENCE}\"\noffline = {offline}\n"
    );
    let mut read = parse(std::path::Path::new("settings.toml"), &text).unwrap();
    let mut provider = read.identity_providers.remove(0);
    let Protocol::Kubernetes(kubernetes) = &mut provider.protocol else { panic!("a cluster") };
    kubernetes.timeout = Duration::from_millis(500);
    provider
}

fn providers(cluster: &Arc<Told>, offline: bool) -> Providers {
    let cluster: Arc<dyn ApiServer> = Arc::<Told>::clone(cluster);
    let clusters = Clusters::from([("k8s".parse().unwrap(), cluster)]);
    Providers::with(&[settings(offline)], &Egress::default(), &clusters, &HashingThreads::new(None))
        .unwrap()
}

async fn show(providers: &Providers, token: &str) -> Result<Identity, ProviderError> {
    providers.get("k8s").unwrap().identify(Credential::Token(token.into()), now()).await
}

fn passed(identity: &Identity) -> String {
    let claims = pasee::jose::claims::unflattened(&identity.claims);
    Value::Object(claims).to_string()
}

#[tokio::test]
async fn a_reviewed_pod() {
    let cluster = Told::new();
    let providers = providers(&cluster, false);
    let identity = show(&providers, "a.b.c").await.unwrap();
    assert_eq!(identity.user.as_str(), "k8s-ci:deployer");
    let said = json!({
        "namespace": "ci", "serviceaccount": "deployer", "serviceaccount_uid": "0b5a", "pod": "deployer-1",
        "node": "worker",
    });
    assert_eq!(passed(&identity), said.to_string());
    let provider = providers.get("k8s").unwrap();
    assert_eq!(provider.login_methods(), [LoginMethod::Token]);
    let credential = PasswordCredential {
        login: "ci:deployer".into(),
        password: "x".into(),
        client: std::net::Ipv4Addr::LOCALHOST.into(),
    };
    let refused = provider.identify(Credential::Password(credential), now()).await.unwrap_err();
    assert_eq!(refused, ProviderError::NotOffered);
    assert!(Providers::new(&[settings(false)]).is_err(), "without a cluster there are no accounts");
}

#[tokio::test]
async fn every_other_word_of_an_api_server() {
    let cluster = Told::new();
    let providers = providers(&cluster, false);
    let spoil = |spoil: &dyn Fn(&mut Review)| {
        let mut spoiled = review();
        spoil(&mut spoiled);
        spoiled
    };
    let with_name = |name: &str| spoil(&|review| review.username = name.to_owned());
    let cases = [
        spoil(&|review| review.authenticated = false),
        spoil(&|review| review.audiences.clear()),
        spoil(&|review| review.audiences = vec!["outer.example.co".into()]),
        spoil(&|review| review.audiences = vec![ISSUER.into()]),
        spoil(&|review| review.groups.clear()),
        spoil(&|review| review.groups = vec!["system:serviceaccounts".into()]),
        spoil(&|review| review.groups = vec!["system:serviceaccounts:ci".into()]),
        spoil(&|review| review.groups[1] = "system:serviceaccounts:prod".into()),
        with_name(""),
        with_name("system:node:worker"),
        with_name("system:admin"),
        with_name("kubernetes-admin"),
        with_name("ci:deployer"),
        with_name("system:serviceaccount:ci"),
        with_name("system:serviceaccount:ci:deployer:x"),
        with_name("system:serviceaccount:CI:deployer"),
        with_name("oidc:system:serviceaccount:ci:deployer"),
        with_name("system:serviceaccount:ci:depl\u{0}oyer"),
        with_name(&format!("system:serviceaccount:ci:{}", "x".repeat(253))),
        Review::default(),
    ];
    for said in &cases {
        cluster.says(Ok(said.clone()));
        let refused = show(&providers, "a.b.c").await.unwrap_err();
        assert!(
            matches!(
                refused,
                ProviderError::NotConfirmed | ProviderError::NotAllowed | ProviderError::Subject(_)
            ),
            "{said:?}"
        );
    }
    for (error, expected) in [
        (ApiServerError::Unreachable, ProviderError::Unreachable),
        (ApiServerError::Forbidden, ProviderError::from(ApiServerError::Forbidden)),
        (ApiServerError::InvalidResponse, ProviderError::from(ApiServerError::InvalidResponse)),
    ] {
        cluster.says(Err(error));
        assert_eq!(show(&providers, "a.b.c").await.unwrap_err(), expected);
    }
    // What is no compact token never gets there.
    *cluster.review.lock().unwrap() = None;
    for token in
        ["", "x", "a.b", "a.b.c.d", &"a.".repeat(100_000), &format!("a.b.{}", "c".repeat(17_000))]
    {
        let refused = show(&providers, token).await.unwrap_err();
        assert!(matches!(refused, ProviderError::Token(_)), "{token:.20}");
    }
    println!("{} words of an API server, 0 logins", cases.len());
}

/// One that hangs is given up in time, by so many at once and no more.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_hangs() {
    let cluster = Told::new();
    *cluster.review.lock().unwrap() = None;
    let providers = Arc::new(providers(&cluster, false));
    let started = Instant::now();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let providers = Arc::clone(&providers);
        waiting.spawn(async move { show(&providers, "a.b.c").await.map(drop) });
    }
    let results = waiting.join_all().await;
    let count = |error| results.iter().filter(|result| **result == Err(error)).count();
    assert_eq!(count(ProviderError::Unreachable), 256);
    assert_eq!(count(ProviderError::Busy), 300 - 256);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

/// A cluster's signing key.
enum Signing {
    Rsa(KeyPair),
    P256(Box<Forger>),
}

impl Signing {
    fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public = key.public_key();
                let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
                let (n, e) = (public.modulus(), public.exponent());
                json!({
                    "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
                    "n": text(n.big_endian_without_leading_zero()), "e": text(e.big_endian_without_leading_zero()),
                })
            }
            Self::P256(forger) => {
                let mut jwk = super::set(Algorithm::Es256, &[forger])["keys"][0].clone();
                jwk["kid"] = json!(kid);
                jwk
            }
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::P256(forger) => forger.signature(signed.as_bytes()).to_vec(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn rsa() -> Signing {
    Signing::Rsa(KeyPair::generate(KeySize::Rsa2048).unwrap())
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "system:serviceaccount:ci:deployer", "aud": [AUDIENCE], "jti": "x",
        "iat": NOW - 5, "nbf": NOW - 5, "exp": NOW + 3600,
        "kubernetes.io": {
            "namespace": "ci", "serviceaccount": { "name": "deployer", "uid": "0b5a" },
            "pod": { "name": "deployer-1", "uid": "77" }, "node": { "name": "worker", "uid": "1" },
        },
    })
}

#[tokio::test]
async fn offline() {
    let mut tried = 0;
    for signing in [rsa(), Signing::P256(Box::new(Forger::new(Algorithm::Es256)))] {
        let cluster = Told::new();
        *cluster.review.lock().unwrap() = None;
        let strange = Signing::P256(Box::new(Forger::new(Algorithm::Es256k))).jwk("odd");
        cluster.publishes(&[json!(1), strange, rsa().jwk("old"), signing.jwk("new")]);
        let providers = providers(&cluster, true);
        let header = json!({ "alg": signing.algorithm(), "kid": "new" });
        let identity = show(&providers, &signing.sign(&header, &claims())).await.unwrap();
        assert_eq!(identity.user.as_str(), "k8s-ci:deployer");
        let said = json!({
            "namespace": "ci", "serviceaccount": "deployer", "serviceaccount_uid": "0b5a", "pod": "deployer-1",
            "pod_uid": "77", "node": "worker",
        });
        assert_eq!(passed(&identity), said.to_string());
        for (name, token) in spoiled(&signing, &header) {
            let refused = show(&providers, &token).await.map(|identity| identity.user).unwrap_err();
            let expected = matches!(refused, ProviderError::Token(_) | ProviderError::NotAllowed);
            assert!(expected, "{name}: {refused:?}");
            tried += 1;
        }
        assert_eq!(cluster.fetches.load(Ordering::SeqCst), 2, "one fetch for all unknown keys");
        // Known keys outlive the API server.
        *cluster.keys.lock().unwrap() = Err(ApiServerError::Unreachable);
        assert!(show(&providers, &signing.sign(&header, &claims())).await.is_ok());
    }
    println!("{tried} offline tokens, 0 logins");
    assert!(tried > 100);
}

fn spoiled(signing: &Signing, header: &Value) -> Vec<(String, String)> {
    let good = claims();
    let mut cases = Vec::new();
    let mut with = |name: &str, value: Value| {
        let mut spoiled = good.clone();
        spoiled[name] = value.clone();
        cases.push((format!("{name} {value:.80}"), signing.sign(header, &spoiled)));
    };
    for iss in
        [json!("https://kubernetes.default.svc.evil"), json!(""), json!(null), json!([ISSUER])]
    {
        with("iss", iss);
    }
    for aud in [
        json!(AUDIENCE),
        json!([]),
        json!(["outer.example.co"]),
        json!([ISSUER]),
        json!(null),
        json!([[AUDIENCE]]),
    ] {
        with("aud", aud);
    }
    for exp in [
        json!(NOW),
        json!(NOW - 1),
        json!(-1),
        json!("1800003600"),
        json!(1.8e9),
        json!(null),
        json!(i64::MAX),
    ] {
        with("exp", exp);
    }
    for name in ["nbf", "iat"] {
        for value in [json!(NOW + 61), json!("1800000000"), json!(null)] {
            with(name, value);
        }
    }
    for sub in [
        "system:serviceaccount:ci:other",
        "system:serviceaccount:prod:deployer",
        "system:node:worker",
        "deployer",
        "",
    ] {
        with("sub", json!(sub));
    }
    for kubernetes in [
        json!(null),
        json!("ci"),
        json!({}),
        json!({ "namespace": "ci" }),
        json!({ "serviceaccount": { "name": "deployer" } }),
        json!({ "namespace": "prod", "serviceaccount": { "name": "deployer" } }),
        json!({ "namespace": "ci", "serviceaccount": { "name": "other" } }),
        json!({ "namespace": "ci:deployer", "serviceaccount": { "name": "" } }),
        json!({ "namespace": ["ci"], "serviceaccount": { "name": "deployer" } }),
    ] {
        with("kubernetes.io", kubernetes);
    }
    let mut colons = good.clone();
    colons["sub"] = json!("system:serviceaccount:ci:a:b");
    colons["kubernetes.io"]["serviceaccount"]["name"] = json!("a:b");
    cases.push(("colons".into(), signing.sign(header, &colons)));
    for name in good.as_object().unwrap().keys().filter(|name| *name != "jti") {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(name);
        cases.push((format!("without {name}"), signing.sign(header, &without)));
    }
    for (name, value) in [
        ("kid", json!("old")),
        ("kid", json!("odd")),
        ("kid", json!("unknown")),
        ("kid", json!("k".repeat(64 * 1024))),
        ("kid", json!(null)),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("RS512")),
        ("alg", json!("PS256")),
        ("alg", json!("ES256K")),
        ("alg", json!(if signing.algorithm() == "RS256" { "ES256" } else { "RS256" })),
        ("typ", json!("at+jwt")),
        ("typ", json!("rt+jwt")),
        ("crit", json!(["exp"])),
        ("zip", json!("DEF")),
    ] {
        let mut spoiled = header.clone();
        spoiled[name] = value.clone();
        cases.push((format!("header {name} {value:.30}"), signing.sign(&spoiled, &good)));
    }
    for stranger in [rsa(), Signing::P256(Box::new(Forger::new(Algorithm::Es256)))] {
        cases.push(("a stranger's".into(), stranger.sign(header, &good)));
    }
    let whole = signing.sign(header, &good);
    let (signed, _) = whole.rsplit_once('.').unwrap();
    cases.push(("unsigned".into(), format!("{signed}.")));
    cases
}
