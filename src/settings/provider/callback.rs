//! Where browsers come back to from a provider, and how they bring its answer.
//!
//! Must not call anybody.

use std::fmt::Display;

use url::Url;

use super::IdentityProvider;
use super::place::{is_here, is_safe};
use crate::domain::base_url::BaseUrl;
use crate::settings::reader::{Item, Table};

/// Where browsers come back to from a provider, and how they bring its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// `callback_url`: the place as the outside knows it, when it is not below `hostname`.
    pub url: Option<Url>,
    /// `callback`: which of our places it is otherwise.
    pub place: CallbackPlace,
    /// `response_mode`: how the answer comes.
    pub response_mode: ResponseMode,
}

/// One of our places for each provider, so that no answer of one is taken for another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallbackPlace {
    /// `/tokens/?idp=NAME`.
    #[default]
    Query,
    /// `/tokens/NAME/`: for providers that take no query in what is registered there.
    Path,
}

impl Callback {
    /// What is registered at the provider of this name: where browsers come back to, as the outside knows it.
    #[must_use]
    pub fn registered(&self, hostname: &BaseUrl, name: impl Display) -> String {
        let ours = || hostname.url(&self.place.of(name));
        self.url.as_ref().map_or_else(ours, Url::to_string)
    }
}

impl CallbackPlace {
    /// The place below `hostname` of the provider of this name.
    #[must_use]
    pub fn of(self, name: impl Display) -> String {
        match self {
            Self::Query => format!("/tokens/?idp={name}"),
            Self::Path => format!("/tokens/{name}/"),
        }
    }
}

/// How an answer comes (OAuth 2.0 Multiple Response Type Encoding Practices, section 2.1; OAuth 2.0 Form Post Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of a link. Nobody is asked for it: it is what happens.
    #[default]
    Query,
    /// In a form that the browser sends from the provider's page.
    FormPost,
}

/// A table's `callback_url` or `callback`, of a protocol that has one way to answer.
pub(super) fn callback(settings: &Table<'_>, name: &str) -> Callback {
    let url = settings.text("callback_url").and_then(|item| callback_url(&item, name));
    Callback { url, place: place(settings, name), response_mode: ResponseMode::Query }
}

/// The same with `response_mode`.
pub(super) fn callback_with_mode(settings: &Table<'_>, name: &str) -> Callback {
    Callback { response_mode: response_mode(settings), ..callback(settings, name) }
}

/// The same where `callback_url` may be any place, which a proxy knows as ours.
pub(super) fn callback_anywhere(settings: &Table<'_>, name: &str) -> Callback {
    let url = settings.text("callback_url").and_then(|item| any_url(&item, name));
    let (place, response_mode) = (place(settings, name), response_mode(settings));
    Callback { url, place, response_mode }
}

fn any_url(item: &Item<'_, &str>, name: &str) -> Option<Url> {
    let url = item.value.parse::<Url>().ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none()
    });
    if url.is_none() {
        item.error(format_args!(
            "is no place to come back to; a right one is \"https://pasee.example.com/tokens/?idp={name}\", which is the default, or \
             \"https://pasee.example.com/tokens/{name}/\""
        ));
    }
    if url.as_ref().is_some_and(|url| url.scheme() == "http" && !is_here(url)) {
        item.warn(format_args!(
            "whoever is between a browser and this place reads the codes of all who log in; a right one is              \"https://pasee.example.com/tokens/?idp={name}\""
        ));
    }
    url
}

/// The place that ends a login of this provider and of no other, as the outside reaches it.
fn callback_url(item: &Item<'_, &str>, name: &str) -> Option<Url> {
    let query = format!("idp={name}");
    let by_path = format!("/tokens/{name}/");
    let url = item.value.parse::<Url>().ok().filter(|url| {
        let is_by_query = url.path().ends_with("/tokens/") && url.query() == Some(&query);
        let is_by_path = url.path().ends_with(&by_path) && url.query().is_none();
        is_safe(url) && (is_by_query || is_by_path)
    });
    if url.is_none() {
        item.error(format_args!(
            "is no place that ends a login of this provider; right ones are \"https://pasee.example.com/tokens/?idp={name}\" and \
             \"https://pasee.example.com/tokens/{name}/\": https (http for this machine only)"
        ));
    }
    url
}

/// Where a provider's `callback_url` stands, if it has one.
pub(super) fn said<'a>(
    table: &Table<'a>,
    provider: &IdentityProvider,
) -> Option<Item<'a, &'a str>> {
    provider.protocol.callback()?.url.as_ref()?;
    table.table("settings")?.text("callback_url")
}

/// Refuses a place that another provider's answers come back to as well: who controls one of two providers could have the
/// other's code brought to it (RFC 9700 section 4.4, "Mix-Up Attacks").
pub(super) fn refuse_shared(providers: &[IdentityProvider], number: usize, item: &Item<'_, &str>) {
    let url = |provider: &IdentityProvider| provider.protocol.callback()?.url.clone();
    let Some((provider, others)) = providers.get(number).zip(providers.get(..number)) else {
        return;
    };
    let Some(own) = url(provider).filter(|_| provider.enabled) else { return };
    let later = providers.iter().skip(number + 1).filter(|other| url(other).is_none());
    let shared = others.iter().chain(later).filter(|other| other.enabled).find(|other| {
        let is_by_redirect = other.protocol.callback().is_some();
        url(other).as_ref() == Some(&own)
            || (is_by_redirect && is_place_of(&own, other.name.as_str()))
    });
    if let Some(other) = shared {
        item.error(format_args!(
            "is where the answers of {} come back to, and whoever answers there could bring the answers of one to the other; a right one \
             is a place of its own, such as \"https://pasee.example.com/tokens/{}/\"",
            other.name, provider.name
        ));
    }
}

/// Whether it is one of our places for a provider of this name.
fn is_place_of(url: &Url, name: &str) -> bool {
    let is_by_query =
        url.path().ends_with("/tokens/") && url.query() == Some(&format!("idp={name}"));
    is_by_query || url.path().trim_end_matches('/').ends_with(&format!("/tokens/{name}"))
}

fn place(settings: &Table<'_>, name: &str) -> CallbackPlace {
    let Some(item) = settings.text("callback") else { return CallbackPlace::default() };
    if settings.get("callback_url").is_some() {
        item.error("stands beside callback_url, which says it already; leave one of them out");
    }
    match item.value {
        "query" => CallbackPlace::Query,
        "path" => CallbackPlace::Path,
        _ => {
            item.error(format_args!(
                "is not known; right ones are \"query\" for /tokens/?idp={name}, the default, and \"path\" for /tokens/{name}/"
            ));
            CallbackPlace::default()
        }
    }
}

fn response_mode(settings: &Table<'_>) -> ResponseMode {
    let Some(item) = settings.text("response_mode") else { return ResponseMode::default() };
    match item.value {
        "query" => ResponseMode::Query,
        "form_post" => ResponseMode::FormPost,
        _ => {
            item.error("is not known; right ones are \"query\", the default, and \"form_post\", as Apple wants it");
            ResponseMode::default()
        }
    }
}
