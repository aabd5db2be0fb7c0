//! Refresh requests per second of one server core, against what signing alone allows on the same core in the same run.
//!
//! The limit is one verification and two signatures by the library the server uses. Both are measured in processor time
//! of one thread, so that the clients on the other cores do not count.
//!
//! `cargo bench --bench refresh`, or with `-- ES256` for one algorithm.

#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pasee::cli::now;
use pasee::domain::membership::Membership;
use pasee::domain::policy::{Actor, Grant, admit, permit};
use pasee::domain::realm::{Change, Realm};
use pasee::domain::token::{Lifetimes, Scope, issue};
use pasee::idp::Providers;
use pasee::jose::claims::Party;
use pasee::jose::key::{Algorithm, PrivateKey};
use pasee::jose::sign::{Signer, token_id};
use pasee::jose::verify::Verifier;
use pasee::server::{Api, Config};
use pasee::store::embedded::Embedded;
use pasee::telemetry::Metrics;
use pasee::web::accept::{Options, bind, run};
use pasee::web::limits::Attempts;
use pasee::web::respond::Cors;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CLIENTS: usize = 32;
const MEASURED: Duration = Duration::from_secs(5);
const USER: &str = "local-ada";

fn main() {
    println!("algorithm  signing limit/s  refreshes/s of one core  ratio");
    let wanted = std::env::args().find(|argument| argument.starts_with("ES"));
    for algorithm in [Algorithm::Es256, Algorithm::Es256k] {
        if wanted.as_ref().is_some_and(|wanted| wanted != algorithm.as_str()) {
            continue;
        }
        let key = PrivateKey::generate(algorithm).expect("randomness");
        let limit = signing_limit(&key);
        let refreshes = refreshes(&key);
        println!("{algorithm:<9}  {limit:>15.0}  {refreshes:>23.0}  {:.2}", refreshes / limit);
    }
}

fn party() -> Party {
    Party { issuer: "pasee.example.com".parse().expect("an issuer"), audience: None }
}

/// Processor time that this thread has used.
fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

/// Verifications of one token with two signatures each, per second of processor time.
fn signing_limit(key: &PrivateKey) -> f64 {
    let message = vec![b'x'; 400];
    let signature = key.sign(&message).expect("a signature");
    let signature =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature)
            .expect("base64url");
    let (started, wall) = (thread_time(), Instant::now());
    let mut rounds = 0_u32;
    while wall.elapsed() < MEASURED {
        assert!(key.public().verifies(&message, &signature));
        for _ in 0..2 {
            std::hint::black_box(key.sign(&message).expect("a signature"));
        }
        rounds += 1;
    }
    f64::from(rounds) / (thread_time() - started).as_secs_f64()
}

/// A refresh token of a user in ten groups, and the API that takes it.
fn server(key: &PrivateKey) -> (Api, String) {
    let realm = Embedded::in_memory(now).expect("a store");
    let user: pasee::domain::user::UserId = USER.parse().expect("a user");
    for number in 0..10 {
        let group: pasee::domain::group::GroupName =
            format!("group{number}").parse().expect("a group");
        let roster = pasee::domain::membership::Roster::Members(group.clone());
        let membership = Membership { roster, user: user.clone(), expires_at: None };
        for change in [Change::CreateGroup { group, creator: None }, Change::AddMember(membership)]
        {
            realm
                .write_blocking(permit(&Actor::operator(), change).expect("a permit"))
                .expect("a write");
        }
    }
    let lifetimes = Lifetimes::default();
    let record = realm.directory().record(&user, now());
    let grant = Grant::Login { user, claims: Default::default(), scope: Scope::Unlimited };
    let admission = admit(grant, record.standing, lifetimes.session, now()).expect("admission");
    let pair =
        issue(admission, record.holdings, lifetimes, [token_id([1; 16]), token_id([2; 16])], now());
    let signer = Signer::new(key.clone(), party());
    let token = signer.refresh(&pair.refresh).expect("a token");
    let api = Api::new(Config {
        hostname: "http://127.0.0.1:8150".to_owned(),
        lifetimes,
        trusted_proxies: Vec::new(),
        realm: Arc::new(realm),
        providers: Providers::new(&[]).expect("no providers"),
        provider_names: Vec::new(),
        signer,
        verifier: Verifier::new(party(), vec![key.public().clone()]),
        retired_keys: Vec::new(),
        attempts: Attempts::new(0, 0),
        cors: Cors::new(&[]),
        metrics: Metrics::new(),
        clock: now,
    });
    (api, token)
}

/// Refreshes answered per second of the one server thread's processor time.
fn refreshes(key: &PrivateKey) -> f64 {
    let (api, token) = server(key);
    let (tell_address, address) = mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (ask_time, times) = mpsc::channel::<mpsc::Sender<Duration>>();
    let server = std::thread::Builder::new().name("server".to_owned());
    let thread = server.spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = bind("127.0.0.1", 0).expect("a port");
            tell_address.send(listener.local_addr().expect("an address")).expect("a listener");
            let clock = tokio::spawn(async move {
                loop {
                    if let Ok(answer) = times.try_recv() {
                        let _ = answer.send(thread_time());
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            });
            run(listener, Arc::new(api), Options::default(), async { drop(stopped.await) }).await;
            clock.abort();
        });
    });
    let thread = thread.expect("a thread");
    let address = address.recv().expect("an address");
    let server_time = || {
        let (answer, time) = mpsc::channel();
        ask_time.send(answer).expect("the server runs");
        time.recv().expect("the server answers")
    };
    let counted = Arc::new(AtomicU64::new(0));
    let clients = clients(address, &token, &counted);
    std::thread::sleep(Duration::from_secs(1));
    let (time, count) = (server_time(), counted.load(Ordering::Relaxed));
    std::thread::sleep(MEASURED);
    let (spent, answered) = (server_time() - time, counted.load(Ordering::Relaxed) - count);
    drop(clients);
    let _ = stop.send(());
    thread.join().expect("the server");
    answered as f64 / spent.as_secs_f64()
}

/// Clients that refresh until this is dropped, all on one thread of their own.
fn clients(address: SocketAddr, token: &str, counted: &Arc<AtomicU64>) -> tokio::runtime::Runtime {
    let request: Arc<str> = format!(
        "POST /tokens/?refresh HTTP/1.1\r\nHost: pasee\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    )
    .into();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("clients")
        .enable_all()
        .build()
        .expect("a runtime");
    // Never sleeps: waking a client would be charged to the server, as no client of another machine is.
    runtime.spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..CLIENTS {
        runtime.spawn(client(address, Arc::clone(&request), Arc::clone(counted)));
    }
    runtime
}

/// Refreshes over one kept connection, one after the other.
async fn client(address: SocketAddr, request: Arc<str>, counted: Arc<AtomicU64>) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut answer = Vec::with_capacity(8 * 1024);
    loop {
        stream.write_all(request.as_bytes()).await.expect("a request");
        answer.clear();
        while !is_whole(&answer) {
            assert_ne!(stream.read_buf(&mut answer).await.expect("an answer"), 0, "closed");
        }
        assert!(answer.starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(&answer));
        counted.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether head and body have come.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    answer.len() == end + 4 + length.expect("a length")
}
