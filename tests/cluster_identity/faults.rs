//! An API server that does not let us ask, or does not answer.

use serde_json::json;
use tokio::task::JoinSet;

use super::support::controlplane;
use super::support::pasee::Setup;
use super::support::patience::done_before;
use super::{account, bind, block_on, log_in, provider, reviewer, start, token};

const FOR_US: &[&str] = &["--audience=pasee.example.com"];
/// How many logins are under way while the API server says nothing.
const HUNG: usize = 20;

#[test]
fn without_permission() {
    let cluster = controlplane::shared();
    let namespace = cluster.namespace();
    account(&cluster, &namespace, "deployer");
    let shown = token(&cluster, &namespace, "deployer", FOR_US);
    let nobody = cluster.user(&format!("nobody-{namespace}"), &[]);
    block_on(async {
        for more in ["", "offline = true"] {
            let pasee = start(&nobody.kubeconfig, more).await;
            let answer = log_in(&pasee, &shown).await.is(502);
            assert!(answer.title().contains("not set up for each other"), "{}", answer.title());
            let log = pasee.log();
            assert!(
                log.contains("needs the verb create on tokenreviews.authentication.k8s.io"),
                "{log}"
            );
            assert!(log.contains("system:service-account-issuer-discovery"), "{log}");
            pasee.log_in("ada").await;
        }
    });
}

#[test]
fn while_the_api_server_is_away() {
    let mut cluster = controlplane::alone();
    let (namespace, reviewer) = (cluster.namespace(), reviewer(&cluster));
    bind(&cluster, &reviewer, "system:service-account-issuer-discovery");
    account(&cluster, &namespace, "deployer");
    let shown = token(&cluster, &namespace, "deployer", FOR_US);
    block_on(async {
        let online = start(&reviewer.kubeconfig, "").await;
        let waits = provider(Some(&reviewer.kubeconfig), "").replace("timeout = 3", "timeout = 60");
        let waits = Setup::default().tables(&waits).start().await;
        let offline = start(&reviewer.kubeconfig, "offline = true").await;
        let unasked = start(&reviewer.kubeconfig, "offline = true").await;
        let pair = log_in(&online, &shown).await.pair();
        log_in(&offline, &shown).await.is(201);
        log_in(&waits, &shown).await.is(201);

        cluster.apiserver.pause();
        let mut hung = JoinSet::new();
        for _ in 0..HUNG {
            let ask = waits.ask("POST", "/tokens/?idp=k8s");
            let body = json!({ "token": shown });
            hung.spawn(async move { ask.json(&body).await.status.as_u16() });
        }
        done_before(&mut hung, 100, async || drop(waits.log_in("ada").await)).await;
        // Who is given less time is told so meanwhile; who asks nobody is let in.
        let told = async || {
            assert_eq!(log_in(&online, &shown).await.is(503).header("retry-after"), "5");
            log_in(&offline, &shown).await.is(201);
        };
        done_before(&mut hung, 1, told).await;
        log_in(&unasked, &shown).await.is(503);
        cluster.apiserver.resume();
        // What an API server says that finds requests of long ago is its own affair: some it gives up by itself.
        let ends = hung.join_all().await;
        assert!(ends.iter().all(|status| [201, 503].contains(status)), "{ends:?}");

        cluster.apiserver.kill();
        log_in(&online, &shown).await.is(503);
        log_in(&offline, &shown).await.is(201);
        log_in(&unasked, &shown).await.is(503);
        online.refresh(&pair.refresh).await.is(201);
        online.log_in("ada").await;

        cluster.apiserver.start();
        cluster.wait_until_ready();
        log_in(&online, &shown).await.is(201);
        log_in(&unasked, &shown).await.is(201);
    });
}
