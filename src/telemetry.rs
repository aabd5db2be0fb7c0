//! What the program says of itself: its log and its metrics.
//!
//! Must not know what a request means. Metrics never have a label that a caller chooses.
//!
//! | File | Owns |
//! |---|---|
//! | `sidecar` | what a sidecar counts |

pub mod sidecar;

use std::ffi::OsString;
use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// Why the log cannot be started: `RUST_LOG` is wrong.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It is no text.
    #[error("RUST_LOG is not UTF-8; {RIGHT_FILTER}")]
    NotUtf8,
    /// It is no filter.
    #[error("RUST_LOG is {0:?}; {RIGHT_FILTER}")]
    Filter(String, #[source] tracing_subscriber::filter::ParseError),
    /// A single word, which would name a part of the program, looks like a level with a typo.
    #[error("RUST_LOG has {word:?}, and the nearest level is {level}; {RIGHT_FILTER}")]
    Level {
        /// As it was given.
        word: String,
        /// The level that may be meant.
        level: &'static str,
    },
}

const RIGHT_FILTER: &str =
    "a right one is error, warn, info, debug, trace or off, or a list such as info,pasee=debug";

/// What the Kubernetes client says of each request that fails: whoever asked says so too, with the cause.
const SAID_TWICE: &str = "kube_client::client::builder=off";

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Starts the log, on standard error. The environment variable `RUST_LOG`, if set, wins over the level of the settings.
/// Does nothing the second time.
///
/// # Errors
/// `RUST_LOG` is wrong.
pub fn start_log(log: &Log) -> Result<(), LogError> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(log, std::env::var_os("RUST_LOG"))?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let _ = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Whether the log could be started. Starts nothing.
///
/// # Errors
/// As [`start_log`].
pub fn look_at_log(log: &Log) -> Result<(), LogError> {
    filter(log, std::env::var_os("RUST_LOG")).map(drop)
}

fn filter(log: &Log, asked: Option<OsString>) -> Result<EnvFilter, LogError> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Ok(EnvFilter::new(format!("{},{SAID_TWICE}", log.level)));
    };
    let asked = asked.into_string().map_err(|_| LogError::NotUtf8)?;
    for word in asked.split(',').map(str::trim) {
        let is_level = |level: &&str| level.eq_ignore_ascii_case(word);
        let is_typo = |level: &&&str| strsim::jaro_winkler(level, &word.to_lowercase()) > 0.8;
        if let (false, Some(level)) = (LEVELS.iter().any(is_level), LEVELS.iter().find(is_typo)) {
            return Err(LogError::Level { word: word.to_owned(), level });
        }
    }
    EnvFilter::builder().parse(&asked).map_err(|error| LogError::Filter(asked, error))
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    provider: String,
    outcome: &'static str,
}

/// How many connections there are.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Open now.
    pub open: usize,
    /// Open at most.
    pub most: usize,
    /// Closed at once since the start, for their address had too many.
    pub refused: u64,
    /// Closed since the start to make room, while idle.
    pub gave_way: u64,
}

/// What other servers of the realm say that does not go together with this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// One makes tokens with keys that are not believed here.
    pub other_keys: bool,
    /// One that was started later has other identity providers.
    pub other_providers: bool,
}

/// Counts, cheap to clone and to add to.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    logins: Family<LoginLabels, Counter>,
    rechecks: Family<LoginLabels, Counter>,
    tokens: Counter,
    connections: Gauge,
    connections_limit: Gauge,
    connections_refused: Counter,
    connections_gave_way: Counter,
    store_healthy: Gauge,
    store_commits: Gauge,
    store_age: Gauge<f64, AtomicU64>,
    other_keys: Gauge,
    other_providers: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// From 100 µs to 13 s, each twice the one before.
fn buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 18))
}

