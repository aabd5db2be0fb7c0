//! What clients ask: logins, and bodies that never end.
//!
//! Must not know what is measured.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Logins at once.
const CLIENTS: usize = 16;

/// Clients that log in at the same time, each over a connection that it keeps for as long as it is there.
pub struct Clients {
    runtime: Runtime,
    clients: Vec<reqwest::Client>,
    port: u16,
}

impl Clients {
    /// Clients of the server at this port, not connected yet.
    pub fn of(port: u16) -> Self {
        let clients = (0..CLIENTS).map(|_| reqwest::Client::new()).collect();
        Self { runtime: runtime(), clients, port }
    }

    /// Log in so many times, as who and with which password the number says, and count the statuses: 201, 403, 429, others.
    pub fn log_in(
        &self,
        provider: &'static str,
        count: usize,
        who: fn(usize) -> (String, &'static str),
    ) -> [usize; 4] {
        self.runtime.block_on(async {
            let mut clients = JoinSet::new();
            for (first, client) in self.clients.iter().cloned().enumerate() {
                let url = format!("http://127.0.0.1:{}/tokens/?idp={provider}", self.port);
                clients.spawn(async move {
                    let mut statuses = [0; 4];
                    for number in (first..count).step_by(CLIENTS) {
                        let (login, password) = who(number);
                        statuses[log_in(&client, &url, &login, password).await] += 1;
                    }
                    statuses
                });
            }
            let all = clients.join_all().await;
            std::array::from_fn(|place| all.iter().map(|statuses| statuses[place]).sum())
        })
    }
}

/// Logs in once; where its status is counted.
async fn log_in(client: &reqwest::Client, url: &str, login: &str, password: &str) -> usize {
    let body = json!({ "login": login, "password": password }).to_string();
    let request = client.post(url).header("content-type", "application/json").body(body);
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    answer.bytes().await.expect("a whole answer");
    match status {
        201 => 0,
        403 => 1,
        429 => 2,
        _ => 3,
    }
}

/// Sends, on each of so many HTTP/2 connections, 100 bodies that are all there but for their last byte, and leaves. Comes
/// back while they are there, by calling what is given.
pub fn unfinished_bodies(port: u16, connections: usize, meanwhile: impl FnOnce()) {
    runtime().block_on(async {
        let mut all = JoinSet::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
            let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
            let (mut sender, connection) = handshake.await.expect("HTTP/2");
            tokio::spawn(connection);
            for _ in 0..100 {
                let chunks = (0..4).map(|_| Ok(Frame::data(Bytes::from(vec![b' '; 16_383]))));
                let frames = futures::stream::iter(chunks);
                let endless = futures::stream::pending::<Result<Frame<Bytes>, std::io::Error>>();
                let body =
                    StreamBody::new(futures::StreamExt::chain(frames, endless)).boxed_unsync();
                let request = http::Request::post("http://pasee/tokens/?idp=cheap")
                    .header("content-type", "application/json")
                    .body(body)
                    .expect("a request");
                sender.ready().await.expect("room for a stream");
                let answer = sender.send_request(request);
                all.spawn(async move {
                    let _ = answer.await;
                });
            }
            all.spawn(async move {
                let _sender = sender;
                std::future::pending::<()>().await;
            });
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        meanwhile();
        all.shutdown().await;
    });
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}
