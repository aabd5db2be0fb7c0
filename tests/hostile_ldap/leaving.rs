//! Somebody leaves while their session goes on: the directory is asked when it refreshes, and the refresh waits for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::ldap::wire::Question;
use crate::support::ldap::{ACCOUNT, ADA, ADA_UUID, Directory, Entry, Greeting, PEOPLE, entries};
use crate::support::pasee::{Pair, Pasee, Setup};
use crate::support::raw_server::Step;

/// What becomes of searches from now on.
const BEHAVES: u8 = 0;
const SHOWS_NOBODY: u8 = 1;
const HANGS: u8 = 2;
const IS_AWAY: u8 = 3;

/// A directory with two faces, and a Pasee that asks it about who refreshes.
async fn corp(more: &str) -> (Pasee, Directory, Arc<AtomicU8>) {
    let mood = Arc::new(AtomicU8::new(BEHAVES));
    let (seen, mut all) = (Arc::clone(&mood), entries());
    all.push(Entry::new(PEOPLE, None, &[("objectClass", "organizationalUnit")]));
    let spoil = move |question: &Question| {
        let Question::Search { id, subtree, .. } = question else { return None };
        match (seen.load(Ordering::SeqCst), subtree) {
            (SHOWS_NOBODY, true) => {
                Some(vec![Step::Bytes(crate::support::ldap::wire::done(*id, 0))])
            }
            (HANGS, _) => Some(vec![Step::Hang]),
            (IS_AWAY, _) => Some(vec![Step::Close]),
            _ => None,
        }
    };
    let directory = Directory::with(all, Arc::new(spoil), Greeting::Clear(None)).await;
    let tables = format!(
        "[[identity_providers]]\nname = \"corp\"\nprotocol = \"ldap\"\nendpoint = \"ldap://{}\"\n{more}\n\
         [identity_providers.settings]\nplaintext_passwords = true\nbase = \"{PEOPLE}\"\n\
         filter = \"(uid={{login}})\"\nbind_dn = \"{}\"\nbind_password = \"{}\"\ntimeout = \"60s\"\n",
        directory.address, ACCOUNT.0, ACCOUNT.1
    );
    (Setup::default().tables(&tables).start().await, directory, mood)
}

async fn log_in(pasee: &Pasee) -> Pair {
    let body = json!({"login": "ada", "password": ADA.1});
    pasee.ask("POST", "/tokens/?idp=corp").json(&body).await.pair()
}

/// Waits until it is so.
async fn eventually(what: &str, pasee: &Pasee, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: {}", pasee.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_is_out() {
    let (pasee, directory, mood) = corp("recheck = \"15m\"").await;
    let (one, other) = (log_in(&pasee).await, log_in(&pasee).await);
    let before = directory.asked().len();
    mood.store(SHOWS_NOBODY, Ordering::SeqCst);
    // The refresh that has the directory asked goes on by what is known.
    let kept = pasee.refresh(&one.refresh).await.pair();
    eventually("all sessions end", &pasee, async || {
        let refreshed = pasee.refresh(&other.refresh).await.status;
        pasee.refresh(&kept.refresh).await.status == 401 && refreshed == 401
    })
    .await;
    pasee.ask("GET", "/users/me").bearer(&kept.access).send().await.is(401);
    let searches =
        |asked: &[_]| asked.iter().filter(|it| matches!(it, Question::Search { .. })).count();
    assert_eq!(searches(&directory.asked()[before..]), 2, "one question, and one for the base");
    let log = pasee.log();
    let said =
        log.lines().find(|line| line.contains("all sessions of this user are ended")).unwrap();
    assert!(said.contains(&format!("corp-{ADA_UUID}")) && said.contains("request_id="), "{said}");
    // Whoever is back logs in as before.
    mood.store(BEHAVES, Ordering::SeqCst);
    let back = log_in(&pasee).await;
    pasee.refresh(&back.refresh).await.is(201);
}

/// Neither a directory that is away nor one that hangs ends anything, or keeps a refresh waiting; one question is under way for
/// each user, however often they refresh.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_ends_nothing() {
    for bad in [IS_AWAY, HANGS] {
        let (pasee, directory, mood) = corp("recheck = \"15m\"").await;
        let mut pair = log_in(&pasee).await;
        let before = directory.asked().len();
        mood.store(bad, Ordering::SeqCst);
        for _ in 0..20 {
            pair = pasee.refresh(&pair.refresh).await.pair();
        }
        let searches = || {
            let asked = directory.asked();
            asked[before..].iter().filter(|it| matches!(it, Question::Search { .. })).count()
        };
        eventually("it is asked", &pasee, async || searches() > 0).await;
        if bad == IS_AWAY {
            eventually("it is told", &pasee, async || pasee.log().contains("sessions go on")).await;
        }
        for _ in 0..20 {
            pair = pasee.refresh(&pair.refresh).await.pair();
        }
        // A connection of before that was closed is tried once more.
        assert!(searches() <= 2, "{}", searches());
        assert!(!pasee.log().contains("are ended"), "{}", pasee.log());
    }
}

/// Without `recheck` nobody is asked; a shorter `session_lifetime` ends sessions that run.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_by_itself() {
    let (mut pasee, directory, _mood) = corp("session_lifetime = \"400d\"").await;
    let pair = log_in(&pasee).await;
    let before = directory.asked().len();
    let pair = pasee.refresh(&pair.refresh).await.pair();
    pasee.ask("GET", "/users/me").bearer(&pair.access).send().await.is(200);
    assert_eq!(directory.asked().len(), before, "nobody is asked");
    let shorten = |settings: &str| settings.replace("\"400d\"", "\"10s\"");
    pasee.restart(shorten).await;
    eventually("the session ends", &pasee, async || {
        pasee.refresh(&pair.refresh).await.status == 401
    })
    .await;
    pasee.ask("GET", "/users/me").bearer(&pair.access).send().await.is(401);
}
