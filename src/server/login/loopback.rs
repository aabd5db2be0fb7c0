//! One name for this machine: whoever comes to `localhost` is sent to the name in the settings, such as `127.0.0.1`, or the other way
//! round. Providers send browsers back to that one, and cookies of the other are not sent there.
//!
//! Must not know what is asked for. Only among the names of this machine, and to the same port: whoever calls us by another name
//! may be a proxy, which would be sent in circles.

use http::StatusCode;
use http::header::{HOST, HeaderValue, LOCATION};
use http::request::Parts;
use url::{Host, Url};

use crate::server::Api;
use crate::server::reply::Reply;

impl Api {
    /// The answer for who came to this machine by another of its names.
    pub(super) fn by_our_name(&self, parts: &Parts) -> Option<Reply> {
        let ours = Url::parse(self.config.base.origin()).ok().filter(is_loopback)?;
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let asked = host.or(parts.uri.authority().map(http::uri::Authority::as_str))?;
        let asked = Url::parse(&format!("{}://{asked}", ours.scheme())).ok().filter(is_loopback)?;
        let is_another = asked.port_or_known_default() == ours.port_or_known_default()
            && asked.host() != ours.host();
        let path = parts.uri.path_and_query().filter(|_| is_another)?;
        let place = format!("{}{path}", self.config.base.origin());
        let place = HeaderValue::try_from(place).ok()?;
        Some(Reply::empty(StatusCode::SEE_OTHER).with(LOCATION, place).unstored())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