impl Metrics {
    /// Everything at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("pasee");
        let requests = Family::default();
        let durations = Family::new_with_constructor(buckets as fn() -> Histogram);
        let logins = Family::default();
        let rechecks = Family::default();
        let tokens = Counter::default();
        let (connections, connections_limit) = (Gauge::default(), Gauge::default());
        let (connections_refused, connections_gave_way) = (Counter::default(), Counter::default());
        let (store_healthy, store_commits) = (Gauge::default(), Gauge::default());
        let store_age = Gauge::<f64, AtomicU64>::default();
        registry.register("http_requests", "HTTP requests answered", requests.clone());
        registry.register("http_request_duration_seconds", "Time to answer", durations.clone());
        registry.register("logins", "Logins by identity provider and outcome", logins.clone());
        let help = "Questions to identity providers whether somebody still has an account";
        registry.register("rechecks", help, rechecks.clone());
        registry.register("token_pairs_issued", "Pairs of tokens issued", tokens.clone());
        registry.register("connections", "Open connections", connections.clone());
        let help = "Connections that may be open at once";
        registry.register("connections_limit", help, connections_limit.clone());
        let help = "Connections closed at once: their address had as many as one may have";
        registry.register("connections_refused", help, connections_refused.clone());
        let help = "Idle connections closed to make room for others";
        registry.register("connections_gave_way", help, connections_gave_way.clone());
        let help = "1 while the state can be read and written, as far as was tried last";
        registry.register("store_healthy", help, store_healthy.clone());
        let help = "Transactions since the start; many writes may share one";
        registry.register("store_transactions", help, store_commits.clone());
        let help = "How old what is known of the state in Kubernetes may be; 0 without it";
        registry.register("store_staleness_seconds", help, store_age.clone());
        let (other_keys, other_providers) = (Gauge::default(), Gauge::default());
        let help = "1 while another server of the realm makes tokens with keys that this one does not believe";
        registry.register("peers_with_other_keys", help, other_keys.clone());
        let help =
            "1 while another server of the realm, started later, has other identity providers";
        registry.register("peers_with_other_providers", help, other_providers.clone());
        let registry = Arc::new(registry);
        Self {
            registry,
            requests,
            durations,
            logins,
            rechecks,
            tokens,
            connections,
            connections_limit,
            connections_refused,
            connections_gave_way,
            store_healthy,
            store_commits,
            store_age,
            other_keys,
            other_providers,
        }
    }

    /// Counts a request: which route, the status it got, how long it took.
    pub fn request(&self, route: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { route, status }).inc();
        self.durations.get_or_create(&RouteLabels { route }).observe(took.as_secs_f64());
    }

    /// Counts a login through a provider of the settings.
    pub fn login(&self, provider: &str, outcome: &'static str) {
        self.logins.get_or_create(&LoginLabels { provider: provider.to_owned(), outcome }).inc();
    }

    /// Counts a question to a provider about somebody who is not there.
    pub fn recheck(&self, provider: &str, outcome: &'static str) {
        self.rechecks.get_or_create(&LoginLabels { provider: provider.to_owned(), outcome }).inc();
    }

    /// Counts a pair of tokens.
    pub fn token_pair(&self) {
        self.tokens.inc();
    }

    /// Notes how many connections there are.
    pub fn connections(&self, now: &Connections) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.connections.set(number(now.open));
        self.connections_limit.set(number(now.most));
        self.connections_refused.inner().store(now.refused, Ordering::Relaxed);
        self.connections_gave_way.inner().store(now.gave_way, Ordering::Relaxed);
    }

    /// Notes how the store is: transactions committed since its start, what is wrong with it, if anything, and how old at
    /// most what it knows is.
    pub fn store<E>(&self, commits: u64, health: &Result<(), E>, age: Duration) {
        self.store_age.set(age.as_secs_f64());
        self.store_healthy.set(i64::from(health.is_ok()));
        self.store_commits.set(i64::try_from(commits).unwrap_or(i64::MAX));
    }

    /// Notes what other servers of the realm say.
    pub fn peers(&self, now: Peers) {
        self.other_keys.set(i64::from(now.other_keys));
        self.other_providers.set(i64::from(now.other_providers));
    }

    /// Everything in the OpenMetrics text format 1.0.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a String never fails.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_or_is_refused() {
        let filter = |asked: &str| filter(&Log::default(), Some(asked.into()));
        for (asked, shown) in [
            ("", "kube_client::client::builder=off,info"),
            ("debug", "debug"),
            ("WARN", "warn"),
            ("info,pasee=debug", "pasee=debug,info"),
        ] {
            assert_eq!(filter(asked).unwrap().to_string(), shown);
        }
        for (asked, says) in [
            ("inof", "nearest level is info"),
            ("pasee=debug,eror", "nearest level is error"),
            ("pasee=loud", "RUST_LOG is \"pasee=loud\""),
            ("pasee[", "a right one is error"),
        ] {
            let error = filter(asked).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
            assert!(error.contains("such as info,pasee=debug"), "{error}");
        }
    }

    /// Each metric as (name, type, labels), as scraped.
    fn exposed() -> Vec<(String, String, String)> {
        let metrics = Metrics::new();
        metrics.request("tokens", 201, Duration::from_millis(1));
        metrics.login("kisee", "refused");
        metrics.recheck("corp", "there");
        let text = metrics.to_text();
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        types
            .map(|(name, kind)| {
                let name =
                    if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
                let sample = text.lines().find(|line| line.starts_with(&name)).unwrap();
                let labels = sample.split_once('{').map_or("", |(_, rest)| rest);
                let labels = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0));
                let labels: Vec<String> = labels
                    .filter(|label| *label != "le")
                    .map(|label| format!("`{label}`"))
                    .collect();
                (name, kind.to_owned(), labels.join(", "))
            })
            .collect()
    }

    /// The page has every metric with its type and labels, and no other.
    #[test]
    fn the_page_is_true() {
        let page = include_str!("../docs/metrics.md");
        let rows = page.lines().filter(|line| line.starts_with("| `pasee_"));
        let rows: Vec<Vec<&str>> =
            rows.map(|row| row.split('|').map(str::trim).collect()).collect();
        let mut told: Vec<(String, String, String)> = Vec::new();
        for row in &rows {
            let [_, name, kind, labels, unit, what, _] = row.as_slice() else { panic!("{row:?}") };
            assert!(!unit.is_empty() && !what.is_empty(), "{row:?}");
            assert_eq!(name.ends_with("_seconds`"), *unit == "seconds", "{row:?}");
            told.push((
                name.trim_matches('`').to_owned(),
                (*kind).to_owned(),
                (*labels).to_owned(),
            ));
        }
        let mut exposed = exposed();
        exposed.sort();
        told.sort();
        assert_eq!(told, exposed);
        // What is alarmed by is there.
        let named = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in named.filter(|word| word.starts_with("pasee_")) {
            let name = name.trim_end_matches("_bucket");
            assert!(exposed.iter().any(|(known, ..)| known == name), "{name}");
        }
    }

    #[test]
    fn counts_show() {
        let metrics = Metrics::new();
        metrics.request("tokens", 201, Duration::from_millis(1));
        metrics.login("kisee", "refused");
        metrics.token_pair();
        metrics.peers(Peers { other_keys: true, other_providers: false });
        metrics.store(3, &Ok::<(), ()>(()), Duration::from_millis(1500));
        let text = metrics.to_text();
        for line in [
            "pasee_http_requests_total{route=\"tokens\",status=\"201\"} 1",
            "pasee_http_request_duration_seconds_count{route=\"tokens\"} 1",
            "pasee_logins_total{provider=\"kisee\",outcome=\"refused\"} 1",
            "pasee_token_pairs_issued_total 1",
            "pasee_store_healthy 1",
            "pasee_store_transactions 3",
            "pasee_store_staleness_seconds 1.5",
            "pasee_peers_with_other_keys 1",
            "pasee_peers_with_other_providers 0",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
