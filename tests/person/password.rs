//! Logins by a password, what comes of them, and their end.

use std::fs;

use serde_json::json;

use super::support::forge::part;
use super::support::pasee::{Pasee, Setup, free_port};
use super::support::person::Person;

async fn pasee() -> Pasee {
    Setup::default().members("articles", ["local-ada"]).start().await
}

fn token(person: &Person) -> String {
    person.run(&["token"]).done().trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_gives_tokens_until_it_ends() {
    let pasee = pasee().await;
    let ada = Person::of(&pasee.url);
    let told = ada.run(&["token"]).refused(4);
    assert!(told.contains(&format!("log in with: pasee login --issuer {}", pasee.url)), "{told}");
    let did = ada.run_with(&["login", "--idp", "local", "--username", "ada"], "pw-ada\n");
    assert!(did.err.contains("as local-ada"), "{did:?}");
    let first = token(&ada);
    assert_eq!(part(&first, 1)["sub"], "local-ada");
    assert_eq!(token(&ada), first, "it is good: nobody is asked for another");
    ada.age();
    let second = token(&ada);
    assert_ne!(first, second);
    assert_eq!(part(&second, 1)["sid"], part(&first, 1)["sid"], "of the same session");

    let refresh = fs::read_to_string(ada.only_kept()).unwrap();
    ada.run(&["logout"]).done();
    assert!(ada.kept().is_empty());
    ada.run(&["token"]).refused(4);
    let kept: serde_json::Value = serde_json::from_str(&refresh).unwrap();
    let refresh = kept["session"]["refresh"].as_str().unwrap();
    pasee.refresh(refresh).await.is(401);
    // Being logged out is no mistake.
    ada.run(&["logout"]).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_stay_where_they_are_typed() {
    let pasee = pasee().await;
    let ada = Person::of(&pasee.url);
    let login = ["login", "--idp", "local", "--username", "ada"];
    for (input, says) in [
        ("", "the password is empty"),
        ("\n", "the password is empty"),
        ("wrong-and-secret\n", "says:"),
        (&"x".repeat(1025), "too long"),
    ] {
        let did = ada.run_with(&login, input);
        let told = did.clone().refused(1);
        assert!(told.contains(says) && !told.contains("wrong-and-secret"), "{told}");
        assert!(ada.kept().is_empty(), "{did:?}");
    }
    for (arguments, says) in [
        (&["login", "--idp", "local"][..], "--username"),
        (&["login", "--username", "ada"], "--idp"),
        (&["login", "--device", "--idp", "local", "--username", "ada"], "--device"),
        (&["login", "--idp", "local", "--username", "ada", "--password", "geheim"], "--password"),
    ] {
        let told = ada.run(arguments).refused(2);
        assert!(told.contains(says), "{told}");
    }
    let nowhere = ["login", "--idp", "elsewhere", "--username", "ada"];
    assert!(ada.run_with(&nowhere, "pw-ada").refused(1).contains("no such identity provider"));
    ada.log_in("ada");
    assert!(!fs::read_to_string(ada.only_kept()).unwrap().contains("pw-ada"));
}

/// Twenty at once, with a token that is over: one gets new ones, for all.
#[tokio::test(flavor = "multi_thread")]
async fn one_refresh_for_all() {
    let pasee = pasee().await;
    let ada = Person::of(&pasee.url);
    ada.log_in("ada");
    for _ in 0..3 {
        ada.age();
        let running: Vec<_> = (0..20).map(|_| ada.start(&["token"], "")).collect();
        let tokens: Vec<String> = running.into_iter().map(|one| one.wait().done()).collect();
        assert!(tokens.iter().all(|token| *token == tokens[0]), "more than one was given");
    }
}

/// A session that was ended elsewhere is over here too, and asked for once.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_over() {
    let pasee = pasee().await;
    let ada = Person::of(&pasee.url);
    ada.log_in("ada");
    let access = token(&ada);
    pasee
        .ask("PATCH", "/users/local-ada")
        .bearer(&access)
        .json(&json!({ "not_before": "now" }))
        .await
        .is(204);
    let told = ada.run(&["groups"]).refused(4);
    assert!(told.contains("log in with: pasee login"), "{told}");
    ada.age();
    for says in ["is over", "nobody is logged in"] {
        let told = ada.run(&["token"]).refused(4);
        assert!(told.contains(says) && told.contains("log in with: pasee login"), "{told}");
    }
    ada.log_in("ada");
    token(&ada);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pasee_that_is_away() {
    let mut pasee = pasee().await;
    let ada = Person::of(&pasee.url);
    ada.log_in("ada");
    pasee.signal("-TERM");
    pasee.ended().await;
    token(&ada);
    for command in ["groups", "whoami"] {
        let told = ada.run(&[command]).refused(1);
        assert!(told.contains("cannot be reached"), "{told}");
    }
    ada.age();
    assert!(ada.run(&["token"]).refused(1).contains("cannot be reached"));
    let told = ada.run(&["logout"]).refused(1);
    assert!(told.contains("the tokens are kept") && told.contains("--forget"), "{told}");
    assert_eq!(ada.kept().len(), 1);
    ada.run(&["logout", "--forget"]).done();
    assert!(ada.kept().is_empty());
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let told = ada.run_with(
        &["login", "--issuer", &nobody, "--idp", "local", "--username", "ada"],
        "pw-ada\n",
    );
    assert!(told.refused(1).contains("cannot be reached"));
}

#[tokio::test(flavor = "multi_thread")]
async fn which_pasee() {
    let (one, other) = (pasee().await, pasee().await);
    let ada = Person::new();
    let told = ada.run(&["groups"]).refused(1);
    assert!(told.contains("--issuer") && told.contains("PASEE_ISSUER"), "{told}");
    let log_in = |pasee: &Pasee| {
        let arguments = ["login", "--issuer", &pasee.url, "--idp", "local", "--username", "ada"];
        ada.run_with(&arguments, "pw-ada\n").done();
    };
    log_in(&one);
    ada.run(&["groups"]).done();
    log_in(&other);
    let told = ada.run(&["groups"]).refused(1);
    assert!(told.contains(&one.url) && told.contains(&other.url), "{told}");
    ada.run(&["groups", "--issuer", &other.url]).done();
    ada.run(&["logout", "--issuer", &one.url]).done();
    ada.run(&["groups"]).done();
}

/// While somebody logs in, others wait for that, and do not log in once more.
#[tokio::test(flavor = "multi_thread")]
async fn parallel_logins_log_in_once() {
    let admin = free_port();
    let table = format!("[admin]\nlisten = \"127.0.0.1:{admin}\"\n");
    let pasee = Setup::default().tables(&table).start().await;
    let logins = async || {
        let metrics = pasee.client.get(format!("http://127.0.0.1:{admin}/metrics")).send().await;
        let metrics = metrics.unwrap().text().await.unwrap();
        let counts = metrics.lines().filter(|line| line.starts_with("pasee_logins_total{"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>()
    };
    let ada = Person::of(&pasee.url);
    ada.log_in("ada");
    ada.run(&["logout"]).done();
    let lock = fs::read_dir(ada.state()).unwrap().map(|entry| entry.unwrap().path());
    let lock = lock.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "lock"));
    let lock = fs::File::options().write(true).open(lock.unwrap()).unwrap();
    lock.lock().unwrap();
    let before = logins().await;
    let login = ["login", "--idp", "local", "--username", "ada"];
    let running: Vec<_> = (0..8).map(|_| ada.start(&login, "pw-ada\n")).collect();
    for one in &running {
        one.says(|said| said.contains("another pasee is logging in").then_some(()));
    }
    lock.unlock().unwrap();
    for one in running {
        let did = one.wait();
        assert!(did.err.contains("as local-ada"), "{did:?}");
        did.done();
    }
    assert_eq!(logins().await, before + 1);
    // One after the other is meant so.
    ada.log_in("ada");
    assert_eq!(logins().await, before + 2);
}
