//! Requests to a Pasee, and its answers.
//!
//! Must not know where it runs.

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::Pair;

/// A request under construction.
pub struct Ask(pub(super) reqwest::RequestBuilder);

impl Ask {
    /// Any request.
    pub fn new(request: reqwest::RequestBuilder) -> Self {
        Self(request)
    }

    /// With a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With a header more.
    pub fn header(self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        Self(self.0.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap()))
    }

    /// With a body that calls itself JSON.
    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        Self(self.header("content-type", "application/json").0.body(body))
    }

    /// With a body that calls itself something else.
    pub fn typed(self, kind: &str, body: impl Into<reqwest::Body>) -> Self {
        Self(self.header("content-type", kind).0.body(body))
    }

    /// Sent with a JSON body.
    pub async fn json(self, body: &Value) -> Answer {
        self.body(body.to_string()).send().await
    }

    /// Sent.
    pub async fn send(self) -> Answer {
        let response = self.0.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header as text; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        let found = serde_json::from_slice(&self.body);
        assert!(found.is_ok(), "{self:?}");
        found.unwrap()
    }

    /// The title of the document or error.
    pub fn title(&self) -> String {
        self.json()["_meta"]["title"].as_str().unwrap().to_owned()
    }

    /// The same, if it has this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{body}");
        self
    }

    /// The tokens in it.
    #[track_caller]
    pub fn pair(self) -> Pair {
        let document = self.is(201).json();
        let text = |name: &str| document[name].as_str().unwrap().to_owned();
        Pair { access: text("access_token"), refresh: text("refresh_token") }
    }

    /// What it says, without what tells the time and what the request is called, which is random.
    pub fn telling(&self) -> Telling {
        let mut headers = self.headers.clone();
        headers.remove("date");
        headers.remove("x-request-id");
        Telling { status: self.status, headers, body: self.body.clone() }
    }
}

/// All that an observer can tell from an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Telling {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}
