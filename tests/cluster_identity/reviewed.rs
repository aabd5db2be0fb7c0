//! Tokens reviewed by the API server.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::controlplane::{self, User};
use super::support::forge::{Forger, part};
use super::support::pasee::{Setup, now};
use super::support::patience::eventually;
use super::support::realm;
use super::support::served::storage;
use super::{
    AUDIENCE, account, block_on, claims, documented, log_in, provider, reviewer, start, token,
};

const FOR_US: &str = "--audience=pasee.example.com";

/// The account that `pasee policy` makes for the token service may ask, and nobody of the realm beside it.
#[test]
fn with_the_printed_role() {
    let cluster = controlplane::shared();
    let namespace = cluster.namespace();
    realm::install(&cluster, &namespace, &["--service-accounts-log-in"]);
    account(&cluster, &namespace, "deployer");
    let shown = token(&cluster, &namespace, "deployer", &[FOR_US]);
    block_on(async {
        for (name, status) in [("pasee-server", 201), ("pasee-controller", 502)] {
            let pasee = start(&cluster.account(&namespace, name).kubeconfig, "").await;
            log_in(&pasee, &shown).await.is(status);
        }
    });
}

/// The state in a file, the tokens of a cluster that a kubeconfig names.
#[test]
fn a_pod_logs_in() {
    let cluster = controlplane::shared();
    let (namespace, reviewer) = (cluster.namespace(), reviewer(&cluster));
    account(&cluster, &namespace, "deployer");
    let pod = documented("Pod");
    cluster.admin.kubectl_with(["apply", "-n", &namespace, "-f", "-"], pod).ok();
    let bound = ["--bound-object-kind=Pod", "--bound-object-name=deployer", FOR_US];
    let bound = token(&cluster, &namespace, "deployer", &bound);
    let several = token(&cluster, &namespace, "deployer", &[FOR_US, "--audience=other"]);
    block_on(async {
        let pasee = start(&reviewer.kubeconfig, "").await;
        let root = pasee.log_in("root").await;
        let user = format!("k8s-{namespace}:deployer");
        pasee
            .ask("POST", "/groups/")
            .bearer(&root.access)
            .json(&json!({ "group": "ci" }))
            .await
            .is(201);
        let adding = pasee.ask("POST", "/groups/ci/").bearer(&root.access);
        adding.json(&json!({ "username": user })).await.is(201);

        let pair = log_in(&pasee, &bound).await.pair();
        let said = claims(&pair.access);
        assert_eq!(said["sub"], user);
        assert_eq!((&said["idp"], &said["groups"]), (&json!("k8s"), &json!(["ci"])));
        assert_eq!(
            (&said["pod"], &said["serviceaccount"]),
            (&json!("deployer"), &json!("deployer"))
        );
        assert_eq!(said["namespace"], namespace);
        let again = pasee.refresh(&pair.refresh).await.pair();
        assert_eq!(claims(&again.access)["groups"], json!(["ci"]));
        assert_eq!(claims(&log_in(&pasee, &several).await.pair().access)["sub"], user);

        let document = pasee.ask("GET", "/tokens/").send().await.json();
        let fields = &document["identify_via_k8s"]["fields"];
        assert_eq!((&fields[0]["name"], &fields[0]["required"]), (&json!("token"), &json!(true)));

        // What is deleted is refused as soon as the API server has forgotten it, which remembers for 10 s what holds, and says
        // the same to everybody who asks for the same audience.
        for (kind, name) in [("pod", "deployer"), ("serviceaccount", "deployer")] {
            let shown = if kind == "pod" { &bound } else { &several };
            log_in(&pasee, shown).await.is(201);
            let delete = ["delete", kind, name, "-n", &namespace, "--now"];
            cluster.admin.kubectl(delete).ok();
            eventually("it is forgotten", || !is_believed(&cluster.admin, shown));
            log_in(&pasee, shown).await.is(403);
        }
    });
}

/// Whether the API server believes a token that is shown to Pasee.
fn is_believed(admin: &User, token: &str) -> bool {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": { "token": token, "audiences": [AUDIENCE] },
    });
    let ask = ["create", "-f", "-", "-o", "jsonpath={.status.authenticated}"];
    admin.kubectl_with(ask, &review.to_string()).ok() == "true"
}

