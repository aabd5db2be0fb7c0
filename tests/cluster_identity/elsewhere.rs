//! Another cluster, which signs with RSA and knows people by a file of tokens.

use std::fs;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::support::controlplane::{self, ControlPlane};
use super::support::forge::part;
use super::{account, bind, block_on, log_in, reviewer, start, token};

fn pem(label: &str, der: &[u8]) -> String {
    let body: Vec<u8> = STANDARD.encode(der).into_bytes();
    let lines: Vec<&str> = body.chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn another_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key.as_der().unwrap();
    let public: aws_lc_rs::encoding::PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let people = "admin.static.token,kubernetes-admin,1,\"system:masters\"\n\
                  account.static.token,system:serviceaccount:ci:deployer,2,\"system:serviceaccounts,system:serviceaccounts:ci\"\n\
                  poor.static.token,system:serviceaccount:ci:deployer,3\n";
    let options = [
        format!(
            "--service-account-signing-key-file={}",
            file("rsa.key", &pem("PRIVATE KEY", private.as_ref()))
        ),
        format!(
            "--service-account-key-file={}",
            file("rsa.pub", &pem("PUBLIC KEY", public.as_ref()))
        ),
        format!("--token-auth-file={}", file("people.csv", people)),
    ];
    let theirs = ControlPlane::start(&options.map(Into::into));
    let ours = controlplane::shared();
    let made = [&theirs, &ours].map(|cluster| {
        let (namespace, reviewer) = (cluster.namespace(), reviewer(cluster));
        bind(cluster, &reviewer, "system:service-account-issuer-discovery");
        account(cluster, &namespace, "deployer");
        let shown = token(cluster, &namespace, "deployer", &["--audience=pasee.example.com"]);
        (reviewer, shown)
    });
    let [(their_reviewer, their_token), (our_reviewer, our_token)] = made;
    assert_eq!(part(&their_token, 0)["alg"], "RS256");
    assert_eq!(part(&our_token, 0)["alg"], "ES256");
    assert_eq!(part(&their_token, 1)["iss"], part(&our_token, 1)["iss"], "only the keys differ");
    block_on(async {
        for more in ["", "offline = true"] {
            let at_theirs = start(&their_reviewer.kubeconfig, more).await;
            let at_ours = start(&our_reviewer.kubeconfig, more).await;
            log_in(&at_theirs, &their_token).await.is(201);
            log_in(&at_ours, &our_token).await.is(201);
            log_in(&at_theirs, &our_token).await.is(403);
            log_in(&at_ours, &their_token).await.is(403);
            // People of the cluster are no ServiceAccounts, whatever they are called.
            for person in ["admin.static.token", "account.static.token", "poor.static.token"] {
                log_in(&at_theirs, person).await.is(403);
            }
        }
    });
}
