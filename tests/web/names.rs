//! What every request is called: in its answer, whoever answers, and whatever came.

use super::*;

/// The values of the header in an answer.
fn ids(got: &str) -> Vec<String> {
    let (head, _) = got.split_once("\r\n\r\n").unwrap_or((got, ""));
    let headers = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    headers
        .filter(|(name, _)| name.eq_ignore_ascii_case("x-request-id"))
        .map(|(_, value)| value.trim().to_owned())
        .collect()
}

fn is_ours(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_name_of_its_own() {
    let server = start(options());
    let mut seen = Vec::new();
    for (request, status) in [
        (get("/"), "200"),
        (get("/early"), "401"),
        (get("/panic"), "500"),
        (get("/late-panic"), "500"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), "200"),
        // These hyper answers before anybody is asked.
        ("nonsense\r\n\r\n".to_owned(), "400"),
        ("G(T / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.2\r\nHost: x\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(40_000)), "431"),
        (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(40_000)), "4"),
    ] {
        let got = server.send(&request).await;
        assert!(got.starts_with("HTTP/1."), "{request:?}: {got}");
        assert!(got[9..].starts_with(status), "{request:?}: {got}");
        let ids = ids(&got);
        assert_eq!(ids.len(), 1, "{request:?}: {got}");
        assert!(is_ours(&ids[0]), "{got}");
        seen.extend(ids);
    }
    // Behind an answer that is still on its way.
    let got = server.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n").await;
    let (first, second) = got.split_once("hello 127.0.0.1").unwrap();
    seen.extend(ids(first));
    seen.extend(ids(second));
    let all = seen.len();
    assert_eq!(all, 13, "{got}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all, "each has its own");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_trusted_names_a_request() {
    let asked = |id: &str| {
        format!("GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: {id}\r\nConnection: close\r\n\r\n")
    };
    let trusting =
        |net: &str| ConnectionOptions { trusted_proxies: vec![net.parse().unwrap()], ..options() };
    let server = start(trusting("127.0.0.0/8"));
    assert_eq!(ids(&server.send(asked("edge-7")).await), ["edge-7"]);
    for odd in ["a b", "\u{e9}", "<b>", "", &"x".repeat(65), "a\r\nX-Request-Id: b"] {
        let ids = ids(&server.send(asked(odd)).await);
        assert!(ids.len() == 1 && is_ours(&ids[0]), "{odd:?}: {ids:?}");
    }
    server.stop().await;
    for options in [options(), trusting("10.0.0.0/8")] {
        let server = start(options);
        let ids = ids(&server.send(asked("edge-7")).await);
        assert!(ids.len() == 1 && is_ours(&ids[0]), "{ids:?}");
        server.stop().await;
    }
}
