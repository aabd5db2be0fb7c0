//! All that a server needs of its settings before it makes a file, listens, or asks anybody: the one way on which `pasee serve`
//! starts and `pasee check` looks.
//!
//! Must not make or change anything. Whatever comes to be needed for a start is read here, so that `check` finds it missing.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Error};
use kube::Client;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use super::finding::{Finding, Findings, Level};
use super::{egress, keys};
use crate::cluster::live::LiveRealm;
use crate::cluster::{live_realm, reviewer};
use crate::idp::{Clusters, HashingThreads, Providers};
use crate::keys::file::Part;
use crate::settings::{Protocol, Settings, Storage, Tls, code};
use crate::telemetry;
use crate::web::tls::{self, Certified};

/// What kinds of faults there are here, beside those of the settings themselves.
pub(super) mod fault {
    /// `RUST_LOG` is wrong.
    pub(in crate::cli) const LOG: &str = "log";
    /// A key, or where keys are kept.
    pub(in crate::cli) const KEYS: &str = "keys";
    /// Several servers would have no key in common.
    pub(in crate::cli) const UNSHARED_KEYS: &str = "unshared-keys";
    /// An identity provider cannot be made ready.
    pub(in crate::cli) const PROVIDER: &str = "provider";
    /// The certificate or its key.
    pub(in crate::cli) const TLS: &str = "tls";
    /// The file of groups.
    pub(in crate::cli) const DATABASE: &str = "database";
    /// The way to the Kubernetes API server.
    pub(in crate::cli) const CLUSTER: &str = "cluster";
    /// A place to listen on.
    pub(in crate::cli) const LISTEN: &str = "listen";
}

/// A file that the settings name and that can be used.
pub(super) const FILE: &str = "file";

/// What a server goes on with.
pub(super) struct Prepared {
    pub(super) providers: Providers,
    pub(super) tls: Option<Certified>,
    pub(super) webhook_tls: Option<Certified>,
    /// The realm, where it is a namespace.
    pub(super) realm: Option<(LiveRealm, Client)>,
}

/// Reads all of it. What cannot be used is noted, and the rest is looked at all the same; nothing comes out then.
pub(super) async fn prepare(settings: &Settings, findings: &mut Findings) -> Option<Prepared> {
    // Whatever else is linked in, there is one choice; that it was made before is fine.
    let _ = aws_lc_rs::default_provider().install_default();
    let log = telemetry::look_at_log(&settings.log).map_err(Error::from);
    findings.take(log, |error| Finding::of_error(fault::LOG, error));
    of_keys(settings, findings);
    let tls = certificate(settings, (settings.tls.as_ref(), "tls"), findings);
    let of_webhook = settings.webhook.as_ref().and_then(|webhook| webhook.certified.as_ref());
    let webhook_tls = certificate(settings, (of_webhook, "webhook"), findings);
    let realm = realm(settings, findings).await;
    let providers = providers(settings, findings).await;
    if findings.has_errors() {
        return None;
    }
    Some(Prepared { providers: providers?, tls, webhook_tls, realm })
}

/// The keys that are kept, as far as there are any, and whether others could be made.
fn of_keys(settings: &Settings, findings: &mut Findings) {
    if let Some(key) = &settings.keys.private {
        caveat(key.algorithm().caveat(), "private_key", settings, findings);
        return;
    }
    let kept = keys::directory(settings);
    let shown = |part| kept.file(part).display().to_string();
    let broken = |error: &Error| Finding::of_error(fault::KEYS, error).at("data_dir", settings);
    let signing = findings.take(kept.signing_key().map_err(Error::from), broken);
    if let Some(Some(key)) = &signing {
        let (file, algorithm, id) = (shown(Part::SigningKey), key.algorithm(), key.public().id());
        let caveat = algorithm.caveat().map(|caveat| format!(" Mind that {caveat}."));
        let caveat = caveat.unwrap_or_default();
        findings.note(FILE, format!("{file}, the signing key: {algorithm}, key id {id}.{caveat}"));
        self::caveat(algorithm.caveat(), "data_dir", settings, findings);
    }
    let rsa = findings.take(kept.rsa_key().map_err(Error::from), broken);
    if let Some(Some(key)) = &rsa {
        let (file, id) = (shown(Part::RsaKey), key.public().id());
        findings
            .note(FILE, format!("{file}, the key for what only understands RS256: key id {id}."));
    }
    let secret = findings.take(kept.secret().map_err(Error::from), broken);
    if let Some(Some(secret)) = &secret {
        let (file, id) = (shown(Part::Secret), secret.id());
        findings.note(FILE, format!("{file}, the secret behind refresh tokens: id {id}."));
    }
    if signing.is_some() && rsa.is_some() && secret.is_some() {
        let unshared = keys::refuse_unshared(settings);
        let shared = findings.take(unshared, |error| {
            Finding::of_error(fault::UNSHARED_KEYS, error).at("private_key_file", settings)
        });
        if shared.is_some() {
            findings.take(kept.could_make_missing().map_err(Error::from), broken);
        }
    }
}

