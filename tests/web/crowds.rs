//! One client that takes every connection, and the others.

use pasee::web::Occupancy;
use tokio::net::TcpSocket;

use super::*;

/// A connection from another address of this machine.
async fn connect_from(server: &Server, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(server.address).await.unwrap()
}

fn crowded(most: usize, of_an_address: usize) -> (Server, Occupancy) {
    let occupancy = Occupancy::default();
    let server = start(ConnectionOptions {
        max_connections: most,
        max_connections_per_address: of_an_address,
        occupancy: occupancy.clone(),
        header_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(60),
        ..options()
    });
    (server, occupancy)
}

async fn keep(stream: &mut TcpStream, path: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
}

/// Waits for what has to come.
async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(FOREVER, waiting).await.expect("it comes");
}

/// Idle connections of one client give way to each new one, of others and of itself; what is under way is not cut.
#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_give_way() {
    let (server, occupancy) = crowded(10, 10);
    let mut busy = server.connect().await;
    keep(&mut busy, "/slow").await;
    let mut held = Vec::new();
    for _ in 0..9 {
        let mut stream = server.connect().await;
        keep(&mut stream, "/").await;
        one_answer(&mut stream).await;
        held.push(stream);
    }
    for address in ["127.0.0.2", "127.0.0.1", "127.0.0.2", "127.0.0.3"] {
        let mut stream = connect_from(&server, address).await;
        keep(&mut stream, "/").await;
        assert!(one_answer(&mut stream).await.ends_with(&format!("hello {address}")));
        held.push(stream);
    }
    assert!(one_answer(&mut busy).await.ends_with("slow"));
    assert!(occupancy.gave_way() >= 4 && occupancy.refused() == 0, "{occupancy:?}");
    assert!(occupancy.open() <= 10 && occupancy.most() == 10, "{occupancy:?}");
    server.stop().await;
}

/// Heads that never end hold no connection for longer than a second once others wait.
#[tokio::test(flavor = "multi_thread")]
async fn half_heads_give_way() {
    let (server, occupancy) = crowded(10, 10);
    let mut held = Vec::new();
    for number in 0..10 {
        let mut stream = server.connect().await;
        if number % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
        }
        held.push(stream);
    }
    until(|| occupancy.open() == 10).await;
    let mut other = connect_from(&server, "127.0.0.2").await;
    keep(&mut other, "/").await;
    assert!(one_answer(&mut other).await.ends_with("hello 127.0.0.2"));
    server.stop().await;
}

/// Bodies that never end hold none either: neither for others nor for their own address.
#[tokio::test(flavor = "multi_thread")]
async fn half_bodies_give_way() {
    for (most, of_an_address, other) in [(10, 10, "127.0.0.2"), (20, 10, "127.0.0.1")] {
        let (server, occupancy) = crowded(most, of_an_address);
        let mut held = Vec::new();
        for _ in 0..10 {
            let mut stream = server.connect().await;
            let head = "POST /unhurried HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12";
            stream.write_all(head.as_bytes()).await.unwrap();
            held.push(stream);
        }
        until(|| server.seen() == 10).await;
        let asking = async {
            loop {
                let mut stream = connect_from(&server, other).await;
                let _ = stream.write_all(get("/").as_bytes()).await;
                let answer = rest(&mut stream).await;
                if !answer.is_empty() {
                    return answer;
                }
            }
        };
        let answer = timeout(FOREVER, asking).await.expect("some give way");
        assert!(answer.ends_with(&format!("hello {other}")), "{answer}");
        assert!(occupancy.gave_way() > 0, "{occupancy:?}");
        server.stop().await;
    }
}

/// What one address may have at work leaves room to others; more of it is closed.
#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_its_part() {
    let (server, occupancy) = crowded(10, 4);
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = server.connect().await;
        keep(&mut stream, "/endless").await;
        held.push(stream);
    }
    until(|| server.seen() == 4).await;
    for _ in 0..20 {
        let mut stream = server.connect().await;
        let _ = stream.write_all(get("/").as_bytes()).await;
        assert_eq!(rest(&mut stream).await, "");
    }
    assert_eq!((occupancy.open(), occupancy.refused()), (4, 20));
    for address in ["127.0.0.2", "127.0.0.3"] {
        let mut stream = connect_from(&server, address).await;
        keep(&mut stream, "/").await;
        assert!(one_answer(&mut stream).await.ends_with(address));
        held.push(stream);
    }
    assert!(!occupancy.is_full());
    server.stop().await;
}

/// A trusted proxy speaks for many: its connections count in all only.
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_has_no_part() {
    let occupancy = Occupancy::default();
    let server = start(ConnectionOptions {
        max_connections: 10,
        max_connections_per_address: 2,
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        occupancy: occupancy.clone(),
        ..options()
    });
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut stream = server.connect().await;
        keep(&mut stream, "/endless").await;
        held.push(stream);
    }
    until(|| server.seen() == 10).await;
    until(|| occupancy.is_full()).await;
    drop(held.pop());
    until(|| !occupancy.is_full()).await;
    assert_eq!(occupancy.refused(), 0);
    server.stop().await;
}

/// Over HTTP/2 too: a connection whose streams are all answered is idle, one with a stream at work is not.
#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_of_http2_give_way() {
    let (server, occupancy) = crowded(2, 2);
    let mut busy = http2(server.connect().await).await;
    let working = tokio::spawn(async move { ask(&mut busy, "/slow", Bytes::new()).await });
    until(|| server.seen() == 1).await;
    let mut idle = http2(server.connect().await).await;
    ask(&mut idle, "/", Bytes::new()).await.unwrap();
    server.is_well().await;
    assert_eq!(working.await.unwrap().unwrap().1, "slow");
    assert!(occupancy.gave_way() >= 1);
    server.stop().await;
}
