//! What kubectl runs, and the configuration that has it do so.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};

use super::browser::{opened, with_desktop};
use super::issuer::Issuer;
use super::support::pasee::now;
use super::support::person::{Person, Running};

const CREDENTIAL: [&str; 3] = ["kubectl-credential", "--audience", "kubernetes"];
const EXCHANGE: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");

/// What kubectl says when somebody is there, or nobody.
fn info(interactive: bool) -> String {
    json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "spec": { "interactive": interactive },
    })
    .to_string()
}

fn start(person: &Person, interactive: bool) -> Running {
    person.start_in(&CREDENTIAL, "", &[("KUBERNETES_EXEC_INFO", &info(interactive))])
}

async fn logged_in(issuer: &Issuer) -> Person {
    let ada = with_desktop(&issuer.url);
    let running = ada.start(&["login"], "");
    issuer.browse(&page(&ada, 0).await).await;
    running.wait().done();
    ada
}

/// A page that was opened, once it was.
async fn page(person: &Person, number: usize) -> String {
    loop {
        if let Some(page) = opened(person).get(number) {
            return page.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

fn token(told: &str) -> String {
    let told: Value = serde_json::from_str(told).unwrap();
    assert_eq!(told["kind"], "ExecCredential");
    assert_eq!(told["apiVersion"], "client.authentication.k8s.io/v1");
    let end: jiff::Timestamp =
        told["status"]["expirationTimestamp"].as_str().unwrap().parse().unwrap();
    assert!((1..=300).contains(&(end.as_second() - now())), "{told}");
    told["status"]["token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_that_audience_alone() {
    let issuer = Issuer::start().await;
    let ada = logged_in(&issuer).await;
    assert_eq!(token(&start(&ada, false).wait().done()), "for-kubernetes-2");
    assert_eq!(token(&start(&ada, false).wait().done()), "for-kubernetes-2", "it is good");
    assert_eq!(ada.run(&["token", "--audience", "kubernetes"]).done(), "for-kubernetes-2\n");
    assert_eq!(ada.run(&["token", "--audience", "other"]).done(), "for-other-3\n");
    assert_eq!(ada.run(&["token"]).done(), "access-1\n");
    let told = ada.run(&["token", "--audience", "nowhere"]).refused(1);
    assert!(
        told.contains("no token for \"nowhere\" alone") && told.contains("invalid_target"),
        "{told}"
    );
    assert_eq!(issuer.asked("/token", ("grant_type", "refresh_token")).len(), 0);
}

/// Twenty kubectl with tokens that are over: one refresh, one exchange, no browser.
#[tokio::test(flavor = "multi_thread")]
async fn one_refresh_for_all_kubectl() {
    let issuer = Issuer::start().await;
    let ada = logged_in(&issuer).await;
    start(&ada, false).wait().done();
    ada.age();
    let running: Vec<Running> = (0..20).map(|_| start(&ada, true)).collect();
    let tokens: Vec<String> = running.into_iter().map(|one| token(&one.wait().done())).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    assert_eq!(issuer.asked("/token", ("grant_type", "refresh_token")).len(), 1);
    assert_eq!(issuer.asked("/token", EXCHANGE).len(), 2);
    assert_eq!(opened(&ada).len(), 1);
}

/// Twenty kubectl after the session is over: one browser, for all of them.
#[tokio::test(flavor = "multi_thread")]
async fn one_login_for_all_kubectl() {
    let issuer = Issuer::start().await;
    let ada = logged_in(&issuer).await;
    issuer.ends_sessions(true);
    ada.age();
    // Where nobody is there none is opened, and nothing is waited for.
    let told = start(&ada, false).wait().refused(4);
    assert!(told.contains("is over") && told.contains("log in with: pasee login"), "{told}");
    start(&ada, false).wait().refused(4);
    assert_eq!(issuer.asked("/token", ("grant_type", "refresh_token")).len(), 1, "asked once");

    issuer.ends_sessions(false);
    let running: Vec<Running> = (0..20).map(|_| start(&ada, true)).collect();
    issuer.browse(&page(&ada, 1).await).await;
    let tokens: Vec<String> = running.into_iter().map(|one| token(&one.wait().done())).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    assert_eq!(opened(&ada).len(), 2);
}

/// A login that came to nothing is not begun again by each that waited for it.
#[tokio::test(flavor = "multi_thread")]
async fn no_storm_of_pages() {
    let issuer = Issuer::start().await;
    let url = issuer.url.clone();
    issuer.spoil(move |place, body| {
        if place != "/authorize" {
            return Ok(body);
        }
        Ok(json!({ "error": "access_denied", "state": body["state"], "iss": url }))
    });
    let ada = with_desktop(&issuer.url);
    let running: Vec<Running> = (0..20).map(|_| start(&ada, true)).collect();
    issuer.browse(&page(&ada, 0).await).await;
    // On a machine that is so busy that it takes them more than ten seconds another page would be right; none of these is
    // waited for but by the lock, which is free now.
    let refused: Vec<String> = running.into_iter().map(|one| one.wait().refused(1)).collect();
    assert!(refused.iter().all(|told| told.contains("access_denied")), "{refused:?}");
    let not_tried = refused.iter().filter(|told| told.contains("not tried again")).count();
    assert_eq!((not_tried, opened(&ada).len()), (19, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_must_not_say() {
    let issuer = Issuer::start().await;
    let ada = Person::of(&issuer.url);
    for info in [
        "",
        "{}",
        "geheim",
        "{\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"spec\":{}}",
    ] {
        let told =
            ada.start_in(&CREDENTIAL, "", &[("KUBERNETES_EXEC_INFO", info)]).wait().refused(1);
        assert!(
            told.contains("kubectl says there")
                || told.contains("apiVersion: client.authentication.k8s.io/v1"),
            "{told}"
        );
    }
    ada.run(&["kubectl-credential"]).refused(2);
}

const SERVER: &str = "https://k8s.example.com:6443";

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_keeps_what_is_there() {
    let ada = Person::of("https://pasee.example.com");
    let write = ["kubeconfig", "--server", SERVER, "--audience", "kubernetes"];
    let alone: Value =
        serde_saphyr::from_str(&ada.run(&[&write[..], &["--stdout"]].concat()).done()).unwrap();
    assert_eq!(alone["users"].as_array().unwrap().len(), 1);
    assert!(!ada.home().join(".kube").exists());

    ada.run(&write).done();
    let file = ada.home().join(".kube/config");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let made: Value = serde_saphyr::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(made, alone);
    let before = "{clusters: [{name: c, cluster: {server: 'https://c'}}], users: [{name: u, user: {token: geheim}}], contexts: []}";
    fs::write(&file, before).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let elsewhere = ada.home().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    ada.run(&write).done();
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    assert_eq!(fs::metadata(&elsewhere).unwrap().permissions().mode() & 0o777, 0o640);
    let merged: Value = serde_saphyr::from_str(&fs::read_to_string(&elsewhere).unwrap()).unwrap();
    assert_eq!(merged["users"][0], json!({ "name": "u", "user": { "token": "geheim" } }));
    assert_eq!(merged["clusters"].as_array().unwrap().len(), 2);

    // What cannot be read, or is being changed, is left as it is.
    fs::write(&elsewhere, "users: geheim").unwrap();
    let told = ada.run(&write).refused(1);
    assert!(told.contains("is left as it is") && !told.contains("geheim"), "{told}");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "users: geheim");
    fs::write(ada.home().join("elsewhere.lock"), "").unwrap();
    assert!(ada.run(&write).refused(1).contains("another program is changing"));
    fs::remove_file(ada.home().join("elsewhere.lock")).unwrap();
    let other = ada.home().join("other");
    ada.run(&[&write[..], &["--kubeconfig", other.to_str().unwrap()]].concat()).done();
    assert!(other.exists());
    let left: Vec<String> = fs::read_dir(ada.home())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("lock") || name.contains("new"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
