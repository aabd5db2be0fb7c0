//! An API server behind a proxy, found as kubectl finds it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::support::controlplane::{self, ControlPlane, User};
use super::support::pasee::{Pasee, Setup};
use super::support::proxy::{Manner, Proxy};
use super::{account, block_on, log_in, provider, reviewer, token};

const SECRET: &str = "ada:s3cret-of-pr0xy";

/// A user's kubeconfig with another `cluster`, in a file of its own.
fn kubeconfig(user: &User, dir: &Path, name: &str, change: &Value) -> PathBuf {
    let mut file: Value =
        serde_json::from_str(&fs::read_to_string(&user.kubeconfig).unwrap()).unwrap();
    let cluster = file["clusters"][0]["cluster"].as_object_mut().unwrap();
    cluster.extend(change.as_object().unwrap().clone());
    let path = dir.join(name);
    fs::write(&path, file.to_string()).unwrap();
    path
}

async fn started(kubeconfig: &Path, given: &[(&str, &str)]) -> Pasee {
    let mut setup = Setup::default().tables(&provider(Some(kubeconfig), ""));
    for (name, value) in given {
        setup = setup.variable(name, value);
    }
    setup.start().await
}

/// Whether kubectl with this kubeconfig and environment reaches the API server.
async fn kubectl(user: &User, kubeconfig: &Path, given: &[(&str, &str)]) -> bool {
    let mut user = user.clone();
    user.kubeconfig = kubeconfig.to_owned();
    let given: Vec<(String, String)> =
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let told = tokio::task::spawn_blocking(move || {
        let arguments = ["version", "--request-timeout=5s", "-o", "json"];
        user.kubectl_in(arguments, &given)
    });
    told.await.unwrap().stdout.contains("serverVersion")
}

fn stage() -> (controlplane::Shared, User, String) {
    let cluster = controlplane::shared();
    let (namespace, reviewer) = (cluster.namespace(), reviewer(&cluster));
    account(&cluster, &namespace, "deployer");
    let shown = token(&cluster, &namespace, "deployer", &["--audience=pasee.example.com"]);
    (cluster, reviewer, shown)
}

fn address(cluster: &ControlPlane) -> std::net::SocketAddr {
    cluster.url.strip_prefix("https://").unwrap().parse().unwrap()
}

/// Each row asks kubectl, too: it goes through the proxy or not, and so do we.
#[test]
fn as_kubectl_goes() {
    let (cluster, reviewer, shown) = stage();
    let dir = tempfile::tempdir().unwrap();
    let address = address(&cluster);
    block_on(async {
        let proxy = Proxy::start().await;
        proxy.knows("apiserver.test", address);
        proxy.asks_for(SECRET);
        let url = proxy.url_with(SECRET);
        // A name that nobody knows but the proxy, and that stands in no certificate.
        let named = json!({
            "server": format!("https://apiserver.test:{}", address.port()), "tls-server-name": "localhost",
        });
        let mut with_proxy = named.clone();
        with_proxy["proxy-url"] = json!(url);
        let here = json!({});
        let here_with_proxy = json!({ "proxy-url": url });
        let dead = "http://127.0.0.1:1";
        let by = |list: &'static str| vec![("HTTPS_PROXY", url.as_str()), ("NO_PROXY", list)];
        for (number, (cluster, given, proxied, reached)) in [
            (&with_proxy, vec![("HTTPS_PROXY", dead), ("NO_PROXY", "*")], true, true),
            (&here_with_proxy, vec![], true, true),
            (&named, vec![("HTTPS_PROXY", url.as_str())], true, true),
            (&named, vec![("https_proxy", url.as_str())], true, true),
            (&named, by("elsewhere.test,10.0.0.0/8,"), true, true),
            // Odd entries stop nothing.
            (&named, by(",,;;://[,"), true, true),
            (&named, by("apiserver.test"), false, false),
            (&named, by("a.test, .test"), false, false),
            (&named, by("*"), false, false),
            (&here, vec![("HTTPS_PROXY", dead)], false, true),
            (&here, vec![("HTTPS_PROXY", dead), ("NO_PROXY", "b")], false, true),
        ]
        .into_iter()
        .enumerate()
        {
            let said = format!("{cluster} {given:?}");
            let file = kubeconfig(&reviewer, dir.path(), &format!("config-{number}"), cluster);
            let before = proxy.asked().len();
            assert_eq!(kubectl(&reviewer, &file, &given).await, reached, "kubectl: {said}");
            assert_eq!(proxy.asked().len() > before, proxied, "kubectl: {said}");
            let before = proxy.asked().len();
            let pasee = started(&file, &given).await;
            let status = log_in(&pasee, &shown).await.status.as_u16();
            assert_eq!(status, if reached { 201 } else { 503 }, "{said}: {}", pasee.log());
            let asked = proxy.asked().split_off(before);
            assert_eq!(!asked.is_empty(), proxied, "{said}: {asked:?}");
            assert!(asked.iter().all(|asked| asked.starts_with("CONNECT ")), "{asked:?}");
            let log = pasee.log();
            let tells = log.contains("the Kubernetes API server is reached through a proxy");
            assert_eq!(tells, proxied, "{said}: {log}");
            assert!(!log.contains("s3cret"), "{log}");
        }
    });
}

/// A proxy that is at fault is named.
#[test]
fn a_proxy_that_does_not_lead_there() {
    let (cluster, reviewer, shown) = stage();
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let proxy = Proxy::start().await;
        proxy.knows("apiserver.test", address(&cluster));
        proxy.asks_for(SECRET);
        for (number, (url, manner, says)) in [
            (proxy.url_with("ada:wr0ng"), Manner::Leads, "asks for another user and password"),
            (
                proxy.url_with(SECRET),
                Manner::Answers("403 Forbidden"),
                "does not lead to the API server",
            ),
            (
                proxy.url_with(SECRET),
                Manner::Answers("502 Bad Gateway"),
                "does not lead to the API server",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            proxy.behaves(manner);
            let change = json!({ "proxy-url": url });
            let file = kubeconfig(&reviewer, dir.path(), &format!("faulty-{number}"), &change);
            let pasee = started(&file, &[]).await;
            log_in(&pasee, &shown).await.is(503);
            let log = pasee.log();
            let named = format!("the proxy {} {says}", proxy.url());
            assert!(log.contains(&named), "{named}: {log}");
            assert!(!log.contains("s3cret") && !log.contains("wr0ng"), "{log}");
        }
        let change = json!({ "proxy-url": "ftp://ada:s3cret@proxy.test" });
        let file = kubeconfig(&reviewer, dir.path(), "none", &change);
        let setup = super::support::machine::Machine::new(&format!(
            "[jwt]\niss = \"pasee.example.com\"\n{}",
            provider(Some(&file), "")
        ));
        let told = setup.run(&["serve"]);
        assert!(told.err.contains("proxy-url is no proxy; a right one is"), "{}", told.err);
        assert!(!told.err.contains("s3cret"), "{}", told.err);
    });
}
