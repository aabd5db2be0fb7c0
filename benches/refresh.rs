//! Refresh requests per second of one server core, against what signing alone allows on the same core in the same run.
//!
//! The limit is one signature of as many bytes with the same key, ready to use, on one thread: that of the access token. The
//! refresh token, which comes and goes under HMAC, is ours to make cheap. Beside it stands what one verification and two
//! signatures allow, as a pair of signed tokens would take, by ready keys and by jsonwebtoken's own functions, which take a P-256
//! key apart for each signature. All is measured in processor time of one thread while the clients keep another core busy.
//!
//! `cargo bench --bench refresh`, or with `-- ES256` for one algorithm.

#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use pasee::cli::now;
use pasee::domain::change::Change;
use pasee::domain::issue::{Ids, issue};
use pasee::domain::membership::Membership;
use pasee::domain::policy::{Actor, Grant, Login, admit, permit};
use pasee::domain::provider::ProviderNames;
use pasee::domain::realm::Realm;
use pasee::domain::token::{Lifetimes, SessionId};
use pasee::idp::Providers;
use pasee::jose::claims::Party;
use pasee::jose::key::{Algorithm, PrivateKey};
use pasee::jose::sign::token_id;
use pasee::keys::{KeyParts, KeyRing, Keys};
use pasee::server::{Api, Config};
use pasee::service::{Parts, Service};
use pasee::settings::{IdentityProvider, Local, Mapping, Protocol};
use pasee::store::embedded::Embedded;
use pasee::telemetry::Metrics;
use pasee::web::accept::{bind, run};
use pasee::web::limits::Attempts;
use pasee::web::options::ConnectionOptions;
use pasee::web::respond::Cors;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// As the command has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const CLIENTS: usize = 32;
const MEASURED: Duration = Duration::from_secs(5);
const USER: &str = "local-ada";

fn main() {
    let wanted = std::env::args().find(|argument| argument.starts_with("ES"));
    for algorithm in [Algorithm::Es256, Algorithm::Es256k] {
        if wanted.as_ref().is_some_and(|wanted| wanted != algorithm.as_str()) {
            continue;
        }
        let key = PrivateKey::generate(algorithm).expect("randomness");
        let clients = busy_core();
        let limit = rate(|| drop(black_box(signature(&key))));
        let of_signed_pairs = ready_keys(&key);
        let of_library = library(&key);
        let refreshes = refreshes(&key, &clients);
        println!(
            "{algorithm}: {refreshes:.0} refreshes/s of one core; 1 signature: {limit:.0}/s, ratio {:.2}; 1 verification and 2 \
             signatures: {of_signed_pairs:.0}/s, ratio {:.2}",
            refreshes / limit,
            refreshes / of_signed_pairs
        );
        if let Some(of_library) = of_library {
            println!(
                "  through jsonwebtoken's functions: {of_library:.0}/s, ratio {:.2}",
                refreshes / of_library
            );
        }
    }
}

fn party() -> Party {
    Party { issuer: "pasee.example.com".parse().expect("an issuer"), audiences: Vec::new() }
}

/// Processor time that this thread has used.
fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

/// How often this can be done per second of this thread's processor time.
fn rate(mut round: impl FnMut()) -> f64 {
    let (started, wall) = (thread_time(), Instant::now());
    let mut rounds = 0_u32;
    while wall.elapsed() < MEASURED {
        round();
        rounds += 1;
    }
    f64::from(rounds) / (thread_time() - started).as_secs_f64()
}

/// What a token of this benchmark has before its signature.
const MESSAGE: [u8; 480] = [b'x'; 480];

fn signature(key: &PrivateKey) -> String {
    key.sign(&MESSAGE).expect("a signature")
}

/// Verifications of one token with two signatures each, by keys as the server keeps them.
fn ready_keys(key: &PrivateKey) -> f64 {
    let signed = URL_SAFE_NO_PAD.decode(signature(key)).expect("base64url");
    rate(|| {
        assert!(key.public().verifies(&MESSAGE, &signed));
        black_box([signature(key), signature(key)]);
    })
}

