//! Reviews through real sockets, beside clients that post slowly, and those that are not the API server. The one behind knows one
//! root staff, and ada as the staff of a.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::domain::bounds::{Bounds, Tally};
use crate::resources::webhook::{LENGTH, PATHS, ReviewPath, ReviewPaths};
use crate::web::accept;
use crate::web::options::ConnectionOptions;
use crate::webhook::*;

/// Longer than anything here may take.
const FOREVER: Duration = Duration::from_secs(60);

/// A webhook that listens, for as long as this is there.
pub(super) struct Listening {
    address: SocketAddr,
    webhook: Arc<Webhook>,
    /// What the API server behind was asked.
    asked: Arc<Mutex<Vec<String>>>,
    _stop: oneshot::Sender<()>,
}

impl Listening {
    pub(super) fn start() -> Self {
        Self::within(Bounds::default())
    }

    /// One by whose word an author makes no more than that.
    pub(super) fn within(bounds: Bounds) -> Self {
        let listener = accept::bind("127.0.0.1", 0).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::default());
        let client = api_server(Arc::clone(&asked));
        let paths = Arc::new(KnownPaths::new(client.clone(), "realm"));
        let realm = LiveRealm::new(client, "realm");
        let settings = Settings {
            bounds,
            namespace: "realm".to_owned(),
            username_prefix: "pasee:".to_owned(),
            providers: "k".parse().unwrap(),
            possible: PossibleUsers::default(),
            clock: || Timestamp::from_unix(1_000).unwrap(),
        };
        let webhook = Arc::new(Webhook::new(
            realm,
            paths,
            (Box::new(|_| Tally::default()), Box::new(|_| false)),
            settings,
        ));
        let (stop, stopped) = oneshot::channel::<()>();
        let options = ConnectionOptions::default();
        tokio::spawn(accept::run(listener, webhook.clone(), options, async {
            let _ = stopped.await;
        }));
        Self { address, webhook, asked, _stop: stop }
    }

    /// A client that has sent the head of a review and the first part of what it says that it sends.
    async fn slow(&self, says: usize, sends: usize) -> TcpStream {
        self.slow_at(path().as_str(), says, sends).await
    }

    async fn slow_at(&self, path: &str, says: usize, sends: usize) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {says}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Who is given up in the middle is hung up on.
        let _ = stream.write_all(&vec![b' '; sends]).await;
        stream
    }

    /// What is answered to a review of something that the root staff makes.
    async fn good(&self) -> Value {
        serde_json::from_slice(&self.ask(good_review()).await.1).unwrap()
    }

    /// What is answered to a body.
    pub(super) async fn ask(&self, body: String) -> (StatusCode, Bytes) {
        self.ask_at("POST", path().as_str(), body).await
    }

    async fn ask_at(&self, method: &str, path: &str, body: String) -> (StatusCode, Bytes) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "x")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let answer = timeout(FOREVER, sender.send_request(request)).await.expect("an answer");
        let (head, body) = answer.unwrap().into_parts();
        (head.status, body.collect().await.unwrap().to_bytes())
    }

    /// How many reviews are on their way, and the bytes that are held of all.
    fn held(&self) -> (usize, usize) {
        self.webhook.intake.held()
    }

    async fn until(&self, what: impl Fn((usize, usize)) -> bool) {
        let waiting = async {
            while !what(self.held()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(FOREVER, waiting).await.unwrap_or_else(|_| panic!("{:?}", self.held()));
    }
}

/// The path at which the API server asks, and the one at which it asked before.
fn path() -> ReviewPath {
    ReviewPath::new([0xab; LENGTH])
}

fn former_path() -> ReviewPath {
    ReviewPath::new([0xcd; LENGTH])
}

/// Answers reads: of Memberships with the root staff and the staff of a, of the Group a with that, of the Secret with the paths, of
/// all else with nothing.
fn api_server(asked: Arc<Mutex<Vec<String>>>) -> Client {
    let server = tower::service_fn(move |request: http::Request<Body>| {
        let path = request.uri().path().to_owned();
        asked.lock().unwrap().push(format!("{} {path}", request.method()));
        let root = json!({
            "apiVersion": "pasee.meltylab.fr/v1", "kind": "Membership",
            "metadata": { "name": "root", "uid": "1" }, "spec": { "role": "Staff", "users": ["k-root"] },
        });
        let staff = json!({
            "apiVersion": "pasee.meltylab.fr/v1", "kind": "Membership", "metadata": { "name": "staff", "uid": "2" },
            "spec": { "group": "a", "role": "Staff", "users": ["k-ada"] },
        });
        let group = json!({
            "apiVersion": "pasee.meltylab.fr/v1", "kind": "Group", "metadata": { "name": "a", "uid": "a-1" }, "spec": {},
        });
        let items = if path.ends_with("/memberships") { vec![root, staff] } else { Vec::new() };
        let list = json!({ "metadata": { "resourceVersion": "7" }, "items": items });
        let paths = ReviewPaths::default().renewed(former_path()).renewed(self::path());
        let secret = json!({
            "metadata": { "name": "pasee-keys" }, "data": { PATHS: STANDARD.encode(paths.to_text()) },
        });
        let list = match &*path {
            path if path.ends_with("/groups/a") => group,
            path if path.ends_with("/secrets/pasee-keys") => secret,
            _ => list,
        };
        let mut answer = http::Response::new(Body::from(list.to_string().into_bytes()));
        if path.contains("/groups/") && !path.ends_with("/groups/a") {
            *answer.status_mut() = StatusCode::NOT_FOUND;
        }
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    Client::new(server, "realm")
}

/// A review of something that the root staff makes.
fn good_review() -> String {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": "CREATE", "namespace": "realm",
            "resource": { "group": "pasee.meltylab.fr", "version": "v1", "resource": "groups" },
            "userInfo": { "username": "pasee:k-root" },
            "object": {
                "apiVersion": "pasee.meltylab.fr/v1", "kind": "Group", "metadata": { "name": "a" }, "spec": {},
            },
        },
    })
    .to_string()
}

