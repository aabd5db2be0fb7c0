//! The control plane, the realm of a million memberships, and what is measured with.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::api::PostParams;
use kube::{Api, Client};
use pasee::resources::{Group, GroupSpec, Membership, MembershipSpec};
use serde::Deserialize;
use tokio::runtime::Runtime;

use crate::support::controlplane::ControlPlane;
use crate::support::forge::part;
use crate::support::pasee::Pasee;
use crate::support::realm;
use crate::support::served::Served;

pub const GROUPS: usize = 10_000;
pub const DEPARTMENTS: usize = 100;
const MEMBERSHIPS: usize = 2_000;
const EACH: usize = 500;
const USERS: usize = 100_000;
/// Writes at once while realms are made.
const FILLING: usize = 32;

pub struct Stage {
    pub cluster: ControlPlane,
    pub runtime: Runtime,
    pub client: Client,
}

/// The n-th group: departments first, then their teams.
pub fn group(number: usize) -> String {
    match number {
        department @ 0..DEPARTMENTS => format!("department-{department}"),
        team => format!("department-{}.team-{team}", team % DEPARTMENTS),
    }
}

impl Stage {
    pub fn start() -> Self {
        // Whatever else is linked in, there is one choice.
        let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
        let cluster = ControlPlane::start(&[]);
        realm::define(&cluster.admin);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let client =
            runtime.block_on(async { Client::try_from(cluster.admin.config().await).unwrap() });
        Self { cluster, runtime, client }
    }

    /// A namespace with the Groups.
    pub fn realm(&self) -> String {
        let realm = self.cluster.namespace();
        let groups: Api<Group> = Api::namespaced(self.client.clone(), &realm);
        self.each(GROUPS, FILLING, move |number| {
            let groups = groups.clone();
            async move {
                let object = Group::new(&group(number), GroupSpec::default());
                groups.create(&PostParams::default(), &object).await.unwrap();
            }
        });
        realm
    }

    /// Puts a million memberships in it.
    pub fn fill(&self, realm: &str) -> Duration {
        let memberships: Api<Membership> = Api::namespaced(self.client.clone(), realm);
        self.each(MEMBERSHIPS, FILLING, move |number| {
            let memberships = memberships.clone();
            async move {
                // No factor in common with the number of users, so that all differ.
                let user = |n: usize| (n * 7_919 + number * 977) % USERS;
                let spec = MembershipSpec {
                    group: Some(group(DEPARTMENTS + number)),
                    users: (0..EACH).map(|n| format!("kisee-user-{}", user(n))).collect(),
                    ..MembershipSpec::default()
                };
                let object = Membership::new(&format!("members-{number}"), spec);
                memberships.create(&PostParams::default(), &object).await.unwrap();
            }
        })
    }

    /// Does something for each number, so many at once; tells how long it took.
    pub fn each<F>(
        &self,
        count: usize,
        at_once: usize,
        work: impl Fn(usize) -> F + Send + Sync + 'static,
    ) -> Duration
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (work, started) = (Arc::new(work), Instant::now());
        let hands: Vec<_> = (0..at_once)
            .map(|hand| {
                let work = Arc::clone(&work);
                self.runtime.spawn(async move {
                    for number in (hand..count).step_by(at_once) {
                        work(number).await;
                    }
                })
            })
            .collect();
        self.runtime.block_on(async {
            for hand in hands {
                hand.await.unwrap();
            }
        });
        started.elapsed()
    }

    pub async fn get(&self, path: &str) -> String {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        self.client.request_text(request).await.unwrap()
    }

    /// The program with its groups in a namespace; returns when it has read them.
    pub fn serve(&self, realm: &str) -> Served {
        self.runtime.block_on(Served::start(realm, &self.cluster.admin, ""))
    }
}

/// A process's resident memory and the most it ever was, in MiB.
pub fn memory(process: u32) -> [f64; 2] {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    })
}

/// The groups that a refresh says, and a new refresh token.
pub async fn refresh(pasee: &Pasee, token: &str) -> (Vec<String>, String) {
    let pair = pasee.refresh(token).await.pair();
    let groups = part(&pair.access, 1)["groups"].take();
    (Vec::deserialize(groups).unwrap(), pair.refresh)
}

/// Prints what most of them are.
pub fn tell(what: &str, mut samples: Vec<Duration>) -> [Duration; 3] {
    samples.sort_unstable();
    let at = |share: usize| samples[((samples.len() - 1) * share).div_ceil(1000)];
    let told = [at(500), at(990), at(1000)];
    let [p50, p99, most] = told.map(|time| time.as_secs_f64() * 1e3);
    println!("{what}: p50 {p50:.2} ms, p99 {p99:.2} ms, most {most:.1} ms of {}", samples.len());
    told
}

/// How busy the machine is with everything.
pub fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
