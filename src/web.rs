//! HTTP plumbing: connections, their limits and timeouts, TLS, drain, and what requests and answers have in common.
//!
//! Must not know what is served: no route, no domain, no settings.
//!
//! | File | Owns |
//! |---|---|
//! | `accept` | listens, accepts, drains |
//! | `connection` | one connection: protocols, timeouts, panics |
//! | `body` | a request's body, never left half read |
//! | `intake` | bodies that come at the same time, bounded together |
//! | `occupancy` | how many connections there are |
//! | `pulse` | when a connection's client must have done its next step |
//! | `room` | which connections are open, and which give way |
//! | `options` | how many, how long, with which certificate |
//! | `tls` | the certificate, renewed while it is served with |
//! | `limits` | the size of a body, attempts to log in |
//! | `peer` | which client stands behind proxies |
//! | `request_id` | what a request is called, in its answer and in the log |
//! | `bearer` | tokens in requests (RFC 6750) |
//! | `stream` | answers in pieces, and sockets |
//! | `respond` | what all answers have in common |
//! | `admin` | the operator's port |

pub mod accept;
pub mod admin;
pub mod bearer;
mod body;
mod connection;
pub mod intake;
pub mod limits;
mod occupancy;
pub mod options;
pub mod peer;
mod pulse;
pub mod request_id;
pub mod respond;
mod room;
pub mod stream;
pub mod tls;

use std::net::SocketAddr;

pub use self::body::Body;
pub use self::occupancy::Occupancy;

/// A request, its body unread.
pub type Request = http::Request<Body>;

/// An answer, whole.
pub type Response = http::Response<http_body_util::Full<bytes::Bytes>>;

/// What answers requests.
///
/// An answer is waited for as long as the handler takes: a handler bounds its own work. It is dropped when the client
/// goes away, and a panic in it becomes a plain 500.
pub trait Handle: Send + Sync + 'static {
    /// Answers one request. `peer` is the other end of the connection, an IPv4 address never mapped into IPv6.
    fn handle(&self, request: Request, peer: SocketAddr) -> impl Future<Output = Response> + Send;
}
