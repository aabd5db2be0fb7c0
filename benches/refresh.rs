//! Refresh requests per second of one server core, against what signing alone allows on the same core in the same run.
//!
//! The limit is one signature of as many bytes with the same key, ready to use, on one thread: that of the access token. The
//! refresh token, which comes and goes under HMAC, is ours to make cheap. Beside it stands what one verification and two
//! signatures allow, as a pair of signed tokens would take, by ready keys and by jsonwebtoken's own functions, which take a P-256
//! key apart for each signature. All is measured in processor time of one thread while the clients keep another core busy, in
//! short turns, so that whatever else the machine is at weighs on all alike. Fails where there are less than twice as many
//! refreshes as verifications with two signatures.
//!
//! `cargo bench --bench refresh`, or with `-- ES256` for one algorithm.

#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use pasee::cli::now;
use pasee::domain::bounds::Bounds;
use pasee::domain::change::Change;
use pasee::domain::client::Client;
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
use pasee::service::{Clients, Parts, Replicas, Service};
use pasee::settings::{Departure, IdentityProvider, Local, Mapping, Protocol};
use pasee::store::embedded::Embedded;
use pasee::telemetry::Metrics;
use pasee::web::accept::{bind, run};
use pasee::web::limits::Attempts;
use pasee::web::options::ConnectionOptions;
use pasee::web::respond::Cors;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// As the command has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const CLIENTS: usize = 32;
const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(1);
/// How long the clients refresh before it counts.
const WARM_UP: Duration = Duration::from_millis(300);
/// How many refreshes there have to be for one verification and two signatures.
const LEAST: f64 = 2.0;
const USER: &str = "local-ada";

