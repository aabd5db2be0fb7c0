//! Where a browser may be sent, and whose page may ask.

use std::path::Path;

use super::*;
use crate::settings::sidecar::parse;

fn settings() -> LoginSettings {
    let source = "upstream = \"http://127.0.0.1:1\"\n[[issuers]]\nissuer = \"https://pasee.example.com\"\naudience = \"app\"\n[[rules]]\n\
                  allow = \"authenticated\"\n[login]\nissuer = \"https://pasee.example.com\"\nclient_id = \"app\"\nclient_secret = \"s\"\n\
                  cookie_secrets = [\"0123456789abcdef0123456789abcdef\"]\nurl = \"https://app.example.com\"\n\
                  redirect_hosts = [\"other.example.com\", \"*.apps.example.com\"]\n";
    parse(Path::new("sidecar.toml"), source)
        .unwrap_or_else(|error| panic!("{error}"))
        .login
        .unwrap()
}

#[test]
fn only_where_it_may() {
    let settings = settings();
    for right in [
        "/",
        "/a/b?c=d&e=//f",
        "https://app.example.com/a",
        "https://other.example.com/a?b",
        "https://x.apps.example.com/",
    ] {
        assert_eq!(allowed(&settings, right), right);
    }
    for wrong in [
        "",
        "a",
        "//evil.org",
        "/\\evil.org",
        "/./evil",
        "/.//evil.org",
        "/\t/evil.org",
        "\\\\evil.org",
        "https:evil.org",
        "https:/evil.org",
        "https:///evil.org",
        "https://evil.org/",
        "https://app.example.com.evil.org/",
        "https://app.example.com@evil.org/",
        "https://user@app.example.com/",
        "https://app.example.com:444/",
        "https://other.example.com:8443/",
        "https://xother.example.com/",
        "https://apps.example.com/",
        "http://app.example.com/",
        "HTTPS://app.example.com/",
        "https://APP.example.com/",
        "https://app.example.com\\@evil.org/",
        "https://app.example.com/a/../b",
        "https://app.example.com//evil.org",
        " https://app.example.com/",
        "javascript:alert(1)",
        "data:text/html,x",
    ] {
        assert_eq!(allowed(&settings, wrong), "/", "{wrong}");
    }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn target(method: &str, exchange: Exchange) -> Target {
    Target {
        method: method.parse().unwrap(),
        host: "app.example.com:8443".to_owned(),
        path: RequestPath::of("/a?b").unwrap(),
        exchange,
    }
}

#[test]
fn whose_page_asks() {
    use Exchange::{Request, Socket};
    for (method, exchange, lines, right) in [
        ("GET", Request, vec![], true),
        ("GET", Request, vec![("origin", "https://evil.org")], true),
        ("GET", Socket, vec![("origin", "https://evil.org")], false),
        ("GET", Socket, vec![], false),
        ("GET", Socket, vec![("origin", "https://app.example.com:8443")], true),
        ("POST", Request, vec![("origin", "https://app.example.com:8443")], true),
        ("POST", Request, vec![("origin", "https://APP.example.com:8443")], true),
        ("POST", Request, vec![("origin", "https://app.example.com")], false),
        ("POST", Request, vec![("origin", "https://app.example.com:8443.evil.org")], false),
        ("POST", Request, vec![("origin", "null")], false),
        ("POST", Request, vec![("origin", "")], false),
        (
            "POST",
            Request,
            vec![("origin", "https://app.example.com:8443"), ("origin", "https://evil.org")],
            false,
        ),
        ("POST", Request, vec![("sec-fetch-site", "same-origin")], true),
        ("POST", Request, vec![("sec-fetch-site", "same-site")], false),
        ("POST", Request, vec![("sec-fetch-site", "cross-site")], false),
        (
            "POST",
            Request,
            vec![("origin", "https://evil.org"), ("sec-fetch-site", "same-origin")],
            false,
        ),
        ("DELETE", Request, vec![], false),
    ] {
        assert_eq!(
            is_own_page(&target(method, exchange), &headers(&lines)),
            right,
            "{method} {lines:?}"
        );
    }
}

#[test]
fn who_goes_somewhere() {
    for (method, lines, right) in [
        ("GET", vec![("sec-fetch-mode", "navigate")], true),
        ("GET", vec![("sec-fetch-mode", "cors"), ("accept", "text/html")], false),
        ("GET", vec![("accept", "text/html,*/*")], true),
        ("GET", vec![("accept", "*/*")], false),
        ("GET", vec![], false),
        ("POST", vec![("sec-fetch-mode", "navigate")], false),
        ("GET", vec![("sec-fetch-mode", "navigate"), ("upgrade", "websocket")], false),
    ] {
        assert_eq!(
            is_navigation(&method.parse().unwrap(), &headers(&lines)),
            right,
            "{method} {lines:?}"
        );
    }
}

#[test]
fn the_way_back() {
    let url: Url = "https://app.example.com".parse().unwrap();
    let here = target("GET", Exchange::Request);
    assert_eq!(back_to(&url, &here), "/a?b");
    let other = Target { host: "other.example.com".to_owned(), ..here };
    assert_eq!(back_to(&url, &other), "https://other.example.com/a?b");
}