fn is_allowed(answer: &Value) -> bool {
    answer["response"]["allowed"] == true
}

/// Twice as many as are judged at once, none of whom ever ends: nobody waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_posters_have_no_turn() {
    let listening = Listening::start();
    let mut slow = Vec::new();
    for number in 0..2 * AT_ONCE {
        slow.push(listening.slow(200_000, number * 100).await);
    }
    listening.until(|(coming, _)| coming == 2 * AT_ONCE).await;
    assert_eq!(listening.webhook.turns.available_permits(), AT_ONCE);
    let answer = listening.good().await;
    assert!(is_allowed(&answer), "{answer}");
    assert_eq!(listening.held().0, 2 * AT_ONCE, "nobody had to give way");
}

/// What all of them send is bounded, and who has taken the longest gives way to who comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_posters_have_no_more_memory_than_all() {
    let listening = Listening::start();
    let sends = REVIEWS.most_bytes / 8;
    let mut slow = Vec::new();
    for _ in 0..12 {
        slow.push(listening.slow(REVIEWS.largest, sends).await);
        assert!(listening.held().1 <= REVIEWS.most_bytes);
    }
    let answer = listening.good().await;
    assert!(is_allowed(&answer), "{answer}");
    assert!(listening.held().1 <= REVIEWS.most_bytes);
    // The first was given up with words, the last not yet.
    let mut told = [0; 12];
    timeout(FOREVER, slow[0].read_exact(&mut told)).await.unwrap().unwrap();
    assert_eq!(&told, b"HTTP/1.1 503");
}

/// A review by which the root staff takes somebody's place there: what is announced, and kept in mind, if it is taken for true.
fn loss() -> String {
    let user = |banned: bool| {
        json!({
            "apiVersion": "pasee.meltylab.fr/v1", "kind": "User", "metadata": { "name": "u" },
            "spec": { "username": "k-root", "banned": banned },
        })
    };
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": "UPDATE", "namespace": "realm",
            "resource": { "group": "pasee.meltylab.fr", "version": "v1", "resource": "users" },
            "userInfo": { "username": "pasee:k-root" }, "object": user(true), "oldObject": user(false),
        },
    })
    .to_string()
}

/// Who does not know the path is not the API server: whatever they send, nothing of it is read, judged, counted or announced, and
/// they are told nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_reviews_are_not_even_read() {
    let listening = Listening::start();
    assert_eq!(listening.ask_at("POST", former_path().as_str(), good_review()).await.0, 200);
    assert!(is_allowed(&listening.good().await), "at both paths that are good");
    listening.asked.lock().unwrap().clear();
    let right = path().as_str().to_owned();
    let guess = ReviewPath::new([0xaa; LENGTH]).as_str().to_owned();
    let upper = right.to_uppercase();
    let (less, more, below) = (&right[..right.len() - 1], format!("{right}0"), format!("{right}/"));
    let (twice, encoded) = (format!("/{right}"), right.replacen('a', "%61", 1));
    let wrong = [
        "/",
        "/review",
        "/review/",
        "/healthz",
        &guess,
        &upper,
        less,
        &more,
        &below,
        &twice,
        &encoded,
        "/?x",
        "/review?timeout=5s",
    ];
    for (path, review) in wrong.iter().flat_map(|path| [(path, good_review()), (path, loss())]) {
        for method in ["POST", "GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let (status, told) = listening.ask_at(method, path, review.clone()).await;
            assert_eq!(
                (status, &*told),
                (StatusCode::NOT_FOUND, &b"there is nothing here\n"[..]),
                "{path}"
            );
        }
    }
    // As many as would have all turns, and more than would have all memory: none has either.
    let mut posting = Vec::new();
    for _ in 0..2 * AT_ONCE {
        posting.push(listening.slow_at("/review", REVIEWS.largest, 100_000).await);
    }
    for stream in &mut posting {
        let mut told = [0; 12];
        timeout(FOREVER, stream.read_exact(&mut told)).await.unwrap().unwrap();
        assert_eq!(&told, b"HTTP/1.1 404");
    }
    assert_eq!(listening.held(), (0, 0));
    assert_eq!(listening.webhook.turns.available_permits(), AT_ONCE);
    let asked = listening.asked.lock().unwrap().clone();
    assert!(
        asked.iter().all(|asked| asked == "GET /api/v1/namespaces/realm/secrets/pasee-keys"),
        "{asked:?}"
    );
    // Whoever knows the path is told which method is right, and the API server's own options are no part of it.
    assert_eq!(
        listening.ask_at("GET", &right, String::new()).await.0,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let with_options = format!("{right}?timeout=5s");
    assert_eq!(listening.ask_at("POST", &with_options, good_review()).await.0, 200);
    // The same review is one that would have been announced.
    listening.asked.lock().unwrap().clear();
    listening.ask(loss()).await;
    let asked = listening.asked.lock().unwrap().clone();
    assert!(asked.iter().any(|asked| asked.contains("/leases/pasee-root-staff")), "{asked:?}");
}
