//! The controller: 10,000 new Groups brought to Ready, against the API server's own rate of the same writes; and nothing
//! written when there is nothing to do.

use std::collections::{HashMap, HashSet};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use kube::api::{ListParams, Patch, PatchParams, Request, WatchEvent, WatchParams};
use kube::{Api, Resource};
use pasee::resources::Group;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::stage::{DEPARTMENTS, GROUPS, Stage, group, load, refresh};
use crate::support::served::Served;

/// Writes at once: as many as the controller makes for Groups.
const AT_ONCE: usize = 8;
/// What the ratio may be at least.
const LIMIT: f64 = 0.7;
const STILL: Duration = Duration::from_secs(300);
const OURS: &str = "pasee.meltylab.fr";

/// A controller that is killed in the end.
struct Controller(Child);

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(stage: &Stage, realm: &str) -> Controller {
    let child = Command::new(env!("CARGO_BIN_EXE_pasee"))
        .args(["controller", "--namespace", realm])
        .env("KUBECONFIG", &stage.cluster.admin.kubeconfig)
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .spawn();
    Controller(child.unwrap())
}

pub fn reconcile(stage: &Stage) {
    let (realm, other) = (stage.realm(), stage.realm());
    let uids = uids(stage, &other);
    let (limit, ()) = ready(stage, &other, || write(stage, &other, uids));
    let limit = (2 * GROUPS - DEPARTMENTS) as f64 / limit.as_secs_f64();
    let before = writes(stage, OURS);
    let (time, controller) = ready(stage, &realm, || start(stage, &realm));
    let rate = (writes(stage, OURS) - before) as f64 / time.as_secs_f64();
    drop(controller);
    println!(
        "controller: {GROUPS} Groups ready in {time:.1?}, {:.0} Groups/s by {rate:.0} writes/s; the API server's own rate \
         of the same writes, {AT_ONCE} at once: {limit:.0}/s, ratio {:.2}, at least {LIMIT} wanted; load {}",
        GROUPS as f64 / time.as_secs_f64(),
        rate / limit,
        load(),
    );
}

/// The uids of the Groups by their names.
fn uids(stage: &Stage, realm: &str) -> HashMap<String, String> {
    let groups: Api<Group> = Api::namespaced(stage.client.clone(), realm);
    let listed = stage.runtime.block_on(groups.list(&ListParams::default())).unwrap();
    let both = |object: Group| (object.metadata.name.unwrap(), object.metadata.uid.unwrap());
    listed.items.into_iter().map(both).collect()
}

/// Makes the writes that the controller has to make, and does nothing else.
fn write(stage: &Stage, realm: &str, uids: HashMap<String, String>) {
    let groups: Api<Group> = Api::namespaced(stage.client.clone(), realm);
    let uids = Arc::new(uids);
    stage.each(GROUPS, AT_ONCE, move |number| {
        let (groups, uids) = (groups.clone(), Arc::clone(&uids));
        async move {
            let (name, parameters) = (group(number), PatchParams::apply("bench").force());
            let mut object = json!({ "apiVersion": Group::api_version(&()), "kind": "Group" });
            if let Some((parent, _)) = name.rsplit_once('.') {
                let owner = json!({
                    "apiVersion": Group::api_version(&()), "kind": "Group", "name": parent,
                    "uid": uids[parent], "blockOwnerDeletion": false,
                });
                object["metadata"] = json!({ "name": name, "ownerReferences": [owner] });
                groups.patch(&name, &parameters, &Patch::Apply(&object)).await.unwrap();
            }
            object["metadata"] = json!({ "name": name });
            object["status"] = json!({
                "observedGeneration": 1, "members": 0, "staff": 0, "subgroups": 0,
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "InEffect", "observedGeneration": 1,
                    "message": "the group is in effect", "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
            });
            groups.patch_status(&name, &parameters, &Patch::Apply(&object)).await.unwrap();
        }
    });
}

/// As much of a Group as is needed here.
#[derive(Clone, Debug, Deserialize)]
struct Thin {
    metadata: Metadata,
    #[serde(default)]
    status: Value,
}

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    name: String,
}

/// Starts something; how long it takes until a watch has seen every Group get ready.
fn ready<T>(stage: &Stage, realm: &str, start: impl FnOnce() -> T) -> (Duration, T) {
    let groups: Api<Group> = Api::namespaced(stage.client.clone(), realm);
    let path = Group::url_path(&(), Some(realm));
    let now = stage.runtime.block_on(groups.list(&ListParams::default().limit(1))).unwrap();
    let from = now.metadata.resource_version.unwrap();
    let request = Request::new(path).watch(&WatchParams::default(), &from).unwrap();
    let client = stage.client.clone();
    let watch = async move {
        let events = client.request_events::<Thin>(request).await.unwrap();
        let mut events = std::pin::pin!(events);
        let mut ready = HashSet::new();
        while ready.len() < GROUPS {
            let event = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
            if let WatchEvent::Modified(object) = event.unwrap().unwrap().unwrap()
                && object.status["conditions"][0]["status"] == "True"
            {
                ready.insert(object.metadata.name);
            }
        }
    };
    let (watch, started) = (stage.runtime.spawn(watch), Instant::now());
    let running = start();
    stage.runtime.block_on(watch).unwrap();
    (started.elapsed(), running)
}

/// Lets a controller bring the realm to rest, beside a server; counts what is written after that.
pub fn rest(stage: &Stage, realm: &str, server: &Served) {
    let _controller = start(stage, realm);
    let mut before = writes(stage, OURS);
    loop {
        std::thread::sleep(Duration::from_secs(10));
        let now = writes(stage, OURS);
        if now == before && now > 0 {
            break;
        }
        before = now;
    }
    let kinds = [OURS, "events.k8s.io", "coordination.k8s.io"];
    let before = kinds.map(|kind| writes(stage, kind));
    let since = Instant::now();
    stage.runtime.block_on(async {
        let mut token = server.pasee.log_in("ada").await.refresh;
        while since.elapsed() < STILL {
            token = refresh(&server.pasee, &token).await.1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let after = kinds.map(|kind| writes(stage, kind));
    let [ours, events, leases] = std::array::from_fn(|kind| after[kind] - before[kind]);
    println!(
        "at rest for {STILL:?}, with a controller and a server that refreshes: {ours} writes of Groups, Memberships and \
         Users, {events} Events; besides, {leases} renewals of Leases, its own and the API server's"
    );
}

/// Requests that the API server has answered which write objects of an API group, as it counts them itself, refused
/// ones among them.
fn writes(stage: &Stage, group: &str) -> u64 {
    let metrics = stage.runtime.block_on(stage.get("/metrics"));
    let label = |line: &str, name: &str| {
        let start = line.find(&format!("{name}=\""))? + name.len() + 2;
        line[start..].split('"').next().map(str::to_owned)
    };
    let ours = metrics.lines().filter(|line| {
        let is_write = |verb: String| !matches!(&*verb, "GET" | "LIST" | "WATCH" | "CONNECT");
        line.starts_with("apiserver_request_total{")
            && label(line, "group").as_deref() == Some(group)
            && label(line, "verb").is_some_and(is_write)
    });
    let count = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64;
    ours.map(count).sum()
}
