//! What ends behind the sidecar: sessions, what was opened in them, Pasee, the sidecar itself.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::app;
use crate::check::Sidecar;
use crate::front::{followed, started};
use crate::login::{Browser, COOKIE_SECRET, SECRET, location, pasee, settings, through};
use crate::support::pasee::{Pasee, free_port};

/// Longer than anything here may take.
const FOREVER: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<TcpStream>;

async fn open(port: u16, headers: &[(&'static str, &str)]) -> Socket {
    let url = format!("ws://127.0.0.1:{port}/any/socket");
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    tokio_tungstenite::client_async(request, stream).await.unwrap().0
}

async fn speaks(socket: &mut Socket) {
    socket.send(Message::text("ping")).await.unwrap();
    let heard = timeout(FOREVER, socket.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(heard, Message::text("ping"));
}

async fn is_cut(socket: &mut Socket) {
    match timeout(FOREVER, socket.next()).await.expect("it is cut") {
        None | Some(Err(_) | Ok(Message::Close(_))) => {}
        Some(Ok(message)) => panic!("{message:?}"),
    }
}

/// An answer that begins and does not end.
async fn stream(port: u16, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request =
        format!("GET /any/quiet HTTP/1.1\r\nhost: app\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    while !String::from_utf8_lossy(&got).contains("first") {
        let read = timeout(FOREVER, stream.read_buf(&mut got)).await.unwrap().unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&got));
    }
    stream
}

async fn ban(pasee: &Pasee, user: &str) {
    let root = pasee.log_in("root").await;
    let body = json!({ "is_banned": true });
    let path = format!("/users/{user}");
    pasee.ask("PATCH", &path).bearer(&root.access).json(&body).await.is(204);
}

fn asked(sidecar: &Sidecar, token: &str) -> String {
    let answer = sidecar
        .ask(&format!("GET /any/1 HTTP/1.1\nhost: app.example.com\nauthorization: Bearer {token}"));
    answer.split(' ').nth(1).unwrap().to_owned()
}

/// Whoever is banned is out, with all that they had open, and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_ban_ends_what_is_open() {
    let (pasee, sidecar, seen, port) = started().await;
    let (ada, alan) = (pasee.log_in("ada").await.access, pasee.log_in("alan").await.access);
    let of_ada = format!("Bearer {ada}");
    let of_alan = format!("Bearer {alan}");
    let mut socket = open(port, &[("authorization", &of_ada)]).await;
    let mut other = open(port, &[("authorization", &of_alan)]).await;
    let mut quiet = stream(port, &ada).await;
    speaks(&mut socket).await;
    speaks(&mut other).await;
    assert_eq!(seen.given_up.load(SeqCst), 0);
    ban(&pasee, "local-ada").await;
    is_cut(&mut socket).await;
    let mut rest = Vec::new();
    let _ = timeout(FOREVER, quiet.read_to_end(&mut rest)).await.expect("it is cut");
    assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "it has no end");
    assert_eq!(asked(&sidecar, &ada), "401");
    speaks(&mut other).await;
    assert_eq!(asked(&sidecar, &alan), "200");
}

