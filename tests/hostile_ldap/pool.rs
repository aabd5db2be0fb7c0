//! How many connections a directory sees, and what becomes of those that are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pasee::idp::{ProviderError, Providers};
use tokio::task::JoinSet;

use crate::support::forge::Forger;
use crate::support::kisee;
use crate::support::ldap::wire::bound;
use crate::support::ldap::{ACCOUNT, ADA, Directory, PEOPLE, ada, clear, log_in, providers};
use crate::support::patience::{done_before, eventually};
use crate::support::raw_server::{RawServer, Step};

async fn crowd(providers: &Arc<Providers>, number: usize) -> Vec<Result<(), ProviderError>> {
    let mut logins = JoinSet::new();
    for _ in 0..number {
        let providers = Arc::clone(providers);
        logins.spawn(async move { ada(&providers).await.map(drop) });
    }
    logins.join_all().await
}

/// However many log in at once, so many connections as the settings allow logins, and one more for each password.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_connections_than_may_be() {
    let directory = Directory::start().await;
    let providers = Arc::new(clear(&directory, "", &["connections = 4", "timeout = \"60s\""]));
    assert_eq!(crowd(&providers, 200).await, vec![Ok(()); 200]);
    let accounts = directory.asked().iter().filter(|asked| asked.binds(ACCOUNT.0)).count();
    assert!(accounts <= 4, "{accounts} connections to search on for 200 logins");
    let directory =
        Directory::spoiled(|question| question.binds(ADA.0).then(|| vec![Step::Hang])).await;
    let providers = Arc::new(clear(&directory, "", &["connections = 4", "timeout = \"60s\""]));
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        let providers = Arc::clone(&providers);
        waiting.spawn(async move { ada(&providers).await.map(drop) });
    }
    eventually("four search and four show a password", || directory.open() >= 8);
    // Whoever else could come would be here by the time that another directory has let a hundred in.
    let other = Directory::start().await;
    let others = clear(&other, "", &["timeout = \"60s\""]);
    done_before(&mut waiting, 100, async || assert!(ada(&others).await.is_ok())).await;
    assert_eq!(directory.most(), 8);
}

/// One that hangs holds no more than its share, and others do not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_does_not_slow_another() {
    const TURNS: usize = 256;
    let hanging =
        Directory::spoiled(|question| question.searches(PEOPLE).then(|| vec![Step::Hang])).await;
    let slow = Arc::new(clear(&hanging, "", &["connections = 16", "timeout = \"60s\""]));
    let forger = Forger::new(pasee::jose::key::Algorithm::Es256k);
    let server = RawServer::start(kisee::good(&forger)).await;
    let quick = kisee::at(server.address, &forger, Duration::from_secs(60));
    let mut waiting = JoinSet::new();
    for _ in 0..TURNS + 100 {
        let slow = Arc::clone(&slow);
        waiting.spawn(async move { ada(&slow).await.map(drop) });
    }
    for _ in 0..100 {
        let told = waiting.join_next().await.unwrap().unwrap();
        assert_eq!(told, Err(ProviderError::Busy), "at once, before anybody is done");
    }
    eventually("sixteen of them ask", || hanging.open() >= 16);
    done_before(&mut waiting, 100, async || {
        kisee::log_in(quick.get("kisee").unwrap()).await.unwrap();
    })
    .await;
    assert_eq!(hanging.most(), 16);
    drop(hanging);
    let told = waiting.join_all().await;
    assert_eq!(told, vec![Err(ProviderError::Unreachable); TURNS]);
}

/// A directory may close what it offered to keep, before or after it is asked: that is nobody's error.
#[tokio::test(flavor = "multi_thread")]
async fn kept_connections_that_are_not_kept() {
    for when in ["at once", "when it is asked again"] {
        let count = AtomicUsize::new(0);
        let directory = Directory::spoiled(move |question| {
            if !question.searches(PEOPLE) {
                return None;
            }
            // The first search on a connection has the number 2: the account's login is the first.
            match (when, question.id()) {
                ("at once", 2) => None,
                (_, 2) => None,
                _ => {
                    count.fetch_add(1, Ordering::SeqCst);
                    Some(vec![Step::Close])
                }
            }
        })
        .await;
        let providers = clear(&directory, "", &["timeout = \"20s\""]);
        for round in 0..20 {
            assert!(ada(&providers).await.is_ok(), "{when}, round {round}");
        }
    }
}

