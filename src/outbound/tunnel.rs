//! What status a proxy refuses a tunnel with. The HTTP library says only that there is none, and 403 and 502 are to be looked
//! at in different places: so it is asked once more.
//!
//! Must not know what the tunnel was for; nothing but the question goes through.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::proxy::ProxyServer;

/// Longest wait for that answer: it was there at once a moment ago.
const WAIT: Duration = Duration::from_secs(1);
/// Longest first line of an answer that is looked at, in bytes.
const MAX_LINE: usize = 256;

/// The status with which a proxy refuses to lead to a place; `None` when it does not say, or leads there now.
pub(super) async fn refusal(proxy: &ProxyServer, place: &Url) -> Option<StatusCode> {
    // With TLS it would have to be believed first.
    let (host, port) = proxy.in_the_clear()?;
    let question = question(proxy, place)?;
    let asked = async {
        let mut stream = TcpStream::connect((host, port)).await.ok()?;
        stream.write_all(question.as_bytes()).await.ok()?;
        let mut line = Vec::new();
        while !line.contains(&b'\n') && line.len() < MAX_LINE {
            if stream.read_buf(&mut line).await.ok()? == 0 {
                break;
            }
        }
        status(&line)
    };
    timeout(WAIT, asked).await.ok().flatten().filter(|status| !status.is_success())
}

fn question(proxy: &ProxyServer, place: &Url) -> Option<String> {
    let there = format!("{}:{}", place.host_str()?, place.port_or_known_default()?);
    let user = proxy.user().map(|user| {
        let user: Vec<u8> = percent_decode_str(user.expose_secret()).collect();
        format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(user))
    });
    Some(format!("CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n{}\r\n", user.unwrap_or_default()))
}

fn status(line: &[u8]) -> Option<StatusCode> {
    let line = std::str::from_utf8(line.split(|byte| *byte == b'\n').next()?).ok()?;
    let code = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    code.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        for (line, expected) in [
            ("HTTP/1.1 403 Forbidden\r\nVia: x\r\n", Some(403)),
            ("HTTP/1.0 502\r\n", Some(502)),
            ("HTTP/1.1 2000 x\r\n", None),
            ("HTTP/2 502 x\r\n", None),
            ("SSH-2.0\r\n", None),
            ("", None),
        ] {
            assert_eq!(status(line.as_bytes()).map(|status| status.as_u16()), expected, "{line}");
        }
    }
}
