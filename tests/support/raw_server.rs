//! A server that answers with any bytes at any pace: what a provider can do to us below HTTP.
//!
//! Must not know what the bytes mean.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What is done with a request, one thing after another. After the last the connection is kept for the next request.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends bytes.
    Bytes(Vec<u8>),
    /// Sends these bytes over and over, with pauses, until the client is gone.
    Forever(Vec<u8>, Duration),
    /// Does nothing for a while.
    Wait(Duration),
    /// Says nothing more and keeps the connection open.
    Hang,
    /// Closes the connection.
    Close,
}

/// A request: its first line, its head and its body.
#[derive(Debug)]
pub struct Request {
    /// Method and path with a space between.
    pub line: String,
    /// Everything before the empty line.
    pub head: String,
    /// Everything after it.
    pub body: Vec<u8>,
}

/// What to do with each request.
pub type Script = Arc<dyn Fn(&Request) -> Vec<Step> + Send + Sync>;

/// This machine, at any port.
const LOCALHOST: &str = "127.0.0.1:0";

/// A listening server; gone when dropped.
pub struct RawServer {
    /// Where it listens.
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RawServer {
    /// A server in the clear.
    pub async fn start(script: Script) -> Self {
        Self::start_at(LOCALHOST, script).await
    }

    /// A server in the clear, at an address and a port.
    pub async fn start_at(address: &str, script: Script) -> Self {
        Self::listen(address, script, None).await
    }

    /// A server behind TLS.
    pub async fn start_tls(script: Script, acceptor: TlsAcceptor) -> Self {
        Self::listen(LOCALHOST, script, Some(acceptor)).await
    }

    async fn listen(address: &str, script: Script, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                seen.fetch_add(1, Ordering::Relaxed);
                let (script, acceptor) = (Arc::clone(&script), acceptor.clone());
                open.spawn(async move {
                    let _ = stream.set_nodelay(true);
                    match acceptor {
                        None => converse(stream, script).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                converse(stream, script).await;
                            }
                        }
                    }
                });
                while open.try_join_next().is_some() {}
            }
        });
        Self { address, connections, task }
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, script: Script) {
    while let Some(request) = read_request(&mut stream).await {
        for step in script(&request) {
            let sent = match step {
                Step::Bytes(bytes) => stream.write_all(&bytes).await,
                Step::Wait(time) => {
                    tokio::time::sleep(time).await;
                    Ok(())
                }
                Step::Forever(bytes, pause) => loop {
                    if let Err(error) = stream.write_all(&bytes).await {
                        break Err(error);
                    }
                    tokio::time::sleep(pause).await;
                },
                Step::Hang => {
                    // Until the client gives up.
                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                    return;
                }
                Step::Close => {
                    let _ = stream.shutdown().await;
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    }
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Request> {
    let (head, body) = read_message(stream).await?;
    let line = head.lines().next()?.rsplit_once(' ')?.0.to_owned();
    Some(Request { line, head, body })
}

/// The head of a request or an answer, without the empty line, and its body.
pub async fn read_message<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut body = read.split_off(end + 4);
    let length: usize = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}

/// The first header of this name.
pub fn header(head: &str, name: &str) -> Option<String> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// A whole answer with its length.
pub fn answer(status: &str, kind: &str, body: impl AsRef<[u8]>) -> Vec<Step> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    vec![Step::Bytes(bytes)]
}