/// What nobody asked for, on a connection that is kept, is not taken for an answer to the next question.
#[tokio::test(flavor = "multi_thread")]
async fn answers_ahead_of_their_question() {
    let directory = Directory::spoiled(|question| {
        let id = question.id();
        if !question.binds(ACCOUNT.0) {
            return None;
        }
        // An entry for whatever is asked next, a little later.
        let entry = crate::support::ldap::wire::entry(
            id + 1,
            "uid=eve,ou=people,dc=example,dc=com",
            &[("entryUUID".into(), vec![b"forged".to_vec()])],
        );
        let end = crate::support::ldap::wire::done(id + 1, 0);
        Some(vec![Step::Bytes([bound(id, 0, ""), entry, end].concat())])
    })
    .await;
    let result =
        log_in(clear(&directory, "", &[]).get("corp").unwrap(), "ada", "eve-Passw0rd").await;
    assert!(matches!(result, Err(ProviderError::InvalidResponse(_))), "{result:?}");
}

/// Our own password, when it is wrong, is shown once for many logins: each time may count towards locking the account.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_of_our_own_is_shown_once() {
    let directory = Directory::start().await;
    let providers = Arc::new(clear(&directory, "", &["bind_password = \"wrong\""]));
    let wrong = ProviderError::Misconfigured("it does not take our bind_dn and bind_password");
    assert_eq!(ada(&providers).await.unwrap_err(), wrong);
    assert_eq!(crowd(&providers, 50).await, vec![Err(wrong); 50]);
    assert_eq!(directory.asked().len(), 1);
}

/// The same when all come at once, before it is known that it is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_of_our_own_is_shown_by_one_of_many() {
    let directory = Directory::start().await;
    let providers = Arc::new(clear(
        &directory,
        "",
        &["bind_password = \"wrong\"", "connections = 64", "timeout = \"60s\""],
    ));
    let wrong = ProviderError::Misconfigured("it does not take our bind_dn and bind_password");
    assert_eq!(crowd(&providers, 50).await, vec![Err(wrong); 50]);
    assert_eq!(directory.asked().len(), 1, "{:?}", directory.asked());
}

/// The same when it was right until now: those who still log in through a connection of before do not make it be shown again.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_our_own_that_was_changed() {
    let changed = Arc::new(AtomicBool::new(false));
    let is_changed = Arc::clone(&changed);
    let directory = Directory::spoiled(move |question| {
        let is_refused = question.binds(ACCOUNT.0) && is_changed.load(Ordering::SeqCst);
        is_refused.then(|| vec![Step::Bytes(bound(question.id(), 49, ""))])
    })
    .await;
    let accounts = || directory.asked().iter().filter(|asked| asked.binds(ACCOUNT.0)).count();
    let providers = Arc::new(clear(&directory, "", &["connections = 2", "timeout = \"60s\""]));
    assert!(ada(&providers).await.is_ok());
    changed.store(true, Ordering::SeqCst);
    let before = accounts();
    let wrong = ProviderError::Misconfigured("it does not take our bind_dn and bind_password");
    let (mut right, mut refused) = (0, 0);
    for result in crowd(&providers, 200).await {
        match result {
            Ok(()) => right += 1,
            Err(error) => {
                assert_eq!(error, wrong);
                refused += 1;
            }
        }
    }
    assert!(right > 0 && refused > 0, "{right} by the connection of before, {refused} refused");
    for _ in 0..3 {
        assert!(ada(&providers).await.is_ok(), "the connection of before is as good as it was");
    }
    assert!(accounts() - before <= 2, "{} times for 200 logins", accounts() - before);
}

