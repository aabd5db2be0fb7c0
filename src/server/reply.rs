//! An answer before it is put into HTTP.
//!
//! Must not know what it says.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LINK, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use serde::Serialize;

use super::document::{Document, ErrorDocument, Frame};
use super::error::ErrorReply;
use crate::domain::client::Origin;
use crate::web::Response;
use crate::web::respond::{Cors, preferred, prefers_problem};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// An answer: a status, headers, and perhaps something to read.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    content: Content,
    /// Whose pages may read it, where that is not the same for all of its kind.
    sharing: Option<Cors>,
}

#[derive(Debug)]
enum Content {
    Nothing,
    /// Core JSON, or the same bytes as JSON.
    Document(Bytes),
    /// The same, or problem details.
    Error(ErrorDocument),
    Typed(HeaderValue, Bytes),
    Page(Bytes),
}

impl Reply {
    /// Done, and nothing to say (204).
    pub(super) fn nothing() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// A status with nothing to read.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), content: Content::Nothing, sharing: None }
    }

    /// A document. It is for whoever asked, as they stood then, so nobody keeps it.
    pub(super) fn document(status: StatusCode, document: &Document) -> Self {
        Self::written(status, document.to_bytes())
    }

    /// A document of which most stays the same, as any other.
    pub(super) fn framed(status: StatusCode, frame: &Frame, members: &impl Serialize) -> Self {
        Self::written(status, frame.around(members))
    }

    fn written(status: StatusCode, document: Vec<u8>) -> Self {
        let content = Content::Document(document.into());
        Self { status, headers: Vec::new(), content, sharing: None }.unstored()
    }

    /// An error, kept by nobody.
    pub(super) fn error(status: StatusCode, document: ErrorDocument) -> Self {
        Self { status, headers: Vec::new(), content: Content::Error(document), sharing: None }
            .unstored()
    }

    /// Bytes of a type.
    pub(super) fn typed(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Typed(content_type, body),
            sharing: None,
        }
    }

    /// A page.
    pub(super) fn html(status: StatusCode, page: Bytes) -> Self {
        Self { status, headers: Vec::new(), content: Content::Page(page), sharing: None }
    }

    /// Whether a person reads it.
    pub(super) fn is_page(&self) -> bool {
        matches!(self.content, Content::Page(_))
    }

    /// The reply with cookies that the browser is to carry, or to forget.
    #[must_use]
    pub(super) fn setting(self, cookies: impl IntoIterator<Item = HeaderValue>) -> Self {
        cookies.into_iter().fold(self, |reply, cookie| reply.with(SET_COOKIE, cookie))
    }

    /// The reply, which pages of these origins may read.
    #[must_use]
    pub(super) fn shared_with(mut self, origins: &[Origin]) -> Self {
        let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
        self.sharing = Some(Cors::new(&origins));
        self
    }

    /// Whose pages may read it, if it says so.
    pub(super) fn take_sharing(&mut self) -> Option<Cors> {
        self.sharing.take()
    }

    /// The reply with one header more.
    #[must_use]
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The reply with where the new thing is.
    #[must_use]
    pub(super) fn located(self, url: &str) -> Self {
        match HeaderValue::from_str(url) {
            Ok(value) => self.with(LOCATION, value),
            Err(_) => self,
        }
    }

    /// The reply with where the list goes on, if it does, for who does not look into the document (RFC 8288).
    #[must_use]
    pub(super) fn continued(self, next: Option<&str>) -> Self {
        let link =
            next.and_then(|url| HeaderValue::try_from(format!("<{url}>; rel=\"next\"")).ok());
        link.into_iter().fold(self, |reply, link| reply.with(LINK, link))
    }

    /// The reply, kept by nobody.
    #[must_use]
    pub(super) fn unstored(self) -> Self {
        self.with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// The reply in HTTP, with the media type that these headers of the request prefer for documents and errors.
    pub(super) fn into_response(self, headers: &HeaderMap) -> Response {
        let document = || preferred(headers).content_type();
        let (content_type, body) = match self.content {
            Content::Nothing => (None, Bytes::new()),
            Content::Document(body) => (Some(document()), body),
            Content::Error(error) if prefers_problem(headers) => {
                let problem = HeaderValue::from_static("application/problem+json");
                (Some(problem), error.problem().into())
            }
            Content::Error(error) => (Some(document()), error.core_json().into()),
            Content::Typed(content_type, body) => (Some(content_type), body),
            Content::Page(body) => (Some(HTML), body),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        if let Some(content_type) = content_type {
            response.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        response
    }
}

impl From<ErrorReply> for Reply {
    fn from(answer: ErrorReply) -> Self {
        let headers = answer.header.into_iter().collect();
        Self {
            status: answer.status,
            headers,
            content: Content::Error(answer.document),
            sharing: None,
        }
        .unstored()
    }
}

/// The answer to HEAD: as for GET, without the body.
pub(super) fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = Full::default();
    response
}
