//! Through which proxies identity providers are called, as the settings and the environment have it: for the log at the
//! start, and for `pasee check`.
//!
//! Must not know how a proxy is spoken to.

use super::finding::{Finding, Findings, Level};
use crate::idp::Egress;
use crate::outbound::ProxyVariables;
use crate::settings::Settings;

/// A provider is called through a proxy.
const PROXY: &str = "proxy";
/// Something in `NO_PROXY` fits nothing.
const VOID_NO_PROXY: &str = "void-no-proxy";

/// How identity providers are called.
pub(super) fn egress(settings: &Settings) -> Egress {
    Egress::new(&settings.outbound, ProxyVariables::of_this_process())
}

/// Says in the log which proxies there are, of providers that are ready.
pub(super) fn tell(settings: &Settings) {
    let egress = egress(settings);
    for provider in settings.identity_providers.iter().filter(|provider| provider.enabled) {
        for proxy in egress.named_proxies(provider).unwrap_or_default() {
            tracing::info!(provider = %provider.name, %proxy, "called through a proxy");
        }
    }
    for entry in egress.void_entries() {
        tracing::warn!("{}", void(entry));
    }
}

/// Notes the same.
pub(super) fn note(settings: &Settings, egress: &Egress, findings: &mut Findings) {
    for provider in settings.identity_providers.iter().filter(|provider| provider.enabled) {
        for proxy in egress.named_proxies(provider).unwrap_or_default() {
            let name = &provider.name;
            let told = format!("{name} is called through the proxy {proxy}.");
            let note = Finding::new(Level::Note, PROXY, &told);
            findings.add(note.of_provider(name.as_str(), settings));
        }
    }
    for entry in egress.void_entries() {
        findings.add(Finding::new(Level::Warning, VOID_NO_PROXY, &void(entry)));
    }
}

fn void(entry: &str) -> String {
    format!(
        "{entry:?} in NO_PROXY fits nothing, here as in curl; right entries are \"example.com\", with all names below it, \
         \"192.0.2.1\" and \"10.0.0.0/8\", without port, and * alone for everything"
    )
}
