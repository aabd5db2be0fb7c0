//! What is answered in the application's place: which error meets which status.
//!
//! Must not know why somebody may not.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::web::bearer::challenge;
use crate::web::{Response, respond};

/// What is answered at one of our own paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// What it says.
    pub body: Bytes,
}

impl From<Page> for Reply {
    fn from(page: Page) -> Self {
        Self::Page(Box::new(page))
    }
}

impl Page {
    fn into_response(self) -> Response {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        respond::vary(headers, &["Cookie"]);
        response
    }
}

/// Why a request does not reach the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 400: what is asked for has no one meaning.
    Ambiguous(String),
    /// 401: nobody knows who asks. With the reason, where a token came that is not believed.
    Unauthenticated(Option<String>),
    /// 403: they may not.
    Forbidden,
    /// 503: who asks cannot be found out at the moment; try again after so many seconds.
    Unavailable(u32),
    /// 302: to log in, at this place.
    LogIn(String),
    /// One of our own pages.
    Page(Box<Page>),
}

impl Reply {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Ambiguous(_) => StatusCode::BAD_REQUEST,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::LogIn(_) => StatusCode::FOUND,
            Self::Page(page) => page.status,
        }
    }

    /// The answer, which nobody keeps.
    #[must_use]
    pub fn into_response(self) -> Response {
        let (error, said) = match &self {
            Self::Ambiguous(why) => ("ambiguous_path", why.as_str()),
            Self::Unauthenticated(Some(why)) => ("invalid_token", why.as_str()),
            Self::Unauthenticated(None) => {
                ("unauthenticated", "log in, or send a token: Authorization: Bearer TOKEN")
            }
            Self::Forbidden => ("forbidden", "you may not do this here"),
            Self::Unavailable(_) => {
                ("unavailable", "who you are cannot be found out at the moment; try again soon")
            }
            Self::LogIn(_) => ("unauthenticated", "log in first"),
            Self::Page(page) => return page.as_ref().clone().into_response(),
        };
        let body = json!({ "error": error, "error_description": said });
        let mut response = Response::new(Full::new(Bytes::from(format!("{body}\n"))));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match &self {
            Self::Unauthenticated(why) => {
                let error = why.as_deref().map(|why| ("invalid_token", why));
                headers.insert(WWW_AUTHENTICATE, challenge(error));
            }
            Self::Unavailable(seconds) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Self::LogIn(place) => {
                // Made of parts that were encoded.
                if let Ok(place) = HeaderValue::try_from(place) {
                    headers.insert(http::header::LOCATION, place);
                }
            }
            Self::Ambiguous(_) | Self::Forbidden | Self::Page(_) => {}
        }
        respond::vary(headers, &["Authorization", "Cookie"]);
        response
    }
}
