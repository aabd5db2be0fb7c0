//! The section of README.md on Kubernetes says what is true: its commands are run on a real control plane, by somebody who
//! has followed the README up to there. `tests/run cluster` runs this; the other sections are `tests/readme/main.rs`'s.

#![allow(clippy::panic, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use support::console::{around_cluster, compare_all, steps};
use support::controlplane;
use support::session::Session;

#[test]
fn every_command_on_kubernetes_does_what_is_shown() {
    let cluster = controlplane::shared();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let furnish = |dir: &Path| {
        // Where kubectl looks for it.
        fs::create_dir(dir.join(".kube")).unwrap();
        fs::copy(&cluster.admin.kubeconfig, dir.join(".kube/config")).unwrap();
        std::os::unix::fs::symlink(root.join("examples"), dir.join("examples")).unwrap();
    };
    let example = read("example-settings.toml");
    let session = Session::start(&example, Some(cluster.programs()), furnish);
    let readme = session.translate(&read("README.md"));
    let [before, section, _] = around_cluster(&readme);
    let (before, section) = (steps(before), steps(section));
    assert!(section.len() >= 10, "the story is told: {} commands", section.len());
    let all = [before, section].concat();
    compare_all(&all, &session.run(&all));
}
