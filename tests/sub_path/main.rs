//! Pasee below a path of a host that it shares: every page, flow, document and cookie, through real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

mod bound;
mod documents;
mod pages;
mod protocol;
mod realms;
#[path = "../support/mod.rs"]
mod support;
mod tools;

use support::pasee::{Pasee, Setup};

/// The path of most tests: its first part is the name of one of our own, so that no path is found by luck.
pub const PATH: &str = "/users/one";

/// A Pasee below a path, which is its issuer.
pub async fn below(path: &str, setup: Setup) -> Pasee {
    let mut pasee = setup.start().await;
    let url = format!("{}{path}", pasee.url);
    pasee
        .restart(|settings| {
            let named =
                settings.replace("iss = \"pasee.example.com\"", &format!("iss = \"{url}\""));
            format!("hostname = \"{url}\"\n{named}")
        })
        .await;
    pasee.url = url;
    pasee
}

/// An answer from the host, whether the path is below or not.
pub async fn at_host(pasee: &Pasee, method: &str, path: &str) -> support::pasee::Answer {
    let host = format!("http://{}{path}", pasee.address);
    let method = http::Method::from_bytes(method.as_bytes()).unwrap();
    support::pasee::Ask::new(pasee.client.request(method, host)).send().await
}
