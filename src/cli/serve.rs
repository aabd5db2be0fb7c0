//! `pasee serve`: everything put together, from the settings to the last answered request.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;

use super::signals::signals;
use super::store::Store;
use super::{keys, now};
use crate::cluster;
use crate::domain::directory::{Directory, Page};
use crate::domain::membership::Roster;
use crate::domain::realm::Realm;
use crate::idp::{Clusters, HashingThreads, Providers};
use crate::keys::KeyRing;
use crate::server::{Api, Config};
use crate::service::{Parts, Service};
use crate::settings::{Protocol, Settings, Storage};
use crate::telemetry::{Metrics, start_log};
use crate::web::accept::{bind, run as accept};
use crate::web::admin::Admin;
use crate::web::limits::Attempts;
use crate::web::options::ConnectionOptions;
use crate::web::respond::Cors;
use crate::web::tls;

/// How long requests under way may go on after SIGTERM: less than the 30 s that Kubernetes waits.
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
    runtime.block_on(serve(settings))
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let keys = keys::ring(&settings)?;
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
    let max_connections = settings.limits.max_connections;
    let options =
        ConnectionOptions { max_connections, drain: DRAIN, tls, ..ConnectionOptions::default() };
    let listener = bind(&settings.host, settings.port)?;
    let (stop, stopping) = watch::channel(());
    let draining = Arc::new(AtomicBool::new(false));
    let (measured, asked) = (Arc::clone(&store), Arc::clone(&draining));
    let numbers = move || {
        measured.measure(&metrics);
        metrics.to_text()
    };
    let ready = move || !asked.load(Ordering::Relaxed) && store.is_ready();
    let admin = admin(&settings, numbers, ready, stopped(stopping.clone()))?;
    let signals = signals()?;
    tracing::info!(url = %settings.hostname, version = env!("CARGO_PKG_VERSION"), "serving");
    let shutdown = async move {
        signals.await;
        draining.store(true, Ordering::Relaxed);
        tracing::info!("finishing what is under way");
    };
    accept(listener, Arc::new(api), options, shutdown).await;
    drop(stop);
    admin.await;
    tracing::info!("stopped");
    Ok(())
}

fn api(
    settings: &Settings,
    keys: KeyRing,
    realm: Arc<dyn Realm>,
    providers: Providers,
    metrics: Metrics,
) -> Api {
    let provider_names =
        settings.identity_providers.iter().map(|provider| provider.name.clone()).collect();
    let service = Service::new(Parts {
        realm,
        providers,
        provider_names,
        keys,
        lifetimes: settings.jwt.lifetimes,
        max_token_length: settings.jwt.max_token_length,
        metrics: metrics.clone(),
        clock: now,
    });
    let limits = &settings.limits;
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
    ready: impl Fn() -> bool + Send + Sync + 'static,
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
