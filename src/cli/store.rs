//! The store that the settings name, opened.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use super::now;
use crate::domain::bounds::Tally;
use crate::domain::directory::Directory;
use crate::domain::group::GroupName;
use crate::domain::invitation::GroupMark;
use crate::domain::membership::Roster;
use crate::domain::policy::Permit;
use crate::domain::realm::{Asking, Names, Realm, Stale, Writing};
use crate::domain::user::UserId;
use crate::files::access_of_others;
use crate::settings::{Cluster, Settings, Storage};
use crate::store::embedded::Embedded;
use crate::store::kubernetes::{Kubernetes, Options};
use crate::telemetry::Metrics;

/// A state in good health is proved to be new every minute and a half; past this it is not.
const HEALTHY: Duration = Duration::from_secs(120);

/// The namespace of Kubernetes that is meant, if one is named at the command line or in the settings.
pub(super) fn cluster(
    settings: &Settings,
    namespace: Option<&String>,
    kubeconfig: Option<&PathBuf>,
) -> Option<Options> {
    let of_settings = match &settings.storage {
        Storage::Kubernetes(cluster) => Some(cluster),
        Storage::Embedded(_) | Storage::Memory => None,
    };
    if of_settings.is_none() && namespace.is_none() && kubeconfig.is_none() {
        return None;
    }
    let named = of_settings.and_then(|cluster| cluster.namespace.as_ref());
    let reached = of_settings.and_then(|cluster| cluster.kubeconfig.as_ref());
    Some(Options {
        namespace: namespace.or(named).cloned(),
        kubeconfig: kubeconfig.or(reached).cloned(),
        max_staleness: None,
    })
}

/// An open store.
pub(super) enum Store {
    Embedded(Embedded),
    Kubernetes(Kubernetes),
}

impl Store {
    /// Opens it; a file is read then, Kubernetes is not yet. To be called on the runtime that lasts as long as the store.
    pub(super) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        Ok(match &settings.storage {
            Storage::Embedded(file) => {
                let store = Embedded::open(file, now)?;
                if let Ok(Some(access)) = access_of_others(file) {
                    tracing::warn!("the file of groups {}: {access}", file.display());
                }
                Self::Embedded(store)
            }
            Storage::Memory => Self::Embedded(Embedded::in_memory(now)?),
            Storage::Kubernetes(Cluster { namespace, kubeconfig, max_staleness }) => {
                let options = Options {
                    namespace: namespace.clone(),
                    kubeconfig: kubeconfig.clone(),
                    max_staleness: *max_staleness,
                };
                Self::Kubernetes(Kubernetes::open(options, now).await?)
            }
        })
    }

    /// Whether the state was read, is where it was read from, and is new enough to issue tokens by.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Embedded(store) => store.is_ready(),
            Self::Kubernetes(store) => store.fresh().is_ok(),
        }
    }

    /// How much of what is there a user has made, where somebody asks besides the store itself.
    pub(super) fn made_by(&self, user: &UserId) -> Tally {
        match self {
            Self::Embedded(_) => Tally::default(),
            Self::Kubernetes(store) => store.made_by(user),
        }
    }

    /// Waits until all of the state was read.
    pub(super) async fn wait_until_ready(&self, most: Duration) -> anyhow::Result<()> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::Kubernetes(store) => store.wait_until_ready(most).await.with_context(|| {
                format!("the groups were not read from Kubernetes within {} s", most.as_secs())
            }),
        }
    }

    /// Says how it is.
    pub(super) fn measure(&self, metrics: &Metrics) {
        match self {
            Self::Embedded(store) => {
                metrics.store(store.commits(), &store.health(), Duration::ZERO);
            }
            Self::Kubernetes(store) => {
                let age = store.age();
                let is_well = store.health().is_ok() && age < HEALTHY;
                let health = if is_well { Ok(()) } else { Err(Stale::TooOld) };
                metrics.store(store.writes(), &health, age);
            }
        }
    }
}

impl Realm for Store {
    fn directory(&self) -> &dyn Directory {
        match self {
            Self::Embedded(store) => store.directory(),
            Self::Kubernetes(store) => store.directory(),
        }
    }

    fn write(&self, permit: Permit) -> Writing<'_> {
        match self {
            Self::Embedded(store) => store.write(permit),
            Self::Kubernetes(store) => store.write(permit),
        }
    }

    fn mark<'a>(&'a self, group: &'a GroupName) -> Asking<'a, Option<GroupMark>> {
        match self {
            Self::Embedded(store) => store.mark(group),
            Self::Kubernetes(store) => store.mark(group),
        }
    }

    fn names<'a>(&'a self, roster: &'a Roster, users: &'a [UserId]) -> Asking<'a, Names> {
        match self {
            Self::Embedded(store) => store.names(roster, users),
            Self::Kubernetes(store) => store.names(roster, users),
        }
    }

    fn fresh(&self) -> Result<(), Stale> {
        match self {
            Self::Embedded(store) => store.fresh(),
            Self::Kubernetes(store) => store.fresh(),
        }
    }
}