/// Signing out in a browser ends what a page of it had open; another login of the same person goes on.
#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_what_is_open() {
    let port = free_port();
    let pasee = pasee(port).await;
    let (address, _) = app::start().await;
    let url = &pasee.url;
    let tables = format!(
        "{}[revocations]\nissuer = \"{url}\"\nclient_id = \"app\"\nclient_secret = \"{SECRET}\"\n",
        settings(&pasee, port, &format!("\"{COOKIE_SECRET}\""))
    );
    let sidecar = Sidecar::in_front(port, address, &tables);
    sidecar.becomes("200");
    let mut browsers = [Browser::new(), Browser::new()];
    for browser in &mut browsers {
        let begun = browser.get(&sidecar.at("/.pasee/sign_in")).await;
        let back = through(&pasee, &location(&begun)).await;
        assert_eq!(browser.get(&back).await.status(), 303);
    }
    let [mut one, other] = browsers;
    let origin = sidecar.at("");
    let cookie = |browser: &Browser| format!("pasee_session={}", browser.cookies["pasee_session"]);
    let host = format!("127.0.0.1:{port}");
    let of_one = cookie(&one);
    let of_other = cookie(&other);
    let headers =
        |cookie| [("cookie", cookie), ("origin", origin.as_str()), ("host", host.as_str())];
    let mut socket = open(port, &headers(of_one.as_str())).await;
    let mut second = open(port, &headers(of_other.as_str())).await;
    speaks(&mut socket).await;
    let own = [("origin", origin.as_str())];
    let ended = one.send(reqwest::Method::POST, &sidecar.at("/.pasee/sign_out"), &own).await;
    assert_eq!(ended.status(), 303);
    is_cut(&mut socket).await;
    speaks(&mut second).await;
    // Who one is, as little as all else, once all sessions were ended.
    let mut other = other;
    assert_eq!(other.get(&sidecar.at("/.pasee/me")).await.status(), 200);
    ban(&pasee, "local-ada").await;
    is_cut(&mut second).await;
    assert_eq!(other.get(&sidecar.at("/.pasee/me")).await.status(), 401);
}

/// While Pasee is away, tokens that it gave go on; where it has to be known who has ended and never was, nobody passes.
#[tokio::test(flavor = "multi_thread")]
async fn pasee_away() {
    let (pasee, sidecar, _, port) = started().await;
    let token = pasee.log_in("ada").await.access;
    let (address, _) = app::start().await;
    let blind = Sidecar::in_front(free_port(), address, &followed(&pasee, "wrong", "required"));
    let lenient = Sidecar::in_front(free_port(), address, &followed(&pasee, "wrong", "optional"));
    lenient.becomes("200");
    blind.becomes("503");
    // It is known what it misses, and that is not the keys.
    let begun = std::time::Instant::now();
    while !blind.log().contains("it is not known which sessions end") {
        assert!(begun.elapsed() < FOREVER, "{}", blind.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut socket = open(port, &[("authorization", &format!("Bearer {token}"))]).await;
    drop(pasee);
    assert_eq!(asked(&sidecar, &token), "200");
    speaks(&mut socket).await;
    assert_eq!(asked(&lenient, &token), "200");
    assert!(lenient.metrics().contains("pasee_sidecar_revocations_stale 1"));
    assert_eq!(asked(&blind, &token), "503");
    let public = blind.ask("GET /public/1 HTTP/1.1\nhost: app.example.com");
    assert!(public.starts_with("http/1.1 200"), "{public}");
    assert!(blind.log().contains("client_id and client_secret are to be those"), "{}", blind.log());
}

/// What is under way at the end is finished, sockets too, and nothing new begins.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_waits_for_what_is_under_way() {
    let (pasee, mut sidecar, _, port) = started().await;
    let token = pasee.log_in("ada").await.access;
    let mut socket = open(port, &[("authorization", &format!("Bearer {token}"))]).await;
    let mut upload = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "POST /any/upload HTTP/1.1\r\nhost: app\r\nauthorization: Bearer {token}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"
    );
    upload.write_all(head.as_bytes()).await.unwrap();
    speaks(&mut socket).await;
    sidecar.terminate();
    let begun = std::time::Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
        assert!(begun.elapsed() < FOREVER, "it goes on to listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    upload.write_all(b"4\r\nlast\r\n0\r\n\r\n").await.unwrap();
    let mut got = Vec::new();
    let _ = timeout(FOREVER, upload.read_to_end(&mut got)).await.unwrap();
    let got = String::from_utf8_lossy(&got);
    assert!(got.starts_with("HTTP/1.1 200") && got.ends_with('9'), "{got}");
    speaks(&mut socket).await;
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = timeout(FOREVER, socket.next()).await.unwrap() {}
    drop(socket);
    sidecar.ends();
    assert!(!sidecar.log().contains("cut "), "{}", sidecar.log());
}
