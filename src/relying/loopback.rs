//! Where a browser comes back to: a port of this machine, for one login (RFC 8252 section 7.3).
//!
//! Owns who is listened to: requests of the right path that name this very place as their host and carry the state of the
//! login. Whoever else comes, such as a page elsewhere that tries its luck, is told nothing and ends nothing. Must not know how
//! a login is begun, nor what becomes of the answer.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use super::authorization::{AuthorizationAnswer, PendingAuthorization};

/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Longest time that one request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most connections at once; browsers open some that they never use.
const MAX_CONNECTIONS: usize = 32;
const PATH: &str = "/callback";

/// A port of this machine.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

/// What one request comes to.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// A query at the right place.
    Asked(String),
    /// Something else, and what it is told.
    Refused(&'static str),
}

impl Loopback {
    /// Listens on a port of its own, by IPv4 or, where there is none, IPv6. Nobody else on the network gets there.
    ///
    /// # Errors
    /// When neither can be.
    pub async fn bind() -> io::Result<Self> {
        let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await?,
        };
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where a browser is to come back to.
    #[must_use]
    pub fn redirect_uri(&self) -> Url {
        let place = format!("http://{}{PATH}", self.address);
        place.parse().expect("an address and a path are a URL")
    }

    /// The first answer to this login. Waits as long as nobody comes: whoever calls says how long that may take.
    pub async fn answer(self, pending: &PendingAuthorization) -> AuthorizationAnswer {
        let host: Arc<str> = self.address.to_string().into();
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if open.len() < MAX_CONNECTIONS => {
                    if let Ok((stream, _)) = accepted {
                        open.spawn(tokio::time::timeout(PATIENCE, read(stream, Arc::clone(&host))));
                    }
                }
                Some(done) = open.join_next() => {
                    let Ok(Ok(Some((stream, query)))) = done else { continue };
                    let answer = AuthorizationAnswer::read(&query);
                    match answer.filter(|answer| pending.is_answered_by(answer)) {
                        Some(answer) => {
                            let page = if answer.is_granted() { &DONE } else { &REFUSED };
                            tell(stream, "200 OK", page).await;
                            return answer;
                        }
                        None => tell(stream, "400 Bad Request", &STRANGE).await,
                    }
                }
            }
        }
    }
}

/// The query of a request, if it is one that may be looked at; whoever sends another is told so here.
async fn read(mut stream: TcpStream, host: Arc<str>) -> Option<(TcpStream, String)> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= MAX_HEAD || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    match judge(&head, &host) {
        Verdict::Asked(query) => Some((stream, query)),
        Verdict::Refused(status) => {
            tell(stream, status, &STRANGE).await;
            None
        }
    }
}

/// Whether a request is a GET of the right path, for this very host: a name that somebody has lead here is another.
fn judge(head: &[u8], host: &str) -> Verdict {
    let Ok(head) = str::from_utf8(head) else { return Verdict::Refused("400 Bad Request") };
    let mut lines = head.split("\r\n");
    let mut request = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1"), None) =
        (request.next(), request.next(), request.next(), request.next())
    else {
        return Verdict::Refused("400 Bad Request");
    };
    let hosts: Vec<&str> = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim())
        .collect();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match method {
        _ if hosts != [host] => Verdict::Refused("421 Misdirected Request"),
        _ if path != PATH => Verdict::Refused("404 Not Found"),
        "GET" => Verdict::Asked(query.to_owned()),
        _ => Verdict::Refused("405 Method Not Allowed"),
    }
}

/// A page, of which nothing comes from a request.
struct Page {
    title: &'static str,
    text: &'static str,
}

const DONE: Page = Page {
    title: "Go back to your terminal",
    text: "The login came back to the program that asked for it. You can close this window.",
};
const REFUSED: Page =
    Page { title: "Not logged in", text: "The terminal says why. You can close this window." };
const STRANGE: Page = Page {
    title: "Nothing to do here",
    text: "This is no answer to the login that is waited for here. Nothing was changed by it.",
};

/// Answers, as far as somebody is still there.
async fn tell(mut stream: TcpStream, status: &str, page: &Page) {
    let Page { title, text } = page;
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title><h1>{title}</h1><p>{text}</p></html>\n"
    );
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\r\n",
        body.len()
    );
    let sent = async {
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        stream.shutdown().await
    };
    // Nobody has to read it.
    let _ = tokio::time::timeout(PATIENCE, sent).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_listened_to() {
        let asked = |line: &str, headers: &str| {
            judge(format!("{line}\r\n{headers}\r\n\r\n").as_bytes(), "127.0.0.1:1234")
        };
        let own = "Host: 127.0.0.1:1234";
        assert_eq!(
            asked("GET /callback?code=c&state=s HTTP/1.1", own),
            Verdict::Asked("code=c&state=s".into())
        );
        assert_eq!(
            asked("GET /callback HTTP/1.1", "hOST:127.0.0.1:1234"),
            Verdict::Asked(String::new())
        );
        for (line, headers, status) in [
            ("GET /callback?a HTTP/1.1", "Host: evil.example:1234", "421 Misdirected Request"),
            ("GET /callback?a HTTP/1.1", "Host: localhost:1234", "421 Misdirected Request"),
            ("GET /callback?a HTTP/1.1", "Host: 127.0.0.1", "421 Misdirected Request"),
            ("GET /callback?a HTTP/1.1", "X: y", "421 Misdirected Request"),
            (
                "GET /callback?a HTTP/1.1",
                "Host: 127.0.0.1:1234\r\nHost: evil.example",
                "421 Misdirected Request",
            ),
            ("GET http://evil.example/callback?a HTTP/1.1", own, "404 Not Found"),
            ("GET /callback/?a HTTP/1.1", own, "404 Not Found"),
            ("GET /favicon.ico HTTP/1.1", own, "404 Not Found"),
            ("POST /callback?a HTTP/1.1", own, "405 Method Not Allowed"),
            ("HEAD /callback?a HTTP/1.1", own, "405 Method Not Allowed"),
            ("GET /callback?a", own, "400 Bad Request"),
            ("GET /callback ?a HTTP/1.1", own, "400 Bad Request"),
            ("", own, "400 Bad Request"),
        ] {
            assert_eq!(asked(line, headers), Verdict::Refused(status), "{line} {headers}");
        }
    }
}
