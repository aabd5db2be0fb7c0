//! WebSockets, over HTTP/1.1 and HTTP/2.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use http::{Method, Request};
use http_body_util::{BodyExt, Empty};
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::app;
use crate::stage::{FOREVER, Stage, http, settings, stage, stage_http2, start};

async fn open(
    stage: &Stage,
    token: &str,
) -> Result<WebSocketStream<impl AsyncRead + AsyncWrite + Unpin + use<>>, Error> {
    let mut request = format!("ws://{}/socket", stage.address).into_client_request().unwrap();
    if !token.is_empty() {
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    let (socket, answer) = tokio_tungstenite::client_async(request, stage.connect().await).await?;
    if !token.is_empty() {
        let user = token.split('/').next().unwrap();
        assert_eq!(answer.headers()["x-seen-user"], user);
    }
    Ok(socket)
}

async fn open_http2(
    stage: &Stage,
    token: &str,
) -> WebSocketStream<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    let mut sender = stage.http2().await;
    sender.ready().await.unwrap();
    let request = || {
        Request::builder()
            .method(Method::CONNECT)
            .uri("http://app/socket")
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13")
            .header("authorization", format!("Bearer {token}"))
            .body(Empty::new().boxed_unsync())
            .unwrap()
    };
    // Whether the other side takes it comes with its settings.
    let mut answer = loop {
        match sender.send_request(request()).await {
            Ok(answer) => break answer,
            Err(error) => assert!(error.is_user(), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(answer.status(), 200);
    for name in ["connection", "upgrade", "sec-websocket-accept"] {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
    let upgraded = hyper::upgrade::on(&mut answer).await.unwrap();
    // The connection lasts as long as somebody could send on it.
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await;
    std::mem::forget(sender);
    socket
}

async fn speaks<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) {
    for text in ["ping", "pong"] {
        socket.send(Message::text(text)).await.unwrap();
        let heard = timeout(FOREVER, socket.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(heard, Message::text(text));
    }
    let long = Message::binary(vec![7; 1_000_000]);
    socket.send(long.clone()).await.unwrap();
    assert_eq!(timeout(FOREVER, socket.next()).await.unwrap().unwrap().unwrap(), long);
}

async fn ends<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) {
    match timeout(FOREVER, socket.next()).await.expect("it is cut") {
        None | Some(Err(_) | Ok(Message::Close(_))) => {}
        Some(Ok(message)) => panic!("{message:?}"),
    }
}

#[tokio::test]
async fn both_sides_are_heard() {
    for (stage, _) in [stage().await, stage_http2().await] {
        speaks(&mut open(&stage, "ada").await.unwrap()).await;
        speaks(&mut open(&stage, "").await.unwrap()).await;
        speaks(&mut open_http2(&stage, "ada").await).await;
    }
}

#[tokio::test]
async fn cut_when_the_token_ends() {
    let (stage, _) = stage().await;
    let (mut one, mut other) =
        (open(&stage, "ada/3").await.unwrap(), open_http2(&stage, "ada/3").await);
    ends(&mut one).await;
    ends(&mut other).await;
}

#[tokio::test]
async fn cut_when_the_session_is_ended() {
    let (stage, _) = stage().await;
    let (mut one, mut other) =
        (open(&stage, "ada").await.unwrap(), open_http2(&stage, "ada").await);
    let mut anybody = open(&stage, "").await.unwrap();
    speaks(&mut one).await;
    stage.end_sessions();
    ends(&mut one).await;
    ends(&mut other).await;
    speaks(&mut anybody).await;
}

#[tokio::test]
async fn cut_when_nobody_says_anything() {
    let (address, _) = app::start().await;
    let mut settings = settings(http(address));
    settings.idle_timeout = Duration::from_secs(2);
    let stage = start(&settings);
    let mut socket = open(&stage, "").await.unwrap();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        speaks(&mut socket).await;
    }
    ends(&mut socket).await;
}

#[tokio::test]
async fn cut_at_the_end() {
    let (stage, _) = stage().await;
    let mut socket = open(&stage, "").await.unwrap();
    let proxy = stage.proxy.clone();
    let ending = tokio::spawn(async move { proxy.end_sockets(Duration::from_millis(300)).await });
    ends(&mut socket).await;
    timeout(FOREVER, ending).await.unwrap().unwrap();
    stage.stop().await;
}

/// What an application does not open is no socket, and nothing else is opened.
#[tokio::test]
async fn nothing_else_is_opened() {
    let (stage, seen) = stage().await;
    let ask = |target: &str, upgrade: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: app\r\nConnection: upgrade, close\r\nUpgrade: {upgrade}\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
    };
    let got = stage.raw(ask("/", "websocket")).await;
    assert!(got.starts_with("HTTP/1.1 200 OK"), "{got}");
    for (target, upgrade) in [("/", "h2c"), ("/socket", "h2c"), ("/socket", "spdy/3.1")] {
        let got = stage.raw(ask(target, upgrade)).await;
        assert!(!got.starts_with("HTTP/1.1 101"), "{target} {upgrade}: {got}");
    }
    for target in ["/unasked"] {
        for upgrade in ["websocket", "other"] {
            let got = stage.raw(ask(target, upgrade)).await;
            assert!(got.starts_with("HTTP/1.1 502 "), "{upgrade}: {got}");
        }
    }
    let got = stage.raw(ask("/no", "websocket")).await;
    assert!(got.starts_with("HTTP/1.1 403 "), "{got}");
    let got =
        stage.raw("CONNECT app:80 HTTP/1.1\r\nHost: app:80\r\nConnection: close\r\n\r\n").await;
    assert!(got.starts_with("HTTP/1.1 400 "), "{got}");
    assert!(!seen.requests().iter().any(|line| line.contains("CONNECT")));
}
