//! Refreshes while the server reads the whole realm anew, because what has happened meanwhile cannot be told any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::Api;
use kube::api::PostParams;
use pasee::resources::{Membership, MembershipSpec};
use serde_json::Value;

use crate::stage::{Stage, group, memory, refresh, tell};
use crate::support::served::Served;

/// Clients that refresh, each after a pause.
const CLIENTS: usize = 4;
const PAUSE: Duration = Duration::from_millis(2);
const NAME: &str = "unseen";

pub fn measure(stage: &mut Stage, realm: &str, server: &Served) {
    let tokens = stage.runtime.block_on(async {
        let memberships: Api<Membership> = Api::namespaced(stage.client.clone(), realm);
        let spec = MembershipSpec {
            group: Some(group(9_000)),
            users: vec!["local-john".to_owned()],
            ..MembershipSpec::default()
        };
        memberships.create(&PostParams::default(), &Membership::new(NAME, spec)).await.unwrap();
        let pair = server.pasee.log_in("john").await;
        let token = server.pasee.log_in("ada").await.refresh;
        while refresh(&server.pasee, &pair.refresh).await.0.is_empty() {}
        [pair.refresh, token]
    });
    let calm = refreshes(stage, server, &tokens[1], || std::thread::sleep(Duration::from_secs(5)));
    tell("refreshes in calm", calm);
    stage.cluster.apiserver.stop();
    forget(stage, realm);
    stage.cluster.apiserver.start();
    stage.cluster.wait_until_ready();
    // The server itself waits up to 5 s between two attempts.
    let started = Instant::now();
    let busy = refreshes(stage, server, &tokens[1], || {
        while !stage.runtime.block_on(refresh(&server.pasee, &tokens[0])).0.is_empty() {
            std::thread::sleep(PAUSE);
        }
    });
    println!("all was read anew {:.2?} after the API server came back", started.elapsed());
    tell("refreshes until then", busy);
    let [now, most] = memory(server.pasee.id());
    println!("memory afterwards: {now:.1} MiB resident, at most {most:.1} MiB");
}

/// How long refreshes take while something goes on.
fn refreshes(
    stage: &Stage,
    server: &Served,
    token: &str,
    meanwhile: impl FnOnce(),
) -> Vec<Duration> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let client = || {
            stage.runtime.block_on(async {
                let mut times = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let asked = Instant::now();
                    server.pasee.refresh(token).await.is(201);
                    times.push(asked.elapsed());
                    tokio::time::sleep(PAUSE).await;
                }
                times
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        meanwhile();
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

/// Deletes an object and with it the history that tells of it.
fn forget(stage: &Stage, realm: &str) {
    let etcd = |path: &str, body: String| -> Value {
        let url = format!("{}/v3/kv/{path}", stage.cluster.etcd_url);
        let answer = stage.runtime.block_on(async {
            reqwest::Client::new().post(url).body(body).send().await.unwrap().text().await.unwrap()
        });
        serde_json::from_str(&answer).unwrap()
    };
    let key = format!("/registry/pasee.meltylab.fr/memberships/{realm}/{NAME}");
    let deleted = etcd("deleterange", format!(r#"{{"key":"{}"}}"#, STANDARD.encode(key)));
    assert_eq!(deleted["deleted"], "1", "{deleted}");
    let revision = deleted["header"]["revision"].as_str().unwrap();
    etcd("compaction", format!(r#"{{"revision":"{revision}","physical":true}}"#));
}
