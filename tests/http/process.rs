//! The program as a whole: its end, its log, TLS, probes and metrics.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pasee::jose::key::Algorithm;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::forge::Forger;
use crate::support::kisee;
use crate::support::pasee::{Setup, free_port};
use crate::support::raw_server::RawServer;

#[tokio::test]
async fn sigterm_lets_finish_what_has_begun() {
    for signal in ["-TERM", "-INT"] {
        let mut pasee = Setup::default().start().await;
        let body = r#"{"login":"ada","password":"pw-ada"}"#;
        let (first, rest) = body.split_at(10);
        let mut begun = TcpStream::connect(pasee.address).await.unwrap();
        let head = format!(
            "POST /tokens/?idp=local HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{first}",
            body.len()
        );
        begun.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        pasee.signal(signal);
        while !pasee.log().contains("finishing what is under way") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(TcpStream::connect(pasee.address).await.is_err(), "no new connection");
        begun.write_all(rest.as_bytes()).await.unwrap();
        let mut answer = String::new();
        begun.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert!(answer.contains("access_token"), "{answer}");
        assert!(pasee.ended().await.success());
        assert!(pasee.log().contains("stopped"));
    }
}

/// After SIGTERM requests are taken for a while, and the probe says at once that none should be sent. A SIGINT then ends
/// everything, whatever is under way.
#[tokio::test]
async fn sigterm_takes_requests_for_a_while() {
    let port = free_port();
    let setup = Setup::default().drain_delay(60);
    let mut pasee = setup.tables(&format!("[admin]\nlisten = \"127.0.0.1:{port}\"")).start().await;
    let ready = async || {
        let url = format!("http://127.0.0.1:{port}/ready");
        let answer = pasee.client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(ready().await.0, 200);
    pasee.signal("-TERM");
    while !pasee.log().contains("taking requests for a little longer") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ready().await, (503, "not ready: about to stop\n".to_owned()));
    for _ in 0..5 {
        TcpStream::connect(pasee.address).await.unwrap();
        pasee.log_in("ada").await;
    }
    let mut under_way = TcpStream::connect(pasee.address).await.unwrap();
    under_way.write_all(b"POST /tokens/?idp=local HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    pasee.signal("-INT");
    assert!(!pasee.ended().await.success());
    assert!(pasee.log().contains("what was under way is cut"), "{}", pasee.log());
}

/// The delay over, nothing new is taken.
#[tokio::test]
async fn the_delay_ends() {
    let mut pasee = Setup::default().drain_delay(1).start().await;
    pasee.signal("-TERM");
    assert!(pasee.ended().await.success());
    let log = pasee.log();
    let places =
        ["a little longer", "finishing what is under way", "stopped"].map(|line| log.find(line));
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{log}");
}

/// A second SIGINT does not wait for what is under way.
#[tokio::test]
async fn a_second_sigint_ends_at_once() {
    let mut pasee = Setup::default().drain_delay(60).start().await;
    let mut under_way = TcpStream::connect(pasee.address).await.unwrap();
    let head = "POST /tokens/?idp=local HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    under_way.write_all(head.as_bytes()).await.unwrap();
    pasee.log_in("ada").await;
    pasee.signal("-INT");
    while !pasee.log().contains("finishing what is under way") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    pasee.signal("-INT");
    assert!(!pasee.ended().await.success());
    assert!(!pasee.log().contains("cut what had not finished in time"), "{}", pasee.log());
}

#[tokio::test]
async fn probes_and_metrics_have_a_port_of_their_own() {
    let port = free_port();
    let admin = format!("http://127.0.0.1:{port}");
    let mut pasee =
        Setup::default().tables(&format!("[admin]\nlisten = \"127.0.0.1:{port}\"")).start().await;
    let get = async |path: &str| {
        let answer = pasee.client.get(format!("{admin}{path}")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("/live").await, (200, "live\n".to_owned()));
    assert_eq!(get("/ready").await, (200, "ready\n".to_owned()));
    assert_eq!(get("/tokens/").await.0, 404);
    pasee.log_in("ada").await;
    let wrong = json!({"login": "ada", "password": "x"});
    pasee.ask("POST", "/tokens/?idp=local").json(&wrong).await.is(403);
    pasee.ask("GET", "/canary-path").send().await.is(404);
    pasee.ask("CANARY", "/tokens/").send().await.is(405);
    let (_, metrics) = get("/metrics").await;
    for line in [
        "pasee_http_requests_total{route=\"tokens\",status=\"201\"} 1",
        "pasee_http_requests_total{route=\"tokens\",status=\"403\"} 1",
        "pasee_http_requests_total{route=\"none\",status=\"404\"} 1",
        "pasee_logins_total{provider=\"local\",outcome=\"proved\"} 1",
        "pasee_logins_total{provider=\"local\",outcome=\"refused\"} 1",
        "pasee_token_pairs_issued_total 1",
        "pasee_connections_limit ",
        "pasee_connections_refused_total 0",
        "pasee_connections_gave_way_total 0",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(!metrics.to_lowercase().contains("canary") && !metrics.contains("ada"), "{metrics}");
    for path in ["/live", "/ready", "/metrics"] {
        pasee.ask("GET", path).send().await.is(404);
    }
    pasee.signal("-TERM");
    assert!(pasee.ended().await.success());
}

#[tokio::test]
async fn tls_when_the_settings_say_so() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls =
        format!("[tls]\ncertificate = \"{}\"\nkey = \"{}\"", certificate.display(), key.display());
    let pasee = Setup::default().tables(&tls).start().await;
    let authority = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    let url = format!("https://localhost:{}/tokens/", pasee.address.port());
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("strict-transport-security"));
    let text = answer.text().await.unwrap();
    assert!(
        text.contains(&format!("https://127.0.0.1:{}/tokens/", pasee.address.port())),
        "{text}"
    );
    assert!(!pasee.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.contains("200 OK"), "in clear");
}

/// A part of a JWT that can be looked for: its signature.
fn signature(token: &str) -> &str {
    token.rsplit('.').next().unwrap()
}

#[tokio::test]
async fn the_log_keeps_every_secret_at_every_level() {
    let forger = Forger::new(Algorithm::Es256k);
    let server = RawServer::start(kisee::good(&forger)).await;
    let canary = "canary-Pa55word";
    for format in ["text", "json"] {
        let pasee = Setup::default()
            .kisee(server.address, forger.key.public())
            .tables(&format!("[log]\nlevel = \"trace\"\nformat = \"{format}\""))
            .start()
            .await;
        let pair = pasee.log_in("root").await;
        let next = pasee.refresh(&pair.refresh).await.pair();
        for idp in ["local", "kisee"] {
            let body = json!({"login": "canary-l0gin", "password": canary});
            pasee.ask("POST", &format!("/tokens/?idp={idp}")).json(&body).await;
        }
        let user = "/users/kisee-ada";
        let patch = r#"[{"op":"replace","path":"/password","value":"canary-Pa55word"}]"#;
        let json_patch = "application/json-patch+json";
        let basic = "Basic Y2FuYXJ5OmNhbmFyeS1QYTU1d29yZA==";
        let ask = pasee.ask("PATCH", user).header("authorization", basic);
        ask.typed(json_patch, patch).send().await;
        pasee.ask("PATCH", user).bearer(&pair.access).typed(json_patch, patch).send().await;
        pasee.ask("POST", "/users/").json(&json!({"username": "x", "password": canary})).await;
        pasee.ask("GET", &format!("/groups/?access_token={}", pair.access)).send().await;
        pasee.ask("GET", "/groups/").bearer(&pair.access).send().await.is(200);
        pasee.ask("GET", "/groups/").bearer(&pair.refresh).send().await.is(401);
        pasee.ask("GET", "/groups/").bearer("canary-T0ken").send().await.is(401);
        over_http2(pasee.address, &pair.access).await;
        let log = pasee.log();
        assert!(log.contains("TRACE"), "the level is set");
        let key = pasee.forger.key.to_pem();
        let secrets = [
            canary,
            "canary-T0ken",
            "Y2FuYXJ5OmNhbmFyeS1QYTU1d29yZA",
            "pw-root",
            signature(&pair.access),
            signature(&pair.refresh),
            signature(&next.access),
            signature(&next.refresh),
            key.lines().nth(1).unwrap(),
            "$argon2id",
        ];
        for secret in secrets {
            assert!(!log.contains(secret), "{secret} in {format}");
        }
    }
}

/// A request with a token in HTTP/2, whose library logs much.
async fn over_http2(address: SocketAddr, token: &str) {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("http://{address}/groups/"))
        .header("authorization", format!("Bearer {token}"))
        .body(Full::<Bytes>::default())
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
}
