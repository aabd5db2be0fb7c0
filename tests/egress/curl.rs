//! What the environment says, as curl reads it: the same question to curl itself, whose answer is whether the proxy was asked.

use std::process::{Command, Stdio};

use pasee::outbound::NoProxy;

use super::support::proxy::{Manner, Proxy};
use super::variables;

/// A list, a host, and whether it is called directly. Hosts are this machine, at a port where nobody listens, so that curl
/// is quick about it.
const LISTS: [(&str, &str, bool); 45] = [
    ("", "a.localhost", false),
    ("*", "a.localhost", true),
    ("b, *", "a.localhost", false),
    ("*,", "a.localhost", false),
    ("a.localhost", "a.localhost", true),
    (".a.localhost", "a.localhost", true),
    ("a.localhost", "x.a.localhost", true),
    (".a.localhost", "x.a.localhost", true),
    ("..a.localhost", "x.a.localhost", false),
    ("a.localhost", "xa.localhost", false),
    (".a.localhost", "xa.localhost", false),
    ("x.a.localhost", "a.localhost", false),
    ("A.LocalHost", "a.localhost", true),
    ("a.localhost", "A.LOCALHOST", true),
    ("a.localhost.", "a.localhost", true),
    ("a.localhost..", "a.localhost", false),
    (".a.localhost.", "x.a.localhost", true),
    ("localhost", "a.localhost", true),
    ("local", "a.localhost", false),
    ("b,a.localhost", "a.localhost", true),
    ("b , a.localhost ,c", "a.localhost", true),
    (",,b,,a.localhost,,", "a.localhost", true),
    ("\ta.localhost", "a.localhost", true),
    ("b;a.localhost", "a.localhost", false),
    ("*.a.localhost", "x.a.localhost", false),
    ("a.localhost:1", "a.localhost", false),
    ("a.localhost/", "a.localhost", false),
    ("http://a.localhost", "a.localhost", false),
    (".", "a.localhost", false),
    ("127.1.2.3", "127.1.2.3", true),
    ("127.1.2.3", "127.1.2.4", false),
    ("127.0.0.0/8", "127.1.2.3", true),
    ("127.9.9.9/8", "127.1.2.3", true),
    ("127.1.0.0/16", "127.2.2.3", false),
    ("127.1.2.0/23", "127.1.3.3", true),
    ("127.1.2.3/32", "127.1.2.3", true),
    ("127.1.2.3/33", "127.1.2.3", false),
    ("127.1.2.3/", "127.1.2.3", true),
    ("0.0.0.0/0", "127.1.2.3", false),
    ("127/8", "127.1.2.3", false),
    ("127.1.2.3:1", "127.1.2.3", false),
    ("2.3", "127.1.2.3", false),
    ("127.0.0.1", "localhost", false),
    ("::1", "[::1]", true),
    ("[::1]", "[::1]", false),
];

/// Where curls differ: some end the list at a blank, some know no networks of IPv6. As curl's manual has it, and leniently.
const BEYOND: [(&str, &str, bool); 9] = [
    ("b a.localhost", "a.localhost", true),
    ("fd00::/8", "[fd00::1]", true),
    ("fd00::/8", "[fe00::1]", false),
    ("fd00::/8", "fd00::1", true),
    ("fd00:0::1", "[fd00::1]", true),
    ("fd00::1/129", "[fd00::1]", false),
    ("::ffff:10.0.0.1", "10.0.0.1", false),
    ("10.0.0.0/8", "fd00::1", false),
    ("a.localhost", "a.localhost.", true),
];

/// An environment, and whether `http://a.localhost` is called through the proxy. `{}` is the proxy's address.
const VARIABLES: [(&[(&str, &str)], bool); 15] = [
    (&[], false),
    (&[("http_proxy", "http://{}")], true),
    (&[("HTTP_PROXY", "http://{}")], false),
    (&[("https_proxy", "http://{}")], false),
    (&[("HTTPS_PROXY", "http://{}")], false),
    (&[("all_proxy", "http://{}")], true),
    (&[("ALL_PROXY", "http://{}")], true),
    (&[("http_proxy", ""), ("all_proxy", "http://{}")], true),
    (&[("http_proxy", "http://127.0.0.1:1"), ("all_proxy", "http://{}")], false),
    (&[("all_proxy", "http://{}"), ("ALL_PROXY", "http://127.0.0.1:1")], true),
    (&[("http_proxy", "{}")], true),
    (&[("http_proxy", "http://{}/path")], true),
    (&[("http_proxy", "http://{}"), ("NO_PROXY", "a.localhost")], false),
    (&[("http_proxy", "http://{}"), ("NO_PROXY", "a.localhost"), ("no_proxy", "b")], true),
    (&[("http_proxy", "http://{}"), ("NO_PROXY", "a.localhost"), ("no_proxy", "")], false),
];

