//! What the application is told of where a request came from: by us, and by those in front of us who are trusted, and by nobody
//! else.
//!
//! Must not know who sends a request.

use std::net::IpAddr;

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::sidecar::identity_headers::folded;
use crate::web::peer::is_trusted;
use crate::web::respond::Scheme;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOSTS: HeaderName = HeaderName::from_static("x-forwarded-host");
/// What applications and their frameworks take for another host, path or method than the request's own: it was judged by its own,
/// so nobody says another.
const OTHERS: [&str; 18] = [
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-uri",
    "x-forwarded-url",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-method",
    "x-original-path",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-uri",
    "x-rewrite-url",
];
/// What they believe of where a request came from.
const NAMES: [&str; 13] = [
    "x-forwarded",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-protocol",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-real-ip",
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
            let is_one = |names: &[&str]| names.contains(&folded.as_str());
            is_one(&OTHERS) || is_one(&NAMES) && !(is_trusted && folded == name.as_str())
        };
        let made_up: Vec<HeaderName> =
            headers.keys().filter(|name| is_made_up(name)).cloned().collect();
        for name in made_up {
            headers.remove(name);
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
            headers.insert(HOSTS, host);
        }
    }
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
        assert_eq!(told("10.0.0.1", &sent), wanted(chain, "app", "https"));
        let prefix = [("x-forwarded-prefix", "/shop")];
        assert_eq!(told("198.51.100.7", &prefix), wanted("198.51.100.7", "app", "http"));
        assert_eq!(told("10.0.0.1", &prefix).len(), 4, "it is that proxy's to say");
    }

    /// An application that believes one of these does another thing than was judged.
    #[test]
    fn nobody_says_another_request() {
        let variants =
            |name: &str| [name.to_owned(), name.replace('-', "_"), format!("http_{name}")];
        for name in OTHERS.iter().flat_map(|name| variants(name)) {
            for peer in ["198.51.100.7", "10.0.0.1"] {
                let origins =
                    Origins { trusted: vec!["10.0.0.0/8".parse().unwrap()], scheme: Scheme::Http };
                let mut headers = HeaderMap::new();
                headers.insert(HOST, HeaderValue::from_static("app"));
                let name: HeaderName = name.parse().unwrap();
                headers.append(name.clone(), HeaderValue::from_static("DELETE"));
                origins.tell(&mut headers, peer.parse().unwrap());
                assert!(headers.values().all(|value| value != "DELETE"), "{name} of {peer}");
                assert_eq!(headers[HOSTS], "app");
            }
        }
    }
}
