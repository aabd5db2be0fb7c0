//! What a sidecar counts.
//!
//! Must not know what a request means.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Which way a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Through the proxy.
    Proxy,
    /// To the check endpoint.
    Check,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It may pass.
    Allowed,
    /// What is asked for has no one meaning.
    Ambiguous,
    /// Nobody knows who asks.
    Unauthenticated,
    /// They may not.
    Forbidden,
    /// Who asks cannot be found out at the moment.
    Unavailable,
    /// Sent to log in.
    Login,
}

impl Outcome {
    /// By the status of what is answered in the application's place.
    #[must_use]
    pub fn of(status: http::StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::Ambiguous,
            401 => Self::Unauthenticated,
            302 => Self::Login,
            503 => Self::Unavailable,
            _ => Self::Forbidden,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Ambiguous => "ambiguous",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
            Self::Login => "login",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    way: &'static str,
    outcome: &'static str,
}

impl Way {
    fn label(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Check => "check",
        }
    }
}

/// Counts, cheap to clone and to add to.
#[derive(Clone)]
pub struct SidecarMetrics {
    registry: Arc<Registry>,
    judged: Family<Labels, Counter>,
    tokens: Gauge,
    revocations_age: Gauge,
    revocations_stale: Gauge,
}

impl fmt::Debug for SidecarMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SidecarMetrics")
    }
}

impl Default for SidecarMetrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("pasee_sidecar");
        let (judged, tokens) = (Family::default(), Gauge::default());
        registry.register("requests", "Requests judged", judged.clone());
        registry.register("tokens", "Tokens that were believed and are remembered", tokens.clone());
        let (revocations_age, revocations_stale) = (Gauge::default(), Gauge::default());
        registry.register_with_unit(
            "revocations_age",
            "How long ago it was heard which sessions have ended",
            Unit::Seconds,
            revocations_age.clone(),
        );
        registry.register(
            "revocations_stale",
            "1 while it was not heard for a minute which sessions have ended, though that is followed",
            revocations_stale.clone(),
        );
        Self { registry: Arc::new(registry), judged, tokens, revocations_age, revocations_stale }
    }
}

impl SidecarMetrics {
    /// Counts a request that was judged.
    pub fn judged(&self, way: Way, outcome: Outcome) {
        let labels = Labels { way: way.label(), outcome: outcome.label() };
        self.judged.get_or_create(&labels).inc();
    }

    /// Notes how many tokens are remembered.
    pub fn remembered(&self, tokens: usize) {
        self.tokens.set(i64::try_from(tokens).unwrap_or(i64::MAX));
    }

    /// Notes how old is what is known of ended sessions, if anything was heard, and whether that is too old.
    pub fn followed(&self, age: Option<Duration>, is_stale: bool) {
        let age = age.map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        self.revocations_age.set(age);
        self.revocations_stale.set(i64::from(is_stale));
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
