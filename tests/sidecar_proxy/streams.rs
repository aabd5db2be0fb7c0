//! Bodies in both directions: as they come, no faster than they are taken, and no longer than they may.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use http::Request;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::stage::{FOREVER, stage, stage_http2};

async fn until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut got = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&got).contains(wanted) {
            assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0, "{wanted} comes");
        }
    };
    timeout(FOREVER, reading).await.expect("it comes");
    String::from_utf8_lossy(&got).into_owned()
}

/// A word is heard back before the next is said, and trailers come last.
#[tokio::test]
async fn both_ways_at_once() {
    let (stage, _) = stage().await;
    let mut stream = stage.connect().await;
    let head =
        "POST /echo HTTP/1.1\r\nHost: app\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(format!("{head}4\r\nping\r\n").as_bytes()).await.unwrap();
    let got = until(&mut stream, "ping").await;
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
    stream.write_all(b"4\r\npong\r\n").await.unwrap();
    until(&mut stream, "pong").await;
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let end = until(&mut stream, "\r\n\r\n").await;
    assert!(end.contains("x-pieces: 2"), "{end}");
}

/// As gRPC does: HTTP/2 from end to end, with trailers.
#[tokio::test]
async fn both_ways_at_once_over_http2() {
    for (stage, _) in [stage_http2().await, stage().await] {
        let mut sender = stage.http2().await;
        let (mut say, said) = mpsc::channel::<Bytes>(1);
        let body = StreamBody::new(said.map(|bytes| Ok(Frame::data(bytes))).boxed());
        let request = Request::post("http://app/echo").header("te", "trailers");
        let request = request.body(body.boxed_unsync()).unwrap();
        let answer = sender.send_request(request);
        say.send(Bytes::from_static(b"ping")).await.unwrap();
        let mut body = timeout(FOREVER, answer).await.unwrap().unwrap().into_body();
        for word in ["ping", "pong"] {
            let frame = timeout(FOREVER, body.frame()).await.unwrap().unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), word);
            if word == "ping" {
                say.send(Bytes::from_static(b"pong")).await.unwrap();
            }
        }
        drop(say);
        let frame = timeout(FOREVER, body.frame()).await.unwrap().unwrap().unwrap();
        assert_eq!(frame.into_trailers().unwrap()["x-pieces"], "2");
    }
}

/// Who does not read stops whoever sends, in both directions.
#[tokio::test]
async fn no_faster_than_it_is_taken() {
    let (stage, seen) = stage().await;
    let mut stream = stage.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: app\r\n\r\n").await.unwrap();
    let mut before = usize::MAX;
    while before != seen.sent.load(SeqCst) || before == 0 {
        before = seen.sent.load(SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(before < 64 * 1024 * 1024, "{before} bytes lie about");

    let mut stream = stage.connect().await;
    let head = "POST /unread HTTP/1.1\r\nHost: app\r\nContent-Length: 10000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (piece, mut sent) = (vec![b'x'; 64 * 1024], 0);
    while let Ok(written) = timeout(Duration::from_secs(3), stream.write(&piece)).await {
        sent += written.unwrap();
        assert!(sent < 64 * 1024 * 1024, "{sent} bytes lie about");
    }
}

#[tokio::test]
async fn a_stream_is_cut_when_its_token_ends() {
    let (stage, seen) = stage().await;
    let mut stream = stage.connect().await;
    let request = "GET /quiet HTTP/1.1\r\nHost: app\r\nAuthorization: Bearer ada/2\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    until(&mut stream, "first").await;
    let mut rest = Vec::new();
    let _ = timeout(FOREVER, stream.read_to_end(&mut rest)).await.expect("it is cut");
    assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "it has no end");
    let gone = async {
        while seen.given_up.load(SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(FOREVER, gone).await.expect("the application is told");
    // One that never pauses ends too.
    let request = "GET /endless HTTP/1.1\r\nHost: app\r\nAuthorization: Bearer ada/1\r\n\r\n";
    let mut stream = stage.connect().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut sink = tokio::io::sink();
    let _ = timeout(FOREVER, tokio::io::copy(&mut stream, &mut sink)).await.expect("it is cut");
}

#[tokio::test]
async fn a_stream_is_cut_when_its_session_is_ended() {
    let (stage, _) = stage().await;
    let mut sender = stage.http2().await;
    let mut begin = async |target: &str, token: Option<&str>| {
        let mut request = Request::get(format!("http://app{target}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Empty::new().boxed_unsync()).unwrap();
        let mut body = sender.send_request(request).await.unwrap().into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
        body
    };
    let (mut known, mut unknown) =
        (begin("/quiet", Some("ada")).await, begin("/quiet", None).await);
    stage.say_something();
    let quiet = timeout(Duration::from_millis(500), known.frame()).await;
    assert!(quiet.is_err(), "others' sessions are others'");
    stage.end_sessions();
    let cut = timeout(FOREVER, known.frame()).await.expect("it is cut");
    assert!(cut.unwrap().is_err());
    let quiet = timeout(Duration::from_millis(500), unknown.frame()).await;
    assert!(quiet.is_err(), "what is for everybody goes on");
}

/// An answer before the end of what was sent reaches the client.
#[tokio::test]
async fn an_early_answer() {
    let (stage, _) = stage().await;
    let mut sender = stage.http2().await;
    let request = Request::post("http://app/early");
    let request = request.body(Full::new(Bytes::from(vec![0; 500_000])).boxed_unsync()).unwrap();
    let answer = timeout(FOREVER, sender.send_request(request)).await.unwrap().unwrap();
    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn what_is_long_arrives_whole() {
    let (stage, _) = stage().await;
    let mut stream = stage.connect().await;
    let length = 32 * 1024 * 1024;
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: app\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'x'; 1024 * 1024];
    for _ in 0..32 {
        stream.write_all(&piece).await.unwrap();
    }
    let mut got = String::new();
    timeout(FOREVER, stream.read_to_string(&mut got)).await.unwrap().unwrap();
    assert!(got.ends_with(&length.to_string()), "{got}");
}

/// What is under way is finished when the proxy stops, and what is not is cut.
#[tokio::test]
async fn the_end() {
    let (stage, _) = stage().await;
    let mut stream = stage.connect().await;
    let head =
        "POST /echo HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    until(&mut stream, "ping").await;
    let stopping = tokio::spawn(stage.stop());
    stream.write_all(b"4\r\npong\r\n").await.unwrap();
    until(&mut stream, "pong").await;
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    until(&mut stream, "0\r\n\r\n").await;
    timeout(FOREVER, stopping).await.expect("the proxy stops").unwrap();
}
