//! Tokens of several issuers, whose keys lie in files and at places that count who asks.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;
use crate::jose::jwks;
use crate::jose::key::{Algorithm, PrivateKey};
use crate::settings::sidecar::parse;

const NOW: i64 = 1_800_000_000;

thread_local! {
    static TIME: Cell<i64> = const { Cell::new(NOW) };
}

fn time() -> Timestamp {
    Timestamp::from_unix(TIME.get()).unwrap()
}

/// An issuer with a key.
struct Issuer {
    name: &'static str,
    key: PrivateKey,
}

impl Issuer {
    fn new(name: &'static str) -> Self {
        Self { name, key: PrivateKey::generate(Algorithm::Es256).unwrap() }
    }

    fn set(&self) -> String {
        jwks::common(&[self.key.public().clone()]).to_string()
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = [part(header), part(claims)].join(".");
        format!("{signed}.{}", self.key.sign(signed.as_bytes()).unwrap())
    }

    /// A token with some claims changed; those that become null are left out.
    fn token(&self, changes: Value) -> String {
        let mut claims = json!({
            "iss": self.name, "sub": "kisee-ada", "aud": "app", "exp": NOW + 600, "iat": NOW, "nbf": NOW, "auth_time": NOW,
            "jti": "AAAAAAAAAAAAAAAAAAAAAA", "idp": "kisee", "client_id": "pasee-http", "groups": ["articles", "articles.staff"],
            "sid": "00112233445566778899aabbccddeeff",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.signed(
            &json!({ "typ": "at+jwt", "alg": "ES256", "kid": self.key.public().id().as_str() }),
            &claims,
        )
    }
}

/// A place of keys that counts who asks.
struct Place {
    url: String,
    asked: Arc<AtomicUsize>,
    says: watch::Sender<Option<String>>,
}

impl Place {
    /// Answers with this, or with 503.
    async fn new(set: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (says, said) = watch::channel(set);
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let (status, body) = match said.borrow().clone() {
                    Some(set) => ("200 OK", set),
                    None => ("503 Service Unavailable", String::new()),
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, asked, says }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn authenticator(issuers: &str) -> Authenticator {
    let source = format!(
        "upstream = \"http://127.0.0.1:1\"\n{issuers}\n[[rules]]\nallow = \"authenticated\"\n"
    );
    let settings =
        parse(Path::new("/sidecar.toml"), &source).unwrap_or_else(|error| panic!("{error}"));
    let variables = ProxyVariables::of(|_| None);
    Authenticator::new(&settings.issuers, &settings.outbound, &variables, time).unwrap()
}

fn keys(dir: &TempDir, issuer: &Issuer) -> PathBuf {
    let file = dir.path().join(format!("{}.json", issuer.name.replace(['/', ':'], "-")));
    std::fs::write(&file, issuer.set()).unwrap();
    file
}

fn table(issuer: &Issuer, file: &Path, more: &str) -> String {
    format!(
        "[[issuers]]\nissuer = \"{}\"\naudience = \"app\"\njwks_file = \"{}\"\n{more}\n",
        issuer.name,
        file.display()
    )
}

#[tokio::test]
async fn each_issuer_has_its_own_keys_and_names() {
    let dir = tempfile::tempdir().unwrap();
    let (pasee, ci) =
        (Issuer::new("https://pasee.example.com"), Issuer::new("https://ci.example.com"));
    let cluster = Issuer::new("https://kubernetes.default.svc");
    let authenticator = authenticator(
        &[
            table(&pasee, &keys(&dir, &pasee), ""),
            table(
                &ci,
                &keys(&dir, &ci),
                "kind = \"oidc\"\nprefix = \"ci:\"\ngroups_claim = \"roles\"",
            ),
            table(&cluster, &keys(&dir, &cluster), "kind = \"kubernetes\""),
        ]
        .concat(),
    );
    assert_eq!(
        authenticator.identify(&pasee.token(json!({}))).await.unwrap_err(),
        Disbelief::NoKeys,
        "before the first key"
    );
    assert!(authenticator.fetch().await.is_empty());
    assert_eq!(authenticator.without_keys(), None);

    let ada = authenticator.identify(&pasee.token(json!({}))).await.unwrap();
    assert_eq!(
        (ada.user.as_str(), ada.groups.as_slice()),
        ("kisee-ada", ["articles".to_owned(), "articles.staff".to_owned()].as_slice())
    );
    assert_eq!(ada.session.as_deref(), Some("00112233445566778899aabbccddeeff"));

    let deployer = authenticator
        .identify(&ci.token(json!({ "sub": "kisee-ada", "roles": ["staff", "a\nb"] })))
        .await
        .unwrap();
    assert_eq!(
        (deployer.user.as_str(), deployer.groups.as_slice()),
        ("ci:kisee-ada", ["ci:staff".to_owned()].as_slice())
    );

    let pod = json!({
        "sub": "system:serviceaccount:ci:deployer", "aud": ["app"],
        "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "deployer", "uid": "7" } },
    });
    let header = json!({ "alg": "ES256", "kid": cluster.key.public().id().as_str() });
    let mut claims = json!({ "iss": cluster.name, "exp": NOW + 600, "iat": NOW, "nbf": NOW });
    for (name, value) in pod.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let pod = authenticator.identify(&cluster.signed(&header, &claims)).await.unwrap();
    assert_eq!(pod.user, "system:serviceaccount:ci:deployer");
    assert_eq!(pod.groups, ["system:serviceaccounts", "system:serviceaccounts:ci"]);

    // The key of one makes no token of another.
    for (key_of, named) in [(&ci, &pasee), (&pasee, &ci), (&ci, &cluster)] {
        let forged = Issuer { name: named.name, key: key_of.key.clone() };
        let error = authenticator.identify(&forged.token(json!({}))).await.unwrap_err();
        assert!(matches!(error, Disbelief::Token(_)), "{error:?}");
    }
    let stranger = Issuer { name: "https://pasee.example.com/", key: pasee.key.clone() };
    assert_eq!(
        authenticator.identify(&stranger.token(json!({}))).await.unwrap_err(),
        Disbelief::Stranger
    );
}

#[tokio::test]
async fn what_a_token_has_to_say() {
    let dir = tempfile::tempdir().unwrap();
    let pasee = Issuer::new("https://pasee.example.com");
    let authenticator = authenticator(&table(&pasee, &keys(&dir, &pasee), ""));
    assert!(authenticator.fetch().await.is_empty());
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    for (changes, error) in [
        (json!({ "aud": "other" }), VerifyError::Audience),
        (json!({ "aud": null }), VerifyError::Audience),
        (json!({ "exp": NOW }), VerifyError::Expired),
        (json!({ "exp": "2000000000" }), VerifyError::Claim("exp")),
        (json!({ "nbf": NOW + 120 }), VerifyError::NotYet),
        (json!({ "client_id": "app", "cnf": { "jkt": thumbprint } }), VerifyError::Bound),
    ] {
        let judged = authenticator.identify(&pasee.token(changes.clone())).await;
        assert_eq!(judged.unwrap_err(), Disbelief::Token(error), "{changes}");
    }
    for (typ, algorithm) in
        [("rt+jwt", "ES256"), ("JWT", "ES256"), ("at+jwt", "none"), ("at+jwt", "HS256")]
    {
        let header =
            json!({ "typ": typ, "alg": algorithm, "kid": pasee.key.public().id().as_str() });
        let claims = pasee.token(json!({}));
        let claims = URL_SAFE_NO_PAD.decode(claims.split('.').nth(1).unwrap()).unwrap();
        let token = pasee.signed(&header, &serde_json::from_slice(&claims).unwrap());
        assert!(authenticator.identify(&token).await.is_err(), "{typ} {algorithm}");
    }
    for nonsense in ["", ".", "..", "a.b.c", "e30.e30.", &"a.".repeat(500_000)] {
        assert!(authenticator.identify(nonsense).await.is_err());
    }
    assert_eq!(authenticator.remembered(), 0, "nothing that was refused is remembered");
}

#[tokio::test]
async fn what_is_remembered_ends_with_the_token_and_with_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) =
        (Issuer::new("https://pasee.example.com"), Issuer::new("https://pasee.example.com"));
    let place = Place::new(Some(old.set())).await;
    let authenticator = authenticator(&format!(
        "[[issuers]]\nissuer = \"{}\"\naudience = \"app\"\njwks_url = \"{}\"\n",
        old.name, place.url
    ));
    assert!(authenticator.fetch().await.is_empty());
    let (short, long) = (old.token(json!({ "exp": NOW + 10 })), old.token(json!({})));
    for token in [&short, &long] {
        let first = authenticator.identify(token).await.unwrap();
        assert!(Arc::ptr_eq(&first, &authenticator.identify(token).await.unwrap()), "remembered");
    }
    TIME.set(NOW + 10);
    assert_eq!(
        authenticator.identify(&short).await.unwrap_err(),
        Disbelief::Token(VerifyError::Expired)
    );
    assert!(authenticator.identify(&long).await.is_ok());
    // A token by a new key has the keys fetched; the old one is not among them any more.
    place.says.send(Some(new.set())).unwrap();
    assert!(authenticator.identify(&new.token(json!({}))).await.is_ok());
    assert_eq!(
        authenticator.identify(&long).await.unwrap_err(),
        Disbelief::Token(VerifyError::UnknownKey)
    );
    TIME.set(NOW);
    drop(dir);
}

/// Whoever makes up names of keys has them fetched once, and takes nothing from those whose tokens hold.
#[tokio::test]
async fn random_names_of_keys_cause_one_fetch() {
    let pasee = Issuer::new("https://pasee.example.com");
    let place = Place::new(Some(pasee.set())).await;
    let authenticator = authenticator(&format!(
        "[[issuers]]\nissuer = \"{}\"\naudience = \"app\"\njwks_url = \"{}\"\njwks_cooldown = \"10m\"\n",
        pasee.name, place.url
    ));
    assert!(authenticator.fetch().await.is_empty());
    assert_eq!(place.asked(), 1);
    let known = pasee.token(json!({}));
    let signature = known.rsplit_once('.').unwrap().1;
    for number in 0..10_000 {
        let header =
            json!({ "typ": "at+jwt", "alg": "ES256", "kid": format!("{number:032x}") }).to_string();
        let payload = known.split('.').nth(1).unwrap();
        let token = format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header));
        let error = authenticator.identify(&token).await.unwrap_err();
        assert_eq!(error, Disbelief::Token(VerifyError::UnknownKey));
    }
    assert_eq!(place.asked(), 2, "one fetch for all of them");
    assert!(authenticator.identify(&known).await.is_ok());
}