/// Says of a key in the settings nothing that they have said themselves.
fn caveat(caveat: Option<&'static str>, key: &str, settings: &Settings, findings: &mut Findings) {
    let said = settings.warnings.iter().chain(&settings.advice);
    let is_said = said.into_iter().any(|remark| remark.code() == code::RARE_ALGORITHM);
    if let (Some(caveat), false) = (caveat, is_said) {
        findings.add(Finding::new(Level::Warning, code::RARE_ALGORITHM, caveat).at(key, settings));
    }
}

fn certificate(
    settings: &Settings,
    (files, table): (Option<&Tls>, &str),
    findings: &mut Findings,
) -> Option<Certified> {
    let Tls { certificate, key } = files?;
    let loaded = tls::load(certificate, key).map_err(Error::from);
    let loaded =
        findings.take(loaded, |error| Finding::of_error(fault::TLS, error).at(table, settings))?;
    let (certificate, key) = (certificate.display(), key.display());
    findings.note(FILE, format!("{certificate} and {key}, the certificate and its key."));
    Some(loaded)
}

/// The way to the namespace with the groups.
async fn realm(settings: &Settings, findings: &mut Findings) -> Option<(LiveRealm, Client)> {
    let Storage::Kubernetes(cluster) = &settings.storage else { return None };
    let reached = live_realm(cluster.kubeconfig.as_deref(), cluster.namespace.as_deref()).await;
    let reached = reached.map_err(Error::from);
    let key = "storage_backend.options.kubeconfig";
    let reached = findings
        .take(reached, |error| Finding::of_error(fault::CLUSTER, error).at(key, settings))?;
    if let Some(file) = &cluster.kubeconfig {
        findings.note(FILE, format!("{}, how the groups are reached.", file.display()));
    }
    Some(reached)
}

/// The kubeconfig of the groups, which providers without one of their own use too.
fn of_the_groups(settings: &Settings) -> Option<&Path> {
    match &settings.storage {
        Storage::Kubernetes(cluster) => cluster.kubeconfig.as_deref(),
        Storage::Embedded(_) | Storage::Memory => None,
    }
}

async fn providers(settings: &Settings, findings: &mut Findings) -> Option<Providers> {
    let mut clusters = Clusters::new();
    let mut unreached = Vec::new();
    for provider in settings.identity_providers.iter().filter(|provider| provider.enabled) {
        let Protocol::Kubernetes(kubernetes) = &provider.protocol else { continue };
        let name = &provider.name;
        let kubeconfig = kubernetes.kubeconfig.as_deref().or(of_the_groups(settings));
        let reached = reviewer(kubeconfig).await;
        let reached = reached.with_context(|| format!("identity provider {name}"));
        let reached = findings.take(reached, |error| {
            Finding::of_error(fault::PROVIDER, error).of_provider(name.as_str(), settings)
        });
        match (reached, &kubernetes.kubeconfig) {
            (None, _) => unreached.push(name.clone()),
            (Some(reviewer), own) => {
                clusters.insert(name.clone(), Arc::new(reviewer));
                if let Some(file) = own {
                    findings.note(FILE, format!("{}, how {name} is reached.", file.display()));
                }
            }
        }
    }
    let hashing = HashingThreads::new(settings.hashing_threads);
    let known = |provider: &&crate::settings::IdentityProvider| !unreached.contains(&provider.name);
    let asked = settings.identity_providers.iter().filter(known);
    let egress = egress::egress(settings);
    match Providers::gather(asked, &egress, &clusters, &hashing) {
        Ok(providers) => {
            egress::note(settings, &egress, findings);
            for provider in settings.identity_providers.iter().filter(|provider| provider.enabled) {
                if let Some(file) = provider.protocol.authorities() {
                    let (file, name) = (file.display(), &provider.name);
                    findings
                        .note(FILE, format!("{file}, the authorities that {name} is believed by."));
                }
            }
            Some(providers)
        }
        Err(errors) => {
            for error in errors {
                let name = error.provider().clone();
                let finding = Finding::of_error(fault::PROVIDER, &Error::from(error));
                findings.add(finding.of_provider(name.as_str(), settings));
            }
            None
        }
    }
}
