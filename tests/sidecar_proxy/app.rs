//! An application, which says what reached it.
//!
//! Must not know the sidecar.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

type Out = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// What the application has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Method, target, and version of each request.
    pub requests: Mutex<Vec<String>>,
    /// Bytes that it has sent at `/endless`.
    pub sent: AtomicUsize,
    /// Bytes that it has read at `/greedless` and others that read.
    pub read: AtomicUsize,
    /// Streams that were given up by the other side.
    pub given_up: AtomicUsize,
}

impl Seen {
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// On a free port.
pub async fn start() -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::<Seen>::default());
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &shared);
        }
    });
    (address, seen)
}

/// At a path.
pub fn start_unix(path: &Path) -> Arc<Seen> {
    let listener = UnixListener::bind(path).unwrap();
    let seen = Arc::<Seen>::default();
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &shared);
        }
    });
    seen
}

fn serve(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seen: &Arc<Seen>) {
    let seen = Arc::clone(seen);
    tokio::spawn(async move {
        let answering = service_fn(|request| {
            let seen = Arc::clone(&seen);
            async move { answer(request, seen).await }
        });
        let builder = auto::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection_with_upgrades(TokioIo::new(io), answering).await;
    });
}

/// Counts that a stream was given up.
struct Held(Arc<Seen>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.given_up.fetch_add(1, SeqCst);
    }
}

async fn answer(request: Request<Incoming>, seen: Arc<Seen>) -> Result<Out, std::io::Error> {
    let line = format!("{} {} {:?}", request.method(), request.uri(), request.version());
    seen.requests.lock().unwrap().push(line);
    let path = request.uri().path().to_owned();
    // The same below a path that rules may be about.
    Ok(match path.strip_prefix("/any").unwrap_or(&path) {
        "/echo" => echo(request, seen),
        "/endless" => endless(seen),
        "/quiet" => {
            let held = Held(seen);
            pieces(stream::once(async { data("first") }).chain(stream::once(async move {
                let _held = held;
                std::future::pending().await
            })))
        }
        "/unread" => {
            let _body = request.into_body();
            std::future::pending().await
        }
        "/never" => std::future::pending().await,
        "/broken" => return Err(std::io::ErrorKind::Other.into()),
        "/socket" => socket(request),
        "/unasked" => {
            let mut response = whole(StatusCode::SWITCHING_PROTOCOLS, String::new());
            response.headers_mut().insert("upgrade", HeaderValue::from_static("other"));
            response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
            response
        }
        "/upload" => {
            let mut body = request.into_body();
            let mut length = 0;
            while let Some(Ok(frame)) = body.frame().await {
                length += frame.data_ref().map_or(0, Bytes::len);
            }
            whole(StatusCode::OK, length.to_string())
        }
        "/early" => {
            // What is still sent is thrown away: a connection that is closed before would take the answer with it.
            let mut body = request.into_body();
            tokio::spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
            whole(StatusCode::PAYLOAD_TOO_LARGE, "too much".to_owned())
        }
        "/leaky" => {
            let mut response = whole(StatusCode::OK, "x".to_owned());
            for (name, value) in [
                ("connection", "x-inner, keep-alive"),
                ("x-inner", "1"),
                ("keep-alive", "timeout=5"),
                ("proxy-authenticate", "Basic"),
                ("x-outer", "1"),
                ("x-request-id", "of-the-app"),
            ] {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        }
        _ => {
            let headers: Vec<(String, String)> = request
                .headers()
                .iter()
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect();
            let target = request.uri().to_string();
            let method = request.method().to_string();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8_lossy(&body).into_owned();
            let said =
                json!({ "method": method, "target": target, "headers": headers, "body": body });
            whole(StatusCode::OK, said.to_string())
        }
    })
}

fn whole(status: StatusCode, text: String) -> Out {
    let mut response = Response::new(Full::new(Bytes::from(text)).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn data(text: &'static str) -> Result<Frame<Bytes>, Infallible> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

fn pieces(
    frames: impl futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + 'static,
) -> Out {
    Response::new(StreamBody::new(frames.boxed()).boxed_unsync())
}

/// Each piece as it comes, and how many there were as a trailer.
fn echo(request: Request<Incoming>, seen: Arc<Seen>) -> Out {
    let frames = stream::unfold((request.into_body(), 0_usize), move |(mut body, count)| {
        let seen = Arc::clone(&seen);
        async move {
            if count == usize::MAX {
                return None;
            }
            match body.frame().await {
                Some(Ok(frame)) => {
                    let length = frame.data_ref().map_or(0, Bytes::len);
                    seen.read.fetch_add(length, SeqCst);
                    match frame.into_data() {
                        // HTTP/2 may end with a frame of nothing.
                        Ok(data) => {
                            let pieces = usize::from(!data.is_empty());
                            Some((Ok(Frame::data(data)), (body, count + pieces)))
                        }
                        Err(frame) => Some((Ok(frame), (body, usize::MAX))),
                    }
                }
                Some(Err(_)) => None,
                None => {
                    let mut trailers = HeaderMap::new();
                    trailers.insert("x-pieces", HeaderValue::from(count));
                    Some((Ok(Frame::trailers(trailers)), (body, usize::MAX)))
                }
            }
        }
    });
    let mut response = pieces(frames);
    response.headers_mut().insert("trailer", HeaderValue::from_static("x-pieces"));
    response
}

/// As much as is taken.
fn endless(seen: Arc<Seen>) -> Out {
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    pieces(stream::repeat_with(move || {
        seen.sent.fetch_add(piece.len(), SeqCst);
        Ok(Frame::data(piece.clone()))
    }))
}

/// A WebSocket that says what it hears.
fn socket(mut request: Request<Incoming>) -> Out {
    let Some(key) = request.headers().get("sec-websocket-key").cloned() else {
        return whole(StatusCode::BAD_REQUEST, "no key".to_owned());
    };
    let user = request.headers().get("x-pasee-user").cloned();
    let accept = derive_accept_key(key.as_bytes());
    tokio::spawn(async move {
        let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
        let (sink, heard) = socket.split();
        let _ = heard.forward(sink).await;
    });
    let mut response = whole(StatusCode::SWITCHING_PROTOCOLS, String::new());
    let headers = response.headers_mut();
    headers.insert("connection", HeaderValue::from_static("Upgrade"));
    headers.insert("upgrade", HeaderValue::from_static("websocket"));
    headers.insert("sec-websocket-accept", accept.parse().unwrap());
    if let Some(user) = user {
        headers.insert("x-seen-user", user);
    }
    response
}
