//! Through which proxy an API server is reached, as kubectl decides it: the one that the kubeconfig names, else the one of
//! the environment, unless that leaves the API server out.
//!
//! Must not know what is sent.

use std::sync::OnceLock;

use http::Uri;
use kube::config::Cluster;
use secrecy::ExposeSecret as _;

use crate::outbound::{ProxyServer, ProxyVariables};

/// The port of a `proxy-url` without one, as kubectl has it.
const DEFAULT_PORT: u16 = 80;

/// The proxy on the way to a cluster. `proxy-url` counts whatever the environment says; nobody reaches their own machine
/// through a proxy of the environment.
///
/// # Errors
/// What names it is no proxy; says what does.
pub(super) fn on_the_way(
    cluster: &Cluster,
    server: &Uri,
    variables: &ProxyVariables,
) -> Result<Option<ProxyServer>, String> {
    if let Some(url) = cluster.proxy_url.as_deref().filter(|url| !url.is_empty()) {
        let proxy = ProxyServer::read(url, DEFAULT_PORT);
        let proxy = proxy.map_err(|reason| format!("proxy-url {reason}"))?;
        return Ok(Some(proxy));
    }
    let host = server.host().unwrap_or_default();
    let proxies = variables.proxies([host], None);
    let proxies = proxies.map_err(|error| error.to_string())?;
    Ok(proxies.through(server.scheme_str().unwrap_or_default(), host).cloned())
}

/// The same as the client library wants it, with user and password.
pub(super) fn url(proxy: &ProxyServer) -> Option<Uri> {
    let url = proxy.with_user();
    // Names are always resolved by the proxy, which the library has no name of its own for.
    url.expose_secret().replacen("socks5h:", "socks5:", 1).parse().ok()
}

static TOLD: OnceLock<String> = OnceLock::new();

/// Says in the log, once, that there is a proxy.
pub(super) fn tell(proxy: &ProxyServer) {
    if TOLD.set(proxy.to_string()).is_ok() {
        tracing::info!(%proxy, "the Kubernetes API server is reached through a proxy");
    }
}

/// What was told.
pub(in crate::cluster) fn told() -> Option<&'static str> {
    TOLD.get().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_the_way_by(proxy_url: &str, variables: &[(&str, &str)], server: &str) -> String {
        let cluster = Cluster { proxy_url: Some(proxy_url.to_owned()), ..Cluster::default() };
        let variables = ProxyVariables::of(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        match on_the_way(&cluster, &server.parse().unwrap(), &variables) {
            Ok(None) => "none".to_owned(),
            Ok(Some(proxy)) => url(&proxy).unwrap().to_string(),
            Err(error) => error,
        }
    }

    #[test]
    fn as_kubectl_decides() {
        let by = |no: &str, server: &str| {
            let variables = [("HTTPS_PROXY", "http://u:p@proxy:3128"), ("NO_PROXY", no)];
            on_the_way_by("", &variables, server)
        };
        let through = "http://u:p@proxy:3128/";
        for (no, server, wanted) in [
            ("", "https://cluster.example.com:6443", through),
            ("other.example.com", "https://cluster.example.com:6443", through),
            (".example.com,", "https://cluster.example.com:6443", "none"),
            ("example.com", "https://cluster.example.com:6443", "none"),
            ("10.0.0.0/8", "https://10.1.2.3:6443", "none"),
            ("10.0.0.0/8", "https://11.1.2.3:6443", through),
            ("fd00::/8", "https://[fd00::1]:6443", "none"),
            ("fd00::/8", "https://[fe00::1]:6443", through),
            ("*", "https://11.1.2.3:6443", "none"),
            // What fits nothing stops nothing.
            (",,;;://[", "https://11.1.2.3:6443", through),
            ("", "https://127.0.0.1:6443", "none"),
            ("", "https://localhost:6443", "none"),
            ("", "https://[::1]:6443", "none"),
            ("", "http://cluster.example.com:8080", "none"),
        ] {
            assert_eq!(by(no, server), wanted, "{no:?} {server}");
        }
    }

    #[test]
    fn the_kubeconfig_comes_first() {
        let variables = [("https_proxy", "http://other:1"), ("no_proxy", "*")];
        for (proxy_url, wanted) in [
            ("http://proxy:3128", "http://proxy:3128/"),
            ("http://proxy", "http://proxy:80/"),
            ("proxy:3128", "http://proxy:3128/"),
            ("https://[fd00::1]:3128", "https://[fd00::1]:3128/"),
            ("socks5://proxy:1080", "socks5://proxy:1080/"),
            ("socks5h://proxy:1080", "socks5://proxy:1080/"),
            ("", "none"),
        ] {
            let found = on_the_way_by(proxy_url, &variables, "https://127.0.0.1:6443");
            assert_eq!(found, wanted, "{proxy_url}");
        }
    }

    /// A call must not take a way that nobody meant; and what stands there may be a secret.
    #[test]
    fn what_is_no_proxy_is_not_passed_over() {
        let there = "https://cluster.example.com";
        let told = on_the_way_by("ftp://u:s3cret@proxy", &[], there);
        assert!(told.contains("proxy-url is no proxy; a right one is") && !told.contains("s3cret"));
        let told = on_the_way_by("", &[("HTTPS_PROXY", "http://u:s3cret@")], there);
        assert!(told.contains("HTTPS_PROXY in the environment is no proxy"), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
        assert_eq!(on_the_way_by("", &[("HTTPS_PROXY", "://")], "https://[::1]"), "none");
    }
}