#[test]
fn every_other_token() {
    let cluster = controlplane::shared();
    let (namespace, reviewer) = (cluster.namespace(), reviewer(&cluster));
    account(&cluster, &namespace, "deployer");
    let good = token(&cluster, &namespace, "deployer", &[FOR_US]);
    let default = token(&cluster, &namespace, "deployer", &[]);
    let other = token(&cluster, &namespace, "deployer", &["--audience=pasee.example.com.evil"]);
    let (header, claims) = (part(&good, 0), part(&good, 1));
    let with = |name: &str, value: Value| {
        let mut spoiled = claims.clone();
        spoiled[name] = value;
        Forger::with_key(cluster.account_key()).token(&header, &spoiled)
    };
    let stranger = Forger::new(pasee::jose::key::Algorithm::Es256);
    let mut legacy = json!({
        "iss": "kubernetes/serviceaccount", "sub": format!("system:serviceaccount:{namespace}:deployer"),
        "kubernetes.io/serviceaccount/namespace": namespace,
        "kubernetes.io/serviceaccount/secret.name": "deployer-token",
        "kubernetes.io/serviceaccount/service-account.name": "deployer",
        "kubernetes.io/serviceaccount/service-account.uid": claims["kubernetes.io"]["serviceaccount"]["uid"],
    });
    let forger = Forger::with_key(cluster.account_key());
    let old = forger.token(&header, &legacy);
    legacy["aud"] = json!([AUDIENCE]);
    let old_for_us = forger.token(&header, &legacy);
    let ours = with("iat", claims["iat"].clone());
    let whole: Vec<&str> = good.split('.').collect();
    let cases = [
        ("for the API server", default),
        ("for somebody like us", other),
        ("for nobody", with("aud", json!([]))),
        // An API server forgives a minute.
        ("expired", with("exp", json!(now() - 61))),
        ("not valid yet", with("nbf", json!(now() + 3600))),
        ("of another issuer", with("iss", json!("https://other.example.com"))),
        ("without kubernetes.io", with("kubernetes.io", json!(null))),
        ("by a stranger", stranger.token(&header, &claims)),
        ("unsigned", format!("{}.{}.", whole[0], whole[1])),
        ("legacy", old),
        ("legacy, for us", old_for_us),
        ("no token", "x".to_owned()),
        ("empty", String::new()),
        ("two tokens", format!("{good}.{good}")),
    ];
    block_on(async {
        let online = start(&reviewer.kubeconfig, "").await;
        super::bind(&cluster, &reviewer, "system:service-account-issuer-discovery");
        let offline = start(&reviewer.kubeconfig, "offline = true").await;
        for pasee in [&online, &offline] {
            for shown in [&good, &ours] {
                log_in(pasee, shown).await.is(201);
            }
            for (name, shown) in &cases {
                let answer = log_in(pasee, shown).await;
                assert_eq!(answer.status, 403, "{name}: {}", answer.title());
            }
            let pair = log_in(pasee, &good).await.pair();
            for shown in [&pair.access, &pair.refresh] {
                log_in(pasee, shown).await.is(403);
            }
            pasee.ask("POST", "/tokens/?idp=k8s").json(&json!({ "token": 1 })).await.is(400);
            pasee.ask("POST", "/tokens/?idp=k8s").json(&json!({})).await.is(400);
            let password = json!({ "login": "ci:deployer", "password": "x" });
            pasee.ask("POST", "/tokens/?idp=k8s").json(&password).await.is(400);
            assert!(!pasee.log().contains(whole[2]), "no token is logged");
        }
        // What only the cluster's own key can sign. The API server goes by the claim kubernetes.io alone.
        for sub in ["system:serviceaccount:kube-system:default", "system:node:worker"] {
            let shown = with("sub", json!(sub));
            let said = super::claims(&log_in(&online, &shown).await.pair().access);
            assert_eq!(said["sub"], format!("k8s-{namespace}:deployer"), "{sub}");
            log_in(&offline, &shown).await.is(403);
        }
    });
    println!("{} tokens at a real API server and offline, 0 logins", cases.len() + 2);
}

/// Groups in the same cluster, whose connection is used: a Membership names the ServiceAccount.
#[test]
fn memberships_name_service_accounts() {
    let cluster = controlplane::shared();
    realm::define(&cluster.admin);
    let namespace = cluster.namespace();
    account(&cluster, &namespace, "deployer");
    let group = realm::manifest("Group", "ci", &json!({}));
    let spec = json!({ "group": "ci", "serviceAccounts": [{ "namespace": namespace, "name": "deployer" }] });
    let membership = realm::membership("pods", &spec);
    for manifest in [group, membership] {
        cluster.admin.apply(&namespace, &manifest).ok();
    }
    let shown = token(&cluster, &namespace, "deployer", &[FOR_US]);
    let store = storage(&namespace, &cluster.admin);
    block_on(async {
        let tables = format!("{store}{}", provider(None, ""));
        let pasee = Setup::default().tables(&tables).start().await;
        let since = Instant::now();
        loop {
            let answer = log_in(&pasee, &shown).await;
            if answer.status == 201 && claims(&answer.pair().access)["groups"] == json!(["ci"]) {
                break;
            }
            assert!(since.elapsed() < Duration::from_secs(60), "{}", pasee.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}
