//! How long a server takes to read the realm, and how much memory it takes.

use std::time::{Duration, Instant};

use crate::stage::{Stage, memory};
use crate::support::served::Served;

/// What the server may take beyond one of an empty realm, in MiB.
const LIMIT: f64 = 64.0;
/// Until memory is at rest.
const REST: Duration = Duration::from_secs(5);

/// A server of the realm.
pub fn serve(stage: &Stage, realm: &str) -> Served {
    let nothing = stage.cluster.namespace();
    let idle = stage.serve(&nothing);
    let list = (0..3).map(|_| list(stage, realm)).min_by_key(|(_, time)| *time);
    let (bytes, list) = list.unwrap();
    let server = stage.serve(realm);
    println!(
        "ready {:.2?} after its start ({:.2?} of an empty realm); one plain list of the same {:.1} MB: {list:.2?}, \
         ratio {:.2}",
        server.ready_in,
        idle.ready_in,
        bytes as f64 / 1e6,
        list.as_secs_f64() / server.ready_in.as_secs_f64(),
    );
    std::thread::sleep(REST);
    let [[idle, _], [now, most]] = [memory(idle.pasee.id()), memory(server.pasee.id())];
    println!(
        "memory: {now:.1} MiB resident, {idle:.1} MiB of an empty realm; {:.1} MiB beyond it, {:.2} of {LIMIT} MiB; at \
         most {most:.1} MiB, {:.1} beyond",
        now - idle,
        (now - idle) / LIMIT,
        most - idle,
    );
    server
}

/// All objects in one answer for each kind, not looked at: how many bytes, and how long it took.
fn list(stage: &Stage, realm: &str) -> (usize, Duration) {
    let started = Instant::now();
    let kinds = ["groups", "memberships", "users"];
    let path = |kind| format!("/apis/pasee.meltylab.fr/v1/namespaces/{realm}/{kind}");
    let bytes = kinds.iter().map(|kind| stage.runtime.block_on(stage.get(&path(kind))).len());
    (bytes.sum(), started.elapsed())
}
