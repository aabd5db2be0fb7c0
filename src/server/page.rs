//! Pages for people: what they have in common, whatever they are about.
//!
//! Owns the frame, how it looks, the languages and what a page may do in a browser. A page is a template that has a [`Page`] and
//! extends `frame.html`; it asks for nothing besides itself, and runs no script. Must not know what any of them is for.
//!
//! | File | Owns |
//! |---|---|
//! | `language` | which language somebody reads |
//! | `texts` | every text that stands on a page, in each language |
//! | `policy` | what a browser lets a page do |
//! | `message` | pages that say one thing: an error, a goodbye |
//! | `error` | what people are told of an error |

mod error;
mod language;
mod message;
mod policy;
mod texts;

use askama::Template;
use http::header::{CONTENT_LANGUAGE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::Api;
use super::reply::Reply;
use crate::domain::base_url::BaseUrl;
use crate::web::request_id::RequestId;
use crate::web::respond::names_html;

pub(super) use language::Language;
pub(super) use message::{Message, Onward};
pub(super) use policy::PagePolicy;
pub(super) use texts::Texts;

/// How pages look. It stands in each of them, and its hash in their policy.
const STYLE: &str = include_str!("page/style.css");

/// What every page has.
#[derive(Clone, Debug)]
pub(super) struct Page {
    language: Language,
    base: BaseUrl,
    request: Option<String>,
}

impl Page {
    /// What stands on it, in the language of who reads it.
    pub(super) fn texts(&self) -> &'static Texts {
        self.language.texts()
    }

    /// A path of ours as links and forms have it: the page stays where the browser found it.
    pub(super) fn path(&self, path: &str) -> String {
        self.base.link(path)
    }

    /// What the request is called, for who asks about it.
    pub(super) fn request(&self) -> Option<&str> {
        self.request.as_deref()
    }

    pub(super) fn language(&self) -> &'static str {
        self.language.tag()
    }

    pub(super) fn style(&self) -> &'static str {
        STYLE
    }
}

/// A text with something put in the place of `{}`.
pub(super) fn filled(text: &str, value: impl std::fmt::Display) -> String {
    text.replacen("{}", &value.to_string(), 1)
}

/// Whether a person is to read the answer.
pub(super) fn is_for_a_person(headers: &HeaderMap) -> bool {
    names_html(headers)
}

impl Api {
    /// What every page has that answers this request.
    pub(super) fn page(&self, parts: &Parts) -> Page {
        self.page_in(Language::of(parts), parts)
    }

    /// The same, in a language of the caller's choice.
    pub(super) fn page_in(&self, language: Language, parts: &Parts) -> Page {
        let request = parts.extensions.get::<RequestId>().map(ToString::to_string);
        Page { language, base: self.config.base.clone(), request }
    }
}

impl Reply {
    /// A page, kept by nobody, which may do nothing but send its forms to us.
    pub(super) fn page(status: StatusCode, page: &Page, template: &impl Template) -> Self {
        Self::page_within(status, page, template, &PagePolicy::default())
    }

    /// A page that may do more.
    pub(super) fn page_within(
        status: StatusCode,
        page: &Page,
        template: &impl Template,
        policy: &PagePolicy,
    ) -> Self {
        let written = template.render().expect("a template of texts can always be written");
        Self::html(status, written.into())
            .with(http::header::CONTENT_SECURITY_POLICY, policy.header())
            .with(CONTENT_LANGUAGE, HeaderValue::from_static(page.language()))
            .unstored()
    }
}
