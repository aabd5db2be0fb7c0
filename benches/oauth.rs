//! What the OpenID provider answers in a second of one server core, against signatures on the same core in the same run.
//!
//! From an authorization request of a browser whose session is known to the tokens: two requests, and two signatures by ES256, of the
//! access token and of the ID token; the limit is one of as many bytes. UserInfo and introspection sign nothing: they believe one
//! signature, and introspection the secret of a client. All of it over HTTP, in processor time of the server's one thread while the
//! clients keep another core busy, in short turns, so that whatever else the machine is at weighs on all alike. Fails where there are
//! less than an eighth as many logins, or less than a quarter as many answers, as signatures.
//!
//! `cargo bench --bench oauth`

#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::hint::black_box;
use std::net::{SocketAddr, TcpListener as Reserved};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use argon2::password_hash::PasswordHasher as _;
use argon2::{Argon2, Params};
use pasee::cli::now;
use pasee::domain::bounds::Bounds;
use pasee::idp::Providers;
use pasee::jose::claims::Party;
use pasee::jose::key::{Algorithm, PrivateKey};
use pasee::keys::{KeyParts, KeyRing, Keys};
use pasee::server::{Api, Config};
use pasee::service::{Clients, Parts as ServiceParts, Replicas, Service};
use pasee::settings::{Settings, parse};
use pasee::store::embedded::Embedded;
use pasee::telemetry::Metrics;
use pasee::web::accept::{bind, run};
use pasee::web::limits::Attempts;
use pasee::web::options::ConnectionOptions;
use pasee::web::respond::Cors;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// As the command has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Fewer than a user may have codes.
const CLIENTS: usize = 16;
const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(1);
/// How long the clients ask before it counts.
const WARM_UP: Duration = Duration::from_millis(300);
/// How many there have to be for one signature.
const LEAST_LOGINS: f64 = 0.125;
const LEAST_ANSWERS: f64 = 0.25;
/// What a token of this benchmark has before its signature.
const MESSAGE: [u8; 480] = [b'x'; 480];
/// Throw-away: RFC 7636 has both as its example.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// `app`, whose secret is `secret`, as Basic has it.
const BASIC: &str = "Authorization: Basic YXBwOnNlY3JldA==\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

fn main() -> ExitCode {
    let key = PrivateKey::generate(Algorithm::Es256).expect("randomness");
    let clients = busy_core();
    let server = Server::start(&key);
    let known = clients.block_on(Known::new(server.address));
    let work = [Work::Login, Work::UserInfo, Work::Introspection];
    let (mut signatures, mut done) = (Tally::default(), [Tally::default(); 3]);
    for _ in 0..TURNS {
        signatures.add(turn(|| drop(black_box(key.sign(&MESSAGE).expect("a signature")))));
        for (work, tally) in work.into_iter().zip(&mut done) {
            tally.add(server.turn(&clients, (work, &known)));
        }
    }
    let limit = signatures.rate();
    println!("1 signature by ES256: {limit:.0}/s of one core");
    let mut is_fast = true;
    for (work, tally) in work.into_iter().zip(done) {
        let (name, least) = match work {
            Work::Login => ("from an authorization request to the tokens", LEAST_LOGINS),
            Work::UserInfo => ("UserInfo", LEAST_ANSWERS),
            Work::Introspection => ("introspection", LEAST_ANSWERS),
        };
        let ratio = tally.rate() / limit;
        let verdict = if ratio < least { " TOO SLOW" } else { "" };
        println!(
            "{name}: {:.0}/s, ratio {ratio:.3}, at least {least} wanted{verdict}",
            tally.rate()
        );
        is_fast &= ratio >= least;
    }
    if is_fast { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Clone, Copy)]
enum Work {
    Login,
    UserInfo,
    Introspection,
}

/// What a browser and an application have after a login.
struct Known {
    cookie: String,
    token: String,
}

impl Known {
    /// Logs in on the page, and redeems a code.
    async fn new(address: SocketAddr) -> Arc<Self> {
        let mut connection = Connection::new(address).await;
        let page = connection.ask("GET", "/", "Accept: text/html\r\n", "").await;
        let begun = cookies(&page);
        let action = between(&page, "<form method=\"post\" action=\"", "\"").replace("&#38;", "&");
        let token = between(&page, "name=\"form_token\" value=\"", "\"");
        let form = format!("form_token={token}&idp=local&username=ada&password=demo-ada");
        let head = format!("{FORM}Accept: text/html\r\nCookie: {begun}\r\n");
        let cookie = cookies(&connection.ask("POST", &action, &head, &form).await);
        let mut known = Self { cookie, token: String::new() };
        let given = connection.log_in(&known).await;
        known.token = between(&given, "\"access_token\":\"", "\"");
        Arc::new(known)
    }
}

/// One kept connection.
struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, answer: Vec::with_capacity(16 * 1024) }
    }

    async fn ask(&mut self, method: &str, path: &str, head: &str, body: &str) -> String {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: pasee\r\n{head}Content-Length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).await.expect("a request");
        self.answer.clear();
        while !is_whole(&self.answer) {
            assert_ne!(
                self.stream.read_buf(&mut self.answer).await.expect("an answer"),
                0,
                "closed"
            );
        }
        String::from_utf8_lossy(&self.answer).into_owned()
    }

    /// From the request to the tokens.
    async fn log_in(&mut self, known: &Known) -> String {
        let path = format!(
            "/oauth2/authorize?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example.com%2F&scope=openid+groups&state=s&nonce=n&code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let head = format!("Cookie: {}\r\nAccept: text/html\r\n", known.cookie);
        let sent = self.ask("GET", &path, &head, "").await;
        assert!(sent.starts_with("HTTP/1.1 303"), "{sent}");
        let code = between(&sent, "code=", "&");
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fapp.example.com%2F&code_verifier={VERIFIER}"
        );
        let given = self.ask("POST", "/oauth2/token", &format!("{BASIC}{FORM}"), &form).await;
        assert!(given.starts_with("HTTP/1.1 200"), "{given}");
        given
    }

    async fn work(&mut self, work: Work, known: &Known) {
        match work {
            Work::Login => drop(self.log_in(known).await),
            Work::UserInfo => {
                let head = format!("Authorization: Bearer {}\r\n", known.token);
                let told = self.ask("GET", "/oauth2/userinfo", &head, "").await;
                assert!(told.starts_with("HTTP/1.1 200"), "{told}");
            }
            Work::Introspection => {
                let (head, form) = (format!("{BASIC}{FORM}"), format!("token={}", known.token));
                let told = self.ask("POST", "/oauth2/introspect", &head, &form).await;
                assert!(told.contains("\"active\":true"), "{told}");
            }
        }
    }
}

