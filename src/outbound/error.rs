//! Why a call came to nothing: whoever was called is away, or breaks the protocol.
//!
//! Must not know what the answer would have meant.

use std::error::Error;
use std::io;

use http::StatusCode;
use tokio_rustls::rustls;
use url::Url;

use super::proxy::ProxyServer;
use super::tunnel::refusal;
use super::words::shortened;

/// Why a call came to nothing. What was wrong in detail is logged here, without the URL: it may hold what a user typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection, or no answer in time.
    #[error("the other server cannot be reached now")]
    Unreachable,
    /// It shows a certificate that nobody whom this machine believes has signed, of another name, or that is over.
    #[error(
        "the other server's certificate is not believed on this machine: it is over, of another name, or signed by an authority that \
         is not known here. One of your own is added to the system's, or its file is named in SSL_CERT_FILE"
    )]
    Untrusted,
    /// More calls are under way than are allowed at once.
    #[error("too many calls of the other server at once")]
    Busy,
    /// What was answered is invalid; says where.
    #[error("the other server's answer is invalid: {0}")]
    InvalidResponse(&'static str),
    /// The proxy on the way did not lead there.
    #[error(transparent)]
    Proxy(ProxyFault),
}

/// What a proxy did in place of leading somewhere. Which proxy, and what it said, is logged here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    /// No connection to it.
    #[error("the proxy on the way there cannot be reached")]
    Away,
    /// It answers 407.
    #[error("the proxy on the way there asks for another user and password")]
    Credentials,
    /// Its rules say no, such as with 403.
    #[error("the proxy on the way there lets no call through to it")]
    Refused,
    /// It finds no way itself, such as with 502.
    #[error("the proxy on the way there does not reach it")]
    DeadEnd,
    /// It says nothing, or waits itself.
    #[error("the proxy on the way there did not lead there in time")]
    Silent,
}

impl ProxyFault {
    /// Whose fault it is that nothing was answered, if it is the proxy's; says so in the log.
    pub(super) async fn of(
        error: &reqwest::Error,
        place: &Url,
        proxy: &ProxyServer,
    ) -> Option<Self> {
        if !error.is_connect() {
            return None;
        }
        let mut status = None;
        let tunnel = causes(error).map(ToString::to_string);
        let tunnel = tunnel.filter_map(|cause| Some(cause.strip_prefix(OF_TUNNEL)?.to_owned()));
        let fault = match tunnel.last().as_deref() {
            Some("proxy authorization required") => {
                status = Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED);
                Self::Credentials
            }
            Some("unsuccessful") => {
                status = refusal(proxy, place).await;
                match status {
                    Some(status) if status.is_client_error() => Self::Refused,
                    _ => Self::DeadEnd,
                }
            }
            Some("failed to create underlying connection") => Self::Away,
            Some(_) => Self::DeadEnd,
            None if error.is_timeout() => Self::Silent,
            // Nothing but the proxy is connected to, or it is one that leads without HTTP.
            None if place.scheme() == "http" || !proxy.is_http() => Self::Away,
            None => return None,
        };
        fault.say_with(proxy, status, &describe(error));
        Some(fault)
    }

    /// Says in the log what its operator has to look at.
    pub(super) fn say(self, proxy: &ProxyServer, status: Option<StatusCode>) {
        self.say_with(proxy, status, "answered by the proxy itself");
    }

    fn say_with(self, proxy: &ProxyServer, status: Option<StatusCode>, error: &str) {
        let status = status.map(|status| status.as_u16());
        let advice = match self {
            Self::Away => "is it there, and is this its name and port?",
            Self::Credentials => {
                "a right proxy here is \"http://USER:PASSWORD@HOST:PORT\", better in a file of its own: proxy_file"
            }
            Self::Refused => "its rules decide that, not this Pasee and not the identity provider",
            Self::DeadEnd => {
                "it does not find or reach the identity provider; its own log says more"
            }
            Self::Silent => "it is too slow, or waits for the identity provider itself",
        };
        tracing::warn!(%proxy, status, error, "{self}: {advice}");
    }
}

/// Most characters of an error and its causes.
const MAX_CAUSES: usize = 400;

/// What the HTTP library begins its words about a proxy with; its type is not public.
const OF_TUNNEL: &str = "tunnel error: ";

impl CallError {
    /// Why a call came to nothing where no proxy is to blame.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        tracing::warn!(error = %describe(error), "a call to another server failed");
        if error.is_builder() {
            Self::InvalidResponse("a place that cannot be called")
        } else if is_about_the_certificate(error) {
            Self::Untrusted
        } else if !error.is_connect() && is_protocol_violation(error) {
            Self::InvalidResponse("a broken HTTP answer")
        } else {
            Self::Unreachable
        }
    }
}

/// What lies below an error, from the outside in.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// Whether there is a server, and it is not believed.
fn is_about_the_certificate(error: &reqwest::Error) -> bool {
    let refused = |error: &rustls::Error| matches!(error, rustls::Error::InvalidCertificate(_));
    causes(error).any(|cause| innermost(cause).downcast_ref().is_some_and(refused))
}

/// What an error of I/O carries, which it does not name as its cause; itself when it carries nothing.
fn innermost<'e>(mut error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    while let Some(carried) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = carried;
    }
    error
}

/// Whether bytes came, but not HTTP: a head that does not parse, or a body whose chunks do not.
fn is_protocol_violation(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let head = cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
        let chunk = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        head || matches!(chunk, Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput))
    })
}

/// Whether the connection was made, and was gone before an answer began.
pub(super) fn was_dropped(error: &reqwest::Error) -> bool {
    let gone = |kind| {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset)
    };
    error.is_request()
        && !error.is_connect()
        && causes(error).any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| gone(error.kind()))
                || cause.downcast_ref::<hyper::Error>().is_some_and(|error| {
                    error.is_incomplete_message() || error.is_canceled() || error.is_closed()
                })
        })
}

/// The error with its causes, without the URL. Some of it are the other server's words, such as the names in its certificate.
fn describe(error: &reqwest::Error) -> String {
    let causes = causes(error).fold("failed".to_owned(), |text, cause| format!("{text}: {cause}"));
    shortened(&causes, MAX_CAUSES)
}
