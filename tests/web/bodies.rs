//! Bodies: exact, too large, slow, unread.

use super::*;

const LIMIT: usize = limits::MAX_BODY;

fn head(path: &str, framing: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framing}\r\n\r\n")
}

fn with_length(path: &str, length: usize) -> Vec<u8> {
    let mut request = head(path, &format!("Content-Length: {length}")).into_bytes();
    request.resize(request.len() + length, b'x');
    request
}

fn chunked(path: &str, length: usize) -> Vec<u8> {
    let mut request = head(path, "Transfer-Encoding: chunked").into_bytes();
    let mut left = length;
    while left > 0 {
        let chunk = left.min(1000);
        request.extend_from_slice(format!("{chunk:x}\r\n{}\r\n", "x".repeat(chunk)).as_bytes());
        left -= chunk;
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn up_to_the_bound() {
    let server = start(options());
    for length in [0, 1, 1000, LIMIT - 1, LIMIT] {
        let expected = format!("{length} bytes");
        for request in [with_length("/body", length), chunked("/body", length)] {
            let got = server.send(request).await;
            assert!(got.starts_with("HTTP/1.1 200 ") && got.ends_with(&expected), "{got}");
        }
        let mut many = http2(server.connect().await).await;
        let got = ask(&mut many, "/body", Bytes::from(vec![b'x'; length])).await.unwrap();
        assert_eq!(got, (200, expected));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_bound() {
    let server = start(options());
    for length in [LIMIT + 1, 2 * LIMIT, 40 * LIMIT] {
        for request in [with_length("/body", length), chunked("/body", length)] {
            // Writing may fail: the server stops reading.
            let (mut reader, mut writer) = server.connect().await.into_split();
            let writing = tokio::spawn(async move {
                let _ = writer.write_all(&request).await;
                writer
            });
            let got = rest(&mut reader).await;
            assert!(got.starts_with("HTTP/1.1 413 ") && got.ends_with("too large"), "{got}");
            drop(writing.await.unwrap());
        }
        let mut many = http2(server.connect().await).await;
        let got = ask(&mut many, "/body", Bytes::from(vec![b'x'; length])).await.unwrap();
        assert_eq!(got.0, 413);
        assert_eq!(ask(&mut many, "/", Bytes::new()).await.unwrap().0, 200);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_over_the_bound_is_refused_before_a_byte_is_read() {
    let server = start(options());
    for length in ["65537", "18446744073709551613"] {
        let head = head("/body", &format!("Content-Length: {length}\r\nExpect: 100-continue"));
        let got = server.send(head).await;
        assert!(got.starts_with("HTTP/1.1 413 "), "{got}");
    }
    let mut stream = server.connect().await;
    let request = head("/body", "Content-Length: 4\r\nExpect: 100-continue");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut continued = [0; 25];
    timeout(FOREVER, stream.read_exact(&mut continued)).await.unwrap().unwrap();
    assert_eq!(&continued, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").await.unwrap();
    assert!(rest(&mut stream).await.ends_with("4 bytes"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_broken_bodies() {
    let server = start(options());
    let mut stream = server.connect().await;
    stream.write_all(head("/impatient", "Content-Length: 100").as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let drip = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let got = rest(&mut reader).await;
    assert!(got.starts_with("HTTP/1.1 408 "), "{got}");
    drop(reader);
    timeout(FOREVER, drip).await.unwrap().unwrap();

    // The client stops in the middle: nothing is taken for the whole.
    let mut stream = server.connect().await;
    stream.write_all(head("/body", "Content-Length: 100").as_bytes()).await.unwrap();
    stream.write_all(b"not all").await.unwrap();
    stream.shutdown().await.unwrap();
    let got = rest(&mut stream).await;
    assert!(!got.contains("200 OK") && !got.contains("bytes"), "{got}");
    server.is_well().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn early_answers_reach_clients_that_still_send() {
    let server = start(options());
    // A short body is passed over, and the connection goes on.
    let mut stream = server.connect().await;
    for _ in 0..3 {
        let request = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nGET / HTTP/1";
        stream.write_all(request).await.unwrap();
        let got = one_answer(&mut stream).await;
        assert!(got.starts_with("HTTP/1.1 401 ") && got.ends_with("who are you?"), "{got}");
    }
    assert_eq!(server.seen(), 3);
    // A long one ends it, but the answer comes through, each time.
    for _ in 0..20 {
        let (mut reader, mut writer) = server.connect().await.into_split();
        let writing = tokio::spawn(async move {
            // A client whose writing fails may never read.
            let written = writer.write_all(&with_length("/early", 4 * 1024 * 1024)).await;
            written.expect("the server takes it all");
            writer
        });
        tokio::time::sleep(Duration::from_millis(10)).await;
        let got = rest(&mut reader).await;
        assert!(got.starts_with("HTTP/1.1 401 ") && got.ends_with("who are you?"), "{got}");
        drop(writing.await.unwrap());
    }
    let mut many = http2(server.connect().await).await;
    for _ in 0..20 {
        let body = Bytes::from(vec![b'x'; 4 * 1024 * 1024]);
        let got = timeout(FOREVER, ask(&mut many, "/early", body)).await.unwrap().unwrap();
        assert_eq!(got, (401, "who are you?".to_owned()));
    }
    server.is_well().await;
    server.stop().await;
}

/// An early answer to a request whose small body follows its head, in whatever pieces: the connection is kept, or said to be
/// closed. Never closed in silence.
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_is_not_closed_in_silence() {
    let server = start(options());
    for number in 0..300 {
        let mut stream = server.connect().await;
        stream.set_nodelay(true).unwrap();
        let (length, pause) = ([1, 10, 1000, 16_000, 60_000][number % 5], number % 7);
        for _ in 0..2 {
            let path = ["/early", "/", "/panic"][number % 3];
            let head =
                format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(pause as u64)).await;
            let _ = stream.write_all(&vec![b'x'; length]).await;
            let got = one_answer(&mut stream).await.to_lowercase();
            if got.contains("connection: close") {
                assert!(length > 16 * 1024, "{length} {pause} {got}");
                break;
            }
        }
    }
    server.stop().await;
}

/// Who never sends the rest gets the answer all the same, and is told that the connection ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_ends_the_connection() {
    let server = start(options());
    for head in [
        "Content-Length: 10",
        "Content-Length: 10\r\nExpect: 100-continue",
        "Transfer-Encoding: chunked",
    ] {
        let mut stream = server.connect().await;
        let head = format!("POST /early HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let got = rest(&mut stream).await.to_lowercase();
        assert!(got.starts_with("http/1.1 401 ") && got.contains("connection: close"), "{got}");
    }
    server.stop().await;
}
