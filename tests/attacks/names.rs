//! Names at their bounds, paths that try to be other paths, and input that tries to become a header.

use serde_json::json;

use crate::support::pasee::Setup;

#[tokio::test]
async fn paths_are_what_they_are() {
    let pasee = Setup::default().members("g", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let table = [
        // Encoded once is the same name.
        ("/groups/%67/", 200),
        ("/groups/g%2estaff/", 200),
        ("/users/local%2Dada", 200),
        ("/users/local-ada?x=/", 200),
        ("/users/local-..", 200),
        ("/users/local-a%2Fb", 200),
        ("/users/local-%252e", 200),
        // Anything else is something else.
        ("/groups/%2567/", 400),
        ("/groups/..", 400),
        ("/groups/../users/", 405),
        ("/groups/%2e%2e/", 400),
        ("/groups/%2e%2e/users/", 405),
        ("/groups/..%2fusers/", 400),
        ("/groups/g%2f..%2fg/", 400),
        ("/groups/g/../g/", 404),
        ("/groups/./g/", 405),
        ("/./groups/", 404),
        ("/groups/.", 400),
        ("//groups/", 404),
        ("/groups//", 404),
        ("/groups//g/", 404),
        ("//", 404),
        ("/groups/g//", 404),
        ("/groups/g;x/", 400),
        ("/groups;x/g/", 404),
        ("/groups/g%3Bx/", 400),
        ("/groups/g%3Fx/", 400),
        ("/groups/g%23/", 400),
        ("/groups/g%00/", 400),
        ("/groups/g%0d%0aX:y/", 400),
        ("/groups/g%20/", 400),
        ("/groups/%20g/", 400),
        ("/groups/%c0%ae/", 404),
        ("/groups/%ff/", 404),
        ("/groups/%/", 404),
        ("/groups/%g/", 404),
        ("/GROUPS/", 404),
        ("/groups/G/", 400),
        ("/groups\\g/", 404),
        ("/groups/\\g/", 400),
        ("/groups/%5c/", 400),
        ("/groups%2f", 404),
        ("/groups%2fg", 404),
        ("/%67roups/", 404),
        ("/users/local-ada%00", 400),
        ("/users/local-ada%0a", 400),
        ("/users/local-ada%20", 400),
        ("/users/kisee-", 400),
        ("/users/-ada", 400),
        ("/users/ada", 400),
        ("/users/LOCAL-ada", 400),
        ("/users/local-e%CC%81", 400),
        ("/users/local-%C3%A9", 200),
        ("/users/local-%ED%A0%80", 404),
        ("/.well-known/../groups/", 404),
        ("/.well-known/jwks.json/x", 404),
        ("/favicon.ico", 404),
        ("/../../etc/passwd", 404),
        ("http://x/groups/", 200),
        ("http://x/nothing/", 404),
    ];
    for (path, status) in table {
        let answer = pasee.raw(format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {root}\r\nConnection: close\r\n\r\n"
        )).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert!(!answer.contains("root:"), "{path}: {answer}");
    }
    for line in [
        "GET groups/ HTTP/1.1",
        "GET /groups/ HTTP/1.1\r\nX: \0",
        "GET /gro\0ups/ HTTP/1.1",
        "GET /gro ups/ HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT x:1 HTTP/1.1",
        "GET * HTTP/1.1",
        "GET  HTTP/1.1",
        "GET /#x HTTP/1.1",
    ] {
        let answer = pasee.raw(format!("{line}\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        let fine = answer.starts_with("HTTP/1.1 4")
            || (line.contains('#') && answer.starts_with("HTTP/1.1 200"));
        assert!(fine, "{line}: {answer}");
    }
}

#[tokio::test]
async fn names_have_bounds() {
    let pasee = Setup::default().start().await;
    let root = pasee.log_in("root").await.access;
    let create = async |name: &str| {
        let body = json!({"group": name});
        pasee.ask("POST", "/groups/").bearer(&root).json(&body).await.status.as_u16()
    };
    assert_eq!(create(&"g".repeat(200)).await, 201);
    assert_eq!(create(&"g".repeat(201)).await, 400);
    // 200 characters by way of segments, one at a time.
    let mut name = "a".to_owned();
    assert_eq!(create(&name).await, 201);
    while name.len() < 199 {
        name.push_str(".a");
        assert_eq!(create(&name).await, 201, "{}", name.len());
    }
    assert_eq!(create(&format!("{name}.a")).await, 400);
    for wrong in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "A",
        "a b",
        "a/b",
        "a\\b",
        "a\0",
        "a\r\nX: y",
        "a%2fb",
        "-a",
        "a-",
        "_a",
        "a__b",
        "a--b",
        "a-_b",
        "é",
        "a\u{301}",
        "\u{ff41}",
        "staff",
        "staff.a",
        "a.staff",
        "a.staff.b",
        "../a",
        "a;b",
        "a,b",
        "*",
    ] {
        assert_eq!(create(wrong).await, 400, "{wrong:?}");
    }
    let add = async |user: &str| {
        let body = json!({"username": user});
        pasee.ask("POST", "/groups/a/").bearer(&root).json(&body).await
    };
    let two_bytes = format!("local-{}", "é".repeat(100));
    for right in [
        &format!("local-{}", "u".repeat(200)),
        &two_bytes,
        "local-a b",
        "local-a-b",
        "local-日本",
        "local--",
        "local-a/../b",
    ] {
        let added = add(right).await.is(201);
        let path = added.header("location").strip_prefix(&pasee.url).unwrap().to_owned();
        assert!(path.is_ascii());
        pasee.ask("DELETE", &path).bearer(&root).send().await.is(204);
    }
    for wrong in [
        &format!("local-{}", "u".repeat(201)),
        &format!("{two_bytes}a"),
        "",
        "local",
        "local-",
        "-ada",
        "kisee-",
        "Local-ada",
        "local -ada",
        "local- ada",
        "local-ada ",
        "local-a\0",
        "local-a\u{7f}",
        "local-a\u{85}",
        "local-a\r\nX: y",
        "local-e\u{301}",
        "local-\u{212b}",
        "other-ada",
        &format!("{}-a", "p".repeat(33)),
    ] {
        add(wrong).await.is(400);
    }
}

#[tokio::test]
async fn no_input_becomes_a_header_or_markup() {
    let pasee = Setup::default().start().await;
    let root = pasee.log_in("root").await.access;
    pasee.ask("POST", "/groups/").bearer(&root).json(&json!({"group": "g"})).await.is(201);
    let canary = "canary\r\nX-Injected: yes\r\n\r\n<script>alert(1)</script>";
    let encoded = "canary%0d%0aX-Injected:%20yes%0d%0a%0d%0a%3Cscript%3E";
    let asks = [
        pasee.ask("POST", "/groups/").json(&json!({"group": canary})).await,
        pasee.ask("POST", "/groups/").bearer(&root).json(&json!({"group": canary})).await,
        pasee
            .ask("POST", "/groups/g/")
            .bearer(&root)
            .json(&json!({"username": format!("local-{canary}")}))
            .await,
        pasee.ask("POST", "/groups/g/").bearer(&root).json(&json!({canary: "x"})).await,
        pasee.ask("GET", &format!("/groups/{encoded}/")).bearer(&root).send().await,
        pasee.ask("GET", &format!("/users/local-{encoded}")).bearer(&root).send().await,
        pasee.ask("GET", &format!("/groups/?last_element={encoded}")).bearer(&root).send().await,
        pasee.ask("GET", &format!("/groups/?user=local-{encoded}")).bearer(&root).send().await,
        pasee.ask("GET", &format!("/users/?after=local-{encoded}")).bearer(&root).send().await,
        pasee
            .ask("POST", &format!("/tokens/?idp={encoded}"))
            .json(&json!({"login": canary, "password": canary}))
            .await,
        pasee
            .ask("POST", "/tokens/?idp=local")
            .json(&json!({"login": canary, "password": canary}))
            .await,
        pasee.ask("POST", &format!("/tokens/?idp=local&scope={encoded}")).json(&json!({})).await,
        pasee.ask("GET", &format!("/{encoded}")).send().await,
        pasee.ask("GET", "/groups/").bearer("canary.canary.canary").send().await,
        pasee.ask("GET", "/groups/").header("authorization", "canary canary").send().await,
        pasee
            .ask("GET", "/")
            .header("accept", "canary/canary")
            .header("origin", "https://canary")
            .send()
            .await,
    ];
    for (place, answer) in asks.iter().enumerate() {
        assert!(!answer.status.is_server_error(), "{place}: {answer:?}");
        assert!(!answer.headers.contains_key("x-injected"), "{place}: {answer:?}");
        let all = format!("{:?}{}", answer.headers, String::from_utf8_lossy(&answer.body));
        assert!(!all.contains("canary"), "{place}: {all}");
    }
    // Markup in a name that is right stays JSON text.
    let name = "local-<script>alert(1)</script>";
    pasee.ask("POST", "/groups/g/").bearer(&root).json(&json!({"username": name})).await.is(201);
    let shown = pasee
        .ask("GET", "/groups/g/")
        .bearer(&root)
        .header("accept", "text/html")
        .send()
        .await
        .is(200);
    assert_eq!(shown.header("content-type"), "application/vnd.coreapi+json");
    assert_eq!(shown.json()["members"][0]["username"], name);
}
