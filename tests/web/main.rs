//! The HTTP floor through real sockets: slow clients, caps, drain, panics, bodies, TLS, smuggling.
//!
//! Must not know what Pasee serves.

#![allow(clippy::unwrap_used, clippy::panic)] // a broken test may panic

mod bodies;
mod crowds;
mod framing;
mod lifetime;
mod names;
mod slow;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pasee::web::accept;
use pasee::web::limits::{self, BodyError};
use pasee::web::options::ConnectionOptions;
use pasee::web::{Handle, Request, Response};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here may take.
const FOREVER: Duration = Duration::from_secs(8);

/// A server on a free port.
struct Server {
    address: SocketAddr,
    handler: Arc<Sample>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Answers a few paths, and counts the requests it sees.
#[derive(Default)]
struct Sample {
    seen: AtomicUsize,
}

impl Handle for Sample {
    async fn handle(&self, request: Request, peer: SocketAddr) -> Response {
        self.seen.fetch_add(1, Ordering::SeqCst);
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/body" => answer_body(limits::read_body(request.into_body()).await),
            "/impatient" => {
                let patience = Duration::from_millis(300);
                answer_body(limits::read_body_within(request.into_body(), patience).await)
            }
            "/unhurried" => {
                let patience = Duration::from_secs(600);
                answer_body(limits::read_body_within(request.into_body(), patience).await)
            }
            "/early" => answer(StatusCode::UNAUTHORIZED, "who are you?"),
            "/slow" => {
                tokio::time::sleep(Duration::from_millis(600)).await;
                answer(StatusCode::OK, "slow")
            }
            "/endless" => std::future::pending().await,
            "/panic" => panic!("a secret"),
            "/late-panic" => {
                tokio::task::yield_now().await;
                panic!("a secret")
            }
            "/large" => Response::new(Full::new(Bytes::from(vec![b'x'; 16 * 1024 * 1024]))),
            _ => answer(StatusCode::OK, format!("hello {}", peer.ip())),
        }
    }
}

fn answer(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
}

fn answer_body(body: Result<Bytes, BodyError>) -> Response {
    match body {
        Ok(body) => answer(StatusCode::OK, format!("{} bytes", body.len())),
        Err(BodyError::TooLarge) => answer(StatusCode::PAYLOAD_TOO_LARGE, "too large"),
        Err(BodyError::Slow) => answer(StatusCode::REQUEST_TIMEOUT, "slow"),
        Err(BodyError::Broken) => answer(StatusCode::BAD_REQUEST, "broken"),
    }
}

/// Short times, so that the tests are quick.
fn options() -> ConnectionOptions {
    ConnectionOptions {
        header_timeout: Duration::from_millis(600),
        idle_timeout: Duration::from_secs(3),
        drain: Duration::from_secs(3),
        ..ConnectionOptions::default()
    }
}

fn start(options: ConnectionOptions) -> Server {
    let listener = accept::bind("127.0.0.1", 0).unwrap();
    let address = listener.local_addr().unwrap();
    let handler = Arc::new(Sample::default());
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(accept::run(listener, handler.clone(), options, stopped));
    Server { address, handler, stop, task }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn seen(&self) -> usize {
        self.handler.seen.load(Ordering::SeqCst)
    }

    /// Sends bytes on a new connection, and reads until the server closes.
    async fn send(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        rest(&mut stream).await
    }

    /// One good request.
    async fn is_well(&self) {
        let got = self.send(get("/")).await;
        assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
        assert!(got.ends_with("hello 127.0.0.1"), "{got}");
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        timeout(FOREVER, self.task).await.expect("the server stops").unwrap();
    }
}

/// A request after which the server closes.
fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

/// What comes until the end. A reset is an end.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut got = Vec::new();
    let _ = timeout(FOREVER, stream.read_to_end(&mut got)).await.expect("the server closes");
    String::from_utf8_lossy(&got).into_owned()
}

/// One answer whose body has a length, leaving the connection open.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    let whole = async {
        loop {
            let text = String::from_utf8_lossy(&got).to_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.split("content-length: ").nth(1).expect("a length");
                let length = length.split("\r\n").next().unwrap().parse::<usize>().unwrap();
                if body.len() >= length {
                    return;
                }
            }
            assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0, "the answer is whole");
        }
    };
    timeout(FOREVER, whole).await.expect("an answer");
    String::from_utf8(got).unwrap()
}

type Http2 = http2::SendRequest<Full<Bytes>>;

/// Speaks HTTP/2 from the first byte.
async fn http2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Http2 {
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(io));
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask(sender: &mut Http2, path: &str, body: Bytes) -> Result<(u16, String), hyper::Error> {
    let uri = format!("http://x{path}");
    let request = http::Request::post(uri).body(Full::new(body)).unwrap();
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
