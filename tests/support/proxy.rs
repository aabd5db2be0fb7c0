//! A small proxy, as companies have them: it takes HTTP in the clear and leads anywhere with CONNECT or SOCKS 5, asks for a
//! user and a password where it is told to, and knows names that nobody else does.
//!
//! Must not know who is called through it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::raw_server::{header, read_message};

/// What it does with whoever comes.
#[derive(Clone, Debug, Default)]
pub enum Manner {
    /// Leads there.
    #[default]
    Leads,
    /// Answers with this status line, whoever is asked for.
    Answers(&'static str),
    /// Says nothing.
    Hangs,
    /// Closes the connection.
    Closes,
}

#[derive(Default)]
struct State {
    names: HashMap<String, SocketAddr>,
    user: Option<String>,
    manner: Manner,
    asked: Vec<String>,
}

/// A listening proxy; gone when dropped.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    broken: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// One in the clear.
    pub async fn start() -> Self {
        Self::listen(None).await
    }

    /// One behind TLS.
    pub async fn start_tls(acceptor: TlsAcceptor) -> Self {
        Self::listen(Some(acceptor)).await
    }

    async fn listen(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let broken: Arc<Notify> = Arc::default();
        let (shared, breaks) = (Arc::clone(&state), Arc::clone(&broken));
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let stream = tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => stream,
                        Err(_) => break,
                    },
                    () = breaks.notified() => {
                        open.abort_all();
                        continue;
                    }
                };
                let (state, acceptor) = (Arc::clone(&shared), acceptor.clone());
                open.spawn(async move {
                    match acceptor {
                        None if is_socks(&stream).await => socks(stream, &state).await,
                        None => serve(stream, &state).await,
                        Some(acceptor) => serve(acceptor.accept(stream).await.ok()?, &state).await,
                    }
                });
                while open.try_join_next().is_some() {}
            }
        });
        Self { address, state, broken, task }
    }

    /// Knows a name from now on.
    pub fn knows(&self, name: &str, address: SocketAddr) {
        self.state.lock().unwrap().names.insert(name.to_owned(), address);
    }

    /// Asks for `user:password` from now on.
    pub fn asks_for(&self, user: &str) {
        self.state.lock().unwrap().user = Some(user.to_owned());
    }

    /// Breaks every connection that it leads; the next ones are led again.
    pub fn breaks(&self) {
        self.broken.notify_one();
    }

    /// Behaves like this from now on.
    pub fn behaves(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    /// The method and the place of each request so far.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its URL with a user and a password.
    pub fn url_with(&self, user: &str) -> String {
        format!("http://{user}@{}", self.address)
    }
}

/// Serves one connection, request by request; `None` when it ends early.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    state: &Mutex<State>,
) -> Option<()> {
    loop {
        let (head, body) = read_message(&mut stream).await?;
        let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
        let mut words = line.split(' ');
        let (method, place) = (words.next()?, words.next()?);
        let (manner, is_welcome) = {
            let mut state = state.lock().unwrap();
            state.asked.push(format!("{method} {place}"));
            let wanted = state.user.as_ref().map(|user| format!("Basic {}", STANDARD.encode(user)));
            let shown = header(&head, "proxy-authorization");
            (state.manner.clone(), wanted.is_none() || wanted == shown)
        };
        let refused = match manner {
            Manner::Hangs => {
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                return None;
            }
            Manner::Closes => return None,
            Manner::Answers(status) => Some(status),
            Manner::Leads if is_welcome => None,
            Manner::Leads => Some("407 Proxy Authentication Required"),
        };
        if let Some(status) = refused {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok()?;
            continue;
        }
        let (authority, path) = match place.strip_prefix("http://") {
            Some(rest) => rest.find('/').map_or((rest, "/"), |end| rest.split_at(end)),
            None => (place, ""),
        };
        let Some(mut there) = connect(authority, state).await else {
            let answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.ok()?;
            continue;
        };
        if method == "CONNECT" {
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
            let _ = copy_bidirectional(&mut stream, &mut there).await;
            return None;
        }
        let is_ours = |line: &&str| !line.to_ascii_lowercase().starts_with("proxy-");
        let headers: Vec<&str> = headers.split("\r\n").filter(is_ours).collect();
        let head = format!("{method} {path} HTTP/1.1\r\n{}\r\n\r\n", headers.join("\r\n"));
        there.write_all(&[head.as_bytes(), &body].concat()).await.ok()?;
        let (head, body) = read_message(&mut there).await?;
        stream.write_all(&[head.as_bytes(), b"\r\n\r\n", &body].concat()).await.ok()?;
    }
}

async fn is_socks(stream: &TcpStream) -> bool {
    let mut first = [0];
    stream.peek(&mut first).await.is_ok() && first == [5]
}

/// SOCKS 5 (RFC 1928) to a name, with a user and a password (RFC 1929) where they are asked for.
async fn socks(mut stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let methods = read_counted(&mut stream, 1).await?;
    let wanted = state.lock().unwrap().user.clone();
    let method = if wanted.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        stream.write_all(&[5, 0xff]).await.ok()?;
        return None;
    }
    stream.write_all(&[5, method]).await.ok()?;
    if let Some(wanted) = wanted {
        let user = read_counted(&mut stream, 1).await?;
        let password = read_counted(&mut stream, 0).await?;
        let shown = [user.as_slice(), b":", &password].concat();
        let is_welcome = shown == wanted.as_bytes();
        stream.write_all(&[1, u8::from(!is_welcome)]).await.ok()?;
        if !is_welcome {
            return None;
        }
    }
    // Version, CONNECT, reserved, a name.
    let name = String::from_utf8(read_counted(&mut stream, 4).await?).ok()?;
    let port = stream.read_u16().await.ok()?;
    let place = format!("{name}:{port}");
    state.lock().unwrap().asked.push(format!("SOCKS {place}"));
    let Some(mut there) = connect(&place, state).await else {
        stream.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
        return None;
    };
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    let _ = copy_bidirectional(&mut stream, &mut there).await;
    None
}

/// As many bytes as one byte says, behind so many others.
async fn read_counted(stream: &mut TcpStream, before: usize) -> Option<Vec<u8>> {
    let mut head = vec![0; before + 1];
    stream.read_exact(&mut head).await.ok()?;
    let mut bytes = vec![0; usize::from(head[before])];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

async fn connect(authority: &str, state: &Mutex<State>) -> Option<TcpStream> {
    let (host, _) = authority.rsplit_once(':').unwrap_or((authority, ""));
    let known = state.lock().unwrap().names.get(host).copied();
    match known {
        Some(address) => TcpStream::connect(address).await.ok(),
        None => TcpStream::connect(authority).await.ok(),
    }
}
