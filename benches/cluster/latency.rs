//! From the acknowledgement of a write to the first token that shows it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt;
use kube::Api;
use kube::api::{DeleteParams, PostParams, WatchEvent, WatchParams};
use kube::core::PartialObjectMeta;
use pasee::resources::{Membership, MembershipSpec};

use crate::stage::{DEPARTMENTS, Stage, group, refresh, tell};
use crate::support::served::Served;

const SAMPLES: usize = 250;
/// What p99 may be.
const LIMIT: Duration = Duration::from_millis(50);

/// When a bare watch saw the Memberships come.
type Seen = Arc<Mutex<HashMap<String, Instant>>>;

pub fn measure(stage: &Stage, realm: &str, server: &Served) {
    stage.runtime.block_on(async {
        let memberships: Api<Membership> = Api::namespaced(stage.client.clone(), realm);
        let seen = Seen::default();
        let watch = stage.runtime.spawn(watch(memberships.clone(), Arc::clone(&seen)));
        let mut token = server.pasee.log_in("ada").await.refresh;
        let (mut given, mut taken, mut bare) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..SAMPLES {
            let (name, group) = (format!("sample-{number}"), group(DEPARTMENTS + number * 7));
            let spec = MembershipSpec {
                group: Some(group.clone()),
                users: vec!["local-ada".to_owned()],
                ..MembershipSpec::default()
            };
            let object = Membership::new(&name, spec);
            memberships.create(&PostParams::default(), &object).await.unwrap();
            let written = Instant::now();
            given.push(until(server, &mut token, written, |groups| groups.contains(&group)).await);
            tokio::time::sleep(Duration::from_millis(5)).await;
            let saw = seen.lock().unwrap().get(&name).copied().unwrap();
            bare.push(saw.saturating_duration_since(written));
            memberships.delete(&name, &DeleteParams::default()).await.unwrap();
            let written = Instant::now();
            taken.push(until(server, &mut token, written, |groups| !groups.contains(&group)).await);
        }
        watch.abort();
        let [_, given, _] = tell("from a written Membership to a token that shows it", given);
        let [_, taken, _] = tell("from a deleted one to a token without it", taken);
        tell("from the same write to the event on a bare watch", bare);
        let worst = given.max(taken);
        println!("p99 is {:.2} of {LIMIT:?}", worst.as_secs_f64() / LIMIT.as_secs_f64());
    });
}

/// Refreshes, one after the other, until one says so.
async fn until(
    server: &Served,
    token: &mut String,
    since: Instant,
    holds: impl Fn(&[String]) -> bool,
) -> Duration {
    loop {
        let (groups, next) = refresh(&server.pasee, token).await;
        *token = next;
        if holds(&groups) {
            return since.elapsed();
        }
        assert!(since.elapsed() < Duration::from_secs(30), "it does not come to the tokens");
    }
}

async fn watch(memberships: Api<Membership>, seen: Seen) {
    let now = memberships.list(&kube::api::ListParams::default().limit(1)).await.unwrap();
    let from = now.metadata.resource_version.unwrap();
    let bare: Api<PartialObjectMeta<Membership>> =
        Api::namespaced(memberships.clone().into_client(), namespace(&memberships));
    let events = bare.watch(&WatchParams::default(), &from).await.unwrap();
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        if let WatchEvent::Added(object) = event.unwrap() {
            seen.lock().unwrap().insert(object.metadata.name.unwrap(), Instant::now());
        }
    }
}

fn namespace(api: &Api<Membership>) -> &str {
    api.namespace().unwrap()
}
