//! What the application is told of where a request came from: by us, and by those in front of us who are trusted, and by nobody
//! else.
//!
//! Must not know who sends a request.

use std::net::IpAddr;

use http::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::web::peer::is_trusted;
use crate::web::respond::Scheme;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOSTS: HeaderName = HeaderName::from_static("x-forwarded-host");
/// What applications and their frameworks believe of that kind, folded: `_` and `.` read as `-`, as some of them do.
const NAMES: [&str; 22] = [
    "forwarded",
    "x-forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-protocol",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-uri",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];

/// Whose word of others is passed on, and how this listener is reached.
#[derive(Debug)]
pub(super) struct Origins {
    pub trusted: Vec<IpNet>,
    pub scheme: Scheme,
}

impl Origins {
    /// Writes down where a request came from.
    pub(super) fn tell(&self, headers: &mut HeaderMap, peer: IpAddr) {
        let is_trusted = is_trusted(peer, &self.trusted);
        let is_made_up = |name: &HeaderName| {
            let folded = folded(name.as_str());
            // A spelling that only some read as another is nobody's who can be trusted.
            NAMES.contains(&folded.as_str()) && !(is_trusted && folded == name.as_str())
        };
        let made_up: Vec<HeaderName> =
            headers.keys().filter(|name| is_made_up(name)).cloned().collect();
        for name in made_up {
            headers.remove(name);
        }
        if is_trusted && headers.contains_key(FORWARDED) {
            // Beside the others it would say less than they do; nothing that writes only this one is known of.
            headers.remove(FORWARDED);
        }
        let before: Vec<&[u8]> = headers.get_all(FOR).iter().map(HeaderValue::as_bytes).collect();
        let chain = [&before[..], &[peer.to_string().as_bytes()]].concat().join(&b", "[..]);
        if let Ok(chain) = HeaderValue::from_bytes(&chain) {
            headers.insert(FOR, chain);
        }
        let scheme = match self.scheme {
            Scheme::Http => HeaderValue::from_static("http"),
            Scheme::Https => HeaderValue::from_static("https"),
        };
        headers.entry(PROTO).or_insert(scheme);
        if let Some(host) = headers.get(HOST).cloned() {
            headers.entry(HOSTS).or_insert(host);
        }
    }
}

fn folded(name: &str) -> String {
    name.replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peer: &str, sent: &[(&'static str, &str)]) -> Vec<(String, String)> {
        let origins =
            Origins { trusted: vec!["10.0.0.0/8".parse().unwrap()], scheme: Scheme::Http };
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("app"));
        for (name, value) in sent {
            headers.append(*name, value.parse().unwrap());
        }
        origins.tell(&mut headers, peer.parse().unwrap());
        let mut told: Vec<(String, String)> = headers
            .iter()
            .filter(|(name, _)| **name != HOST)
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        told.sort_unstable();
        told
    }

    fn wanted(chain: &str, host: &str, proto: &str) -> Vec<(String, String)> {
        [("x-forwarded-for", chain), ("x-forwarded-host", host), ("x-forwarded-proto", proto)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn nobody_else_says_where_a_request_came_from() {
        let sent = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "192.0.2.2"),
            ("x-forwarded-host", "inner"),
            ("x-forwarded-proto", "https"),
            ("x_forwarded_for", "192.0.2.3"),
            ("x.real.ip", "192.0.2.4"),
            ("forwarded", "for=192.0.2.5"),
        ];
        assert_eq!(told("198.51.100.7", &sent), wanted("198.51.100.7", "app", "http"));
        let chain = "192.0.2.1, 192.0.2.2, 10.0.0.1";
        assert_eq!(told("10.0.0.1", &sent), wanted(chain, "inner", "https"));
        let more = [("x-original-url", "/admin"), ("x-forwarded-uri", "/admin")];
        assert_eq!(told("198.51.100.7", &more), wanted("198.51.100.7", "app", "http"));
    }
}
