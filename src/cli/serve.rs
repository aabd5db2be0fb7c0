//! `pasee serve`: everything put together, from the settings to the last answered request.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{oneshot, watch};

use super::signals::{Ending, Signals};
use super::store::Store;
use super::{keys, now, publish, webhook};
use crate::cluster;
use crate::domain::directory::{Directory, Page};
use crate::domain::membership::Roster;
use crate::domain::realm::Realm;
use crate::idp::{Clusters, HashingThreads, Providers};
use crate::keys::KeyRing;
use crate::server::{Api, Config};
use crate::service::{Parts, Service};
use crate::settings::{Protocol, Settings, Storage};
use crate::telemetry::{Connections, Metrics, start_log};
use crate::web::Occupancy;
use crate::web::accept::{bind, raise_open_files_limit, run as accept};
use crate::web::admin::Admin;
use crate::web::limits::{Attempts, Pace, RetryAfter};
use crate::web::options::ConnectionOptions;
use crate::web::respond::Cors;
use crate::web::tls;

/// How long requests under way may go on after SIGTERM: with the usual delay before it less than the 30 s
/// that Kubernetes waits.
const DRAIN: Duration = Duration::from_secs(20);

/// Serves until SIGTERM or SIGINT.
pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    start_log(&settings.log)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the threads to serve with cannot be started")?;
    let served = runtime.block_on(serve(settings));
    // Whatever is still at work, such as a write, is not waited for: it is done or undone when the store is opened again.
    runtime.shutdown_background();
    served
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let keys = keys::ring(&settings)?;
    if let Some(caveat) = keys.current().signer().public().algorithm().caveat() {
        tracing::warn!("{caveat}");
    }
    let key_names = keys.current().names().clone();
    let store = Arc::new(Store::open(&settings).await?);
    greet(&settings, store.directory());
    let metrics = Metrics::new();
    let hashing = HashingThreads::new(settings.hashing_threads);
    let clusters = clusters(&settings).await?;
    let providers = Providers::with(&settings.identity_providers, &clusters, &hashing)?;
    let realm = Arc::clone(&store) as Arc<dyn Realm>;
    let api = api(&settings, keys, realm, providers, metrics.clone());
    let tls = match &settings.tls {
        Some(files) => Some(tls::load(&files.certificate, &files.key)?),
        None => None,
    };
    raise_open_files_limit();
    let occupancy = Occupancy::default();
    let options = options(&settings, tls, occupancy.clone());
    let listener = bind(&settings.host, settings.port)?;
    let (stop, stopping) = watch::channel(());
    let leaving = Arc::new(AtomicBool::new(false));
    let (measured, told, counted) = (Arc::clone(&store), Arc::clone(&store), occupancy.clone());
    let counting = Arc::clone(&store);
    let of_peers = metrics.clone();
    let numbers = move || {
        measured.measure(&metrics);
        metrics.connections(&connections(&counted));
        metrics.to_text()
    };
    let asked = Arc::clone(&leaving);
    let ready = move || readiness(asked.load(Ordering::Relaxed), &store, &occupancy);
    let admin = admin(&settings, numbers, ready, stopped(stopping.clone()))?;
    publish::providers(&settings, key_names, &told, of_peers).await?;
    let webhook = webhook::start(
        &settings,
        Box::new(move |user| counting.made_by(user)),
        stopped(stopping.clone()),
    )
    .await?;
    let (shutdown, at_once) = ending(Signals::new()?, settings.drain_delay, leaving);
    tracing::info!(url = %settings.hostname, version = env!("CARGO_PKG_VERSION"), "serving");
    tokio::select! {
        () = accept(listener, Arc::new(api), options, shutdown) => {}
        () = at_once => anyhow::bail!("stopped at once, by a second signal: what was under way is cut"),
    }
    drop(stop);
    webhook.await;
    admin.await;
    tracing::info!("stopped");
    Ok(())
}

/// How connections are kept, by the settings.
fn options(
    settings: &Settings,
    tls: Option<tls::Certified>,
    occupancy: Occupancy,
) -> ConnectionOptions {
    let limits = &settings.limits;
    ConnectionOptions {
        max_connections: limits.max_connections,
        max_connections_per_address: limits.max_connections_per_address,
        trusted_proxies: limits.trusted_proxies.clone(),
        occupancy,
        drain: DRAIN,
        tls,
        ..ConnectionOptions::default()
    }
}

fn connections(occupancy: &Occupancy) -> Connections {
    Connections {
        open: occupancy.open(),
        most: occupancy.most(),
        refused: occupancy.refused(),
        gave_way: occupancy.gave_way(),
    }
}

/// Whether requests should be sent here.
fn readiness(is_leaving: bool, store: &Store, occupancy: &Occupancy) -> Result<(), &'static str> {
    if is_leaving {
        Err("about to stop")
    } else if !store.is_ready() {
        Err("the state is not known yet")
    } else if occupancy.is_full() {
        Err("every connection that may be open is at work")
    } else {
        Ok(())
    }
}

