//! Pasee's own tokens in an API server that is configured as docs/kubernetes.md shows, under the policy.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use pasee::resources::webhook::{REVOCATION, SCOPE, SESSION};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::page::Page;
use super::roles::{examples, shown_configuration};
use super::stage::{Stage, group};
use super::support::controlplane::ControlPlane;
use super::support::forge::part;
use super::support::pasee::Setup;
use super::support::raw_server::{RawServer, Request, Step};

/// What a Pasee shows of itself, by path.
type Shown = Arc<OnceLock<[(&'static str, Value); 2]>>;

/// What ends TLS in front of a Pasee, and its certificate.
async fn front(shown: Shown) -> (RawServer, String) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)
        .unwrap();
    let script = move |request: &Request| {
        let document = shown
            .get()
            .and_then(|documents| documents.iter().find(|(path, _)| request.line.contains(path)));
        let (status, body) = match document {
            Some((_, document)) => ("200 OK", document.to_string()),
            None => ("404 Not Found", "{}".to_owned()),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        vec![Step::Bytes(answer.into_bytes())]
    };
    let server = RawServer::start_tls(Arc::new(script), TlsAcceptor::from(Arc::new(config))).await;
    (server, certificate.pem())
}

/// One of the settings of Pasee that docs/kubernetes.md shows beside the configuration.
fn shown_setting(name: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kubernetes.md");
    let page = std::fs::read_to_string(page).unwrap();
    let begins = format!("{name} = \"");
    let value = page.lines().find_map(|line| line.strip_prefix(&begins));
    value.and_then(|value| value.split_once('"')).unwrap().0.to_owned()
}

#[test]
fn tokens_of_pasee_are_users_of_the_realm() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shown = Shown::default();
    let (server, certificate) = runtime.block_on(front(Arc::clone(&shown)));
    let url = format!("https://{}", server.address);
    let audience = shown_setting("audience");
    let setup =
        Setup::default().audience(audience.leak()).members("articles.staff", ["local-john"]);
    let setup = setup.issuer(&url).top(&format!("hostname = \"{url}\""));
    let pasee = runtime.block_on(setup.start());
    let documents = ["/.well-known/openid-configuration", "/.well-known/jwks.json"]
        .map(|path| (path, runtime.block_on(pasee.ask("GET", path).send()).is(200).json()));
    shown.set(documents).unwrap();
    let mut configuration: Value = serde_saphyr::from_str(&shown_configuration()).unwrap();
    for shown in ["iss", "hostname"] {
        assert_eq!(configuration["jwt"][0]["issuer"]["url"], json!(shown_setting(shown)));
    }
    configuration["jwt"][0]["issuer"]["url"] = json!(url);
    configuration["jwt"][0]["issuer"]["certificateAuthority"] = json!(certificate);
    let file = pasee.dir.path().join("authentication.yaml");
    std::fs::write(&file, configuration.to_string()).unwrap();
    let option = format!("--authentication-config={}", file.display()).into();
    let cluster = ControlPlane::start(&[option]);
    let page = Page::of(&cluster);
    page.begin(&runtime);
    let stage = Stage::new(&cluster, &[]);

    let pairs = ["root", "john"].map(|name| runtime.block_on(pasee.log_in(name)));
    let [root, john] = pairs.each_ref().map(|pair| cluster.bearer("somebody", &pair.access));
    let since = Instant::now();
    // The issuer is looked at every ten seconds at first.
    let whoami = loop {
        let told = root.kubectl(["auth", "whoami", "-o", "json"]);
        if told.success {
            break serde_json::from_str::<Value>(&told.stdout).unwrap();
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{told:?}");
        std::thread::sleep(Duration::from_millis(200));
    };
    let user = &whoami["status"]["userInfo"];
    assert_eq!(user["username"], "pasee:local-root");
    assert_eq!(user["groups"], json!(["pasee:staff", "pasee::users", "system:authenticated"]));

    root.apply(&stage.namespace, &group("articles").to_string()).ok();
    root.kubectl([
        "apply",
        "--server-side",
        "--force-conflicts",
        "-n",
        &stage.namespace,
        "-f",
        &examples(),
    ])
    .ok();
    let create = ["create", "-n", &stage.namespace, "-f", "-"];
    john.kubectl_with(create, &group("articles.drafts").to_string()).ok();
    let creator =
        ["get", "group.pasee.meltylab.fr/articles.drafts", "-o", "jsonpath={.spec.creator}"];
    assert_eq!(stage.kubectl(&creator), "local-john");
    let refusal = john.kubectl_with(create, &group("comments.drafts").to_string()).refused();
    assert!(refusal.contains("only root staff and the staff of comments may"), "{refusal}");

    // No mapping fails on what a rule is to refuse with words.
    let claims = part(&pairs[1].access, 1);
    for (claim, value, says) in [
        ("groups", None, "this token has no groups"),
        ("groups", Some(json!("staff")), "this token has no groups"),
        ("sub", None, "this token names no user"),
        ("sub", Some(json!(7)), "this token names no user"),
        ("refresh_token", Some(json!(true)), "this is a refresh token"),
        ("sid", None, "this token names no session"),
        ("sid", Some(json!("")), "this token names no session"),
    ] {
        let mut odd = claims.clone();
        match value {
            Some(value) => odd[claim] = value,
            None => drop(odd.as_object_mut().unwrap().remove(claim)),
        }
        let token = pasee.forger.token(&pasee.forger.header("at+jwt"), &odd);
        cluster.bearer("somebody", &token).kubectl(["auth", "whoami"]).refused();
        let log = cluster.apiserver.log();
        assert!(log.contains(says), "{claim}: {says} is not in {log}");
    }

    // How far a limited token reaches, and which revocation its session has seen, the webhook is told; of which session it is,
    // always.
    for (claim, value, key, told) in [
        ("scope", Value::Null, SCOPE, Value::Null),
        ("scope", json!("groups:articles"), SCOPE, json!(["groups:articles"])),
        ("rev", Value::Null, REVOCATION, Value::Null),
        ("rev", json!(1_764_126_690), REVOCATION, json!(["1764126690"])),
        ("rev", json!(253_402_300_799_i64), REVOCATION, json!(["253402300799"])),
        ("rev", json!(0), REVOCATION, json!(["0"])),
    ] {
        let mut limited = claims.clone();
        if !value.is_null() {
            limited[claim] = value;
        }
        let token = pasee.forger.token(&pasee.forger.header("at+jwt"), &limited);
        let whoami =
            cluster.bearer("somebody", &token).kubectl(["auth", "whoami", "-o", "json"]).ok();
        let whoami: Value = serde_json::from_str(&whoami).unwrap();
        let extra = &whoami["status"]["userInfo"]["extra"];
        assert_eq!(extra[key], told, "{whoami}");
        assert_eq!(extra[SESSION], json!([claims["sid"]]), "{whoami}");
        // By this the webhook knows that a token was shown, whatever of it the configuration maps.
        let id = format!("JTI={}", claims["jti"].as_str().unwrap());
        assert_eq!(extra["authentication.kubernetes.io/credential-id"], json!([id]), "{whoami}");
    }

    // A refresh token opens nothing but a refresh.
    let refresh = cluster.bearer("somebody", &pairs[0].refresh);
    let refusal = refresh.kubectl(["auth", "whoami"]).refused();
    assert!(refusal.contains("Unauthorized") || refusal.contains("must be logged in"), "{refusal}");

    page.is_true(&runtime, &root);
    page.end();
}