/// Our own password is read again when its file is another: what is none changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_our_own_in_a_file_that_changes() {
    let closes = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&closes);
    let directory = Directory::spoiled(move |question| {
        let is_ours = !question.binds(ACCOUNT.0);
        (is_ours && is_over.swap(false, Ordering::SeqCst)).then(|| vec![Step::Close])
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bind.secret");
    std::fs::write(&file, format!("\u{feff}{}\r\n", ACCOUNT.1)).unwrap();
    let line = format!("bind_password_file = \"{}\"", file.display());
    let providers = clear(&directory, "", &["-bind_password", &line, "timeout = \"60s\""]);
    assert!(ada(&providers).await.is_ok());
    for wrong in ["", " \n"] {
        std::fs::write(&file, wrong).unwrap();
        closes.store(true, Ordering::SeqCst);
        assert!(ada(&providers).await.is_ok(), "what stood there before is kept");
    }
    std::fs::write(&file, "another").unwrap();
    closes.store(true, Ordering::SeqCst);
    let refused = ProviderError::Misconfigured("it does not take our bind_dn and bind_password");
    assert_eq!(ada(&providers).await.unwrap_err(), refused, "the new one was shown");
}

/// A connection that is asked all the time is not kept for good.
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_replaced() {
    let directory = Directory::start().await;
    let providers = clear(&directory, "", &["connections = 1", "timeout = \"60s\""]);
    for _ in 0..600 {
        assert!(ada(&providers).await.is_ok());
    }
    // 256 questions each: a login of our account and 255 searches.
    let accounts = directory.asked().iter().filter(|asked| asked.binds(ACCOUNT.0)).count();
    assert_eq!(accounts, 3);
}

/// While nobody listens, not every login knocks; when somebody does again, logins go on.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_away_is_not_knocked_at_all_the_time() {
    let away = Arc::new(AtomicBool::new(true));
    let is_away = Arc::clone(&away);
    let directory =
        Directory::spoiled(move |_| is_away.load(Ordering::SeqCst).then(|| vec![Step::Close]))
            .await;
    let providers = Arc::new(clear(&directory, "", &[]));
    for _ in 0..300 {
        assert_eq!(ada(&providers).await.unwrap_err(), ProviderError::Unreachable);
    }
    let knocks = directory.connections();
    assert!(knocks < 100, "{knocks} connections for 300 logins");
    away.store(false, Ordering::SeqCst);
    let mut tries = 0;
    while ada(&providers).await.is_err() {
        tries += 1;
        assert!(tries < 600, "it is back, and nobody notices");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Somebody who gives up while a connection is made says nothing of the directory, and leaves nothing taken.
#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_spoils_nothing_for_others() {
    let directory = Directory::start().await;
    let providers = clear(&directory, "", &["connections = 2", "timeout = \"60s\""]);
    for delay in 0..200_u64 {
        let _ = tokio::time::timeout(Duration::from_micros(delay * 10), ada(&providers)).await;
    }
    assert!(ada(&providers).await.is_ok());
}

/// Every turn taken by a directory that floods: what it can take is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn floods_on_every_turn() {
    let directory = Directory::spoiled(|question| {
        question.searches(PEOPLE).then(|| {
            let mut flood = vec![0x30, 0x84, 0, 0x0f, 0, 0];
            flood.resize(0x0f_0000, 0);
            vec![Step::Bytes(flood), Step::Hang]
        })
    })
    .await;
    let providers = Arc::new(clear(&directory, "", &["connections = 16", "timeout = \"3s\""]));
    let before = peak();
    let results = crowd(&providers, 256).await;
    assert_eq!(results, vec![Err(ProviderError::Unreachable); 256]);
    let grown = peak().saturating_sub(before);
    println!("256 floods, {grown} KiB more");
    assert!(grown < 256 * 1024, "{grown} KiB");
}

/// The most memory this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Nobody there at all.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for endpoint in [
        format!("ldaps://127.0.0.1:{port}"),
        format!("ldap://127.0.0.1:{port}"),
        "ldaps://nowhere.invalid".into(),
    ] {
        let providers = providers(&endpoint, "", &[]);
        let result = log_in(providers.get("corp").unwrap(), "ada", ADA.1).await;
        assert_eq!(result.unwrap_err(), ProviderError::Unreachable, "{endpoint}");
    }
}
