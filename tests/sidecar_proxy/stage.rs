//! A proxy in front of an application, with a judge whose word is simple.
//!
//! `Authorization: Bearer NAME` is NAME; `Bearer NAME/SECONDS` for so long. `/no` is for nobody, the rest for everybody.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::request::Parts;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use pasee::domain::time::Timestamp;
use pasee::settings::sidecar::{
    HeaderSet, HeaderSettings, ProxySettings, Upstream, UpstreamProtocol,
};
use pasee::sidecar::gate::{Judge, Verdict};
use pasee::sidecar::identity::{Identity, Revocations, Standing};
use pasee::sidecar::identity_headers::IdentityHeaders;
use pasee::sidecar::proxy::{Endings, Proxy};
use pasee::sidecar::reply::Reply;
use pasee::web::accept;
use pasee::web::options::ConnectionOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here may take.
pub const FOREVER: Duration = Duration::from_secs(60);

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::MIN.after(since)
}

pub struct Simple;

impl Judge for Simple {
    async fn judge(&self, request: &Parts, _: SocketAddr) -> Verdict {
        if request.uri.path().starts_with("/no") {
            return Verdict::Refuse(Reply::Forbidden);
        }
        let shown = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let Some(shown) = shown.and_then(|shown| shown.strip_prefix("Bearer ")) else {
            return Verdict::Forward { identity: None, until: None, cookie: None };
        };
        let (user, seconds) = shown.split_once('/').unwrap_or((shown, "600"));
        let until = now().after(Duration::from_secs(seconds.parse().unwrap()));
        let identity = Identity {
            issuer: "https://pasee.example.com".into(),
            subject: user.to_owned(),
            user: user.to_owned(),
            groups: vec!["articles".to_owned()],
            claims: serde_json::Map::new(),
            expires_at: until,
            issued_at: None,
            revocation: None,
            session: None,
            authenticated_at: None,
            token: String::new().into(),
        };
        Verdict::Forward { identity: Some(Arc::new(identity)), until: Some(until), cookie: None }
    }
}

/// Everybody's session ends at once.
#[derive(Debug, Default)]
struct All(AtomicBool);

impl Revocations for All {
    fn standing(&self, _: &Identity, _: Timestamp) -> Standing {
        if self.0.load(SeqCst) { Standing::Ended } else { Standing::Good }
    }
}

pub struct Stage {
    pub address: SocketAddr,
    pub proxy: Arc<Proxy<Simple>>,
    all: Arc<All>,
    changes: watch::Sender<u64>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Settings in front of an application, with short times.
pub fn settings(upstream: Upstream) -> ProxySettings {
    ProxySettings {
        listen: "127.0.0.1:1".parse().unwrap(),
        tls: None,
        upstream,
        upstream_protocol: None,
        ca_file: None,
        connect_timeout: Duration::from_secs(20),
        response_timeout: Duration::from_secs(20),
        idle_timeout: Duration::from_secs(3600),
        max_connections: 1000,
        max_connections_per_address: 1000,
    }
}

pub fn http(address: SocketAddr) -> Upstream {
    Upstream::Http { host: address.ip().to_string(), port: address.port() }
}

pub fn start(settings: &ProxySettings) -> Stage {
    trusting(settings, &[])
}

/// One who believes these of where requests came from.
pub fn trusting(settings: &ProxySettings, trusted: &[&str]) -> Stage {
    let listener = accept::bind("127.0.0.1", 0).unwrap();
    let address = listener.local_addr().unwrap();
    let (all, changes) = (Arc::<All>::default(), watch::Sender::new(0));
    let headers = HeaderSettings {
        sets: vec![HeaderSet::Pasee, HeaderSet::Forwarded],
        ..HeaderSettings::default()
    };
    let endings = Endings { revocations: all.clone(), changes: changes.subscribe() };
    let trusted = trusted.iter().map(|net| net.parse().unwrap()).collect();
    let headers = IdentityHeaders::new(&headers);
    let proxy = Arc::new(Proxy::new(settings, trusted, Simple, headers, endings).unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let options =
        ConnectionOptions { drain: Duration::from_secs(5), ..ConnectionOptions::default() };
    let task = tokio::spawn(accept::run_streams(listener, proxy.clone(), options, stopped));
    Stage { address, proxy, all, changes, stop, task }
}

/// In front of a new application.
pub async fn stage() -> (Stage, Arc<super::app::Seen>) {
    let (address, seen) = super::app::start().await;
    (start(&settings(http(address))), seen)
}

/// The same, which speaks HTTP/2 to the application.
pub async fn stage_http2() -> (Stage, Arc<super::app::Seen>) {
    let (address, seen) = super::app::start().await;
    let settings = ProxySettings {
        upstream_protocol: Some(UpstreamProtocol::Http2),
        ..settings(http(address))
    };
    (start(&settings), seen)
}

impl Stage {
    /// Everybody's session ends.
    pub fn end_sessions(&self) {
        self.all.0.store(true, SeqCst);
        self.changes.send_modify(|count| *count += 1);
    }

    /// What is heard has nothing to do with anybody here.
    pub fn say_something(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a new connection, and reads until the proxy closes.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        let mut got = Vec::new();
        let _ = timeout(FOREVER, stream.read_to_end(&mut got)).await.expect("the proxy closes");
        String::from_utf8_lossy(&got).into_owned()
    }

    /// Sends bytes on a new connection, and reads until the proxy closes or says nothing more.
    pub async fn talk(&self, bytes: &str) {
        let mut stream = self.connect().await;
        let _ = stream.write_all(bytes.as_bytes()).await;
        let mut space = [0; 4096];
        while let Ok(Ok(1..)) = timeout(Duration::from_secs(2), stream.read(&mut space)).await {}
    }

    /// What the application says of a request with these headers.
    pub async fn told(&self, target: &str, headers: &str) -> Told {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: app\r\nConnection: close\r\n{headers}\r\n");
        Told::of(&self.raw(request).await)
    }

    pub async fn http2(
        &self,
    ) -> http2::SendRequest<UnsyncBoxBody<Bytes, std::convert::Infallible>> {
        let io = TokioIo::new(self.connect().await);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        let (sender, connection) = builder.handshake(io).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    pub async fn stop(self) {
        let _ = self.stop.send(());
        timeout(FOREVER, self.task).await.expect("the proxy stops").unwrap();
    }
}

/// What the application saw.
#[derive(Debug)]
pub struct Told(serde_json::Value);

impl Told {
    #[track_caller]
    pub fn of(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").expect(answer);
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        Self(serde_json::from_str(body).expect(answer))
    }

    pub fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    /// Every value of a header.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let all = self.0["headers"].as_array().unwrap().iter();
        all.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).collect()
    }

    pub fn names(&self) -> Vec<&str> {
        let all = self.0["headers"].as_array().unwrap().iter();
        all.map(|pair| pair[0].as_str().unwrap()).collect()
    }
}

pub fn unix(path: PathBuf) -> Upstream {
    Upstream::Unix(path)
}
