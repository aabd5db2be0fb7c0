//! The one judge of a request: what the proxy and the check endpoint both ask.
//!
//! Must not forward anything.

use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;

use super::identity::Identity;
use super::reply::Reply;
use crate::domain::time::Timestamp;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It reaches the application.
    Forward {
        /// Who sends it; nobody where it is for everybody and nobody is known.
        identity: Option<Arc<Identity>>,
        /// When a stream or socket that it opens is cut; never where it is for everybody.
        until: Option<Timestamp>,
    },
    /// This is answered.
    Refuse(Reply),
}

/// Judges requests.
pub trait Judge: Send + Sync + 'static {
    /// What becomes of a request that came over a connection from `peer`.
    fn judge(&self, request: &Parts, peer: SocketAddr) -> impl Future<Output = Verdict> + Send;
}
