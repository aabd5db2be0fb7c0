//! An API server that does not let us ask, or does not answer.

use std::time::{Duration, Instant};

use super::support::controlplane;
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

        let locals = async || {
            let mut times = Vec::new();
            for _ in 0..100 {
                let since = Instant::now();
                online.log_in("ada").await;
                times.push(since.elapsed());
            }
            times.sort();
            times[98]
        };
        locals().await;
        let alone = locals().await;
        cluster.apiserver.pause();
        let since = Instant::now();
        let hung = async { log_in(&online, &shown).await.is(503) };
        let waiting = async {
            let mut waiting = tokio::task::JoinSet::new();
            for _ in 0..20 {
                let ask = online.ask("POST", "/tokens/?idp=k8s");
                let body = serde_json::json!({ "token": shown });
                waiting.spawn(async move { ask.json(&body).await.status.as_u16() });
            }
            waiting.join_all().await
        };
        let (hung, all, beside) = tokio::join!(hung, waiting, locals());
        assert_eq!(hung.header("retry-after"), "5");
        assert!(all.iter().all(|status| *status == 503), "{all:?}");
        assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
        println!("p99 of local logins {alone:?}, beside an API server that hangs {beside:?}");
        assert!(beside < alone.mul_f64(1.2) + Duration::from_millis(20), "{alone:?} to {beside:?}");
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
