//! The control plane, the realm of a million memberships, and what is measured with.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use pasee::resources::{Group, GroupSpec, Membership, MembershipSpec};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::support::controlplane::ControlPlane;
use crate::support::pasee::{Pasee, Setup, free_port};

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

pub struct Server {
    pub pasee: Pasee,
    /// From its start until it had read the realm.
    pub ready_in: Duration,
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
        let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
        cluster.admin.kubectl(["apply", "--server-side", "-f", crds]).ok();
        cluster.admin.kubectl(["wait", "--for=condition=Established", "-f", crds]).ok();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(&cluster.admin.kubeconfig).unwrap();
            let context = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(file, &context).await.unwrap();
            Client::try_from(config).unwrap()
        });
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
    pub fn serve(&self, realm: &str) -> Server {
        let port = free_port();
        let options = format!(
            "[admin]\nlisten = \"127.0.0.1:{port}\"\n[storage_backend]\nkind = \"kubernetes\"\n\
             [storage_backend.options]\nnamespace = \"{realm}\"\nkubeconfig = \"{}\"\n",
            self.cluster.admin.kubeconfig.display()
        );
        self.runtime.block_on(async {
            let started = Instant::now();
            let pasee = Setup::default().tables(&options).start().await;
            let url = format!("http://127.0.0.1:{port}/ready");
            while pasee.client.get(&url).send().await.unwrap().status() != 200 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Server { pasee, ready_in: started.elapsed() }
        })
    }
}

impl Server {
    /// Its resident memory and the most it ever was, in MiB.
    pub fn memory(&self) -> [f64; 2] {
        let file = format!("/proc/{}/status", self.pasee.id());
        let status = std::fs::read_to_string(file).unwrap();
        ["VmRSS:", "VmHWM:"].map(|name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
        })
    }

    /// The groups that a refresh says, and a new refresh token.
    pub async fn refresh(&self, token: &str) -> (Vec<String>, String) {
        let pair = self.pasee.refresh(token).await.pair();
        (groups(&pair.access), pair.refresh)
    }
}

/// What an access token says.
fn groups(token: &str) -> Vec<String> {
    use base64::Engine;
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    Vec::deserialize(&claims["groups"]).unwrap()
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
