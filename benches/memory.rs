//! Resident memory of the whole server with a realm of 1,000,000 memberships: 100,000 users, 10,000 groups.
//!
//! Starts the command as an operator would, on a file of that realm, and asks the kernel before and after logins.
//!
//! `cargo bench --bench memory`; making the file takes a minute or two.

#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pasee::cli::now;
use pasee::domain::change::Change;
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::policy::{Actor, permit};
use pasee::store::embedded::Embedded;

const USERS: u64 = 100_000;
const GROUPS: u64 = 10_000;
const GROUPS_OF_A_USER: u64 = 10;
const WRITERS: u64 = 64;
/// What the whole server may take, in MiB.
const LIMIT: f64 = 64.0;

fn main() {
    let folder = tempfile::tempdir().expect("a directory");
    let started = Instant::now();
    fill(&folder.path().join("pasee.db"));
    println!("{} memberships written in {:.0?}", USERS * GROUPS_OF_A_USER, started.elapsed());
    let (mut server, port) = start(folder.path());
    report(&server, "at rest");
    for _ in 0..200 {
        get(port);
    }
    report(&server, "after 200 requests");
    server.kill().expect("the server was running");
    server.wait().expect("it ends");
}

fn write(store: &Embedded, change: Change) {
    let permit = permit(&Actor::operator(), change).expect("the operator may");
    store.write_blocking(permit).expect("a write");
}

/// A realm in which group n of user u is a fixed scatter of both.
fn fill(file: &Path) {
    let store = Embedded::open(file, now).expect("a store");
    let group = |number: u64| {
        format!("department-{}.team-{number}", number % 100).parse().expect("a group")
    };
    for number in 0..100 {
        let group = format!("department-{number}").parse().expect("a group");
        write(&store, Change::CreateGroup { group, creator: None });
    }
    let share =
        |writer: u64, most: u64| (writer..most).step_by(usize::try_from(WRITERS).expect("few"));
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for number in share(writer, GROUPS - 100) {
                    write(store, Change::CreateGroup { group: group(number), creator: None });
                }
            });
        }
    });
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for number in share(writer, USERS * GROUPS_OF_A_USER) {
                    let (user, turn) = (number / GROUPS_OF_A_USER, number % GROUPS_OF_A_USER);
                    let roster =
                        Roster::Members(group((user * 7919 + turn * 977) % (GROUPS - 100)));
                    let user = format!("kisee-user-{user}").parse().expect("a user");
                    write(store, Change::AddMember(Membership { roster, user, expires_at: None }));
                }
            });
        }
    });
}

/// The command on that file; returns once it answers.
fn start(folder: &Path) -> (Child, u16) {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let settings = folder.join("settings.toml");
    let text = format!(
        "port = {port}\ndata_dir = \".\"\n[jwt]\niss = \"pasee.example.com\"\n[log]\nlevel = \"error\"\n"
    );
    std::fs::write(&settings, text).expect("the settings");
    let started = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_pasee"))
        .arg("--settings-file")
        .arg(&settings)
        .stdout(Stdio::null())
        .spawn()
        .expect("the command");
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < Duration::from_secs(120), "the server does not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("serving {:.2?} after its start", started.elapsed());
    (child, port)
}

fn get(port: u16) {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream
        .write_all(b"GET /tokens/ HTTP/1.1\r\nHost: pasee\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn report(server: &Child, when: &str) {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("Linux tells");
    let mebibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes / 1024.0
    };
    let (now, peak) = (mebibytes("VmRSS:"), mebibytes("VmHWM:"));
    println!(
        "{when}: {now:.1} MiB resident, {:.2} of the limit of {LIMIT} MiB; peak {peak:.1} MiB, {:.2}",
        now / LIMIT,
        peak / LIMIT
    );
}
