//! The proxy in front of an application: a request that the judge lets through reaches it, told who sends it, and its answer goes
//! back as it comes.
//!
//! Owns that what is judged is what is passed on, that nothing of a client's connection goes further, and that nothing goes on for
//! longer than whoever opened it may. Must not know why somebody may.
//!
//! | File | Owns |
//! |---|---|
//! | `target` | what a request is for: one host, said once |
//! | `hop` | what belongs to one connection |
//! | `forwarded` | where a request came from |
//! | `upstream` | the application, and the way there |
//! | `lease` | how long a stream or socket may go on |
//! | `socket` | WebSockets |

mod forwarded;
mod hop;
mod lease;
mod socket;
mod target;
mod upstream;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, EXPECT, HOST, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::{Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use ipnet::IpNet;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use self::forwarded::Origins;
use self::lease::{Activity, Holder, Lease, Leased, Marked, Over};
use self::socket::Asked;
use self::target::TargetError;
use self::upstream::{Upstream, UpstreamError};
use super::gate::{Judge, Verdict};
use super::identity::{Identity, Revocations};
use super::identity_headers::IdentityHeaders;
use super::reply::Reply;
use crate::domain::time::Timestamp;
use crate::outbound::ClientError;
use crate::settings::sidecar::ProxySettings;
use crate::web::request_id::{RequestId, X_REQUEST_ID};
use crate::web::respond::Scheme;
use crate::web::stream::{HandleStreams, Seat, StreamedResponse, streamed};
use crate::web::{Body, Request};

/// Where it is heard that somebody's session was ended.
#[derive(Clone, Debug)]
pub struct Endings {
    /// Whose was.
    pub revocations: Arc<dyn Revocations>,
    /// Told when another was, or when nothing is known of that any more.
    pub changes: watch::Receiver<u64>,
}

/// The proxy in front of one application.
pub struct Proxy<J> {
    judge: J,
    headers: IdentityHeaders,
    endings: Endings,
    upstream: Upstream,
    origins: Origins,
    response_timeout: Duration,
    idle_timeout: Duration,
    /// Each socket has a receiver, and ends when it says so.
    sockets: watch::Sender<bool>,
}

impl<J: Judge> Proxy<J> {
    /// A proxy as the settings say, that asks this judge.
    ///
    /// # Errors
    /// When the authorities cannot be used that the application's certificate is to be believed by.
    pub fn new(
        settings: &ProxySettings,
        trusted_proxies: Vec<IpNet>,
        judge: J,
        headers: IdentityHeaders,
        endings: Endings,
    ) -> Result<Self, ClientError> {
        let scheme = if settings.tls.is_some() { Scheme::Https } else { Scheme::Http };
        Ok(Self {
            judge,
            headers,
            endings,
            upstream: Upstream::new(settings)?,
            origins: Origins { trusted: trusted_proxies, scheme },
            response_timeout: settings.response_timeout,
            idle_timeout: settings.idle_timeout,
            sockets: watch::Sender::new(false),
        })
    }

    /// Waits until there is no socket any more, and cuts those that are left after a while.
    pub async fn end_sockets(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.sockets.closed()).await.is_err() {
            let sockets = self.sockets.receiver_count();
            tracing::warn!(sockets, "cut the sockets that had not ended");
        }
        self.sockets.send_replace(true);
    }

    async fn forward(
        &self,
        mut parts: Parts,
        body: Body,
        peer: IpAddr,
        (identity, until): (Option<Arc<Identity>>, Option<Timestamp>),
    ) -> Result<StreamedResponse, Failure> {
        let activity = Activity::new();
        let holder = identity.clone().map(|identity| Holder {
            identity,
            revocations: Arc::clone(&self.endings.revocations),
            changes: self.endings.changes.clone(),
        });
        let lease = Lease::new(until, holder, (activity.clone(), self.idle_timeout));
        let socket = Asked::of(&mut parts);
        let seat = parts.extensions.remove::<Seat>();
        let version = parts.version;
        self.dress(&mut parts, peer, identity.as_deref());
        match socket {
            Some(socket) => {
                let seated = seat.map(|seat| seat.keep(version));
                let opening = Opening { socket, lease, activity, seated };
                self.open(parts, opening).await
            }
            None => {
                let body = Marked::new(body, activity.clone()).boxed_unsync();
                let mut lease = lease;
                let request = http::Request::from_parts(parts, body);
                let sent = self.upstream.send(request);
                let answer = self.answered(sent, (&mut lease, &activity)).await?;
                Ok(passed(answer, lease))
            }
        }
    }

