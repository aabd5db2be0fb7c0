//! What is said when the application says nothing.

use std::time::Duration;

use tokio::net::TcpListener;

use crate::app;
use crate::stage::{http, settings, stage, start, unix};

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = http(listener.local_addr().unwrap());
    drop(listener);
    for upstream in [nobody, unix("/nowhere/app.sock".into())] {
        let stage = start(&settings(upstream));
        let got = stage.raw("GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n").await;
        assert!(got.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{got}");
        assert!(got.contains("the application cannot be reached"), "{got}");
    }
}

#[tokio::test]
async fn nothing_comes() {
    let (address, _) = app::start().await;
    let mut settings = settings(http(address));
    settings.response_timeout = Duration::from_secs(1);
    let stage = start(&settings);
    let got = stage.raw("GET /never HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n").await;
    assert!(got.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"), "{got}");
    assert!(got.contains("did not answer in time"), "{got}");
}

#[tokio::test]
async fn it_breaks_off() {
    let (stage, _) = stage().await;
    let got = stage.raw("GET /broken HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n").await;
    assert!(got.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{got}");
    assert!(got.contains("broke off"), "{got}");
}

#[tokio::test]
async fn whoever_waits_when_it_ends() {
    let (stage, _) = stage().await;
    let got = stage
        .raw("GET /never HTTP/1.1\r\nHost: app\r\nConnection: close\r\nAuthorization: Bearer ada/1\r\n\r\n")
        .await;
    assert!(got.starts_with("HTTP/1.1 401 "), "{got}");
}
