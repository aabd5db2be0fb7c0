//! Reviews through real sockets, beside clients that post slowly. The API server behind is one that knows one root staff, and ada as
//! the staff of a.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::domain::bounds::{Bounds, Tally};
use crate::web::accept;
use crate::web::options::ConnectionOptions;
use crate::webhook::*;

/// Longer than anything here may take.
const FOREVER: Duration = Duration::from_secs(60);

/// A webhook that listens, for as long as this is there.
pub(super) struct Listening {
    address: SocketAddr,
    webhook: Arc<Webhook>,
    _stop: oneshot::Sender<()>,
}

impl Listening {
    pub(super) fn start() -> Self {
        let listener = accept::bind("127.0.0.1", 0).unwrap();
        let address = listener.local_addr().unwrap();
        let realm = LiveRealm::new(api_server(), "realm");
        let settings = Settings {
            bounds: Bounds::default(),
            namespace: "realm".to_owned(),
            username_prefix: "pasee:".to_owned(),
            providers: "k".parse().unwrap(),
            clock: || Timestamp::from_unix(1_000).unwrap(),
        };
        let webhook = Arc::new(Webhook::new(realm, Box::new(|_| Tally::default()), settings));
        let (stop, stopped) = oneshot::channel::<()>();
        let options = ConnectionOptions::default();
        tokio::spawn(accept::run(listener, webhook.clone(), options, async {
            let _ = stopped.await;
        }));
        Self { address, webhook, _stop: stop }
    }

    /// A client that has sent the head of a review and the first part of what it says that it sends.
    async fn slow(&self, says: usize, sends: usize) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "POST /review HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {says}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Who is given up in the middle is hung up on.
        let _ = stream.write_all(&vec![b' '; sends]).await;
        stream
    }

    /// What is answered to a review of something that the root staff makes.
    async fn good(&self) -> Value {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "1", "operation": "CREATE", "namespace": "realm",
                "resource": { "group": "pasee.meltylab.fr", "version": "v1", "resource": "groups" },
                "userInfo": { "username": "pasee:k-root" },
                "object": {
                    "apiVersion": "pasee.meltylab.fr/v1", "kind": "Group", "metadata": { "name": "a" }, "spec": {},
                },
            },
        });
        serde_json::from_slice(&self.ask(review.to_string()).await.1).unwrap()
    }

    /// What is answered to a body.
    pub(super) async fn ask(&self, body: String) -> (StatusCode, Bytes) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::post("/review")
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

/// Answers reads: of Memberships with the root staff and the staff of a, of the Group a with that, of all else with nothing.
fn api_server() -> Client {
    let server = tower::service_fn(|request: http::Request<Body>| {
        let path = request.uri().path().to_owned();
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
        let list = if path.ends_with("/groups/a") { group } else { list };
        let mut answer = http::Response::new(Body::from(list.to_string().into_bytes()));
        if path.contains("/groups/") && !path.ends_with("/groups/a") {
            *answer.status_mut() = StatusCode::NOT_FOUND;
        }
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    Client::new(server, "realm")
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
