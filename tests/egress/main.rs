//! How calls leave: through proxies that the settings or the environment name, by whose authorities, over IPv6 as over
//! IPv4. Through real proxies and sockets.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that goes wrong should stop")]

mod addresses;
mod authorities;
mod curl;
mod faults;
mod program;
mod providers;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::time::Duration;

use pasee::idp::{Clusters, Egress, HashingThreads, Providers};
use pasee::outbound::ProxyVariables;
use pasee::settings::{IdentityProvider, Outbound, Protocol, ProxyChoice};
use rcgen::CertificateParams;
use support::authority::Authority;
use support::forge::Forger;
use support::kisee;
use support::raw_server::RawServer;
use tokio_rustls::TlsAcceptor;

/// How long a provider may take in these tests.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What `[outbound]` says of a proxy.
fn through(url: &str) -> Outbound {
    Outbound { proxy: choice(url), ..Outbound::default() }
}

fn choice(url: &str) -> ProxyChoice {
    ProxyChoice::Through(url.parse().unwrap())
}

/// Variables of an environment.
fn variables(given: &[(&str, &str)]) -> ProxyVariables {
    ProxyVariables::of(|name| {
        let found = given.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// One provider, called like this.
fn with(settings: IdentityProvider, outbound: &Outbound, given: &[(&str, &str)]) -> Providers {
    let egress = Egress::new(outbound, variables(given));
    Providers::with(&[settings], &egress, &Clusters::new(), &HashingThreads::new(None)).unwrap()
}

/// The settings of a Kisee at a place.
fn kisee_at(endpoint: &str, forger: &Forger) -> IdentityProvider {
    kisee::settings("kisee", endpoint, vec![forger.key.public().clone()], TIMEOUT)
}

/// The same with authorities and a proxy of its own.
fn kisee_with(
    mut settings: IdentityProvider,
    ca: Option<&Path>,
    proxy: ProxyChoice,
) -> IdentityProvider {
    if let Protocol::Kisee(kisee) = &mut settings.protocol {
        kisee.ca_file = ca.map(Path::to_owned);
        kisee.proxy = proxy;
    }
    settings
}

/// A Kisee that behaves, in the clear.
async fn kisee_server(forger: &Forger) -> RawServer {
    RawServer::start(kisee::good(forger)).await
}

/// The certificate of a name.
fn certified(authority: &Authority, name: &str) -> TlsAcceptor {
    authority.certify(&CertificateParams::new(vec![name.to_owned()]).unwrap())
}
