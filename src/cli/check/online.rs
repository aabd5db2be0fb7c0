//! What identity providers and the Kubernetes API server say when they are asked before a server is started.

use std::time::Duration;

use anyhow::Error;
use futures::future::{join, join_all};
use tokio::time::timeout;

use crate::cli::finding::{Finding, Findings, Level};
use crate::cli::prepare::Prepared;
use crate::cluster::rights::lacking;
use crate::resources::permission::Permission;
use crate::resources::providers::PUBLISH;
use crate::resources::webhook::ANSWER;
use crate::settings::Settings;
use crate::store::kubernetes::permissions::PERMISSIONS;

/// Nobody was asked.
pub(super) const NOT_ASKED: &str = "not-asked";
/// A provider answers, or does not.
const PROVIDER_ANSWERS: &str = "provider-answers";
const PROVIDER_FAILS: &str = "provider-fails";
/// The API server has all that the realm needs, or does not.
const CLUSTER_ANSWERS: &str = "cluster-answers";
const CLUSTER_FAILS: &str = "cluster-fails";

/// Longest wait for each of them; they are asked at once.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn ask(settings: &Settings, prepared: &Prepared, findings: &mut Findings) {
    let providers = prepared.providers.iter().map(|provider| async {
        let asked = timeout(PATIENCE, provider.probe()).await;
        (provider.name().as_str(), asked)
    });
    let (providers, cluster) = join(join_all(providers), of_cluster(settings, prepared)).await;
    for (name, asked) in providers {
        let finding = match asked {
            Ok(Ok(said)) => {
                Finding::new(Level::Note, PROVIDER_ANSWERS, &format!("{name}: {said}."))
            }
            Ok(Err(error)) => {
                let error =
                    Error::from(error).context(format!("{name} cannot be logged in through now"));
                Finding::of_error(PROVIDER_FAILS, &error)
            }
            Err(_) => {
                let told = format!("{name} did not answer within {} s", PATIENCE.as_secs());
                Finding::new(Level::Error, PROVIDER_FAILS, &told)
            }
        };
        findings.add(finding.of_provider(name, settings));
    }
    cluster.into_iter().for_each(|finding| findings.add(finding));
}

/// What the API server says of the namespace with the groups.
async fn of_cluster(settings: &Settings, prepared: &Prepared) -> Vec<Finding> {
    let Some((realm, client)) = &prepared.realm else { return Vec::new() };
    let namespace = realm.namespace();
    let of_webhook = settings.webhook.as_ref().map(|_| ANSWER);
    let needed: Vec<Permission> =
        PERMISSIONS.iter().copied().chain([PUBLISH]).chain(of_webhook).collect();
    let findings = match timeout(PATIENCE, lacking(client, namespace, &needed)).await {
        Ok(Ok(lacking)) if lacking.is_empty() => {
            let told = format!(
                "The Kubernetes API server has the namespace {namespace} and Pasee's definitions, and lets this account do what \
                 a server does."
            );
            vec![Finding::new(Level::Note, CLUSTER_ANSWERS, &told)]
        }
        Ok(Ok(lacking)) => {
            let finding = |told: &String| Finding::new(Level::Error, CLUSTER_FAILS, told);
            lacking.iter().map(finding).collect()
        }
        Ok(Err(error)) => {
            let told = "the Kubernetes API server with the groups cannot be asked";
            let error = Error::from(error).context(told);
            vec![Finding::of_error(CLUSTER_FAILS, &error)]
        }
        Err(_) => {
            let told = format!(
                "the Kubernetes API server with the groups did not answer within {} s",
                PATIENCE.as_secs()
            );
            vec![Finding::new(Level::Error, CLUSTER_FAILS, &told)]
        }
    };
    findings.into_iter().map(|finding| finding.at("storage_backend", settings)).collect()
}
