//! Requests to the API server, as somebody.
//!
//! Must not know who may do what.

use kube::Client;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::support::controlplane::User;

pub const MERGE: &str = "application/merge-patch+json";
pub const JSON_PATCH: &str = "application/json-patch+json";
pub const APPLY: &str = "application/apply-patch+yaml";
pub const JSON: &str = "application/json";

/// A request but for its namespace and its user.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    /// Below the namespace, such as `groups/a`; with a query perhaps.
    pub path: String,
    pub content_type: &'static str,
    pub body: Value,
}

impl Ask {
    pub fn new(method: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), content_type: JSON, body }
    }

    pub fn patch(content_type: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { method: "PATCH", path: path.into(), content_type, body }
    }

    /// The same with something more in the query.
    pub fn with(mut self, query: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(query);
        self
    }

    /// The same, decided about and not done.
    pub fn dry(self) -> Self {
        self.with("dryRun=All")
    }
}

/// Why something was not done.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub code: u16,
    pub message: String,
}

impl Refusal {
    /// Whether it is the policy that refuses, not RBAC, a schema, or chance.
    pub fn is_by_policy(&self) -> bool {
        self.code == 403 && self.message.contains("ValidatingAdmissionPolicy")
    }
}

/// Somebody who asks.
pub struct Asker<'a> {
    client: Client,
    namespace: String,
    runtime: &'a Runtime,
}

impl<'a> Asker<'a> {
    pub fn new(runtime: &'a Runtime, user: &User, namespace: &str) -> Self {
        let client = runtime.block_on(user.client());
        Self { client, namespace: namespace.to_owned(), runtime }
    }

    pub fn ask(&self, ask: &Ask) -> Result<Value, Refusal> {
        let path = &ask.path;
        let request = http::Request::builder()
            .method(ask.method)
            .uri(format!("/apis/pasee.meltylab.fr/v1/namespaces/{}/{path}", self.namespace))
            .header("content-type", ask.content_type)
            .body(if ask.body.is_null() { Vec::new() } else { ask.body.to_string().into_bytes() })
            .unwrap();
        self.runtime.block_on(self.client.request(request)).map_err(|error| match error {
            kube::Error::Api(status) => Refusal { code: status.code, message: status.message },
            other => panic!("{ask:?}: {other}"),
        })
    }

    #[track_caller]
    pub fn done(&self, ask: &Ask) -> Value {
        self.ask(ask).unwrap_or_else(|refusal| panic!("{ask:?}: {refusal:?}"))
    }

    /// Fails unless the policy refuses it, dry and not dry, in words that hold these.
    #[track_caller]
    pub fn denied(&self, ask: &Ask, says: &str) {
        for ask in [ask.clone().dry(), ask.clone()] {
            let refusal = self.ask(&ask).expect_err(&format!("{ask:?} was done"));
            assert!(refusal.is_by_policy(), "{ask:?}: {refusal:?}");
            assert!(refusal.message.contains(says), "{ask:?}: {}", refusal.message);
        }
    }

    /// Fails unless RBAC refuses it.
    #[track_caller]
    pub fn forbidden(&self, ask: &Ask) {
        let refusal = self.ask(ask).expect_err(&format!("{ask:?} was done"));
        let by_rbac = refusal.code == 403 && !refusal.is_by_policy();
        assert!(by_rbac && refusal.message.contains("cannot"), "{ask:?}: {refusal:?}");
    }
}
