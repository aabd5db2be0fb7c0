//! What reaches the application, and what comes back.

use crate::stage::{Told, settings, stage, stage_http2, start, trusting, unix};
use crate::{app, stage::http};

#[tokio::test]
async fn the_same_bytes() {
    let (stage, _) = stage().await;
    for target in
        ["/", "/a?b=c&d", "/%41?x=%2F..%2f", "/a%20b/;v=1?", "/a.b/~c?a[]=1", "/?", "/?/../x"]
    {
        let told = stage.told(target, "").await;
        assert_eq!((told.text("target"), told.text("method")), (target, "GET"));
        assert_eq!(told.header("host"), ["app"], "{target}");
    }
    let sent =
        "PATCH /x HTTP/1.1\r\nHost: app\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    let told = Told::of(&stage.raw(sent).await);
    assert_eq!((told.text("method"), told.text("body")), ("PATCH", "hello"));
    assert_eq!(told.header("content-length"), ["5"]);
}

#[tokio::test]
async fn who_it_is_and_nothing_of_the_connection() {
    let (stage, _) = stage().await;
    let told = stage
        .told(
            "/",
            "Authorization: Bearer ada\r\nConnection: X-Pasee-User, x-forwarded-for, x-own, host\r\nX-Own: 1\r\n\
             X-Pasee-User: root\r\nX_Pasee_User: root\r\nx.pasee.user: root\r\nX-Forwarded-User: root\r\n\
             Keep-Alive: 5\r\nTE: trailers, gzip\r\nProxy-Authorization: Basic eDp5\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABk\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
             Expect: 100-continue\r\n",
        )
        .await;
    assert_eq!(told.header("x-pasee-user"), ["ada"]);
    assert_eq!(told.header("x-forwarded-user"), ["ada"]);
    assert_eq!(told.header("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(told.header("host"), ["app"]);
    assert_eq!(told.header("te"), ["trailers"]);
    assert_eq!(told.header("traceparent").len(), 1);
    assert_eq!(told.header("x-request-id").len(), 1);
    for name in [
        "x-own",
        "x_pasee_user",
        "x.pasee.user",
        "connection",
        "keep-alive",
        "proxy-authorization",
        "upgrade",
        "http2-settings",
        "expect",
    ] {
        assert!(!told.names().contains(&name), "{name}: {told:?}");
    }
    let told = stage.told("/", "X-Pasee-User: root\r\nX_Pasee_Groups: staff\r\n").await;
    assert!(told.names().iter().all(|name| !name.contains("pasee")), "nobody is nobody: {told:?}");
}

#[tokio::test]
async fn where_it_came_from() {
    let (address, _) = app::start().await;
    let sent = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\nX_Forwarded_For: 192.0.2.9\r\n";
    let told = start(&settings(http(address))).told("/", sent).await;
    assert_eq!(told.header("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(told.header("x-forwarded-proto"), ["http"]);
    assert_eq!(told.header("x-forwarded-host"), ["app"]);
    let told = trusting(&settings(http(address)), &["127.0.0.0/8"]).told("/", sent).await;
    assert_eq!(told.header("x-forwarded-for"), ["192.0.2.1, 127.0.0.1"]);
    assert_eq!(told.header("x-forwarded-proto"), ["https"]);
    assert_eq!(told.header("x-forwarded-host"), ["app"]);
    assert!(told.header("x_forwarded_for").is_empty());
}

#[tokio::test]
async fn what_comes_back() {
    let (stage, _) = stage().await;
    let got = stage.raw("GET /leaky HTTP/1.1\r\nHost: app\r\n\r\nGET /no HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n").await;
    let (first, second) = got.split_once("HTTP/1.1 403").expect(&got);
    let first = first.to_lowercase();
    for name in ["x-inner", "keep-alive", "proxy-authenticate"] {
        assert!(!first.contains(name), "{first}");
    }
    assert!(first.contains("x-outer: 1") && first.contains("x-request-id: of-the-app"), "{first}");
    assert!(second.contains("x-request-id: "), "{second}");
}

#[tokio::test]
async fn over_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    app::start_unix(&path);
    let stage = start(&settings(unix(path)));
    let told = stage.told("/a", "Authorization: Bearer ada\r\n").await;
    assert_eq!((told.text("target"), told.header("x-pasee-user")), ("/a", vec!["ada"]));
}

#[tokio::test]
async fn over_http2_to_the_application() {
    let (stage, seen) = stage_http2().await;
    let told = stage.told("/a?b", "Authorization: Bearer ada\r\n").await;
    assert_eq!(told.header("x-pasee-user"), ["ada"]);
    assert_eq!(told.header("x-forwarded-host"), ["app"]);
    let seen = seen.requests();
    assert!(seen[0].ends_with("/a?b HTTP/2.0"), "{seen:?}");
}