fn main() -> ExitCode {
    let wanted = std::env::args().find(|argument| argument.starts_with("ES"));
    let mut is_fast = true;
    for algorithm in [Algorithm::Es256, Algorithm::Es256k] {
        if wanted.as_ref().is_some_and(|wanted| wanted != algorithm.as_str()) {
            continue;
        }
        is_fast &= compare(algorithm) >= LEAST;
    }
    if is_fast { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints how many refreshes there are, and against what; how many for one verification and two signatures.
fn compare(algorithm: Algorithm) -> f64 {
    let key = PrivateKey::generate(algorithm).expect("randomness");
    let clients = busy_core();
    let server = Server::start(&key);
    let signed = URL_SAFE_NO_PAD.decode(signature(&key)).expect("base64url");
    let library = Library::of(&key);
    let [mut signatures, mut pairs, mut library_pairs, mut refreshes] = [Tally::default(); 4];
    for _ in 0..TURNS {
        signatures.add(turn(|| drop(black_box(signature(&key)))));
        pairs.add(turn(|| signed_pair(&key, &signed)));
        if let Some(library) = &library {
            library_pairs.add(turn(|| library.signed_pair()));
        }
        refreshes.add(server.turn(&clients));
    }
    drop(server);
    let (limit, pairs, refreshes) = (signatures.rate(), pairs.rate(), refreshes.rate());
    let ratio = refreshes / pairs;
    let verdict = if ratio < LEAST { " TOO SLOW" } else { "" };
    println!(
        "{algorithm}: {refreshes:.0} refreshes/s of one core; 1 signature: {limit:.0}/s, ratio {:.2}; 1 verification and 2 \
         signatures: {pairs:.0}/s, ratio {ratio:.2}{verdict}",
        refreshes / limit,
    );
    if library.is_some() {
        let pairs = library_pairs.rate();
        println!(
            "  through jsonwebtoken's functions: {pairs:.0}/s, ratio {:.2}",
            refreshes / pairs
        );
    }
    ratio
}

/// How often something was done, and in how much processor time of its thread.
#[derive(Clone, Copy, Default)]
struct Tally {
    done: u64,
    spent: Duration,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.done += other.done;
        self.spent += other.spent;
    }

    /// How often in a second.
    fn rate(self) -> f64 {
        self.done as f64 / self.spent.as_secs_f64()
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

/// Does this for one turn.
fn turn(mut round: impl FnMut()) -> Tally {
    let (started, wall, mut done) = (thread_time(), Instant::now(), 0);
    while wall.elapsed() < TURN {
        round();
        done += 1;
    }
    Tally { done, spent: thread_time() - started }
}

/// What a token of this benchmark has before its signature.
const MESSAGE: [u8; 480] = [b'x'; 480];

fn signature(key: &PrivateKey) -> String {
    key.sign(&MESSAGE).expect("a signature")
}

/// One verification and two signatures by keys as the server keeps them.
fn signed_pair(key: &PrivateKey, signed: &[u8]) {
    assert!(key.public().verifies(&MESSAGE, signed));
    black_box([signature(key), signature(key)]);
}

/// The same key for jsonwebtoken's functions.
struct Library {
    encoding: EncodingKey,
    decoding: DecodingKey,
    signed: String,
}

impl Library {
    const ES256: jsonwebtoken::Algorithm = jsonwebtoken::Algorithm::ES256;

    /// `None` for ES256K, which it does not have.
    fn of(key: &PrivateKey) -> Option<Self> {
        if key.algorithm() != Algorithm::Es256 {
            return None;
        }
        let body: String = key.to_pem().lines().filter(|line| !line.starts_with('-')).collect();
        let encoding = EncodingKey::from_ec_der(&STANDARD.decode(body).expect("PEM"));
        let members = key.public().members();
        let decoding = DecodingKey::from_ec_components(&members[2].1, &members[3].1);
        Some(Self { encoding, decoding: decoding.expect("a point"), signed: signature(key) })
    }

    /// One verification and two signatures.
    fn signed_pair(&self) {
        let Self { encoding, decoding, signed } = self;
        let sign =
            || jsonwebtoken::crypto::sign(&MESSAGE, encoding, Self::ES256).expect("a signature");
        let verified = jsonwebtoken::crypto::verify(signed, &MESSAGE, decoding, Self::ES256);
        assert!(verified.expect("a key"));
        black_box([sign(), sign()]);
    }
}

/// The provider that the user of the token once logged in through.
fn nobody() -> IdentityProvider {
    IdentityProvider {
        name: "local".parse().expect("a name"),
        protocol: Protocol::Local(Local { users: Vec::new() }),
        title: None,
        description: None,
        registers_users: false,
        mapping: Mapping::default(),
        departure: Departure::default(),
        input_fields: Vec::new(),
        enabled: true,
    }
}

/// The API, and a refresh token of a user in ten groups.
fn api(key: &PrivateKey) -> (Api, String) {
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
        possible_users: Arc::default(),
        keys,
        lifetimes,
        max_token_length: 6144,
        bounds: Bounds::default(),
        pace: Box::new(|_, _| Ok(())),
        metrics: Metrics::new(),
        replicas: Replicas::alone(),
        max_waiting: 1,
        clients: Clients::new(
            [],
            Client::built_in_pasee(&"https://pasee.example.com".parse().expect("an issuer"), &[]),
        ),
        clock: now,
    });
    let config = Config {
        base: "http://127.0.0.1:8150".parse().expect("a place"),
        trusted_proxies: Vec::new(),
        attempts: Attempts::new(0, 0),
        cors: Cors::new(&[]),
        metrics: Metrics::new(),
    };
    let api = Api::new(config, service);
    (api, token)
}

/// A server with one thread of its own.
struct Server {
    address: SocketAddr,
    request: Arc<str>,
    /// Whoever asks here is told how much processor time the thread has used.
    times: mpsc::Sender<mpsc::Sender<Duration>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(key: &PrivateKey) -> Self {
        let (api, token) = api(key);
        let (tell_address, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let (times, asked) = mpsc::channel::<mpsc::Sender<Duration>>();
        let thread = std::thread::Builder::new().name("server".to_owned()).spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().build().expect("a runtime").block_on(async move {
                let listener = bind("127.0.0.1", 0).expect("a port");
                tell_address.send(listener.local_addr().expect("an address")).expect("a listener");
                let clock = tokio::spawn(async move {
                    loop {
                        if let Ok(answer) = asked.try_recv() {
                            let _ = answer.send(thread_time());
                        }
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                });
                let shutdown = async { drop(stopped.await) };
                run(listener, Arc::new(api), ConnectionOptions::default(), shutdown).await;
                clock.abort();
            });
        });
        let request = format!(
            "POST /tokens/?refresh HTTP/1.1\r\nHost: pasee\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
        );
        Self {
            address: address.recv().expect("an address"),
            request: request.into(),
            times,
            stop: Some(stop),
            thread: Some(thread.expect("a thread")),
        }
    }

    /// Refreshes answered in one turn of all clients.
    fn turn(&self, clients: &Runtime) -> Tally {
        let counted = Arc::new(AtomicU64::new(0));
        let client = || client(self.address, Arc::clone(&self.request), Arc::clone(&counted));
        let running: Vec<_> = (0..CLIENTS).map(|_| clients.spawn(client())).collect();
        std::thread::sleep(WARM_UP);
        let (time, count) = (self.time(), counted.load(Ordering::Relaxed));
        std::thread::sleep(TURN);
        let spent = self.time() - time;
        let done = counted.load(Ordering::Relaxed) - count;
        running.iter().for_each(tokio::task::JoinHandle::abort);
        Tally { done, spent }
    }

    /// Processor time that its thread has used.
    fn time(&self) -> Duration {
        let (answer, time) = mpsc::channel();
        self.times.send(answer).expect("the server runs");
        time.recv().expect("the server answers")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server");
        }
    }
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