/// What begins the end, and what is not waited for any more. After SIGTERM requests are taken for a while longer, as whoever
/// sends them here learns of the end only then; not after SIGINT. A SIGINT after either ends everything at once.
fn ending(
    mut signals: Signals,
    delay: Duration,
    leaving: Arc<AtomicBool>,
) -> (impl Future<Output = ()>, impl Future<Output = ()>) {
    let (begin, begun) = oneshot::channel();
    let shutdown = async {
        // A sender that is gone ends it too.
        let _ = begun.await;
        tracing::info!("finishing what is under way");
    };
    let at_once = async move {
        let ending = signals.next().await;
        leaving.store(true, Ordering::Relaxed);
        if ending == Ending::Terminate && !delay.is_zero() {
            tracing::info!(?delay, "not ready any more, and taking requests for a little longer");
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = signals.interrupted() => return,
            }
        }
        let _ = begin.send(());
        signals.interrupted().await;
    };
    (shutdown, at_once)
}

fn api(
    settings: &Settings,
    keys: KeyRing,
    realm: Arc<dyn Realm>,
    providers: Providers,
    metrics: Metrics,
) -> Api {
    let limits = &settings.limits;
    let pace = Pace::new(limits.changes_per_user);
    let service = Service::new(Parts {
        realm,
        providers,
        provider_names: settings.provider_names(),
        possible_users: Arc::new(settings.possible_users()),
        keys,
        lifetimes: settings.jwt.lifetimes,
        max_token_length: settings.jwt.max_token_length,
        bounds: limits.bounds,
        pace: Box::new(move |user, urgency| {
            pace.keep((user.as_str(), urgency)).map_err(|RetryAfter(wait)| wait)
        }),
        metrics: metrics.clone(),
        clock: now,
    });
    let config = Config {
        hostname: settings.hostname.clone(),
        trusted_proxies: limits.trusted_proxies.clone(),
        attempts: Attempts::new(limits.login_attempts_per_user, limits.login_attempts_per_address),
        cors: Cors::new(&settings.allowed_origins),
        metrics,
    };
    Api::new(config, service)
}

/// The API servers behind the providers of the protocol kubernetes: as their settings say, else as those of the store.
async fn clusters(settings: &Settings) -> anyhow::Result<Clusters> {
    let of_the_store = match &settings.storage {
        Storage::Kubernetes(cluster) => cluster.kubeconfig.as_deref(),
        Storage::Embedded(_) | Storage::Memory => None,
    };
    let mut clusters = Clusters::new();
    for provider in settings.identity_providers.iter().filter(|provider| provider.enabled) {
        if let Protocol::Kubernetes(kubernetes) = &provider.protocol {
            let kubeconfig = kubernetes.kubeconfig.as_deref().or(of_the_store);
            let reviewer = cluster::reviewer(kubeconfig).await;
            let reviewer =
                reviewer.with_context(|| format!("identity provider {}", provider.name))?;
            clusters.insert(provider.name.clone(), Arc::new(reviewer));
        }
    }
    Ok(clusters)
}

/// Probes and metrics on a port of their own, if the settings name one; ends after the API has.
fn admin(
    settings: &Settings,
    numbers: impl Fn() -> String + Send + Sync + 'static,
    ready: impl Fn() -> Result<(), &'static str> + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<impl Future<Output = ()>> {
    let task = match settings.admin {
        None => None,
        Some(address) => {
            let listener = bind(&address.ip().to_string(), address.port())
                .context("probes and metrics cannot be served: [admin] listen")?;
            let admin = Admin::new(ready, numbers);
            Some(tokio::spawn(accept(
                listener,
                Arc::new(admin),
                ConnectionOptions::default(),
                shutdown,
            )))
        }
    };
    Ok(async move {
        if let Some(task) = task {
            // A probe that panicked is no reason to stop badly.
            let _ = task.await;
        }
    })
}

async fn stopped(mut stopping: watch::Receiver<()>) {
    while stopping.changed().await.is_ok() {}
}

/// Says what a new operator needs to know first.
fn greet(settings: &Settings, directory: &dyn Directory) {
    let page = Page { after: None, limit: 1 };
    let staff = directory.members(&Roster::RootStaff, page, now());
    if let Storage::Embedded(file) = &settings.storage
        && directory.rosters(Page { after: None, limit: 2 }).iter().all(|it| it.group().is_none())
        && directory.users(Page { after: None, limit: 1 }, now()).is_empty()
    {
        tracing::info!("{} holds no group and nobody: the realm is empty", file.display());
    }
    // In memory, no other process can change that, and the settings' own warning says enough.
    let can_be_changed = matches!(settings.storage, Storage::Embedded(_));
    if can_be_changed && staff.is_none_or(|staff| staff.is_empty()) {
        let file = settings.file.display();
        let provider = settings.identity_providers.first();
        let provider = provider.map_or("PROVIDER", |provider| provider.name.as_str());
        tracing::warn!(
            "nobody is root staff yet: pasee --settings-file {file} append --groups staff {provider}-NAME"
        );
    }
}
