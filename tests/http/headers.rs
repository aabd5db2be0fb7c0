//! What every answer carries, whatever it is an answer to.

use serde_json::json;

use crate::support::pasee::{Answer, Pasee, Setup};

/// Answers of every kind.
async fn answers(pasee: &Pasee) -> Vec<(u16, Answer)> {
    let root = pasee.log_in("root").await;
    let login = json!({"login": "ada", "password": "pw-ada"});
    let wrong = json!({"login": "ada", "password": "x"});
    let tokens = "/tokens/?idp=local";
    let large = " ".repeat(65 * 1024);
    vec![
        (200, pasee.ask("GET", "/").send().await),
        (200, pasee.ask("HEAD", "/tokens/").send().await),
        (200, pasee.ask("GET", "/.well-known/jwks.json").send().await),
        (200, pasee.ask("GET", "/groups/").bearer(&root.access).send().await),
        (201, pasee.ask("POST", tokens).json(&login).await),
        (201, pasee.refresh(&root.refresh).await),
        (204, pasee.ask("DELETE", "/users/local-you").bearer(&root.access).send().await),
        (400, pasee.ask("POST", tokens).body("{").send().await),
        (401, pasee.ask("GET", "/groups/staff/").send().await),
        (403, pasee.ask("POST", tokens).json(&wrong).await),
        (404, pasee.ask("GET", "/no/such/thing/at/all").send().await),
        (404, pasee.ask("GET", "/groups/no").bearer(&root.access).send().await),
        (405, pasee.ask("OPTIONS", "/tokens/").send().await),
        (405, pasee.ask("BREW", "/tokens/").send().await),
        (413, pasee.ask("POST", tokens).body(large).send().await),
        (415, pasee.ask("POST", tokens).typed("text/plain", "x").send().await),
    ]
}

#[tokio::test]
async fn every_answer_is_hardened() {
    for (hostname, strict) in [("http://a.example", ""), ("https://a.example", "max-age=63072000")]
    {
        let pasee = Setup::default().top(&format!("hostname = \"{hostname}\"")).start().await;
        for (status, answer) in answers(&pasee).await {
            let answer = answer.is(status);
            let headers = [
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("referrer-policy", "no-referrer"),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("strict-transport-security", strict),
                ("access-control-allow-origin", ""),
                ("access-control-allow-credentials", ""),
                ("set-cookie", ""),
                ("server", ""),
            ];
            for (name, value) in headers {
                assert_eq!(answer.header(name), value, "{name}: {answer:?}");
                assert!(answer.headers.get_all(name).iter().count() <= 1, "{name}: {answer:?}");
            }
            let vary = answer.header("vary").to_ascii_lowercase();
            for name in ["accept", "authorization", "origin"] {
                assert!(vary.contains(name), "{vary}");
            }
        }
    }
}

/// Each answer has a name that nobody else's has, and the log has what it says of a request under that name.
#[tokio::test]
async fn every_answer_has_a_name() {
    let pasee = Setup::default()
        .tables("[log]\nlevel = \"debug\"\n[cors]\nallowed_origins = [\"https://app.example.org\"]")
        .start()
        .await;
    let mut seen = Vec::new();
    for (status, answer) in answers(&pasee).await {
        let id = answer.is(status).header("x-request-id").to_owned();
        assert_eq!(id.len(), 32, "{id}");
        let log = pasee.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
        assert!(lines.iter().any(|line| line.contains("answered")), "{lines:?}");
        seen.push(id);
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all);
    let page = pasee.ask("GET", "/").header("origin", "https://app.example.org").send().await;
    assert!(page.header("access-control-expose-headers").contains("X-Request-Id"), "{page:?}");
    let preflight = pasee
        .ask("OPTIONS", "/tokens/")
        .header("origin", "https://app.example.org")
        .header("access-control-request-method", "POST");
    assert_eq!(preflight.send().await.is(204).header("x-request-id").len(), 32);
}

#[tokio::test]
async fn what_holds_tokens_or_people_is_kept_by_nobody() {
    let pasee = Setup::default().start().await;
    for (status, answer) in answers(&pasee).await {
        let body = String::from_utf8_lossy(&answer.body);
        if status >= 400 || body.contains("refresh_token") {
            assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
        }
    }
    let root = pasee.log_in("root").await.access;
    for path in ["/groups/", "/users/", "/users/local-ada", "/groups/staff/"] {
        let answer = pasee.ask("GET", path).bearer(&root).send().await.is(200);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let pasee = Setup::default().start().await;
    let root = pasee.log_in("root").await.access;
    let paths = [
        "/",
        "/public-key/",
        "/.well-known/jwks.json",
        "/tokens/",
        "/users/",
        "/users/local-ada",
        "/groups/",
        "/groups/staff/",
        "/groups/no/",
        "/nowhere",
        "/users/x",
    ];
    for path in paths {
        let get = pasee.ask("GET", path).bearer(&root).send().await;
        let head = pasee.ask("HEAD", path).bearer(&root).send().await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        for (name, value) in
            get.headers.iter().filter(|(name, _)| *name != "date" && *name != "x-request-id")
        {
            assert_eq!(head.headers.get(name), Some(value), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_call() {
    let ours = "https://app.example.org";
    let pasee =
        Setup::default().tables(&format!("[cors]\nallowed_origins = [\"{ours}\"]")).start().await;
    for (origin, allowed) in [
        (ours, ours),
        ("https://evil.example", ""),
        ("https://app.example.org.evil.example", ""),
        ("http://app.example.org", ""),
        ("null", ""),
    ] {
        for (path, status) in [("/tokens/", 200), ("/groups/staff/", 401), ("/nowhere", 404)] {
            let answer = pasee.ask("GET", path).header("origin", origin).send().await.is(status);
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            assert!(answer.header("vary").contains("Origin"), "{origin}");
        }
        let preflight = pasee
            .ask("OPTIONS", "/groups/")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = preflight.send().await.is(204);
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        assert_eq!(answer.header("access-control-allow-methods").is_empty(), allowed.is_empty());
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let any = Setup::default().tables("[cors]\nallowed_origins = [\"*\"]").start().await;
    let answer = any.ask("GET", "/tokens/").header("origin", "https://evil.example").send().await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn a_refusal_that_leaves_a_body_unread_says_that_the_connection_closes() {
    let pasee = Setup::default().start().await;
    for (path, length, status) in [
        ("/tokens/?idp=local", 65 * 1024 + 1, 413),
        ("/groups/", 60_000, 401),
        ("/users/", 60_000, 404),
    ] {
        let answer = pasee.ask("POST", path).body(" ".repeat(length)).send().await.is(status);
        assert_eq!(answer.header("connection"), "close", "{path}");
    }
    let answer = pasee.ask("POST", "/groups/").body("{}").send().await.is(401);
    assert_eq!(answer.header("connection"), "");
}
