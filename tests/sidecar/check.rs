//! The check endpoint through real sockets, beside a running Pasee: asked as each proxy asks.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::sidecar;
use crate::support::pasee::{Pasee, Setup, free_port};

/// Longer than a start takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sidecar that ends with the test.
pub struct Sidecar {
    child: Child,
    check: u16,
    admin: u16,
    dir: tempfile::TempDir,
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const RULES: &str = r#"
[[rules]]
path = "/public/**"
allow = "public"

[[rules]]
path = "/groups/{name}"
methods = ["GET"]
groups = ["{name}"]

[[rules]]
path = "/any/**"
allow = "authenticated"
"#;

impl Sidecar {
    fn start(issuer: &str, keys: &str, more: &str) -> Self {
        let issuer = format!(
            "[[issuers]]\nissuer = \"{issuer}\"\naudience = \"{issuer}\"\njwks_url = \"{keys}\"\n"
        );
        Self::launch(free_port(), more, &issuer)
    }

    /// With these tables.
    pub fn with(tables: &str) -> Self {
        Self::launch(free_port(), "", tables)
    }

    /// The same, at a port.
    pub fn at_port(check: u16, tables: &str) -> Self {
        Self::launch(check, "", tables)
    }

    /// In front of an application, with these tables.
    pub fn in_front(port: u16, application: SocketAddr, tables: &str) -> Self {
        let head = format!("listen = \"127.0.0.1:{port}\"\nupstream = \"http://{application}\"\n");
        Self::run(port, &head, tables)
    }

    /// What it says of itself.
    pub fn metrics(&self) -> String {
        talk(self.admin, "GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap()
    }

    /// What was logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// The end begins, as in Kubernetes.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap();
    }

    /// Waits for the end.
    pub fn ends(&mut self) {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
    }

