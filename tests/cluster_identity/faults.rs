//! An API server that does not let us ask, or does not answer.

use std::time::{Duration, Instant};

use super::support::controlplane;
use super::support::patience::Typical;
use super::{account, bind, block_on, log_in, reviewer, start, token};

const FOR_US: &[&str] = &["--audience=pasee.example.com"];

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
            assert!(answer.title().contains("invalid"), "{}", answer.title());
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
        let offline = start(&reviewer.kubeconfig, "offline = true").await;
        let unasked = start(&reviewer.kubeconfig, "offline = true").await;
        let pair = log_in(&online, &shown).await.pair();
        log_in(&offline, &shown).await.is(201);

        let local = async || {
            let since = Instant::now();
            online.log_in("ada").await;
            since.elapsed()
        };
        let alone = Typical::of(100, local).await;
        cluster.apiserver.pause();
        let hung = async {
            let since = Instant::now();
            (log_in(&online, &shown).await.is(503), since.elapsed())
        };
        let waiting = async {
            let mut waiting = tokio::task::JoinSet::new();
            for _ in 0..20 {
                let ask = online.ask("POST", "/tokens/?idp=k8s");
                let body = serde_json::json!({ "token": shown });
                waiting.spawn(async move { ask.json(&body).await.status.as_u16() });
            }
            waiting.join_all().await
        };
        let ((hung, took), all, beside) = tokio::join!(hung, waiting, Typical::of(100, local));
        assert_eq!(hung.header("retry-after"), "5");
        assert!(all.iter().all(|status| *status == 503), "{all:?}");
        assert!(took < Duration::from_secs(8), "{took:?}");
        alone.is_also(&beside);
        log_in(&offline, &shown).await.is(201);
        log_in(&unasked, &shown).await.is(503);
        cluster.apiserver.resume();

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
