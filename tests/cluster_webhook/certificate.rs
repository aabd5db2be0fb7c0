//! The certificate that the controller makes, servers serve with, and the API server is told to believe; and the path. Or the
//! operator's own, which the controller leaves alone.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::support::controller::Controller;
use super::support::controlplane::{self, ControlPlane};
use super::support::pasee::free_port;
use super::support::patience::eventually;
use super::support::realm;
use super::support::served::Served;

#[test]
fn the_controller_makes_a_certificate_that_servers_serve_with() {
    let cluster = controlplane::shared();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let namespace = cluster.namespace();
    realm::define(&cluster.admin);
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_pasee"))
        .args(["policy", "--namespace", &namespace])
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    cluster.admin.apply(&namespace, &printed).ok();
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let account = cluster.account(&namespace, "pasee-server");
    let webhook = format!("[webhook]\nhost = \"127.0.0.1\"\nport = {port}\n");
    let server = runtime.block_on(Served::start(&namespace, &account, &webhook));
    eventually("it says what it waits for", || {
        server.pasee.log().contains("the controller has not made it")
    });
    let account = cluster.account(&namespace, "pasee-controller");
    let controller = Controller::start(&namespace, &account, dir.path(), "controller").leads();

    let get = |arguments: &[&str]| -> Value {
        serde_json::from_str(
            &cluster.admin.kubectl(arguments.iter().copied().chain(["-o", "json"])).ok(),
        )
        .unwrap()
    };
    let name = format!("mutatingwebhookconfiguration/webhook.{namespace}.pasee.meltylab.fr");
    let bundle = || {
        let bundle = get(&["get", &name])["webhooks"][0]["clientConfig"]["caBundle"].clone();
        String::from_utf8(STANDARD.decode(bundle.as_str().unwrap_or_default()).unwrap()).unwrap()
    };
    let secret = || get(&["get", "secret/pasee-keys", "-n", &namespace]);
    let served = || {
        let data = secret()["data"]["webhook.crt"].clone();
        String::from_utf8(STANDARD.decode(data.as_str().unwrap_or_default()).unwrap()).unwrap()
    };
    eventually("the certificate is made", || !served().is_empty());
    let first = served();
    assert!(bundle().contains(&first), "it is believed before it is there to be served");
    let ask = |authority: &str| {
        let host = format!("pasee-webhook.{namespace}.svc");
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([reqwest::Certificate::from_pem(authority.as_bytes()).unwrap()])
            .resolve(&host, ([127, 0, 0, 1], port).into())
            .build()
            .unwrap();
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "1", "operation": "DELETE", "namespace": namespace,
                "resource": { "group": "pasee.meltylab.fr", "version": "v1", "resource": "groups" },
                "userInfo": { "username": "pasee:kisee-x" },
                "oldObject": { "metadata": { "name": "a" } },
            },
        });
        let config = get(&["get", &name])["webhooks"][0]["clientConfig"].clone();
        let path = config["service"]["path"].as_str().unwrap_or_default().to_owned();
        let url = format!("https://{host}:{port}{path}");
        runtime.block_on(async {
            let answer = client.post(url).body(review.to_string()).send().await.ok()?;
            serde_json::from_str::<Value>(&answer.text().await.ok()?).ok()
        })
    };
    eventually(&format!("it is served with: {}", server.pasee.log()), || {
        ask(&first).is_some_and(|answer| answer["response"]["allowed"] == false)
    });
    // What an admin applies again leaves it; what has become old is made anew, and both are believed meanwhile.
    cluster.admin.apply(&namespace, &printed).ok();
    assert!(served() == first && bundle().contains(&first));
    assert!(ask(&first).is_some_and(|answer| answer["response"]["allowed"] == false));
    let due = "pasee.meltylab.fr/webhook-renew-after=2020-01-01T00:00:00Z";
    cluster
        .admin
        .kubectl(["annotate", "--overwrite", "secret/pasee-keys", due, "-n", &namespace])
        .ok();
    eventually("the next is made", || served() != first);
    let next = served();
    assert!(bundle().contains(&first) && bundle().contains(&next));
    eventually("the next is served with", || ask(&next).is_some());
    controller.stop();
}

/// A realm under the webhook of its Service, and what an admin of the cluster does there.
struct Place<'a> {
    cluster: &'a ControlPlane,
    namespace: String,
}

