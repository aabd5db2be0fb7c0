//! `pasee serve`: everything put together, from the settings to the last answered request.

use std::collections::BTreeSet;
use std::future::Future;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::finding::Findings;
use super::peers::Peering;
use super::prepare::{Prepared, prepare};
use super::settings_file::SettingsFile;
use super::signals::{Ending, Signals};
use super::sockets::Sockets;
use super::store::Store;
use super::{egress, keys, now, publish, python, webhook};
use crate::domain::client::ClientId;
use crate::domain::directory::{Directory, Page};
use crate::domain::membership::Roster;
use crate::domain::realm::Realm;
use crate::domain::user::UserId;
use crate::idp::{Providers, Renewed};
use crate::keys::KeyRing;
use crate::server::{Api, Config};
use crate::service::{Clients, Parts, Replicas, Service};
use crate::settings::{ListenHost, Overrides, Settings, Storage};
use crate::telemetry::{Connections, Metrics, start_log};
use crate::web::Occupancy;
use crate::web::accept::{raise_open_files_limit, run as accept};
use crate::web::admin::Admin;
use crate::web::limits::{Attempts, Pace, RetryAfter};
use crate::web::options::ConnectionOptions;
use crate::web::respond::Cors;
use crate::web::tls;
use crate::webhook::{Count, HasClient};

/// How long requests under way may go on after SIGTERM: with the usual delay before it less than the 30 s
/// that Kubernetes waits.
pub(super) const DRAIN: Duration = Duration::from_secs(20);

#[derive(Args, Clone, Debug, Default)]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) settings: SettingsFile,

    /// The address to listen on, in the place of `host` in the settings
    #[arg(long, value_name = "ADDRESS")]
    pub(super) host: Option<ListenHost>,

    /// The port to listen on, in the place of `port` in the settings
    #[arg(long, value_name = "PORT")]
    pub(super) port: Option<NonZeroU16>,
}

impl Serve {
    /// Takes what was said in front of the command, unless something was said behind it.
    pub(super) fn fill(&mut self, in_front: Self) {
        self.settings.fill(in_front.settings);
        self.host = self.host.take().or(in_front.host);
        self.port = self.port.or(in_front.port);
    }

    /// Serves until SIGTERM or SIGINT.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let overrides = Overrides { host: self.host, port: self.port };
        let settings = self.settings.load_with(&overrides)?;
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
}

/// A server that has everything, listens, and takes no request yet.
pub(super) struct Ready {
    keys: KeyRing,
    store: Arc<Store>,
    prepared: Prepared,
    sockets: Sockets,
}

