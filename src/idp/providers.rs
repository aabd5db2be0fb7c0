//! All identity providers that are offered, made from the settings.
//!
//! Must not call any of them: one that is down does not stop us.

use std::collections::HashMap;
use std::sync::Arc;

use super::egress::Egress;
use super::kisee::KiseeConnector;
use super::kubernetes::{ApiServer, KubernetesConnector};
use super::ldap::LdapConnector;
use super::local::{HashingThreads, LocalConnector};
use super::oauth1::OAuth1Connector;
use super::oauth2::OAuth2Connector;
use super::oidc::OidcConnector;
use super::pasee::PaseeConnector;
use super::provider::{Connector, Provider};
use crate::domain::user::ProviderName;
use crate::outbound::ClientError;
use crate::settings::{self, Protocol};

/// All identity providers that are offered.
#[derive(Debug)]
pub struct Providers {
    offered: Vec<Arc<Provider>>,
    registering: Option<Arc<Provider>>,
}

/// The clusters of the settings' providers of the protocol kubernetes, by the providers' names.
pub type Clusters = HashMap<ProviderName, Arc<dyn ApiServer>>;

/// Why a provider of the settings cannot be made ready.
#[derive(Debug, thiserror::Error)]
#[error("identity provider {name}: {reason}")]
pub struct SetupError {
    name: ProviderName,
    #[source]
    reason: Unready,
}

impl SetupError {
    /// Which provider it is.
    #[must_use]
    pub fn provider(&self) -> &ProviderName {
        &self.name
    }
}

#[derive(Debug, thiserror::Error)]
enum Unready {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("its cluster is not connected to")]
    NoCluster,
}

impl Providers {
    /// Makes the enabled providers of the settings ready, none of which is a Kubernetes cluster, to be called as they say
    /// themselves and else directly. Talks to none of them: one that is down does not stop us.
    ///
    /// # Errors
    /// [`SetupError`] when a `ca_file` or a proxy cannot be used, the system's TLS is unusable, or one is a cluster.
    pub fn new(settings: &[settings::IdentityProvider]) -> Result<Self, SetupError> {
        Self::with(settings, &Egress::default(), &Clusters::new(), &HashingThreads::new(None))
    }

    /// The same, called this way, with the clusters among them connected to, and with these threads to check passwords on.
    ///
    /// # Errors
    /// [`SetupError`] as above, or when one of the clusters is not there.
    pub fn with(
        settings: &[settings::IdentityProvider],
        egress: &Egress,
        clusters: &Clusters,
        hashing: &HashingThreads,
    ) -> Result<Self, SetupError> {
        Self::gather(settings, egress, clusters, hashing)
            .map_err(|mut errors| errors.swap_remove(0))
    }

    /// The same, with everything that is wrong; at least one, in the order of the settings.
    ///
    /// # Errors
    /// As above, of each provider.
    pub fn gather<'s>(
        settings: impl IntoIterator<Item = &'s settings::IdentityProvider>,
        egress: &Egress,
        clusters: &Clusters,
        hashing: &HashingThreads,
    ) -> Result<Self, Vec<SetupError>> {
        let mut providers = Self { offered: Vec::new(), registering: None };
        let mut errors = Vec::new();
        for provider in settings.into_iter().filter(|provider| provider.enabled) {
            let protocol = match connector(provider, egress, clusters, hashing) {
                Ok(protocol) => protocol,
                Err(reason) => {
                    errors.push(SetupError { name: provider.name.clone(), reason });
                    continue;
                }
            };
            let ready = Arc::new(Provider::new(provider, protocol));
            if provider.registers_users {
                providers.registering = Some(Arc::clone(&ready));
            }
            providers.offered.push(ready);
        }
        if errors.is_empty() { Ok(providers) } else { Err(errors) }
    }

    /// The provider of that name, if it is offered.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Provider> {
        self.offered.iter().find(|provider| provider.name().as_str() == name).map(Arc::as_ref)
    }

    /// The same, for whoever goes on with it by themselves.
    #[must_use]
    pub fn shared(&self, name: &str) -> Option<Arc<Provider>> {
        self.offered.iter().find(|provider| provider.name().as_str() == name).cloned()
    }

    /// The provider with the capability `register_user`.
    #[must_use]
    pub fn registering(&self) -> Option<&Provider> {
        self.registering.as_deref()
    }

    /// All that are offered, in the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.offered.iter().map(Arc::as_ref)
    }
}

/// The protocol of a provider, with what it needs.
fn connector(
    provider: &settings::IdentityProvider,
    egress: &Egress,
    clusters: &Clusters,
    hashing: &HashingThreads,
) -> Result<Connector, Unready> {
    Ok(match &provider.protocol {
        Protocol::Kisee(kisee) => Connector::Kisee(Arc::new(KiseeConnector::new(kisee, egress)?)),
        Protocol::Local(local) => Connector::Local(LocalConnector::new(local, hashing.clone())),
        Protocol::OAuth1(oauth1) => {
            Connector::OAuth1(Box::new(OAuth1Connector::new(oauth1, egress)?))
        }
        Protocol::OAuth2(oauth2) => {
            Connector::OAuth2(Box::new(OAuth2Connector::new(oauth2, egress)?))
        }
        Protocol::Oidc(oidc) => Connector::Oidc(Arc::new(OidcConnector::new(oidc, egress)?)),
        Protocol::Pasee(pasee) => {
            Connector::Pasee(Arc::new(PaseeConnector::new(&provider.name, pasee, egress)?))
        }
        Protocol::Ldap(ldap) => Connector::Ldap(Box::new(LdapConnector::new(
            &provider.name,
            ldap,
            &provider.mapping,
            egress,
        )?)),
        Protocol::Kubernetes(kubernetes) => {
            let cluster = clusters.get(&provider.name).ok_or(Unready::NoCluster)?;
            Connector::Kubernetes(Arc::new(KubernetesConnector::new(
                kubernetes,
                Arc::clone(cluster),
            )))
        }
    })
}
