//! What the sidecar's proxy costs: requests through it, through nginx as a plain proxy where there is one, and to the application
//! itself, turn by turn in one run; and a gigabyte streamed through it, with the memory that took.
//!
//! `cargo bench --bench sidecar`. The judge lets everybody through, so that this is the floor: what verifying costs comes on top, once
//! for each token. Proxy, application and whoever asks share this process but for nginx: ratios count, and one machine's only beside
//! each other. Must not know how requests are judged.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints, or stops when something is wrong"
)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use pasee::domain::time::Timestamp;
use pasee::settings::sidecar::{HeaderSettings, ProxySettings, Upstream};
use pasee::sidecar::gate::{Judge, Verdict};
use pasee::sidecar::identity::NotFollowed;
use pasee::sidecar::identity_headers::IdentityHeaders;
use pasee::sidecar::proxy::{Endings, Proxy};
use pasee::web::accept;
use pasee::web::options::ConnectionOptions;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Turns of each, connections at once, and requests on each of them in a turn.
const TURNS: usize = 10;
const CONNECTIONS: usize = 16;
const REQUESTS: usize = 1_000;
/// How much is streamed, in bytes.
const GIGABYTE: usize = 1024 * 1024 * 1024;

struct Everybody;

impl Judge for Everybody {
    async fn judge(&self, _: &Parts, _: SocketAddr) -> Verdict {
        Verdict::Forward { identity: None, until: Some(Timestamp::MAX), cookie: None }
    }
}

#[tokio::main]
async fn main() {
    let application = application().await;
    let proxy = proxy(application);
    let nginx = Nginx::start(application);
    let mut ways = vec![("application", application), ("sidecar", proxy)];
    match &nginx {
        Some(nginx) => ways.push(("nginx", nginx.address)),
        None => println!("no nginx in PATH: measured without it"),
    }
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); ways.len()];
    let mut took = vec![Duration::ZERO; ways.len()];
    for turn in 0..=TURNS {
        for (at, (_, address)) in ways.iter().enumerate() {
            let begun = Instant::now();
            let each = ask(*address).await;
            // The first turn warms up.
            if turn > 0 {
                took[at] += begun.elapsed();
                times[at].extend(each);
            }
        }
    }
    for (at, (name, _)) in ways.iter().enumerate() {
        times[at].sort_unstable();
        let count = times[at].len();
        let rate = count as f64 / took[at].as_secs_f64();
        let (middle, late) = (times[at][count / 2], times[at][count * 99 / 100]);
        println!("{name:12} {rate:9.0} requests/s  p50 {middle:?}  p99 {late:?}");
    }
    let before = resident();
    let begun = Instant::now();
    let read = download(proxy).await;
    let (took, after) = (begun.elapsed(), resident());
    assert_eq!(read, GIGABYTE);
    println!("1 GiB in {took:?}; resident before {before} KiB, at most since {after} KiB");
}

async fn application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let builder = auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                let _ = builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
            });
        }
    });
    address
}

type Out = Response<UnsyncBoxBody<Bytes, Infallible>>;

async fn answer(request: Request<Incoming>) -> Result<Out, Infallible> {
    if request.uri().path() != "/gigabyte" {
        return Ok(Response::new(Full::new(Bytes::from_static(b"hello")).boxed_unsync()));
    }
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    let pieces = (0..GIGABYTE / piece.len()).map(move |_| Ok(Frame::data(piece.clone())));
    Ok(Response::new(StreamBody::new(stream::iter(pieces)).boxed_unsync()))
}

fn proxy(application: SocketAddr) -> SocketAddr {
    let settings = ProxySettings {
        listen: "127.0.0.1:1".parse().unwrap(),
        tls: None,
        upstream: Upstream::Http { host: application.ip().to_string(), port: application.port() },
        upstream_protocol: None,
        ca_file: None,
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(3600),
        max_connections: 10_000,
        max_connections_per_address: 10_000,
    };
    let (_, changes) = watch::channel(0);
    let endings = Endings { revocations: Arc::new(NotFollowed), changes };
    let headers = IdentityHeaders::new(&HeaderSettings::default());
    let proxy = Proxy::new(&settings, Vec::new(), Everybody, headers, endings).unwrap();
    let listener = accept::bind("127.0.0.1", 0).unwrap();
    let address = listener.local_addr().unwrap();
    let options =
        ConnectionOptions { max_connections_per_address: 10_000, ..ConnectionOptions::default() };
    let forever = std::future::pending();
    tokio::spawn(accept::run_streams(listener, Arc::new(proxy), options, forever));
    address
}

async fn connect(address: SocketAddr) -> http1::SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(path).header("host", "app").body(Empty::new()).unwrap()
}

/// How long each request took.
async fn ask(address: SocketAddr) -> Vec<Duration> {
    let mut all = JoinSet::new();
    for _ in 0..CONNECTIONS {
        all.spawn(async move {
            let mut sender = connect(address).await;
            let mut times = Vec::with_capacity(REQUESTS);
            for _ in 0..REQUESTS {
                let begun = Instant::now();
                let answer = sender.send_request(get("/")).await.unwrap();
                assert_eq!(answer.status(), 200);
                assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
                times.push(begun.elapsed());
                sender.ready().await.unwrap();
            }
            times
        });
    }
    all.join_all().await.concat()
}

async fn download(address: SocketAddr) -> usize {
    let mut body = connect(address).await.send_request(get("/gigabyte")).await.unwrap().into_body();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        read += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    read
}

/// The most memory that this process has held, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// nginx as a plain proxy, with one worker and connections that are kept.
struct Nginx {
    address: SocketAddr,
    child: Child,
    _directory: tempfile::TempDir,
}

impl Nginx {
    fn start(application: SocketAddr) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let place = directory.path().display();
        let settings = format!(
            "daemon off; worker_processes 1; pid {place}/pid; error_log {place}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; keepalive_requests 1000000;\n\
             client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c; uwsgi_temp_path {place}/d; \
             scgi_temp_path {place}/e;\n\
             upstream app {{ server {application}; keepalive 64; keepalive_requests 1000000; }}\n\
             server {{ listen {address}; location / {{ proxy_pass http://app; proxy_http_version 1.1; \
             proxy_set_header Connection \"\"; proxy_buffering off; }} }} }}\n"
        );
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("nginx");
        let command = command.arg("-p").arg(directory.path()).arg("-c").arg(&file);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let nginx = Self { address, child, _directory: directory };
        let end = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "nginx listens");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