/// Whether curl asks the proxy for it.
async fn asks(proxy: &Proxy, host: &str, given: &[(&str, &str)]) -> bool {
    let before = proxy.asked().len();
    let mut command = Command::new("curl");
    command.args(["--silent", "--max-time", "10", "--output", "/dev/null"]);
    command.arg(format!("http://{host}:1/")).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.envs(given.iter().copied()).stdin(Stdio::null());
    // Whether anybody answers is beside the point; whether there is a curl is not.
    let ran = tokio::task::spawn_blocking(move || command.status()).await.unwrap();
    ran.expect("curl");
    proxy.asked().len() > before
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out() {
    let proxy = Proxy::start().await;
    proxy.behaves(Manner::Answers("204 No Content"));
    let url = proxy.url();
    for (list, host, expected) in LISTS {
        assert_eq!(NoProxy::read(list).contains(host), expected, "{list:?} {host}");
        let given = [("http_proxy", url.as_str()), ("no_proxy", list)];
        let is_direct = !asks(&proxy, host, &given).await;
        assert_eq!(is_direct, expected, "curl: {list:?} {host}");
    }
    for (list, host, expected) in BEYOND {
        assert_eq!(NoProxy::read(list).contains(host), expected, "{list:?} {host}");
    }
}

/// What fits nothing is told of: whoever wrote it meant something else.
#[test]
fn entries_that_fit_nothing() {
    for entry in
        ["*.a.test", "a.test:8080", "10.0.0.1:80", "[::1]", "http://a.test", "a.test/", "10/8", "."]
    {
        let list = format!("b.test,{entry} 10.0.0.0/8");
        assert_eq!(NoProxy::read(&list).void(), [entry]);
    }
    assert_eq!(NoProxy::read("b.test,*").void(), ["*"]);
    for list in ["", "*", " * ", "a.test,.b.test, c.test. ::1,10.0.0.0/8,fd00::/8,,"] {
        assert_eq!(NoProxy::read(list).void(), [""; 0], "{list:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn which_variable_counts() {
    let proxy = Proxy::start().await;
    proxy.behaves(Manner::Answers("204 No Content"));
    let (host, address) = ("a.localhost", proxy.address.to_string());
    for (given, expected) in VARIABLES {
        let filled: Vec<(&str, String)> =
            given.iter().map(|(name, value)| (*name, value.replace("{}", &address))).collect();
        let given: Vec<(&str, &str)> =
            filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let proxies = variables(&given).proxies([host], None).unwrap();
        let found = proxies.through("http", host).map(ToString::to_string);
        assert_eq!(found == Some(proxy.url()), expected, "{given:?}");
        assert_eq!(asks(&proxy, host, &given).await, expected, "curl: {given:?}");
    }
    // The same for what is called with TLS, where capitals count too.
    for (given, expected) in [
        (vec![("https_proxy", "http://one:1"), ("HTTPS_PROXY", "http://two:2")], "http://one:1"),
        (vec![("HTTPS_PROXY", "http://two:2"), ("all_proxy", "http://three:3")], "http://two:2"),
        (vec![("https_proxy", " "), ("ALL_PROXY", "three")], "http://three:1080"),
        (vec![("http_proxy", "http://one:1")], "none"),
        (vec![("HTTPS_PROXY", "https://two")], "https://two:443"),
        (vec![("HTTPS_PROXY", "HTTP://user:s3cret@Two:80/x")], "http://two:80"),
        (vec![("HTTPS_PROXY", "socks5h://[fd00::1]")], "socks5h://[fd00::1]:1080"),
    ] {
        let proxies = variables(&given).proxies(["a.test"], None).unwrap();
        let found = proxies.through("https", "a.test").map(ToString::to_string);
        assert_eq!(found.as_deref().unwrap_or("none"), expected, "{given:?}");
    }
}

/// What should be a proxy and is none is not passed over: the call would leave by a way that nobody meant.
#[test]
fn variables_that_are_no_proxies() {
    for text in [
        "ftp://proxy:1",
        "http://",
        "http://user:s3cret@",
        "http://proxy:70000",
        "http://proxy:",
        "a b",
        "socks4://x",
    ] {
        for name in ["https_proxy", "HTTPS_PROXY", "all_proxy"] {
            let told =
                variables(&[(name, text)]).proxies(["a.test"], None).unwrap_err().to_string();
            assert!(told.starts_with(&format!("{name} in the environment is no proxy")), "{told}");
            assert!(told.contains("http://proxy.example.com:3128"), "{told}");
            assert!(!told.contains("s3cret"), "{told}");
            assert!(variables(&[(name, text)]).proxies(["localhost"], None).is_ok());
        }
    }
}
