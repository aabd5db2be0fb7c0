//! Somebody who looks again and again: by a client that stays connected, as kubectl is a process each time.
//!
//! Must not know what is looked at.

use std::time::{Duration, Instant};

use kube::{Client, Error};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::User;

/// How long a connection may be gone that a server which has restarted had.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub struct Reader {
    client: Client,
    runtime: Runtime,
}

impl Reader {
    /// Reads as somebody.
    pub fn new(user: &User) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let client = runtime.block_on(user.client());
        Self { client, runtime }
    }

    /// What the API server has at a path; null when there is nothing.
    #[track_caller]
    pub fn read(&self, path: &str) -> Value {
        let since = Instant::now();
        loop {
            let request = http::Request::get(path).body(Vec::new()).unwrap();
            match self.runtime.block_on(self.client.request(request)) {
                Ok(found) => return found,
                Err(Error::Api(status)) if status.code == 404 => return Value::Null,
                Err(error) => assert!(since.elapsed() < PATIENCE, "{path}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Asks for an object to be made, without its being made; the answer, or the refusal.
    pub fn would_create(&self, path: &str, object: &Value) -> Result<Value, String> {
        let request = http::Request::post(format!("{path}?dryRun=All"))
            .header("content-type", "application/json")
            .body(object.to_string().into_bytes())
            .unwrap();
        self.runtime.block_on(self.client.request(request)).map_err(|error| error.to_string())
    }
}
