//! What is asked for, as it comes over a connection.

use http::Request;

use super::*;

fn asked(method: &str, uri: &str, hosts: &[&str]) -> Result<String, String> {
    let mut request = Request::builder().method(method).uri(uri);
    for host in hosts {
        request = request.header(HOST, *host);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    target(&parts)
        .map(|target| format!("{} {}{}", target.method, target.host, target.path.as_str()))
}

#[test]
fn one_host_and_one_path() {
    assert_eq!(asked("GET", "/a?b", &["app"]).unwrap(), "GET app/a?b");
    assert_eq!(asked("GET", "http://app/a", &["app"]).unwrap(), "GET app/a");
    assert_eq!(asked("GET", "http://app/a", &["APP"]).unwrap(), "GET app/a");
    assert_eq!(asked("GET", "http://app/a", &[]).unwrap(), "GET app/a");
    for (method, uri, hosts) in [
        ("GET", "/a", vec![]),
        ("GET", "/a", vec![""]),
        ("GET", "/a", vec!["app", "app"]),
        ("GET", "/a", vec!["app", "other"]),
        ("GET", "http://app/a", vec!["other"]),
        ("GET", "http://app:80/a", vec!["app"]),
        ("GET", "http://user@app/a", vec![]),
        ("GET", "/a", vec!["user@app"]),
        ("GET", "/a", vec!["app:x"]),
        ("GET", "/a", vec!["app:80:80"]),
        ("GET", "/a", vec!["app.."]),
        ("GET", "/a/../b", vec!["app"]),
        ("OPTIONS", "*", vec!["app"]),
        ("CONNECT", "app:443", vec!["app:443"]),
    ] {
        assert!(asked(method, uri, &hosts).is_err(), "{method} {uri} {hosts:?}");
    }
}

/// What is judged as a GET is one.
#[test]
fn no_socket_but_websockets() {
    for (protocol, is_taken) in [("websocket", true), ("connect-udp", false), ("", false)] {
        let request = Request::builder().method("CONNECT").uri("http://app/a");
        let request = request.extension(Protocol::from_static(protocol));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(target(&parts).is_ok(), is_taken, "{protocol}");
    }
}
