//! An answer that the browser brings to the client: by a redirect, or by a form (OAuth 2.0 Form Post Response Mode).
//!
//! Must not know what is answered.

use askama::Template;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use url::Url;

use crate::oauth::destination::{Answer, ResponseMode};
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::page::{Page, PagePolicy};
use crate::server::reply::Reply;
use crate::server::request::Call;

/// Sends the one form of the page. Without it there is a button.
const SEND: &str = "document.forms[0].submit()";

#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPost<'a> {
    page: &'a Page,
    answer: &'a Answer,
    script: &'static str,
}

#[derive(Template)]
#[template(path = "going_on.html")]
struct GoingOn<'a> {
    page: &'a Page,
    href: String,
}

/// How the browser came to where it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// By a link or a redirect.
    Link,
    /// By a form of ours: Chromium holds every redirect that follows to the page's `form-action`.
    Form,
}

impl Api {
    /// Sends the browser to the client with an answer.
    pub(super) fn deliver(
        &self,
        call: &Call<'_>,
        answer: &Answer,
        arrival: Arrival,
    ) -> Result<Reply, ApiError> {
        let page = self.page(call.parts);
        match (answer.mode, arrival) {
            (ResponseMode::Query, Arrival::Link) => {
                let location = HeaderValue::try_from(answer.url());
                let location = location.map_err(|_| {
                    ApiError::Malformed("the redirect_uri is no address".to_owned())
                })?;
                // RFC 9700 section 4.12: what comes by POST goes on by GET.
                Ok(Reply::empty(StatusCode::SEE_OTHER).with(LOCATION, location).unstored())
            }
            (ResponseMode::Query, Arrival::Form) => Ok(going_on(&page, answer.url())),
            (ResponseMode::FormPost, _) => {
                let policy = PagePolicy::default()
                    .with_forms_to(&origin(&answer.redirect_uri))
                    .with_script(SEND);
                let form = FormPost { page: &page, answer, script: SEND };
                Ok(Reply::page_within(StatusCode::OK, &page, &form, &policy))
            }
        }
    }
}

/// A page that moves on by itself.
pub(super) fn going_on(page: &Page, href: String) -> Reply {
    Reply::page(StatusCode::OK, page, &GoingOn { page, href })
}

/// What may be named in a policy of an address: its origin, or the scheme of an application on the user's own machine.
fn origin(redirect_uri: &str) -> String {
    match Url::parse(redirect_uri) {
        Ok(url) if url.has_host() && matches!(url.scheme(), "http" | "https") => {
            url.origin().ascii_serialization()
        }
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => String::new(),
    }
}
