//! Requests whose end two readers may see in different places (RFC 9112 §11.2), and heads without bounds.

use super::*;

/// How many answers a text holds.
fn answers(got: &str) -> usize {
    got.matches("HTTP/1.1 ").count()
}

/// Sends a request with a second one hidden in it, then what its writer hopes is never taken for a request.
async fn smuggle(server: &Server, first: &str) -> String {
    let before = server.seen();
    let got = server.send(format!("{first}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    assert!(answers(&got) <= 1, "{first:?} got {got}");
    assert!(server.seen() <= before + 1, "{first:?} was seen twice");
    got
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_requests_are_refused() {
    let server = start(options());
    let heads = [
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4, 5",
        "Content-Length: 4, 4",
        "Content-Length: +4",
        "Content-Length: -4",
        "Content-Length: 0x4",
        "Content-Length: 4 4",
        "Content-Length: ",
        "Content-Length: 4;",
        "Content-Length: 99999999999999999999999",
        "Content-Length : 4",
        "Content-Length\t: 4",
        " Content-Length: 4",
        "X: y\r\n Content-Length: 4",
        "X: y\r\n\tz",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\u{b}: chunked",
        "Transfer-Encoding\n: chunked",
        "X: a\rTransfer-Encoding: chunked",
        "X: a\0b",
        "X y",
        ": y",
        "Host: y",
        "X\u{a0}: y",
    ];
    for head in heads {
        let first = format!("POST /body HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n");
        let got = smuggle(&server, &first).await;
        assert!(got.starts_with("HTTP/1.1 400 "), "{head:?} got {got}");
        assert!(!got.contains("200 OK"));
    }
    assert_eq!(server.seen(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_lines_and_hosts() {
    let server = start(options());
    let requests = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /  HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: x\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
        "GET / http/1.1\r\nHost: x\r\n\r\n",
        "GET /\r\nHost: x\r\n\r\n",
        "GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: x\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "\u{16}\u{3}\u{1}\0\u{a5}\u{1}\0\0\u{a1}\u{3}\u{3}",
    ];
    for request in requests {
        let got = server.send(request).await;
        assert!(
            got.starts_with("HTTP/1.1 4") || got.starts_with("HTTP/1.0 4"),
            "{request:?}: {got}"
        );
    }
    assert_eq!(server.seen(), 0);
    // The older version goes without a Host.
    assert!(server.send("GET / HTTP/1.0\r\n\r\n").await.contains("200 OK"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_framings_at_once_end_the_connection() {
    // RFC 9112 §6.1: a server may read such a request by Transfer-Encoding alone, but must close after it.
    let server = start(options());
    let requests = [
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 40\r\n\r\n0\r\n\r\n",
    ];
    for request in requests {
        let got = smuggle(&server, request).await;
        assert_eq!(answers(&got), 1, "{got}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_read_strictly() {
    let server = start(options());
    let bodies = [
        "4\nbody\n0\n\n",
        "4\r\nbody0\r\n\r\n",
        "4\r\nbody\n0\r\n\r\n",
        "4;a=\"\n\"\r\nbody\r\n0\r\n\r\n",
        "4;x\nbody\r\n0\r\n\r\n",
        "4 x\r\nbody\r\n0\r\n\r\n",
        "0x4\r\nbody\r\n0\r\n\r\n",
        "-4\r\nbody\r\n0\r\n\r\n",
        "\r\nbody\r\n0\r\n\r\n",
        "g\r\nbody\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nbody\r\n0\r\n\r\n",
        "4\r\nbodybody\r\n0\r\n\r\n",
    ];
    for body in bodies {
        let first =
            format!("POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let got = smuggle(&server, &first).await;
        assert!(!got.contains("200 OK"), "{body:?} got {got}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_have_bounds() {
    let server = start(options());
    let long = "x".repeat(64 * 1024);
    let many = "X: y\r\n".repeat(200);
    let requests = [
        (format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"), "431"),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), "414|431"),
    ];
    for (request, statuses) in requests {
        let (mut reader, mut writer) = server.connect().await.into_split();
        let _ = writer.write_all(request.as_bytes()).await;
        let got = rest(&mut reader).await;
        let status = got.split(' ').nth(1).unwrap_or_default();
        assert!(!status.is_empty() && statuses.contains(status), "{got}");
    }
    let mut sender = http2(server.connect().await).await;
    let request = http::Request::get("http://x/").header("x", &long).body(Full::default()).unwrap();
    match sender.send_request(request).await {
        Ok(response) => assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(error) => println!("refused: {error}"),
    }
    assert_eq!(server.seen(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(options());
    let pipelined = "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    let got = server.send(format!("{pipelined}{pipelined}{}", get("/"))).await;
    assert_eq!((answers(&got), server.seen()), (3, 3), "{got}");
    assert!(got.ends_with("hello 127.0.0.1"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_end_in_a_line_feed_alone_hide_nothing() {
    // RFC 9112 §2.2 lets a server take them for lines, which makes each of these one whole request.
    let server = start(options());
    let requests = [
        "POST /body HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 4\n\nbody",
        "POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: y\nContent-Length: 4\r\n\r\nbody",
        "POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\nbody",
    ];
    for request in requests {
        let got = smuggle(&server, request).await;
        assert!(got.ends_with("4 bytes"), "{request:?} got {got}");
    }
    assert_eq!(server.seen(), requests.len());
    server.stop().await;
}

/// One HTTP/2 frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// GET http://x/ in HPACK.
const FIELDS: &[u8] = b"\x82\x86\x84\x41\x01x";

/// Sends frames after the preface until the server closes.
async fn flood(server: &Server, frames: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Vec<u8> {
    let (mut reader, mut writer) = server.connect().await.into_split();
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        let _ = writer.write_all(&frame(4, 0, 0, b"")).await;
        for frame in frames {
            if writer.write_all(&frame).await.is_err() {
                break;
            }
        }
        writer
    });
    let mut got = Vec::new();
    let _ = timeout(FOREVER, reader.read_to_end(&mut got)).await.expect("the server closes");
    drop(writing.await.unwrap());
    got
}

/// The error code of GOAWAY among the frames that came.
fn goaway(mut got: &[u8]) -> Option<u32> {
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = got {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let (payload, after) = rest.split_at_checked(length)?;
        if *kind == 7 {
            return Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        got = after;
    }
    None
}

/// RFC 9113 §7.
const ENHANCE_YOUR_CALM: u32 = 11;

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_end_their_connection() {
    let server = start(options());
    let resets = (0..20_000).map(|number| {
        let stream = 2 * number + 1;
        [frame(1, 5, stream, FIELDS), frame(3, 0, stream, &8u32.to_be_bytes())].concat()
    });
    let got = flood(&server, resets).await;
    assert_eq!(goaway(&got), Some(ENHANCE_YOUR_CALM), "after resets");
    assert!(server.seen() < 2000, "{} requests were begun", server.seen());

    let begun = server.seen();
    let first = std::iter::once(frame(1, 1, 1, FIELDS));
    let more = (0..20_000)
        .map(|_| frame(9, 0, 1, &[b"\0\x01x\x7f\x81\x7f".as_slice(), &[b'y'; 256]].concat()));
    let got = flood(&server, first.chain(more)).await;
    assert_eq!(goaway(&got), Some(ENHANCE_YOUR_CALM), "after CONTINUATION");
    assert_eq!(server.seen(), begun);
    server.is_well().await;
    server.stop().await;
}