impl Place<'_> {
    fn kubectl(&self, arguments: &[&str]) -> String {
        self.cluster.admin.kubectl(arguments.iter().copied()).ok()
    }

    /// Applies what `pasee policy` prints.
    fn apply(&self, options: &[&str]) {
        let printed = std::process::Command::new(env!("CARGO_BIN_EXE_pasee"))
            .args(["policy", "--namespace", &self.namespace])
            .args(options)
            .output()
            .unwrap();
        assert!(printed.status.success(), "{printed:?}");
        let printed = String::from_utf8(printed.stdout).unwrap();
        self.cluster.admin.apply(&self.namespace, &printed).ok();
    }

    fn configuration(&self) -> String {
        format!("mutatingwebhookconfiguration/webhook.{}.pasee.meltylab.fr", self.namespace)
    }

    fn told(&self) -> Value {
        let shown = self.kubectl(&["get", &self.configuration(), "-o", "json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown["webhooks"][0]["clientConfig"].clone()
    }

    /// What the API server believes, in PEM.
    fn bundle(&self) -> String {
        let bundle = self.told()["caBundle"].as_str().unwrap_or_default().to_owned();
        String::from_utf8(STANDARD.decode(bundle).unwrap()).unwrap()
    }

    fn path(&self) -> String {
        self.told()["service"]["path"].as_str().unwrap_or_default().to_owned()
    }

    /// Writes `caBundle`, or takes it out.
    fn set_bundle(&self, pem: &str) {
        let at = "/webhooks/0/clientConfig/caBundle";
        let patch = if pem.is_empty() {
            json!([{ "op": "remove", "path": at }])
        } else {
            json!([{ "op": "add", "path": at, "value": STANDARD.encode(pem) }])
        };
        let patch = patch.to_string();
        self.kubectl(&["patch", &self.configuration(), "--type=json", "-p", &patch]);
    }

    /// Has the controller look and write: it tells the API server another path.
    fn have_it_written(&self) {
        let before = self.path();
        let due = "pasee.meltylab.fr/webhook-path-renew-after-";
        self.kubectl(&["annotate", "secret/pasee-keys", due, "-n", &self.namespace]);
        eventually("the controller tells another path", || {
            let path = self.path();
            !path.is_empty() && path != before
        });
    }

    /// The certificate that the controller made, if it did.
    fn made(&self) -> String {
        let shown = ["get", "secret/pasee-keys", "-n", &self.namespace, "-o"];
        let made = self.kubectl(&[&shown[..], &["jsonpath={.data.webhook\\.crt}"]].concat());
        String::from_utf8(STANDARD.decode(made).unwrap()).unwrap()
    }

    /// Whether a server answers with a certificate that whoever believes only what the API server does takes.
    async fn is_believed(&self, port: u16) -> bool {
        let host = format!("pasee-webhook.{}.svc", self.namespace);
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([reqwest::Certificate::from_pem(self.bundle().as_bytes()).unwrap()])
            .resolve(&host, ([127, 0, 0, 1], port).into())
            .build()
            .unwrap();
        client.post(format!("https://{host}:{port}/")).send().await.is_ok()
    }
}

#[test]
fn one_of_ones_own_is_left_to_its_owner() {
    let cluster = controlplane::shared();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place { cluster: &cluster, namespace: cluster.namespace() };
    let namespace = &place.namespace;
    realm::define(&cluster.admin);
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).display().to_string();
    let (authority, certificate, key) = issued(namespace);
    fs::write(file("ca.crt"), &authority).unwrap();
    fs::write(file("webhook.crt"), certificate).unwrap();
    fs::write(file("webhook.key"), key).unwrap();
    place.apply(&["--webhook-ca-file", &file("ca.crt")]);
    let port = free_port();
    let account = cluster.account(namespace, "pasee-server");
    let webhook = format!(
        "[webhook]\nhost = \"127.0.0.1\"\nport = {port}\ncert_file = \"{}\"\nkey_file = \"{}\"\n",
        file("webhook.crt"),
        file("webhook.key")
    );
    let server = runtime.block_on(Served::start(namespace, &account, &webhook));
    let account = cluster.account(namespace, "pasee-controller");
    let controller = Controller::start(namespace, &account, dir.path(), "controller").leads();

    // Printed with the rest: the controller says the path, and makes no certificate.
    eventually("there is a path", || !place.path().is_empty());
    eventually("it is told", || controller.log().contains("somebody else's"));
    assert_eq!(place.bundle(), authority);
    assert_eq!(place.made(), "");
    assert!(runtime.block_on(place.is_believed(port)), "{}", server.pasee.log());
    // Taken out it is the controller's to fill in, and the servers' own is not believed any more.
    place.set_bundle("");
    eventually("the controller makes one", || !place.made().is_empty());
    let made = place.made();
    assert_eq!(place.bundle(), made);
    assert!(!runtime.block_on(place.is_believed(port)));
    // Put there by hand, alone or beside the controller's, it stays, also when the next would be due.
    for theirs in [authority.clone(), format!("{made}{authority}")] {
        place.set_bundle(&theirs);
        let due = "pasee.meltylab.fr/webhook-renew-after=2020-01-01T00:00:00Z";
        place.kubectl(&["annotate", "--overwrite", "secret/pasee-keys", due, "-n", namespace]);
        place.have_it_written();
        assert_eq!(place.bundle(), theirs);
        assert_eq!(place.made(), made);
    }
    // Somebody is to inject it.
    let configuration = place.configuration();
    let injected = "cert-manager.io/inject-ca-from";
    place.kubectl(&["annotate", &configuration, &format!("{injected}={namespace}/webhook")]);
    place.set_bundle("");
    place.have_it_written();
    assert_eq!((place.bundle().as_str(), place.made()), ("", made.clone()));
    place.kubectl(&["annotate", &configuration, &format!("{injected}-")]);
    eventually("it is the controller's again", || !place.bundle().is_empty());
    eventually("and the next was due", || place.made() != made);
    assert!(place.bundle().contains(&place.made()));
    controller.stop();
}

/// An authority's certificate, and the certificate and key of the Service that are from it, in PEM.
fn issued(namespace: &str) -> (String, String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![format!("pasee-webhook.{namespace}.svc")]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    (authority, certificate, key.serialize_pem())
}