/// The same by jsonwebtoken's functions; it has no ES256K.
fn library(key: &PrivateKey) -> Option<f64> {
    const ES256: jsonwebtoken::Algorithm = jsonwebtoken::Algorithm::ES256;
    if key.algorithm() != Algorithm::Es256 {
        return None;
    }
    let body: String = key.to_pem().lines().filter(|line| !line.starts_with('-')).collect();
    let encoding = EncodingKey::from_ec_der(&STANDARD.decode(body).expect("PEM"));
    let members = key.public().members();
    let decoding = DecodingKey::from_ec_components(&members[2].1, &members[3].1).expect("a point");
    let signed = signature(key);
    let sign = || jsonwebtoken::crypto::sign(&MESSAGE, &encoding, ES256).expect("a signature");
    Some(rate(|| {
        let verified = jsonwebtoken::crypto::verify(&signed, &MESSAGE, &decoding, ES256);
        assert!(verified.expect("a key"));
        black_box([sign(), sign()]);
    }))
}

/// A refresh token of a user in ten groups, and the API that takes it.
/// The provider that the user of the token once logged in through.
fn nobody() -> IdentityProvider {
    IdentityProvider {
        name: "local".parse().expect("a name"),
        protocol: Protocol::Local(Local { users: Vec::new() }),
        title: None,
        description: None,
        registers_users: false,
        mapping: Mapping::default(),
        input_fields: Vec::new(),
        enabled: true,
    }
}

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
    let grant = Grant::Login(Login::of(user));
    let admission = admit(grant, record.standing, lifetimes.session, now()).expect("admission");
    let ids = Ids {
        access: token_id([1; 16]),
        refresh: token_id([2; 16]),
        session: SessionId::new([3; 16]),
    };
    let pair = issue(admission, record.holdings, lifetimes, ids, now()).fit(usize::MAX);
    let keys = KeyRing::new(Keys::new(&party(), KeyParts::of(key.clone())));
    let token = keys.current().refresh_tokens().write(&pair.refresh).expect("a token");
    let service = Service::new(Parts {
        realm: Arc::new(realm),
        providers: Providers::new(&[nobody()]).expect("a provider"),
        provider_names: ProviderNames::default(),
        keys,
        lifetimes,
        max_token_length: 6144,
        metrics: Metrics::new(),
        clock: now,
    });
    let config = Config {
        hostname: "http://127.0.0.1:8150".to_owned(),
        trusted_proxies: Vec::new(),
        attempts: Attempts::new(0, 0),
        cors: Cors::new(&[]),
        metrics: Metrics::new(),
    };
    let api = Api::new(config, service);
    (api, token)
}

/// Refreshes answered per second of the one server thread's processor time.
fn refreshes(key: &PrivateKey, clients: &Runtime) -> f64 {
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
            run(listener, Arc::new(api), ConnectionOptions::default(), async {
                drop(stopped.await)
            })
            .await;
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
    let request: Arc<str> = format!(
        "POST /tokens/?refresh HTTP/1.1\r\nHost: pasee\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    )
    .into();
    let running: Vec<_> = (0..CLIENTS)
        .map(|_| clients.spawn(client(address, Arc::clone(&request), Arc::clone(&counted))))
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    let (time, count) = (server_time(), counted.load(Ordering::Relaxed));
    std::thread::sleep(MEASURED);
    let (spent, answered) = (server_time() - time, counted.load(Ordering::Relaxed) - count);
    for client in running {
        client.abort();
    }
    let _ = stop.send(());
    thread.join().expect("the server");
    answered as f64 / spent.as_secs_f64()
}

/// The thread of the clients. It never sleeps: waking a client would be charged to the server, as no client of another
/// machine is.
fn busy_core() -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("clients")
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
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
