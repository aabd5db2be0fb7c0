//! A sidecar at work: listening, following, answering, ending.
//!
//! Must not know how anything is judged.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::parts::{Front, Parts};
use crate::cli::serve::{DRAIN, admin, ending, stopped};
use crate::cli::signals::Signals;
use crate::settings::sidecar::SidecarSettings;
use crate::sidecar::bearer::Authenticator;
use crate::sidecar::check::CheckEndpoint;
use crate::sidecar::revocations::Known;
use crate::telemetry::sidecar::SidecarMetrics;
use crate::web::accept::{bind, raise_open_files_limit, run as accept, run_streams};
use crate::web::options::ConnectionOptions;

/// Where requests come in.
struct Listeners {
    front: Option<TcpListener>,
    check: Option<TcpListener>,
    admin: Option<TcpListener>,
}

impl Listeners {
    fn open(settings: &SidecarSettings) -> anyhow::Result<Self> {
        let listen = |address: Option<SocketAddr>, key: &'static str| {
            let bound = address.map(|address| bind(&address.ip().to_string(), address.port()));
            bound.transpose().with_context(|| format!("nothing can be served at {key}"))
        };
        let (front, check) = (settings.proxy.as_ref(), settings.check.as_ref());
        Ok(Self {
            front: listen(front.map(|front| front.listen), "listen")?,
            check: listen(check.map(|check| check.listen), "[check] listen")?,
            admin: listen(settings.admin, "[admin] listen")?,
        })
    }
}

/// Serves until the end, with what was under way.
pub(super) async fn serve(settings: SidecarSettings) -> anyhow::Result<()> {
    raise_open_files_limit();
    let Parts { authenticator, follower, known, front, check, metrics } = Parts::new(&settings)?;
    let listeners = Listeners::open(&settings)?;
    let leaving = Arc::new(AtomicBool::new(false));
    let (stop, stopping) = watch::channel(());
    let probed = Probed { authenticator: Arc::clone(&authenticator), known, metrics };
    let probes = probed.answer(&leaving, listeners.admin, stopping.clone());
    if let Some(follower) = follower {
        tokio::spawn(follower.run());
    }
    let (shutdown, at_once) = ending(Signals::new()?, settings.drain_delay, leaving);
    let served = listeners.front.zip(front).map(|(listener, (front, certificate))| {
        let options = ConnectionOptions { tls: certificate, ..front_options(&settings) };
        tokio::spawn(passed_on(listener, front, options, stopping.clone()))
    });
    let asked = listeners.check.zip(check);
    let asked = asked.map(|(listener, check)| checks(&settings, listener, check, stopping));
    tracing::info!(
        settings = %settings.file.display(),
        rules = settings.rules.len(),
        issuers = settings.issuers.len(),
        "in front of an application"
    );
    tokio::select! {
        () = async {
            shutdown.await;
            drop(stop);
            for task in [served, asked].into_iter().flatten() {
                // A request that panicked is no reason to stop badly.
                let _ = task.await;
            }
        } => {}
        () = authenticator.keep_fresh() => {}
        () = at_once => anyhow::bail!("stopped at once, by a second signal: what was under way is cut"),
    }
    probes.await;
    tracing::info!("stopped");
    Ok(())
}

/// How connections of the application's clients are kept.
fn front_options(settings: &SidecarSettings) -> ConnectionOptions {
    let default = ConnectionOptions { drain: DRAIN, ..ConnectionOptions::default() };
    let Some(proxy) = &settings.proxy else { return default };
    ConnectionOptions {
        max_connections: proxy.max_connections,
        max_connections_per_address: proxy.max_connections_per_address,
        trusted_proxies: settings.trusted_proxies.clone(),
        ..default
    }
}

/// What is for the application; ends after what was under way, and after the sockets, for as long as all of it may take.
async fn passed_on(
    listener: TcpListener,
    front: Arc<Front>,
    options: ConnectionOptions,
    stopping: watch::Receiver<()>,
) {
    let begun = OnceLock::new();
    let stopped = async {
        stopped(stopping).await;
        begun.get_or_init(Instant::now);
    };
    run_streams(listener, Arc::clone(&front), options, stopped).await;
    let spent = begun.get().map(Instant::elapsed).unwrap_or_default();
    front.end_sockets(DRAIN.saturating_sub(spent)).await;
}

/// The check endpoint; ends after what was under way.
fn checks(
    settings: &SidecarSettings,
    listener: TcpListener,
    endpoint: CheckEndpoint,
    stopping: watch::Receiver<()>,
) -> JoinHandle<()> {
    // Whoever may ask speaks for many.
    let peers = settings.check.as_ref().map(|check| check.allowed_peers.clone());
    let options = ConnectionOptions {
        drain: DRAIN,
        trusted_proxies: peers.unwrap_or_default(),
        ..ConnectionOptions::default()
    };
    tokio::spawn(accept(listener, Arc::new(endpoint), options, stopped(stopping)))
}

/// What probes and metrics tell of.
struct Probed {
    authenticator: Arc<Authenticator>,
    known: Option<Arc<Known>>,
    metrics: SidecarMetrics,
}

impl Probed {
    /// On a port of their own, if the settings name one.
    fn answer(
        self,
        leaving: &Arc<AtomicBool>,
        listener: Option<TcpListener>,
        stopping: watch::Receiver<()>,
    ) -> impl Future<Output = ()> + use<> {
        let Self { authenticator, known, metrics } = self;
        let (counted, followed) = (Arc::clone(&authenticator), known.clone());
        let numbers = move || {
            metrics.remembered(counted.remembered());
            if let Some(known) = &followed {
                metrics.followed(known.age(), known.is_stale());
            }
            metrics.to_text()
        };
        let leaving = Arc::clone(leaving);
        let ready = move || {
            if leaving.load(Ordering::Relaxed) {
                Err("about to stop")
            } else if authenticator.without_keys().is_some() {
                Err("the keys of an issuer are not known yet")
            } else {
                known.as_ref().map_or(Ok(()), |known| known.readiness())
            }
        };
        admin(listener, numbers, ready, stopped(stopping))
    }
}
