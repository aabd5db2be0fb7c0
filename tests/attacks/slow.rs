//! Requests that begin while something is allowed and end when it is no more.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::pasee::{Pasee, Setup, now};

/// A request whose body has begun.
struct Begun(TcpStream, String);

impl Begun {
    async fn new(pasee: &Pasee, method: &str, path: &str, token: &str, body: &str) -> Self {
        let (first, rest) = body.split_at(5);
        let mut stream = TcpStream::connect(pasee.address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{first}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        Self(stream, rest.to_owned())
    }

    /// The status it gets once the body is whole.
    async fn finish(mut self) -> u16 {
        self.0.write_all(self.1.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn a_slow_body_outlives_no_removal_no_ban_and_no_revocation() {
    let pasee = Setup::default()
        .members("g.staff", ["local-ada", "local-alan", "local-donald", "local-you"])
        .start()
        .await;
    let root = pasee.log_in("root").await.access;
    let body = json!({"username": "local-eve"}).to_string();
    let mut begun = Vec::new();
    for name in ["ada", "alan", "donald"] {
        let token = pasee.log_in(name).await.access;
        begun.push(Begun::new(&pasee, "POST", "/groups/g/", &token, &body).await);
    }
    let staff = pasee.log_in("you").await.access;
    let still = Begun::new(&pasee, "POST", "/groups/g/", &staff, &body).await;
    pasee.ask("DELETE", "/groups/g.staff/local-ada/").bearer(&root).send().await.is(204);
    let patch = |user: &str| pasee.ask("PATCH", &format!("/users/{user}")).bearer(&root);
    patch("local-alan").json(&json!({"is_banned": true})).await.is(204);
    patch("local-donald").json(&json!({"not_before": "now"})).await.is(204);
    let mut statuses = Vec::new();
    for request in begun {
        statuses.push(request.finish().await);
    }
    assert_eq!(statuses, [403, 403, 401]);
    assert_eq!(still.finish().await, 201, "who is still staff is still heard");
}

#[tokio::test]
async fn a_slow_revocation_counts_from_its_end() {
    let pasee = Setup::default().start().await;
    let root = pasee.log_in("root").await.access;
    let body = json!({"not_before": "now"}).to_string();
    let slow = Begun::new(&pasee, "PATCH", "/users/local-ada", &root, &body).await;
    // A login well after the revocation began, in another second.
    let begun = now();
    while now() < begun + 3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let pair = pasee.log_in("ada").await;
    assert_eq!(slow.finish().await, 204);
    pasee.refresh(&pair.refresh).await.is(401);
    pasee.ask("GET", "/users/local-ada").bearer(&pair.access).send().await.is(401);
}
