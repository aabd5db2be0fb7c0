//! From a provider's table to [`Kubernetes`]: the ServiceAccounts of a cluster.
//!
//! Must not call anybody.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::provider::CLIENTS;
use crate::domain::token::Audience;
use crate::settings::outbound::refuse_proxy;
use crate::settings::reader::Table;
use crate::settings::tokens::duration;

/// What Memberships call ServiceAccounts by.
const NAME: &str = "k8s";
/// What the API server's own audiences start with, unless it was told otherwise.
const OF_THE_API_SERVER: &str = "https://kubernetes.default.svc";

/// The ServiceAccounts of a Kubernetes cluster. The provider's name is `k8s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// `audience`: what their tokens must be for; never the API server's own.
    pub audience: Audience,
    /// `offline`: whether tokens are believed by the cluster's published keys, without asking the API server each time.
    pub offline: Offline,
    /// `kubeconfig`: how the API server is reached, a file which starts at the settings file's directory when it is
    /// relative; default that of the storage backend, else as pods reach it.
    pub kubeconfig: Option<PathBuf>,
    /// `timeout`: for a whole login, 1 to 60 s, default 5 s.
    pub timeout: Duration,
}

/// Whether the API server is asked about each token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offline {
    /// It is: what it has deleted is refused at once.
    No,
    /// It is not: a token is good until it expires.
    Yes,
}

pub(super) fn kubernetes(table: &Table<'_>, base: &Path) -> Option<Kubernetes> {
    for key in ["host", "port", "endpoint"] {
        if let Some(item) = table.get(key) {
            item.error(
                "is not known here: a kubeconfig says where the API server is; leave it out",
            );
        }
    }
    // A name that nobody may have is told of for every protocol.
    if let Some(item) = table.text("name").filter(|item| ![NAME, CLIENTS].contains(&item.value)) {
        item.error(
            "is not \"k8s\": serviceAccounts of Memberships are the users k8s-NAMESPACE:NAME, so a provider of the protocol \
             kubernetes has the name \"k8s\"",
        );
    }
    let right = "\"pasee.example.com\", what pods name in the audience of their projected token";
    if table.get("settings").is_none() {
        table.missing(
            "settings",
            "[identity_providers.settings] with audience = \"pasee.example.com\"",
        );
    }
    let settings = table.table("settings")?;
    refuse_proxy(
        &settings,
        "proxy-url in a kubeconfig says through which proxy its API server is reached",
    );
    let audience = settings.needed("audience", right).and_then(|item| {
        if item.value.starts_with(OF_THE_API_SERVER) {
            item.error(
                "is the API server's own audience: every pod's default token would log in, and a token shown here would \
                 open the API server; a right one is of Pasee alone, such as \"pasee.example.com\"",
            );
        }
        item.parse::<Audience>()
    });
    let offline = match settings.flag("offline") {
        Some(true) => Offline::Yes,
        Some(false) | None => Offline::No,
    };
    let kubeconfig = settings.get("kubeconfig").map(|_| settings.file("kubeconfig", base));
    let timeout = duration(&settings, "timeout", 1..=60, Duration::from_secs(5));
    settings.finish();
    Some(Kubernetes {
        audience: audience?,
        offline,
        kubeconfig: kubeconfig.map_or(Some(None), |file| file.map(Some))?,
        timeout: timeout?,
    })
}
