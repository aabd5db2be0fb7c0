//! The cap on connections, drain, panics, addresses to listen on.

use std::time::Instant;

use pasee::web::admin::Admin;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn at_the_cap_connections_wait() {
    let server = start(ConnectionOptions { max_connections: 2, ..options() });
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    for stream in [&mut first, &mut second] {
        stream.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    }
    while server.seen() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut third = server.connect().await;
    third.write_all(get("/").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.seen(), 2);
    drop(first);
    assert!(rest(&mut third).await.ends_with("hello 127.0.0.1"));
    assert_eq!(server.seen(), 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_finishes_what_is_under_way_and_takes_nothing_new() {
    let server = start(options());
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut many = http2(server.connect().await).await;
    let mut same = many.clone();
    let slow = tokio::spawn(async move { ask(&mut same, "/slow", Bytes::new()).await });
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    one_answer(&mut idle).await;
    let mut silent = server.connect().await;
    while server.seen() < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (address, begun) = (server.address, Instant::now());
    let stopping = tokio::spawn(server.stop());
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
    assert!(begun.elapsed() < Duration::from_secs(1), "idle ones are closed at once");
    assert!(ask(&mut many, "/", Bytes::new()).await.is_err(), "GOAWAY");
    let got = rest(&mut busy).await;
    assert!(got.to_lowercase().contains("connection: close") && got.ends_with("slow"), "{got}");
    assert_eq!(slow.await.unwrap().unwrap(), (200, "slow".to_owned()));
    stopping.await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_ends() {
    let drain = Duration::from_millis(300);
    let server = start(ConnectionOptions { drain, ..options() });
    let mut one = server.connect().await;
    one.write_all(get("/endless").as_bytes()).await.unwrap();
    let mut many = http2(server.connect().await).await;
    let endless = tokio::spawn(async move { ask(&mut many, "/endless", Bytes::new()).await });
    while server.seen() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let handler = Arc::downgrade(&server.handler);
    let begun = Instant::now();
    server.stop().await;
    assert!((drain..drain * 8).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(rest(&mut one).await, "");
    assert!(endless.await.unwrap().is_err());
    while handler.upgrade().is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(begun.elapsed() < FOREVER, "a handler is still at work");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_500_and_no_more() {
    let server = start(options());
    let mut many = http2(server.connect().await).await;
    for path in ["/panic", "/late-panic"] {
        let got = server.send(get(path)).await;
        assert!(got.starts_with("HTTP/1.1 500 "), "{got}");
        assert!(!got.contains("secret"), "{got}");
        let (status, body) = ask(&mut many, path, Bytes::new()).await.unwrap();
        assert_eq!((status, body.contains("secret")), (500, false));
    }
    assert_eq!(ask(&mut many, "/", Bytes::new()).await.unwrap().0, 200);
    server.is_well().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handlers_end_with_their_client() {
    let server = start(options());
    let mut one = server.connect().await;
    one.write_all(get("/endless").as_bytes()).await.unwrap();
    let stream = server.connect().await;
    let (mut many, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let asking = tokio::spawn(async move { ask(&mut many, "/endless", Bytes::new()).await });
    while server.seen() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(one);
    connection.abort();
    asking.abort();
    // Nothing is under way any more: the drain has nothing to wait for.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_to_listen_on() {
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        let listener = accept::bind(host, 0).unwrap();
        TcpStream::connect(("127.0.0.1", listener.local_addr().unwrap().port())).await.unwrap();
    }
    for host in ["::", "[::]"] {
        // A machine may have no IPv6 at all.
        let Ok(listener) = accept::bind(host, 0) else { continue };
        TcpStream::connect(("127.0.0.1", listener.local_addr().unwrap().port())).await.unwrap();
    }
    let taken = accept::bind("127.0.0.1", 0).unwrap();
    let port = taken.local_addr().unwrap().port();
    let table = [
        ("127.0.0.1", port, format!("cannot listen on 127.0.0.1:{port}: another program")),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1:0: this machine does not have".to_owned()),
        ("", 0, "host \"\" has no address; a right one is".to_owned()),
        ("no such host", 0, "host \"no such host\" cannot be resolved; a right one is".to_owned()),
    ];
    for (host, port, expected) in table {
        let error = accept::bind(host, port).unwrap_err().to_string();
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_all_addresses_clients_keep_their_ipv4_name() {
    let Ok(listener) = accept::bind("::", 0) else { return };
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(accept::run(listener, Arc::new(Sample::default()), options(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(get("/").as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.ends_with("hello 127.0.0.1"));
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_port() {
    let ready = Arc::new(AtomicUsize::new(0));
    let asked = ready.clone();
    let admin = Admin::new(
        move || match asked.load(Ordering::SeqCst) {
            0 => Err("nobody asked"),
            _ => Ok(()),
        },
        || "# TYPE x gauge\nx 1\n# EOF\n".to_owned(),
    );
    let listener = accept::bind("127.0.0.1", 0).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(accept::run(listener, Arc::new(admin), options(), async {
        let _ = stopped.await;
    }));
    let table = [
        ("GET", "/live", "200", "live"),
        ("GET", "/ready", "503", "not ready"),
        ("GET", "/metrics", "200", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("GET", "/metrics", "200", "x 1\n# EOF"),
        ("GET", "/", "404", "/live, /ready"),
        ("GET", "/live/", "404", "/live, /ready"),
        ("POST", "/live", "405", "allow: GET, HEAD"),
        ("HEAD", "/live", "200", "content-length: 5"),
    ];
    for (method, path, status, part) in table {
        let got = once(address, method, path).await;
        assert!(got.starts_with(&format!("HTTP/1.1 {status} ")), "{got}");
        assert!(got.contains(part), "{got}");
    }
    ready.store(1, Ordering::SeqCst);
    assert!(once(address, "GET", "/ready").await.starts_with("HTTP/1.1 200 "));
    stop.send(()).unwrap();
    task.await.unwrap();
}

async fn once(address: SocketAddr, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(get(path).replacen("GET", method, 1).as_bytes()).await.unwrap();
    rest(&mut stream).await
}
