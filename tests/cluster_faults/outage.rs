//! The API server is away for longer than the state may be old.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;

use crate::stage::Stage;
use crate::support::forge::part;
use crate::support::realm::object;
use crate::support::served::Served;

/// The least that can be set.
const BOUND: Duration = Duration::from_secs(120);
/// Between two requests of the load.
const PACE: Duration = Duration::from_millis(20);

/// Known users get their tokens until the bound, not one fails; then none does, and all comes back by itself.
#[test]
fn tokens_flow_while_the_api_server_is_away_for_minutes() {
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
        // Something happens on each watch, so that each is known to be alive.
        for path in ["groups/a", "memberships/a", "users/alan"] {
            let label = json!({ "metadata": { "labels": { "touched": "yes" } } });
            stage.ask(Method::PATCH, path, &label).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        server
    });
    let touched = Instant::now();
    stage.cluster.apiserver.kill();
    let away = Instant::now();
    runtime.block_on(load(&server, touched));
    assert!(away.elapsed() > BOUND - Duration::from_secs(2), "{:?}", away.elapsed());
    runtime.block_on(async {
        let refused = server.pasee.ask("POST", "/tokens/?idp=local");
        let refused = refused.json(&json!({ "login": "ada", "password": "pw-ada" })).await.is(503);
        assert!(refused.title().contains("too old to issue tokens by"), "{}", refused.title());
        assert_eq!(refused.header("retry-after"), "5");
        assert_eq!(server.get("/ready").await.0, 200, "it answers, so it need not be replaced");
        assert!(server.metric("pasee_store_staleness_seconds").await > BOUND.as_secs_f64());
        assert_eq!(server.metric("pasee_store_healthy").await, 0.0);
    });
    stage.cluster.apiserver.start();
    stage.cluster.wait_until_ready();
    runtime.block_on(async {
        let since = Instant::now();
        let attempt = async || {
            let asked = server.pasee.ask("POST", "/tokens/?idp=local");
            asked.json(&json!({ "login": "ada", "password": "pw-ada" })).await.status
        };
        while attempt().await != 201 {
            assert!(since.elapsed() < Duration::from_secs(20), "{}", server.pasee.log());
            tokio::time::sleep(PACE).await;
        }
        let later = object("Membership", "later", &json!({ "group": "a", "users": ["local-you"] }));
        stage.create(&later).await.unwrap();
        server.pasee.becomes("you", &json!(["a"])).await;
        assert_eq!(server.metric("pasee_store_healthy").await, 1.0);
    });
    runtime.block_on(async {
        let root = server.pasee.log_in("root").await;
        let made = server.pasee.ask("POST", "/groups/").bearer(&root.access);
        made.json(&json!({ "group": "b" })).await.is(201);
    });
}

/// Logins and refreshes of known users and writes now and then, until the state is too old.
async fn load(server: &Served, touched: Instant) {
    let mut pair = server.pasee.log_in("ada").await;
    let root = server.pasee.log_in("root").await;
    let (mut issued, mut age) = (0_u32, 0.0);
    for round in 0_u32.. {
        let refreshed = server.pasee.refresh(&pair.refresh).await;
        if refreshed.status == 503 {
            assert!(touched.elapsed() > BOUND - Duration::from_secs(1), "{:?}", touched.elapsed());
            break;
        }
        pair = refreshed.pair();
        assert_eq!(part(&pair.access, 1)["groups"], json!(["a"]));
        issued += 1;
        if round % 50 == 0 {
            assert_eq!(server.pasee.groups("john").await, json!(["a"]));
            let write = server.pasee.ask("POST", "/groups/").bearer(&root.access);
            let refused = write.json(&json!({ "group": "b" })).await.is(503);
            assert!(!refused.header("retry-after").is_empty(), "{}", refused.title());
            let now = server.metric("pasee_store_staleness_seconds").await;
            assert!(now > age, "{now} after {age}");
            age = now;
        }
        assert!(touched.elapsed() < BOUND + Duration::from_secs(60), "issuing goes on");
        tokio::time::sleep(PACE).await;
    }
    assert!(issued > 1_000, "{issued}");
}
