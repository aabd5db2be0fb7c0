//! A realm of its own for a test, with a store over it.

use std::time::Duration;

use pasee::domain::change::Change;
use pasee::domain::directory::Page;
use pasee::domain::membership::Membership;
use pasee::domain::policy::{Actor, permit};
use pasee::domain::realm::{Realm, WriteError};
use pasee::domain::time::Timestamp;
use pasee::store::kubernetes::{Kubernetes, Options};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::support::controlplane::{ControlPlane, User};
use crate::support::patience::eventually;
use crate::support::realm;

/// A store with the roles that Pasee's server has, the namespace it watches, and somebody who may do everything there.
pub struct Stage {
    // Before the runtime, which it needs to its end.
    pub store: Kubernetes,
    pub runtime: Runtime,
    pub admin: User,
    pub server: User,
    pub namespace: String,
}

impl Stage {
    /// An empty realm.
    pub fn new(cluster: &ControlPlane) -> Self {
        Self::with(cluster, None)
    }

    /// The same where nothing but RBAC says who may what: many of them are dear with a policy each.
    pub fn without_policy(cluster: &ControlPlane) -> Self {
        let namespace = cluster.namespace();
        realm::install_accounts(cluster, &namespace);
        Self::over(cluster, namespace, None)
    }

    /// An empty realm whose store becomes stale.
    pub fn with(cluster: &ControlPlane, max_staleness: Option<Duration>) -> Self {
        let namespace = cluster.namespace();
        realm::install(cluster, &namespace, &[]);
        Self::over(cluster, namespace, max_staleness)
    }

    fn over(cluster: &ControlPlane, namespace: String, max_staleness: Option<Duration>) -> Self {
        let admin = cluster.admin.clone();
        let server = cluster.account(&namespace, "pasee-server");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let store = runtime.block_on(open(&server, &namespace, max_staleness));
        Self { store, runtime, admin, server, namespace }
    }

    /// Another replica over the same realm.
    pub fn replica(&self) -> Kubernetes {
        self.runtime.block_on(open(&self.server, &self.namespace, None))
    }

    pub fn write(&self, change: Change) -> Result<(), WriteError> {
        self.runtime.block_on(self.store.write(permit(&Actor::operator(), change).unwrap()))
    }

    pub fn create(&self, group: &str) {
        let change = Change::CreateGroup { group: group.parse().unwrap(), creator: None };
        self.write(change).unwrap();
    }

    pub fn add(&self, roster: &str, user: &str) -> Result<(), WriteError> {
        self.write(Change::AddMember(Membership {
            roster: roster.parse().unwrap(),
            user: user.parse().unwrap(),
            expires_at: None,
        }))
    }

    pub fn remove(&self, roster: &str, user: &str) -> Result<(), WriteError> {
        let (roster, user) = (roster.parse().unwrap(), user.parse().unwrap());
        self.write(Change::RemoveMember { roster, user })
    }

    pub fn members(&self, roster: &str) -> Option<Vec<String>> {
        let page = Page { after: None, limit: 1000 };
        let members = self.store.directory().members(&roster.parse().unwrap(), page, noon())?;
        Some(members.iter().map(ToString::to_string).collect())
    }

    /// Waits until a roster has these members.
    #[track_caller]
    pub fn eventually(&self, roster: &str, members: Option<&[&str]>) {
        let wanted = members.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        eventually(&format!("{roster} has {wanted:?}"), || self.members(roster) == wanted);
    }

    pub fn apply(&self, manifest: &str) {
        self.admin.apply(&self.namespace, manifest).ok();
    }

    /// One field of an object.
    pub fn field(&self, object: &str, path: &str) -> String {
        let path = format!("jsonpath={path}");
        self.admin.kubectl(["get", object, "-n", &self.namespace, "-o", &path]).ok()
    }

    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let namespace = ["-n", &*self.namespace];
        self.admin.kubectl(arguments.iter().copied().chain(namespace)).ok()
    }
}

async fn open(server: &User, namespace: &str, max_staleness: Option<Duration>) -> Kubernetes {
    let options = Options {
        namespace: Some(namespace.to_owned()),
        kubeconfig: Some(server.kubeconfig.clone()),
        max_staleness,
    };
    let store = Kubernetes::open(options, noon).await.unwrap();
    store.wait_until_ready(Duration::from_secs(60)).await.unwrap();
    store
}

/// A manifest of a Membership.
pub fn membership(name: &str, group: &str, users: &[&str]) -> String {
    realm::membership(name, &json!({ "group": group, "users": users }))
}

/// A manifest of a Group.
pub fn group(name: &str) -> String {
    realm::manifest("Group", name, &json!({}))
}

pub fn noon() -> Timestamp {
    Timestamp::from_unix(1_800_000_000).unwrap()
}
