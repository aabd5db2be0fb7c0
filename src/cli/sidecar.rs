//! `pasee sidecar`: everything put together, from the settings to the last answered request.
//!
//! | File | Owns |
//! |---|---|
//! | `explain` | `--explain`: which rule is about a request, and why it may pass or not |

mod explain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::serve::{DRAIN, admin, ending, stopped};
use super::settings_file::told;
use super::signals::Signals;
use super::{now, print};
use crate::outbound::ProxyVariables;
use crate::settings::SettingsError;
use crate::settings::sidecar::{self, SidecarSettings, VARIABLE};
use crate::sidecar::bearer::Authenticator;
use crate::sidecar::check::CheckEndpoint;
use crate::sidecar::gate::Gatekeeper;
use crate::sidecar::identity::{NotFollowed, Revocations};
use crate::sidecar::identity_headers::IdentityHeaders;
use crate::sidecar::login::BrowserLogin;
use crate::sidecar::rules::Rules;
use crate::telemetry::sidecar::SidecarMetrics;
use crate::telemetry::start_log;
use crate::web::accept::{bind, raise_open_files_limit, run as accept};
use crate::web::options::ConnectionOptions;

/// Where a settings file is looked for.
const PLACES: [&str; 2] = ["sidecar.toml", "/etc/pasee/sidecar.toml"];

#[derive(Args, Debug)]
#[command(after_help = "\
  pasee sidecar --settings-file sidecar.toml --check
  pasee sidecar --explain GET https://app.example.com/articles/news/1 --token \"$(pasee token)\"")]
pub(super) struct Sidecar {
    /// The settings file; else the settings that stand in PASEE_SIDECAR themselves, else ./sidecar.toml, else
    /// /etc/pasee/sidecar.toml
    #[arg(long, visible_alias = "settings", value_name = "FILE")]
    settings_file: Option<PathBuf>,

    /// Says whether a sidecar would start with these settings; starts none
    #[arg(long, conflicts_with = "explain")]
    check: bool,

    /// Says which rule is about a request, and whether it may pass; starts nothing
    #[arg(long, num_args = 2, value_names = ["METHOD", "URL"])]
    explain: Option<Vec<String>>,

    /// Who sends the request that is to be explained: their access token, or - to read it from standard input
    #[arg(long, value_name = "TOKEN", requires = "explain")]
    token: Option<String>,
}

impl Sidecar {
    /// Serves until SIGTERM or SIGINT, or says what is asked.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = self.load()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the threads to serve with cannot be started")?;
        if self.check {
            return check(&settings).map(|()| ExitCode::SUCCESS);
        }
        if let Some([method, url]) = self.explain.as_deref() {
            return runtime.block_on(explain::explain(&settings, (method, url), self.token));
        }
        start_log(&settings.log)?;
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        let served = runtime.block_on(serve(settings));
        runtime.shutdown_background();
        served.map(|()| ExitCode::SUCCESS)
    }

    fn load(&self) -> anyhow::Result<SidecarSettings> {
        if self.settings_file.is_none()
            && let Ok(text) = std::env::var(VARIABLE)
            && !text.is_empty()
        {
            let place = Path::new(VARIABLE);
            return sidecar::parse(place, &text).map_err(|error| told(place, error));
        }
        let exists = |place: &&&str| Path::new(place).try_exists().unwrap_or(true);
        let found = PLACES.iter().find(exists).map(PathBuf::from);
        let file = self.settings_file.clone().or(found).ok_or_else(|| {
            let looked = format!("{VARIABLE} in the environment, {}", PLACES.join(", "));
            SettingsError::NotFound(looked)
        })?;
        sidecar::load(&file).map_err(|error| told(&file, error))
    }
}

/// What the settings can say already and nothing here does yet: left out silently, an application would seem to be protected.
fn refuse_what_is_not_there(settings: &SidecarSettings) -> anyhow::Result<()> {
    if settings.proxy.is_some() {
        anyhow::bail!(
            "upstream: this Pasee answers other proxies, and is none itself; a right file has [check] in the place of upstream"
        );
    }
    if settings.revocations.is_some() {
        anyhow::bail!(
            "[revocations]: this Pasee follows no list yet; leave it out, and have access tokens last short (access_lifetime)"
        );
    }
    Ok(())
}

/// What is right already stands without mistakes; what is made of it may still not be possible here.
fn check(settings: &SidecarSettings) -> anyhow::Result<()> {
    refuse_what_is_not_there(settings)?;
    login(settings, &Arc::new(authenticator(settings)?))?;
    for warning in &settings.warnings {
        print(format_args!("warning: {warning}\n"))?;
    }
    let (rules, issuers) = (settings.rules.len(), settings.issuers.len());
    print(format_args!(
        "{} is right: {rules} {}, {issuers} {}\n",
        settings.file.display(),
        if rules == 1 { "rule" } else { "rules" },
        if issuers == 1 { "issuer" } else { "issuers" },
    ))
}

