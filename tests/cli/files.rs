//! What is no file in the place of one that the settings name: refused at once, where a pipe would be waited for and a device has no end.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::check::{KUBECONFIG, settings};
use super::support::machine::Machine;

const OIDC: &str = "[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n[identity_providers.settings]\nissuer = \
                    \"https://corp.example\"\nclient_id = \"pasee\"\n";

/// Something at every name that is no file of use.
fn machine(settings: &str) -> Machine {
    let machine = Machine::new(settings);
    assert!(Command::new("mkfifo").arg(machine.path("pipe")).status().unwrap().success());
    symlink("/dev/zero", machine.path("device")).unwrap();
    std::fs::create_dir(machine.path("directory")).unwrap();
    File::create(machine.path("huge")).unwrap().set_len(1 << 40).unwrap();
    machine.set_mode("pipe", 0o600);
    machine.set_mode("huge", 0o600);
    machine.write("kubeconfig", KUBECONFIG);
    machine
}

const KINDS: [(&str, &str); 4] = [
    ("pipe", "a pipe; a right one is a regular file"),
    ("device", "a device; a right one is a regular file"),
    ("directory", "a directory; a right one is a regular file"),
    ("huge", "longer than"),
];

/// Settings that name a file, by whatever key does.
fn naming(file: &str) -> Vec<(&'static str, String)> {
    let settings = settings();
    let oidc = |key: &str| format!("{settings}\n{OIDC}{key} = \"{file}\"\n");
    let cluster = format!(
        "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\nnamespace = \"n\"\nkubeconfig = \"{file}\"\n"
    );
    vec![
        ("private_key_file", format!("private_key_file = \"{file}\"\n{settings}")),
        ("retired_key_files", format!("retired_key_files = [\"{file}\"]\n{settings}")),
        ("client_secret_file", oidc("client_secret_file")),
        ("client_key_file", oidc("client_auth = \"private_key_jwt\"\nclient_key_file")),
        ("proxy_file", oidc("client_secret = \"s\"\nproxy_file")),
        ("ca_file", oidc("client_secret = \"s\"\nca_file")),
        (
            "tls_certificate",
            format!("{settings}\n[tls]\ncertificate = \"{file}\"\nkey = \"{file}\"\n"),
        ),
        ("kubeconfig", format!("{settings}\n{cluster}")),
    ]
}

#[test]
fn what_the_settings_name() {
    for (kind, words) in KINDS {
        for (key, settings) in naming(kind) {
            let machine = machine(&settings);
            for command in ["check", "serve"] {
                let ran = machine.run(&[command]);
                assert_eq!(ran.code, 1, "{command}, {key} = {kind}: {ran:?}");
                let is_huge = kind == "huge" && ran.err.contains("larger than");
                assert!(
                    ran.err.contains(words) || is_huge,
                    "{command}, {key} = {kind}: {}",
                    ran.err
                );
            }
        }
    }
}

#[test]
fn the_settings_file_itself() {
    let machine = machine("");
    for (kind, words) in KINDS {
        for command in ["check", "serve"] {
            let ran = machine.run(&[command, "--settings-file", kind]);
            assert_eq!(ran.code, 1, "{command} {kind}: {ran:?}");
            assert!(ran.err.contains(words), "{command} {kind}: {}", ran.err);
        }
    }
}

/// A kubeconfig names files in its turn.
#[test]
fn what_a_kubeconfig_names() {
    for (kind, words) in KINDS {
        for (of_cluster, of_user) in [
            (format!(", certificate-authority: {kind}"), String::new()),
            (String::new(), format!("tokenFile: {kind}")),
            (String::new(), format!("client-certificate: {kind}, client-key: {kind}")),
        ] {
            let cluster = "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\nnamespace = \"n\"\nkubeconfig = \
                           \"kubeconfig\"\n";
            let machine =
                machine(&format!("private_key_file = \"key.pem\"\n{}\n{cluster}", settings()));
            machine.run(&["keygen", "--output", "key.pem"]).done();
            let text = KUBECONFIG.replace("127.0.0.1:9'", &format!("127.0.0.1:9'{of_cluster}"));
            machine.write("kubeconfig", text.replace("user: {}", &format!("user: {{{of_user}}}")));
            let ran = machine.run(&["check"]);
            assert_eq!(ran.code, 1, "{kind} {of_cluster}{of_user}: {ran:?}");
            assert!(ran.err.contains(words), "{kind} {of_cluster}{of_user}: {}", ran.err);
        }
    }
}

/// Of what commands are given; a database is not read through a pipe either.
#[test]
fn what_commands_are_given() {
    let machine = machine(&settings());
    std::fs::create_dir(machine.path("manifests")).unwrap();
    let beside = machine.path("manifests/one.yaml");
    assert!(Command::new("mkfifo").arg(beside).status().unwrap().success());
    for (args, words) in [
        (&["import", "--from", "python", "pipe"][..], "a pipe"),
        (&["import", "--from", "python", "device"], "a device"),
        (&["import", "--from", "python", "directory"], "a directory"),
        (&["import", "--from", "keycloak", "directory"], "directory"),
        (&["apply", "-f", "manifests"], "a pipe"),
        (
            &[
                "policy",
                "--namespace",
                "n",
                "--webhook-url",
                "https://p.example",
                "--webhook-ca-file",
                "pipe",
            ],
            "a pipe",
        ),
    ] {
        let ran = machine.run(args);
        assert!(ran.code != 0 && ran.err.contains(words), "{args:?}: {ran:?}");
    }
}