    /// A place of its check endpoint, or of the application behind it.
    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.check)
    }

    fn launch(check: u16, more: &str, tables: &str) -> Self {
        let head = format!("[check]\nlisten = \"127.0.0.1:{check}\"\n{more}\n");
        Self::run(check, &head, tables)
    }

    fn run(check: u16, head: &str, tables: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let admin = free_port();
        let file = dir.path().join("sidecar.toml");
        let settings = format!(
            "drain_delay = 0\n{head}[admin]\nlisten = \"127.0.0.1:{admin}\"\n\
             {tables}\n[headers]\nsets = [\"pasee\", \"auth-request\"]\n{RULES}"
        );
        fs::write(&file, settings).unwrap();
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let child = sidecar(&["--settings-file", file.to_str().unwrap()])
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, check, admin, dir }
    }

    /// Waits until `/ready` answers with this.
    pub fn becomes(&self, status: &str) {
        let start = Instant::now();
        loop {
            let answer =
                talk(self.admin, "GET /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            if answer
                .as_deref()
                .is_some_and(|answer| answer.starts_with(&format!("HTTP/1.1 {status}")))
            {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{answer:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn ask(&self, head: &str) -> String {
        let request =
            format!("{}\r\nconnection: close\r\n\r\n", head.trim_end().replace('\n', "\r\n"));
        talk(self.check, &request).unwrap().to_ascii_lowercase()
    }

    /// What is answered to these bytes, to the byte.
    pub fn ask_as_is(&self, request: &str) -> String {
        talk(self.check, request).unwrap()
    }

    /// The status, and the headers that an application may be told.
    fn judged(&self, head: &str) -> String {
        let answer = self.ask(head);
        let mut lines = answer.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let mut told: Vec<&str> = lines
            .take_while(|line| !line.is_empty())
            .filter(|line| line.starts_with("x-pasee-"))
            .collect();
        told.sort_unstable();
        [&*status, &told.join(" ")].join(" ").trim_end().to_owned()
    }
}

fn talk(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

async fn started(more: &str) -> (Pasee, Sidecar, String) {
    let pasee = Setup::default().members("articles", ["local-ada"]).start().await;
    let issuer = crate::support::pasee::ISSUER;
    let keys = format!("{}/.well-known/jwks.json", pasee.url);
    let sidecar = Sidecar::start(issuer, &keys, more);
    sidecar.becomes("200");
    let token = pasee.log_in("ada").await.access;
    (pasee, sidecar, token)
}

const ADA: &str = "x-pasee-groups: articles x-pasee-user: local-ada";

#[tokio::test(flavor = "multi_thread")]
async fn each_proxy_in_its_own_way() {
    let (_pasee, sidecar, token) = started("").await;
    let bearer = format!("authorization: Bearer {token}");
    for (head, expected) in [
        // nginx, Traefik, Caddy, HAProxy: a fixed path.
        (format!("GET /check HTTP/1.1\nhost: c\nx-forwarded-method: GET\nx-forwarded-host: app\nx-forwarded-uri: /any/1?x\n{bearer}"), format!("200 {ADA}")),
        (format!("GET /check?a=b HTTP/1.1\nhost: c\nx-forwarded-method: GET\nx-forwarded-uri: /groups/articles\n{bearer}"), format!("200 {ADA}")),
        (format!("GET /check HTTP/1.1\nhost: c\nx-forwarded-method: POST\nx-forwarded-uri: /groups/articles\n{bearer}"), "403".into()),
        (format!("GET /check HTTP/1.1\nhost: c\nx-forwarded-method: GET\nx-forwarded-uri: /groups/staff\n{bearer}"), "403".into()),
        ("GET /check HTTP/1.1\nhost: c\nx-forwarded-method: GET\nx-forwarded-uri: /any/1".into(), "401".into()),
        ("GET /check HTTP/1.1\nhost: c\nx-forwarded-method: GET\nx-forwarded-uri: /public/1".into(), "200".into()),
        ("GET /check HTTP/1.1\nhost: c\nx-forwarded-method: GET\nx-forwarded-uri: /public/1\nauthorization: Bearer wrong".into(), "200".into()),
        ("GET /check HTTP/1.1\nhost: c\nx-forwarded-method: GET\nx-forwarded-uri: /any/1\nauthorization: Bearer wrong".into(), "401".into()),
        ("GET /check HTTP/1.1\nhost: c\nx-forwarded-method: GET\nx-forwarded-uri: /nowhere\nauthorization: Bearer wrong".into(), "403".into()),
        // ingress-nginx: a URL.
        (format!("GET /check HTTP/1.1\nhost: c\nx-original-method: GET\nx-original-url: https://app/groups/articles?x\n{bearer}"), format!("200 {ADA}")),
        // Envoy, Istio, the Gateway API: the request itself, below the path.
        (format!("GET /check/any/1?x HTTP/1.1\nhost: app\n{bearer}"), format!("200 {ADA}")),
        (format!("POST /check/groups/articles HTTP/1.1\nhost: app\ncontent-length: 0\n{bearer}"), "403".into()),
        ("DELETE /check/public/1 HTTP/1.1\nhost: app".into(), "200".into()),
        ("GET /check/ HTTP/1.1\nhost: app".into(), "403".into()),
        ("GET /other HTTP/1.1\nhost: app".into(), "404".into()),
        ("GET /checks HTTP/1.1\nhost: app".into(), "404".into()),
    ] {
        assert_eq!(sidecar.judged(&head), expected, "{head}");
    }
    let refused = sidecar.ask("GET /check/any/1 HTTP/1.1\nhost: app");
    assert!(refused.contains("www-authenticate: bearer"), "{refused}");
    let passed = sidecar.ask(&format!(
        "GET /check/any/1 HTTP/1.1\nhost: app\nx_pasee_user: root\nX-Forwarded-User: root\n{bearer}"
    ));
    let removed = passed
        .lines()
        .find_map(|line| line.strip_prefix("x-envoy-auth-headers-to-remove: "))
        .unwrap();
    let removed: Vec<&str> = removed.split(',').collect();
    for name in
        ["x_pasee_user", "x-forwarded-user", "remote-user", "authorization", "x-auth-request-email"]
    {
        assert!(removed.contains(&name), "{name} in {removed:?}");
    }
    assert!(!removed.contains(&"x-pasee-user"));
    let metrics = sidecar.metrics();
    assert!(
        metrics.contains("pasee_sidecar_requests_total{way=\"check\",outcome=\"allowed\"}"),
        "{metrics}"
    );
}

/// What a client sends beside what its proxy says opens nothing, and a path of two meanings neither.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_does_not_go_together() {
    let (_pasee, sidecar, token) = started("").await;
    let bearer = format!("authorization: Bearer {token}");
    let fixed = |more: &str| format!("GET /check HTTP/1.1\nhost: app\n{bearer}\n{more}");
    for more in [
        // A proxy that says one thing, and a client that says another under a name which that does not overwrite.
        "x-forwarded-method: GET\nx-forwarded-uri: /groups/staff\nx-original-uri: /public/",
        "x-forwarded-method: GET\nx-original-uri: /groups/staff\nx-forwarded-uri: /public/",
        "x-forwarded-method: GET\nx-forwarded-uri: /groups/staff\nx-original-url: http://app/public/",
        "x-forwarded-method: GET\nx-forwarded-uri: /public/\nx-forwarded-uri: /groups/staff",
        "x-forwarded-method: GET\nx-forwarded-uri: /public/\nx-original-method: POST",
        "x-forwarded-method: GET\nx-forwarded-uri: /public/\nx-forwarded-host: a\nx-original-url: http://b/public/",
        // No host, which another reader could take for one.
        "x-forwarded-method: GET\nx-forwarded-uri: /public/\nx-forwarded-host: app:x",
        "x-forwarded-method: GET\nx-forwarded-uri: /public/\nx-forwarded-host: app:80:80",
        "x-forwarded-method: GET\nx-forwarded-uri: /public/\nx-forwarded-host: app, other",
        "x-forwarded-method: GET\nx-forwarded-uri: /public/\nx-original-url: http://x@app/public/",
        // Not all of it said.
        "x-forwarded-uri: /public/",
        "x-forwarded-method: GET",
        "x-forwarded-method: \nx-forwarded-uri: /public/",
        "x-forwarded-method: GET\nx-forwarded-uri: ",
        "x-forwarded-method: GET\nx-forwarded-uri: public/",
        // Two meanings.
        "x-forwarded-method: GET\nx-forwarded-uri: /public/../groups/staff",
        "x-forwarded-method: GET\nx-forwarded-uri: /public/%2e%2e/groups/staff",
        "x-forwarded-method: GET\nx-forwarded-uri: /public//groups",
        "x-forwarded-method: GET\nx-forwarded-uri: /public/..;/groups",
        "x-forwarded-method: GET\nx-forwarded-uri: /public/a%2f..%2fb",
        "x-forwarded-method: GET\nx-forwarded-uri: /public/#/groups",
    ] {
        assert_eq!(sidecar.judged(&fixed(more)), "403", "{more}");
    }
    for host in ["app:x", "app:80:80", "x@app", "app.."] {
        let judged =
            sidecar.judged(&format!("GET /check/public/ HTTP/1.1\nhost: {host}\n{bearer}"));
        assert_eq!(judged, "403", "{host}");
    }
    for path in
        ["/check//public/", "/check/public/../any", "/check/public/%2e%2e/any", "/check/public\\a"]
    {
        let judged = sidecar.judged(&format!("GET {path} HTTP/1.1\nhost: app\n{bearer}"));
        assert!(judged.starts_with("40") && judged != "404", "{path}: {judged}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_peers_ask() {
    let (_pasee, sidecar, token) = started("allowed_peers = [\"192.0.2.1\"]").await;
    let judged = sidecar.judged(&format!(
        "GET /check/public/ HTTP/1.1\nhost: app\nx-forwarded-for: 192.0.2.1\nauthorization: Bearer {token}"
    ));
    assert_eq!(judged, "403");
}

/// Before the first key nobody is let in; with Pasee away those whose keys are known go on.
#[tokio::test(flavor = "multi_thread")]
async fn keys_come_late_and_stay() {
    let pasee = Setup::default().start().await;
    let token = pasee.log_in("ada").await.access;
    let issuer = crate::support::pasee::ISSUER;
    let lost = Sidecar::start(issuer, &format!("http://127.0.0.1:{}/keys", free_port()), "");
    lost.becomes("503");
    let head = format!("GET /check/any/1 HTTP/1.1\nhost: app\nauthorization: Bearer {token}");
    assert_eq!(lost.judged(&head), "503");
    assert!(lost.ask(&head).contains("retry-after: "));
    assert_eq!(
        lost.judged("GET /check/public/1 HTTP/1.1\nhost: app"),
        "200",
        "what is for everybody needs no key"
    );
    let mut sidecar = Sidecar::start(issuer, &format!("{}/.well-known/jwks.json", pasee.url), "");
    sidecar.becomes("200");
    drop(pasee);
    assert_eq!(sidecar.judged(&head), "200 x-pasee-groups:  x-pasee-user: local-ada");
    // The end begins at SIGTERM.
    sidecar.terminate();
    sidecar.ends();
}
