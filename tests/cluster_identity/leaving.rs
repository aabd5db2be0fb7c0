//! A ServiceAccount is deleted while its session goes on.

use std::time::{Duration, Instant};

use super::support::controlplane;
use super::support::pasee::Setup;
use super::{account, bind, block_on, documented_role, log_in, provider, reviewer, token};

const FOR_US: &str = "--audience=pasee.example.com";

/// Its session ends soon after the next refresh, once Pasee may ask; one that is there goes on.
#[test]
fn an_account_that_is_deleted() {
    let cluster = controlplane::shared();
    let (namespace, reviewer) = (cluster.namespace(), reviewer(&cluster));
    for name in ["deployer", "tester"] {
        account(&cluster, &namespace, name);
    }
    let shown = |name| token(&cluster, &namespace, name, &[FOR_US]);
    let (deployer, tester) = (shown("deployer"), shown("tester"));
    let provider = provider(Some(&reviewer.kubeconfig), "");
    let provider = provider.replacen("protocol =", "recheck = \"15m\"\nprotocol =", 1);
    let delete = || {
        cluster.admin.kubectl(["delete", "serviceaccount", "deployer", "-n", &namespace]).ok();
    };
    block_on(async {
        let start = async || Setup::default().tables(&provider).start().await;
        // Without the permission nothing is known, and nothing ends.
        let pasee = start().await;
        let pair = log_in(&pasee, &deployer).await.pair();
        pasee.refresh(&pair.refresh).await.is(201);
        let told = Instant::now();
        while !pasee.log().contains("needs the verb get on serviceaccounts") {
            assert!(told.elapsed() < Duration::from_secs(60), "{}", pasee.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pasee.refresh(&pair.refresh).await.is(201);
        cluster
            .admin
            .kubectl_with(["apply", "-f", "-"], documented_role("pasee-account-reader"))
            .ok();
        bind(&cluster, &reviewer, "pasee-account-reader");
        let pasee = start().await;
        let gone = log_in(&pasee, &deployer).await.pair();
        let there = log_in(&pasee, &tester).await.pair();
        delete();
        for pair in [&gone, &there] {
            pasee.refresh(&pair.refresh).await.is(201);
        }
        let deleted = Instant::now();
        while pasee.refresh(&gone.refresh).await.status != 401 {
            assert!(deleted.elapsed() < Duration::from_secs(60), "{}", pasee.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pasee.refresh(&there.refresh).await.is(201);
        pasee.ask("GET", "/users/me").bearer(&gone.access).send().await.is(401);
    });
}
