//! The API server is away for longer than the state may be old.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;

use crate::stage::Stage;
use crate::support::controlplane::ControlPlane;
use crate::support::forge::part;
use crate::support::realm::object;
use crate::support::served::Served;

/// The least that can be set.
const BOUND: Duration = Duration::from_secs(120);
/// How old the state may be when the outage begins.
const FRESH: Duration = Duration::from_secs(10);
/// In each of so many parts of the bound tokens are issued.
const PARTS: usize = 10;
/// How long the API server lets a request hang, at most.
const HANGS: Duration = Duration::from_secs(60);
/// Between two requests of the load.
const PACE: Duration = Duration::from_millis(20);

/// Known users get their tokens until the bound, not one fails; then none does, and all comes back by itself.
#[test]
fn tokens_flow_while_the_api_server_is_away_for_minutes() {
    outage(
        |cluster| cluster.apiserver.kill(),
        |cluster| {
            cluster.apiserver.start();
            cluster.wait_until_ready();
        },
    );
}

/// The same when the API server is there and goes on sending bookmarks, and has nothing behind it any more.
#[test]
fn tokens_stop_as_well_when_the_api_server_has_lost_etcd() {
    outage(|cluster| cluster.etcd.kill(), ControlPlane::repair);
}

fn outage(begin: fn(&mut ControlPlane), end: fn(&mut ControlPlane)) {
    let mut stage = Stage::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(async {
        for object in [
            object("Group", "a", &json!({})),
            object(
                "Membership",
                "a",
                &json!({ "group": "a", "users": ["local-ada", "local-john"] }),
            ),
            object("Membership", "staff", &json!({ "role": "Staff", "users": ["local-root"] })),
            object("User", "alan", &json!({ "username": "local-alan", "banned": true })),
        ] {
            stage.create(&object).await.unwrap();
        }
        let server = stage.serve("max_staleness = 120\n").await;
        server.pasee.becomes("ada", &json!(["a"])).await;
        server
    });
    let known = runtime.block_on(proved(&stage, &server));
    begin(&mut stage.cluster);
    let away = Instant::now();
    runtime.block_on(load(&server, known, away));
    runtime.block_on(async {
        let refused = server.pasee.ask("POST", "/tokens/?idp=local");
        let refused = refused.json(&json!({ "login": "ada", "password": "pw-ada" })).await.is(503);
        assert!(refused.title().contains("too old to issue tokens by"), "{}", refused.title());
        assert_eq!(refused.header("retry-after"), "5");
        assert_eq!(server.get("/ready").await.0, 503, "it issues no token");
        assert!(server.metric("pasee_store_staleness_seconds").await > BOUND.as_secs_f64());
        assert_eq!(server.metric("pasee_store_healthy").await, 0.0);
    });
    let log = server.pasee.log();
    let told = log.matches("the Kubernetes API server fails Pasee").count();
    assert!((1..=12).contains(&told), "{told} lines about one fault: {log}");
    end(&mut stage.cluster);
    runtime.block_on(recovers(&stage, &server));
}

/// Waits until what the server knows is proved to be fresh: something happens on each watch, and is read. Gives a moment as of
/// which it is known, at the latest.
async fn proved(stage: &Stage, server: &Served) -> Instant {
    for round in 0.. {
        for path in ["groups/a", "memberships/a", "users/alan"] {
            let label = json!({ "metadata": { "labels": { "touched": format!("n{round}") } } });
            stage.ask(Method::PATCH, path, &label).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let asked = Instant::now();
        let age = server.metric("pasee_store_staleness_seconds").await;
        if age < FRESH.as_secs_f64() {
            return asked - Duration::from_secs_f64(age);
        }
        assert!(round < 200, "the state is {age} s old");
    }
    unreachable!("the rounds end above")
}

/// Logins go on when each watch has read again. What was asked of the API server while it hung is not waited for: it would be for a
/// minute.
async fn recovers(stage: &Stage, server: &Served) {
    let since = Instant::now();
    let attempt = async || {
        let asked = server.pasee.ask("POST", "/tokens/?idp=local");
        asked.json(&json!({ "login": "ada", "password": "pw-ada" })).await.status
    };
    while attempt().await != 201 {
        assert!(since.elapsed() < HANGS, "{}", server.pasee.log());
        tokio::time::sleep(PACE).await;
    }
    println!("logins go on {:?} after the API server does", since.elapsed());
    let later = object("Membership", "later", &json!({ "group": "a", "users": ["local-you"] }));
    stage.create(&later).await.unwrap();
    server.pasee.becomes("you", &json!(["a"])).await;
    let root = server.pasee.log_in("root").await;
    let made = server.pasee.ask("POST", "/groups/").bearer(&root.access);
    made.json(&json!({ "group": "b" })).await.is(201);
    while server.metric("pasee_store_healthy").await < 1.0 {
        assert!(since.elapsed() < Duration::from_secs(120), "{}", server.pasee.log());
        tokio::time::sleep(PACE).await;
    }
    assert_eq!(server.get("/ready").await.0, 200);
}

/// Logins and refreshes of known users and writes now and then, until the state is too old: which it is not before the bound
/// after it was known, and is by the bound after the API server went away.
async fn load(server: &Served, known: Instant, away: Instant) {
    let mut pair = server.pasee.log_in("ada").await;
    let root = server.pasee.log_in("root").await;
    let (mut issued, mut age) = ([0_u32; PARTS], 0.0);
    for round in 0_u32.. {
        let asked = away.elapsed();
        let refreshed = server.pasee.refresh(&pair.refresh).await;
        if refreshed.status == 503 {
            assert!(known.elapsed() > BOUND, "{:?}", known.elapsed());
            break;
        }
        assert!(asked <= BOUND, "issuing goes on");
        pair = refreshed.pair();
        assert_eq!(part(&pair.access, 1)["groups"], json!(["a"]));
        let part = asked.as_secs() * PARTS as u64 / BOUND.as_secs();
        issued[usize::try_from(part).unwrap().min(PARTS - 1)] += 1;
        if round % 250 == 0 {
            assert_eq!(server.pasee.groups("john").await, json!(["a"]));
            let write = server.pasee.ask("POST", "/groups/").bearer(&root.access);
            let refused = write.json(&json!({ "group": "b" })).await.is(503);
            assert!(!refused.header("retry-after").is_empty(), "{}", refused.title());
            let now = server.metric("pasee_store_staleness_seconds").await;
            assert!(now > age, "{now} after {age}");
            age = now;
        }
        tokio::time::sleep(PACE).await;
    }
    // What was known for a while when the API server went is too old in the last part.
    assert!(issued[..PARTS - 1].iter().all(|issued| *issued > 10), "{issued:?}");
}