/// The cookies that an answer sets, as a browser sends them.
fn cookies(answer: &str) -> String {
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    let set = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_set = name.eq_ignore_ascii_case("set-cookie") && !value.contains("Max-Age=0");
        is_set.then(|| value.split(';').next().unwrap_or_default().to_owned())
    });
    set.collect::<Vec<_>>().join("; ")
}

fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| no(before, text));
    rest.split(after).next().unwrap_or_default().trim_end().to_owned()
}

fn no<T>(wanted: &str, text: &str) -> T {
    assert!(text.contains(wanted), "no {wanted} in {text}");
    unreachable!("it has just been looked for")
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
    answer.len() == end + 4 + length.unwrap_or_default()
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

/// One user, and one application that is told by ES256.
fn settings(address: SocketAddr) -> Settings {
    let params = Params::new(8, 1, 1, None).expect("parameters");
    let hash = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_with_salt(b"demo-ada", b"salt of a benchmark")
        .expect("a hash")
        .to_string();
    let digits: Vec<String> =
        Sha256::digest("secret").iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!(
        "hostname = \"http://{address}\"\n[jwt]\niss = \"http://{address}\"\n\
         [[identity_providers]]\nname = \"local\"\nprotocol = \"local\"\n\
         [[identity_providers.settings.users]]\nusername = \"ada\"\npassword_hash = \"{hash}\"\n\
         [[clients]]\nid = \"app\"\nsecret_hashes = [\"sha256:{}\"]\nid_token_alg = \"ES256\"\n\
         redirect_uris = [\"https://app.example.com/\"]\n",
        digits.concat()
    );
    parse(Path::new("settings.toml"), &text).expect("settings")
}

fn api(key: &PrivateKey, address: SocketAddr) -> Api {
    let settings = settings(address);
    let party = Party { issuer: settings.jwt.issuer.clone(), audiences: Vec::new() };
    let service = Service::new(ServiceParts {
        realm: Arc::new(Embedded::in_memory(now).expect("a store")),
        providers: Providers::new(&settings.identity_providers).expect("a provider"),
        provider_names: settings.provider_names(),
        possible_users: Arc::new(settings.possible_users()),
        clients: Clients::new(settings.clients.clone(), settings.built_in_client()),
        keys: KeyRing::new(Keys::new(&party, KeyParts::of(key.clone()))),
        lifetimes: settings.jwt.lifetimes,
        max_token_length: settings.jwt.max_token_length,
        bounds: Bounds::default(),
        pace: Box::new(|_, _| Ok(())),
        replicas: Replicas::alone(),
        max_waiting: 1,
        metrics: Metrics::new(),
        clock: now,
    });
    let config = Config {
        base: settings.hostname.clone(),
        trusted_proxies: Vec::new(),
        attempts: Attempts::new(0, 0),
        cors: Cors::new(&[]),
        metrics: Metrics::new(),
    };
    Api::new(config, service)
}

/// A server with one thread of its own.
struct Server {
    address: SocketAddr,
    /// Whoever asks here is told how much processor time the thread has used.
    times: mpsc::Sender<mpsc::Sender<Duration>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(key: &PrivateKey) -> Self {
        // Its name has the port in it, so that is chosen first.
        let reserved = Reserved::bind("127.0.0.1:0").expect("a port");
        let address = reserved.local_addr().expect("an address");
        drop(reserved);
        let api = api(key, address);
        let (listening, begun) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let (times, asked) = mpsc::channel::<mpsc::Sender<Duration>>();
        let thread = std::thread::Builder::new().name("server".to_owned()).spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().build().expect("a runtime").block_on(async move {
                let listener = bind("127.0.0.1", address.port()).expect("the port");
                listening.send(()).expect("somebody waits");
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
        begun.recv().expect("a listener");
        Self { address, times, stop: Some(stop), thread: Some(thread.expect("a thread")) }
    }

    /// What is done in one turn of all clients.
    fn turn(&self, clients: &Runtime, (work, known): (Work, &Arc<Known>)) -> Tally {
        let (counted, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let running: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (address, known) = (self.address, Arc::clone(known));
                let (counted, over) = (Arc::clone(&counted), Arc::clone(&over));
                clients.spawn(async move {
                    let mut connection = Connection::new(address).await;
                    // To the end of a login: a user may have so many codes only that nobody fetched.
                    while !over.load(Ordering::Relaxed) {
                        connection.work(work, &known).await;
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        std::thread::sleep(WARM_UP);
        let (time, count) = (self.time(), counted.load(Ordering::Relaxed));
        std::thread::sleep(TURN);
        let spent = self.time() - time;
        let done = counted.load(Ordering::Relaxed) - count;
        over.store(true, Ordering::Relaxed);
        for client in running {
            clients.block_on(client).expect("a client");
        }
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
