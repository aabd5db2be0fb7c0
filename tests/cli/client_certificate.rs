//! A kubeconfig with a client certificate as old tools make them: kubectl takes it, and Pasee says what it is.

use std::path::Path;

use super::check::{KUBECONFIG, settings};
use super::support::machine::Machine;

#[test]
fn one_of_version_1_is_called_that() {
    let storage = "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\nkubeconfig = \"kubeconfig\"\n";
    let machine =
        Machine::new(&format!("private_key_file = \"key.pem\"\n{}\n{storage}", settings()));
    machine.run(&["keygen", "--output", "key.pem"]).done();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys");
    let user = format!(
        "user: {{client-certificate: '{}', client-key: '{}'}}",
        keys.join("p256-x509-v1.pem").display(),
        keys.join("p256-sec1.pem").display()
    );
    let server = KUBECONFIG.replace("http:", "https:");
    assert!(server.contains("user: {}}]"));
    machine.write("kubeconfig", server.replace("user: {}", &user));
    for command in ["check", "serve"] {
        let said = machine.run(&[command]).refused(1);
        assert!(said.contains("is of X.509 version 1"), "{command}: {said}");
        assert!(said.contains("have one of version 3 issued"), "{command}: {said}");
    }
}
