//! Where a browser may be sent, and whose page asks.
//!
//! Must not know who is logged in.

use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, ORIGIN, UPGRADE};
use http::{Method, Uri};
use url::Url;

use crate::settings::sidecar::LoginSettings;
use crate::sidecar::host::host_name;
use crate::sidecar::path::RequestPath;
use crate::sidecar::rules::is_host;
use crate::sidecar::target::{Exchange, Target};

const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a browser asked for, as it is to be sent back there.
pub(super) fn back_to(url: &Url, target: &Target) -> String {
    let path = target.path.as_str();
    let is_here =
        url.host_str().is_some_and(|host| host_name(&target.host).is_ok_and(|name| name == host));
    if is_here { path.to_owned() } else { format!("{}://{}{path}", url.scheme(), target.host) }
}

/// Where a browser may be sent that says this: a path of the same host, or a URL of a host of the settings; else to the front.
pub(super) fn allowed(settings: &LoginSettings, named: &str) -> String {
    let is_path = |text: &str| RequestPath::of(text).is_ok();
    if is_path(named) {
        return named.to_owned();
    }
    let front = || "/".to_owned();
    let Ok(url) = named.parse::<Url>() else { return front() };
    let host = url.host_str().unwrap_or_default();
    let is_ours = url.origin() == settings.url.origin()
        || url.port().is_none() && settings.redirect_hosts.iter().any(|one| is_host(one, host));
    let is_plain = url.scheme() == settings.url.scheme()
        && url.username().is_empty()
        && url.password().is_none()
        // What is read into something else is read so by some browser, too.
        && url.as_str() == named
        && is_path(&url[url::Position::BeforePath..]);
    if is_ours && is_plain { named.to_owned() } else { front() }
}

/// Whether a browser goes somewhere: only then it can be sent to log in. Old ones do not say so, and ask for HTML.
#[must_use]
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    if !matches!(*method, Method::GET | Method::HEAD) || headers.contains_key(UPGRADE) {
        return false;
    }
    match headers.get(FETCH_MODE) {
        Some(mode) => mode == "navigate",
        None => headers
            .get_all(ACCEPT)
            .iter()
            .any(|value| value.to_str().is_ok_and(|value| value.contains("text/html"))),
    }
}

/// Whether a request that a browser's cookie comes with is of a page of the same host: others' pages can send it too, and only
/// what changes nothing is theirs to send. A socket is read by whoever opens it.
#[must_use]
pub fn is_own_page(target: &Target, headers: &HeaderMap) -> bool {
    let is_safe = matches!(target.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe && target.exchange == Exchange::Request {
        return true;
    }
    is_same_origin(&target.host, headers)
}

/// Whether a page of this host asks.
pub(super) fn is_same_origin(host: &str, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => is_of(origin, host),
        (Some(_), Some(_)) => false,
        (None, _) => {
            headers.get(FETCH_SITE).is_some_and(|site| site == "same-origin" || site == "none")
        }
    }
}

fn is_of(origin: &HeaderValue, host: &str) -> bool {
    let origin: Option<Uri> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
    let authority = origin.as_ref().and_then(Uri::authority);
    authority.is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests;
