//! A namespace made a realm as an admin makes it: the definitions, and what `pasee policy` prints.
//!
//! Must not know what is tested.

use std::process::Command;
use std::sync::Once;
use std::time::{Duration, Instant};

use super::controlplane::{ControlPlane, User};

/// The accounts of Pasee's processes, with tokens.
pub struct Accounts {
    pub server: User,
    pub controller: User,
}

/// Defines the resources, once for each control plane.
pub fn define(admin: &User) {
    static DEFINITIONS: Once = Once::new();
    DEFINITIONS.call_once(|| {
        let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
        admin.kubectl(["apply", "--server-side", "-f", crds]).ok();
        admin.kubectl(["wait", "--for=condition=Established", "-f", crds]).ok();
    });
}

/// What `pasee policy` prints for a namespace.
pub fn printed(namespace: &str, options: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pasee"));
    let output = command.args(["policy", "--namespace", namespace]).args(options).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Applies it.
pub fn install(cluster: &ControlPlane, namespace: &str, options: &[&str]) -> Accounts {
    define(&cluster.admin);
    let accounts =
        ["pasee-server", "pasee-controller"].map(|name| cluster.service_account(namespace, name));
    cluster.admin.apply(namespace, &printed(namespace, options)).ok();
    let [server, controller] = accounts;
    Accounts { server, controller }
}

/// Waits until the policies are looked at, by somebody whom the roles let in and the law does not.
pub fn wait_for_law(cluster: &ControlPlane, namespace: &str) {
    let probe = cluster.user("probe", &["pasee:staff"]);
    let since = Instant::now();
    for (kind, spec) in
        [("Group", "{}"), ("Membership", r#"{"role":"Staff"}"#), ("User", r#"{"username":"k-x"}"#)]
    {
        let object = format!(
            r#"{{"apiVersion":"pasee.meltylab.fr/v1","kind":"{kind}","metadata":{{"name":"probe"}},"spec":{spec}}}"#
        );
        let arguments = ["create", "--dry-run=server", "-n", namespace, "-f", "-"];
        let refused = || probe.kubectl_with(arguments, &object).stderr;
        while !refused().contains("you are no user of the realm") {
            assert!(since.elapsed() < Duration::from_secs(60), "{kind}: {}", refused());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