/// Keys outlast whoever publishes them; where none was ever known, nobody is let in and nobody waits.
#[tokio::test]
async fn keys_survive_fetches_that_fail() {
    let pasee = Issuer::new("https://pasee.example.com");
    let place = Place::new(None).await;
    let authenticator = authenticator(&format!(
        "[[issuers]]\nissuer = \"{}\"\naudience = \"app\"\njwks_url = \"{}\"\njwks_cooldown = 1\n",
        pasee.name, place.url
    ));
    let failed = authenticator.fetch().await;
    assert!(
        matches!(failed.as_slice(), [(issuer, KeysError::Status(_))] if issuer == pasee.name),
        "{failed:?}"
    );
    let asked = place.asked();
    assert_eq!(
        authenticator.identify(&pasee.token(json!({}))).await.unwrap_err(),
        Disbelief::NoKeys
    );
    assert_eq!(place.asked(), asked, "a request asks for no keys");
    place.says.send(Some(pasee.set())).unwrap();
    assert!(authenticator.fetch().await.is_empty());
    assert!(authenticator.identify(&pasee.token(json!({}))).await.is_ok());
    for broken in
        [None, Some("{}".to_owned()), Some("{\"keys\":[]}".to_owned()), Some("no JSON".to_owned())]
    {
        place.says.send(broken).unwrap();
        let other = Issuer::new("https://pasee.example.com");
        assert!(authenticator.identify(&other.token(json!({}))).await.is_err());
        assert!(
            authenticator
                .identify(&pasee.token(json!({ "jti": "BBBBBBBBBBBBBBBBBBBBBB" })))
                .await
                .is_ok()
        );
    }
}

#[tokio::test]
async fn memory_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let ci = Issuer::new("https://ci.example.com");
    let authenticator = authenticator(&table(&ci, &keys(&dir, &ci), "kind = \"oidc\""));
    assert!(authenticator.fetch().await.is_empty());
    let groups: Vec<String> = (0..200).map(|number| format!("group-{number:040}")).collect();
    for number in 0..1_500 {
        let token = ci.token(json!({ "sub": format!("user-{number}"), "groups": groups }));
        assert!(authenticator.identify(&token).await.is_ok());
    }
    // Each is of 60 KB about: 32 MiB hold 600 of them at most.
    assert!(authenticator.remembered() < 700, "{}", authenticator.remembered());
}