impl Ready {
    /// Makes what is missing, opens the store and listens. To be called on the runtime that lasts as long as the store.
    ///
    /// # Errors
    /// Everything that the settings name and cannot be used; then nothing was made.
    pub(super) async fn new(settings: &Settings) -> anyhow::Result<Self> {
        let mut findings = Findings::default();
        let Some(prepared) = prepare(settings, &mut findings).await else {
            return Err(findings.refusal(settings));
        };
        let keys = keys::ring(settings)?;
        let store = Arc::new(Store::open(settings).await?);
        raise_open_files_limit();
        let sockets = Sockets::open(settings)?;
        Ok(Self { keys, store, prepared, sockets })
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let Ready { keys, store, prepared, sockets } = Ready::new(&settings).await?;
    let Prepared { providers, tls, webhook_tls, realm } = prepared;
    if let Some(caveat) = keys.current().signer().public().algorithm().caveat() {
        tracing::warn!("{caveat}");
    }
    let key_names = keys.current().names().clone();
    greet(&settings, store.directory());
    let serving = Serving::new(&settings, &keys, &sockets);
    let metrics = Metrics::new();
    egress::tell(&settings);
    let peering = Peering::new(&settings, &keys)?;
    let realm_of_api = Arc::clone(&store) as Arc<dyn Realm>;
    let api = Arc::new(api(
        &settings,
        (keys, peering.replicas()),
        realm_of_api,
        providers,
        metrics.clone(),
    ));
    peering.start(sockets.peers, &api);
    let occupancy = Occupancy::default();
    let options = options(&settings, tls, occupancy.clone());
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
    let admin = admin(sockets.admin, numbers, ready, stopped(stopping.clone()));
    if let Some((realm, client)) = &realm {
        publish::providers(&settings, (realm, client), key_names, &told, of_peers);
    }
    let known = known_to_reviews(&settings, counting);
    let listening = webhook::Listening { listener: sockets.webhook, files: webhook_tls, realm };
    let webhook = webhook::start(&settings, listening, known, stopped(stopping.clone()));
    let (shutdown, at_once) = ending(Signals::new()?, settings.drain_delay, leaving);
    let shutdown = ending_waits(shutdown, Arc::clone(&api));
    serving.tell();
    let answered = answer(sockets.api, (&api, &peering), options, shutdown);
    tokio::select! {
        () = answered => {}
        () = at_once => anyhow::bail!("stopped at once, by a second signal: what was under way is cut"),
    }
    drop(stop);
    webhook.await;
    admin.await;
    tracing::info!("stopped");
    Ok(())
}

/// Answers requests until the end begins, and stays for whom other servers ask for.
async fn answer(
    listener: TcpListener,
    (api, peering): (&Arc<Api>, &Peering),
    options: ConnectionOptions,
    shutdown: impl Future<Output = ()>,
) {
    accept(listener, Arc::clone(api), options, shutdown).await;
    peering.linger(api).await;
}

/// What reviews ask beside the API server: what somebody has made, and whether there is such a client.
fn known_to_reviews(settings: &Settings, store: Arc<Store>) -> (Count, HasClient) {
    let written = settings.clients.iter().map(|client| client.id.clone());
    let written: BTreeSet<ClientId> =
        written.chain([settings.built_in_client().id.clone()]).collect();
    let held = Arc::clone(&store);
    let count = Box::new(move |user: &UserId| store.made_by(user));
    let has_client =
        Box::new(move |id: &str| written.contains(id) || held.directory().client(id).is_some());
    (count, has_client)
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

/// The same end, which whoever waits for something to happen does not hold up.
async fn ending_waits(shutdown: impl Future<Output = ()>, api: Arc<Api>) {
    shutdown.await;
    api.end_waits();
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
pub(super) fn ending(
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

fn clients(settings: &Settings) -> Clients {
    let files = settings.client_secret_files.iter();
    let files = files.map(|(id, file)| (id.clone(), Renewed::new(file)));
    Clients::new(settings.clients.clone(), settings.built_in_client()).with_secrets_in(files)
}

fn api(
    settings: &Settings,
    (keys, replicas): (KeyRing, Replicas),
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
        clients: clients(settings),
        keys,
        lifetimes: settings.jwt.lifetimes,
        max_token_length: settings.jwt.max_token_length,
        max_waiting: limits.max_waiting,
        bounds: limits.bounds,
        replicas,
        pace: Box::new(move |user, urgency| {
            pace.keep((user.as_str(), urgency)).map_err(|RetryAfter(wait)| wait)
        }),
        metrics: metrics.clone(),
        clock: now,
    });
    let config = Config {
        base: settings.hostname.clone(),
        trusted_proxies: limits.trusted_proxies.clone(),
        attempts: Attempts::new(limits.login_attempts_per_user, limits.login_attempts_per_address),
        cors: Cors::new(&settings.allowed_origins),
        metrics,
    };
    Api::new(config, service)
}

/// Probes and metrics on a port of their own, if the settings name one; ends after the API has.
pub(super) fn admin(
    listener: Option<TcpListener>,
    numbers: impl Fn() -> String + Send + Sync + 'static,
    ready: impl Fn() -> Result<(), &'static str> + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = ()> {
    let task = listener.map(|listener| {
        let admin = Admin::new(ready, numbers);
        tokio::spawn(accept(listener, Arc::new(admin), ConnectionOptions::default(), shutdown))
    });
    async move {
        if let Some(task) = task {
            // A probe that panicked is no reason to stop badly.
            let _ = task.await;
        }
    }
}

pub(super) async fn stopped(mut stopping: watch::Receiver<()>) {
    while stopping.changed().await.is_ok() {}
}

/// What the line says that tells of the start: all that somebody asks who wonders which server this is.
struct Serving {
    url: String,
    settings: String,
    address: String,
    store: String,
    providers: String,
    issuer: String,
    kid: String,
}

impl Serving {
    fn new(settings: &Settings, keys: &KeyRing, sockets: &Sockets) -> Self {
        let offered = settings.identity_providers.iter().filter(|provider| provider.enabled);
        let names: Vec<&str> = offered.map(|provider| provider.name.as_str()).collect();
        let address = sockets.api.local_addr();
        Self {
            url: settings.hostname.to_string(),
            settings: settings.file.display().to_string(),
            address: address.map(|address| address.to_string()).unwrap_or_default(),
            store: match &settings.storage {
                Storage::Embedded(file) => file.display().to_string(),
                Storage::Memory => "memory".to_owned(),
                Storage::Kubernetes(cluster) => {
                    let namespace = cluster.namespace.as_deref().unwrap_or("its own");
                    format!("kubernetes, namespace {namespace}")
                }
            },
            providers: names.join(" "),
            issuer: settings.jwt.issuer.as_str().to_owned(),
            kid: keys.current().signer().public().id().to_string(),
        }
    }

    fn tell(&self) {
        let Self { url, settings, address, store, providers, issuer, kid } = self;
        let version = env!("CARGO_PKG_VERSION");
        tracing::info!(url, version, settings, address, store, providers, issuer, kid, "serving");
    }
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
        if let Some(hint) = python::hint(settings, file) {
            tracing::warn!("{hint}");
        }
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
