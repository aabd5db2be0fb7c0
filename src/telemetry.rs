//! What the program says of itself: its log and its metrics.
//!
//! Must not know what a request means. Metrics never have a label that a caller chooses.

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// Starts the log, on standard error. The environment variable `RUST_LOG`, if set and right, wins over the level of the
/// settings. Does nothing the second time.
pub fn start_log(log: &Log) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&log.level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let _ = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
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

/// Counts, cheap to clone and to add to.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    logins: Family<LoginLabels, Counter>,
    tokens: Counter,
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
        let tokens = Counter::default();
        registry.register("http_requests", "HTTP requests answered", requests.clone());
        registry.register("http_request_duration_seconds", "Time to answer", durations.clone());
        registry.register("logins", "Logins by identity provider and outcome", logins.clone());
        registry.register("token_pairs_issued", "Pairs of tokens issued", tokens.clone());
        Self { registry: Arc::new(registry), requests, durations, logins, tokens }
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

    /// Counts a pair of tokens.
    pub fn token_pair(&self) {
        self.tokens.inc();
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
    fn counts_show() {
        let metrics = Metrics::new();
        metrics.request("tokens", 201, Duration::from_millis(1));
        metrics.login("kisee", "refused");
        metrics.token_pair();
        let text = metrics.to_text();
        for line in [
            "pasee_http_requests_total{route=\"tokens\",status=\"201\"} 1",
            "pasee_http_request_duration_seconds_count{route=\"tokens\"} 1",
            "pasee_logins_total{provider=\"kisee\",outcome=\"refused\"} 1",
            "pasee_token_pairs_issued_total 1",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
