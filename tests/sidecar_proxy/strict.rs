//! What means two things is no request: what the application sees is what was judged, one by one.

use futures::stream::{self, StreamExt};

use crate::stage::stage;

/// The request that must never be seen: what the judge refuses, hidden in another.
const HIDDEN: &str = "GET /no HTTP/1.1\r\nHost: app\r\n\r\n";

#[tokio::test]
async fn one_host() {
    let (stage, seen) = stage().await;
    for (target, host, status) in [
        ("http://app/a", "app", "200"),
        ("http://APP/a", "app", "200"),
        ("http://other/a", "app", "400"),
        ("http://app:81/a", "app", "400"),
        ("http://x@app/a", "app", "400"),
        ("/a", "app, other", "400"),
        ("/a", "x@app", "400"),
        ("/a", "app/x", "400"),
        ("/a", "app:x", "400"),
        ("/a", "app:80:80", "400"),
        ("/a", "app..", "400"),
        ("/a", "", "400"),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let got = stage.raw(request).await;
        assert!(got.starts_with(&format!("HTTP/1.1 {status} ")), "{target} {host}: {got}");
    }
    let none = stage.raw("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert!(none.starts_with("HTTP/1.1 400 "), "{none}");
    let two =
        stage.raw("GET /a HTTP/1.1\r\nHost: app\r\nHost: b\r\nConnection: close\r\n\r\n").await;
    assert!(two.starts_with("HTTP/1.1 400 "), "{two}");
    let seen = seen.requests();
    assert_eq!(seen, ["GET /a HTTP/1.1", "GET /a HTTP/1.1"]);
}

/// Lengths and codings in all the ways that one reader takes for another than the next does.
#[tokio::test]
async fn no_request_hides_another() {
    let length = HIDDEN.len();
    let variants: Vec<String> = [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
        format!("Content-Length: 0\r\nContent-Length: {length}"),
        format!("Content-Length: {length}\r\nContent-Length: 0"),
        format!("Content-Length: {length}, 0"),
        format!("Content-Length: +{length}"),
        format!("Content-Length: -{length}"),
        "Content-Length: 0x0".to_owned(),
        "Content-Length: ".to_owned(),
        format!("Content-Length : {length}"),
        format!("Content-Length:\t{length}\r\nTransfer-Encoding:\tchunked"),
        "Transfer-Encoding : chunked".to_owned(),
        "Transfer-Encoding: xchunked".to_owned(),
        "Transfer-Encoding: chunked, identity".to_owned(),
        "Transfer-Encoding: identity, chunked, identity".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity".to_owned(),
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked".to_owned(),
        "Transfer-Encoding:\x0bchunked".to_owned(),
        "Transfer-Encoding: \"chunked\"".to_owned(),
        "Transfer-Encoding:\r\n chunked".to_owned(),
        "X: y\r\n Transfer-Encoding: chunked".to_owned(),
        "X: y\nTransfer-Encoding: chunked".to_owned(),
        "X: y\rTransfer-Encoding: chunked".to_owned(),
        "Transfer_Encoding: chunked".to_owned(),
        format!("Connection: Content-Length\r\nContent-Length: {length}"),
        "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked".to_owned(),
        "Expect: 100-continue\r\nTransfer-Encoding: chunked".to_owned(),
    ]
    .into();
    let chunked = format!("0\r\n\r\n{HIDDEN}");
    let sized = format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len());
    let broken = [
        format!("0x0\r\n\r\n{HIDDEN}"),
        format!("0;a=\"\n\"\r\n\r\n{HIDDEN}"),
        format!("0\n\n{HIDDEN}"),
        format!("-1\r\n\r\n{HIDDEN}"),
        format!("00000000000000000001\r\nx\r\n0\r\n\r\n{HIDDEN}"),
        format!("ffffffffffffffff1\r\n{HIDDEN}"),
    ];
    let (stage, seen) = stage().await;
    let mut requests = Vec::new();
    for method in ["GET", "POST", "HEAD"] {
        for version in ["1.1", "1.0"] {
            for variant in &variants {
                for body in [&chunked, &sized, &HIDDEN.to_owned()].into_iter().chain(&broken) {
                    let number = requests.len();
                    let first = format!(
                        "{method} /a-{number}- HTTP/{version}\r\nHost: app\r\n{variant}\r\n\r\n{body}"
                    );
                    let last = format!(
                        "GET /last-{number}- HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n"
                    );
                    requests.push(first + &last);
                }
            }
        }
    }
    let tried = stream::iter(&requests).for_each_concurrent(64, |request| stage.talk(request));
    tried.await;
    // Whatever was left in the middle of something is seen by those who come now.
    for _ in 0..100 {
        assert_eq!(stage.told("/after", "").await.text("target"), "/after");
    }
    let seen = seen.requests();
    for (number, request) in requests.iter().enumerate() {
        for path in [format!("/a-{number}- "), format!("/last-{number}- ")] {
            let times = seen.iter().filter(|line| line.contains(&path)).count();
            assert!(times <= 1, "{times} times: {request:?}");
        }
    }
    let judged = |line: &String| ["/a-", "/last-", "/after"].iter().any(|path| line.contains(path));
    let others: Vec<_> = seen.iter().filter(|line| !judged(line) || line.contains("/no")).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(seen.len() > requests.len() / 4, "most are refused, not all: {}", seen.len());
}

/// From HTTP/2: headers that mean something to HTTP/1.1 alone, and lengths that are not so.
#[tokio::test]
async fn no_request_hides_another_in_http2() {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    let (stage, seen) = stage().await;
    for (name, value) in [
        ("transfer-encoding", "chunked"),
        ("connection", "content-length"),
        ("content-length", "0"),
        ("content-length", "5"),
        ("upgrade", "h2c"),
        ("host", "other"),
        ("te", "gzip"),
    ] {
        let mut sender = stage.http2().await;
        let request = http::Request::post("http://app/a").header(name, value);
        let body = Full::new(Bytes::from_static(HIDDEN.as_bytes())).boxed_unsync();
        // Whatever is answered, or none: it is one request at most.
        let answer = sender.send_request(request.body(body).unwrap()).await;
        if let Ok(answer) = answer {
            let status = answer.status();
            let _ = answer.into_body().collect().await;
            if name == "host" {
                assert_eq!(status, 400);
            }
        }
        let told = stage.told("/last", "").await;
        assert_eq!(told.text("target"), "/last", "{name}: {value}");
    }
    let seen = seen.requests();
    assert!(seen.iter().all(|line| line.contains(" /a ") || line.contains(" /last ")), "{seen:?}");
}
