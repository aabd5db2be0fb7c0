//! Through which proxy an API server is reached, as kubectl decides it: the one that the kubeconfig names, else the one of
//! the environment, unless that leaves the API server out.
//!
//! Must not know what is sent.

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use kube::config::Kubeconfig;

/// The `proxy-url` of the cluster that is the current context's.
pub(super) fn of_cluster(file: &Kubeconfig) -> Option<Uri> {
    let current = file.current_context.as_deref()?;
    let context = file.contexts.iter().find(|context| context.name == current)?;
    let cluster = &context.context.as_ref()?.cluster;
    let cluster = file.clusters.iter().find(|named| named.name == *cluster)?;
    let url = cluster.cluster.as_ref()?.proxy_url.as_deref().filter(|url| !url.is_empty())?;
    with_scheme(url).parse().ok()
}

/// The proxy of `HTTPS_PROXY` (for an API server without TLS, `HTTP_PROXY`), if there is one and `NO_PROXY` does not name the
/// API server. Nobody reaches their own machine through one.
pub(super) fn of_environment(cluster: &Uri) -> Option<Uri> {
    let named = ["NO_PROXY", "no_proxy"].map(|name| std::env::var(name).unwrap_or_default());
    let left_out = named.into_iter().find(|left_out| !left_out.is_empty()).unwrap_or_default();
    through(&Matcher::from_env(), &left_out, cluster)
}

fn through(proxies: &Matcher, left_out: &str, cluster: &Uri) -> Option<Uri> {
    // Of names alone, the matcher knows this.
    if left_out.split(',').any(|one| one.trim() == "*") {
        return None;
    }
    let host = cluster.host()?.trim_start_matches('[').trim_end_matches(']');
    let is_here = host.parse().map_or(host == "localhost", |host: IpAddr| host.is_loopback());
    if is_here {
        return None;
    }
    let proxy = proxies.intercept(cluster)?;
    let Some((user, password)) = proxy.raw_auth() else { return Some(proxy.uri().clone()) };
    let authority = format!("{user}:{password}@{}", proxy.uri().authority()?);
    let mut parts = proxy.uri().clone().into_parts();
    parts.authority = authority.parse().ok();
    Uri::from_parts(parts).ok()
}

fn with_scheme(url: &str) -> String {
    if url.contains("://") { url.to_owned() } else { format!("http://{url}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_kubectl_decides() {
        let proxies =
            |no: &str| Matcher::builder().https("http://proxy:3128").no(no.to_owned()).build();
        let by = |no: &str, cluster: &str| {
            through(&proxies(no), no, &cluster.parse().unwrap()).map(|proxy| proxy.to_string())
        };
        let through = Some("http://proxy:3128/".to_owned());
        for (no, cluster, wanted) in [
            ("", "https://cluster.example.com:6443", &through),
            ("other.example.com", "https://cluster.example.com:6443", &through),
            (".example.com,", "https://cluster.example.com:6443", &None),
            ("example.com", "https://cluster.example.com:6443", &None),
            ("10.0.0.0/8", "https://10.1.2.3:6443", &None),
            ("10.0.0.0/8", "https://11.1.2.3:6443", &through),
            ("*", "https://11.1.2.3:6443", &None),
            ("", "https://127.0.0.1:6443", &None),
            ("", "https://localhost:6443", &None),
            ("", "https://[::1]:6443", &None),
            ("", "http://cluster.example.com:8080", &None),
        ] {
            assert_eq!(&by(no, cluster), wanted, "{no:?} {cluster}");
        }
    }

    #[test]
    fn the_kubeconfig_comes_first() {
        let file = |proxy: &str| {
            let text = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: b\n\
                 clusters:\n- name: one\n  cluster: {{server: 'https://a'}}\n\
                 - name: two\n  cluster: {{server: 'https://b', proxy-url: '{proxy}'}}\n\
                 contexts:\n- name: b\n  context: {{cluster: two, user: u}}\n"
            );
            of_cluster(&Kubeconfig::from_yaml(&text).unwrap()).map(|proxy| proxy.to_string())
        };
        assert_eq!(file("http://proxy:3128").as_deref(), Some("http://proxy:3128/"));
        assert_eq!(file("proxy:3128").as_deref(), Some("http://proxy:3128/"));
        assert_eq!(file("socks5://proxy:1080").as_deref(), Some("socks5://proxy:1080/"));
        assert_eq!(file(""), None);
    }
}
