//! Listening, accepting and draining.
//!
//! Must not know HTTP: what happens on a connection is `connection`'s.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Handle;
use super::connection::{self, Shared};
use super::options::ConnectionOptions;
use super::peer::is_trusted;
use super::room::Room;
use super::stream::{HandleStreams, Serve, Streams, Whole};

/// Connections that the kernel keeps while they wait to be accepted.
const BACKLOG: i32 = 4096;

/// How long nothing is accepted after the system refused one, for want of descriptors or memory.
const BACKOFF: Duration = Duration::from_millis(100);

/// Descriptors that connections leave to files, databases and calls to others.
const SPARE_DESCRIPTORS: usize = 128;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The name means nothing here.
    #[error(
        "host {host:?} cannot be resolved; a right one is a name of this machine or an address such as 127.0.0.1, 0.0.0.0 or ::"
    )]
    Resolve {
        /// As it was given.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// The name is known, without an address.
    #[error(
        "host {0:?} has no address; a right one is a name of this machine or an address such as 127.0.0.1, 0.0.0.0 or ::"
    )]
    NoAddress(String),
    /// The system refuses the address.
    #[error("cannot listen on {address}: {hint}", hint = hint(source))]
    Listen {
        /// The address that was tried.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What somebody can do about it.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there; stop it or take another port",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        io::ErrorKind::PermissionDenied => "not permitted; ports below 1024 need a privilege",
        io::ErrorKind::Unsupported => "this machine does not speak that kind of address",
        _ => "the system refuses it; for a machine without IPv6, 0.0.0.0 listens everywhere",
    }
}

/// Listens on a host, given as a name or an address, and a port; port 0 takes a free one.
///
/// `::` listens on IPv4 too. Of a name's addresses, IPv4 ones are tried first. Must be called inside a runtime.
///
/// # Errors
/// When the host has no address, or the system refuses all that it has.
pub fn bind(host: &str, port: u16) -> Result<TcpListener, BindError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let mut addresses: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) if bare.is_empty() => Vec::new(),
        Err(_) => (bare, port)
            .to_socket_addrs()
            .map_err(|source| BindError::Resolve { host: host.to_owned(), source })?
            .collect(),
    };
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let mut refused = BindError::NoAddress(host.to_owned());
    for address in addresses {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(source) => refused = BindError::Listen { address, source },
        }
    }
    Err(refused)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    // A restarted server takes its port back at once. Elsewhere the option would let two programs share it.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves connections until `shutdown` is done, then lets the requests under way finish, for at most
/// [`ConnectionOptions::drain`].
pub async fn run<H: Handle>(
    listener: TcpListener,
    handler: Arc<H>,
    options: ConnectionOptions,
    shutdown: impl Future<Output = ()>,
) {
    serve(listener, Arc::new(Whole(handler)), options, shutdown).await;
}

/// The same with answers in pieces. Sockets that requests have turned into are not waited for: whoever opened them ends them.
pub async fn run_streams<H: HandleStreams>(
    listener: TcpListener,
    handler: Arc<H>,
    options: ConnectionOptions,
    shutdown: impl Future<Output = ()>,
) {
    serve(listener, Arc::new(Streams(handler)), options, shutdown).await;
}

async fn serve<S: Serve>(
    listener: TcpListener,
    handler: Arc<S>,
    options: ConnectionOptions,
    shutdown: impl Future<Output = ()>,
) {
    let most = connections(options.max_connections);
    let of_an_address = options.max_connections_per_address;
    let room = Arc::new(Room::new(most, of_an_address, options.occupancy.clone()));
    let (stop, stopping) = watch::channel(());
    let options = Arc::new(options);
    let shared = Shared::new(handler, options.clone(), stopping);
    let mut tasks = JoinSet::new();
    let mut renewal = pin!(async {
        match &options.tls {
            Some(certified) => certified.keep_fresh(options.certificate_check).await,
            None => std::future::pending().await,
        }
    });
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            () = &mut renewal => {}
            Some(ended) = tasks.join_next() => note_failure(ended),
            (stream, peer) = next_connection(&listener, &room) => {
                let shared = shared.clone();
                let pulse = shared.pulse();
                let counted = (!is_trusted(peer.ip(), &options.trusted_proxies)).then(|| peer.ip());
                let Some(place) = Room::enter(&room, counted, pulse.clone()) else { continue };
                let place = Arc::new(place);
                tasks.spawn(async move {
                    connection::serve(stream, peer, (pulse, &place), shared).await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    drop(stop);
    drain(tasks, options.drain).await;
}

/// The next connection, once there is room for it. Never fails: what the system refuses is tried again.
async fn next_connection(listener: &TcpListener, room: &Room) -> (TcpStream, SocketAddr) {
    room.free().await;
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                return (stream, peer);
            }
            // The client went away before it was accepted.
            Err(error) if is_of_one_connection(&error) => {
                tracing::debug!(%error, "a connection ended before it was accepted");
            }
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::error!(%error, "no connection can be accepted for the moment");
                }
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn drain(mut tasks: JoinSet<()>, patience: Duration) {
    let finished = async {
        while let Some(ended) = tasks.join_next().await {
            note_failure(ended);
        }
    };
    if tokio::time::timeout(patience, finished).await.is_err() {
        tracing::warn!(connections = tasks.len(), "cut what had not finished in time");
        tasks.shutdown().await;
    }
}

fn note_failure(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection's task panicked");
    }
}

/// How many connections may be open: as asked for, within what the system allows.
fn connections(asked: usize) -> usize {
    let asked = asked.max(1);
    let limit = getrlimit(Resource::Nofile).current;
    let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else { return asked };
    let allowed = limit.saturating_sub(SPARE_DESCRIPTORS).max(limit / 2).max(1);
    if allowed < asked {
        tracing::warn!(asked, allowed, "fewer connections: the limit of open files is {limit}");
    }
    asked.min(allowed)
}

/// Lets this process open as many files as the system lets it: the limit that it starts with is often 1,024, for the sake of
/// programs that use `select`.
pub fn raise_open_files_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