fn authenticator(settings: &SidecarSettings) -> anyhow::Result<Authenticator> {
    let variables = ProxyVariables::of_this_process();
    Authenticator::new(&settings.issuers, &settings.outbound, &variables, now)
        .context("an issuer could never be asked for its keys")
}

/// Where browsers log in, if the settings say so.
fn login(
    settings: &SidecarSettings,
    authenticator: &Arc<Authenticator>,
) -> anyhow::Result<Option<Arc<BrowserLogin>>> {
    let Some(asked) = &settings.login else { return Ok(None) };
    let trusted = settings.issuers.iter().find(|issuer| issuer.issuer == asked.issuer);
    let trusted = trusted.context("issuer of [login] is none of [[issuers]]")?;
    let variables = ProxyVariables::of_this_process();
    let calls = (&settings.outbound, &variables);
    let login = BrowserLogin::new(asked, trusted, calls, (Arc::clone(authenticator), now));
    login.map(|login| Some(Arc::new(login))).context("nobody could ever log in")
}

async fn serve(settings: SidecarSettings) -> anyhow::Result<()> {
    refuse_what_is_not_there(&settings)?;
    raise_open_files_limit();
    let listen = |address: std::net::SocketAddr, key: &'static str| {
        bind(&address.ip().to_string(), address.port())
            .with_context(|| format!("nothing can be served at {key}"))
    };
    let asked = settings.check.as_ref();
    let asked = asked.map(|check| listen(check.listen, "[check] listen")).transpose()?;
    let probed = settings.admin.map(|address| listen(address, "[admin] listen")).transpose()?;
    let authenticator = Arc::new(authenticator(&settings)?);
    let revocations: Arc<dyn Revocations> = Arc::new(NotFollowed);
    let rules = Rules::new(settings.rules.clone());
    let login = login(&settings, &authenticator)?;
    let gate = Gatekeeper::new(Arc::clone(&authenticator), rules, revocations, now);
    let gate = Arc::new(gate.with_login(login));
    let metrics = SidecarMetrics::default();
    let leaving = Arc::new(AtomicBool::new(false));
    let (stop, stopping) = watch::channel(());
    let probes = probes(&authenticator, &metrics, &leaving, probed, stopping.clone());
    let (shutdown, at_once) = ending(Signals::new()?, settings.drain_delay, leaving);
    let checks = checks(&settings, asked, gate, metrics, stopping);
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
            checks.await;
        } => {}
        () = authenticator.keep_fresh() => {}
        () = at_once => anyhow::bail!("stopped at once, by a second signal: what was under way is cut"),
    }
    probes.await;
    tracing::info!("stopped");
    Ok(())
}

/// Probes and metrics on a port of their own.
fn probes(
    authenticator: &Arc<Authenticator>,
    metrics: &SidecarMetrics,
    leaving: &Arc<AtomicBool>,
    listener: Option<TcpListener>,
    stopping: watch::Receiver<()>,
) -> impl Future<Output = ()> + use<> {
    let (asked, leaving) = (Arc::clone(authenticator), Arc::clone(leaving));
    let ready = move || {
        if leaving.load(Ordering::Relaxed) {
            Err("about to stop")
        } else if asked.without_keys().is_some() {
            Err("the keys of an issuer are not known yet")
        } else {
            Ok(())
        }
    };
    let (metrics, counted) = (metrics.clone(), Arc::clone(authenticator));
    let numbers = move || {
        metrics.remembered(counted.remembered());
        metrics.to_text()
    };
    admin(listener, numbers, ready, stopped(stopping))
}

/// The check endpoint, if the settings name one; ends after what was under way.
fn checks(
    settings: &SidecarSettings,
    listener: Option<TcpListener>,
    gate: Arc<Gatekeeper>,
    metrics: SidecarMetrics,
    stopping: watch::Receiver<()>,
) -> impl Future<Output = ()> + use<> {
    let peers = settings.check.as_ref().map(|check| check.allowed_peers.clone());
    let task = listener.zip(peers).map(|(listener, peers)| {
        let headers = IdentityHeaders::new(&settings.headers);
        let endpoint = CheckEndpoint::new(gate, headers, peers.clone(), metrics);
        // Whoever may ask speaks for many.
        let options = ConnectionOptions {
            drain: DRAIN,
            trusted_proxies: peers,
            ..ConnectionOptions::default()
        };
        tokio::spawn(accept(listener, Arc::new(endpoint), options, stopped(stopping)))
    });
    async move {
        if let Some(task) = task {
            // A request that panicked is no reason to stop badly.
            let _ = task.await;
        }
    }
}
