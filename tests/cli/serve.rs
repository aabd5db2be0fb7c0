//! `pasee serve` that cannot: what failed, what to do, and why, each once.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use super::support::machine::{Machine, SETTINGS, wait};
use super::support::pasee::free_port;

/// What is told, without the log before it.
fn complaint(machine: &Machine, settings: &str) -> String {
    machine.write("settings.toml", settings);
    let told = machine.run(&["serve"]).refused(1);
    let start = told.find("pasee: ").unwrap_or_else(|| panic!("{told}"));
    told[start..].to_owned()
}

#[test]
fn a_busy_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let machine = Machine::new(SETTINGS);
    let told = complaint(&machine, &format!("port = {}\n{SETTINGS}", address.port()));
    assert_eq!(
        told,
        format!(
            "pasee: cannot listen on {address}: another program listens there; stop it or take another port\n  \
             because: Address already in use (os error 98)\n"
        )
    );
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let admin = format!("port = {free}\n{SETTINGS}[admin]\nlisten = \"{address}\"\n");
    let told = complaint(&machine, &admin);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "pasee: probes and metrics cannot be served: [admin] listen");
    assert!(
        lines[1].starts_with(&format!("  because: cannot listen on {address}: another")),
        "{told}"
    );
    assert_eq!(lines.len(), 3, "{told}");
}

/// Servers that are to know each other by a key need one that all of them have; one's own does not count.
#[test]
fn peers_without_a_key_in_common_do_not_start() {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let peers = free();
    let table =
        format!("[peers]\nlisten = \"127.0.0.1:{peers}\"\ndiscover = \"127.0.0.1:{peers}\"\n");
    let settings = format!("port = {}\n{SETTINGS}{table}", free());
    let machine = Machine::new(&settings);
    let told = complaint(&machine, &settings);
    assert!(told.starts_with("pasee: [peers] says that there are several servers"), "{told}");
    for right in ["a key that all of them have", "pasee keygen --output", "private_key_file = "] {
        assert!(told.contains(right), "{told}");
    }
    machine.run(&["keygen", "--output", "key.pem"]).done();
    let busy = TcpListener::bind(("127.0.0.1", peers)).unwrap();
    let told = complaint(&machine, &format!("private_key_file = \"key.pem\"\n{settings}"));
    assert!(told.starts_with("pasee: other servers cannot be answered: [peers] listen"), "{told}");
    drop(busy);
}