    /// Makes of a client's request one of ours, to the application.
    fn dress(&self, parts: &mut Parts, peer: IpAddr, identity: Option<&Identity>) {
        let headers = &mut parts.headers;
        hop::strip(headers);
        // Whoever waits for a word gets it as soon as the application reads.
        headers.remove(EXPECT);
        self.origins.tell(headers, peer);
        self.headers.dress(headers, identity);
        if let Some(id) = parts.extensions.get::<RequestId>() {
            headers.insert(X_REQUEST_ID, id.header());
        }
        parts.version = Version::HTTP_11;
        if self.upstream.is_http2() {
            // The application's own name stands in `:authority`, the client's in X-Forwarded-Host.
            headers.remove(HOST);
            parts.version = Version::HTTP_2;
        }
        parts.extensions.clear();
    }

    /// Waits for the beginning of an answer: as long as a body is on its way there, and then for as long as the application may
    /// take.
    async fn answered(
        &self,
        sent: impl Future<Output = Result<Response<Incoming>, UpstreamError>>,
        (lease, activity): (&mut Lease, &Activity),
    ) -> Result<Response<Incoming>, Failure> {
        let late = async {
            loop {
                let due = activity.last() + self.response_timeout;
                if due <= Instant::now() {
                    return;
                }
                sleep_until(due).await;
            }
        };
        tokio::select! {
            biased;
            answer = sent => Ok(answer?),
            over = lease.over() => Err(match over {
                Over::Ended => Failure::Ended,
                Over::Silent => Failure::Late,
            }),
            () = late => Err(Failure::Late),
        }
    }

    /// Opens a socket, if the application does.
    async fn open(&self, mut parts: Parts, opening: Opening) -> Result<StreamedResponse, Failure> {
        let Opening { socket, mut lease, activity, seated } = opening;
        parts.version = Version::HTTP_11;
        let Some(accept) = socket.ask(&mut parts) else { return Err(Failure::NoKey) };
        let body = Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync();
        let sent = self.upstream.send_to_upgrade(http::Request::from_parts(parts, body));
        let answer = self.answered(sent, (&mut lease, &activity)).await?;
        if !socket::opens(&answer, &accept) {
            // It is no socket, and may say why.
            return match answer.status() {
                StatusCode::SWITCHING_PROTOCOLS => Err(UpstreamError::Broken.into()),
                _ => Ok(passed(answer, lease)),
            };
        }
        let (status, headers) = socket.opened(answer.headers().clone());
        let end = self.sockets.subscribe();
        tokio::spawn(socket.pass(answer, (lease, activity), end, seated));
        let mut response = streamed(Response::new(Full::default()));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl<J: Judge> HandleStreams for Proxy<J> {
    async fn handle(&self, request: Request, peer: SocketAddr) -> StreamedResponse {
        let (mut parts, body) = request.into_parts();
        if let Err(error) = target::settle(&mut parts) {
            return Failure::from(error).told();
        }
        match self.judge.judge(&parts, peer).await {
            Verdict::Refuse(reply) => streamed(reply.into_response()),
            Verdict::Forward { identity, until, cookie } => {
                let forwarded = self.forward(parts, body, peer.ip(), (identity, until)).await;
                let answer = forwarded.unwrap_or_else(|failure| failure.told());
                renewing(answer, cookie)
            }
        }
    }
}

/// A socket that is asked for.
struct Opening {
    socket: Asked,
    lease: Lease,
    activity: Activity,
    seated: Option<crate::web::stream::Seated>,
}

/// An answer of the application, as it goes back: for as long as it may.
fn passed(answer: Response<Incoming>, lease: Lease) -> StreamedResponse {
    let (mut parts, body) = answer.into_parts();
    hop::strip(&mut parts.headers);
    parts.extensions.clear();
    parts.version = Version::HTTP_11;
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        // Nobody asked for that.
        return Failure::Upstream(UpstreamError::Broken).told();
    }
    Response::from_parts(parts, Leased::new(body, lease).boxed_unsync())
}

/// The same, which has the browser carry this from now on: one answer for one browser, whatever the application says of those
/// who may keep it.
fn renewing(mut answer: StreamedResponse, cookie: Option<HeaderValue>) -> StreamedResponse {
    if let Some(cookie) = cookie {
        answer.headers_mut().append(SET_COOKIE, cookie);
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

/// Why an answer is ours and not the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the application did not answer in time")]
    Late,
    #[error("the token or the session ended before the application answered")]
    Ended,
    #[error("a WebSocket needs the header Sec-WebSocket-Key (RFC 6455 section 4.1)")]
    NoKey,
}

impl Failure {
    fn told(self) -> StreamedResponse {
        let (status, error) = match self {
            Self::Target(_) | Self::NoKey => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Upstream(UpstreamError::Late) | Self::Late => {
                (StatusCode::GATEWAY_TIMEOUT, "application_late")
            }
            Self::Upstream(_) => (StatusCode::BAD_GATEWAY, "application_away"),
            Self::Ended => {
                let reply = Reply::Unauthenticated(Some(self.to_string()));
                return streamed(reply.into_response());
            }
        };
        let said = json!({ "error": error, "error_description": self.to_string() });
        let mut response = Response::new(Full::new(Bytes::from(format!("{said}\n"))));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        streamed(response)
    }
}
