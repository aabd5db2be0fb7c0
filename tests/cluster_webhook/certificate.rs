//! The certificate that the controller makes, servers serve with, and the API server is told to believe; and the path.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::support::controller::Controller;
use super::support::controlplane;
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