/// Replicas that would make a key each do not begin to: neither makes one, nor asks the API server for anything. With the same key both
/// begin.
#[test]
fn replicas_without_a_key_in_common_do_not_start() {
    let api_server = TcpListener::bind("127.0.0.1:0").unwrap();
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: 'http://{}'}}}}]\n\
         users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u, namespace: n}}}}]\n",
        api_server.local_addr().unwrap()
    );
    let storage = "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\n\
                   namespace = \"n\"\nkubeconfig = \"kubeconfig\"\n";
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let replicas = [(); 2].map(|()| {
        let settings = format!("port = {}\n{SETTINGS}{storage}", free());
        let machine = Machine::new(&settings);
        machine.write("kubeconfig", &kubeconfig);
        (machine, settings)
    });
    api_server.set_nonblocking(true).unwrap();
    for (machine, settings) in &replicas {
        let before = machine.everything();
        let told = complaint(machine, settings);
        assert!(told.starts_with("pasee: groups are kept in Kubernetes, where several"), "{told}");
        for right in ["no key in common", "pasee keygen --output", "private_key_file = "] {
            assert!(told.contains(right), "{told}");
        }
        assert!(machine.everything() == before, "nothing was made");
    }
    assert!(api_server.accept().is_err(), "nobody was asked");
    api_server.set_nonblocking(false).unwrap();
    let [(first, _), _] = &replicas;
    first.run(&["keygen", "--output", "key.pem"]).done();
    let key = fs::read(first.path("key.pem")).unwrap();
    for (machine, settings) in &replicas {
        machine.write("key.pem", &key);
        machine.set_mode("key.pem", 0o600);
        machine.write("settings.toml", format!("private_key_file = \"key.pem\"\n{settings}"));
        let mut command = machine.command(&["serve"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let asked = api_server.accept();
        child.kill().unwrap();
        child.wait().unwrap();
        asked.unwrap();
    }
}

/// One line that says which server this is; the command line's host and port in the place of the settings'.
#[test]
fn the_line_that_tells_of_the_start() {
    let (of_settings, port) = (free_port(), free_port());
    let machine = Machine::new(&format!("host = \"192.0.2.1\"\nport = {of_settings}\n{SETTINGS}"));
    let port = port.to_string();
    for arguments in [
        &["--host", "127.0.0.1", "--port", &port][..],
        &["serve", "--host", "127.0.0.1", "--port", &port],
        &["--port", &port, "serve", "--host", "127.0.0.1", "--settings", "settings.toml"],
    ] {
        let mut server = machine.command(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(server.stderr.take().unwrap()).lines().map(Result::unwrap);
        let line = log.into_iter().find(|line| line.contains("serving"));
        server.kill().unwrap();
        server.wait().unwrap();
        let line = line.unwrap();
        for says in [
            &format!("url=\"http://127.0.0.1:{port}\"") as &str,
            concat!("version=\"", env!("CARGO_PKG_VERSION"), "\""),
            "settings=\"settings.toml\"",
            &format!("address=\"127.0.0.1:{port}\""),
            "store=\"data/pasee.db\"",
            "providers=\"local kisee\"",
            "issuer=\"pasee.example.com\"",
            "kid=\"",
        ] {
            assert!(line.contains(says), "{says} in {line}");
        }
    }
}

#[test]
fn tls_files_that_cannot_be_read() {
    let machine = Machine::new(SETTINGS);
    let tls = format!("port = 1\n{SETTINGS}[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n");
    let told = complaint(&machine, &tls);
    assert_eq!(
        told,
        "pasee: cert.pem cannot be read\n  because: No such file or directory (os error 2)\n"
    );
    machine.write("cert.pem", "CANARY");
    machine.write("key.pem", "CANARY");
    let told = complaint(&machine, &tls);
    assert!(told.starts_with("pasee: cert.pem holds no certificate; a right one is PEM"), "{told}");
    assert!(!told.contains("CANARY"), "{told}");
}

#[test]
fn a_data_dir_that_cannot_be_made() {
    let machine = Machine::new(SETTINGS);
    machine.write("data", "a file in the way");
    let told = complaint(&machine, SETTINGS);
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("pasee: data_dir data cannot be made to keep keys in;"));
    assert!(lines[1].starts_with("  because: ") && lines.len() == 2, "{told}");
}

#[test]
fn a_file_that_is_no_database() {
    let machine = Machine::new(SETTINGS);
    fs::create_dir(machine.path("data")).unwrap();
    machine.write("data/pasee.db", "no database");
    let told = complaint(&machine, SETTINGS);
    assert!(
        told.starts_with("pasee: data/pasee.db: cannot be used\n  because: the file is no SQLite")
    );
}

#[test]
fn a_wrong_level_in_the_environment_is_told() {
    let machine = Machine::new(SETTINGS);
    for (value, says) in [
        (
            "inof",
            "pasee: RUST_LOG has \"inof\", and the nearest level is info; a right one is error,",
        ),
        (
            "pasee=loud",
            "pasee: RUST_LOG is \"pasee=loud\"; a right one is error, warn, info, debug,",
        ),
    ] {
        let mut command = machine.command(&["serve"]);
        command.env("RUST_LOG", value);
        let told = wait(command).refused(1);
        assert!(told.starts_with(says), "{told}");
    }
    assert!(!machine.path("data").exists(), "nothing was made");
}
