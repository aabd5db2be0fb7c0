//! Clients that take their time.

use std::time::Instant;

use super::*;

/// How long the server bears a client that sends these pieces, a moment apart, and then nothing.
async fn borne(server: &Server, pieces: &[&[u8]]) -> Duration {
    let begun = Instant::now();
    let (mut reader, mut writer) = server.connect().await.into_split();
    let writing = async {
        for piece in pieces {
            if writer.write_all(piece).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = writing => {}
        _ = rest(&mut reader) => {}
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_head_must_be_whole_in_time() {
    let server = start(options());
    let drip = vec![&b"X"[..]; 200];
    let half_preface: &[u8] = b"PRI * HTTP/2.0\r\n";
    let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    // The beginning of a HEADERS frame that is never ended.
    let headers: &[u8] = b"\0\0\x01\x01\0\0\0\0\x01\x82";
    let kinds: [&[&[u8]]; 8] = [
        &[],
        &[b"G"],
        &[b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"],
        &drip,
        &[half_preface],
        &[preface],
        &[preface, settings],
        &[preface, settings, headers],
    ];
    let all = kinds.iter().map(|pieces| borne(&server, pieces));
    for (kind, borne) in futures_in_order(all).await.into_iter().enumerate() {
        let expected = Duration::from_millis(400)..Duration::from_millis(2500);
        assert!(expected.contains(&borne), "kind {kind} was borne for {borne:?}");
    }
    assert_eq!(server.seen(), 0);
    server.is_well().await;
    server.stop().await;
}

/// All at once, answers in order.
async fn futures_in_order<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        for (future, output) in &mut running {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(cx)
            {
                *output = Some(ready);
            }
        }
        if running.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    running.into_iter().map(|(_, output)| output.unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_head_must_be_whole_in_time_too() {
    let server = start(options());
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    one_answer(&mut stream).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let begun = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    let borne = begun.elapsed();
    assert!(
        (Duration::from_millis(400)..Duration::from_millis(2500)).contains(&borne),
        "{borne:?}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_kept_a_while_and_closed() {
    let idle = Duration::from_millis(1500);
    let server = start(ConnectionOptions { idle_timeout: idle, ..options() });
    let mut one = server.connect().await;
    let mut many = http2(server.connect().await).await;
    for _ in 0..2 {
        one.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(one_answer(&mut one).await.ends_with("hello 127.0.0.1"));
        assert_eq!(ask(&mut many, "/", Bytes::new()).await.unwrap().0, 200);
        // Longer than a head may take.
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
    let begun = Instant::now();
    assert_eq!(rest(&mut one).await, "");
    while !many.is_closed() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(begun.elapsed() < FOREVER);
    }
    assert!(begun.elapsed() < idle * 2, "{:?}", begun.elapsed());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_loses_its_answer() {
    let idle = Duration::from_millis(500);
    let server = start(ConnectionOptions { idle_timeout: idle, max_connections: 1, ..options() });
    let mut greedy = server.connect().await;
    greedy.write_all(get("/large").as_bytes()).await.unwrap();
    // There is room for one connection only: this one waits until the other is cut.
    server.is_well().await;
    assert!(rest(&mut greedy).await.len() < 16 * 1024 * 1024);
    drop(greedy);
    // The same by HTTP/2, where the windows fill up, not the socket.
    let mut many = http2(server.connect().await).await;
    let request = http::Request::get("http://x/large").body(Full::default()).unwrap();
    let response = many.send_request(request).await.unwrap();
    server.is_well().await;
    assert!(response.into_body().collect().await.is_err());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_slow_clients_disturb_nobody() {
    let header_timeout = Duration::from_secs(2);
    let server = start(ConnectionOptions { header_timeout, ..options() });
    let mut slow = Vec::new();
    let begun = Instant::now();
    while slow.len() < 2000 {
        // Where a process may not open that many files, fewer must do.
        let Ok(mut stream) = TcpStream::connect(server.address).await else { break };
        if slow.len() % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
        }
        slow.push(stream);
    }
    assert!(slow.len() >= 150, "only {} connections", slow.len());
    if slow.len() < 2000 {
        slow.truncate(slow.len() - 100);
    }
    let opened = Instant::now();
    let mut times = Vec::new();
    while times.len() < 200 {
        let begun = Instant::now();
        server.is_well().await;
        times.push(begun.elapsed());
    }
    let count = slow.len();
    let closing = slow.into_iter().map(|mut stream| async move { rest(&mut stream).await });
    for got in futures_in_order(closing).await {
        assert_eq!(got, "");
    }
    let closed = opened.elapsed();
    times.sort();
    let p99 = times[times.len() * 99 / 100];
    println!("{count} slow, opened in {:?}, closed after {closed:?}, p99 {p99:?}", opened - begun);
    assert!(closed < header_timeout + Duration::from_secs(2), "closed after {closed:?}");
    assert!(p99 < Duration::from_millis(100), "p99 {p99:?}");
    server.stop().await;
}
