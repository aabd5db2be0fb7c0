//! The control plane ends with the program that started it, even when that is killed.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use super::eventually;
use super::support::controlplane::ControlPlane;

const PART: &str = "PASEE_TEST_STARTS_A_CONTROL_PLANE";

/// What the child says of the control plane, behind libtest's own lines.
const MARK: &str = "> ";

/// The way in for a child: no test of its own, it does nothing where no other test has started it.
#[test]
fn play() {
    if std::env::var_os(PART).is_none() {
        return;
    }
    let mut cluster = ControlPlane::start(&[]);
    // One that is frozen must end too.
    cluster.etcd.pause();
    cluster.controller_manager.stop();
    println!("\n{MARK}{}", cluster.ca_file.parent().unwrap().display());
    println!("{MARK}{}\n{MARK}{}", cluster.etcd_url, cluster.url);
    loop {
        std::thread::park();
    }
}

#[test]
fn nothing_is_left_of_a_killed_test_program() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lifetime::play", "--nocapture", "--test-threads=1"])
        .env(PART, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said = lines.filter_map(|line| line.strip_prefix(MARK).map(str::to_owned));
    let said: Vec<String> = said.take(3).collect();
    let [dir, etcd, apiserver] = said.as_slice() else { panic!("{said:?}") };
    assert!(Path::new(dir).is_dir());
    assert!(answers(etcd) && answers(apiserver));
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("etcd and the API server have ended", || !answers(etcd) && !answers(apiserver));
    eventually("their files are gone", || !Path::new(dir).exists());
}

/// Whether somebody listens on an address.
fn answers(url: &str) -> bool {
    let (_, address) = url.split_once("://").unwrap();
    TcpStream::connect(address).is_ok()
}
