//! A store that reaches its API server through a proxy alone: it reads, writes, and hears what others write.

use std::fs;
use std::time::Duration;

use pasee::domain::change::Change;
use pasee::domain::directory::Page;
use pasee::domain::policy::{Actor, permit};
use pasee::domain::realm::Realm;
use pasee::store::kubernetes::{Kubernetes, Options};
use serde_json::{Value, json};

use crate::stage::{Stage, group, membership, noon};
use crate::support::controlplane;
use crate::support::patience::eventually;
use crate::support::proxy::Proxy;

/// The proxy alone knows the name of the API server, so that nothing can go another way. When all that went through it breaks, and
/// the way is there again, what was written meanwhile is heard.
#[test]
fn watches_go_through_the_proxy() {
    let cluster = controlplane::shared();
    let stage = Stage::without_policy(&cluster);
    stage.apply(&group("a"));
    let runtime = &stage.runtime;
    let proxy = runtime.block_on(Proxy::start());
    let address = cluster.url.strip_prefix("https://").unwrap().parse().unwrap();
    proxy.knows("apiserver.test", address);
    let place = format!("apiserver.test:{}", address.port());

    let mut file: Value =
        serde_json::from_str(&fs::read_to_string(&stage.server.kubeconfig).unwrap()).unwrap();
    let way = json!({
        "server": format!("https://{place}"), "tls-server-name": "localhost", "proxy-url": proxy.url(),
    });
    let named = file["clusters"][0]["cluster"].as_object_mut().unwrap();
    named.extend(way.as_object().unwrap().clone());
    let kubeconfig = stage.server.kubeconfig.with_extension("proxied");
    fs::write(&kubeconfig, file.to_string()).unwrap();
    let namespace = Some(stage.namespace.clone());
    let options = Options { namespace, kubeconfig: Some(kubeconfig), max_staleness: None };
    let store = runtime.block_on(async {
        let store = Kubernetes::open(options, noon).await.unwrap();
        store.wait_until_ready(Duration::from_secs(60)).await.unwrap();
        store
    });

    let members = |roster: &str| {
        let page = Page { after: None, limit: 1000 };
        let members = store.directory().members(&roster.parse().unwrap(), page, noon())?;
        Some(members.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(members("a"), Some(vec![]), "read at the start");
    let created = Change::CreateGroup { group: "b".parse().unwrap(), creator: None };
    runtime.block_on(store.write(permit(&Actor::operator(), created).unwrap())).unwrap();
    stage.eventually("b", Some(&[]));
    stage.apply(&membership("theirs", "a", &["k-ada"]));
    eventually("what others write is heard", || members("a") == Some(vec!["k-ada".to_owned()]));

    proxy.breaks();
    stage.apply(&membership("theirs", "a", &["k-ada", "k-bob"]));
    let both = Some(vec!["k-ada".to_owned(), "k-bob".to_owned()]);
    eventually("what was written meanwhile is heard", || members("a") == both);
    let asked = proxy.asked();
    assert!(asked.iter().all(|asked| *asked == format!("CONNECT {place}")), "{asked:?}");
}
